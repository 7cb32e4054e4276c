/* What goes first of what nobody uses: by cost, and by last use. */
#include "support.h"

#define CONTROL ((uint64_t)page_bytes()) /* of a region's control block, at most */

static struct fixture f;
static struct consumer c;

/* Room for @count bitmaps of 2 MiB, nothing kept. */
static void start(enum pool_order order, unsigned count)
{
	fixture_init_with(&f, &(struct pool_options){
				      .budget_bytes = count * (2 * MIB + CONTROL),
				      .order = order,
				      .idle_ns = IDLE_NS,
				      .holder_pinned_bytes = UINT64_MAX,
			      });
	consumer_init(&f, &c, getuid());
}

static void fini(void)
{
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

TestSuite(order, .fini = fini, .timeout = 60);

static struct pool_slot *make(uint64_t bytes, uint64_t cost_ns)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(bytes);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	slot_fill(slot, 1);
	cr_assert_eq(pool_publish(f.pool, slot, cost_ns, false, f.now), 0);
	cr_assert_eq(pool_tell(f.pool, slot, c.holder, false, f.now), 0);
	f.now += MS;
	return slot;
}

static void decode_again(struct pool_slot *slot, uint64_t cost_ns)
{
	cr_assert_eq(pool_refill(f.pool, slot, NULL, f.now), 0);
	slot_fill(slot, 1);
	cr_assert_eq(pool_publish(f.pool, slot, cost_ns, false, f.now), 0);
	f.now += MS;
}

static bool is_purged(const struct pool_slot *slot)
{
	return pool_slot_state(slot) == BOARD_PURGED;
}

static void use(struct pool_slot *slot)
{
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_revive(f.pool, slot, c.holder, f.now), 0);
	pass(&f, 2 * IDLE_NS);
}

Test(order, what_is_cheap_to_bring_back_goes_first)
{
	start(POOL_ORDER_COST, 3);
	struct pool_slot *dear = make(2 * MIB, 50 * MS), *cheap = make(2 * MIB, 2 * MS),
			 *middle = make(2 * MIB, 10 * MS);
	pass(&f, 2 * IDLE_NS);
	make(2 * MIB, 50 * MS);
	cr_assert(is_purged(cheap) && !is_purged(dear) && !is_purged(middle));
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(middle) && !is_purged(dear));
}

Test(order, of_ready_slots_that_nobody_pins_the_cheap_one_goes_first_too)
{
	start(POOL_ORDER_COST, 2);
	struct pool_slot *dear = make(2 * MIB, 50 * MS), *cheap = make(2 * MIB, 2 * MS);
	make(2 * MIB, 50 * MS);
	cr_assert(is_purged(cheap));
	cr_assert_eq(pool_slot_state(dear), BOARD_READY);
}

Test(order, cost_is_judged_by_the_bytes_it_frees)
{
	start(POOL_ORDER_COST, 3);
	struct pool_slot *large = make(4 * MIB, 12 * MS), *small = make(MIB, 10 * MS);
	pass(&f, 2 * IDLE_NS);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(large) && !is_purged(small));
}

Test(order, of_those_that_cost_about_the_same_the_one_used_longest_ago_goes_first)
{
	start(POOL_ORDER_COST, 3);
	struct pool_slot *older = make(2 * MIB, 12 * MS), *newer = make(2 * MIB, 3 * MS);
	pass(&f, 2 * IDLE_NS);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(older) && !is_purged(newer));
}

Test(order, what_was_dear_goes_when_it_has_not_been_wanted_for_long)
{
	start(POOL_ORDER_COST, 4);
	struct pool_slot *dear = make(2 * MIB, 8 * MS);
	unsigned others = 0;
	while (!is_purged(dear) && others < 100) {
		pass(&f, 2 * IDLE_NS);
		make(2 * MIB, MS);
		others++;
	}
	cr_assert(others > 4, "by its cost it stays longer than its turn");
	cr_assert(others < 100, "but not for ever");
}

Test(order, use_makes_young_again)
{
	start(POOL_ORDER_COST, 8);
	struct pool_slot *used = make(2 * MIB, MS), *not_used = make(2 * MIB, MS);
	for (unsigned i = 0; i < 4; i++)
		use(used);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(not_used) && !is_purged(used));
}

Test(order, a_pause_changes_nothing)
{
	/* The dear one's age counts in what was used since, not in the hours of a night. */
	start(POOL_ORDER_COST, 3);
	struct pool_slot *dear = make(2 * MIB, 20 * MS);
	pass(&f, 3600 * 8 * IDLE_NS);
	struct pool_slot *cheap = make(2 * MIB, MS);
	pass(&f, 2 * IDLE_NS);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(cheap) && !is_purged(dear));
}

Test(order, one_slow_decode_does_not_make_a_slot_dear)
{
	start(POOL_ORDER_COST, 3);
	struct pool_slot *cheap = make(2 * MIB, 4 * MS), *dear = make(2 * MIB, 16 * MS);
	pool_purge(f.pool, f.now);
	decode_again(cheap, 40 * MS); /* the machine was busy with something else */
	decode_again(dear, 16 * MS);
	cr_assert_eq(pool_slot_cost_ns(cheap), 13 * MS);
	pass(&f, 2 * IDLE_NS);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(cheap) && !is_purged(dear));
}

