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
int holder_add(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot);
void holder_remove(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot);

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

/* Makes or renews a grant; the slot is READY and the holder knows it: since just now (@new), and
 * then there is none to be looked for among the others'. -ENOMEM. */
int grant_add(struct pool_slot *slot, struct pool_holder *holder, bool new, uint64_t now_ns);
/* Ends @holder's grant, or all of them when it is NULL. */
void grant_end(struct pool_slot *slot, const struct pool_holder *holder);
/* Ends those that were used or have lasted too long. When the last of the others will; 0: there are
 * none. */
uint64_t grant_until(struct pool_slot *slot, uint64_t now_ns);

/* Its board says what makes no sense: events.misbehaved, once. */
void holder_misbehaves(struct pool *pool, struct pool_holder *holder);

/* Brings what is remembered of @slot, for all who were told of it, up to date: its pinned_by,
 * seen_by and last_use_ns. In sequentially consistent order, as pinned_look. */
void holder_look(struct pool *pool, const struct pool_slot *slot);

/* Is @slot pinned by anybody who was told of it? Looks first. */
bool holder_any_pinned(struct pool *pool, const struct pool_slot *slot);

/* May @holder (NULL: nobody in particular) come to pin @bytes more? 0 or -EDQUOT. */
int holder_check_quota(struct pool *pool, struct pool_holder *holder, uint64_t bytes);

void holder_free(struct pool_holder *holder);

#endif
