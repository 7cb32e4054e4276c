/* Every call that can fail fails once, at every place: the sums stay right, nothing leaks, and it
 * works again afterwards. */
#include "heads.h"
#include "state.h"
#include "support.h"
#include "support/descriptors.h"
#include "wrap.h"

#include <errno.h>
#include <sys/mman.h>

static struct fixture f;
static struct consumer c;

static void init(void)
{
	fixture_init(&f, 32 * MIB);
	consumer_init(&f, &c, getuid());
}

static void fini(void)
{
	wrap_only(NULL);
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

TestSuite(inject, .init = init, .fini = fini, .timeout = 120);

/* What was made and then not needed may be kept. */
static uint64_t used_for_good(void)
{
	struct mural_stats stats = stats_of(&f);
	return stats.used_bytes - stats.kept_bytes;
}

/* @operate is done with its first call failing, then with its second, until it asks for no more.
 * @undo puts everything back. */
static unsigned sweep(int (*operate)(void), void (*undo)(void))
{
	for (unsigned nth = 1;; nth++) {
		int before = count_descriptors();
		uint64_t used = used_for_good();
		wrap_arm(nth, false);
		int r = operate();
		bool failed = wrap_disarm();
		check(&f);
		if (r == 0)
			undo();
		else
			cr_assert_eq(used_for_good(), used, "call %u", nth);
		cr_assert(failed || r == 0, "%d without a failing call", r);
		pool_purge(f.pool, f.now);
		cr_assert_eq(count_descriptors(), before, "call %u", nth);
		if (!failed)
			return nth - 1;
	}
}

static struct pool_slot *slot;
static uint64_t size_now;

static int reserve(void)
{
	struct pool_bitmap bitmap = bitmap_of(size_now);
	return pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot);
}

static void abandon(void)
{
	pool_abandon(f.pool, slot);
}

Test(inject, leaving_a_bitmaps_memory_to_its_decoder)
{
	struct pool_scratch *scratch = NULL;
	size_now = 2 * MIB;
	cr_assert_eq(reserve(), 0);
	wrap_arm(1, false);
	cr_expect_eq(pool_scratch_leave(f.pool, slot, &scratch), -ENOMEM);
	cr_assert(wrap_disarm());
	check(&f);
	cr_expect_eq(pool_slot_state(slot), BOARD_FILLING);
	abandon();
}

Test(inject, reserving_a_large_bitmap)
{
	size_now = 2 * MIB;
	cr_assert_gt(sweep(reserve, abandon), 5);
	cr_assert_eq(reserve(), 0);
}

Test(inject, reserving_a_small_bitmap)
{
	size_now = 50000;
	cr_assert_gt(sweep(reserve, abandon), 10);
	cr_assert_eq(reserve(), 0);
}

/* Lent, decoded into, and a slot's; whoever fails gives it back. */
static int reserve_decoded(void)
{
	struct pool_bitmap bitmap = bitmap_of(size_now);
	struct pool_scratch *scratch = NULL;
	int r = pool_scratch_lend(f.pool, size_now, getuid(), f.now, &scratch);
	if (r < 0)
		return r;
	r = pool_reserve_decoded(f.pool, &bitmap, scratch, getuid(), c.holder, f.now, &slot);
	pool_scratch_give_back(f.pool, scratch);
	return r;
}

Test(inject, reserving_for_what_is_decoded)
{
	size_now = 50000;
	cr_assert_gt(sweep(reserve_decoded, abandon), 10);
	cr_assert_eq(reserve_decoded(), 0);
}

static int refill(void)
{
	return pool_refill(f.pool, slot, c.holder, f.now);
}

Test(inject, refilling)
{
	slot = slot_make_for(&f, &c, 50000, 1);
	pool_purge(f.pool, f.now);
	cr_assert_gt(sweep(refill, abandon), 10);
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
}

