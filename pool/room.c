/* See room.h. */
#include "room.h"

#include "holder.h"
#include "idle.h"
#include "keep.h"
#include "readonly.h"
#include "slab.h"

#include "common/util.h"

static enum order_rank rank_now(struct pool *pool, const struct pool_slot *slot)
{
	holder_look(pool, slot);
	if (slot->seen_by > 0)
		return ORDER_VISIBLE;
	return slot->never_seen ? ORDER_NEVER_SEEN : ORDER_SEEN;
}

/* The next IDLE slot to go; there must be one. What is visible may have changed since it was put in
 * its place, so the first is looked at again; if a consumer keeps changing its mind, the first is
 * taken as it is after one round. */
static struct pool_slot *next_idle(struct pool *pool)
{
	for (size_t tries = 0; tries <= pool->idle.count; tries++) {
		struct pool_slot *slot = order_first(pool, &pool->idle);
		enum order_rank rank = rank_now(pool, slot);
		if (rank == slot->rank)
			return slot;
		order_place(pool, &pool->idle, slot, rank);
	}
	return order_first(pool, &pool->idle);
}

/* Makes one READY slot that nobody uses IDLE: the first in the order. Each that turns out to be in
 * use leaves it, and each that was used lately moves back; a consumer that makes one move for ever
 * is not humoured beyond one round. */
static bool idle_one(struct pool *pool, uint64_t now_ns)
{
	struct pool_slot *slot;
	for (size_t tries = 0; (slot = order_first(pool, &pool->ready)); tries++) {
		enum idle_reason reason = tries <= pool->ready.count ? IDLE_NEXT : IDLE_ASKED;
		if (idle_try(pool, slot, now_ns, reason))
			return true;
	}
	return false;
}

bool room_give_back_one(struct pool *pool, enum slot_fate fate, uint64_t now_ns, uint64_t *freed)
{
	if (!list_empty(&pool->kept)) {
		*freed += keep_drop(pool);
		return true;
	}
	if (pool->idle.count == 0 && !idle_one(pool, now_ns))
		return false;
	struct pool_slot *slot = next_idle(pool);
	*freed += slot_purge(pool, slot, fate);
	slot_forget_if_unknown(pool, slot);
	return true;
}

/* Could @bytes be had? Slots that nobody uses are made IDLE until it is certain, so that nothing is
 * purged in vain. */
static bool is_possible(struct pool *pool, uint64_t bytes, const struct slab *slab, uint64_t now_ns)
{
	struct account *account = &pool->account;
	for (;;) {
		uint64_t taken =
			account->used - account->part[ACCOUNT_IDLE] - account->part[ACCOUNT_KEPT];
		if (bytes <= account->budget - taken)
			return true;
		if (!idle_one(pool, now_ns))
			return bytes <= account->budget - taken + slab_idle_control(pool, slab);
	}
}

int room_make(struct pool *pool, uint64_t bytes, const struct slab *slab, uint64_t now_ns)
{
	if (account_fits(&pool->account, bytes))
		return 0;
	if (!is_possible(pool, bytes, slab, now_ns))
		return -ENOSPC;
	uint64_t freed = 0;
	while (!account_fits(&pool->account, bytes)) {
		if (!room_give_back_one(pool, SLOT_KEEP, now_ns, &freed))
			return -ENOSPC;
	}
	return 1;
}

static bool is_shortage(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

/* The first to go of those in @state with a region of their own, but for @spared's: only such a
 * region gives descriptors back. A walk: this is the exception. */
static struct pool_slot *first_alone(
	const struct pool *pool, enum board_state state, const struct region *spared)
{
	struct pool_slot *first = NULL;
	for (uint32_t i = 0; i < pool->slots_made; i++) {
		struct pool_slot *slot = pool->slot[i];
		if (slot && slot->state == state && !slot->blocked && slot->region &&
			slot->region != spared && (!first || order_before(pool, slot, first)))
			first = slot;
	}
	return first;
}

/* An IDLE one; else a READY one that nobody uses is made IDLE. No consumer that keeps changing its
 * mind is humoured beyond one round. */
static struct pool_slot *idle_alone(struct pool *pool, const struct region *spared)
{
	struct pool_slot *slot = first_alone(pool, BOARD_IDLE, spared);
	if (slot)
		return slot;
	for (size_t left = pool->ready.count; left > 0; left--) {
		slot = first_alone(pool, BOARD_READY, spared);
		if (!slot || idle_try(pool, slot, pool->now_ns, IDLE_ASKED))
			return slot;
	}
	return NULL;
}

static bool give_up(struct pool *pool, int error, const struct region *spared)
{
	if (!is_shortage(error))
		return false;
	if (error != -ENOMEM && readonly_close_all(pool))
		return true;
	if (!list_empty(&pool->kept)) {
		keep_drop(pool);
		return true;
	}
	struct pool_slot *slot = idle_alone(pool, spared);
	if (!slot)
		return false;
	slot_purge(pool, slot, SLOT_PUNCH);
	slot_forget_if_unknown(pool, slot);
	return true;
}

bool room_give_up(struct pool *pool, int error)
{
	return give_up(pool, error, NULL);
}

bool room_give_up_descriptors(struct pool *pool, const struct region *spared)
{
	if (pool->emptied_count > 0) {
		region_close_emptied(pool);
		return true;
	}
	bool given = give_up(pool, -EMFILE, spared);
	region_close_emptied(pool); /* what was emptied just now */
	return given;
}

bool pool_give_up_descriptors(struct pool *pool)
{
	return room_give_up_descriptors(pool, NULL);
}

int room_get_region(
	struct pool *pool, uint64_t capacity, uid_t uid, uint64_t now_ns, struct region **ret)
{
	for (;;) {
		struct region *region = keep_take(pool, capacity, uid);
		if (region) {
			*ret = region;
			return 1;
		}
		uint64_t need = capacity + pool->control_bytes, freed = 0;
		if (!account_fits(&pool->account, need)) {
			/* One at a time: the region of the next to go may be what is needed. */
			if (!is_possible(pool, need, NULL, now_ns) ||
				!room_give_back_one(pool, SLOT_KEEP, now_ns, &freed))
				return -ENOSPC;
			continue;
		}
		int r = region_create(pool, capacity, uid, REGION_WHOLE, &region);
		if (r == 0 && account_fits(&pool->account, region_charge(region))) {
			*ret = region;
			return 0;
		}
		if (r == 0) {
			pool->control_bytes = max_u64(pool->control_bytes, region->control);
			region_close(pool, region);
		} else if (!room_give_up(pool, r)) {
			return r == -ENOSPC ? -ENOMEM : r;
		}
	}
}
