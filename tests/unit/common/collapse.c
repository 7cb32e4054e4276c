/* Huge pages where nobody has switched them on. What the kernel gives to a mapping it tells in
 * smaps_rollup. */
#include "common/collapse.h"

#include "common/populate.h"
#include "common/util.h"
#include "support/wrap_clock.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define TAIL ((size_t)12345)
static const size_t HUGE = MURAL_HUGE_PAGE_SIZE;

/* The processor's time stands still, unless each look at it is to be so much later than the one
 * before. */
static time_t seconds_a_look, seconds;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	*ret = (struct timespec){.tv_sec = seconds += seconds_a_look};
	return 0;
}

/* What the kernel answers to MADV_COLLAPSE; 0: what it does. */
static int collapse_error;
static size_t most_asked;

int __real_madvise(void *from, size_t length, int advice);
int __wrap_madvise(void *from, size_t length, int advice);
int __wrap_madvise(void *from, size_t length, int advice)
{
	if (advice != MADV_COLLAPSE)
		return __real_madvise(from, length, advice);
	most_asked = length > most_asked ? length : most_asked;
	if (collapse_error == 0)
		return __real_madvise(from, length, advice);
	errno = collapse_error;
	return -1;
}

static uint8_t *pixels;
static int file;

/* A mapping of huge pages and a part of one, of a file that reaches further. */
static void map(size_t huge)
{
	size_t length = huge * HUGE + TAIL;
	uint8_t *room = mmap(NULL, length + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cr_assert(room != MAP_FAILED && file >= 0);
	cr_assert_eq(ftruncate(file, (off_t)((huge + 2) * HUGE)), 0);
	cr_assert_eq(fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
	pixels = mmap(room + (-(uintptr_t)room & (HUGE - 1)), length, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_FIXED, file, 0);
	cr_assert(pixels != MAP_FAILED);
}

static size_t allocated(void)
{
	struct stat st;
	cr_assert_eq(fstat(file, &st), 0);
	return (size_t)st.st_blocks * 512;
}

static size_t mapped_huge(void)
{
	char line[128];
	size_t kib = 0;
	FILE *smaps = fopen("/proc/self/smaps_rollup", "re");
	cr_assert(smaps);
	while (fgets(line, sizeof(line), smaps) && sscanf(line, "ShmemPmdMapped: %zu", &kib) != 1)
		continue;
	fclose(smaps);
	return kib << 10;
}

static bool is_shortage(int error)
{
	return error == ENOMEM || error == EBUSY || error == EAGAIN;
}

static void must_collapse(size_t length)
{
	errno = 0;
	if (collapse(pixels, length))
		return;
	if (is_shortage(errno))
		cr_skip("free memory is in pieces");
	cr_assert_fail("%s", strerror(errno));
}

static void begin(void)
{
	if (!collapse_works())
		cr_skip("not before Linux 6.1, nor where shmem_enabled says deny");
}

TestSuite(collapse, .init = begin, .timeout = 30);

Test(collapse, all_is_there_afterwards_and_what_was_there_still_is)
{
	map(5);
	memset(pixels + HUGE - 5, 7, 10);
	must_collapse(5 * HUGE + TAIL);
	size_t pages = TAIL / page_bytes() + 1;
	cr_assert_eq(allocated(), 5 * HUGE + pages * page_bytes());
	for (size_t i = 0; i < 5 * HUGE + TAIL; i++)
		cr_assert_eq(pixels[i], i >= HUGE - 5 && i < HUGE + 5 ? 7 : 0, "byte %zu", i);
	cr_assert_eq(mapped_huge(), 5 * HUGE);
}

Test(collapse, where_huge_pages_are_refused_it_says_so)
{
	map(1);
	cr_assert_eq(madvise(pixels, HUGE + TAIL, MADV_NOHUGEPAGE), 0);
	cr_assert_not(collapse(pixels, HUGE + TAIL));
	cr_assert_leq(allocated(), page_bytes());
}

Test(collapse, when_the_first_takes_long_the_others_are_not_tried)
{
	map(5);
	seconds_a_look = 1;
	errno = 0;
	cr_assert_not(collapse(pixels, 5 * HUGE + TAIL));
	if (is_shortage(errno))
		cr_skip("not even the first was to be had");
	cr_assert_eq(allocated(), HUGE);
}

Test(collapse_works, also_while_no_huge_page_is_to_be_had, .timeout = 30)
{
	static const int passing[] = {ENOMEM, EBUSY, EAGAIN};
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++) {
		collapse_error = passing[i];
		cr_expect(collapse_works(), "%s", strerror(passing[i]));
	}
}

Test(collapse_works, is_found_out_without_making_one, .timeout = 30)
{
	collapse_works();
	cr_assert_gt(most_asked, 0);
	cr_assert_lt(most_asked, HUGE);
}

Test(collapse_works, not_where_the_kernel_or_a_setting_refuses, .timeout = 30)
{
	collapse_error = EINVAL;
	cr_expect_not(collapse_works());
}
