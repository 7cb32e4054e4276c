/* See slab.h. */
#include "slab.h"

#include "common/populate.h"
#include "common/util.h"

#include <ashmem/memory_dealer.h>
#include <string.h>
#include <sys/mman.h>

struct slab *slab_find(const struct pool *pool, uint64_t bytes, uid_t uid)
{
	for (struct list *at = pool->slabs.next; at != &pool->slabs; at = at->next) {
		struct slab *slab = CONTAINER_OF(at, struct slab, all);
		if (slab->region->uid == uid && memory_dealer_largest(slab->dealer) >= bytes)
			return slab;
	}
	return NULL;
}

static void set_changed(struct pool *pool, struct slab *slab)
{
	slab->changed = true;
	if (list_empty(&slab->unsettled))
		list_append(&pool->unsettled, &slab->unsettled);
}

/* All of the control block, which is charged in any case: left sparse, each unpin could make a page
 * more of it, and a slab full of bitmaps would still have to be asked about. Where this fails it is
 * asked about. */
static void fill_control(const struct slab *slab)
{
	const struct region *region = slab->region;
	size_t bytes = region->file_bytes - region->control_at;
	void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
		(off_t)region->control_at);
	if (block == MAP_FAILED)
		return;
	madvise(block, bytes, MADV_NOHUGEPAGE);
	madvise(block, bytes, MADV_POPULATE_WRITE);
	munmap(block, bytes);
}

/* Never with huge pages, which would take 2 MiB for the first thumbnail and be split by the first
 * purge. */
static int prepare(const struct pool *pool, struct slab *slab)
{
	/* EINVAL: a kernel without huge pages */
	madvise(slab->region->mapping, SLAB_BYTES, MADV_NOHUGEPAGE);
	if (pool->device)
		return ashmem_set_prot_region(slab->region->fd, PROT_READ) < 0 ? -errno : 0;
	fill_control(slab);
	return 0;
}

/* The bytes are gone, or no longer ours. */
static void release(struct pool *pool, struct slab *slab)
{
	pool->slab_allocated -= slab->allocated;
	pool->slab_stray -= slab->stray;
	list_remove(&slab->unsettled);
	memory_dealer_destroy(slab->dealer);
	free(slab);
}

int slab_create(struct pool *pool, uid_t uid, struct slab **ret)
{
	struct slab *slab = calloc(1, sizeof(*slab));
	if (!slab)
		return -ENOMEM;
	list_init(&slab->unsettled);
	int r = memory_dealer_create(SLAB_BYTES, &slab->dealer);
	if (r == 0)
		r = region_create(pool, SLAB_BYTES, uid, REGION_PIECES, &slab->region);
	if (r == 0)
		r = prepare(pool, slab);
	if (r == 0 && !account_fits(&pool->account, slab->region->control))
		r = -ENOMEM; /* a larger control block than the first one was */
	if (r < 0) {
		if (slab->region)
			region_close(pool, slab->region);
		release(pool, slab);
		return r;
	}
	account_add(&pool->account, ACCOUNT_OVERHEAD, slab->region->control);
	list_append(&pool->slabs, &slab->all);
	set_changed(pool, slab);
	*ret = slab;
	return 0;
}

int slab_take(struct pool *pool, struct slab *slab, uint64_t bytes, uint64_t *ret_offset)
{
	size_t offset = 0;
	int r = memory_dealer_allocate(slab->dealer, bytes, MEMORY_DEALER_PAGE_ALIGNED, &offset);
	if (r < 0)
		return r;
	set_changed(pool, slab); /* what was stray there has an owner again */
	*ret_offset = offset;
	return 0;
}

uint64_t slab_give_back(struct pool *pool, struct slab *slab, uint64_t offset, uint64_t bytes)
{
	/* Unpinned it is already, unless its filling failed half-way. */
	ashmem_handle_unpin(slab->region->handle, offset, bytes);
	uint64_t freed = region_purge(pool, slab->region, offset, bytes);
	pool->freed_bytes += freed;
	memory_dealer_free(slab->dealer, offset);
	set_changed(pool, slab);
	slab->torn = true;
	if (pool->mend_ns == NEVER)
		pool->mend_ns = pool->now_ns + SLAB_MEND_NS;
	return freed;
}

