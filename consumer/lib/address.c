/* The socket's path and the checks on it. In /tmp anybody may have been there first: a folder that is not ours is refused. */
#include "address.h"

#include "common/util.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define BACKLOG 128

__attribute__((format(printf, 2, 3))) static int set_path(struct address *address, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int length = vsnprintf(address->socket.sun_path, sizeof(address->socket.sun_path), format, args);
	va_end(args);
	return length < 0 || (size_t)length >= sizeof(address->socket.sun_path) ? -ENAMETOOLONG : 0;
}

int address_resolve(const char *given, struct address *ret)
{
	struct address address = {.socket.sun_family = AF_UNIX};
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	int r;
	if (!given)
		given = secure_getenv("MURAL_SOCKET");
	if (given && *given == '\0')
		given = NULL;
	address.ours = !given;
	if (given)
		r = set_path(&address, "%s", given);
	else if (runtime && runtime[0] == '/')
		r = set_path(&address, "%s/mural/socket", runtime);
	else
		r = set_path(&address, "/tmp/mural-%u/socket", (unsigned)geteuid());
	if (r < 0)
		return r;
	*ret = address;
	return 0;
}

/* The folder of the socket, in the caller's buffer of a path's size. */
static void folder_of(const struct address *address, char folder[static sizeof(address->socket.sun_path)])
{
	strcpy(folder, address->socket.sun_path);
	char *slash = strrchr(folder, '/');
	if (!slash)
		strcpy(folder, ".");
	else if (slash == folder)
		folder[1] = '\0';
	else
		*slash = '\0';
}

/* -ENOENT: it is missing. A folder that the user named may be root's, as /tmp is. */
static int check_folder(const struct address *address)
{
	char folder[sizeof(address->socket.sun_path)];
	struct stat st;
	folder_of(address, folder);
	if (fstatat(AT_FDCWD, folder, &st, address->ours ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -EACCES;
	if (st.st_uid != geteuid() && (address->ours || st.st_uid != 0))
		return -EACCES;
	return address->ours && (st.st_mode & 022) ? -EACCES : 0;
}

/* A socket of ours, or nothing there. */
static int check_socket(const struct address *address)
{
	struct stat st;
	if (lstat(address->socket.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (st.st_uid != geteuid() || S_ISLNK(st.st_mode))
		return -EACCES;
	return S_ISSOCK(st.st_mode) ? 0 : -ECONNREFUSED;
}

static int check_peer(int socket)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == geteuid() ? 0 : -EACCES;
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd < 0 ? -errno : fd;
}

int address_connect(const struct address *address, int *ret_socket)
{
	int r = check_folder(address);
	if (r == 0)
		r = check_socket(address);
	if (r < 0)
		return r == -ENOENT ? -ECONNREFUSED : r;
	CLEANUP(close_p) int fd = new_socket();
	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) < 0) {
		if (errno == ENOENT)
			return -ECONNREFUSED;
		return errno == EPROTOTYPE ? -EPROTONOSUPPORT : -errno;
	}
	r = check_peer(fd);
	if (r < 0)
		return r;
	*ret_socket = take_fd(&fd);
	return 0;
}

int address_make_folder(const struct address *address)
{
	char folder[sizeof(address->socket.sun_path)];
	folder_of(address, folder);
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return -errno;
	return check_folder(address);
}

int address_lock(const struct address *address, int *ret_lock)
{
	char path[sizeof(address->socket.sun_path) + 8];
	snprintf(path, sizeof(path), "%s.lock", address->socket.sun_path);
	CLEANUP(close_p) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return errno == ELOOP ? -EACCES : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno; /* EWOULDBLOCK is EAGAIN */
	*ret_lock = take_fd(&fd);
	return 0;
}

int address_listen(const struct address *address, int *ret_socket)
{
	int r = check_socket(address);
	if (r < 0)
		return r;
	if (unlink(address->socket.sun_path) < 0 && errno != ENOENT)
		return -errno;
	CLEANUP(close_p) int fd = new_socket();
	if (fd < 0)
		return fd;
	if (fchmod(fd, 0600) < 0) /* the mode that bind gives to the file */
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address->socket, sizeof(address->socket)) < 0)
		return -errno;
	if (listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_socket = take_fd(&fd);
	return 0;
}
