/* See scratch.h. */
#include "scratch.h"

#include "keep.h"
#include "room.h"
#include "slot.h"

#include "common/util.h"

#define SCRATCH_MIN ((uint64_t)64 << 10)

/* Powers of two: whatever thumbnail comes next will then do with the scratch memory of the last. */
uint64_t scratch_bytes(const struct pool *pool, uint64_t size)
{
	uint64_t bytes = SCRATCH_MIN;
	while (bytes < size)
		bytes *= 2;
	huge_round(&pool->huge, bytes, &bytes);
	return bytes;
}

int scratch_take(struct pool *pool, uint64_t size, uid_t uid, uint64_t now_ns, struct region **ret)
{
	struct region *region = NULL;
	int r = room_get_region(pool, scratch_bytes(pool, size), uid, now_ns, &region);
	if (r < 0)
		return r;
	account_add(&pool->account, ACCOUNT_OVERHEAD, region_charge(region));
	*ret = region;
	return 0;
}

static void take_back(struct pool *pool, struct region *region, bool keep)
{
	account_take(&pool->account, ACCOUNT_OVERHEAD, region_charge(region));
	if (keep)
		keep_put(pool, region);
	else
		region_destroy(pool, region);
}

void scratch_give_back(struct pool *pool, struct region *region)
{
	if (region && region->loan)
		region->loan->slots = false;
	else if (region)
		take_back(pool, region, true);
}

/* ---- lent ---- */

static void lend(struct pool *pool, struct pool_scratch *scratch)
{
	scratch->region->loan = scratch;
	list_append(&pool->lent, &scratch->lent);
}

int pool_scratch_lend(struct pool *pool, uint64_t size_bytes, uid_t uid, uint64_t now_ns,
	struct pool_scratch **ret)
{
	pool->now_ns = now_ns;
	if (size_bytes == 0 || size_bytes >= POOL_LARGE_BYTES)
		return -EINVAL;
	CLEANUP(free_p) struct pool_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	int r = scratch_take(pool, size_bytes, uid, now_ns, &scratch->region);
	keep_trim(pool);
	if (r < 0)
		return r;
	lend(pool, scratch);
	*ret = take_ptr(&scratch);
	return 0;
}

int pool_scratch_of(struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret)
{
	if (!slot->scratch || slot->scratch->loan)
		return -EINVAL;
	struct pool_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	scratch->region = slot->scratch;
	scratch->slots = true;
	lend(pool, scratch);
	*ret = scratch;
	return 0;
}

int pool_scratch_leave(struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret)
{
	if (slot->state != BOARD_FILLING || !slot->region)
		return -EINVAL;
	struct pool_scratch *scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	scratch->region = slot_take_region(pool, slot);
	scratch->unwanted = true;
	account_add(&pool->account, ACCOUNT_OVERHEAD, region_charge(scratch->region));
	lend(pool, scratch);
	slot_abandon(pool, slot);
	*ret = scratch;
	return 0;
}

void pool_scratch_window(const struct pool_scratch *scratch, int *ret_fd, uint64_t *ret_length)
{
	*ret_fd = scratch->region->fd;
	*ret_length = scratch->region->capacity;
}

static void forget(struct pool_scratch *scratch)
{
	list_remove(&scratch->lent);
	scratch->region->loan = NULL;
	free(scratch);
}

void pool_scratch_give_back(struct pool *pool, struct pool_scratch *scratch)
{
	if (!scratch)
		return;
	struct region *region = scratch->slots ? NULL : scratch->region;
	bool keep = !scratch->unwanted;
	forget(scratch);
	if (region)
		take_back(pool, region, keep);
	keep_trim(pool);
}

void scratch_want_back(struct pool *pool)
{
	for (struct list *at = pool->lent.next; at != &pool->lent; at = at->next)
		CONTAINER_OF(at, struct pool_scratch, lent)->unwanted = true;
}

void scratch_forget_all(struct pool *pool)
{
	while (!list_empty(&pool->lent))
		forget(CONTAINER_OF(pool->lent.next, struct pool_scratch, lent));
}
