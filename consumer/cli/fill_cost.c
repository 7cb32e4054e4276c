#include "fill_cost.h"

#include "common/collapse.h"
#include "common/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define TRIED_BYTES ((size_t)32 << 20)
#define TRIES 3
#define STRIP_BYTES ((size_t)256 << 10)
#define HUGE_PAGE ((size_t)MURAL_HUGE_PAGE_SIZE)

/* On a busy machine the time that passes says little. */
static double now_ms(void)
{
	return (double)clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1e6;
}

/* Of this process's memory: is any shared memory mapped by huge pages? */
static bool has_huge_pages(void)
{
	char line[128];
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	if (!file)
		return true; /* not to be known: nothing speaks against it */
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "ShmemPmdMapped: %llu", &kib) == 1)
			break;
	}
	fclose(file);
	return kib > 0;
}

/* What is done to a mapping before it is written. False: it is of no use then. */
typedef bool prepare_fn(uint8_t *from, size_t length);

static bool fill_mapping(uint8_t *from, prepare_fn *prepare, struct fill_cost *ret)
{
	double start_ms = now_ms();
	if (!prepare(from, TRIED_BYTES))
		return false;
	memset(from, 1, TRIED_BYTES);
	ret->fill_ms = now_ms() - start_ms;
	ret->huge = has_huge_pages();
	return true;
}

static bool fill_through_mapping(int fd, prepare_fn *prepare, struct fill_cost *ret)
{
	size_t reserved = TRIED_BYTES + HUGE_PAGE;
	uint8_t *place = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED)
		return false;
	uint8_t *aligned = place + (HUGE_PAGE - (uintptr_t)place % HUGE_PAGE) % HUGE_PAGE;
	bool good = mmap(aligned, TRIED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			    0) != MAP_FAILED &&
		    fill_mapping(aligned, prepare, ret);
	munmap(place, reserved);
	return good;
}

static bool ask(uint8_t *from, size_t length)
{
	madvise(from, length, MADV_HUGEPAGE);
	return true;
}

static bool decline(uint8_t *from, size_t length)
{
	madvise(from, length, MADV_NOHUGEPAGE);
	return true;
}

bool fill_advised(int fd, struct fill_cost *ret)
{
	return fill_through_mapping(fd, ask, ret);
}

bool fill_collapsed(int fd, struct fill_cost *ret)
{
	return fill_through_mapping(fd, collapse, ret);
}

bool fill_declining(int fd, struct fill_cost *ret)
{
	return fill_through_mapping(fd, decline, ret);
}

bool fill_written(int fd, struct fill_cost *ret)
{
	char *strip = malloc(STRIP_BYTES);
	bool good = strip != NULL;
	double start_ms = now_ms();
	for (size_t at = 0; good && at < TRIED_BYTES; at += STRIP_BYTES) {
		memset(strip, 1, STRIP_BYTES);
		good = pwrite(fd, strip, STRIP_BYTES, (off_t)at) == (ssize_t)STRIP_BYTES;
	}
	ret->fill_ms = now_ms() - start_ms;
	ret->huge = false;
	free(strip);
	return good;
}

/* It is given back when nobody has it mapped any more. */
static bool try_once(fill_fn *fill, struct fill_cost *ret)
{
	CLEANUP(close_p) int fd = memfd_create("mural doctor", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)TRIED_BYTES) < 0 || !fill(fd, ret))
		return false;
	double start_ms = now_ms();
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)TRIED_BYTES) < 0)
		return false;
	ret->punch_ms = now_ms() - start_ms;
	return true;
}

bool measure_cost(fill_fn *fill, struct fill_cost *ret)
{
	struct fill_cost best = {.fill_ms = 1e9, .punch_ms = 1e9}, one;
	for (int i = 0; i < TRIES; i++) {
		if (!try_once(fill, &one))
			return false;
		best.fill_ms = one.fill_ms < best.fill_ms ? one.fill_ms : best.fill_ms;
		best.punch_ms = one.punch_ms < best.punch_ms ? one.punch_ms : best.punch_ms;
		best.huge |= one.huge;
	}
	*ret = best;
	return true;
}
