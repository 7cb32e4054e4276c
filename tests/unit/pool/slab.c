/* Small bitmaps: pieces of shared regions, and the scratch memory their decoders write to. */
#include "support.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static struct fixture f;
static struct consumer c;

static void init(void)
{
	fixture_init(&f, 256 * MIB);
	consumer_init(&f, &c, getuid());
}

static void fini(void)
{
	check(&f);
	consumer_fini(&f, &c);
	fixture_fini(&f);
}

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

TestSuite(slab, .init = init, .fini = fini, .timeout = 120);

Test(slab, two_thousand_thumbnails_need_few_descriptors_and_whole_pages_each)
{
	enum { COUNT = 2000 };
	static struct pool_slot *slot[COUNT];
	for (uint32_t i = 0; i < COUNT; i++)
		slot[i] = slot_make_for(&f, &c, 20000 + i % 7 * 4096, i);
	struct mural_stats s = stats_of(&f);
	const uint64_t most = COUNT * whole_pages(20000 + 6 * 4096);
	cr_assert_leq(s.regions, most / (8 * MIB) + 2);
	cr_assert_leq(s.ready_bytes, most);
	for (uint32_t i = 0; i < COUNT; i++)
		cr_assert_eq(slot_verify(&f, slot[i], i), -1);
	pass(&f, 2 * IDLE_NS);
	cr_assert_eq(stats_of(&f).idle_bitmaps, COUNT);
}

Test(slab, an_empty_slab_is_given_back)
{
	struct pool_slot *a = slot_make_for(&f, &c, 20000, 1), *b = slot_make_for(&f, &c, 20000, 2);
	int fd = -1;
	cr_assert_eq(slot_share(&f, a, &fd), 0);
	close(fd);
	consumer_pin(&c, a);
	pool_purge(f.pool, f.now);
	cr_assert_eq(pool_slot_state(b), BOARD_PURGED);
	cr_assert_eq(stats_of(&f).regions, 1);
	consumer_unpin(&c, a);
	pool_purge(f.pool, f.now);
	cr_assert_eq(stats_of(&f).regions, 0);
	cr_assert_eq(f.gone_count, 1);
}

Test(slab, purging_one_thumbnail_leaves_its_neighbours_whole)
{
	struct pool_slot *slot[3];
	for (uint32_t i = 0; i < 3; i++)
		slot[i] = slot_make_for(&f, &c, 20000, i);
	consumer_pin(&c, slot[0]);
	consumer_pin(&c, slot[2]);
	uint64_t freed = pool_purge(f.pool, f.now);
	cr_assert_eq(freed, 2 * whole_pages(20000),
		"its pages, and as many of the scratch memory that was kept");
	cr_assert_eq(slot_verify(&f, slot[0], 0), -1);
	cr_assert_eq(slot_verify(&f, slot[2], 2), -1);
}

Test(slab, a_decoder_of_a_small_bitmap_sees_no_neighbour)
{
	slot_make(&f, 20000, 1);
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(20000);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	int fd = -1, neighbour = -1;
	uint64_t offset = 1, length = 0;
	struct stat mine, slabs;
	pool_window(slot, &fd, &offset, &length);
	cr_assert_eq(offset, 0);
	cr_assert_eq(length, whole_pages(20000));
	cr_assert_eq(slot_share(&f, slot, &neighbour), 0);
	cr_assert_eq(fstat(fd, &mine), 0);
	cr_assert_eq(fstat(neighbour, &slabs), 0);
	cr_assert_neq(mine.st_ino, slabs.st_ino);
	close(neighbour);
}

Test(slab, behind_a_small_bitmaps_pixels_the_page_is_empty)
{
	/* A larger picture was in the scratch memory, and in the slab, before. */
	pool_release(f.pool, slot_make_for(&f, &c, 60000, 1), c.holder);
	pool_purge(f.pool, f.now);
	slot_make(&f, 60000, 2);
	struct pool_slot *slot = slot_make(&f, 20000, 3);
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0;
	char rest[480];
	pool_slot_place(slot, &region, &size, &offset);
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	cr_assert_eq(pread(fd, rest, sizeof(rest), (off_t)offset + 20000), (ssize_t)sizeof(rest));
	for (size_t i = 0; i < sizeof(rest); i++)
		cr_assert_eq(rest[i], 0);
	cr_assert_gt(stats_of(&f).reuses, 0);
	close(fd);
}

