/* common/util.h - the few helpers that every .c file needs: scoped cleanup, checked sizes, clocks.
 */
#ifndef COMMON_UTIL_H
#define COMMON_UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Runs FN(&variable) when the variable leaves its scope. Initialise where declared; never in a
 * function with goto. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void close_p(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
}

static inline void free_p(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

/* Moves ownership out of a cleanup variable. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void *take_pointer(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;
	void *taken = *p;
	*p = NULL;
	return taken;
}
#define take_ptr(p) ((__typeof__(*(p)))take_pointer(p))

/* Another descriptor of the same file; close-on-exec. -errno. */
static inline int dup_cloexec(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return copy < 0 ? -errno : copy;
}

/* Closes every descriptor of an array and marks it empty. */
static inline void close_all(int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		close_p(&fds[i]);
		fds[i] = -1;
	}
}

#define MURAL_HUGE_PAGE_SIZE ((uint64_t)2 << 20)

/* Of memory, which can be mapped, given back and protected by whole pages only: 4 KiB on x86; arm64
 * kernels are built for 4, 16 or 64. */
static inline size_t page_bytes(void)
{
	return (size_t)getpagesize();
}

/* Rounds up to a power of two @unit; false when the result does not fit. */
static inline bool round_up_to(uint64_t value, uint64_t unit, uint64_t *ret)
{
	uint64_t sum;
	if (__builtin_add_overflow(value, unit - 1, &sum))
		return false;
	*ret = sum & ~(unit - 1);
	return true;
}

static inline bool page_round_up(uint64_t value, uint64_t *ret)
{
	return round_up_to(value, page_bytes(), ret);
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static inline uint64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif
