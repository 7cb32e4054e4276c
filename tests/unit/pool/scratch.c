/* Memory for a decoder that finds the bitmap's size out itself: charged, lent to one, and in the
 * end a bitmap's or given back. */
#include "support.h"

#include <errno.h>
#include <mural/pixel.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct fixture f;

static void fini(void)
{
	check(&f);
	fixture_fini(&f);
}

TestSuite(scratch, .fini = fini, .timeout = 60);

static struct pool_scratch *lend(uint64_t size)
{
	struct pool_scratch *scratch = NULL;
	cr_assert_eq(pool_scratch_lend(f.pool, size, getuid(), f.now, &scratch), 0);
	return scratch;
}

static int reserve(
	const struct pool_bitmap *bitmap, struct pool_scratch *scratch, struct pool_slot **ret)
{
	return pool_reserve_decoded(f.pool, bitmap, scratch, getuid(), NULL, f.now, ret);
}

static ino_t inode_of(int fd)
{
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

Test(scratch, what_was_decoded_into_it_becomes_the_bitmap)
{
	fixture_init(&f, 32 * MIB);
	int fd = -1, slots_fd = -1;
	uint64_t length = 0, offset = 0;
	struct pool_scratch *scratch = lend(200000);
	pool_scratch_window(scratch, &fd, &length);
	cr_assert_geq(length, 200000);
	cr_assert_eq(length % 4096, 0);
	check(&f);
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(reserve(&bitmap, scratch, &slot), 0);
	check(&f);
	cr_assert_eq(pool_slot_state(slot), BOARD_FILLING);
	pool_window(slot, &slots_fd, &offset, &length);
	cr_assert(slots_fd == fd && offset == 0, "it has other scratch memory");
	slot_fill(slot, 5);
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
	cr_assert_eq(slot_verify(&f, slot, 5), -1);
}

static ino_t inode_lent(const struct pool_scratch *scratch)
{
	int fd = -1;
	uint64_t length = 0;
	pool_scratch_window(scratch, &fd, &length);
	return inode_of(fd);
}

/* Does anybody else get that memory now? As many as are kept are lent, and a new one. */
static bool is_free(ino_t inode, uint64_t size)
{
	struct pool_scratch *others[16];
	size_t count = 0;
	bool found = false;
	for (uint64_t reuses = UINT64_MAX; reuses != stats_of(&f).reuses;) {
		cr_assert_lt(count, ARRAY_SIZE(others));
		reuses = stats_of(&f).reuses;
		others[count++] = lend(size);
		found |= inode_lent(others[count - 1]) == inode;
	}
	while (count > 0)
		pool_scratch_give_back(f.pool, others[--count]);
	check(&f);
	return found;
}

Test(scratch, nobody_else_gets_it_before_its_decoder_has_gone)
{
	fixture_init(&f, 32 * MIB);
	struct pool_scratch *scratch = lend(200000);
	const ino_t inode = inode_lent(scratch);
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(reserve(&bitmap, scratch, &slot), 0);
	slot_fill(slot, 5);
	cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
	check(&f);
	cr_assert_not(is_free(inode, 200000), "published, and its decoder may still write there");
	/* Which changes nothing of what was published. */
	int fd = -1;
	uint64_t length = 0;
	pool_scratch_window(scratch, &fd, &length);
	cr_assert_eq(pwrite(fd, "late", 4, 0), 4);
	cr_assert_eq(slot_verify(&f, slot, 5), -1);
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert(is_free(inode, 200000));
}

Test(scratch, nor_before_its_slot_is_done_with_it)
{
	fixture_init(&f, 32 * MIB);
	struct pool_scratch *scratch = lend(200000);
	const ino_t inode = inode_lent(scratch);
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(reserve(&bitmap, scratch, &slot), 0);
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert_not(is_free(inode, 200000));
	pool_abandon(f.pool, slot);
	check(&f);
	cr_assert(is_free(inode, 200000));
}

Test(scratch, that_was_wanted_while_it_was_lent_is_not_kept)
{
	fixture_init(&f, 32 * MIB);
	struct pool_scratch *scratch = lend(200000);
	cr_assert_eq(pool_shrink(f.pool, 0, f.now), 0, "what was wanted was given");
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert_gt(stats_of(&f).kept_bytes, 0);
	scratch = lend(200000);
	cr_assert_eq(pool_shrink(f.pool, MIB, f.now), 0, "a decoder writes there");
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert_eq(stats_of(&f).kept_bytes, 0);
	cr_assert_eq(stats_of(&f).allocated_bytes, stats_of(&f).overhead_bytes);
}

Test(scratch, that_a_slot_has_is_lent_to_its_decoder)
{
	fixture_init(&f, 32 * MIB);
	struct pool_slot *slot = NULL;
	struct pool_scratch *scratch = NULL, *twice = NULL;
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	cr_assert_eq(pool_scratch_of(f.pool, slot, &scratch), 0);
	check(&f);
	const ino_t inode = inode_lent(scratch);
	cr_assert_eq(pool_scratch_of(f.pool, slot, &twice), -EINVAL);
	struct pool_slot *other = NULL;
	cr_assert_eq(reserve(&bitmap, scratch, &other), -EINVAL);
	slot_fill(slot, 5);
	cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
	check(&f);
	cr_assert_not(is_free(inode, 120000));
	cr_assert_eq(pool_scratch_of(f.pool, slot, &twice), -EINVAL, "it has none any more");
	pool_scratch_give_back(f.pool, scratch);
	cr_assert(is_free(inode, 120000));
	struct pool_bitmap large = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &large, getuid(), NULL, f.now, &slot), 0);
	cr_assert_eq(pool_scratch_of(f.pool, slot, &scratch), -EINVAL);
}

