/* scratch.h - where the decoder of a small bitmap writes: a region that it has to itself, because a
 * slab has its neighbours' pixels in it. Charged to overhead; kept for the next when it is given
 * back. So is the region of a large bitmap that was given up before its decoder had gone, except
 * that it is not kept. */
#ifndef POOL_SCRATCH_H
#define POOL_SCRATCH_H

#include "state.h"

/* Lent to a decoder: whatever becomes of the bitmap, it is nobody else's until that has gone. */
struct pool_scratch {
	struct list lent;      /* in pool.lent */
	struct region *region; /* owned, unless a slot has it as well */
	bool slots;            /* it has */
	bool unwanted;         /* as memory to keep: when it comes back it goes */
};

/* What a bitmap of @size takes. */
uint64_t scratch_bytes(const struct pool *pool, uint64_t size);

/* Of at least @size bytes, which may show what @uid's last one had in it. As room_get_region. */
int scratch_take(struct pool *pool, uint64_t size, uid_t uid, uint64_t now_ns, struct region **ret);
/* Its slot does not need it any more. It stays where it is while it is lent. NULL is fine. */
void scratch_give_back(struct pool *pool, struct region *region);

/* More memory was wanted back than could be given: what is lent shall not be kept, either. */
void scratch_want_back(struct pool *pool);

/* Forgets all loans; the pool ends. */
void scratch_forget_all(struct pool *pool);

#endif
