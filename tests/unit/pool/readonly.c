/* The descriptors that consumers are given: kept, but not too many, and never in a region's way. */
#include "support.h"
#include "support/descriptors.h"

#include <sys/resource.h>
#include <sys/stat.h>

static struct fixture f;
static struct consumer c;

static void set_up(void)
{
	fixture_init(&f, 256 * MIB);
	consumer_init(&f, &c, getuid());
}

static void tear_down(void)
{
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

TestSuite(readonly, .init = set_up, .fini = tear_down, .timeout = 60);

static int lend(struct pool_slot *slot)
{
	int fd = -1;
	cr_assert_eq(pool_slot_share(f.pool, slot, &fd), 0);
	return fd;
}

static bool is_the_file_of(int fd, int other)
{
	struct stat a, b;
	return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

Test(readonly, the_next_consumer_is_lent_the_same)
{
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	int first = lend(slot);
	cr_assert_eq(lend(slot), first);
	cr_assert_eq(fcntl(first, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_neq(fcntl(first, F_GETFD) & FD_CLOEXEC, 0);
	cr_assert_eq(stats_of(&f).readonly_descriptors, 1);
	cr_assert_eq(stats_of(&f).regions, 1, "a region is counted once");
}

Test(readonly, bitmaps_of_a_slab_are_lent_one)
{
	struct pool_slot *a = slot_make_for(&f, &c, 20000, 1), *b = slot_make_for(&f, &c, 20000, 2);
	cr_assert_eq(lend(a), lend(b));
	cr_assert_eq(stats_of(&f).readonly_descriptors, 1);
}

Test(readonly, it_is_closed_with_its_region)
{
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	int before = count_descriptors();
	lend(slot);
	cr_assert_eq(count_descriptors(), before + 1);
	pool_purge(f.pool, f.now);
	cr_assert_eq(stats_of(&f).readonly_descriptors, 0);
	cr_assert_leq(count_descriptors(), before - 1, "neither it nor the region's own is left");
}

Test(readonly, a_region_that_is_used_again_keeps_it)
{
	struct pool_slot *before = NULL;
	struct pool_bitmap bitmap = bitmap_of(4 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &before), 0);
	int fd = lend(before);
	pool_abandon(f.pool, before);
	struct pool_slot *slot = slot_make(&f, 4 * MIB, 2);
	cr_assert_eq(stats_of(&f).reuses, 1);
	cr_assert_eq(lend(slot), fd);
	cr_assert_eq(slot_verify(&f, slot, 2), -1);
}

Test(readonly_few, the_one_lent_longest_ago_makes_room)
{
	struct pool_slot *slot[6];
	struct rlimit before, few;
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit){16 * 4, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	set_up();
	setrlimit(RLIMIT_NOFILE, &before);
	for (uint32_t i = 0; i < 4; i++) {
		slot[i] = slot_make_for(&f, &c, MIB, i);
		lend(slot[i]);
	}
	/* The open file is known by its position, which nobody else moves. */
	cr_assert_eq(lseek(lend(slot[1]), 7, SEEK_SET), 7);
	lend(slot[0]);
	for (uint32_t i = 4; i < 6; i++) {
		slot[i] = slot_make_for(&f, &c, MIB, i);
		lend(slot[i]);
	}
	cr_assert_eq(stats_of(&f).readonly_descriptors, 4, "a sixteenth of 64");
	cr_assert_eq(lseek(lend(slot[1]), 0, SEEK_CUR), 7,
		"lent again, so younger than the third and fourth");
	for (uint32_t i = 0; i < 6; i++)
		cr_assert_eq(slot_verify(&f, slot[i], i), -1);
	tear_down();
}

Test(readonly_few, one_at_a_time_where_none_may_be_kept)
{
	struct rlimit before, few;
	getrlimit(RLIMIT_NOFILE, &before);
	few = (struct rlimit){15, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &few);
	set_up();
	setrlimit(RLIMIT_NOFILE, &before);
	struct pool_slot *a = slot_make_for(&f, &c, MIB, 1), *b = slot_make_for(&f, &c, MIB, 2);
	lend(a);
	cr_assert_eq(slot_verify(&f, b, 2), -1);
	cr_assert_eq(stats_of(&f).readonly_descriptors, 1);
	tear_down();
}

/* Nobody may get a picture's memory by the number of another's. */
Test(readonly, each_region_lends_its_own)
{
	struct pool_slot *a = slot_make_for(&f, &c, MIB, 1), *b = slot_make_for(&f, &c, MIB, 2);
	int first = lend(a), other = lend(b), window = -1;
	uint64_t offset, length;
	pool_window(a, &window, &offset, &length);
	cr_assert(is_the_file_of(first, window));
	cr_assert_not(is_the_file_of(other, window));
}

Test(readonly, a_region_is_worth_more_when_descriptors_run_out)
{
	struct pool_slot *slot = slot_make_for(&f, &c, MIB, 1);
	struct pool_slot *other = slot_make_for(&f, &c, MIB, 2);
	struct rlimit before, none;
	consumer_pin(&c, slot);
	consumer_pin(&c, other);
	lend(slot);
	lend(other);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	/* Just the places of those two can be had again, and a region takes two. */
	none = (struct rlimit){(rlim_t)next, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	struct pool_slot *another = NULL;
	int r = pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &another);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	cr_assert_eq(stats_of(&f).readonly_descriptors, 0);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert_eq(slot_verify(&f, slot, 1), -1, "it is opened again");
	pool_abandon(f.pool, another);
	consumer_unpin(&c, slot);
	consumer_unpin(&c, other);
}

/* As many descriptors may be open as there are now. */
static struct rlimit allow_no_more(void)
{
	struct rlimit before, none;
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	none = (struct rlimit){(rlim_t)next, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	return before;
}

Test(readonly, a_new_consumer_is_worth_more_when_descriptors_run_out)
{
	struct pool_holder *another = NULL;
	int board = -1;
	struct pool_slot *slot = slot_make_for(&f, &c, MIB, 1);
	struct pool_slot *other = slot_make_for(&f, &c, MIB, 2);
	consumer_pin(&c, slot);
	consumer_pin(&c, other);
	lend(slot);
	lend(other);
	struct rlimit before = allow_no_more();
	int r = pool_holder_create(f.pool, getuid(), NULL, &another, &board);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	cr_assert_eq(stats_of(&f).readonly_descriptors, 0);
	pool_holder_destroy(f.pool, another);
	consumer_unpin(&c, slot);
	consumer_unpin(&c, other);
}

/* None is kept that could be closed first; an idle bitmap is less than one that somebody waits for.
 */
Test(readonly, a_bitmap_that_is_handed_over_is_worth_more_than_an_idle_one)
{
	struct pool_slot *idle = slot_make_for(&f, &c, MIB, 1);
	pass(&f, 2 * IDLE_NS);
	struct pool_slot *wanted = slot_make_for(&f, &c, MIB, 2);
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
	int fd = -1;
	struct rlimit before = allow_no_more();
	int r = pool_slot_share(f.pool, wanted, &fd);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(r, 0, "%s", strerror(-r));
	cr_assert_eq(pool_slot_state(idle), BOARD_PURGED);
	cr_assert_eq(slot_verify(&f, wanted, 2), -1);
}

/* Nobody has used it for less than the idle delay: that is no reason to fail a request. */
Test(readonly, a_bitmap_that_nobody_uses_is_given_up_after_idle_ones)
{
	struct pool_slot *idle = slot_make_for(&f, &c, MIB, 1);
	pass(&f, 2 * IDLE_NS);
	struct pool_slot *pinned = slot_make_for(&f, &c, MIB, 2);
	struct pool_slot *unused = slot_make_for(&f, &c, MIB, 3);
	struct pool_slot *granted = slot_make(&f, MIB, 4);
	struct pool_slot *small = slot_make_for(&f, &c, 20000, 5);
	consumer_pin(&c, pinned);
	cr_assert_eq(pool_tell(f.pool, granted, c.holder, true, f.now), 0);
	while (pool_slot_state(idle) == BOARD_IDLE) /* (where the small one was decoded is kept) */
		cr_assert(pool_give_up_descriptors(f.pool));
	cr_assert_eq(pool_slot_state(unused), BOARD_READY);
	int before = count_descriptors();
	cr_assert(pool_give_up_descriptors(f.pool));
	cr_assert_eq(pool_slot_state(unused), BOARD_PURGED);
	cr_assert_lt(count_descriptors(), before);
	cr_assert_not(pool_give_up_descriptors(f.pool));
	cr_assert_eq(slot_verify(&f, pinned, 2), -1);
	cr_assert_eq(slot_verify(&f, granted, 4), -1);
	cr_assert_eq(slot_verify(&f, small, 5), -1);
	consumer_unpin(&c, pinned);
}

/* Told, without a grant, and the only one that could be given up. */
Test(readonly, a_bitmap_is_not_given_up_for_its_own_descriptor)
{
	struct pool_slot *slot = slot_make_for(&f, &c, MIB, 1);
	int fd = -1;
	struct rlimit before = allow_no_more();
	int r = pool_slot_share(f.pool, slot, &fd);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(r, -EMFILE);
	cr_assert_eq(pool_slot_state(slot), BOARD_READY);
	cr_assert_eq(slot_verify(&f, slot, 1), -1);
}

Test(readonly, what_is_only_kept_is_given_up_in_its_order)
{
	struct pool_slot *pinned = slot_make_for(&f, &c, MIB, 1);
	struct pool_slot *idle = slot_make_for(&f, &c, MIB, 2);
	struct pool_slot *kept = NULL;
	struct pool_bitmap bitmap = bitmap_of(4 * MIB);
	consumer_pin(&c, pinned);
	lend(pinned);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &kept), 0);
	pool_abandon(f.pool, kept);
	int before = count_descriptors();
	cr_assert(pool_give_up_descriptors(f.pool));
	cr_assert_eq(count_descriptors(), before - 1);
	cr_assert_eq(stats_of(&f).readonly_descriptors, 0);
	cr_assert_gt(stats_of(&f).kept_bytes, 0);
	cr_assert(pool_give_up_descriptors(f.pool));
	cr_assert_eq(stats_of(&f).kept_bytes, 0);
	cr_assert_lt(count_descriptors(), before - 1);
	before = count_descriptors();
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
	cr_assert(pool_give_up_descriptors(f.pool));
	cr_assert_eq(pool_slot_state(idle), BOARD_PURGED);
	cr_assert_lt(count_descriptors(), before);
	cr_assert_not(pool_give_up_descriptors(f.pool));
	cr_assert_eq(slot_verify(&f, pinned, 1), -1);
	consumer_unpin(&c, pinned);
}
