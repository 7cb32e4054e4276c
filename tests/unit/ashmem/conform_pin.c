/* A21 to A41, A56 and K7, K9: the arguments of pin and unpin, and the algebra of ranges. Pages hold
 * their number plus one. */
#include "conform.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static bool all_three_invalid(const struct space *space, size_t offset, size_t len)
{
	return fails(ashmem_pin_region(space->fd, offset, len), EINVAL) &&
	       fails(ashmem_unpin_region(space->fd, offset, len), EINVAL) &&
	       fails(ashmem_get_pin_status_region(space->fd, offset, len), EINVAL);
}

static void a21(void)
{
	struct space space = open_space(4);
	check(all_three_invalid(&space, 1, PAGE) && all_three_invalid(&space, 0, PAGE - 1) &&
			all_three_invalid(&space, 100, 0),
		"offset and length are page multiples, else EINVAL");
	close_space(&space);
}

static void a22(void)
{
	struct space space = open_space(4);
	check(all_three_invalid(&space, 0, 5 * PAGE) &&
			all_three_invalid(&space, 3 * PAGE, 2 * PAGE),
		"past the end: EINVAL");
	check(all_three_invalid(&space, 4 * PAGE, PAGE), "at the end with a length: EINVAL");
	check(all_three_invalid(&space, 5 * PAGE, 0), "behind the end without a length: EINVAL");
	check(all_three_invalid(&space, PAGE, SIZE_MAX - PAGE + 1) &&
			all_three_invalid(&space, 0xfffff000, 2 * PAGE),
		"offset plus length does not wrap: EINVAL");
	check(status(&space, 0, 4) == ASHMEM_IS_PINNED, "nothing has changed");
	close_space(&space);
}

static void a23(void)
{
	struct space space = open_space(4);
	check(unpin(&space, 2, 0) == 0 && status(&space, 0, 2) == ASHMEM_IS_PINNED &&
			status(&space, 2, 1) == ASHMEM_IS_UNPINNED &&
			status(&space, 3, 1) == ASHMEM_IS_UNPINNED,
		"length 0 reaches to the end");
	check(status(&space, 1, 0) == ASHMEM_IS_UNPINNED && pin(&space, 0, 0) == 0 &&
			status(&space, 0, 0) == ASHMEM_IS_PINNED,
		"for all three");
	close_space(&space);
}

static void a24(void)
{
	struct space space = open_space(4);
#if SIZE_MAX > UINT32_MAX
	check(all_three_invalid(&space, (size_t)1 << 32, PAGE) &&
			all_three_invalid(&space, 0, ((size_t)1 << 32) + PAGE) &&
			status(&space, 0, 0) == ASHMEM_IS_PINNED,
		"4 GiB are not cut off: EINVAL");
#else
	check(true, "(a size_t holds no 4 GiB)");
#endif
	close_space(&space);
}

static void a25(void)
{
	int fd = ashmem_create_region("odd", 5000);
	void *at = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	check(fails(ashmem_unpin_region(fd, 0, 5000), EINVAL) &&
			ashmem_unpin_region(fd, 0, 2 * PAGE) == 0,
		"of an odd size the rounded one counts, in whole pages");
	ashmem_munmap(at, 2 * PAGE);
	close(fd);
}

static void a27(void)
{
	struct space space = open_space(4);
	check(status(&space, 0, 0) == ASHMEM_IS_PINNED, "everything is pinned at first");
	check(pin(&space, 0, 4) == ASHMEM_NOT_PURGED && pin(&space, 1, 1) == ASHMEM_NOT_PURGED,
		"pinning it again gives 0");
	close_space(&space);
}

static void a28(void)
{
	struct space space = open_space(8);
	unpin(&space, 3, 1);
	check(status(&space, 0, 8) == 0 && status(&space, 3, 1) == 0 && status(&space, 2, 2) == 0 &&
			status(&space, 3, 3) == 0,
		"unpinned if any page is");
	check(status(&space, 0, 3) == 1 && status(&space, 4, 4) == 1, "pinned otherwise");
	close_space(&space);
}

static void a29(void)
{
	struct space space = open_space(4);
	unpin(&space, 0, 4);
	fill_page(&space, 1, 77);
	check(page_is(&space, 0, 1) && page_is(&space, 1, 77),
		"unpinned memory can be read and written");
	check(pin(&space, 0, 4) == ASHMEM_NOT_PURGED && page_is(&space, 3, 4),
		"pin says 0: it is all there");
	unpin(&space, 0, 1);
	purge(&space);
	check(!faults(space.at, false) && page_is(&space, 0, 0),
		"reading purged memory gives zero and no fault");
	close_space(&space);
}

static void a30(void)
{
	struct space space = open_space(4);
	pin(&space, 0, 4);
	pin(&space, 0, 4);
	unpin(&space, 0, 4);
	check(status(&space, 0, 4) == ASHMEM_IS_UNPINNED, "many pins and one unpin: unpinned");
	unpin(&space, 0, 4);
	pin(&space, 0, 4);
	check(status(&space, 0, 4) == ASHMEM_IS_PINNED, "many unpins and one pin: pinned");
	close_space(&space);
}

