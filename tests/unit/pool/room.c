/* The budget, what goes when room is needed, and what is kept for the next. */
#include "support.h"

#include "common/huge_pages.h"

#include <errno.h>
#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CONTROL                                                                                    \
	((uint64_t)page_bytes()) /* of a region's control block, at most: budgets below leave that \
			    much a bitmap */

static struct fixture f;
static struct consumer c;

static void start(uint64_t budget, uint64_t keep, uint64_t quota)
{
	fixture_init_with(&f, &(struct pool_options){
				      .budget_bytes = budget,
				      .idle_ns = IDLE_NS,
				      .keep_bytes = keep,
				      .holder_pinned_bytes = quota,
			      });
	consumer_init(&f, &c, getuid());
}

/* Room for @count bitmaps of 2 MiB, nothing kept. */
static void init_for(unsigned count)
{
	start(count * (2 * MIB + CONTROL), 0, UINT64_MAX);
}

static void fini(void)
{
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

TestSuite(room, .fini = fini, .timeout = 60);

static int try_reserve(uint64_t bytes, struct pool_holder *holder)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(bytes);
	int r = pool_reserve(f.pool, &bitmap, getuid(), holder, f.now, &slot);
	check(&f);
	return r;
}

Test(room, the_oldest_idle_slot_goes_first)
{
	init_for(3);
	struct pool_slot *slot[3];
	for (unsigned i = 0; i < 3; i++) {
		slot[i] = slot_make_for(&f, &c, 2 * MIB, i);
		f.now += MS;
	}
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_revive(f.pool, slot[0], c.holder, f.now), 0);
	pass(&f, 2 * IDLE_NS);
	slot_make(&f, 2 * MIB, 9);
	check(&f);
	cr_assert_eq(pool_slot_state(slot[0]), BOARD_IDLE, "it was used since");
	cr_assert_eq(pool_slot_state(slot[1]), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(slot[2]), BOARD_IDLE);
}

Test(room, idle_goes_before_ready_and_ready_before_nothing)
{
	init_for(2);
	struct pool_slot *idle = slot_make_for(&f, &c, 2 * MIB, 1);
	pass(&f, IDLE_NS);
	struct pool_slot *ready = slot_make_for(&f, &c, 2 * MIB, 2);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(pool_slot_state(idle), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(ready), BOARD_READY);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(pool_slot_state(ready), BOARD_PURGED);
}

Test(room, what_was_prefetched_and_never_shown_goes_first)
{
	init_for(3);
	struct pool_slot *shown = slot_make_for(&f, &c, 2 * MIB, 1), *prefetched = NULL,
			 *seen = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &prefetched), 0);
	cr_assert_eq(pool_publish(f.pool, prefetched, 1000 * MS, true, f.now), 0);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &seen), 0);
	cr_assert_eq(pool_publish(f.pool, seen, 1000, true, f.now), 0);
	cr_assert_eq(pool_tell(f.pool, seen, c.holder, false, f.now), 0);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(f.forgotten, 1, "the prefetched one: nobody knew it");
	cr_assert_eq(pool_slot_state(shown), BOARD_IDLE);
	cr_assert_eq(pool_slot_state(seen), BOARD_IDLE);
}

Test(room, telling_of_an_idle_prefetched_slot_moves_it_back)
{
	init_for(2);
	struct pool_slot *prefetched = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	struct pool_slot *shown = slot_make_for(&f, &c, 2 * MIB, 1);
	pass(&f, IDLE_NS);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &prefetched), 0);
	cr_assert_eq(pool_publish(f.pool, prefetched, 1000 * MS, true, f.now), 0);
	pass(&f, IDLE_NS);
	cr_assert_eq(pool_tell(f.pool, prefetched, c.holder, false, f.now), 0);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(pool_slot_state(shown), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(prefetched), BOARD_IDLE);
}

