/* Huge pages for shared memory: whether they are allowed, and what they bring here, tried on the
 * spot. */
#include "doctor.h"

#include "common/huge_pages.h"
#include "common/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define TRIED_BYTES ((size_t)32 << 20)
#define TRIED "32 MiB, a picture of 8 megapixels,"
#define TRIES 3
#define STRIP_BYTES ((size_t)256 << 10)
#define HUGE_PAGE ((size_t)MURAL_HUGE_PAGE_SIZE)

struct cost {
	double fill_ms, punch_ms;
	bool huge; /* it got huge pages */
};

/* Processor time: on a busy machine the other one says little. */
static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
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

static bool fill_through_mapping(int fd, int advice, struct cost *ret)
{
	size_t reserved = TRIED_BYTES + HUGE_PAGE;
	char *place = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED)
		return false;
	char *aligned = place + (HUGE_PAGE - (uintptr_t)place % HUGE_PAGE) % HUGE_PAGE;
	bool mapped = mmap(aligned, TRIED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			      0) != MAP_FAILED;
	if (mapped) {
		madvise(aligned, TRIED_BYTES, advice);
		double start_ms = now_ms();
		memset(aligned, 1, TRIED_BYTES);
		ret->fill_ms = now_ms() - start_ms;
		ret->huge = has_huge_pages();
	}
	munmap(place, reserved);
	return mapped;
}

/* As a decoder does where there are huge pages. */
static bool fill_huge(int fd, struct cost *ret)
{
	return fill_through_mapping(fd, MADV_HUGEPAGE, ret);
}

/* Where the system gives them to who does not ask, too, only a mapping can decline. */
static bool fill_declining(int fd, struct cost *ret)
{
	return fill_through_mapping(fd, MADV_NOHUGEPAGE, ret);
}

/* As a decoder does where there are none: strip by strip. */
static bool fill_written(int fd, struct cost *ret)
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

typedef bool fill_fn(int fd, struct cost *ret);

/* Fills a new region and gives it back, as decoder and pool do: nobody has it mapped any more. */
static bool try_once(fill_fn *fill, struct cost *ret)
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

/* The best of a few: other programs only make it slower. */
static bool measure(fill_fn *fill, struct cost *ret)
{
	struct cost best = {.fill_ms = 1e9, .punch_ms = 1e9}, one;
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

static void tell_allowed(struct finding *finding, const struct huge_pages_setting *setting)
{
	struct cost huge, small;
	fill_fn *without = setting->pages == HUGE_PAGES_ALWAYS ? fill_declining : fill_written;
	if (!measure(fill_huge, &huge) || !measure(without, &small))
		finding_set(finding, FINDING_OK, "allowed for shared memory (%s)", setting->word);
	else if (!huge.huge)
		finding_set(finding, FINDING_NOTE,
			"allowed for shared memory (%s), but none was to be had just now: free "
			"memory is in pieces, most likely; " TRIED
			" take %.1f ms of processor time to fill, "
			"and %.2f to give back",
			setting->word, small.fill_ms, small.punch_ms);
	else
		finding_set(finding, FINDING_OK,
			"allowed for shared memory (%s): " TRIED " take %.1f ms of processor time "
			"to fill here, instead of %.1f with small pages, and %.2f to give back, "
			"instead of %.2f",
			setting->word, huge.fill_ms, small.fill_ms, huge.punch_ms, small.punch_ms);
}

static void tell_refused(struct finding *finding, const struct huge_pages_setting *setting)
{
	struct cost small;
	if (measure(fill_written, &small))
		finding_set(finding, FINDING_NOTE,
			"not allowed for shared memory (%s): " TRIED " take %.1f ms of processor "
			"time to fill here, and %.2f to give back; what huge pages would bring can "
			"be measured only "
			"once they are allowed",
			setting->word, small.fill_ms, small.punch_ms);
	else
		finding_set(
			finding, FINDING_NOTE, "not allowed for shared memory (%s)", setting->word);
	finding_advise(finding,
		"as root: echo advise > %s/%s; a producer looks when it starts; to keep it: a "
		"file in /etc/tmpfiles.d with the line \"w %s/%s - - - - advise\"",
		HUGE_PAGES_FOLDER, setting->file, HUGE_PAGES_FOLDER, setting->file);
}

void check_huge_pages(const struct doctor *doctor, struct finding *finding)
{
	const struct huge_pages_setting setting = huge_pages_of_shared_memory(HUGE_PAGES_FOLDER);
	(void)doctor;
	if (!setting.word[0])
		finding_set(finding, FINDING_NOTE,
			"this kernel has no huge pages of 2 MiB for shared memory: filling and "
			"purging cost more");
	else if (setting.pages == HUGE_PAGES_NONE)
		tell_refused(finding, &setting);
	else
		tell_allowed(finding, &setting);
}
