/* The only code that takes a slot out of READY. */
#include "idle.h"

#include "holder.h"
#include "room.h"

#include "common/util.h"

struct look {
	bool pinned;
	enum order_rank rank;
	uint64_t granted_until_ns; /* 0: to nobody */
	uint64_t last_use_ns;
};

bool idle_due_before(struct heap_node *a, struct heap_node *b)
{
	return CONTAINER_OF(a, struct pool_slot, due)->due_ns <
	       CONTAINER_OF(b, struct pool_slot, due)->due_ns;
}

/* What a holder has released while it had it pinned, and has pinned no more. */
static void let_leave(struct pool *pool, struct pool_slot *slot)
{
	struct pool_holder *holder;
	for (uint32_t at = 0; (holder = holder_next(pool, slot, &at));) {
		if (bits_test(&holder->leaving, slot->number) &&
			!bits_test(&holder->pinned, slot->number))
			holder_remove(pool, holder, slot);
	}
}

static void look(struct pool *pool, struct pool_slot *slot, uint64_t now_ns, struct look *ret)
{
	holder_look(pool, slot);
	if (slot->leaving)
		let_leave(pool, slot);
	*ret = (struct look){.pinned = slot->pinned_by > 0,
		.granted_until_ns = grant_until(slot, now_ns),
		.last_use_ns = slot->last_use_ns,
		.rank = slot->seen_by > 0  ? ORDER_VISIBLE
			: slot->never_seen ? ORDER_NEVER_SEEN
					   : ORDER_SEEN};
}

static void set_due(struct pool *pool, struct pool_slot *slot, uint64_t due_ns)
{
	slot->due_ns = due_ns;
	heap_update(&pool->due, &slot->due);
}

static void place(struct pool *pool, struct pool_slot *slot, const struct look *seen)
{
	slot->blocked = false;
	order_use(pool, slot, seen->last_use_ns);
	order_place(pool, &pool->ready, slot, seen->rank);
}

static void unwatch(
	struct pool *pool, struct pool_slot *slot, uint64_t now_ns, const struct look *seen)
{
	board_set(pool->table, slot->number, slot->generation, BOARD_READY); /* no longer WATCHED */
	place(pool, slot, seen);
	/* Never due at once: a tick looks at each slot once. */
	set_due(pool, slot, max_u64(seen->last_use_ns + pool->options.idle_ns, now_ns + 1));
}

void idle_expect(struct pool *pool, struct pool_slot *slot, uint64_t last_use_ns, uint64_t now_ns)
{
	unwatch(pool, slot, now_ns, &(struct look){.last_use_ns = last_use_ns, .rank = slot->rank});
}

/* One time for many: ten thousand slots with a deadline of their own each woke the caller up 170
 * times a second. */
static uint64_t slow_look_ns(uint64_t now_ns)
{
	uint64_t due_ns = now_ns + IDLE_SLOW_LOOK_NS;
	return due_ns - due_ns % IDLE_SLOW_STEP_NS;
}

/* In use as it was when last looked at, by what the first board that pins it says; the word has
 * said WATCHED all the time. */
static bool still_watched(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	if (!slot->blocked || slot->leaving || !holder_any_pinned(pool, slot))
		return false;
	set_due(pool, slot, slow_look_ns(now_ns));
	return true;
}

/* In use: its users shall tell when they are done, and until then nobody asks. */
static void watch(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	struct look seen;
	atomic_store_explicit(&pool->table->word[slot->number],
		board_word(slot->generation, BOARD_READY) | BOARD_WATCHED, BOARD_ORDER);
	/* Who unpinned before it could see the bit tells nobody: look again behind it. */
	look(pool, slot, now_ns, &seen);
	if (!seen.pinned && !seen.granted_until_ns) {
		unwatch(pool, slot, now_ns, &seen);
		return;
	}
	slot->blocked = true;
	if (heap_holds(&slot->victim))
		order_remove(&pool->ready, slot);
	set_due(pool, slot, seen.pinned ? slow_look_ns(now_ns) : seen.granted_until_ns);
}

/* By what was seen, is it another's turn? Then it stands in its right place now. */
static bool must_wait(struct pool *pool, struct pool_slot *slot, uint64_t now_ns,
	enum idle_reason reason, const struct look *seen)
{
	switch (reason) {
	case IDLE_DUE:
		if (now_ns >= seen->last_use_ns + pool->options.idle_ns)
			return false;
		unwatch(pool, slot, now_ns, seen);
		return true;
	case IDLE_NEXT:
		if (seen->last_use_ns == slot->placed_ns && seen->rank == slot->rank)
			return false;
		place(pool, slot, seen);
		return order_first(pool, &pool->ready) != slot;
	case IDLE_ASKED:
	default:
		return false;
	}
}

bool idle_try(struct pool *pool, struct pool_slot *slot, uint64_t now_ns, enum idle_reason reason)
{
	struct look seen;
	if (still_watched(pool, slot, now_ns))
		return false;
	look(pool, slot, now_ns, &seen);
	if (!seen.pinned && !seen.granted_until_ns) {
		if (must_wait(pool, slot, now_ns, reason, &seen))
			return false;
		order_use(pool, slot, seen.last_use_ns);
		/* seq_cst: pairs with the pin of common/board.h. Whoever has not seen this store
		 * has counted itself before the counts are read again. */
		board_set(pool->table, slot->number, slot->generation, BOARD_IDLE);
		if (!holder_any_pinned(pool, slot)) {
			slot_enter_idle(pool, slot, seen.rank);
			return true;
		}
	}
	watch(pool, slot, now_ns);
	return false;
}
