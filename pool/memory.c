/* The memory behind a slot: a region of its own, or a piece of a slab and scratch memory for its
 * decoder. */
#include "keep.h"
#include "room.h"
#include "scratch.h"
#include "slab.h"
#include "slot.h"

#include "common/util.h"

struct region *slot_region(const struct pool_slot *slot)
{
	return slot->slab ? slot->slab->region : slot->region;
}

bool slot_is_possible(const struct pool *pool, uint64_t size_bytes)
{
	uint64_t need;
	if (size_bytes >= POOL_LARGE_BYTES)
		return huge_round(&pool->huge, size_bytes, &need) && need <= pool->account.budget &&
		       need + pool->control_bytes <= pool->account.budget;
	return page_round_up(size_bytes, &need) && need + pool->slab_control_bytes +
								   scratch_bytes(pool, size_bytes) +
								   pool->control_bytes <=
							   pool->account.budget;
}

static int get_large(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	uint64_t capacity;
	if (!huge_round(&pool->huge, slot->bitmap.size_bytes, &capacity))
		return -EFBIG;
	struct region *region = NULL;
	int r = room_get_region(pool, capacity, slot->uid, now_ns, &region);
	if (r < 0)
		return r;
	if (r > 0) {
		r = region_wipe(pool, region, &slot->bitmap);
		if (r < 0) {
			region_destroy(pool, region);
			return r;
		}
	}
	slot->region = region;
	slot->offset = 0;
	slot->charge = region_charge(region);
	slot->part = ACCOUNT_FILLING;
	account_add(&pool->account, ACCOUNT_FILLING, slot->charge);
	return 0;
}

void slot_drop_scratch(struct pool *pool, struct pool_slot *slot)
{
	scratch_give_back(pool, slot->scratch);
	slot->scratch = NULL;
}

/* A slab with a free piece of @bytes, and room in the budget for it. Making room may take the slab
 * away that was found before. */
static int find_slab(
	struct pool *pool, uint64_t bytes, uid_t uid, uint64_t now_ns, struct slab **ret)
{
	for (;;) {
		struct slab *slab = slab_find(pool, bytes, uid);
		int r = room_make(
			pool, bytes + (slab ? 0 : pool->slab_control_bytes), slab, now_ns);
		if (r < 0)
			return r;
		if (r > 0)
			continue;
		if (!slab) {
			r = slab_create(pool, uid, &slab);
			if (r < 0 && room_give_up(pool, r))
				continue;
			if (r < 0)
				return r;
		}
		*ret = slab;
		return 0;
	}
}

static int get_piece(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	uint64_t bytes;
	struct slab *slab = NULL;
	if (!page_round_up(slot->bitmap.size_bytes, &bytes))
		return -EFBIG;
	int r = find_slab(pool, bytes, slot->uid, now_ns, &slab);
	if (r < 0)
		return r;
	r = slab_take(pool, slab, bytes, &slot->offset);
	if (r < 0) {
		slab_drop_if_empty(pool, slab);
		return r;
	}
	slot->slab = slab;
	slot->charge = bytes;
	slot->part = ACCOUNT_FILLING;
	account_add(&pool->account, ACCOUNT_FILLING, bytes);
	return 0;
}

int slot_get_memory(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	if (slot->bitmap.size_bytes >= POOL_LARGE_BYTES)
		return get_large(pool, slot, now_ns);
	int r = slot->scratch ? 0
			      : scratch_take(pool, slot->bitmap.size_bytes, slot->uid, now_ns,
					&slot->scratch);
	if (r < 0)
		return r;
	r = get_piece(pool, slot, now_ns);
	if (r < 0)
		slot_drop_scratch(pool, slot);
	return r;
}

static uint64_t drop_piece(struct pool *pool, struct pool_slot *slot)
{
	struct slab *slab = slot->slab;
	slot->slab = NULL;
	uint64_t freed = slab_give_back(pool, slab, slot->offset, slot->charge);
	account_take(&pool->account, slot->part, slot->charge);
	slab_drop_if_empty(pool, slab);
	return freed;
}

struct region *slot_take_region(struct pool *pool, struct pool_slot *slot)
{
	struct region *region = slot->region;
	slot->region = NULL;
	account_take(&pool->account, slot->part, slot->charge);
	slot->charge = 0;
	return region;
}

static uint64_t drop_region(struct pool *pool, struct pool_slot *slot, enum slot_fate fate)
{
	struct region *region = slot_take_region(pool, slot);
	if (fate == SLOT_PUNCH)
		return region_destroy(pool, region);
	keep_put(pool, region);
	return 0;
}

uint64_t slot_drop_memory(struct pool *pool, struct pool_slot *slot, enum slot_fate fate)
{
	slot_drop_scratch(pool, slot);
	uint64_t freed = slot->slab ? drop_piece(pool, slot) : drop_region(pool, slot, fate);
	slot->charge = 0;
	slot->offset = 0;
	return freed;
}
