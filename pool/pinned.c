/* See pinned.h. */
#include "pinned.h"

#include "holder.h"

int pinned_make_space(struct pool *pool, uint32_t slots)
{
	return bits_reserve(&pool->unsure, slots);
}

static void let_go(struct pool *pool, struct pool_slot *slot)
{
	if (!slot->held)
		return;
	slot->held = false;
	pool->held_bitmaps--;
	pool->held_bytes -= slot->charge;
}

void pinned_unknown(struct pool *pool, struct pool_slot *slot)
{
	let_go(pool, slot);
	bits_set(&pool->unsure, slot->number); /* there is space */
}

void pinned_known(struct pool *pool, struct pool_slot *slot)
{
	if (slot->held)
		return;
	slot->held = true;
	pool->held_bitmaps++;
	pool->held_bytes += slot->charge;
	bits_clear(&pool->unsure, slot->number);
}

void pinned_leave(struct pool *pool, struct pool_slot *slot)
{
	let_go(pool, slot);
	bits_clear(&pool->unsure, slot->number);
}

/* Of the 64 slots of word @index, those in @asked that @holder has pinned. */
static uint64_t pinned_by(
	struct pool *pool, struct pool_holder *holder, uint32_t index, uint64_t asked)
{
	uint64_t pinned = 0;
	for (uint64_t left = asked & bits_word(&holder->told, index); left; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left);
		if (holder_count(pool, holder, index * 64 + bit) != 0)
			pinned |= UINT64_C(1) << bit;
	}
	return pinned;
}

/* Board by board: 64 slots of one are a page, those of one slot a miss each. */
static uint64_t pinned_by_any(struct pool *pool, uint32_t index, uint64_t asked)
{
	uint64_t pinned = 0;
	for (uint32_t i = 0; i < pool->holders_made && pinned != asked; i++) {
		if (pool->holder[i])
			pinned |= pinned_by(pool, pool->holder[i], index, asked & ~pinned);
	}
	return pinned;
}

void pinned_count(struct pool *pool, uint32_t *ret_bitmaps, uint64_t *ret_bytes)
{
	*ret_bitmaps = pool->held_bitmaps;
	*ret_bytes = pool->held_bytes;
	for (uint32_t index = 0; index < bits_words(&pool->unsure); index++) {
		uint64_t asked = bits_word(&pool->unsure, index);
		uint64_t pinned = asked ? pinned_by_any(pool, index, asked) : 0;
		for (; pinned; pinned &= pinned - 1) {
			uint32_t number = index * 64 + (uint32_t)__builtin_ctzll(pinned);
			*ret_bitmaps += 1;
			*ret_bytes += pool->slot[number]->charge;
		}
	}
}