static void a31(void)
{
	struct space one = open_space(4), two = open_space(4);
	unpin(&one, 0, 2);
	unpin(&two, 1, 3);
	check(purge(&one) == 5, "purge tells the unpinned pages of all regions");
	check(purge(&two) == 0, "a second one finds none");
	check(status(&one, 0, 2) == ASHMEM_IS_UNPINNED, "purged pages stay unpinned");
	check(pin(&one, 0, 4) == ASHMEM_WAS_PURGED && pin(&one, 0, 4) == ASHMEM_NOT_PURGED,
		"the first pin says purged, the next does not");
	check(page_is(&one, 0, 0) && page_is(&one, 1, 0) && page_is(&one, 2, 3),
		"they are zero, and only they");
	close_space(&one);
	close_space(&two);
}

static void a32(void)
{
	int fd = ashmem_create_region("untouched", 4 * PAGE);
	void *at = ashmem_mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	ashmem_unpin_region(fd, 0, 0);
	check(ashmem_purge_all_caches(fd) == 4, "pages never touched count");
	check(ashmem_pin_region(fd, 0, 0) == ASHMEM_WAS_PURGED, "and are said to be purged");
	ashmem_munmap(at, 4 * PAGE);
	close(fd);
}

static void a33(void)
{
	struct space space = open_space(2);
	unpin(&space, 0, 2);
	purge(&space);
	fill_page(&space, 0, 50);
	check(unpin(&space, 0, 1) == 0 && purge(&space) == 0 && page_is(&space, 0, 50),
		"what is written after the purge is not purged again, nor after an unpin inside");
	check(pin(&space, 0, 1) == ASHMEM_WAS_PURGED && page_is(&space, 0, 50),
		"pin still says purged, and the data are there");
	unpin(&space, 0, 1);
	check(purge(&space) == 1 && page_is(&space, 0, 0), "after pin and unpin it can be purged");
	close_space(&space);
}

static void a34(void)
{
	struct space space = open_space(6);
	unpin(&space, 0, 6);
	purge(&space);
	check(pin(&space, 2, 2) == 1 && pin(&space, 2, 2) == 0,
		"a part of a purged range tells for itself");
	check(pin(&space, 0, 2) == 1 && pin(&space, 4, 2) == 1,
		"each other part tells at its own first pin");
	close_space(&space);
}

static void a35(void)
{
	struct space space = open_space(6);
	unpin(&space, 0, 3);
	purge(&space);
	unpin(&space, 2, 3);
	check(status(&space, 3, 2) == 0 && purge(&space) == 0 && page_is(&space, 4, 5),
		"merged with a purged range, good pages can no longer be purged");
	check(pin(&space, 3, 2) == ASHMEM_WAS_PURGED && page_is(&space, 3, 4),
		"and pin calls them purged, the data being there");
	close_space(&space);
}

static void a36(void)
{
	struct space space = open_space(6);
	unpin(&space, 0, 2);
	purge(&space);
	unpin(&space, 2, 2);
	check(pin(&space, 2, 2) == ASHMEM_NOT_PURGED,
		"neighbours that do not overlap keep their own flag");
	unpin(&space, 2, 2);
	check(pin(&space, 0, 4) == ASHMEM_WAS_PURGED, "pin over several gives the OR");
	close_space(&space);
}

static void a37(void)
{
	struct space space = open_space(10);
	unpin(&space, 0, 3);
	unpin(&space, 4, 2);
	unpin(&space, 7, 2);
	unpin(&space, 2, 6);
	check(purge(&space) == 9, "one unpin that bridges several ranges: each page counts once");
	close_space(&space);
}

static void a38(void)
{
	struct space space = open_space(9);
	unpin(&space, 0, 9);
	check(pin(&space, 0, 2) == 0 && status(&space, 0, 2) == 1 && status(&space, 2, 1) == 0,
		"the front is cut off");
	check(pin(&space, 7, 2) == 0 && status(&space, 7, 2) == 1 && status(&space, 6, 1) == 0,
		"the rear is cut off");
	check(pin(&space, 4, 1) == 0 && status(&space, 4, 1) == 1 && status(&space, 3, 1) == 0 &&
			status(&space, 5, 1) == 0,
		"the middle is taken out");
	check(purge(&space) == 4 && pin(&space, 2, 2) == 1 && pin(&space, 5, 2) == 1,
		"both parts are ranges of their own");
	unpin(&space, 0, 9);
	purge(&space);
	pin(&space, 4, 1);
	check(pin(&space, 0, 4) == 1 && pin(&space, 5, 4) == 1, "both parts keep the flag");
	unpin(&space, 3, 2);
	check(pin(&space, 0, 9) == 0 && status(&space, 0, 9) == 1, "a whole range is removed");
	close_space(&space);
}