Test(room, what_is_marked_visible_goes_last_also_when_marked_after_it_went_idle)
{
	init_for(3);
	struct pool_slot *slot[3];
	for (unsigned i = 0; i < 3; i++) {
		slot[i] = slot_make_for(&f, &c, 2 * MIB, i);
		f.now += MS;
	}
	consumer_show(&c, slot[0], 1);
	pass(&f, 2 * IDLE_NS);
	consumer_show(&c, slot[1], 1);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(pool_slot_state(slot[2]), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(slot[0]), BOARD_IDLE);
	cr_assert_eq(pool_slot_state(slot[1]), BOARD_IDLE);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0, "last, but not never");
}

Test(room, when_all_is_pinned_the_request_fails_and_nothing_is_lost)
{
	init_for(2);
	struct pool_slot *slot[2];
	for (unsigned i = 0; i < 2; i++) {
		slot[i] = slot_make_for(&f, &c, 2 * MIB, i);
		consumer_pin(&c, slot[i]);
	}
	cr_assert_eq(try_reserve(2 * MIB, NULL), -ENOSPC);
	cr_assert_eq(slot_verify(&f, slot[0], 0), -1);
	cr_assert_eq(slot_verify(&f, slot[1], 1), -1);
	cr_assert(consumer_unpin(&c, slot[1]), "who waits for room hears of it");
	pool_nudge(f.pool, slot[1], f.now);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	consumer_unpin(&c, slot[0]);
}

Test(room, nothing_is_purged_in_vain)
{
	init_for(3);
	struct pool_slot *pinned = slot_make_for(&f, &c, 2 * MIB, 1),
			 *a = slot_make_for(&f, &c, 2 * MIB, 2);
	pass(&f, IDLE_NS);
	struct pool_slot *b = slot_make_for(&f, &c, 2 * MIB, 3);
	cr_assert_eq(pool_revive(f.pool, pinned, c.holder, f.now), 0);
	cr_assert_eq(consumer_pin(&c, pinned), BOARD_PINNED);
	cr_assert_eq(try_reserve(5 * MIB, NULL), -ENOSPC);
	cr_assert_eq(pool_slot_state(a), BOARD_IDLE);
	cr_assert_eq(
		pool_slot_state(b), BOARD_IDLE, "nobody used it, so it may be, but it is not lost");
	cr_assert_eq(stats_of(&f).purges, 0);
}

Test(room, nothing_small_is_purged_in_vain_either)
{
	if (page_bytes() >= 64 << 10)
		cr_skip_test("here a page is enough for what is asked for below");
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	pool_shrink(f.pool, UINT64_MAX, f.now);
	slot_make_for(&f, &c, page_bytes(), 1);
	struct mural_stats s =
		stats_of(&f); /* a slab's control block, a page of it, scratch memory kept */
	consumer_fini(&f, &c);
	fixture_fini(&f);

	start(2 * MIB + CONTROL + s.used_bytes, UINT64_MAX, UINT64_MAX);
	struct pool_slot *idle = slot_make_for(&f, &c, page_bytes(), 1);
	pass(&f, 2 * IDLE_NS);
	struct pool_slot *pinned = slot_make_for(&f, &c, 2 * MIB, 2);
	consumer_pin(&c, pinned);
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
	/* There is scratch memory for it, but no room in the slab's part of the budget. */
	cr_assert_eq(try_reserve(60000, NULL), -ENOSPC);
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
}

Test(room, what_is_larger_than_the_budget_is_refused_at_once)
{
	init_for(2);
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	cr_assert_eq(try_reserve(4 * MIB + 2 * CONTROL, NULL), -EFBIG);
	cr_assert_eq(try_reserve(64 * MIB, NULL), -EFBIG);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
}

/* Sparse, so that it takes no memory. With 32 bits a size of 4 GiB and 16 MiB would be cut to 16.
 */
