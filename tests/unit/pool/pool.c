#include "support.h"

Test(smoke, large_and_small)
{
	struct fixture f;
	struct consumer c;
	fixture_init(&f, 64 * MIB);
	consumer_init(&f, &c, getuid());
	struct pool_slot *large = slot_make(&f, 4 * MIB, 1), *small = slot_make(&f, 64 << 10, 2);
	check(&f);
	cr_assert_eq(slot_verify(large, 1), -1);
	cr_assert_eq(slot_verify(small, 2), -1);
	cr_assert_eq(pool_tell(f.pool, large, c.holder, true, f.now), 0);
	cr_assert_eq(pool_tell(f.pool, small, c.holder, false, f.now), 0);
	cr_assert_eq(consumer_pin(&c, large), BOARD_PINNED);
	check(&f);
	pass(&f, 2 * IDLE_NS);
	check(&f);
	cr_assert_eq(pool_slot_state(large), BOARD_READY);
	cr_assert_eq(pool_slot_state(small), BOARD_IDLE);
	cr_assert_eq(consumer_pin(&c, small), BOARD_ASK);
	cr_assert(consumer_unpin(&c, large));
	pool_nudge(f.pool, large, f.now);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(large), BOARD_IDLE);
	check(&f);
	cr_assert_eq(pool_revive(f.pool, large, c.holder, f.now), 0);
	check(&f);
	uint64_t freed = pool_purge(f.pool, f.now);
	cr_assert_geq(freed, 4 * MIB + (64 << 10));
	cr_assert_eq(pool_slot_state(large), BOARD_PURGED);
	check(&f);
	cr_assert_eq(stats_of(&f).used_bytes, 0);
	cr_assert_eq(stats_of(&f).regions, 0);
	cr_assert_eq(pool_refill(f.pool, large, c.holder, f.now), 0);
	check(&f);
	slot_fill(large, 7);
	cr_assert_eq(pool_publish(f.pool, large, 1, false, f.now), 0);
	cr_assert_eq(slot_verify(large, 7), -1);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}
