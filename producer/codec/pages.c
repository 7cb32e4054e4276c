#include "pages.h"

#include "common/populate.h"
#include "common/util.h"

#include <mural/pixel.h>
#include <sys/mman.h>

/* A fault for reading maps what is there of the 64 KiB around it, writable all the same where
 * memory is shared; one for writing a page alone. */
#define AROUND_BYTES ((size_t)64 << 10)

static uint8_t *page_of(uint8_t *at)
{
	return at - (uintptr_t)at % page_bytes();
}

static bool map_around(uint8_t *at)
{
	return madvise(page_of(at), page_bytes(), MADV_POPULATE_READ) == 0;
}

/* Of all pages at once, MADV_POPULATE_READ faults as often, and then looks at each once more: 1 MP
 * by a ready process 3.83 ms, with single pages 3.67 (bench/worker_cost.c). MADV_POPULATE_WRITE,
 * like writing, faults for each. */
void pages_map(uint8_t *from, size_t length)
{
	for (size_t at = 0; at < length; at += AROUND_BYTES)
		if (!map_around(from + at))
			return;
	/* The last step may have stopped short of the 64 KiB where the end lies. */
	if (length > 0)
		map_around(from + length - 1);
}

static void make_all(void *context)
{
	const struct picture_target *target = ((struct pages *)context)->target;
	uint8_t *first = page_of(target->pixels);
	uint8_t *end = target->pixels + (size_t)target->height * target->stride_bytes;
	for (uint8_t *at = first; at < end;) {
		/* A piece ends where a huge page does. */
		size_t left = (size_t)(end - at);
		size_t piece = MURAL_HUGE_PAGE_SIZE - (uintptr_t)at % MURAL_HUGE_PAGE_SIZE;
		if (madvise(at, piece < left ? piece : left, MADV_POPULATE_READ) < 0)
			return;
		at += piece;
	}
}

void pages_begin(struct pages *pages, const struct picture_target *target)
{
	*pages = (struct pages){.task = {.run = make_all, .context = pages}, .target = target};
	uint64_t bytes = (uint64_t)target->height * target->stride_bytes;
	if (bytes >= PAGES_WORTH_BYTES && !team_start(target->team, &pages->task))
		pages_map(target->pixels, (size_t)bytes);
}

void pages_end(struct pages *pages)
{
	team_wait(&pages->task);
}