/* With a region to reuse: wiping it may fail. */
static int reserve_reused(void)
{
	struct pool_bitmap bitmap = {.format = 3,
		.width = 1001,
		.height = 900,
		.stride_bytes = 2004,
		.size_bytes = 1803600};
	struct pool_slot *old = NULL;
	int r = pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &old);
	if (r < 0)
		return r;
	pool_abandon(f.pool, old);
	r = pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot);
	if (r < 0)
		pool_purge(f.pool, f.now);
	return r;
}

Test(inject, wiping_a_reused_region)
{
	cr_assert_gt(sweep(reserve_reused, abandon), 7);
}

static int publish(void)
{
	if (!slot)
		cr_assert_eq(reserve(), 0);
	int r = pool_publish(f.pool, slot, 1, false, f.now);
	if (r < 0) {
		cr_assert_eq(pool_slot_state(slot), BOARD_FILLING);
		pool_abandon(f.pool, slot);
		slot = NULL;
	}
	return r;
}

Test(inject, copying_a_small_bitmap)
{
	size_now = 50000;
	cr_assert_eq(reserve(), 0);
	wrap_only("pread64");
	wrap_arm(1, false);
	cr_assert_eq(publish(), -EIO);
	cr_assert(wrap_disarm());
	check(&f);
	cr_assert_eq(stats_of(&f).filling_bytes, 0);
}

static struct consumer other;

static int join(void)
{
	int fd = -1;
	return pool_holder_create(f.pool, getuid(), NULL, &other.holder, &fd);
}

static void leave(void)
{
	pool_holder_destroy(f.pool, other.holder);
}

Test(inject, a_new_holder)
{
	struct pool_holder *holder[40];
	int fd = -1;
	cr_assert_gt(sweep(join, leave), 3);
	for (int i = 0; i < 15; i++) /* the next one needs a larger table of them */
		cr_assert_eq(pool_holder_create(f.pool, getuid(), NULL, &holder[i], &fd), 0);
	cr_assert_gt(sweep(join, leave), 3);
	for (int i = 0; i < 15; i++)
		pool_holder_destroy(f.pool, holder[i]);
}

Test(inject, telling_a_holder)
{
	struct pool_slot *last = NULL;
	for (uint32_t i = 0; i < 70; i++)
		last = slot_make(&f, 4096, i);
	wrap_arm(1, false);
	cr_assert_eq(
		pool_tell(f.pool, last, c.holder, true, f.now), -ENOMEM, "no memory for the set");
	cr_assert(wrap_disarm());
	check(&f);
	wrap_arm(2, false);
	cr_assert_eq(
		pool_tell(f.pool, last, c.holder, true, f.now), -ENOMEM, "no memory for the grant");
	cr_assert(wrap_disarm());
	check(&f);
	cr_assert_eq(pool_release(f.pool, last, c.holder), -ENOENT);
	cr_assert_eq(pool_tell(f.pool, last, c.holder, true, f.now), 0);
}

Test(inject, a_slot_more_than_there_is_space_for)
{
	size_now = 4096;
	for (uint32_t i = 0; i < 256; i++)
		slot_make_for(&f, &c, 4096, i);
	for (unsigned nth = 1; nth <= 3; nth++) { /* the slot, and two tables of all slots */
		wrap_only(NULL);
		wrap_arm(nth, false);
		int r = reserve();
		cr_assert(wrap_disarm());
		check(&f);
		cr_assert_eq(r, -ENOMEM, "call %u", nth);
	}
	cr_assert_eq(reserve(), 0);
}

Test(inject, making_a_pool)
{
	struct pool_options options = {.budget_bytes = 32 * MIB, .driver = ASHMEM_DRIVER_MEMFD};
	int before = count_descriptors();
	unsigned nth = 0;
	for (bool failed = true; failed;) {
		struct pool *pool = NULL;
		wrap_arm(++nth, false);
		int r = pool_create(&options, f.now, &pool);
		failed = wrap_disarm();
		cr_assert(failed ? r < 0 || !pool->huge.collapses : r == 0, "call %u: %d", nth, r);
		pool_destroy(pool);
		cr_assert_eq(count_descriptors(), before, "call %u", nth);
	}
	cr_assert_gt(nth, 10);
}

