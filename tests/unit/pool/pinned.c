/* What stat says of pinned bitmaps: exactly those that a board pins, however it came to be known.
 */
#include "support.h"

#include <sys/mman.h>

static struct fixture f;
static struct consumer a, b;

static void init(void)
{
	fixture_init(&f, 64 * MIB);
	consumer_init(&f, &a, getuid());
	consumer_init(&f, &b, getuid());
}

static void fini(void)
{
	check(&f);
	consumer_fini(&f, &a);
	consumer_fini(&f, &b);
	fixture_fini(&f);
}

TestSuite(pinned, .init = init, .fini = fini, .timeout = 60);

static void expect_pinned(uint32_t bitmaps, uint64_t bytes)
{
	struct mural_stats stats = stats_of(&f);
	cr_assert_eq(stats.pinned_bitmaps, bitmaps, "%u, not %u", stats.pinned_bitmaps, bitmaps);
	cr_assert_geq(stats.pinned_bytes, bytes);
	cr_assert_eq(stats.pinned_bytes == 0, bitmaps == 0);
}

/* Who does not mark what it changes hurts itself alone. */
Test(pinned, a_count_is_read_again_only_when_it_is_marked)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	expect_pinned(0, 0);
	atomic_store(&a.pins->slot[pool_slot_number(slot)].pins, 1);
	expect_pinned(0, 0);
	board_mark(a.pins, pool_slot_number(slot));
	expect_pinned(1, 2 * MIB);
	atomic_store(&a.pins->slot[pool_slot_number(slot)].pins, 0);
	expect_pinned(1, 2 * MIB);
	board_mark(a.pins, pool_slot_number(slot));
	expect_pinned(0, 0);
}

/* The page was read for another slot, and the mark taken. */
Test(pinned, a_pin_from_before_it_was_told_counts_from_then_on)
{
	struct pool_slot *known = slot_make_for(&f, &a, 2 * MIB, 1), *slot = slot_make(&f, MIB, 2);
	consumer_pin(&a, known);
	consumer_pin(&a, slot);
	consumer_show(&a, slot, true);
	expect_pinned(1, 2 * MIB);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, false, f.now), 0);
	expect_pinned(2, 3 * MIB);
	check(&f);
	consumer_unpin(&a, known);
	consumer_unpin(&a, slot);
	expect_pinned(0, 0);
}

Test(pinned, a_released_one_counts_while_it_is_pinned)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	expect_pinned(1, 2 * MIB);
	consumer_unpin(&a, slot);
	expect_pinned(0, 0);
	cr_assert_geq(pool_purge(f.pool, f.now), 2 * MIB);
	cr_assert_eq(f.forgotten, 1);
}

/* What its holder does on a page of which it was told nothing is nobody's business. */
Test(pinned, marks_beyond_what_was_told_are_left_alone)
{
	slot_make_for(&f, &a, 4096, 1);
	for (uint32_t i = 1; i < 200; i++)
		slot_make_for(&f, &b, 4096, i);
	for (uint32_t slot = 64; slot < 192; slot++) {
		board_show(a.pins, slot, true);
		atomic_store(&a.pins->slot[slot].pins, UINT32_MAX);
		board_mark(a.pins, slot);
	}
	expect_pinned(0, 0);
	cr_assert_eq(f.misbehaved, 0);
	cr_assert_eq(pool_tell(f.pool, pool_find(f.pool, 130), a.holder, false, f.now), 0);
	expect_pinned(1, 4096);
	cr_assert_eq(f.misbehaved, 1);
}

static void nudge(struct consumer *consumer, struct pool_slot *slot)
{
	cr_assert(consumer_unpin(consumer, slot));
	pool_nudge(f.pool, slot, f.now);
}

Test(pinned, a_pin_counts_at_once_and_after_it_was_seen)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	expect_pinned(0, 0);
	consumer_pin(&a, slot);
	expect_pinned(1, 2 * MIB);
	pass(&f, 2 * IDLE_NS);
	expect_pinned(1, 2 * MIB);
	pass(&f, 61000 * MS);
	expect_pinned(1, 2 * MIB);
	nudge(&a, slot);
	expect_pinned(0, 0);
	cr_assert_eq(stats_of(&f).ready_bitmaps, 1);
}

Test(pinned, one_that_two_pin_counts_once)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, false, f.now), 0);
	consumer_pin(&a, slot);
	consumer_pin(&b, slot);
	expect_pinned(1, 2 * MIB);
	pass(&f, 2 * IDLE_NS);
	nudge(&a, slot);
	expect_pinned(1, 2 * MIB);
	cr_assert_not(consumer_unpin(&b, slot), "not WATCHED since a's nudge");
	expect_pinned(0, 0);
}

