/* See wrap.h. The names are those which the C library gives its 64-bit variants. */
#include "wrap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned left; /* 0: not armed */
static bool from_then_on, failed;
static const char *only;

void wrap_arm(unsigned nth, bool all)
{
	left = nth;
	from_then_on = all;
	failed = false;
}

void wrap_only(const char *function)
{
	only = function;
}

bool wrap_disarm(void)
{
	left = 0;
	return failed;
}

static struct {
	const char *function;
	unsigned calls;
} counted[16];

static unsigned *counter_of(const char *function)
{
	size_t i = 0;
	while (counted[i].function && strcmp(counted[i].function, function) != 0)
		i++;
	counted[i].function = function;
	return &counted[i].calls;
}

unsigned wrap_calls(const char *function)
{
	return *counter_of(function);
}

static bool fails(const char *function, int error)
{
	++*counter_of(function);
	if (left == 0 || (only && strcmp(only, function) != 0))
		return false;
	if (left > 1) {
		left--;
		return false;
	}
	if (!from_then_on)
		left = 0;
	failed = true;
	errno = error;
	return true;
}

#define WRAP(type, name, failure, error, parameters, arguments)                                    \
	type __real_##name parameters;                                                             \
	type __wrap_##name parameters;                                                             \
	type __wrap_##name parameters                                                              \
	{                                                                                          \
		return fails(#name, error) ? failure : __real_##name arguments;                    \
	}

#if SIZE_MAX == UINT32_MAX /* there the names of these say the size of a time, too */
int __real_fstat64(int fd, struct stat64 *st) __asm__("__real___fstat64_time64");
int __wrap_fstat64(int fd, struct stat64 *st) __asm__("__wrap___fstat64_time64");
int __real_fcntl64(int fd, int command, ...) __asm__("__real___fcntl_time64");
int __wrap_fcntl64(int fd, int command, ...) __asm__("__wrap___fcntl_time64");
#endif

WRAP(int, memfd_create, -1, EMFILE, (const char *name, unsigned flags), (name, flags))
WRAP(int, ftruncate64, -1, ENOMEM, (int fd, off64_t size), (fd, size))
/* As the kernel does when it finds out late: what was there has gone. */
void *__real_mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset);
void *__wrap_mmap64(void *at, size_t length, int prot, int flags, int fd, off64_t offset)
{
	if (!fails("mmap64", ENOMEM))
		return __real_mmap64(at, length, prot, flags, fd, offset);
	if (flags & MAP_FIXED)
		munmap(at, length);
	errno = ENOMEM;
	return MAP_FAILED;
}

WRAP(int, fstat64, -1, ENOMEM, (int fd, struct stat64 *st), (fd, st))
WRAP(int, fallocate64, -1, EPERM, (int fd, int mode, off64_t offset, off64_t length),
	(fd, mode, offset, length))
WRAP(ssize_t, pread64, -1, EIO, (int fd, void *to, size_t size, off64_t offset),
	(fd, to, size, offset))
WRAP(ssize_t, pwrite64, -1, EIO, (int fd, const void *from, size_t size, off64_t offset),
	(fd, from, size, offset))
WRAP(void *, calloc, NULL, ENOMEM, (size_t count, size_t size), (count, size))
WRAP(void *, reallocarray, NULL, ENOMEM, (void *old, size_t count, size_t size), (old, count, size))

int __real_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...);
int __wrap_fcntl64(int fd, int command, ...)
{
	va_list arguments;
	va_start(arguments, command);
	long argument = va_arg(arguments, long);
	va_end(arguments);
	return fails("fcntl64", EMFILE) ? -1 : __real_fcntl64(fd, command, argument);
}