void slab_drop_if_empty(struct pool *pool, struct slab *slab)
{
	if (memory_dealer_used(slab->dealer) > 0)
		return;
	account_take(&pool->account, ACCOUNT_OVERHEAD, slab->region->control);
	list_remove(&slab->all);
	region_destroy(pool, slab->region);
	release(pool, slab);
}

void slab_close(struct pool *pool, struct slab *slab)
{
	list_remove(&slab->all);
	region_close(pool, slab->region);
	release(pool, slab);
}

int slab_fill(struct pool *pool, struct slab *slab, uint64_t offset, uint64_t bytes,
	const struct region *scratch, const struct pool_bitmap *bitmap)
{
	char *piece = slab->region->mapping + offset;
	const uint64_t size = bitmap->size_bytes;
	for (uint64_t done = 0; done < size;) {
		ssize_t n = pread(scratch->fd, piece + done, size - done, (off_t)done);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (uint64_t)n;
	}
	/* Nothing of an earlier one may show, whatever the decoder has left there. */
	region_clear_padding(piece, bitmap);
	memset(piece + size, 0, bytes - size);
	/* Our own page table entries would only make the purge dearer. */
	madvise(piece, bytes, MADV_DONTNEED);
	set_changed(pool, slab); /* holes may have been here, and stray pages elsewhere gone */
	return 0;
}

static void punch_free(size_t offset, size_t size, void *user)
{
	struct slab *slab = user;
	region_punch(slab->region, offset, size);
}

struct stray {
	const struct slab *slab;
	uint64_t bytes;
};

static void count_free(size_t offset, size_t size, void *user)
{
	struct stray *stray = user;
	stray->bytes += region_allocated_in(stray->slab->region, offset, size);
}

uint64_t slab_stray(const struct slab *slab)
{
	struct stray stray = {.slab = slab};
	memory_dealer_each_free(slab->dealer, count_free, &stray);
	return stray.bytes;
}

/* Every page is there, and all were written: the kernel may drop what was only read. */
static bool is_settled(const struct slab *slab)
{
	return slab->allocated == slab->region->file_bytes && slab->stray == 0;
}

/* Again, if the kernel can tell; on the device it has no number of its own. */
static void count(struct pool *pool, struct slab *slab)
{
	uint64_t allocated = region_allocated(slab->region);
	/* But on the device there is always a control block: asking has failed. */
	if (allocated == 0 && !pool->device)
		return;
	uint64_t stray = slab->stray;
	if (pool->device || slab->changed || allocated != slab->allocated)
		stray = slab_stray(slab);
	pool->slab_allocated += allocated - slab->allocated;
	pool->slab_stray += stray - slab->stray;
	slab->allocated = allocated;
	slab->stray = stray;
	slab->changed = false;
	if (is_settled(slab))
		list_remove(&slab->unsettled);
}

void slab_count(struct pool *pool, uint64_t *ret_allocated, uint64_t *ret_stray)
{
	list_for_each (at, &pool->unsettled)
		count(pool, CONTAINER_OF(at, struct slab, unsettled));
	*ret_allocated = pool->slab_allocated;
	*ret_stray = pool->slab_stray;
}

void slab_mend_all(struct pool *pool)
{
	pool->mend_ns = NEVER;
	for (struct list *at = pool->slabs.next; at != &pool->slabs; at = at->next) {
		struct slab *slab = CONTAINER_OF(at, struct slab, all);
		if (!slab->torn)
			continue;
		pool->mend_ns = pool->now_ns + SLAB_MEND_NS;
		if (!list_empty(&slab->unsettled))
			count(pool, slab);
		if (slab->stray == 0)
			continue;
		memory_dealer_each_free(slab->dealer, punch_free, slab);
		set_changed(pool, slab);
	}
}

uint64_t slab_idle_control(const struct pool *pool, const struct slab *except)
{
	uint64_t bytes = 0;
	for (struct list *at = pool->slabs.next; at != &pool->slabs; at = at->next) {
		const struct slab *slab = CONTAINER_OF(at, struct slab, all);
		if (slab != except && slab->idle_bytes == memory_dealer_used(slab->dealer))
			bytes += slab->region->control;
	}
	return bytes;
}