Test(room, what_nobody_can_map_is_refused_at_once)
{
	bool mappable = SIZE_MAX > UINT32_MAX;
	start(UINT64_C(1) << 40, 0, UINT64_MAX);
	cr_assert_eq(try_reserve(4112 * MIB, NULL), mappable ? 0 : -EFBIG);
	cr_assert_eq(try_reserve(2048 * MIB, NULL), mappable ? 0 : -EFBIG);
	cr_assert_eq(try_reserve(64 * MIB, NULL), 0);
}

Test(room, a_small_one_can_be_larger_than_a_budget_too)
{
	start(100000, 0, UINT64_MAX);
	cr_assert_eq(try_reserve(40000, NULL), -EFBIG);
}

Test(room, all_of_the_budget_can_be_used)
{
	init_for(4);
	for (unsigned i = 0; i < 4; i++)
		consumer_pin(&c, slot_make_for(&f, &c, 2 * MIB, i));
	struct mural_stats s = stats_of(&f);
	cr_assert_eq(s.pinned_bitmaps, 4);
	cr_assert_geq(s.pinned_bytes, 8 * MIB);
	cr_assert_eq(s.ready_bitmaps, 0);
	cr_assert_eq(s.ready_bytes, 0);
}

Test(room, idle_thumbnails_and_their_slab_make_room_for_one_large_bitmap)
{
	start(2 * MIB + CONTROL, 0, UINT64_MAX);
	for (unsigned i = 0; i < 20; i++)
		slot_make_for(&f, &c, 50000, i);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(try_reserve(2 * MIB, NULL), 0);
	cr_assert_eq(stats_of(&f).idle_bitmaps, 0);
}

/* ---- quotas ---- */

Test(room, a_holder_that_has_too_much_pinned_is_refused_alone)
{
	struct consumer other;
	start(64 * MIB, 0, 5 * MIB);
	consumer_init(&f, &other, getuid());
	struct pool_slot *a = slot_make_for(&f, &c, 2 * MIB, 1),
			 *b = slot_make_for(&f, &c, 2 * MIB, 2);
	consumer_pin(&c, a);
	consumer_pin(&c, b);
	cr_assert_eq(try_reserve(2 * MIB, c.holder), -EDQUOT);
	cr_assert_eq(try_reserve(MIB - 4 * CONTROL, c.holder), 0, "there is so much left");
	cr_assert_eq(try_reserve(2 * MIB, other.holder), 0);
	consumer_unpin(&c, a);
	cr_assert_eq(try_reserve(2 * MIB, c.holder), 0);
	consumer_fini(&f, &other);
}

Test(room, a_holder_that_does_not_flag_its_marks_has_no_more)
{
	start(64 * MIB, 0, 5 * MIB);
	for (unsigned i = 0; i < 2; i++)
		consumer_pin(&c, slot_make_for(&f, &c, 2 * MIB, i));
	atomic_store(&c.pins->head.flag[0], 0);
	cr_assert_eq(try_reserve(2 * MIB, c.holder), -EDQUOT);
}

Test(room, what_is_ready_but_not_pinned_does_not_count_against_a_holder)
{
	start(64 * MIB, 0, 5 * MIB);
	for (unsigned i = 0; i < 6; i++)
		slot_make_for(&f, &c, 2 * MIB, i);
	cr_assert_eq(try_reserve(2 * MIB, c.holder), 0);
}

Test(room, the_quota_holds_for_revivals_and_re_decodes)
{
	start(64 * MIB, 0, 5 * MIB);
	struct pool_slot *idle = slot_make_for(&f, &c, 2 * MIB, 1),
			 *purged = slot_make_for(&f, &c, 2 * MIB, 2);
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_refill(f.pool, idle, NULL, f.now), 0);
	cr_assert_eq(pool_publish(f.pool, idle, 1, false, f.now), 0);
	pass(&f, 2 * IDLE_NS);
	for (unsigned i = 0; i < 2; i++)
		consumer_pin(&c, slot_make_for(&f, &c, 2 * MIB, i));
	cr_assert_eq(pool_revive(f.pool, idle, c.holder, f.now), -EDQUOT);
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
	cr_assert_eq(pool_refill(f.pool, purged, c.holder, f.now), -EDQUOT);
	cr_assert_eq(pool_slot_state(purged), BOARD_PURGED);
	cr_assert_eq(pool_revive(f.pool, idle, NULL, f.now), 0);
}

