/* READY is left by the handshake alone: what keeps a slot READY, and for how long. */
#include "support.h"

#include "common/protocol.h"

#include <sys/stat.h>

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

TestSuite(handshake, .init = init, .fini = fini, .timeout = 60);

static bool is_watched(const struct pool_slot *slot)
{
	return atomic_load(&a.table->word[pool_slot_number(slot)]) & BOARD_WATCHED;
}

Test(handshake, an_unused_slot_is_idle_after_the_delay_and_not_before)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_deadline(f.pool), f.now + IDLE_NS);
	pass(&f, IDLE_NS - 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&f, 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	cr_assert_eq(pool_deadline(f.pool), UINT64_MAX);
}

Test(handshake, without_a_delay_it_is_idle_at_the_next_tick)
{
	struct fixture own;
	fixture_init_with(&own, &(struct pool_options){.budget_bytes = 64 * MIB});
	struct pool_slot *slot = slot_make(&own, 2 * MIB, 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&own, 0);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	fixture_fini(&own);
}

Test(handshake, the_longest_delay_never_ends)
{
	struct fixture own;
	fixture_init_with(
		&own, &(struct pool_options){.budget_bytes = 64 * MIB, .idle_ns = UINT64_MAX});
	struct pool_slot *slot = slot_make(&own, 2 * MIB, 1);
	pass(&own, 1000 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	fixture_fini(&own);
}

Test(handshake, the_last_unpin_starts_the_delay_again)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	consumer_unpin(&a, slot);
	/* as if it had been half a second later */
	f.now += IDLE_NS;
	consumer_stamp(&a, slot, (f.now - IDLE_NS / 2) / MS);
	pool_tick(f.pool, f.now);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&f, IDLE_NS / 2 + MS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_stamp_from_the_future_counts_as_now)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_stamp(&a, slot, UINT64_MAX);
	pass(&f, IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert_leq(pool_deadline(f.pool), f.now + IDLE_NS);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB, "it does not keep the memory");
}

Test(handshake, a_use_counts_in_full_that_was_seen_before_the_pool_was_told_the_time)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_stamp(&a, slot, (f.now + IDLE_NS / 2) / MS);
	cr_assert_eq(stats_of(&f).pinned_bitmaps, 0); /* reads it, half an idle delay late */
	pass(&f, IDLE_NS + IDLE_NS / 4);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&f, IDLE_NS / 2);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_pinned_slot_stays_ready_and_is_watched)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, false, f.now), 0);
	consumer_pin(&b, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert(is_watched(slot));
	cr_assert_eq(pool_purge(f.pool, f.now), 0);
	cr_assert_eq(slot_verify(&f, slot, 1), -1);
	cr_assert_eq(
		consumer_pin(&a, slot), BOARD_PINNED, "WATCHED does not keep others from pinning");
	cr_assert(consumer_unpin(&b, slot), "its count fell to zero: a nudge");
	cr_assert(consumer_unpin(&a, slot));
}

Test(handshake, a_nudge_makes_it_due_again_after_the_delay)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_gt(pool_deadline(f.pool), f.now + 10 * IDLE_NS, "nobody asks while it is pinned");
	consumer_unpin(&a, slot);
	pool_nudge(f.pool, slot, f.now);
	cr_assert_not(is_watched(slot));
	check(&f);
	pass(&f, IDLE_NS - 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&f, 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	pool_nudge(f.pool, slot, f.now);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_false_nudge_changes_nothing)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	for (int i = 0; i < 3; i++) {
		pool_nudge(f.pool, slot, f.now);
		pass(&f, IDLE_NS);
		cr_assert_eq(pool_slot_state(slot), BOARD_READY);
		cr_assert(is_watched(slot));
	}
}

Test(handshake, nudging_again_and_again_does_not_put_off_the_end)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	for (int i = 0; i < 4; i++) {
		pool_nudge(f.pool, slot, f.now);
		pass(&f, IDLE_NS / 4);
	}
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, one_tick_looks_at_a_bounded_number_of_slots)
{
	for (uint32_t i = 0; i < 300; i++)
		slot_make(&f, 4096, i);
	f.now += IDLE_NS;
	pool_tick(f.pool, f.now);
	cr_assert_eq(stats_of(&f).idle_bitmaps, 256);
	cr_assert_leq(pool_deadline(f.pool), f.now, "and says that there is more");
	pool_tick(f.pool, f.now);
	cr_assert_eq(stats_of(&f).idle_bitmaps, 300);
}

