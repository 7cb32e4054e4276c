/* A bitmap's life: the states, the generations, what is remembered and what is forgotten. */
#include "support.h"

#include <errno.h>
#include <mural/pixel.h>
#include <sys/stat.h>

static struct fixture f;
static struct consumer c;

static void init(void)
{
	fixture_init(&f, 64 * MIB);
	consumer_init(&f, &c, getuid());
}

static void fini(void)
{
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

TestSuite(life, .init = init, .fini = fini, .timeout = 60);

Test(life, a_reserved_slot_is_filling_and_nobody_can_pin_it)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	cr_assert_eq(pool_slot_state(slot), BOARD_FILLING);
	cr_assert_eq(pool_slot_generation(slot), 0);
	cr_assert_eq(consumer_pin(&c, slot), BOARD_CHANGED);
	check(&f);
}

Test(life, publishing_shows_the_pixels_to_who_pins)
{
	struct pool_slot *large = slot_make_for(&f, &c, 3 * MIB, 1),
			 *small = slot_make_for(&f, &c, 40000, 2);
	cr_assert_eq(consumer_pin(&c, large), BOARD_PINNED);
	cr_assert_eq(consumer_pin(&c, small), BOARD_PINNED);
	cr_assert_eq(slot_verify(&f, large, 1), -1);
	cr_assert_eq(slot_verify(&f, small, 2), -1);
	cr_assert_eq(pool_slot_cost_ns(large), 1000);
	cr_assert_eq(pool_slot_bitmap(small)->size_bytes, 40000);
	cr_assert_eq(pool_find(f.pool, pool_slot_number(large)), large);
	cr_assert_null(pool_find(f.pool, 4711));
	cr_assert_null(pool_find(f.pool, UINT32_MAX));
}

Test(life, generations_never_repeat_also_when_a_number_does)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	uint32_t number = pool_slot_number(slot);
	uint64_t generation = pool_slot_generation(slot);
	pool_purge(f.pool, f.now);
	cr_assert_eq(f.forgotten, 1);
	slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_slot_number(slot), number);
	cr_assert_gt(pool_slot_generation(slot), generation);
}

Test(life, a_refilled_slot_keeps_its_number_and_has_a_new_generation)
{
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	uint32_t number = pool_slot_number(slot);
	uint64_t generation = pool_slot_generation(slot);
	cr_assert_eq(pool_refill(f.pool, slot, NULL, f.now), -EINVAL, "it is not PURGED");
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
	cr_assert_eq(consumer_pin(&c, slot), BOARD_CHANGED);
	cr_assert_eq(pool_refill(f.pool, slot, c.holder, f.now), 0);
	slot_fill(slot, 1);
	cr_assert_eq(pool_publish(f.pool, slot, 1, false, f.now), 0);
	cr_assert_eq(pool_slot_number(slot), number);
	cr_assert_gt(pool_slot_generation(slot), generation);
	cr_assert_eq(board_pin(c.table, c.pins, number, generation), BOARD_CHANGED,
		"the older one is gone for good");
	cr_assert_eq(consumer_pin(&c, slot), BOARD_PINNED);
	cr_assert_eq(slot_verify(&f, slot, 1), -1);
}

Test(life, publishing_needs_a_filling_slot)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(pool_publish(f.pool, slot, 1, false, f.now), -EINVAL);
}

Test(life, an_abandoned_new_slot_is_forgotten_also_by_those_told)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	cr_assert_eq(pool_tell(f.pool, slot, c.holder, true, f.now), 0);
	pool_abandon(f.pool, slot);
	cr_assert_eq(f.forgotten, 1);
	cr_assert_eq(stats_of(&f).filling_bytes, 0);
}

Test(life, an_abandoned_re_decode_is_purged_again)
{
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1),
			 *small = slot_make_for(&f, &c, 70000, 1);
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_refill(f.pool, slot, NULL, f.now), 0);
	cr_assert_eq(pool_refill(f.pool, small, NULL, f.now), 0);
	pool_abandon(f.pool, slot);
	pool_abandon(f.pool, small);
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(small), BOARD_PURGED);
	cr_assert_eq(f.forgotten, 0);
	cr_assert_eq(stats_of(&f).purged_bitmaps, 2);
}

