/* See slot.h. */
#include "slot.h"

#include "holder.h"
#include "pinned.h"
#include "slab.h"

#include "common/util.h"

enum { SLOTS_AT_FIRST = 256 };

/* Everything that grows with the number of slots, so that no later step can run out of memory for
 * it. */
static int make_space(struct pool *pool)
{
	if (pool->slots_made < pool->slots_room)
		return 0;
	uint32_t room = pool->slots_room > 0 ? pool->slots_room * 2 : SLOTS_AT_FIRST;
	struct pool_slot **slot = reallocarray(pool->slot, room, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	pool->slot = slot;
	uint32_t *numbers = reallocarray(pool->free_number, room, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	pool->free_number = numbers;
	pool->slots_room = room;
	return 0;
}

static int take_number(struct pool *pool, uint32_t *ret)
{
	if (pool->free_count > 0) {
		*ret = pool->free_number[--pool->free_count];
		return 0;
	}
	if (pool->slots_made == BOARD_SLOTS || make_space(pool) < 0)
		return -ENOMEM;
	*ret = pool->slots_made++;
	return 0;
}

int slot_create(
	struct pool *pool, const struct pool_bitmap *bitmap, uid_t uid, struct pool_slot **ret)
{
	CLEANUP(free_p) struct pool_slot *slot = calloc(1, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	int r = take_number(pool, &slot->number);
	if (r < 0)
		return r;
	slot->bitmap = *bitmap;
	slot->uid = uid;
	pool->bitmaps[BOARD_EMPTY]++;
	pool->slot[slot->number] = slot;
	*ret = take_ptr(&slot);
	return 0;
}

void slot_free(struct pool_slot *slot)
{
	grant_end(slot, NULL);
	bits_fini(&slot->told);
	free(slot);
}

void slot_forget(struct pool *pool, struct pool_slot *slot)
{
	if (pool->options.events.forgotten)
		pool->options.events.forgotten(slot, pool->options.events.user);
	slot_retire(pool, slot);
}

void slot_retire(struct pool *pool, struct pool_slot *slot)
{
	slot_enter(pool, slot, BOARD_EMPTY);
	pool->bitmaps[BOARD_EMPTY]--;
	pool->slot[slot->number] = NULL;
	pool->free_number[pool->free_count++] = slot->number;
	slot_free(slot);
}

void slot_forget_if_unknown(struct pool *pool, struct pool_slot *slot)
{
	if (slot->state == BOARD_PURGED && bits_empty(&slot->told))
		slot_forget(pool, slot);
}

void slot_abandon(struct pool *pool, struct pool_slot *slot)
{
	struct pool_holder *holder;
	slot_enter(pool, slot, BOARD_PURGED);
	for (uint32_t at = 0; !slot->remembered && (holder = holder_next(pool, slot, &at));)
		holder_remove(pool, holder, slot);
	slot_forget_if_unknown(pool, slot);
}

static enum account_part part_of(enum board_state state)
{
	switch (state) {
	case BOARD_FILLING:
		return ACCOUNT_FILLING;
	case BOARD_READY:
		return ACCOUNT_READY;
	case BOARD_IDLE:
		return ACCOUNT_IDLE;
	default:
		return ACCOUNT_PARTS;
	}
}

static void count_in_slab(struct pool_slot *slot, bool was_idle, bool is_idle)
{
	if (slot->slab && was_idle != is_idle)
		slot->slab->idle_bytes += is_idle ? slot->charge : -slot->charge;
}

void slot_enter(struct pool *pool, struct pool_slot *slot, enum board_state state)
{
	board_set(pool->table, slot->number, slot->generation, state);
	pool->bitmaps[slot->state]--;
	pool->bitmaps[state]++;
	count_in_slab(slot, slot->state == BOARD_IDLE, state == BOARD_IDLE);
	slot->state = state;
	enum account_part part = part_of(state);
	if (part == ACCOUNT_PARTS)
		return; /* whoever takes the memory away takes it off the account */
	account_move(&pool->account, slot->part, part, slot->charge);
	slot->part = part;
}

void slot_enter_ready(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	if (heap_holds(&slot->victim))
		order_remove(&pool->idle, slot);
	slot_enter(pool, slot, BOARD_READY);
	slot->due_ns = now_ns + pool->options.idle_ns;
	slot->blocked = false;
	pinned_enter(pool, slot);
	heap_push(&pool->due, &slot->due);
	order_use(pool, slot, now_ns);
	order_place(pool, &pool->ready, slot, slot->never_seen ? ORDER_NEVER_SEEN : ORDER_SEEN);
}

void slot_enter_idle(struct pool *pool, struct pool_slot *slot, enum order_rank rank)
{
	/* A damaged control block answers with an error. The memory is then given up like any
	 * other; coming back is what fails. */
	ashmem_handle_unpin(slot_region(slot)->handle, slot->offset,
		slot->region ? slot->region->capacity : slot->charge);
	heap_remove(&pool->due, &slot->due);
	if (heap_holds(&slot->victim))
		order_remove(&pool->ready, slot);
	slot->blocked = false;
	pinned_leave(pool, slot);
	slot_enter(pool, slot, BOARD_IDLE);
	order_place(pool, &pool->idle, slot, rank);
	pool->idle_unpins++;
}

uint64_t slot_purge(struct pool *pool, struct pool_slot *slot, enum slot_fate fate)
{
	order_remove(&pool->idle, slot);
	/* Before the first page goes: a consumer that reads the word from now on knows. */
	slot_enter(pool, slot, BOARD_PURGED);
	slot->purged_at_bytes = pool->passed_bytes;
	pool->purges++;
	pool->purged_bytes += slot->charge;
	return slot_drop_memory(pool, slot, fate);
}
