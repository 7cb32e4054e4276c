/* Opening sources, and refusing early what the producer would refuse anyway: a FIFO must not block
 * us, nor a device act. */
#include "source.h"

#include "common/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A relative path means the file it names now, also after the program changed its working
 * folder. */
static int absolute_path(const char *path, char **ret)
{
	if (path[0] == '/') {
		*ret = strdup(path);
		return *ret ? 0 : -ENOMEM;
	}
	CLEANUP(free_p) char *folder = getcwd(NULL, 0);
	if (!folder)
		return -errno;
	char *joined = NULL;
	if (asprintf(&joined, "%s/%s", folder, path) < 0)
		return -ENOMEM;
	*ret = joined;
	return 0;
}

int source_init(struct source *source, const struct mural_request *request)
{
	struct source made = {.fd = -1, .open = request->open, .user = request->open_user};
	if (request->path && request->open)
		return -EINVAL;
	if (request->path) {
		if (request->path[0] == '\0')
			return -ENOENT;
		int r = absolute_path(request->path, &made.path);
		if (r < 0)
			return r;
	} else if (!request->open) {
		if (request->fd < 0)
			return -EINVAL;
		made.fd = fcntl(request->fd, F_DUPFD_CLOEXEC, 3);
		if (made.fd < 0)
			return -errno;
	}
	*source = made;
	return 0;
}

void source_fini(struct source *source)
{
	free(source->path);
	close_p(&source->fd);
	*source = (struct source){.fd = -1};
}

/* Of a descriptor that somebody else opened. */
static int check_readable(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	return (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY ? -EINVAL : 0;
}

static int check_file(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

static int open_any(const struct source *source)
{
	int fd;
	if (source->open) {
		fd = source->open(source->user);
		return fd < -4095 ? -EINVAL : fd;
	}
	if (source->path) /* non-blocking: opening a FIFO must not wait for its writer */
		fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	else
		fd = fcntl(source->fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? -errno : fd;
}

int source_open(const struct source *source)
{
	CLEANUP(close_p) int fd = open_any(source);
	if (fd < 0)
		return fd;
	int r = source->path ? 0 : check_readable(fd);
	if (r == 0)
		r = check_file(fd);
	return r < 0 ? r : take_fd(&fd);
}
