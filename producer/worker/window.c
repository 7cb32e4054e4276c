/* A decoder's view of the memory it was given. Never resized: mremap is refused to a decoder. */
#include "window.h"

#include "common/util.h"

#include <sys/mman.h>

/* Address space where a mapping of the file from @offset on can use huge pages: address and offset
 * agree modulo their size. */
static uint8_t *reserve_aligned(uint64_t offset, size_t length)
{
	size_t room;
	if (__builtin_add_overflow(length, MURAL_HUGE_PAGE_SIZE, &room))
		return MAP_FAILED;
	uint8_t *reserved =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (reserved == MAP_FAILED)
		return MAP_FAILED;
	size_t before = (size_t)((offset - (uintptr_t)reserved) & (MURAL_HUGE_PAGE_SIZE - 1));
	if (before > 0)
		munmap(reserved, before);
	munmap(reserved + before + length, room - before - length);
	return reserved + before;
}

int window_map(int fd, uint64_t offset, uint64_t length, struct window *ret)
{
	if (length == 0 || length > SIZE_MAX / 2 || (offset | length) % page_bytes() != 0)
		return -EINVAL;
	uint8_t *place = NULL;
	int fixed = 0;
	if (length >= MURAL_HUGE_PAGE_SIZE) {
		place = reserve_aligned(offset, (size_t)length);
		if (place == MAP_FAILED)
			return -errno;
		fixed = MAP_FIXED;
	}
	uint8_t *pixels = mmap(place, (size_t)length, PROT_READ | PROT_WRITE, MAP_SHARED | fixed,
		fd, (off_t)offset);
	if (pixels == MAP_FAILED)
		return -errno;
	if (fixed)
		madvise(pixels, (size_t)length,
			MADV_HUGEPAGE); /* not everywhere, and only quicker */
	ret->pixels = pixels;
	ret->length = (size_t)length;
	return 0;
}
