/* See keep.h. They are few, so a walk along the list finds the best. */
#include "keep.h"

#include "common/util.h"

enum { KEPT_MAX = 64 };

void keep_put(struct pool *pool, struct region *region)
{
	/* The device's can not be written any more once published, nor wiped by anything but a
	 * mapping. */
	if (pool->device || region->foreign) {
		region_destroy(pool, region);
		return;
	}
	/* Its bytes are of no use to anybody, so it does not matter whether they were purged. */
	ashmem_handle_pin(region->handle, 0, 0);
	account_add(&pool->account, ACCOUNT_KEPT, region_charge(region));
	list_append(&pool->kept, &region->kept);
	pool->kept_count++;
}

static void take_out(struct pool *pool, struct region *region)
{
	account_take(&pool->account, ACCOUNT_KEPT, region_charge(region));
	list_remove(&region->kept);
	pool->kept_count--;
}

struct region *keep_take(struct pool *pool, uint64_t capacity, uid_t uid)
{
	struct region *best = NULL;
	for (struct list *at = pool->kept.next; at != &pool->kept; at = at->next) {
		struct region *region = CONTAINER_OF(at, struct region, kept);
		bool fits = region->uid == uid && region->capacity >= capacity &&
			    region->capacity - capacity <= capacity / 8;
		if (fits && (!best || region->capacity < best->capacity))
			best = region;
	}
	if (best) {
		take_out(pool, best);
		pool->reuses++;
	}
	return best;
}

uint64_t keep_drop(struct pool *pool)
{
	struct region *oldest = CONTAINER_OF(pool->kept.next, struct region, kept);
	take_out(pool, oldest);
	return region_destroy(pool, oldest);
}

void keep_trim(struct pool *pool)
{
	while (pool->kept_count > KEPT_MAX ||
		pool->account.part[ACCOUNT_KEPT] > pool->options.keep_bytes)
		keep_drop(pool);
}
