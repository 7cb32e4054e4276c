/* Mapping, reading and seeking of an ashmem descriptor; and what it does not do: writing, and
 * having a length of its own. */
#include "preload/calls.h"

#include <ashmem/ashmem.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- Mapping --- */

/* -ENOTTY: it is a region by now. */
static int settle_first(int fd, size_t length, int prot, off64_t offset)
{
	struct draft draft;
	int r = draft_read(fd, &draft);
	if (r == 0)
		r = draft_check_mapping(&draft, length, prot, offset);
	return r < 0 ? r : draft_settle(fd);
}

static void *map(
	int fd, enum file_kind kind, void *addr, size_t length, int prot, int flags, off64_t offset)
{
	void *at = MAP_FAILED;
	preload_enter();
	int r = kind == FILE_DRAFT ? settle_first(fd, length, prot, offset) : 0;
	if (r == 0 || r == -ENOTTY)
		at = ashmem_mmap(addr, length, prot, flags, fd, offset);
	else
		errno = -r;
	preload_leave();
	return at;
}

EXPORT void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	enum file_kind kind = flags & MAP_ANONYMOUS ? FILE_FOREIGN : preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(mmap)(addr, length, prot, flags, fd, offset);
	return map(fd, kind, addr, length, prot, flags, offset);
}

EXPORT void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off64_t offset)
{
	enum file_kind kind = flags & MAP_ANONYMOUS ? FILE_FOREIGN : preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(mmap64)(addr, length, prot, flags, fd, offset);
	return map(fd, kind, addr, length, prot, flags, offset);
}

/* So that the region ends with its last mapping. */
EXPORT int munmap(void *addr, size_t length)
{
	if (preload_is_inside())
		return REAL(munmap)(addr, length);
	preload_enter();
	int r = ashmem_munmap(addr, length);
	preload_leave();
	return r;
}

/* --- Reading --- */

/* One that was never mapped: the end at size 0, else there is nothing behind it. */
static ssize_t read_draft(int fd)
{
	struct draft draft;
	int r = draft_read(fd, &draft);
	if (r < 0)
		return r;
	return draft.size == 0 ? 0 : -EBADF;
}

static ssize_t read_ours(int fd, enum file_kind kind, void *buffer, size_t count)
{
	preload_enter();
	ssize_t n = kind == FILE_DRAFT ? read_draft(fd) : -ENOTTY;
	n = n == -ENOTTY ? ashmem_read(fd, buffer, count) : preload_answer(n);
	preload_leave();
	return n;
}

static ssize_t pread_ours(int fd, enum file_kind kind, void *buffer, size_t count, off64_t offset)
{
	preload_enter();
	ssize_t n = kind == FILE_DRAFT ? read_draft(fd) : -ENOTTY;
	n = n == -ENOTTY ? ashmem_pread(fd, buffer, count, offset) : preload_answer(n);
	preload_leave();
	return n;
}

EXPORT ssize_t read(int fd, void *buffer, size_t count)
{
	enum file_kind kind = preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(read)(fd, buffer, count);
	return read_ours(fd, kind, buffer, count);
}

EXPORT ssize_t pread(int fd, void *buffer, size_t count, off_t offset)
{
	enum file_kind kind = preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(pread)(fd, buffer, count, offset);
	return pread_ours(fd, kind, buffer, count, offset);
}

EXPORT ssize_t pread64(int fd, void *buffer, size_t count, off64_t offset)
{
	enum file_kind kind = preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(pread64)(fd, buffer, count, offset);
	return pread_ours(fd, kind, buffer, count, offset);
}

/* What a program compiled with _FORTIFY_SOURCE calls. The C library ends it when @room is less than
 * @count, before it looks at the descriptor. */
EXPORT ssize_t __read_chk(int fd, void *buffer, size_t count, size_t room)
{
	enum file_kind kind = count > room ? FILE_FOREIGN : preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(__read_chk)(fd, buffer, count, room);
	return read_ours(fd, kind, buffer, count);
}

EXPORT ssize_t __pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t room)
{
	enum file_kind kind = count > room ? FILE_FOREIGN : preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(__pread_chk)(fd, buffer, count, offset, room);
	return pread_ours(fd, kind, buffer, count, offset);
}

EXPORT ssize_t __pread64_chk(int fd, void *buffer, size_t count, off64_t offset, size_t room)
{
	enum file_kind kind = count > room ? FILE_FOREIGN : preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(__pread64_chk)(fd, buffer, count, offset, room);
	return pread_ours(fd, kind, buffer, count, offset);
}

EXPORT ssize_t readv(int fd, const struct iovec *parts, int count)
{
	enum file_kind kind = preload_kind(fd);
	ssize_t total = 0;
	if (kind == FILE_FOREIGN)
		return REAL(readv)(fd, parts, count);
	for (int i = 0; i < count; i++) {
		ssize_t n = read_ours(fd, kind, parts[i].iov_base, parts[i].iov_len);
		if (n < 0)
			return total > 0 ? total : n;
		total += n;
		if ((size_t)n < parts[i].iov_len)
			break;
	}
	return total;
}

/* --- Seeking --- */

static int64_t seek_ours(int fd, enum file_kind kind, int64_t offset, int whence)
{
	preload_enter();
	ssize_t r = kind == FILE_DRAFT ? read_draft(fd) : -ENOTTY;
	int64_t at = r == -ENOTTY ? ashmem_lseek(fd, offset, whence)
				  : preload_answer(r == 0 ? -EINVAL : r);
	preload_leave();
	return at;
}

EXPORT off_t lseek(int fd, off_t offset, int whence)
{
	enum file_kind kind = preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(lseek)(fd, offset, whence);
	return (off_t)seek_ours(fd, kind, offset, whence);
}

EXPORT off64_t lseek64(int fd, off64_t offset, int whence)
{
	enum file_kind kind = preload_kind(fd);
	if (kind == FILE_FOREIGN)
		return REAL(lseek64)(fd, offset, whence);
	return seek_ours(fd, kind, offset, whence);
}

/* --- What the device does not do --- */

#define REFUSE(error, name, ...)                                                                   \
	do {                                                                                       \
		if (preload_kind(fd) == FILE_FOREIGN)                                              \
			return REAL(name)(fd, __VA_ARGS__);                                        \
		errno = error;                                                                     \
		return -1;                                                                         \
	} while (0)

EXPORT ssize_t write(int fd, const void *buffer, size_t count)
{
	REFUSE(EINVAL, write, buffer, count);
}

EXPORT ssize_t pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
	REFUSE(EINVAL, pwrite, buffer, count, offset);
}

EXPORT ssize_t pwrite64(int fd, const void *buffer, size_t count, off64_t offset)
{
	REFUSE(EINVAL, pwrite64, buffer, count, offset);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count)
{
	REFUSE(EINVAL, writev, parts, count);
}

EXPORT int ftruncate(int fd, off_t length)
{
	REFUSE(EINVAL, ftruncate, length);
}

EXPORT int ftruncate64(int fd, off64_t length)
{
	REFUSE(EINVAL, ftruncate64, length);
}

EXPORT int fallocate(int fd, int mode, off_t offset, off_t length)
{
	REFUSE(ENODEV, fallocate, mode, offset, length);
}

EXPORT int fallocate64(int fd, int mode, off64_t offset, off64_t length)
{
	REFUSE(ENODEV, fallocate64, mode, offset, length);
}
