/* Regions that pressure has emptied: their bytes are back at once, the rest at the next tick. */
#include "support.h"
#include "support/descriptors.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MOST_WAITING 32 /* regions; each has a descriptor, and one more for its control block */

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

TestSuite(emptied, .init = init, .fini = fini, .timeout = 60);

static uint64_t blocks(int fd)
{
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks;
}

/* Pressure takes @count idle bitmaps, and nobody has had time since. */
static void purge(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		slot_make_for(&f, &c, 2 * MIB, i);
	pass(&f, 2 * IDLE_NS);
	cr_assert_geq(pool_shrink(f.pool, UINT64_MAX, f.now), count * 2 * MIB);
}

Test(emptied, descriptors_go_at_the_next_tick_which_is_due_at_once)
{
	int before = count_descriptors();
	purge(4);
	cr_assert_eq(stats_of(&f).regions, 0);
	cr_assert_leq(pool_deadline(f.pool), f.now);
	pool_tick(f.pool, f.now);
	cr_assert_eq(count_descriptors(), before);
	cr_assert_gt(pool_deadline(f.pool), f.now);
}

Test(emptied, no_more_than_a_few_wait_to_be_closed)
{
	int before = count_descriptors();
	purge(2 * MOST_WAITING);
	cr_assert_leq(count_descriptors(), before + 2 * MOST_WAITING);
	pool_tick(f.pool, f.now);
	cr_assert_eq(count_descriptors(), before);
}

Test(emptied, a_new_region_closes_them_first)
{
	slot_make_for(&f, &c, 2 * MIB, 1);
	int one = count_descriptors();
	purge(4);
	slot_make_for(&f, &c, 2 * MIB, 1);
	cr_assert_eq(count_descriptors(), one);
}

Test(emptied, by_hand_nothing_is_left_to_be_closed)
{
	int before = count_descriptors();
	slot_make_for(&f, &c, 2 * MIB, 1);
	pool_purge(f.pool, f.now);
	cr_assert_eq(count_descriptors(), before);
}

Test(emptied, what_was_read_of_a_hole_meanwhile_goes_with_the_rest)
{
	int fd = -1;
	struct pool_slot *slot = slot_make_for(&f, &c, 2 * MIB, 1);
	cr_assert_eq(slot_share(&f, slot, &fd), 0);
	const char *pixels = mmap(NULL, 2 * MIB, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(pixels, MAP_FAILED);
	pass(&f, 2 * IDLE_NS);
	cr_assert_geq(pool_shrink(f.pool, 1, f.now), 2 * MIB);
	cr_assert_eq(*(volatile const char *)pixels, 0, "it reads zero, and has a page for that");
	cr_assert_gt(blocks(fd), 0);
	pool_tick(f.pool, f.now);
	cr_assert_eq(blocks(fd), 0, "nor a control block");
	munmap((void *)(uintptr_t)pixels, 2 * MIB);
	close(fd);
}