Test(life, a_purged_slot_owns_no_memory_and_no_descriptor)
{
	struct mural_stats before = stats_of(&f);
	struct pool_slot *large = slot_make_for(&f, &c, 4 * MIB, 1),
			 *small = slot_make_for(&f, &c, 70000, 2);
	uint64_t freed = pool_purge(f.pool, f.now);
	cr_assert_eq(pool_slot_state(large), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(small), BOARD_PURGED);
	cr_assert_geq(freed, 4 * MIB + 70000);
	struct mural_stats after = stats_of(&f);
	cr_assert_eq(after.regions, before.regions);
	cr_assert_eq(after.used_bytes, before.used_bytes);
	cr_assert_eq(after.allocated_bytes, 0);
	cr_assert_eq(after.purges, 2);
	cr_assert_geq(after.purged_bytes, 4 * MIB + 70000);
}

Test(life, purging_frees_the_memory_though_a_consumer_has_it_mapped)
{
	int fd = -1;
	struct pool_slot *slot = slot_make_for(&f, &c, 4 * MIB, 1);
	struct stat st;
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	pool_purge(f.pool, f.now);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_leq(st.st_blocks * 512, 8192, "only the control block");
	close(fd);
}

Test(life, region_gone_is_told_only_for_what_was_shared)
{
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0;
	struct pool_slot *shared = slot_make_for(&f, &c, 2 * MIB, 1);
	slot_make_for(&f, &c, 2 * MIB, 2);
	pool_slot_place(shared, &region, &size, &offset);
	cr_assert_eq(slot_share(&f, shared, &fd), 0);
	close(fd);
	pool_purge(f.pool, f.now);
	cr_assert_eq(f.gone_count, 1);
	cr_assert_eq(f.gone[0], region);
}

Test(life, purged_slots_are_remembered_while_somebody_knows_them)
{
	struct consumer other;
	consumer_init(&f, &other, getuid());
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	cr_assert_eq(pool_tell(f.pool, slot, other.holder, false, f.now), 0);
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_release(f.pool, slot, c.holder), 0);
	cr_assert_eq(pool_release(f.pool, slot, c.holder), -ENOENT);
	cr_assert_eq(f.forgotten, 0);
	consumer_fini(&f, &other);
	cr_assert_eq(f.forgotten, 1);
	check(&f);
}

Test(life, reviving_an_idle_slot_brings_back_the_same_bytes)
{
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 3),
			 *small = slot_make_for(&f, &c, 9000, 4);
	uint64_t generation = pool_slot_generation(slot);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	cr_assert_eq(consumer_pin(&c, slot), BOARD_ASK);
	cr_assert_eq(pool_revive(f.pool, slot, c.holder, f.now), 0);
	cr_assert_eq(pool_revive(f.pool, small, c.holder, f.now), 0);
	check(&f);
	cr_assert_eq(pool_slot_generation(slot), generation);
	cr_assert_eq(consumer_pin(&c, slot), BOARD_PINNED);
	cr_assert_eq(slot_verify(&f, slot, 3), -1);
	cr_assert_eq(slot_verify(&f, small, 4), -1);
	cr_assert_eq(stats_of(&f).pins_revived, 2);
	cr_assert_eq(stats_of(&f).idle_unpins, 2);
}

Test(life, reviving_what_somebody_else_purged_says_so)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 3), *small = slot_make_for(&f, &c, 9000, 4);
	pass(&f, 2 * IDLE_NS);
	cr_assert_gt(ashmem_shrink(SIZE_MAX), 0);
	cr_assert_eq(pool_revive(f.pool, slot, NULL, f.now), 1);
	cr_assert_eq(pool_revive(f.pool, small, c.holder, f.now), 1);
	cr_assert_eq(f.forgotten, 0, "nobody knows it, but its caller holds it");
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
	check(&f);
	cr_assert_eq(pool_revive(f.pool, slot, NULL, f.now), 1);
	cr_assert_eq(pool_refill(f.pool, slot, NULL, f.now), 0);
	cr_assert_eq(pool_revive(f.pool, slot, NULL, f.now), 1, "FILLING");
}

