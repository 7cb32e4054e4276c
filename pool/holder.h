/* holder.h - sessions: their boards, what they were told of, and what is granted to them. */
#ifndef POOL_HOLDER_H
#define POOL_HOLDER_H

#include "state.h"

/* @holder has been promised to find the slot READY when it comes to pin it. */
struct grant {
	struct grant *next; /* of the slot's */
	struct pool_holder *holder;
	uint64_t until_ns;
	uint64_t last_use_ms; /* what its board said at the time */
};

/* Both ends of "was told of". Removing what is not there does nothing. */
int holder_add(struct pool_holder *holder, struct pool_slot *slot);
void holder_remove(struct pool_holder *holder, struct pool_slot *slot);

/* The next holder that was told of @slot, from index @*at on, which moves behind it; NULL: no more.
 */
static inline struct pool_holder *holder_next(
	const struct pool *pool, const struct pool_slot *slot, uint32_t *at)
{
	uint32_t index = bits_next(&slot->told, *at);
	if (index == BITS_NONE)
		return NULL;
	*at = index + 1;
	return pool->holder[index];
}

/* Makes or renews a grant; the slot is READY and the holder knows it. -ENOMEM. */
int grant_add(struct pool_slot *slot, struct pool_holder *holder, uint64_t now_ns);
/* Ends @holder's grant, or all of them when it is NULL. */
void grant_end(struct pool_slot *slot, const struct pool_holder *holder);
/* Ends those that were used or have lasted too long. When the last of the others will; 0: there are
 * none. */
uint64_t grant_until(struct pool_slot *slot, uint64_t now_ns);

/* The count on a board; events.misbehaved when it makes no sense. It counts as pinned all the same:
 * the safe side. */
uint32_t holder_count(struct pool *pool, struct pool_holder *holder, uint32_t number);

/* Has it marked the slot as being on screen? */
static inline bool holder_sees(const struct pool_holder *holder, uint32_t number)
{
	return atomic_load_explicit(&holder->pins->slot[number].visible, memory_order_relaxed) != 0;
}

/* Is @slot pinned by anybody who was told of it? Reads the boards in sequentially consistent order.
 */
bool holder_any_pinned(struct pool *pool, const struct pool_slot *slot);

/* May @holder (NULL: nobody in particular) come to pin @bytes more? 0 or -EDQUOT. */
int holder_check_quota(struct pool *pool, struct pool_holder *holder, uint64_t bytes);

void holder_free(struct pool_holder *holder);

#endif
