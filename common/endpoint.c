/* Where a user's producer listens, and the lock under which it is started or ends. */
#include "common/endpoint.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 128

int endpoint_resolve(const char *socket, struct endpoint *ret)
{
	struct endpoint endpoint = {.address.sun_family = AF_UNIX};
	char *path = endpoint.address.sun_path;
	const size_t size = sizeof(endpoint.address.sun_path);
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	int length;
	if (!socket || !*socket)
		socket = secure_getenv("MURAL_SOCKET");
	endpoint.is_default = !socket || !*socket;
	if (!endpoint.is_default)
		length = snprintf(path, size, "%s", socket);
	else if (runtime && *runtime == '/')
		length = snprintf(path, size, "%s/mural/socket", runtime);
	else
		length = snprintf(path, size, "/tmp/mural-%u/socket", (unsigned)geteuid());
	if (length < 0 || (size_t)length >= size)
		return -ENAMETOOLONG;
	*ret = endpoint;
	return 0;
}

int endpoint_prepare(const struct endpoint *endpoint)
{
	char folder[sizeof(endpoint->address.sun_path)];
	memcpy(folder, endpoint->address.sun_path, sizeof(folder));
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return 0;
	*slash = '\0';
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	struct stat st;
	if (lstat(folder, &st) < 0)
		return -errno;
	if (!endpoint->is_default) /* named by its user, who answers for it */
		return 0;
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EACCES;
	return 0;
}

int endpoint_lock(const struct endpoint *endpoint, bool wait, int *ret_fd)
{
	char path[sizeof(endpoint->address.sun_path) + sizeof(".lock")];
	snprintf(path, sizeof(path), "%s.lock", endpoint->address.sun_path);
	CLEANUP(close_p) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int r;
	do {
		r = flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int endpoint_connect(const struct endpoint *endpoint, int *ret_fd)
{
	CLEANUP(close_p) int fd = new_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&endpoint->address, sizeof(endpoint->address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Connecting to any file is refused in the same words: only a socket may be taken for a stale one.
 */
static bool is_socket(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

int endpoint_listen(const struct endpoint *endpoint, int *ret_fd)
{
	CLEANUP(close_p) int fd = new_socket();
	if (fd < 0)
		return fd;
	int other = -1;
	int r = endpoint_connect(endpoint, &other);
	if (r == 0)
		close(other);
	if (r == 0 || r == -EAGAIN)
		return -EADDRINUSE;
	if (r == -ECONNREFUSED && is_socket(endpoint->address.sun_path))
		unlink(endpoint->address.sun_path); /* its producer died without removing it */
	/* The mode that bind gives to the file; the umask would be another thread's too. */
	if (fchmod(fd, 0600) < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&endpoint->address, sizeof(endpoint->address)) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}
