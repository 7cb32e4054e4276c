/* Opening the device, what stat says of it, and all the ways in which a number gets another file.
 */
#include "preload/calls.h"

#include "common/util.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* --- Opening --- */

static int open_device(int flags)
{
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return (int)preload_answer(-EEXIST);
	if (flags & O_DIRECTORY)
		return (int)preload_answer(-ENOTDIR);
	preload_enter();
	int fd = draft_open();
	if (fd >= 0) {
		preload_forget(fd);
		if (!(flags & O_CLOEXEC))
			fcntl(fd, F_SETFD, 0);
	}
	preload_leave();
	return (int)preload_answer(fd);
}

/* A new file under some number. */
static int opened(int fd)
{
	preload_forget(fd);
	return fd;
}

#define TAKE_MODE(mode, flags)                                                                     \
	mode_t mode = 0;                                                                           \
	if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                   \
		va_list list;                                                                      \
		va_start(list, flags);                                                             \
		mode = va_arg(list, mode_t);                                                       \
		va_end(list);                                                                      \
	}

EXPORT int open(const char *path, int flags, ...)
{
	TAKE_MODE(mode, flags)
	return preload_is_device(path) ? open_device(flags) : opened(REAL(open)(path, flags, mode));
}

EXPORT int open64(const char *path, int flags, ...)
{
	TAKE_MODE(mode, flags)
	return preload_is_device(path) ? open_device(flags)
				       : opened(REAL(open64)(path, flags, mode));
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	TAKE_MODE(mode, flags)
	return preload_is_device(path) ? open_device(flags)
				       : opened(REAL(openat)(dir, path, flags, mode));
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
	TAKE_MODE(mode, flags)
	return preload_is_device(path) ? open_device(flags)
				       : opened(REAL(openat64)(dir, path, flags, mode));
}

/* What a program compiled with _FORTIFY_SOURCE calls. */
EXPORT int __open_2(const char *path, int flags)
{
	return preload_is_device(path) ? open_device(flags) : opened(REAL(__open_2)(path, flags));
}

EXPORT int __open64_2(const char *path, int flags)
{
	return preload_is_device(path) ? open_device(flags) : opened(REAL(__open64_2)(path, flags));
}

EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return preload_is_device(path) ? open_device(flags)
				       : opened(REAL(__openat_2)(dir, path, flags));
}

EXPORT int __openat64_2(int dir, const char *path, int flags)
{
	return preload_is_device(path) ? open_device(flags)
				       : opened(REAL(__openat64_2)(dir, path, flags));
}

EXPORT int creat(const char *path, mode_t mode)
{
	return preload_is_device(path) ? open_device(0) : opened(REAL(creat)(path, mode));
}

EXPORT int creat64(const char *path, mode_t mode)
{
	return preload_is_device(path) ? open_device(0) : opened(REAL(creat64)(path, mode));
}

/* --- Numbers --- */

EXPORT int close(int fd)
{
	preload_forget(fd); /* before another thread can be given the number */
	return REAL(close)(fd);
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	preload_forget_range(first, last);
	return REAL(close_range)(first, last, flags);
}

EXPORT void closefrom(int first)
{
	preload_forget_range(first < 0 ? 0 : (unsigned)first, UINT_MAX);
	REAL(closefrom)(first);
}

EXPORT int dup(int fd)
{
	return opened(REAL(dup)(fd));
}

EXPORT int dup2(int fd, int wanted)
{
	return opened(REAL(dup2)(fd, wanted));
}

EXPORT int dup3(int fd, int wanted, int flags)
{
	return opened(REAL(dup3)(fd, wanted, flags));
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list list;
	va_start(list, command);
	void *argument = va_arg(list, void *);
	va_end(list);
	int r = REAL(fcntl)(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened(r) : r;
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list list;
	va_start(list, command);
	void *argument = va_arg(list, void *);
	va_end(list);
	int r = REAL(fcntl64)(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? opened(r) : r;
}

static void forget_received(struct msghdr *message)
{
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
		header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(fd), sizeof(fd));
			preload_forget(fd);
		}
	}
}

EXPORT ssize_t recvmsg(int socket, struct msghdr *message, int flags)
{
	ssize_t n = REAL(recvmsg)(socket, message, flags);
	if (n >= 0)
		forget_received(message);
	return n;
}

EXPORT int recvmmsg(
	int socket, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout)
{
	int n = REAL(recvmmsg)(socket, messages, count, flags, timeout);
	for (int i = 0; i < n; i++)
		forget_received(&messages[i].msg_hdr);
	return n;
}

/* --- What the device looks like --- */