Test(life, reviving_a_ready_slot_counts_as_use)
{
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 3);
	f.now += IDLE_NS - 1;
	cr_assert_eq(pool_revive(f.pool, slot, NULL, f.now), 0);
	pass(&f, IDLE_NS - 1);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	pass(&f, 2);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
}

Test(life, a_small_bitmap_of_another_user_is_not_told)
{
	struct consumer other;
	consumer_init(&f, &other, getuid() + 1);
	struct pool_slot *large = slot_make(&f, 2 * MIB, 1), *small = slot_make(&f, 9000, 1);
	cr_assert_eq(pool_tell(f.pool, small, other.holder, false, f.now), -EACCES);
	cr_assert_eq(pool_tell(f.pool, large, other.holder, false, f.now), 0);
	consumer_fini(&f, &other);
}

Test(life, the_callers_pointer_stays_with_the_slot)
{
	struct pool_slot *slot = slot_make(&f, 9000, 1);
	cr_assert_null(pool_slot_user(slot));
	pool_slot_set_user(slot, &f);
	cr_assert_eq(pool_slot_user(slot), &f);
	cr_assert_eq(pool_holder_user(c.holder), &c);
}

Test(life, a_region_can_only_be_read_by_those_it_is_shared_with)
{
	int fd = -1;
	struct pool_slot *slot = slot_make(&f, 2 * MIB, 1);
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	cr_assert_lt(pwrite(fd, "x", 1, 0), 0);
	close(fd);
	cr_assert_lt(write(pool_table_fd(f.pool), "x", 1), 0, "the state table too");
}

Test(life, what_is_no_bitmap_is_refused)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap wrong = bitmap_of(2 * MIB);
	wrong.size_bytes -= 4;
	cr_assert_eq(pool_reserve(f.pool, &wrong, getuid(), NULL, f.now, &slot), -EINVAL);
	wrong = bitmap_of(2 * MIB);
	wrong.format = 0;
	cr_assert_eq(pool_reserve(f.pool, &wrong, getuid(), NULL, f.now, &slot), -EINVAL);
	cr_assert_null(slot);
}

Test(create, needs_a_budget_and_a_driver_that_is_there)
{
	struct pool *pool = NULL;
	struct pool_options options = {.driver = ASHMEM_DRIVER_MEMFD};
	cr_assert_eq(pool_create(&options, 0, &pool), -EINVAL);
	options.budget_bytes = MIB;
	options.driver = ASHMEM_DRIVER_DEVICE;
	if (access("/dev/ashmem", F_OK) != 0)
		cr_assert_eq(pool_create(&options, 0, &pool), -ENOTSUP);
	cr_assert_null(pool);
	options.driver = ASHMEM_DRIVER_AUTO;
	cr_assert_eq(pool_create(&options, 0, &pool), 0);
	pool_destroy(pool);
	pool_destroy(NULL);
}

Test(create, destroying_leaves_what_consumers_have_mapped)
{
	struct fixture own;
	int fd = -1;
	uint32_t first = 0;
	fixture_init(&own, 64 * MIB);
	struct pool_slot *slot = slot_make(&own, 2 * MIB, 1);
	cr_assert_eq(slot_share(&own, slot, &fd), 0);
	slot_make(&own, 70000, 1);
	struct consumer consumer;
	consumer_init(&own, &consumer, getuid());
	pool_destroy(own.pool);
	cr_assert_eq(pread(fd, &first, sizeof(first), 0), (ssize_t)sizeof(first));
	cr_assert_neq(first, 0);
	cr_assert_eq(own.gone_count + own.forgotten, 0);
	board_unmap_pins(consumer.pins);
	board_unmap_table(consumer.table);
	close(fd);
}
