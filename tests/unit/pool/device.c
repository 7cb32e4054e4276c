/* The pool on the driver of the kernel: what differs there. A plain program, so that it can be
 * linked statically and run in a machine that has /dev/ashmem (as root: purging all caches is);
 * elsewhere it is skipped. */
#include "common/util.h"

#include "pool/pool.h"

#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { EXIT_SKIPPED = 77, SMALL_ONES = 40 };

#define MIB ((uint64_t)1 << 20)
#define IDLE_NS UINT64_C(1000000000)

struct consumer {
	struct pool_holder *holder;
	const struct board_table *table;
	struct board_pins *pins;
};

static struct pool *pool;
static struct consumer c;
static uint64_t now = UINT64_C(1000000000000);

static void expect(bool right, const char *what, int line)
{
	char text[256] = "";
	if (right && (!pool || pool_check(pool, text, sizeof(text)) == 0))
		return;
	fprintf(stderr, "line %d: %s %s\n", line, what, text);
	exit(1);
}
#define EXPECT(condition) expect(condition, #condition, __LINE__)

static uint32_t word_of(uint32_t seed, uint64_t index)
{
	return (seed ^ (uint32_t)index) * UINT32_C(2654435761) | 1;
}

static void decode(struct pool_slot *slot, uint32_t seed)
{
	int fd = -1;
	uint64_t offset = 0, length = 0;
	pool_window(slot, &fd, &offset, &length);
	uint32_t *pixels =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	EXPECT(pixels != MAP_FAILED);
	for (uint64_t i = 0; i < pool_slot_bitmap(slot)->size_bytes / 4; i++)
		pixels[i] = word_of(seed, i);
	munmap(pixels, length);
	EXPECT(pool_publish(pool, slot, 1, false, now) == 0);
}

static struct pool_slot *make(uint32_t width, uint32_t height, uint32_t seed)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = {
		.format = MURAL_FORMAT_XRGB8888, .width = width, .height = height};
	mural_bitmap_layout(bitmap.format, width, height, &bitmap.stride_bytes, &bitmap.size_bytes);
	EXPECT(pool_reserve(pool, &bitmap, getuid(), NULL, now, &slot) == 0);
	decode(slot, seed);
	EXPECT(pool_tell(pool, slot, c.holder, false, now) == 0);
	return slot;
}

static bool shows(const struct pool_slot *slot, uint32_t seed)
{
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0;
	bool right = true;
	pool_slot_place(slot, &region, &size, &offset);
	EXPECT(pool_slot_share(pool, slot, &fd) == 0);
	EXPECT(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	const char *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(base != MAP_FAILED);
	const uint32_t *pixels = (const uint32_t *)(const void *)(base + offset);
	for (uint64_t i = 0; i < pool_slot_bitmap(slot)->size_bytes / 4 && right; i++)
		right = pixels[i] == word_of(seed, i);
	munmap((void *)(uintptr_t)base, size);
	return right;
}

static void start(void)
{
	int fd = -1;
	struct mural_stats stats = {0};
	struct pool_options options = {.budget_bytes = 64 * MIB,
		.idle_ns = IDLE_NS,
		.keep_bytes = UINT64_MAX,
		.holder_pinned_bytes = UINT64_MAX,
		.driver = ASHMEM_DRIVER_AUTO};
	EXPECT(pool_create(&options, now, &pool) == 0);
	EXPECT(pool_holder_create(pool, getuid(), NULL, &c.holder, &fd) == 0);
	EXPECT(board_import_pins(fd, &options.instance, NULL, &c.pins) == 0);
	EXPECT(board_import_table(pool_table_fd(pool), &options.instance, NULL, &c.table) == 0);
	pool_stats(pool, &stats);
	EXPECT(stats.driver == ASHMEM_DRIVER_DEVICE);
}

static bool pin(const struct pool_slot *slot)
{
	return board_pin(c.table, c.pins, pool_slot_number(slot), pool_slot_generation(slot)) ==
	       BOARD_PINNED;
}

static void idle(void)
{
	now += 2 * IDLE_NS;
	pool_tick(pool, now);
	EXPECT(true);
}

static void purge_by_kernel(void)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, "purge", 4096);
	EXPECT(ashmem_purge_all_caches(fd) >= 0);
	close(fd);
}

static void the_kernel_purges(struct pool_slot *large, struct pool_slot *small[SMALL_ONES])
{
	EXPECT(pin(small[0]) && pin(large));
	idle();
	purge_by_kernel();
	EXPECT(pool_slot_state(large) == BOARD_READY && shows(large, 1));
	EXPECT(pool_slot_state(small[0]) == BOARD_READY && shows(small[0], 100));
	for (uint32_t i = 1; i < SMALL_ONES; i++) {
		EXPECT(pool_slot_state(small[i]) == BOARD_IDLE);
		EXPECT(pool_revive(pool, small[i], c.holder, now) == 1);
		EXPECT(pool_refill(pool, small[i], c.holder, now) == 0);
		decode(small[i], 200 + i);
		EXPECT(shows(small[i], 200 + i));
	}
	EXPECT(shows(small[0], 100));
}

static void what_is_idle_comes_back(struct pool_slot *small[SMALL_ONES])
{
	idle();
	for (uint32_t i = 1; i < SMALL_ONES; i++) {
		EXPECT(pool_revive(pool, small[i], c.holder, now) == 0);
		EXPECT(shows(small[i], 200 + i));
	}
}

static void by_hand_the_pool_purges(struct pool_slot *large, struct pool_slot *small[SMALL_ONES])
{
	struct mural_stats stats = {0};
	EXPECT(pool_purge(pool, now) > 0);
	EXPECT(pool_slot_state(small[1]) == BOARD_PURGED && pool_slot_state(large) == BOARD_READY);
	EXPECT(shows(small[0], 100) && shows(large, 1));
	board_unpin(c.table, c.pins, pool_slot_number(large));
	EXPECT(pool_purge(pool, now) >= 4 * MIB);
	EXPECT(pool_slot_state(large) == BOARD_PURGED);
	EXPECT(pool_refill(pool, large, NULL, now) == 0);
	decode(large, 3);
	EXPECT(shows(large, 3) && shows(small[0], 100));
	board_unpin(c.table, c.pins, pool_slot_number(small[0]));
	pool_purge(pool, now);
	pool_stats(pool, &stats);
	EXPECT(stats.used_bytes == 0 && stats.regions == 0);
}

int main(void)
{
	struct pool_slot *small[SMALL_ONES];
	if (access("/dev/ashmem", R_OK) != 0 || getuid() != 0) {
		printf("skipped: no /dev/ashmem here, or not root\n");
		return EXIT_SKIPPED;
	}
	start();
	struct pool_slot *large = make(1024, 1024, 1);
	EXPECT(shows(large, 1));
	for (uint32_t i = 0; i < SMALL_ONES; i++)
		small[i] = make(100, 90 + i, 100 + i);
	for (uint32_t i = 0; i < SMALL_ONES; i++)
		EXPECT(shows(small[i], 100 + i));
	the_kernel_purges(large, small);
	what_is_idle_comes_back(small);
	by_hand_the_pool_purges(large, small);
	pool_holder_destroy(pool, c.holder);
	pool_destroy(pool);
	printf("the pool works on the device\n");
	return 0;
}