/* ---- shortage ---- */

Test(inject, without_descriptors_idle_regions_are_given_up)
{
	struct pool_slot *first = slot_make_for(&f, &c, 2 * MIB, 1);
	f.now += MS;
	struct pool_slot *small = slot_make_for(&f, &c, 50000, 2),
			 *second = slot_make_for(&f, &c, 2 * MIB, 2);
	pool_shrink(f.pool, 1, f.now); /* the scratch memory kept */
	pass(&f, 2 * IDLE_NS);
	size_now = 2 * MIB;
	wrap_only("memfd_create");
	wrap_arm(1, false);
	cr_assert_eq(reserve(), 0);
	cr_assert(wrap_disarm());
	check(&f);
	cr_assert_eq(pool_slot_state(first), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(second), BOARD_IDLE);
	cr_assert_eq(pool_slot_state(small), BOARD_IDLE, "it would give no descriptor back");
}

Test(inject, without_descriptors_kept_regions_are_given_up_first)
{
	size_now = 2 * MIB;
	cr_assert_eq(reserve(), 0);
	abandon();
	struct pool_slot *idle = slot_make_for(&f, &c, 3 * MIB, 1);
	pass(&f, 2 * IDLE_NS);
	cr_assert_gt(stats_of(&f).kept_bytes, 0);
	size_now = 4 * MIB;
	wrap_only("memfd_create");
	wrap_arm(1, false);
	cr_assert_eq(reserve(), 0);
	cr_assert(wrap_disarm());
	cr_assert_eq(stats_of(&f).kept_bytes, 0);
	cr_assert_eq(pool_slot_state(idle), BOARD_IDLE);
}

Test(inject, when_nothing_helps_the_shortage_is_told)
{
	struct pool_slot *pinned = slot_make_for(&f, &c, 2 * MIB, 1),
			 *idle = slot_make_for(&f, &c, 2 * MIB, 2);
	consumer_pin(&c, pinned);
	pass(&f, 2 * IDLE_NS);
	size_now = 2 * MIB;
	wrap_only("memfd_create");
	wrap_arm(1, true);
	cr_assert_eq(reserve(), -EMFILE);
	size_now = 50000;
	cr_assert_eq(reserve(), -EMFILE);
	wrap_only("mmap64");
	size_now = 2 * MIB;
	cr_assert_eq(reserve(), -ENOMEM);
	cr_assert(wrap_disarm());
	cr_assert_eq(pool_slot_state(idle), BOARD_PURGED);
	cr_assert_eq(pool_slot_state(pinned), BOARD_READY);
	cr_assert_eq(slot_verify(&f, pinned, 1), -1);
}

Test(inject, when_nothing_can_be_punched_the_sums_are_right_all_the_same)
{
	char text[256] = "";
	slot_make_for(&f, &c, 2 * MIB, 1);
	consumer_pin(&c, slot_make_for(&f, &c, 50000, 1));
	slot_make_for(&f, &c, 50000, 1);
	wrap_only("fallocate64");
	wrap_arm(1, true);
	cr_assert_eq(pool_purge(f.pool, f.now), 0);
	cr_assert(wrap_disarm());
	cr_assert_eq(pool_check(f.pool, text, sizeof(text)), 0, "%s", text);
	cr_assert_eq(stats_of(&f).purges, 2);
	pass(&f, 30000 * MS); /* it is noticed, and punched later */
	check(&f);
}

