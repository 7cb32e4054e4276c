/* Regions: made, wiped, purged and closed. */
#include "region.h"
#include "readonly.h"
#include "slab.h"

#include "common/util.h"

#include <fcntl.h>
#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define WIPE_BYTES ((size_t)64 << 10)
enum { EMPTIED_MAX = 32 };

/* The block's pages come into being at the first unpin. A region used as a whole needs no more
 * after that; one used in pieces may come to need all there is behind the data. */
static int measure_control(struct region *region, enum region_use use)
{
	struct stat st;
	if (ashmem_handle_unpin(region->handle, 0, 0) < 0 ||
		ashmem_handle_pin(region->handle, 0, 0) < 0 || fstat(region->fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0; /* the device keeps its books in the kernel */
	region->file_bytes = (uint64_t)st.st_size;
	if (!round_up_to(region->capacity, MURAL_HUGE_PAGE_SIZE, &region->control_at))
		return -EOVERFLOW;
	region->control = max_u64((uint64_t)st.st_blocks * 512,
		use == REGION_PIECES ? region->file_bytes - region->control_at : 0);
	return 0;
}

/* The device lets nobody map it writable once its mask is set, and only through such a mapping can
 * memory of it be given back. */
static int map_region(struct region *region, enum ashmem_driver driver, enum region_use use)
{
	if (driver != ASHMEM_DRIVER_DEVICE && use == REGION_WHOLE)
		return 0;
	void *mapping =
		mmap(NULL, region->capacity, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	if (mapping == MAP_FAILED)
		return -errno;
	region->mapping = mapping;
	return 0;
}

static int open_region(struct region *region, enum ashmem_driver driver, enum region_use use)
{
	char name[32];
	snprintf(name, sizeof(name), "mural-%llu", (unsigned long long)region->id);
	CLEANUP(close_p) int fd = ashmem_create_region_on(driver, name, region->capacity);
	if (fd < 0)
		return -errno;
	if (ashmem_attach(fd, &region->handle) < 0)
		return -errno;
	region->fd = fd;
	int r = measure_control(region, use);
	if (r == 0)
		r = map_region(region, driver, use);
	if (r < 0) {
		ashmem_detach(region->handle);
		return r;
	}
	take_fd(&fd);
	return 0;
}

int region_create(
	struct pool *pool, uint64_t capacity, uid_t uid, enum region_use use, struct region **ret)
{
	region_close_emptied(pool); /* their pages and descriptors are in nobody's budget */
	CLEANUP(free_p) struct region *region = calloc(1, sizeof(*region));
	if (!region)
		return -ENOMEM;
	region->id = pool->last_region + 1;
	region->readonly_fd = -1;
	list_init(&region->readonly_link);
	region->capacity = capacity;
	region->uid = uid;
	region->use = use;
	int r = open_region(region, pool->options.driver, use);
	if (r < 0)
		return r;
	pool->last_region++;
	pool->region_count++;
	list_init(&region->all);
	list_init(&region->kept);
	if (use == REGION_WHOLE)
		list_append(&pool->regions, &region->all);
	*ret = take_ptr(&region);
	return 0;
}

static int probe(struct pool *pool, uint64_t capacity, enum region_use use, uint64_t *ret_control)
{
	struct region *region = NULL;
	int r = region_create(pool, capacity, 0, use, &region);
	if (r < 0)
		return r;
	*ret_control = region->control;
	region_close(pool, region);
	return 0;
}

int region_probe(struct pool *pool)
{
	enum ashmem_driver asked = pool->options.driver;
	pool->options.driver = asked == ASHMEM_DRIVER_AUTO ? ASHMEM_DRIVER_DEVICE : asked;
	int r = probe(pool, page_bytes(), REGION_WHOLE, &pool->control_bytes);
	if (r < 0 && asked == ASHMEM_DRIVER_AUTO) {
		pool->options.driver = ASHMEM_DRIVER_MEMFD;
		r = probe(pool, page_bytes(), REGION_WHOLE, &pool->control_bytes);
	}
	if (r < 0)
		return r;
	pool->device = pool->options.driver == ASHMEM_DRIVER_DEVICE;
	return probe(pool, SLAB_BYTES, REGION_PIECES, &pool->slab_control_bytes);
}

static void close_region(struct pool *pool, struct region *region)
{
	readonly_close(pool, region);
	if (region->mapping)
		munmap(region->mapping, region->capacity);
	ashmem_detach(region->handle);
	close(region->fd);
	list_remove(&region->all);
	free(region);
}

void region_close(struct pool *pool, struct region *region)
{
	pool->region_count--;
	close_region(pool, region);
}

/* The one emptied first. Of one that nobody was given, closing frees what is left. Whoever has one
 * mapped keeps the file: its control block has to be punched, and what was read, and so allocated,
 * since it was emptied. A second punch of everything, seldom needed, would go through the page
 * tables of all who have it mapped. */
static void close_emptied(struct pool *pool)
{
	struct region *region = CONTAINER_OF(pool->emptied.next, struct region, all);
	uint64_t before = region_allocated(region);
	pool->emptied_count--;
	ashmem_detach(region->handle);
	region->handle = NULL;
	if (region->shared) {
		region_punch(region, region->control_at, region->file_bytes - region->control_at);
		if (region_allocated(region) > 0)
			region_punch(region, 0, region->control_at);
		before -= min_u64(before, region_allocated(region));
	}
	pool->freed_bytes += before;
	close_region(pool, region);
}

void region_close_emptied(struct pool *pool)
{
	while (pool->emptied_count > 0)
		close_emptied(pool);
}

static uint64_t punch_counted(struct region *region, uint64_t offset, uint64_t length)
{
	uint64_t before = region_allocated_in(region, offset, length);
	region_punch(region, offset, length);
	return before - min_u64(before, region_allocated_in(region, offset, length));
}

/* Nobody can pin what is about to be closed: it needs neither a flag nor an announcement, nor
 * pieces that a pin would wait for. */
static uint64_t punch_data(struct region *region)
{
	uint64_t before = region_allocated(region);
	region_punch(region, 0, region->control_at);
	return before - min_u64(before, region_allocated(region));
}

/* What is left of a region whose bytes the kernel has back is a page or two, a mapping and its
 * descriptors. To give up those takes an eighth of the time that 32 MiB of huge pages took, and
 * somebody may be waiting for the next region's bytes: they go when the caller has time, but for so
 * many. */
static void close_later(struct pool *pool, struct region *region)
{
	list_remove(&region->all);
	pool->region_count--;
	list_append(&pool->emptied, &region->all);
	if (++pool->emptied_count > EMPTIED_MAX)
		close_emptied(pool);
}

uint64_t region_destroy(struct pool *pool, struct region *region)
{
	uint64_t freed =
		pool->device ? punch_counted(region, 0, region->capacity) : punch_data(region);
	pool->freed_bytes += freed;
	if (region->shared && pool->options.events.region_gone)
		pool->options.events.region_gone(region->id, pool->options.events.user);
	if (pool->device)
		region_close(pool, region);
	else
		close_later(pool, region);
	return freed;
}

void region_punch(struct region *region, uint64_t offset, uint64_t length)
{
	int r;
	while ((r = fallocate(region->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			(off_t)length)) < 0 &&
		errno == EINTR) {
	}
	if (r < 0 && errno == ENODEV && region->mapping) /* the device has no such call */
		madvise(region->mapping + offset, length, MADV_REMOVE);
}

uint64_t region_purge(
	const struct pool *pool, struct region *region, uint64_t offset, uint64_t length)
{
	size_t freed = 0;
	/* The device purges the unpinned memory of everybody, or of nobody; and somebody may have
	 * damaged a memfd's control block. The pages are ours to give back all the same, also from
	 * programs that keep them mapped. */
	if (pool->device || ashmem_handle_purge(region->handle, offset, length, &freed) < 0)
		freed += punch_counted(region, offset, length);
	ashmem_handle_pin(region->handle, offset, length);
	return freed;
}

static int zero(struct region *region, uint64_t from, uint64_t to)
{
	static const char zeros[WIPE_BYTES];
	while (from < to) {
		ssize_t n =
			pwrite(region->fd, zeros, min_u64(to - from, sizeof(zeros)), (off_t)from);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += (uint64_t)n;
	}
	return 0;
}

static uint32_t row_bytes(const struct pool_bitmap *bitmap)
{
	return bitmap->width * mural_format_bytes(bitmap->format);
}

void region_clear_padding(char *pixels, const struct pool_bitmap *bitmap)
{
	uint32_t row = row_bytes(bitmap);
	for (uint32_t y = 0; row < bitmap->stride_bytes && y < bitmap->height; y++)
		memset(pixels + (uint64_t)y * bitmap->stride_bytes + row, 0,
			bitmap->stride_bytes - row);
}

static int wipe_rows(const struct region *region, const struct pool_bitmap *bitmap)
{
	if (row_bytes(bitmap) == bitmap->stride_bytes)
		return 0;
	char *pixels =
		mmap(NULL, bitmap->size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
	if (pixels == MAP_FAILED)
		return -errno;
	region_clear_padding(pixels, bitmap);
	munmap(pixels, bitmap->size_bytes);
	return 0;
}

int region_wipe(const struct pool *pool, struct region *region, const struct pool_bitmap *bitmap)
{
	/* Up to the end of the page, huge or not, by writing: punching a part of a huge page would
	 * split it. */
	uint64_t rounded;
	if (!huge_round(&pool->huge, bitmap->size_bytes, &rounded))
		return -EOVERFLOW;
	uint64_t whole = min_u64(rounded, region->capacity);
	int r = zero(region, bitmap->size_bytes, whole);
	if (r < 0)
		return r;
	if (whole < region->capacity)
		region_punch(region, whole, region->capacity - whole);
	return wipe_rows(region, bitmap);
}

uint64_t region_allocated(const struct region *region)
{
	struct stat st;
	if (fstat(region->fd, &st) < 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return region_allocated_in(region, 0, region->capacity);
	return (uint64_t)st.st_blocks * 512;
}

uint64_t region_allocated_in(const struct region *region, uint64_t offset, uint64_t length)
{
	off_t at = (off_t)offset, end = (off_t)(offset + length);
	uint64_t bytes = 0;
	while ((at = lseek(region->fd, at, SEEK_DATA)) >= 0 && at < end) {
		off_t hole = lseek(region->fd, at, SEEK_HOLE);
		if (hole < 0)
			break;
		bytes += min_u64((uint64_t)hole, (uint64_t)end) - (uint64_t)at;
		at = hole;
	}
	return bytes;
}