/* ---- shrink ---- */

Test(room, shrinking_frees_what_is_asked_and_at_most_one_slot_beyond)
{
	init_for(8);
	for (unsigned i = 0; i < 8; i++)
		slot_make_for(&f, &c, 2 * MIB, i);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_shrink(f.pool, 0, f.now), 0);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
	cr_assert_eq(pool_shrink(f.pool, 2 * MIB, f.now), 2 * MIB);
	cr_assert_eq(pool_shrink(f.pool, 2 * MIB + 1, f.now), 4 * MIB);
	cr_assert_eq(stats_of(&f).purges, 4);
	cr_assert_eq(pool_purgeable_bytes(f.pool), stats_of(&f).idle_bytes);
	cr_assert_eq(pool_shrink(f.pool, UINT64_MAX, f.now), 8 * MIB);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
}

Test(room, what_shrinking_says_is_what_the_kernel_got)
{
	init_for(4);
	for (unsigned i = 0; i < 3; i++)
		slot_make_for(&f, &c, 2 * MIB, i);
	/* Never written: nothing to give back. */
	struct pool_slot *empty = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &empty), 0);
	cr_assert_eq(pool_publish(f.pool, empty, 1, true, f.now), 0);
	uint64_t before = stats_of(&f).allocated_bytes;
	uint64_t freed = pool_shrink(f.pool, 3 * MIB, f.now);
	cr_assert_eq(freed, 4 * MIB);
	uint64_t control = 3 * CONTROL; /* of the three regions that went, beside their data */
	cr_assert_eq(before - stats_of(&f).allocated_bytes, freed + control);
}

Test(room, kept_regions_go_before_anything_else)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1), *failed = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &failed), 0);
	slot_fill(failed, 2);
	pool_abandon(f.pool, failed);
	cr_assert_geq(stats_of(&f).kept_bytes, 2 * MIB);
	cr_assert_geq(pool_purgeable_bytes(f.pool), 2 * MIB);
	pass(&f, 2 * IDLE_NS);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
	cr_assert_eq(stats_of(&f).kept_bytes, 0);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

/* ---- reuse ---- */

static uint64_t region_of(const struct pool_slot *slot)
{
	uint64_t region = 0, size = 0, offset = 0;
	pool_slot_place(slot, &region, &size, &offset);
	return region;
}

/* Maps all of a slot's region as a reader may, also what lies behind the data. */
static volatile const char *map_whole_file(const struct pool_slot *slot, size_t *ret_size)
{
	int fd = -1;
	struct stat st;
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	cr_assert_eq(fstat(fd, &st), 0);
	*ret_size = (size_t)st.st_size;
	volatile const char *base = mmap(NULL, *ret_size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(base, MAP_FAILED);
	close(fd);
	return base;
}

Test(room, what_a_reader_fills_beyond_a_regions_charge_is_told)
{
	const uint64_t bytes = MIB + MIB / 2; /* no whole huge page, so not rounded up to one */
	size_t size[2];
	struct pool_slot *filling;
	struct pool_bitmap bitmap = bitmap_of(bytes);
	start(64 * MIB, 16 * MIB, UINT64_MAX);
	struct pool_slot *ready = slot_make_for(&f, &c, bytes, 1);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &filling), 0);
	volatile const char *base[] = {
		map_whole_file(ready, &size[0]), map_whole_file(filling, &size[1])};
	pool_abandon(f.pool, filling);
	cr_assert_geq(stats_of(&f).kept_bytes, bytes);
	for (size_t i = 0; i < bytes; i += page_bytes())
		(void)base[1][i];
	cr_assert_eq(stats_of(&f).stray_bytes, 0, "a kept region is charged in full");
	(void)base[1][bytes];
	uint64_t kept = stats_of(&f).stray_bytes;
	cr_assert_geq(
		kept, page_bytes(), "but not what lies between its data and its control block");
	(void)base[0][bytes];
	cr_assert_geq(stats_of(&f).stray_bytes, kept + page_bytes());
	cr_assert_eq(slot_verify(&f, ready, 1), -1);
	pool_purge(f.pool, f.now);
	cr_assert_eq(stats_of(&f).stray_bytes, 0, "of what is given back nothing is known");
	for (int i = 0; i < 2; i++)
		munmap((void *)(uintptr_t)base[i], size[i]);
}