static struct pool_slot *reserve_large(void)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(2 * MIB);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	return slot;
}

static ino_t inode_to_fill(const struct pool_slot *slot)
{
	int fd = -1;
	uint64_t offset = 0, length = 0;
	pool_window(slot, &fd, &offset, &length);
	return inode_of(fd);
}

Test(scratch, a_large_bitmaps_memory_stays_with_a_decoder_that_does_not_go)
{
	fixture_init(&f, 64 * MIB);
	struct pool_slot *slot = reserve_large();
	struct pool_scratch *scratch = NULL;
	const ino_t inode = inode_to_fill(slot);
	slot_fill(slot, 5);
	cr_assert_eq(pool_scratch_leave(f.pool, slot, &scratch), 0);
	check(&f);
	cr_expect_eq(f.forgotten, 1, "the slot itself is given up");
	cr_expect_eq(stats_of(&f).filling_bytes, 0);
	cr_expect_geq(stats_of(&f).overhead_bytes, 2 * MIB, "it is charged");
	slot = reserve_large();
	cr_expect_neq(inode_to_fill(slot), inode, "it is there still, and may write");
	pool_abandon(f.pool, slot);
	const uint64_t kept = stats_of(&f).kept_bytes;
	cr_expect_eq(inode_lent(scratch), inode);
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_expect_eq(stats_of(&f).used_bytes, kept, "nothing is kept of it");
}

Test(scratch, and_a_slot_that_is_known_can_be_decoded_again_meanwhile)
{
	struct consumer c;
	fixture_init(&f, 32 * MIB);
	consumer_init(&f, &c, getuid());
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	struct pool_scratch *scratch = NULL;
	const uint32_t number = pool_slot_number(slot);
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_refill(f.pool, slot, c.holder, f.now), 0);
	cr_assert_eq(pool_scratch_leave(f.pool, slot, &scratch), 0);
	check(&f);
	cr_assert_eq(pool_find(f.pool, number), slot);
	cr_assert_eq(pool_slot_state(slot), BOARD_PURGED);
	cr_assert_eq(pool_refill(f.pool, slot, c.holder, f.now), 0);
	slot_fill(slot, 2);
	cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
	int fd = -1;
	uint64_t length = 0;
	pool_scratch_window(scratch, &fd, &length);
	cr_assert_eq(pwrite(fd, "late", 4, 0), 4);
	cr_expect_eq(slot_verify(&f, slot, 2), -1, "the first decoder wrote into it");
	pool_scratch_give_back(f.pool, scratch);
	consumer_fini(&f, &c);
}

