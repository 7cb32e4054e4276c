/* See support.h. */
#include "support.h"

#include <dirent.h>
#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const struct board_instance instance = {.high = 0x1234, .low = 0x5678};

static void on_gone(uint64_t region, void *user)
{
	struct fixture *f = user;
	f->gone[f->gone_count++ % ARRAY_SIZE(f->gone)] = region;
}

static void on_forgotten(struct pool_slot *slot, void *user)
{
	struct fixture *f = user;
	f->forgotten++;
	if (f->on_forgotten)
		f->on_forgotten(f, slot);
}

static void on_misbehaved(struct pool_holder *holder, void *user)
{
	struct fixture *f = user;
	f->misbehaved++;
	f->culprit = holder;
}

void fixture_init_with(struct fixture *f, const struct pool_options *given)
{
	struct pool_options options = *given;
	options.instance = instance;
	options.events = (struct pool_events){on_gone, on_forgotten, on_misbehaved, f};
	*f = (struct fixture){.now = monotonic_ns()};
	cr_assert_eq(pool_create(&options, f->now, &f->pool), 0);
}

void fixture_init(struct fixture *f, uint64_t budget)
{
	fixture_init_with(f, &(struct pool_options){
				     .budget_bytes = budget,
				     .idle_ns = IDLE_NS,
				     .keep_bytes = UINT64_MAX,
				     .holder_pinned_bytes = UINT64_MAX,
				     .driver = ASHMEM_DRIVER_MEMFD,
			     });
}

void fixture_fini(struct fixture *f)
{
	check(f);
	pool_destroy(f->pool);
}

void consumer_init(struct fixture *f, struct consumer *consumer, uid_t uid)
{
	int fd = -1;
	cr_assert_eq(pool_holder_create(f->pool, uid, consumer, &consumer->holder, &fd), 0);
	cr_assert_eq(board_import_pins(fd, &instance, NULL, &consumer->pins), 0);
	cr_assert_eq(
		board_import_table(pool_table_fd(f->pool), &instance, NULL, &consumer->table), 0);
}

void consumer_fini(struct fixture *f, struct consumer *consumer)
{
	pool_holder_destroy(f->pool, consumer->holder);
	board_unmap_pins(consumer->pins);
	board_unmap_table(consumer->table);
}

struct pool_bitmap bitmap_of(uint64_t bytes)
{
	struct pool_bitmap bitmap = {.format = MURAL_FORMAT_XRGB8888};
	uint64_t pixels = bytes / 4;
	bitmap.height = 1;
	while (pixels / bitmap.height > MURAL_SIDE_MAX || pixels % bitmap.height != 0)
		bitmap.height++;
	bitmap.width = (uint32_t)(pixels / bitmap.height);
	cr_assert(mural_bitmap_layout(bitmap.format, bitmap.width, bitmap.height,
		&bitmap.stride_bytes, &bitmap.size_bytes));
	cr_assert_eq(bitmap.size_bytes, bytes);
	return bitmap;
}

static uint32_t pattern(uint32_t seed, uint64_t word)
{
	return (seed ^ (uint32_t)word) * UINT32_C(2654435761) | 1;
}

void slot_fill(struct pool_slot *slot, uint32_t seed)
{
	int fd = -1;
	uint64_t offset = 0, length = 0;
	pool_window(slot, &fd, &offset, &length);
	cr_assert_geq(length, pool_slot_bitmap(slot)->size_bytes);
	uint32_t *pixels =
		mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	cr_assert_neq(pixels, MAP_FAILED);
	for (uint64_t i = 0; i < pool_slot_bitmap(slot)->size_bytes / 4; i++)
		pixels[i] = pattern(seed, i);
	munmap(pixels, length);
}

int slot_share(struct fixture *f, const struct pool_slot *slot, int *ret_fd)
{
	int lent = -1;
	int r = pool_slot_share(f->pool, slot, &lent);
	if (r == 0)
		*ret_fd = dup_cloexec(lent);
	return r;
}

int64_t slot_verify(struct fixture *f, const struct pool_slot *slot, uint32_t seed)
{
	int fd = -1;
	uint64_t region = 0, size = 0, offset = 0;
	int64_t wrong = -1;
	pool_slot_place(slot, &region, &size, &offset);
	cr_assert_eq(slot_share(f, slot, &fd), 0);
	const char *base = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(base, MAP_FAILED);
	const uint32_t *pixels = (const uint32_t *)(const void *)(base + offset);
	for (uint64_t i = 0; i < pool_slot_bitmap(slot)->size_bytes / 4 && wrong < 0; i++)
		wrong = pixels[i] == pattern(seed, i) ? -1 : (int64_t)i * 4;
	munmap((void *)(uintptr_t)base, size);
	close(fd);
	return wrong;
}