Test(order, by_last_use_cost_does_not_matter)
{
	start(POOL_ORDER_LRU, 3);
	struct pool_slot *dear = make(2 * MIB, 500 * MS), *cheap = make(2 * MIB, MS);
	use(cheap);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(dear) && !is_purged(cheap));
	cr_assert_eq(stats_of(&f).order, POOL_ORDER_LRU);
}

Test(order, by_last_use_ready_slots_go_by_what_the_boards_say)
{
	start(POOL_ORDER_LRU, 2);
	struct pool_slot *first = make(2 * MIB, MS), *second = make(2 * MIB, MS);
	/* The pool has not been told that the first was pinned and unpinned just now: it sees the
	 * stamp. */
	consumer_pin(&c, first);
	consumer_unpin(&c, first);
	consumer_stamp(&c, first, f.now / MS);
	make(2 * MIB, MS);
	cr_assert(is_purged(second));
	cr_assert_eq(pool_slot_state(first), BOARD_READY);
}

Test(order, what_is_visible_goes_after_what_is_dear)
{
	start(POOL_ORDER_COST, 3);
	struct pool_slot *dear = make(2 * MIB, 500 * MS), *visible = make(2 * MIB, MS);
	consumer_show(&c, visible, 1);
	pass(&f, 2 * IDLE_NS);
	pool_shrink(f.pool, 1, f.now);
	cr_assert(is_purged(dear) && !is_purged(visible));
}

Test(order, what_comes_back_at_once_has_bounced)
{
	start(POOL_ORDER_COST, 2);
	struct pool_slot *slot = make(2 * MIB, 100 * MS);
	for (unsigned i = 0; i < 30; i++) {
		pass(&f, 2 * IDLE_NS);
		pool_purge(f.pool, f.now);
		cr_assert(pool_was_purged_lately(f.pool, slot));
		decode_again(slot, 100 * MS);
	}
	cr_assert_eq(stats_of(&f).bounces, 30);
	cr_assert_not(pool_is_thrashing(f.pool, f.now), "a twentieth of a processor");
	for (unsigned i = 0; i < 30; i++) {
		pool_tick(f.pool, f.now);
		cr_assert_eq(pool_revive(f.pool, slot, NULL, f.now), 0);
		pool_purge(f.pool, f.now);
		decode_again(slot, 100 * MS);
	}
	cr_assert(pool_is_thrashing(f.pool, f.now));
	cr_assert_eq(stats_of(&f).thrash_times, 1);
	cr_assert_not(pool_is_thrashing(f.pool, f.now + 60000 * MS));
}

Test(order, what_comes_back_after_a_whole_budget_was_used_has_not_bounced)
{
	start(POOL_ORDER_COST, 4);
	struct pool_slot *slot = make(2 * MIB, MS);
	pool_purge(f.pool, f.now);
	for (unsigned i = 0; i < 5; i++)
		make(2 * MIB, MS);
	cr_assert_not(pool_was_purged_lately(f.pool, slot));
	decode_again(slot, MS);
	cr_assert_eq(stats_of(&f).bounces, 0);
}

/* ---- how much goes ---- */

static uint64_t kernel_bytes(void)
{
	return stats_of(&f).allocated_bytes;
}

Test(order, no_more_goes_than_one_slot_beyond_what_was_asked)
{
	/* Large ones, and thumbnails that share slabs; by the kernel's count, not by ours. */
	/* In whole huge pages, where the system has them for shared memory. */
	const uint64_t largest = 6 * MIB,
		       slack = 16 * page_bytes(); /* control blocks of those that went */
	start(POOL_ORDER_COST, 40);
	srand(5);
	for (unsigned round = 0; round < 60; round++) {
		for (unsigned i = 0; i < 12; i++)
			make(rand() % 2 ? 400 * (uint64_t)(rand() % 1000 + 1)
					: MIB + 4096 * (uint64_t)(rand() % 1000),
				(uint64_t)(rand() % 50 + 1) * MS);
		pass(&f, 2 * IDLE_NS);
		uint64_t ask = (uint64_t)rand() % (12 * MIB) + 1, before = kernel_bytes();
		uint64_t purgeable = pool_purgeable_bytes(f.pool);
		uint64_t freed_before = stats_of(&f).freed_bytes;
		uint64_t freed = pool_shrink(f.pool, ask, f.now), went = before - kernel_bytes();
		cr_assert(went >= freed && went <= freed + slack, "%llu said, %llu went",
			(unsigned long long)freed, (unsigned long long)went);
		cr_assert(freed < ask + largest);
		cr_assert(freed >= ask || purgeable < ask + slack * 20);
		cr_assert_geq(stats_of(&f).freed_bytes - freed_before, freed);
		check(&f);
	}
}