Test(room, the_region_of_what_goes_is_used_for_what_comes)
{
	init_for(1);
	uint64_t region = region_of(slot_make_for(&f, &c, 2 * MIB, 1));
	pass(&f, 2 * IDLE_NS);
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 2);
	cr_assert_eq(region_of(slot), region, "consumers need no new mapping");
	cr_assert_eq(slot_verify(&f, slot, 2), -1);
	cr_assert_eq(f.gone_count, 0);
	cr_assert_eq(stats_of(&f).reuses, 1);
}

static struct pool_slot *reserve_as(uid_t uid, uint64_t bytes)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(bytes);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, uid, NULL, f.now, &slot), 0);
	check(&f);
	return slot;
}

Test(room, regions_are_reused_only_within_a_user)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	pool_abandon(f.pool, reserve_as(1000, 2 * MIB));
	reserve_as(1001, 2 * MIB);
	cr_assert_eq(stats_of(&f).reuses, 0);
	reserve_as(1000, 2 * MIB);
	cr_assert_eq(stats_of(&f).reuses, 1);
}

static bool huge_pages_are_on(void)
{
	return huge_pages_of_shared_memory(HUGE_PAGES_FOLDER).pages != HUGE_PAGES_NONE;
}

static enum pool_filling filling_of(const struct pool_slot *slot)
{
	return pool_window_filling(f.pool, slot, f.now);
}

Test(room, rows_are_written_only_into_a_file_of_their_own)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	cr_assert_eq(
		filling_of(reserve_as(1000, MIB)), huge_pages_are_on() ? POOL_MAP : POOL_WRITE);
	cr_assert_eq(filling_of(reserve_as(1000, 20000)), POOL_MAP, "a slab's scratch");
}

Test(room, rows_are_written_only_where_there_is_no_memory_yet)
{
	if (huge_pages_are_on())
		cr_skip("huge pages fault in as quickly");
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	struct pool_slot *slot = reserve_as(1000, MIB);
	slot_fill(slot, 1);
	pool_abandon(f.pool, slot);
	cr_assert_eq(filling_of(reserve_as(1000, MIB)), POOL_MAP);
	pool_abandon(f.pool, reserve_as(1000, MIB + MIB / 2));
	cr_assert_eq(filling_of(reserve_as(1000, MIB + MIB / 2)), POOL_WRITE, "kept, but empty");
	cr_assert_eq(stats_of(&f).reuses, 2);
}

Test(room, a_region_that_another_user_can_read_is_not_reused)
{
	struct consumer other;
	start(2 * MIB + CONTROL, UINT64_MAX, UINT64_MAX);
	consumer_init(&f, &other, getuid() + 1);
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, other.holder, false, f.now), 0);
	slot_make(&f, 2 * MIB, 2);
	cr_assert_eq(stats_of(&f).reuses, 0);
	consumer_fini(&f, &other);
}

