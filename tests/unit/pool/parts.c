/* The containers that the pool is made of, and what it reads from the system. */
#include "bits.h"
#include "heap.h"
#include "state.h"
#include "thrash.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* ---- sets ---- */

Test(bits, holds_what_was_set_and_finds_it_in_order)
{
	static const uint32_t members[] = {0, 1, 63, 64, 65, 127, 128, 1000, 1048575};
	struct bits bits = {0};
	cr_assert(bits_empty(&bits));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		cr_assert_eq(bits_set(&bits, members[i]), 0);
	size_t found = 0;
	for (uint32_t at = 0; (at = bits_next(&bits, at)) != BITS_NONE; at++, found++)
		cr_assert_eq(at, members[found]);
	cr_assert_eq(found, ARRAY_SIZE(members));
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		cr_assert(bits_test(&bits, members[i]));
		bits_clear(&bits, members[i]);
		cr_assert_not(bits_test(&bits, members[i]));
	}
	cr_assert(bits_empty(&bits));
	bits_fini(&bits);
}

Test(bits, what_was_never_set_is_not_there)
{
	struct bits bits = {0};
	cr_assert_not(bits_test(&bits, 5000));
	bits_clear(&bits, 5000);
	cr_assert_eq(bits_next(&bits, 5000), BITS_NONE);
	cr_assert_eq(bits_set(&bits, 70), 0);
	cr_assert_eq(bits_next(&bits, 71), BITS_NONE);
	bits_fini(&bits);
}

/* ---- heaps ---- */

struct item {
	struct heap_node node;
	int key;
};

static bool item_before(struct heap_node *a, struct heap_node *b)
{
	return CONTAINER_OF(a, struct item, node)->key < CONTAINER_OF(b, struct item, node)->key;
}

Test(heap, gives_the_first_through_any_changes)
{
	enum { ITEMS = 300 };
	static struct item item[ITEMS];
	struct heap heap = {.before = item_before};
	srand(3);
	for (int step = 0; step < 20000; step++) {
		struct item *one = &item[rand() % ITEMS];
		if (heap_holds(&one->node) && rand() % 2) {
			heap_remove(&heap, &one->node);
		} else {
			one->key = rand() % 100;
			if (heap_holds(&one->node))
				heap_update(&heap, &one->node);
			else
				heap_push(&heap, &one->node);
		}
		int least = 100;
		size_t count = 0;
		for (int i = 0; i < ITEMS; i++) {
			if (!heap_holds(&item[i].node))
				continue;
			count++;
			least = item[i].key < least ? item[i].key : least;
		}
		cr_assert(heap_check(&heap));
		cr_assert_eq(heap.count, count);
		struct heap_node *top = heap_top(&heap);
		cr_assert_eq(top == NULL, count == 0);
		cr_assert(!top || CONTAINER_OF(top, struct item, node)->key == least);
	}
}

/* ---- the order of what goes ---- */

enum { MEMBERS = 3000 };

/* The first by the rule itself, looking at each. */
static const struct pool_slot *first_of_all(
	const struct pool *pool, const struct pool_slot *slot, size_t count)
{
	const struct pool_slot *first = NULL;
	for (size_t i = 0; i < count; i++) {
		if (heap_holds(&slot[i].victim) && (!first || order_before(pool, &slot[i], first)))
			first = &slot[i];
	}
	return first;
}

static void change_one(struct pool *pool, struct pool_slot *slot)
{
	if (heap_holds(&slot->victim) && rand() % 2) {
		order_remove(&pool->idle, slot);
		return;
	}
	if (slot->charge == 0) {
		slot->charge = (uint64_t)4096 << rand() % 14;
		order_learn_cost(slot, (uint64_t)(rand() % 1000 + 1) << rand() % 24);
	}
	order_use(pool, slot, slot->last_use_ns + 1 + (uint64_t)rand() % 100);
	order_place(pool, &pool->idle, slot, (enum order_rank)(rand() % ORDER_RANKS));
}

static void first_is_first(enum pool_order how)
{
	static struct pool_slot slot[MEMBERS];
	static struct pool pool;
	pool.options.order = how;
	order_init(&pool.idle);
	cr_assert_null(order_first(&pool, &pool.idle));
	srand(7);
	for (uint64_t i = 0; i < MEMBERS; i++)
		slot[i].generation = i + 1;
	for (int step = 0; step < 4 * MEMBERS; step++) {
		change_one(&pool, &slot[rand() % MEMBERS]);
		if (step % 10 != 0)
			continue;
		cr_assert(order_check(&pool.idle));
		cr_assert_eq(order_first(&pool, &pool.idle), first_of_all(&pool, slot, MEMBERS));
	}
	/* And to the end: nothing is lost on the way. */
	size_t left = pool.idle.count;
	for (struct pool_slot *first; (first = order_first(&pool, &pool.idle)); left--)
		order_remove(&pool.idle, first);
	cr_assert_eq(left, 0);
}

Test(order_parts, the_first_by_cost_is_the_first_of_all)
{
	first_is_first(POOL_ORDER_COST);
}

Test(order_parts, the_first_by_last_use_is_the_first_of_all)
{
	first_is_first(POOL_ORDER_LRU);
}

Test(order_parts, uses_less_than_the_idle_delay_apart_count_as_one)
{
	struct pool pool = {.options.idle_ns = 1000};
	struct pool_slot slot = {.charge = 4096};
	order_use(&pool, &slot, 5000);
	order_use(&pool, &slot, 5999);
	cr_assert_eq(pool.passed_bytes, 4096);
	cr_assert_eq(slot.since_bytes, 4096);
	cr_assert_eq(slot.last_use_ns, 5999);
	order_use(&pool, &slot, 6000);
	cr_assert_eq(pool.passed_bytes, 8192);
	cr_assert_eq(slot.since_bytes, 8192);
}

/* ---- thrashing ---- */

#define MS UINT64_C(1000000)

Test(thrash, comes_on_at_a_quarter_of_a_processor_and_goes_at_a_tenth)
{
	struct thrash thrash = {0};
	uint64_t now = 1;
	for (int i = 0; i < 300; i++, now += 100 * MS)
		thrash_bounce(&thrash, 20 * MS, now);
	cr_assert_not(thrash.on, "a fifth is not yet too much");
	for (int i = 0; i < 300; i++, now += 100 * MS)
		thrash_bounce(&thrash, 30 * MS, now);
	cr_assert(thrash.on);
	for (int i = 0; i < 300; i++, now += 100 * MS)
		thrash_bounce(&thrash, 20 * MS, now);
	cr_assert(thrash.on, "it does not go as soon as it would not have come");
	for (int i = 0; i < 300; i++, now += 100 * MS)
		thrash_bounce(&thrash, 5 * MS, now);
	cr_assert_not(thrash.on);
	cr_assert_eq(thrash.times, 1);
	cr_assert_eq(thrash.bounces, 1200);
}

Test(thrash, one_dear_decode_is_not_thrashing)
{
	struct thrash thrash = {0};
	thrash_bounce(&thrash, 600 * MS, 1);
	cr_assert_not(thrash.on);
}

Test(thrash, it_goes_by_itself_when_nothing_is_decoded_any_more)
{
	struct thrash thrash = {0};
	for (uint64_t i = 1; i < 20; i++)
		thrash_bounce(&thrash, 100 * MS, i * 100 * MS);
	cr_assert(thrash_look(&thrash, 2000 * MS));
	cr_assert_not(thrash_look(&thrash, 20000 * MS));
}