Test(slab, users_do_not_share_slabs)
{
	struct pool_slot *mine = NULL, *theirs = NULL;
	struct pool_bitmap bitmap = bitmap_of(20000);
	uint64_t region[2], size = 0, offset = 0;
	cr_assert_eq(pool_reserve(f.pool, &bitmap, 1000, NULL, f.now, &mine), 0);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, 1001, NULL, f.now, &theirs), 0);
	pool_slot_place(mine, &region[0], &size, &offset);
	pool_slot_place(theirs, &region[1], &size, &offset);
	cr_assert_neq(region[0], region[1]);
}

/* A slab with a pinned bitmap, and 400000 bytes that were another's before a purge; a reader still
 * has all of it mapped. */
struct hole {
	struct pool_slot *keep; /* made with seed 1 */
	void *base;
	uint64_t size;
	volatile const char *pixels; /* where the other was */
};

static struct hole make_hole(void)
{
	struct hole hole = {.keep = slot_make_for(&f, &c, 20000, 1)};
	struct pool_slot *gone = slot_make_for(&f, &c, 400000, 2);
	int fd = -1;
	uint64_t region = 0, offset = 0;
	pool_slot_place(gone, &region, &hole.size, &offset);
	cr_assert_eq(slot_share(&f, gone, &fd), 0);
	hole.base = mmap(NULL, hole.size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(hole.base, MAP_FAILED);
	hole.pixels = (const char *)hole.base + offset;
	close(fd);
	consumer_pin(&c, hole.keep);
	pool_purge(f.pool, f.now);
	return hole;
}

Test(slab, a_hole_filled_again_by_a_reader_is_punched_again)
{
	struct hole hole = make_hole();
	uint64_t after_purge = stats_of(&f).allocated_bytes;
	for (uint64_t i = 0; i < 400000; i += page_bytes())
		(void)hole.pixels[i];
	cr_assert_gt(stats_of(&f).allocated_bytes, after_purge + 300000, "reading a hole fills it");
	cr_assert_eq(stats_of(&f).stray_bytes, stats_of(&f).allocated_bytes - after_purge);
	cr_assert_leq(pool_deadline(f.pool), f.now + 30000 * MS);
	pass(&f, 30000 * MS);
	cr_assert_eq(stats_of(&f).allocated_bytes, after_purge);
	cr_assert_eq(stats_of(&f).stray_bytes, 0);
	cr_assert_eq(slot_verify(&f, hole.keep, 1), -1);
	munmap(hole.base, hole.size);
}

Test(slab, one_page_filled_again_is_told_and_punched_too)
{
	struct hole hole = make_hole();
	(void)hole.pixels[8192];
	cr_assert_eq(stats_of(&f).stray_bytes, page_bytes());
	pass(&f, 30000 * MS);
	cr_assert_eq(stats_of(&f).stray_bytes, 0);
	munmap(hole.base, hole.size);
}

Test(slab, shrinking_punches_refilled_holes_without_waiting)
{
	struct hole hole = make_hole();
	uint64_t after_purge = stats_of(&f).allocated_bytes;
	for (uint64_t i = 0; i < 400000; i += page_bytes())
		(void)hole.pixels[i];
	pool_shrink(f.pool, 1, f.now);
	cr_assert_eq(stats_of(&f).allocated_bytes, after_purge);
	munmap(hole.base, hole.size);
}

/* Told without being asked about while it was full: it must be asked about again from the purge on.
 */
Test(slab, a_full_slab_is_counted_right_through_purge_reading_and_filling_again)
{
	struct pool_slot *slot[8];
	int fd = -1;
	for (uint32_t i = 0; i < 8; i++) {
		slot[i] = slot_make_for(&f, &c, MIB - 4, i);
		consumer_pin(&c, slot[i]);
	}
	cr_assert_eq(slot_share(&f, slot[5], &fd), 0);
	const char *base = mmap(NULL, 8 * MIB, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(base, MAP_FAILED);
	uint64_t region = 0, size = 0, offset = 0;
	pool_slot_place(slot[5], &region, &size, &offset);
	pool_purge(f.pool, f.now); /* the scratch memory */
	uint64_t full = stats_of(&f).allocated_bytes;
	cr_assert_eq(full, kernels_bytes());
	consumer_unpin(&c, slot[5]);
	pool_purge(f.pool, f.now);
	for (uint64_t at = 0; at < MIB; at += page_bytes())
		(void)*(volatile const char *)(base + offset + at);
	cr_assert_eq(stats_of(&f).allocated_bytes, full, "as many as before the purge");
	cr_assert_eq(stats_of(&f).stray_bytes, MIB);
	pass(&f, 30000 * MS);
	cr_assert_eq(stats_of(&f).allocated_bytes, full - MIB);
	(void)*(volatile const char *)(base + offset + 8192);
	cr_assert_eq(stats_of(&f).allocated_bytes, full - MIB + page_bytes());
	cr_assert_eq(stats_of(&f).stray_bytes, page_bytes());
	struct pool_slot *filling = NULL;
	struct pool_bitmap bitmap = bitmap_of(MIB - 4);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &filling), 0);
	cr_assert_eq(stats_of(&f).stray_bytes, 0, "it has an owner again");
	slot_fill(filling, 9);
	cr_assert_eq(pool_publish(f.pool, filling, 1, false, f.now), 0);
	cr_assert_eq(stats_of(&f).allocated_bytes, kernels_bytes());
	munmap((void *)(uintptr_t)base, 8 * MIB);
	close(fd);
}

