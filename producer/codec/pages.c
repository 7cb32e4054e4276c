#include "pages.h"

#include "common/populate.h"
#include "common/util.h"

#include <mural/pixel.h>
#include <sys/mman.h>

/* Reading, because it maps pages that are there already in batches, and writable all the same: a
 * reused 32 MiB took 5.5 ms to fill, with MADV_POPULATE_WRITE 11, without either 19; fresh memory
 * 34 in all three cases. */
void pages_make(uint8_t *from, size_t length)
{
	uintptr_t first = (uintptr_t)from & ~(uintptr_t)(page_bytes() - 1);
	uintptr_t end = (uintptr_t)from + length;
	while (first < end) {
		/* A piece ends where a huge page does. */
		uintptr_t next = (first | (MURAL_HUGE_PAGE_SIZE - 1)) + 1;
		size_t size = (size_t)((next < end ? next : end) - first);
		if (madvise((void *)first, size, MADV_POPULATE_READ) < 0)
			return;
		first = next;
	}
}

static void make_all(void *context)
{
	const struct picture_target *target = ((struct pages *)context)->target;
	pages_make(target->pixels, (size_t)target->height * target->stride_bytes);
}

void pages_begin(struct pages *pages, const struct picture_target *target)
{
	*pages = (struct pages){.task = {.run = make_all, .context = pages}, .target = target};
	if ((uint64_t)target->height * target->stride_bytes < PAGES_WORTH_BYTES)
		return;
	if (!team_start(target->team, &pages->task))
		make_all(pages);
}

void pages_end(struct pages *pages)
{
	team_wait(&pages->task);
}