Test(handshake, a_lost_nudge_only_delays)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	consumer_unpin(&a, slot);
	pass(&f, 31000 * MS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, many_pinned_slots_are_looked_at_together)
{
	struct pool_slot *slot[40];
	uint64_t deadlines = 0;
	for (uint32_t i = 0; i < ARRAY_SIZE(slot); i++) {
		slot[i] = slot_make_for(&f, &a, 4096, i);
		consumer_pin(&a, slot[i]);
		pass(&f, 100 * MS);
	}
	pass(&f, 2 * IDLE_NS);
	for (uint64_t end = f.now + 300000 * MS; pool_deadline(f.pool) < end; deadlines++)
		pass(&f, pool_deadline(f.pool) - f.now);
	cr_assert_lt(deadlines, 40, "%llu wake-ups in five minutes", (unsigned long long)deadlines);
	cr_assert_geq(deadlines, 10, "a lost nudge is looked for twice a minute");
	cr_assert_eq(stats_of(&f).pinned_bitmaps, 40);
}

Test(handshake, a_slot_that_another_pins_too_is_watched_on)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, false, f.now), 0);
	consumer_pin(&a, slot);
	consumer_pin(&b, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(stats_of(&f).pinned_bitmaps, 1, "one bitmap, whoever pins it");
	cr_assert(consumer_unpin(&a, slot));
	pass(&f, 31000 * MS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert(is_watched(slot));
	cr_assert(consumer_unpin(&b, slot));
	pool_nudge(f.pool, slot, f.now);
	pass(&f, IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_purge_by_hand_waits_for_no_nudge)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	consumer_unpin(&a, slot);
	cr_assert_geq(pool_purge(f.pool, f.now), 2 * MIB);
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
}

Test(handshake, counts_of_different_boards_are_not_added)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, false, f.now), 0);
	consumer_pin(&a, slot);
	/* b unpins once more than it pinned: 1 and 2^32 - 1 are 0 in 32 bits */
	consumer_unpin(&b, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert_eq(f.misbehaved, 1);
	cr_assert_eq(f.culprit, b.holder);
}

Test(handshake, an_absurd_count_is_told_once_and_pins_until_the_holder_is_gone)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1),
			 *other = slot_make_for(&f, &a, 2 * MIB, 2);
	consumer_scribble(&a, slot, BOARD_PINS_MAX + 1);
	consumer_scribble(&a, other, UINT32_MAX);
	cr_assert_eq(pool_purge(f.pool, f.now), 0);
	pass(&f, 31000 * MS);
	cr_assert_eq(f.misbehaved, 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	consumer_fini(&f, &a);
	cr_assert_geq(pool_purge(f.pool, f.now), 4 * MIB);
	consumer_init(&f, &a, getuid());
}

Test(handshake, the_largest_sensible_count_is_no_fault)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_scribble(&a, slot, BOARD_PINS_MAX);
	cr_assert_eq(pool_purge(f.pool, f.now), 0);
	cr_assert_eq(f.misbehaved, 0);
}

Test(handshake, a_holder_that_was_not_told_pins_nothing)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&b, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_dead_holder_holds_nothing)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	consumer_fini(&f, &a);
	check(&f);
	cr_assert_not(atomic_load(&b.table->word[pool_slot_number(slot)]) & BOARD_WATCHED);
	cr_assert_eq(
		pool_slot_state(slot), BOARD_READY, "in use until now, so the delay begins now");
	cr_assert_eq(pool_deadline(f.pool), f.now + IDLE_NS);
	cr_assert_geq(
		pool_shrink(f.pool, 1, f.now), 2 * MIB, "but nothing keeps it when room is needed");
	consumer_init(&f, &a, getuid());
}