Test(scratch, what_is_not_being_filled_or_is_small_can_not_be_left)
{
	fixture_init(&f, 32 * MIB);
	struct pool_scratch *scratch = NULL;
	struct pool_slot *slot = NULL;
	cr_expect_eq(pool_scratch_leave(f.pool, slot_make(&f, 2 * MIB, 1), &scratch), -EINVAL);
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	cr_expect_eq(pool_scratch_leave(f.pool, slot, &scratch), -EINVAL);
	pool_abandon(f.pool, slot);
}

Test(scratch, it_is_charged_and_kept_for_the_next)
{
	fixture_init(&f, 32 * MIB);
	int fd = -1;
	uint64_t length = 0;
	struct pool_scratch *scratch = lend(300000);
	pool_scratch_window(scratch, &fd, &length);
	ino_t inode = inode_of(fd);
	cr_assert_geq(stats_of(&f).overhead_bytes, 300000);
	pool_scratch_give_back(f.pool, scratch);
	check(&f);
	cr_assert_eq(stats_of(&f).overhead_bytes, 0);
	cr_assert_geq(stats_of(&f).kept_bytes, 300000);
	scratch = lend(290000);
	pool_scratch_window(scratch, &fd, &length);
	cr_assert_eq(inode_of(fd), inode);
	cr_assert_eq(stats_of(&f).reuses, 1);
	pool_scratch_give_back(f.pool, scratch);
	pool_scratch_give_back(f.pool, NULL);
}

Test(scratch, no_user_gets_what_another_had)
{
	fixture_init(&f, 32 * MIB);
	struct pool_scratch *theirs = NULL;
	struct pool_slot *slot = NULL;
	pool_scratch_give_back(f.pool, lend(300000));
	cr_assert_eq(pool_scratch_lend(f.pool, 300000, getuid() + 1, f.now, &theirs), 0);
	cr_assert_eq(stats_of(&f).reuses, 0);
	struct pool_bitmap bitmap = bitmap_of(120000);
	cr_assert_eq(reserve(&bitmap, theirs, &slot), -EINVAL);
	check(&f);
	pool_scratch_give_back(f.pool, theirs);
	cr_assert_eq(stats_of(&f).overhead_bytes, 0, "not given back");
}

Test(scratch, only_small_bitmaps_that_fit_are_taken)
{
	fixture_init(&f, 64 * MIB);
	struct pool_slot *slot = NULL;
	struct pool_scratch *scratch = NULL;
	cr_assert_eq(pool_scratch_lend(f.pool, 0, getuid(), f.now, &scratch), -EINVAL);
	cr_assert_eq(
		pool_scratch_lend(f.pool, POOL_LARGE_BYTES, getuid(), f.now, &scratch), -EINVAL);
	struct pool_bitmap large = bitmap_of(POOL_LARGE_BYTES), wide = bitmap_of(400000);
	struct pool_scratch *most = lend(POOL_LARGE_BYTES - 4096), *little = lend(100000);
	cr_assert_eq(reserve(&large, most, &slot), -EINVAL);
	check(&f);
	cr_assert_eq(reserve(&wide, little, &slot), -EINVAL);
	check(&f);
	pool_scratch_give_back(f.pool, most);
	pool_scratch_give_back(f.pool, little);
	cr_assert_eq(stats_of(&f).overhead_bytes, 0);
}