Test(inject, what_could_not_be_punched_does_not_show_behind_the_next_picture)
{
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0;
	char rest[480] = "";
	consumer_pin(&c, slot_make_for(&f, &c, 4096, 1));
	slot_make_for(&f, &c, 20480, 2);
	wrap_only("fallocate64");
	wrap_arm(1, true);
	pool_purge(f.pool, f.now);
	cr_assert(wrap_disarm());
	struct pool_slot *next = slot_make(&f, 20000, 3);
	pool_slot_place(next, &region, &size, &offset);
	cr_assert_eq(offset, page_bytes(), "in the place of the other");
	cr_assert_eq(slot_share(&f, next, &fd), 0);
	cr_assert_eq(pread(fd, rest, sizeof(rest), (off_t)offset + 20000), (ssize_t)sizeof(rest));
	for (size_t i = 0; i < sizeof(rest); i++)
		cr_assert_eq(rest[i], 0);
	close(fd);
}

/* ---- what stat asks ---- */

static unsigned questions(void)
{
	unsigned before = wrap_calls("fstat64");
	stats_of(&f);
	return wrap_calls("fstat64") - before;
}

/* @slot: eight that fill a slab. */
static void fill_slab(struct pool_slot *full[8])
{
	int fd = -1;
	for (uint32_t i = 0; i < 8; i++) {
		full[i] = slot_make_for(&f, &c, MIB - 4, i);
		consumer_pin(&c, full[i]);
	}
	cr_assert_eq(slot_share(&f, full[0], &fd), 0);
	close(fd);
	pool_purge(f.pool, f.now); /* the scratch memory */
	stats_of(&f);
}

Test(inject, stat_asks_about_no_slab_that_is_full)
{
	struct pool_slot *full[16];
	for (size_t i = 0; i < 16; i += 8)
		fill_slab(full + i);
	cr_assert_eq(stats_of(&f).regions, 2);
	cr_assert_eq(questions(), 0);
	pass(&f, 2 * IDLE_NS);
	for (size_t i = 0; i < 16; i++) {
		consumer_unpin(&c, full[i]);
		pool_nudge(f.pool, full[i], f.now);
	}
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(stats_of(&f).idle_bitmaps, 16);
	cr_assert_eq(questions(), 0, "an unpin changes no page");
	pool_shrink(f.pool, 1, f.now);
	cr_assert_eq(questions(), 1, "one of them has a hole");
	cr_assert_eq(questions(), 1, "which a reader may fill at any time");
}

Test(inject, a_slab_about_which_asking_failed_is_asked_about_again)
{
	struct pool_slot *full[8];
	fill_slab(full);
	uint64_t before = stats_of(&f).allocated_bytes;
	consumer_unpin(&c, full[3]);
	pool_purge(f.pool, f.now);
	wrap_only("fstat64");
	wrap_arm(1, true);
	cr_assert_eq(stats_of(&f).allocated_bytes, before, "the last answer stands");
	cr_assert(wrap_disarm());
	cr_assert_eq(stats_of(&f).allocated_bytes, before - MIB);
}

/* Else the kernel gives it to somebody else, and the next board is mapped over that. */
Test(inject, the_place_of_a_board_stays_ours_where_nothing_can_be_mapped)
{
	struct heads heads = {0};
	unsigned char resident;
	int fd = memfd_create("head", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(fd, 1 << 16), 0);
	cr_assert_eq(heads_map(&heads, 0, fd), 0);
	wrap_only("mmap64");
	wrap_arm(1, false);
	heads_unmap(&heads, 0);
	cr_assert(wrap_disarm());
	cr_expect_eq(mincore(heads_at(&heads, 0), heads.page, &resident), 0);
	wrap_arm(1, false);
	cr_expect_eq(heads_map(&heads, 0, fd), -ENOMEM);
	cr_assert(wrap_disarm());
	cr_expect_eq(mincore(heads_at(&heads, 0), heads.page, &resident), 0);
	cr_expect_eq(heads_map(&heads, 0, fd), 0);
	heads_fini(&heads);
	close(fd);
}