Test(room, the_smallest_kept_region_that_fits_is_taken_and_no_much_larger_one)
{
	start(128 * MIB, 64 * MIB, UINT64_MAX);
	struct pool_slot *a = reserve_as(1, 16 * MIB), *b = reserve_as(1, 18 * MIB),
			 *d = reserve_as(1, 2 * MIB);
	pool_abandon(f.pool, b);
	pool_abandon(f.pool, a);
	pool_abandon(f.pool, d);
	cr_assert_eq(stats_of(&f).kept_bytes / MIB, 36);
	reserve_as(1, 4 * MIB);
	cr_assert_eq(stats_of(&f).reuses, 0, "neither half as large nor twice as large");
	struct pool_slot *taken = reserve_as(1, 16 * MIB - page_bytes());
	uint64_t region = 0, size = 0, offset = 0;
	pool_slot_place(taken, &region, &size, &offset);
	cr_assert_eq(size, 16 * MIB, "not the one of 18");
	reserve_as(1, 16 * MIB);
	cr_assert_eq(stats_of(&f).kept_bytes / MIB, 2);
	cr_assert_eq(stats_of(&f).reuses, 2);
}

Test(room, what_is_kept_is_limited)
{
	start(64 * MIB, 5 * MIB, UINT64_MAX);
	struct pool_slot *slot[4];
	for (unsigned i = 0; i < 4; i++)
		slot[i] = reserve_as(1, 2 * MIB);
	for (unsigned i = 0; i < 4; i++) {
		pool_abandon(f.pool, slot[i]);
		cr_assert_leq(stats_of(&f).kept_bytes, 5 * MIB);
	}
	cr_assert_geq(stats_of(&f).kept_bytes, 4 * MIB);
	cr_assert_eq(stats_of(&f).regions, 2);
}

/* All bytes of a region that are not the slot's pixels. */
static void expect_rest_is_zero(const struct pool_slot *slot)
{
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0, pixels = pool_slot_bitmap(slot)->size_bytes;
	pool_slot_place(slot, &region, &size, &offset);
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	const char *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(base, MAP_FAILED);
	for (uint64_t i = pixels; i < size; i++)
		cr_assert_eq(base[i], 0, "byte %llu behind the pixels",
			(unsigned long long)(i - pixels));
	munmap((void *)(uintptr_t)base, size);
	close(fd);
}

Test(room, behind_a_reused_regions_pixels_nothing_of_the_last_picture_shows)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	struct pool_slot *before = reserve_as(getuid(), 4 * MIB);
	slot_fill(before, 1);
	pool_abandon(f.pool, before);
	struct pool_slot *slot = slot_make(&f, 4 * MIB - 70000, 2);
	cr_assert_eq(stats_of(&f).reuses, 1);
	expect_rest_is_zero(slot);
	cr_assert_eq(slot_verify(&f, slot, 2), -1);
}

static struct pool_slot *reserve_odd(uint32_t height)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = {.format = MURAL_FORMAT_RGB565, .width = 333, .height = height};
	cr_assert(mural_bitmap_layout(
		bitmap.format, bitmap.width, height, &bitmap.stride_bytes, &bitmap.size_bytes));
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	return slot;
}

static void expect_padding_is_zero(uint32_t height)
{
	int fd = -1;
	uint64_t offset = 0, length = 0;
	uint16_t padding = 1;
	struct pool_slot *slot = reserve_odd(height);
	slot_fill(slot, 77);
	pool_abandon(f.pool, slot);
	slot = reserve_odd(height);
	cr_assert_gt(stats_of(&f).reuses, 0);
	pool_window(slot, &fd, &offset, &length);
	for (uint32_t y = 0; y < height; y++) {
		off_t at = (off_t)(offset + y * pool_slot_bitmap(slot)->stride_bytes + 666);
		cr_assert_eq(pread(fd, &padding, 2, at), 2);
		cr_assert_eq(padding, 0, "row %u", y);
	}
}

Test(room, the_padding_of_a_reused_regions_rows_is_empty)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	expect_padding_is_zero(1700);
}

Test(room, a_reused_region_is_charged_in_full)
{
	start(64 * MIB, UINT64_MAX, UINT64_MAX);
	struct pool_slot *before = reserve_as(1, 4 * MIB);
	pool_abandon(f.pool, before);
	reserve_as(1, 4 * MIB - 256 * 1024);
	cr_assert_geq(stats_of(&f).filling_bytes, 4 * MIB);
}