#define SHOW_DEVICE(st)                                                                            \
	do {                                                                                       \
		(st)->st_mode = S_IFCHR | 0666;                                                    \
		(st)->st_rdev = preload_device_number();                                           \
		(st)->st_size = 0;                                                                 \
		(st)->st_blocks = 0;                                                               \
	} while (0)

/* stat of the path: nothing of a file is there to begin with. */
#define SHOW_PATH(st)                                                                              \
	do {                                                                                       \
		memset(st, 0, sizeof(*(st)));                                                      \
		(st)->st_nlink = 1;                                                                \
		(st)->st_blksize = 4096;                                                           \
		SHOW_DEVICE(st);                                                                   \
		return 0;                                                                          \
	} while (0)

#define SHOW_DESCRIPTOR(fd, st, result)                                                            \
	do {                                                                                       \
		int r = result;                                                                    \
		if (r == 0 && preload_kind(fd) != FILE_FOREIGN)                                    \
			SHOW_DEVICE(st);                                                           \
		return r;                                                                          \
	} while (0)

#define STAT_CALLS(suffix)                                                                         \
	EXPORT int stat##suffix(const char *path, struct stat##suffix *st)                         \
	{                                                                                          \
		if (preload_is_device(path))                                                       \
			SHOW_PATH(st);                                                             \
		return REAL(stat##suffix)(path, st);                                               \
	}                                                                                          \
	EXPORT int lstat##suffix(const char *path, struct stat##suffix *st)                        \
	{                                                                                          \
		if (preload_is_device(path))                                                       \
			SHOW_PATH(st);                                                             \
		return REAL(lstat##suffix)(path, st);                                              \
	}                                                                                          \
	EXPORT int fstat##suffix(int fd, struct stat##suffix *st)                                  \
	{                                                                                          \
		SHOW_DESCRIPTOR(fd, st, REAL(fstat##suffix)(fd, st));                              \
	}                                                                                          \
	EXPORT int fstatat##suffix(int dir, const char *path, struct stat##suffix *st, int flags)  \
	{                                                                                          \
		if (preload_is_device(path))                                                       \
			SHOW_PATH(st);                                                             \
		int result = REAL(fstatat##suffix)(dir, path, st, flags);                          \
		if (!(flags & AT_EMPTY_PATH))                                                      \
			return result;                                                             \
		SHOW_DESCRIPTOR(dir, st, result);                                                  \
	}                                                                                          \
	/* The names under which programs call them that were linked before glibc 2.33. */         \
	EXPORT int __xstat##suffix(int version, const char *path, struct stat##suffix *st)         \
	{                                                                                          \
		if (preload_is_device(path))                                                       \
			SHOW_PATH(st);                                                             \
		return REAL(__xstat##suffix)(version, path, st);                                   \
	}                                                                                          \
	EXPORT int __lxstat##suffix(int version, const char *path, struct stat##suffix *st)        \
	{                                                                                          \
		if (preload_is_device(path))                                                       \
			SHOW_PATH(st);                                                             \
		return REAL(__lxstat##suffix)(version, path, st);                                  \
	}                                                                                          \
	EXPORT int __fxstat##suffix(int version, int fd, struct stat##suffix *st)                  \
	{                                                                                          \
		SHOW_DESCRIPTOR(fd, st, REAL(__fxstat##suffix)(version, fd, st));                  \
	}

STAT_CALLS()
STAT_CALLS(64)

EXPORT int statx(int dir, const char *path, int flags, unsigned mask, struct statx *st)
{
	bool device = preload_is_device(path);
	int r = device ? 0 : REAL(statx)(dir, path, flags, mask, st);
	if (device)
		*st = (struct statx){
			.stx_mask = STATX_BASIC_STATS, .stx_nlink = 1, .stx_blksize = 4096};
	else if (r < 0 || !(flags & AT_EMPTY_PATH) || preload_kind(dir) == FILE_FOREIGN)
		return r;
	st->stx_mode = S_IFCHR | 0666;
	st->stx_rdev_major = major(preload_device_number());
	st->stx_rdev_minor = minor(preload_device_number());
	st->stx_size = 0;
	st->stx_blocks = 0;
	return 0;
}

EXPORT int access(const char *path, int mode)
{
	if (!preload_is_device(path))
		return REAL(access)(path, mode);
	return (int)preload_answer(mode & X_OK ? -EACCES : 0);
}

EXPORT int faccessat(int dir, const char *path, int mode, int flags)
{
	if (!preload_is_device(path))
		return REAL(faccessat)(dir, path, mode, flags);
	return (int)preload_answer(mode & X_OK ? -EACCES : 0);
}
