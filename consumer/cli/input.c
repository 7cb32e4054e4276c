/* The producer reads sources at any place and again, which a pipe does not allow. */
#include "input.h"

#include "common/util.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define PIECE ((size_t)256 << 10)

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

static int copy_all(int from, int to, uint64_t limit_bytes)
{
	CLEANUP(free_p) char *piece = malloc(PIECE);
	if (!piece)
		return -ENOMEM;
	for (uint64_t copied = 0;;) {
		ssize_t got = read(from, piece, PIECE);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : 0;
		copied += (uint64_t)got;
		if (copied > limit_bytes)
			return -EFBIG;
		int r = write_all(to, piece, (size_t)got);
		if (r < 0)
			return r;
	}
}

int input_open(int fd, uint64_t limit_bytes, int *ret_fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* As standard input is that was closed (common/standard.h). */
	if ((flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
		int copy = dup_cloexec(fd);
		if (copy >= 0)
			*ret_fd = copy;
		return copy < 0 ? copy : 0;
	}
	CLEANUP(close_p) int memory = memfd_create("standard input", MFD_CLOEXEC);
	if (memory < 0)
		return -errno;
	int r = copy_all(fd, memory, limit_bytes);
	if (r < 0)
		return r;
	*ret_fd = take_fd(&memory);
	return 0;
}
