/* pinned.h - what the boards say, remembered. Pins come and go without a message; but a consumer
 * marks what it changes on its board (common/board.h), so that a slot is read again only when
 * something has happened there, and how many bitmaps are pinned is known once the flags of all
 * boards have been looked at. */
#ifndef POOL_PINNED_H
#define POOL_PINNED_H

#include "state.h"

/* Room for what is remembered of @holder's slots numbered up to @number. -ENOMEM. */
int pinned_make_space(struct pool_holder *holder, uint32_t number);

/* Reads a slot that @holder has marked: a count that makes no sense is told (events.misbehaved),
 * and counts as pinned all the same: the safe side. The stamp of the last use goes to the slot. */
void pinned_read(struct pool *pool, struct pool_holder *holder, uint32_t number);

/* Brings what is remembered of a slot that @holder was told of up to date. In sequentially
 * consistent order: what was pinned before the slot's word was last written is seen. */
static inline void pinned_look(struct pool *pool, struct pool_holder *holder, uint32_t number)
{
	if (board_is_marked(holder->pins, number))
		pinned_read(pool, holder, number);
}

/* The same of all that @holder was told of, whatever its flags say. */
void pinned_look_at_told(struct pool *pool, struct pool_holder *holder);

/* @holder has just been told of @slot, or is no longer. */
void pinned_join(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot);
void pinned_part(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot);

/* @slot has become READY, or is about to be so no longer. */
void pinned_enter(struct pool *pool, struct pool_slot *slot);
void pinned_leave(struct pool *pool, struct pool_slot *slot);

/* READY ones that anybody who was told of them has pinned, each once. */
void pinned_count(struct pool *pool, uint32_t *ret_bitmaps, uint64_t *ret_bytes);

#endif
