/* Which regions are made of huge pages, how large they are then, and when that is not tried. */
#include "huge.h"
#include "support.h"

#include "common/collapse.h"
#include "common/huge_pages.h"

#define SECOND (1000 * MS)

static const uint64_t HUGE = MURAL_HUGE_PAGE_SIZE;

static uint64_t rounded(struct huge huge, uint64_t bytes)
{
	uint64_t taken = 0;
	cr_assert(huge_round(&huge, bytes, &taken));
	return taken;
}

Test(huge, sizes_are_rounded_to_what_they_will_take)
{
	const struct huge none = {.from = UINT64_MAX}, advised = {.from = HUGE}, always = {0};
	const uint64_t page = page_bytes();
	uint64_t bytes;
	cr_assert_eq(rounded(none, 3000001), 3000001 / page * page + page);
	cr_assert_eq(rounded(advised, 3000001), 2 * HUGE);
	cr_assert_eq(rounded(advised, HUGE - page - 1), HUGE - page);
	cr_assert_eq(rounded(always, 70000), HUGE);
	cr_assert_not(huge_round(&always, UINT64_MAX, &bytes));
}

Test(huge, what_is_collapsed_may_end_in_small_pages)
{
	const struct huge made = {.from = UINT64_MAX, .collapses = true};
	const uint64_t page = page_bytes();
	cr_assert_eq(rounded(made, 8 * HUGE - HUGE / 2), 8 * HUGE, "a fifteenth goes to waste");
	cr_assert_eq(rounded(made, 4 * 1280 * 720), 2 * HUGE, "nearly an eighth of that");
	cr_assert_eq(rounded(made, HUGE + page), HUGE + page, "it would be nearly half");
	cr_assert_eq(rounded(made, HUGE), HUGE);
	cr_assert_eq(rounded(made, 1), page);
}

Test(huge, each_failure_doubles_the_pause_and_each_success_halves_the_next)
{
	struct huge huge = {.from = UINT64_MAX, .collapses = true};
	uint64_t now = 1, pause = 2 * SECOND;
	cr_assert(huge_may_collapse(&huge, HUGE, now));
	cr_assert_not(huge_may_collapse(&huge, HUGE - 1, now), "no whole one fits");
	for (int i = 0; i < 10; i++) {
		huge_collapsed(&huge, false, now);
		cr_assert_not(huge_may_collapse(&huge, HUGE, now + pause - 1));
		now += pause;
		cr_assert(huge_may_collapse(&huge, HUGE, now));
		pause = pause < 64 * SECOND ? 2 * pause : pause;
	}
	for (int i = 0; i < 4; i++) {
		huge_collapsed(&huge, true, now);
		cr_assert(huge_may_collapse(&huge, HUGE, now));
	}
	huge_collapsed(&huge, false, now);
	cr_assert_not(huge_may_collapse(&huge, HUGE, now + 8 * SECOND - 1));
	cr_assert(huge_may_collapse(&huge, HUGE, now + 8 * SECOND));
}

Test(huge, of_several_that_fail_together_one_counts)
{
	struct huge huge = {.from = UINT64_MAX, .collapses = true};
	for (uint64_t now = 1; now <= 8; now++)
		huge_collapsed(&huge, false, now);
	cr_assert_not(huge_may_collapse(&huge, HUGE, 2 * SECOND));
	cr_assert(huge_may_collapse(&huge, HUGE, 2 * SECOND + 1));
}

Test(huge, a_pool_says_so_of_its_windows)
{
	struct fixture f;
	if (huge_pages_of_shared_memory(HUGE_PAGES_FOLDER).pages != HUGE_PAGES_NONE)
		cr_skip("they come by themselves");
	if (!collapse_works())
		cr_skip("they can not be made here");
	fixture_init(&f, 64 * MIB);
	struct pool_slot *slot = NULL;
	const struct pool_bitmap bitmap = bitmap_of(4 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	cr_assert_eq(pool_window_filling(f.pool, slot, f.now), POOL_COLLAPSE);
	pool_collapsed(f.pool, false, f.now);
	cr_assert_eq(pool_window_filling(f.pool, slot, f.now), POOL_WRITE);
	cr_assert_eq(pool_window_filling(f.pool, slot, f.now + 2 * SECOND), POOL_COLLAPSE);
	slot_fill(slot, 1);
	cr_assert_eq(pool_window_filling(f.pool, slot, f.now + 2 * SECOND), POOL_MAP);
	fixture_fini(&f);
}