static void a39(void)
{
	struct space space = open_space(4);
	unsigned char byte = 1,
		      *other = ashmem_mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, space.fd, 0);
	unpin(&space, 1, 2);
	purge(&space);
	check(ashmem_pread(space.fd, &byte, 1, (int64_t)PAGE) == 1 && byte == 0 &&
			ashmem_lseek(space.fd, (int64_t)PAGE, SEEK_DATA) == (int64_t)(3 * PAGE),
		"purged pages are gone from the store: read gives zero, SEEK_DATA skips them");
	check(other[PAGE] == 0 && space.at[2 * PAGE] == 0, "every mapping reads zero");
	check(page_is(&space, 0, 1) && page_is(&space, 3, 4), "pinned neighbours are untouched");
	ashmem_munmap(other, 4 * PAGE);
	close_space(&space);
}

static void a40(void)
{
	struct space space = open_space(2);
	unsigned char *own = ashmem_mmap(NULL, PAGE, RW, MAP_PRIVATE, space.fd, 0);
	own[0] = 3;
	bool locked = mlock(space.at, 2 * PAGE) == 0;
	unpin(&space, 0, 2);
	purge(&space);
	check(!locked || page_is(&space, 0, 0), "mlock does not protect");
	check(own[0] == 3, "private memory stays");
	ashmem_munmap(own, PAGE);
	close_space(&space);
}

static void a41(void)
{
	struct space one = open_space(1), two = open_space(1), three = open_space(1);
	unpin(&one, 0, 1);
	unpin(&three, 0, 1);
	check(purge(&two) == 2 && page_is(&one, 0, 0) && page_is(&two, 0, 1) &&
			page_is(&three, 0, 0),
		"purge acts on all regions that this process holds");
	close_space(&one);
	close_space(&two);
	close_space(&three);
}

static void a56(void)
{
	struct space space = open_space(2);
	check(madvise(space.at, PAGE, MADV_DONTNEED) == 0 && page_is(&space, 0, 1),
		"MADV_DONTNEED keeps the data");
	check(madvise(space.at, PAGE, MADV_REMOVE) == 0 && page_is(&space, 0, 0) &&
			pin(&space, 0, 1) == ASHMEM_NOT_PURGED,
		"MADV_REMOVE frees them, and pin does not tell");
	ashmem_set_prot_region(space.fd, PROT_READ);
	void *look = ashmem_mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, space.fd, 0);
	check(madvise(look, 2 * PAGE, MADV_REMOVE) < 0 && errno == EACCES && page_is(&space, 1, 2),
		"through a read-only mapping EACCES");
	ashmem_munmap(look, 2 * PAGE);
	close_space(&space);
}

static void k7(void)
{
	struct space space = open_space(2);
	check(all_three_invalid(&space, 2 * PAGE, 0), "no ghost range at the end: EINVAL");
	check(status(&space, 1, 1) == ASHMEM_IS_PINNED && purge(&space) == 0 &&
			pin(&space, 1, 1) == ASHMEM_NOT_PURGED,
		"the last page is as it was");
	close_space(&space);
}

#if SIZE_MAX > UINT32_MAX
static void k9(void)
{
	size_t size = (size_t)1 << 32;
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "4 GiB", size);
	char *at = ashmem_mmap(NULL, size, RW, MAP_SHARED | MAP_NORESERVE, fd, 0);
	at[size - PAGE] = 1;
	check(ashmem_unpin_region(fd, 0, 0) == 0 &&
			ashmem_get_pin_status_region(fd, size - PAGE, PAGE) == 0,
		"of 4 GiB length 0 is all");
	check(ashmem_pin_region(fd, 0, size - PAGE) == 0 &&
			ashmem_get_pin_status_region(fd, size - 2 * PAGE, PAGE) == 1 &&
			ashmem_get_pin_status_region(fd, size - PAGE, PAGE) == 0,
		"its last page can be named alone");
	check(ashmem_purge_all_caches(fd) == 1 && at[size - PAGE] == 0, "and purged alone");
	ashmem_munmap(at, size);
	close(fd);
}
#else
static void k9(void)
{
	check(true, "(a size_t holds no 4 GiB)");
}
#endif

const struct clause pin_clauses[] = {
	{"A21", a21},
	{"A22", a22},
	{"A23", a23},
	{"A24", a24},
	{"A25", a25},
	{"A27", a27},
	{"A28", a28},
	{"A29", a29},
	{"A30", a30},
	{"A31", a31},
	{"A32", a32},
	{"A33", a33},
	{"A34", a34},
	{"A35", a35},
	{"A36", a36},
	{"A37", a37},
	{"A38", a38},
	{"A39", a39},
	{"A40", a40},
	{"A41", a41},
	{"A56", a56},
	{"K7", k7},
	{"K9", k9},
	{0},
};
