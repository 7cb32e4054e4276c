/* order.h - which of the slots that nobody uses would be missed least. This is the one place that
 * decides it.
 *
 * Rank goes first: prefetched and never seen, seen, on somebody's screen. Within a rank:
 *
 *   POOL_ORDER_LRU   the one used longest ago
 *   POOL_ORDER_COST  the one of least worth:
 *
 *                        cost of bringing it back, for each byte that it frees
 *                worth = -----------------------------------------------------
 *                                         its age
 *
 *     Cost over bytes is what a purge loses for what it gives. Age stands for how long nobody will
 *     want it again. It is measured in bytes that have been used in this pool since, so that
 *     neither a night's pause nor ten thousand thumbnails make everything old; and it is counted
 *     from `since`, a time between the slot's first use and its last that moves half-way to now at
 *     each use. Going by the last use alone would be LRU's mistake: what is passed over in turn
 *     always loses just what comes next. Uses less than the idle delay apart are one.
 *
 * Worth changes with time, and not for all at the same rate, so no heap can hold it. But slots of
 * the same cost for each byte keep their order for ever: they share a class (a quarter of an octave
 * of cost) with a heap by `since`, and the least of the classes' firsts is the least of all, at the
 * same price for a hundred thousand slots. */
#ifndef POOL_ORDER_H
#define POOL_ORDER_H

#include "heap.h"
#include "pool/pool.h"

enum order_rank {
	ORDER_NEVER_SEEN, /* prefetched, and nobody was told of it */
	ORDER_SEEN,
	ORDER_VISIBLE, /* on somebody's screen, by what the boards said when last looked at */
	ORDER_RANKS,
};

#define ORDER_CLASSES 128u

struct order {
	struct heap class[ORDER_RANKS][ORDER_CLASSES];
	uint64_t filled[ORDER_RANKS][ORDER_CLASSES / 64]; /* classes that are not empty */
	size_t count;
};

struct pool_slot;

void order_init(struct order *order);

/* Puts the slot, in this order or in none, in its place by what is known of it now; @rank and
 * slot->last_use_ns included. */
void order_place(
	const struct pool *pool, struct order *order, struct pool_slot *slot, enum order_rank rank);
void order_remove(struct order *order, struct pool_slot *slot);

/* The first to go; NULL: it is empty. */
struct pool_slot *order_first(const struct pool *pool, const struct order *order);

/* Would @a go before @b? */
bool order_before(const struct pool *pool, const struct pool_slot *a, const struct pool_slot *b);

/* The slot was used at @use_ns. It has memory; it is in no order, or is placed anew after this. */
void order_use(struct pool *pool, struct pool_slot *slot, uint64_t use_ns);

/* What a decode of it took; the first or a further one. */
void order_learn_cost(struct pool_slot *slot, uint64_t cost_ns);

/* For tests: do all members stand in the right class, in order? */
bool order_check(const struct order *order);

#endif
