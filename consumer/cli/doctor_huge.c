/* Huge pages for shared memory: whether they are allowed, and what they bring here, tried on the
 * spot. */
#include "doctor.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define TRIED_BYTES ((size_t)32 << 20)
#define TRIES 3
#define HUGE_PAGE ((size_t)MURAL_HUGE_PAGE_SIZE)

struct cost {
	double fill_ms, punch_ms;
};

/* "always within_size [advise] never": the word in brackets. */
static bool chosen_word(const char *line, char *ret, size_t size)
{
	const char *start = strchr(line, '[');
	const char *end = start ? strchr(start, ']') : NULL;
	if (!end || (size_t)(end - start) > size)
		return false;
	memcpy(ret, start + 1, (size_t)(end - start - 1));
	ret[end - start - 1] = '\0';
	return true;
}

static double since_ms(uint64_t start_ns)
{
	return (double)(monotonic_ns() - start_ns) / 1e6;
}

/* Fills a new region and gives it back, as decoder and pool do. */
static bool try_once(int advice, struct cost *ret)
{
	CLEANUP(close_p) int fd = memfd_create("mural doctor", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)TRIED_BYTES) < 0)
		return false;
	size_t reserved = TRIED_BYTES + HUGE_PAGE;
	char *place = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (place == MAP_FAILED)
		return false;
	char *aligned = place + (HUGE_PAGE - (uintptr_t)place % HUGE_PAGE) % HUGE_PAGE;
	bool mapped = mmap(aligned, TRIED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			      0) != MAP_FAILED;
	if (mapped) {
		madvise(aligned, TRIED_BYTES, advice);
		uint64_t start_ns = monotonic_ns();
		memset(aligned, 1, TRIED_BYTES);
		ret->fill_ms = since_ms(start_ns);
		start_ns = monotonic_ns();
		mapped = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				 (off_t)TRIED_BYTES) == 0;
		ret->punch_ms = since_ms(start_ns);
	}
	munmap(place, reserved);
	return mapped;
}

/* The best of a few: other programs only make it slower. */
static bool measure(int advice, struct cost *ret)
{
	struct cost best = {1e9, 1e9}, one;
	for (int i = 0; i < TRIES; i++) {
		if (!try_once(advice, &one))
			return false;
		best.fill_ms = one.fill_ms < best.fill_ms ? one.fill_ms : best.fill_ms;
		best.punch_ms = one.punch_ms < best.punch_ms ? one.punch_ms : best.punch_ms;
	}
	*ret = best;
	return true;
}

static void tell_allowed(struct finding *finding, const char *word)
{
	struct cost huge, small;
	/* "always" and "force" give them to who does not ask, too, but not to who declines. */
	if (!measure(MADV_HUGEPAGE, &huge) || !measure(MADV_NOHUGEPAGE, &small)) {
		finding_set(finding, FINDING_OK, "allowed for shared memory (%s)", word);
		return;
	}
	finding_set(finding, FINDING_OK,
		"allowed for shared memory (%s): here 32 MiB are filled in %.1f ms, without them "
		"in %.1f, and given back in %.2f, without them in %.2f",
		word, huge.fill_ms, small.fill_ms, huge.punch_ms, small.punch_ms);
}

static void tell_refused(struct finding *finding, const char *word, const char *path)
{
	struct cost small;
	if (measure(MADV_NOHUGEPAGE, &small))
		finding_set(finding, FINDING_NOTE,
			"not allowed for shared memory (%s): here 32 MiB are filled in %.1f ms and "
			"given back in %.2f; what huge pages would bring can be measured only once "
			"they are allowed",
			word, small.fill_ms, small.punch_ms);
	else
		finding_set(finding, FINDING_NOTE, "not allowed for shared memory (%s)", word);
	finding_advise(finding,
		"as root: echo advise > %s; to keep it: a file in /etc/tmpfiles.d with the line "
		"\"w %s - - - - advise\"",
		path, path);
}

void check_huge_pages(const struct doctor *doctor, struct finding *finding)
{
	static const char path[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	char line[128], word[32];
	(void)doctor;
	if (!read_line(path, line, sizeof(line)) || !chosen_word(line, word, sizeof(word)))
		finding_set(finding, FINDING_NOTE,
			"this kernel has no huge pages for shared memory: filling and purging cost "
			"more");
	else if (strcmp(word, "never") == 0 || strcmp(word, "deny") == 0)
		tell_refused(finding, word, path);
	else
		tell_allowed(finding, word);
}
