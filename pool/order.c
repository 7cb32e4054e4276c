/* See order.h. Logarithms of base two, in steps of 1/256: worth is a quotient of numbers that span
 * twenty octaves, and an error of a hundredth does not matter. */
#include "order.h"

#include "state.h"

#include "common/util.h"

#define STEPS 256               /* an octave */
#define CLASS_STEPS (4 * STEPS) /* of cost, in one class: order.h says why */
#define LEAST_OCTAVES (-16)     /* cost of the first class: 15 us for a GiB */

/* Straight between powers of two: monotonic, and at most 0.09 of an octave too small. */
static int log2_steps(uint64_t value)
{
	if (value == 0)
		return 0;
	int octave = 63 - __builtin_clzll(value);
	uint64_t mantissa = value << (63 - octave) << 1;
	return octave * STEPS + (int)(mantissa >> 56);
}

static unsigned class_of(const struct pool *pool, const struct pool_slot *slot)
{
	if (pool->options.order == POOL_ORDER_LRU)
		return 0;
	int cost = log2_steps(slot->cost_ns) - log2_steps(slot->charge);
	int class = (cost - LEAST_OCTAVES * STEPS) / CLASS_STEPS;
	return class < 0 ? 0 : (unsigned)min_u64((uint64_t) class, ORDER_CLASSES - 1);
}

/* Lower goes first; for slots of one rank. */
static int worth(const struct pool *pool, const struct pool_slot *slot)
{
	uint64_t age = pool->passed_bytes - slot->key + slot->charge;
	return (int)slot->class * CLASS_STEPS - log2_steps(age);
}

static bool key_before(const struct pool_slot *a, const struct pool_slot *b)
{
	return a->key != b->key ? a->key < b->key : a->generation < b->generation;
}

static bool before_in_class(struct heap_node *a, struct heap_node *b)
{
	return key_before(CONTAINER_OF(a, struct pool_slot, victim),
		CONTAINER_OF(b, struct pool_slot, victim));
}

bool order_before(const struct pool *pool, const struct pool_slot *a, const struct pool_slot *b)
{
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (pool->options.order == POOL_ORDER_COST) {
		int x = worth(pool, a), y = worth(pool, b);
		if (x != y)
			return x < y;
	}
	return key_before(a, b);
}

void order_init(struct order *order)
{
	for (unsigned rank = 0; rank < ORDER_RANKS; rank++)
		for (unsigned class = 0; class < ORDER_CLASSES; class ++)
			order->class[rank][class].before = before_in_class;
}

void order_remove(struct order *order, struct pool_slot *slot)
{
	struct heap *heap = &order->class[slot->rank][slot->class];
	heap_remove(heap, &slot->victim);
	order->count--;
	if (heap->count == 0)
		order->filled[slot->rank] &= ~(1u << slot->class);
}

void order_place(
	const struct pool *pool, struct order *order, struct pool_slot *slot, enum order_rank rank)
{
	if (heap_holds(&slot->victim))
		order_remove(order, slot);
	slot->rank = (uint8_t)rank;
	slot->class = (uint8_t)class_of(pool, slot);
	slot->placed_ns = slot->last_use_ns;
	slot->key = pool->options.order == POOL_ORDER_LRU ? slot->last_use_ns : slot->since_bytes;
	heap_push(&order->class[rank][slot->class], &slot -> victim);
	order->filled[rank] |= 1u << slot->class;
	order->count++;
}

static struct pool_slot *first_of_rank(
	const struct pool *pool, const struct order *order, unsigned rank)
{
	struct pool_slot *first = NULL;
	for (uint32_t left = order->filled[rank]; left; left &= left - 1) {
		struct pool_slot *slot =
			CONTAINER_OF(heap_top(&order->class[rank][__builtin_ctz(left)]),
				struct pool_slot, victim);
		if (!first || order_before(pool, slot, first))
			first = slot;
	}
	return first;
}

struct pool_slot *order_first(const struct pool *pool, const struct order *order)
{
	for (unsigned rank = 0; rank < ORDER_RANKS; rank++) {
		struct pool_slot *slot = first_of_rank(pool, order, rank);
		if (slot)
			return slot;
	}
	return NULL;
}

void order_use(struct pool *pool, struct pool_slot *slot, uint64_t use_ns)
{
	bool first = slot->counted_ns == 0;
	slot->last_use_ns = max_u64(slot->last_use_ns, use_ns);
	if (!first && use_ns < slot->counted_ns + pool->options.idle_ns)
		return;
	slot->counted_ns = max_u64(use_ns, 1);
	pool->passed_bytes += slot->charge;
	slot->since_bytes = pool->passed_bytes;
}

void order_learn_cost(struct pool_slot *slot, uint64_t cost_ns)
{
	/* The same work each time: what differs is the machine's mood, so one measurement does not
	 * overturn those before. */
	if (slot->cost_ns == 0)
		slot->cost_ns = max_u64(cost_ns, 1);
	else
		slot->cost_ns = max_u64(slot->cost_ns - slot->cost_ns / 4 + cost_ns / 4, 1);
}

bool order_check(const struct order *order)
{
	size_t count = 0;
	for (unsigned rank = 0; rank < ORDER_RANKS; rank++) {
		for (unsigned class = 0; class < ORDER_CLASSES; class ++) {
			const struct heap *heap = &order->class[rank][class];
			bool filled = order->filled[rank] >> class & 1;
			count += heap->count;
			if (filled != (heap->count > 0) || !heap_check(heap))
				return false;
		}
	}
	return count == order->count;
}
