/* keep.h - freed regions, kept with their pages because a decode into new ones takes a tenth longer
 * when rows are written, and up to half where they are mapped. Only for the same user, only a few,
 * and the first thing to go when room is needed. They stay pinned in ashmem. */
#ifndef POOL_KEEP_H
#define POOL_KEEP_H

#include "region.h"

/* Takes a region that nobody charges any more; destroys it when it can not be used again. May leave
 * more than the limit. */
void keep_put(struct pool *pool, struct region *region);

/* The smallest of @uid's that has @capacity bytes and at most an eighth more; charged to nobody.
 * NULL: none. */
struct region *keep_take(struct pool *pool, uint64_t capacity, uid_t uid);

/* Destroys the one freed longest ago; there must be one. Returns what the kernel got back. */
uint64_t keep_drop(struct pool *pool);

/* Down to the limit, which pool_options sets. */
void keep_trim(struct pool *pool);

#endif