Test(handshake, releasing_what_is_still_pinned_does_not_unpin_it)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	cr_assert_eq(pool_purge(f.pool, f.now), 0);
	cr_assert_eq(slot_verify(&f, slot, 1), -1);
	consumer_unpin(&a, slot);
	cr_assert_geq(pool_purge(f.pool, f.now), 2 * MIB);
	cr_assert_eq(f.forgotten, 1, "and then it is not remembered for it either");
}

Test(handshake, told_again_after_a_release_it_is_known_again)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, false, f.now), 0);
	consumer_unpin(&a, slot);
	pool_purge(f.pool, f.now);
	cr_assert_eq(f.forgotten, 0);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	cr_assert_eq(f.forgotten, 1);
}

/* ---- grants ---- */

Test(handshake, a_grant_holds_the_slot_until_it_times_out)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	check(&f);
	pass(&f, PROTOCOL_GRANT_MS * MS - 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert_eq(pool_deadline(f.pool), f.now + 1);
	pass(&f, 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(handshake, a_grant_ends_with_the_pin)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	consumer_pin(&a, slot);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	cr_assert(consumer_unpin(&a, slot), "whoever waits for its end is told");
	pool_nudge(f.pool, slot, f.now);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
}

Test(handshake, a_grant_ends_also_when_nobody_looked_while_it_was_pinned)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	consumer_pin(&a, slot);
	consumer_unpin(&a, slot);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
}

Test(handshake, a_grant_ends_with_a_release)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	check(&f);
	cr_assert_geq(
		pool_shrink(f.pool, 1, f.now), 2 * MIB, "at once, not at the grant's time-out");
}

Test(handshake, a_grant_ends_with_its_holder)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	consumer_fini(&f, &a);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
	consumer_init(&f, &a, getuid());
}

Test(handshake, every_grant_counts_by_itself)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	cr_assert_eq(pool_tell(f.pool, slot, b.holder, true, f.now), 0);
	cr_assert_eq(pool_release(f.pool, slot, a.holder), 0);
	cr_assert_eq(pool_shrink(f.pool, 1, f.now), 0);
	cr_assert_eq(pool_release(f.pool, slot, b.holder), 0);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
}

Test(handshake, only_a_ready_slot_is_granted)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
}

Test(handshake, a_re_decode_is_granted_to_nobody)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, a.holder, true, f.now), 0);
	f.now += PROTOCOL_GRANT_MS * MS;
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_refill(f.pool, slot, NULL, f.now), 0);
	slot_fill(slot, 1);
	cr_assert_eq(pool_publish(f.pool, slot, 1, false, f.now), 0);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
}

Test(handshake, while_somebody_waits_every_last_unpin_nudges)
{
	struct pool_slot *slot = slot_make_for(&f, &a, 2 * MIB, 1);
	consumer_pin(&a, slot);
	consumer_pin(&a, slot);
	cr_assert_not(consumer_unpin(&a, slot));
	cr_assert_not(consumer_unpin(&a, slot));
	pool_set_waiters(f.pool, true);
	consumer_pin(&a, slot);
	consumer_pin(&a, slot);
	cr_assert_not(consumer_unpin(&a, slot), "not the last");
	cr_assert(consumer_unpin(&a, slot));
	pool_set_waiters(f.pool, false);
	consumer_pin(&a, slot);
	cr_assert_not(consumer_unpin(&a, slot));
}

Test(handshake, a_board_page_is_not_touched_for_slots_its_holder_was_not_told_of)
{
	struct consumer stranger;
	struct stat before, after;
	int fd = -1;
	cr_assert_eq(pool_holder_create(f.pool, getuid(), NULL, &stranger.holder, &fd), 0);
	cr_assert_eq(fstat(fd, &before), 0);
	for (int i = 0; i < 200; i++)
		slot_make_for(&f, &a, 4096, (uint32_t)i);
	stats_of(&f);
	pass(&f, 2 * IDLE_NS);
	pool_purge(f.pool, f.now);
	cr_assert_eq(fstat(fd, &after), 0);
	cr_assert_eq(after.st_blocks, before.st_blocks);
	pool_holder_destroy(f.pool, stranger.holder);
}