Test(scratch, without_room_there_is_none_and_nothing_is_left_charged)
{
	struct consumer c;
	fixture_init_with(&f, &(struct pool_options){.budget_bytes = 4 * MIB,
				      .keep_bytes = UINT64_MAX,
				      .holder_pinned_bytes = 4 * MIB});
	consumer_init(&f, &c, getuid());
	struct pool_scratch *scratch = lend(200000), *another = NULL;
	for (struct pool_slot *slot = NULL;;) {
		struct pool_bitmap bitmap = bitmap_of(120000);
		if (pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot) < 0)
			break;
		cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
		cr_assert_eq(pool_tell(f.pool, slot, c.holder, false, f.now), 0);
		cr_assert_eq(consumer_pin(&c, slot), BOARD_PINNED);
	}
	uint64_t before = stats_of(&f).overhead_bytes;
	cr_assert_eq(pool_scratch_lend(f.pool, 900000, getuid(), f.now, &another), -ENOSPC);
	check(&f);
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(200000);
	cr_assert_eq(reserve(&bitmap, scratch, &slot), -ENOSPC);
	check(&f);
	pool_scratch_give_back(f.pool, scratch);
	cr_assert_lt(stats_of(&f).overhead_bytes, before, "not given back");
	consumer_fini(&f, &c);
}

Test(scratch, a_quota_counts_for_it_as_for_any)
{
	struct consumer c;
	fixture_init_with(&f, &(struct pool_options){.budget_bytes = 32 * MIB,
				      .keep_bytes = UINT64_MAX,
				      .holder_pinned_bytes = 100000});
	consumer_init(&f, &c, getuid());
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(120000);
	struct pool_scratch *scratch = lend(120000);
	cr_assert_eq(
		pool_reserve_decoded(f.pool, &bitmap, scratch, getuid(), c.holder, f.now, &slot),
		-EDQUOT);
	check(&f);
	pool_scratch_give_back(f.pool, scratch);
	cr_assert_eq(stats_of(&f).overhead_bytes, 0);
	consumer_fini(&f, &c);
}

Test(scratch, what_a_decoder_left_between_the_rows_does_not_show)
{
	fixture_init(&f, 32 * MIB);
	int fd = -1, shared = -1;
	uint64_t length = 0, region = 0, size = 0, offset = 0;
	struct pool_bitmap bitmap = {.format = MURAL_FORMAT_RGB565, .width = 333, .height = 200};
	cr_assert(mural_bitmap_layout(bitmap.format, bitmap.width, bitmap.height,
		&bitmap.stride_bytes, &bitmap.size_bytes));
	struct pool_scratch *scratch = lend(bitmap.size_bytes);
	pool_scratch_window(scratch, &fd, &length);
	CLEANUP(free_p) char *dirt = malloc(length);
	for (uint64_t i = 0; i < length; i++)
		dirt[i] = 77;
	cr_assert_eq(pwrite(fd, dirt, length, 0), (ssize_t)length);
	struct pool_slot *slot = NULL;
	cr_assert_eq(reserve(&bitmap, scratch, &slot), 0);
	cr_assert_eq(pool_publish(f.pool, slot, 1000, false, f.now), 0);
	pool_slot_place(slot, &region, &size, &offset);
	cr_assert_eq(slot_share(&f, slot, &shared), 0);
	for (uint32_t y = 0; y < bitmap.height; y++) {
		uint16_t around[2] = {0, 1};
		off_t at = (off_t)(offset + (uint64_t)y * bitmap.stride_bytes + 664);
		cr_assert_eq(pread(shared, around, sizeof(around), at), sizeof(around));
		cr_assert_eq(around[0], 77 * 257, "row %u: the last pixel", y);
		cr_assert_eq(around[1], 0, "row %u: behind it", y);
	}
	close(shared);
}

Test(scratch, a_pool_may_end_with_some_lent)
{
	fixture_init(&f, 32 * MIB);
	lend(300000);
	lend(5000);
	check(&f);
}
