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
 *     want it again. It is measured in bytes that have been used in this pool since the last use,
 *     so that neither a night's pause nor ten thousand thumbnails make everything old. Uses less
 *     than the idle delay apart are one.
 *
 * Slots whose cost for each byte is alike, within a factor of 16, share a class: among them the one
 * used longest ago goes first, and of the classes' firsts the one of least worth. That is less than
 * a decode costs from day to day, and than whole pictures differ; a thumbnail costs a hundred times
 * as much for each byte. Finer classes let small differences of cost outweigh what was used just
 * now, and did worse than LRU wherever pictures cost about the same (bench/README.md, bench_walk).
 * It also keeps the price the same for a hundred thousand slots: worth changes with time, and not
 * for all at the same rate, so no heap can hold it, but within a class the order stays. */
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

#define ORDER_CLASSES 16u

struct order {
	struct heap class[ORDER_RANKS][ORDER_CLASSES];
	uint32_t filled[ORDER_RANKS]; /* classes that are not empty */
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