Test(pinned, a_grant_is_no_pin_and_its_pin_counts)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	pass(&f, IDLE_NS / 2);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	pass(&f, IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY, "the grant keeps it");
	expect_pinned(0, 0);
	consumer_pin(&a, slot);
	expect_pinned(1, 2 * MIB);
	pass(&f, 61000 * MS);
	expect_pinned(1, 2 * MIB);
}

Test(pinned, what_a_dead_holder_had_counts_no_more)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, false, f.now), 0);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	consumer_fini(&f, &a);
	consumer_init(&f, &a, getuid());
	expect_pinned(0, 0);
}

Test(pinned, what_is_pinned_again_after_its_nudge_counts)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert(consumer_unpin(&a, slot));
	consumer_pin(&a, slot);
	pool_nudge(f.pool, slot, f.now);
	expect_pinned(1, 2 * MIB);
	pass(&f, 2 * IDLE_NS);
	expect_pinned(1, 2 * MIB);
}

/* More than one word of the set, and every second one. */
Test(pinned, each_of_many_is_counted)
{
	enum { MANY = 200 };
	struct pool_slot *slot[MANY];
	for (uint32_t i = 0; i < MANY; i++)
		slot[i] = slot_make_for(&f, i % 3 ? &a : &b, 4096, i);
	for (uint32_t i = 0; i < MANY; i += 2)
		consumer_pin(i % 3 ? &a : &b, slot[i]);
	expect_pinned(MANY / 2, MANY / 2 * 4096);
	pass(&f, 2 * IDLE_NS);
	expect_pinned(MANY / 2, MANY / 2 * 4096);
	cr_assert_eq(stats_of(&f).idle_bitmaps, MANY / 2);
	for (uint32_t i = 0; i < MANY; i += 4)
		nudge(i % 3 ? &a : &b, slot[i]);
	expect_pinned(MANY / 4, MANY / 4 * 4096);
}

/* More than two times the 64 whose flags are mapped together, and places that are taken again. */
Test(pinned, boards_come_and_go)
{
	enum { MANY = 131 };
	static struct consumer consumer[MANY];
	struct pool_slot *slot[MANY];
	for (uint32_t i = 0; i < MANY; i++)
		consumer_init(&f, &consumer[i], getuid());
	for (uint32_t i = 0; i < MANY; i++) {
		slot[i] = slot_make_for(&f, &consumer[i], 4096, i);
		consumer_pin(&consumer[i], slot[i]);
	}
	for (uint32_t i = 0; i < MANY; i += 3)
		consumer_fini(&f, &consumer[i]);
	expect_pinned(MANY - (MANY + 2) / 3, 4096);
	for (uint32_t i = 0; i < MANY; i += 3) {
		consumer_init(&f, &consumer[i], getuid());
		cr_assert_eq(pool_tell(f.pool, slot[i], consumer[i].holder, false, f.now), 0);
		expect_pinned(MANY - (MANY + 2) / 3 + i / 3, 4096);
		consumer_pin(&consumer[i], slot[i]);
	}
	expect_pinned(MANY, MANY * 4096);
	check(&f);
	for (uint32_t i = 0; i < MANY; i++)
		consumer_fini(&f, &consumer[i]);
	expect_pinned(0, 0);
}

/* Takes all mappings that the kernel allows but @left: in @memory, every other page of which makes
 * two more. */
static void use_mappings_up(char *memory, uint32_t most, uint32_t left)
{
	uint32_t used = 0;
	char *odd = left % 2 ? mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : NULL;
	while (used < most && mprotect(memory + 8192ul * used, 4096, PROT_READ) == 0)
		used++;
	cr_assert_lt(used, most, "there is no limit to reach");
	for (uint32_t given = left % 2; given < left; given += 2)
		mprotect(memory + 8192ul * --used, 4096, PROT_NONE);
	if (odd)
		munmap(odd, 4096);
}

/* A board more can not be mapped, or not beside the others: they stay what and where they were. */
Test(pinned, at_the_limit_of_mappings_the_boards_that_are_there_stay)
{
	enum { MOST = 100000 };
	const size_t size = 8192ul * MOST;
	struct pool_slot *slot = slot_make_for(&f, &a, MIB, 1);
	char *memory = mmap(
		NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	cr_assert_neq(memory, MAP_FAILED);
	consumer_pin(&a, slot);
	for (uint32_t left = 0; left < 6; left++) {
		struct pool_holder *another = NULL;
		int fd = -1;
		use_mappings_up(memory, MOST, left);
		if (pool_holder_create(f.pool, getuid(), NULL, &another, &fd) == 0)
			pool_holder_destroy(f.pool, another);
		expect_pinned(1, MIB);
		cr_assert_eq(mprotect(memory, size, PROT_NONE), 0);
	}
	munmap(memory, size);
	consumer_unpin(&a, slot);
	expect_pinned(0, 0);
	check(&f);
}