Test(slab, the_largest_small_and_the_smallest_large_bitmap)
{
	struct pool_slot *small = slot_make(&f, MIB - 4, 1), *large = slot_make(&f, MIB, 2);
	uint64_t region = 0, size = 0, offset = 0;
	pool_slot_place(small, &region, &size, &offset);
	cr_assert_eq(size, 8 * MIB);
	pool_slot_place(large, &region, &size, &offset);
	cr_assert_eq(size, MIB);
	cr_assert_eq(slot_verify(&f, small, 1), -1);
	cr_assert_eq(slot_verify(&f, large, 2), -1);
}

Test(slab, scratch_memory_is_charged_while_it_is_held)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(100000);
	cr_assert_eq(pool_reserve(f.pool, &bitmap, getuid(), NULL, f.now, &slot), 0);
	uint64_t during = stats_of(&f).overhead_bytes;
	slot_fill(slot, 1);
	check(&f);
	cr_assert_eq(pool_publish(f.pool, slot, 1, false, f.now), 0);
	struct mural_stats s = stats_of(&f);
	cr_assert_geq(during - s.overhead_bytes, 131072);
	cr_assert_geq(s.kept_bytes, 131072);
}

/* Not only the pixels: the control block of a slab is as large as many a thumbnail. */
Test(slab, all_that_the_kernel_gets_back_is_counted)
{
	struct pool_slot *small = slot_make_for(&f, &c, 20000, 1);
	struct pool_slot *large = slot_make_for(&f, &c, 2 * MIB, 2);
	cr_assert_eq(slot_verify(&f, large, 2), -1); /* shared, unlike the slab */
	cr_assert_eq(pool_slot_state(small), BOARD_READY);
	uint64_t held = kernels_bytes(), counted = stats_of(&f).freed_bytes;
	pool_purge(f.pool, f.now);
	pass(&f, MS);
	cr_assert_eq(stats_of(&f).regions, 0);
	cr_assert_eq(stats_of(&f).freed_bytes - counted, held - kernels_bytes());
	cr_assert_gt(stats_of(&f).freed_bytes - counted, 3 * MIB / 2);
}
