/* pinned.h - how many bitmaps are pinned. Pins come and go without a message, so that only the
 * boards can say it; but of most READY bitmaps it is known: whoever lets go of a WATCHED one last
 * tells. The boards are read for the others, which somebody used a moment ago. */
#ifndef POOL_PINNED_H
#define POOL_PINNED_H

#include "state.h"

/* Room for slots numbered below @slots. -ENOMEM. */
int pinned_make_space(struct pool *pool, uint32_t slots);

/* READY, and pinned or not. */
void pinned_unknown(struct pool *pool, struct pool_slot *slot);

/* READY, seen pinned while its word said WATCHED. */
void pinned_known(struct pool *pool, struct pool_slot *slot);

/* READY no more. */
void pinned_leave(struct pool *pool, struct pool_slot *slot);

/* Those that anybody has pinned, each once. What is known counts until the message of its last
 * user has been read. */
void pinned_count(struct pool *pool, uint32_t *ret_bitmaps, uint64_t *ret_bytes);

#endif
