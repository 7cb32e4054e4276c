/* See huge.h. */
#include "huge.h"

#include "state.h"

#include "common/collapse.h"
#include "common/huge_pages.h"
#include "common/util.h"

/* Free memory that is in pieces comes together again when programs end, or when the kernel compacts
 * it; a try costs as much as a small picture. */
#define PAUSE_FIRST_NS (2000 * NS_PER_MS)
#define PAUSE_LAST_NS (64000 * NS_PER_MS)

/* Of a region that is made by MADV_COLLAPSE, whose tail may as well be of small pages: the part
 * that may go to waste (1280 x 720 pixels of 4 bytes waste 0.48 of 4 MiB). */
#define WASTE_PART 8

void huge_init(struct huge *huge, bool collapse)
{
	*huge = (struct huge){.from = UINT64_MAX};
	switch (huge_pages_of_shared_memory(HUGE_PAGES_FOLDER).pages) {
	case HUGE_PAGES_ADVISED:
		huge->from = MURAL_HUGE_PAGE_SIZE;
		break;
	case HUGE_PAGES_ALWAYS:
		huge->from = 0;
		break;
	case HUGE_PAGES_NONE:
	default:
		huge->collapses = collapse && collapse_works();
	}
}

static uint64_t unit_of(const struct huge *huge, uint64_t bytes)
{
	uint64_t left = -bytes % MURAL_HUGE_PAGE_SIZE;
	bool whole = huge->collapses ? left <= (bytes + left) / WASTE_PART : bytes > huge->from;
	return whole ? MURAL_HUGE_PAGE_SIZE : page_bytes();
}

bool huge_round(const struct huge *huge, uint64_t bytes, uint64_t *ret)
{
	uint64_t rounded;
	if (!round_up_to(bytes, unit_of(huge, bytes), &rounded) || rounded > PTRDIFF_MAX)
		return false;
	*ret = rounded;
	return true;
}

bool huge_may_collapse(const struct huge *huge, uint64_t capacity, uint64_t now_ns)
{
	return huge->collapses && capacity >= MURAL_HUGE_PAGE_SIZE && now_ns >= huge->again_ns;
}

void huge_collapsed(struct huge *huge, bool good, uint64_t now_ns)
{
	/* As many as there are workers may have begun together, and found the same. */
	if (!good && now_ns < huge->again_ns)
		return;
	huge->pause_ns = good ? huge->pause_ns / 2 : 2 * huge->pause_ns;
	huge->pause_ns = min_u64(max_u64(huge->pause_ns, PAUSE_FIRST_NS), PAUSE_LAST_NS);
	huge->again_ns = good ? 0 : now_ns + huge->pause_ns;
}
