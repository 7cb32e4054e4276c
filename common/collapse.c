/* The kernel collapses pages that are there into huge ones; of none it makes none. One page for
 * each is enough: the rest of a huge page is cleared, which takes a tenth of the time that 512
 * small ones take (bench/README.md). Where free memory is in pieces the kernel first moves other
 * pages out of the way, and that can take milliseconds for each. */
#include "common/collapse.h"

#include "common/populate.h"
#include "common/util.h"

#include <fcntl.h>
#include <time.h>

/* Each call makes all processors give up what they have set aside, so that one for each huge page
 * would be too many; but in vain a piece costs as much as it is large. */
#define PIECE_BYTES ((size_t)4 << 20)
/* Clearing a huge page takes 0.03 ms of processor time for each MiB, writing small ones 0.3. Where
 * memory is full of files' pages, making room takes milliseconds for one and nothing for the next,
 * and what is huge by then need not be written: 92 MiB took 23 ms on the average and 40 at worst,
 * with half of this limit 22 and 37, and written in small ones 28 and 33. */
#define NS_PER_MIB UINT64_C(1000000)

static bool collapse_piece(uint8_t *from, size_t length)
{
	for (size_t at = 0; at < length; at += MURAL_HUGE_PAGE_SIZE)
		(void)*(volatile uint8_t *)(from + at);
	return madvise(from, length, MADV_COLLAPSE) == 0;
}

static bool collapse_quickly(uint8_t *from, size_t length)
{
	uint64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	return collapse_piece(from, length) &&
	       clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns <= (length >> 20) * NS_PER_MIB;
}

bool collapse(uint8_t *from, size_t length)
{
	const size_t huge = length - length % MURAL_HUGE_PAGE_SIZE;
	/* One shows what the next will take, two what the next two will. */
	for (size_t at = 0, piece; at < huge; at += piece) {
		piece = at == 0 ? MURAL_HUGE_PAGE_SIZE : min_u64(at, PIECE_BYTES);
		piece = min_u64(piece, huge - at);
		if (!collapse_quickly(from + at, piece))
			return false;
	}
	return huge == length || madvise(from + huge, length - huge, MADV_POPULATE_WRITE) == 0;
}

/* Of less than a huge page the kernel makes none, but says EINVAL all the same where it, or a
 * setting, does not let anybody, and where none fits, since they are larger. (5.10 to 7.3 have been
 * tried: no setting but says the same as when one is made. That takes 0.2 ms, and 5 where a virtual
 * machine has to ask its host for it.) A mapping of two huge pages' length has a whole one in it,
 * wherever it lies; but the file's must begin there, too. */
static bool ask_in(uint8_t *room, int fd)
{
	uint8_t *at = room + (-(uintptr_t)room & (MURAL_HUGE_PAGE_SIZE - 1));
	if (mmap(at, MURAL_HUGE_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
		MAP_FAILED)
		return false;
	return madvise(at, page_bytes(), MADV_COLLAPSE) == 0 || errno != EINVAL;
}

bool collapse_works(void)
{
	const size_t room_bytes = 2 * MURAL_HUGE_PAGE_SIZE;
	CLEANUP(close_p) int fd = memfd_create("mural-collapse", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)MURAL_HUGE_PAGE_SIZE) < 0)
		return false;
	uint8_t *room = mmap(NULL, room_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return false;
	bool works = ask_in(room, fd);
	munmap(room, room_bytes);
	return works;
}