struct pool_slot *slot_make(struct fixture *f, uint64_t bytes, uint32_t seed)
{
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(bytes);
	cr_assert_eq(pool_reserve(f->pool, &bitmap, getuid(), NULL, f->now, &slot), 0);
	slot_fill(slot, seed);
	cr_assert_eq(pool_publish(f->pool, slot, 1000, false, f->now), 0);
	return slot;
}

struct pool_slot *slot_make_for(
	struct fixture *f, struct consumer *consumer, uint64_t bytes, uint32_t seed)
{
	struct pool_slot *slot = slot_make(f, bytes, seed);
	cr_assert_eq(pool_tell(f->pool, slot, consumer->holder, false, f->now), 0);
	return slot;
}

enum board_pin_result consumer_pin(struct consumer *consumer, const struct pool_slot *slot)
{
	return board_pin(consumer->table, consumer->pins, pool_slot_number(slot),
		pool_slot_generation(slot));
}

bool consumer_unpin(struct consumer *consumer, const struct pool_slot *slot)
{
	return board_unpin(consumer->table, consumer->pins, pool_slot_number(slot));
}

void consumer_scribble(struct consumer *consumer, const struct pool_slot *slot, uint32_t pins)
{
	atomic_store(&consumer->pins->slot[pool_slot_number(slot)].pins, pins);
	board_mark(consumer->pins, pool_slot_number(slot));
}

void consumer_stamp(struct consumer *consumer, const struct pool_slot *slot, uint64_t last_use_ms)
{
	atomic_store(&consumer->pins->slot[pool_slot_number(slot)].last_use_ms, last_use_ms);
	board_mark(consumer->pins, pool_slot_number(slot));
}

void consumer_show(struct consumer *consumer, const struct pool_slot *slot, bool visible)
{
	board_show(consumer->pins, pool_slot_number(slot), visible);
}

struct mural_stats stats_of(struct fixture *f)
{
	struct mural_stats stats = {0};
	pool_stats(f->pool, &stats);
	return stats;
}

/* "/memfd:mural-17 (deleted)" is a region; the two tables have words for names. */
static bool is_region(int folder, const char *name)
{
	char target[64] = "";
	unsigned id;
	return readlinkat(folder, name, target, sizeof(target) - 1) > 0 &&
	       sscanf(target, "/memfd:mural-%u", &id) == 1;
}

uint64_t kernels_bytes(void)
{
	enum { FILES_MAX = 4096 };
	ino_t seen[FILES_MAX];
	size_t count = 0;
	uint64_t bytes = 0;
	DIR *folder = opendir("/proc/self/fd");
	cr_assert(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		struct stat st;
		size_t i = 0;
		if (!is_region(dirfd(folder), entry->d_name) ||
			fstatat(dirfd(folder), entry->d_name, &st, 0) < 0)
			continue;
		while (i < count && seen[i] != st.st_ino)
			i++;
		if (i < count)
			continue; /* another descriptor of the same */
		cr_assert_lt(count, FILES_MAX);
		seen[count++] = st.st_ino;
		bytes += (uint64_t)st.st_blocks * 512;
	}
	closedir(folder);
	return bytes;
}

void check(struct fixture *f)
{
	char text[256] = "";
	cr_assert_eq(pool_check(f->pool, text, sizeof(text)), 0, "%s", text);
	struct mural_stats s = stats_of(f);
	cr_assert_leq(s.used_bytes, s.budget_bytes);
	cr_assert_leq(s.allocated_bytes - s.stray_bytes, s.used_bytes,
		"the kernel counts %llu, the pool %llu",
		(unsigned long long)(s.allocated_bytes - s.stray_bytes),
		(unsigned long long)s.used_bytes);
	cr_assert_eq(s.used_bytes, s.pinned_bytes + s.ready_bytes + s.idle_bytes + s.filling_bytes +
					   s.kept_bytes + s.overhead_bytes);
}

void pass(struct fixture *f, uint64_t ns)
{
	f->now += ns;
	do
		pool_tick(f->pool, f->now);
	while (pool_deadline(f->pool) <= f->now);
}
