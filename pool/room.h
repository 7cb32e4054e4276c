/* room.h - what goes when room is needed: order.h says which is the first of those that may. A
 * slot's rank and last use may be out of date there: they are made right when it is about to go. */
#ifndef POOL_ROOM_H
#define POOL_ROOM_H

#include "slot.h"

/* Makes room for @bytes: kept regions, then IDLE, then READY that nobody uses. Nothing is thrown
 * away when it can not be enough.
 * @slab: the bytes are for a piece of this one, so that its control block is no room to be made; or
 * NULL. 0: there was room.  1: there is now, and slabs may have gone, @slab too.  -ENOSPC. */
int room_make(struct pool *pool, uint64_t bytes, const struct slab *slab, uint64_t now_ns);

/* A region of @capacity bytes for @uid, and room for it; charged to nobody yet. 0: a new one.  1:
 * one that was used before. -ENOSPC.  -EMFILE, -ENFILE, -ENOMEM: after idle ones were given up. */
int room_get_region(
	struct pool *pool, uint64_t capacity, uid_t uid, uint64_t now_ns, struct region **ret);

/* After @error, of making a region: gives up what is of least use. False: there is nothing, or it
 * would not help. */
bool room_give_up(struct pool *pool, int error);
/* As pool_give_up_descriptors, but for what uses @spared. */
bool room_give_up_descriptors(struct pool *pool, const struct region *spared);

/* Gives back the next thing to go, and adds what the kernel got back. False: there is nothing. */
bool room_give_back_one(struct pool *pool, enum slot_fate fate, uint64_t now_ns, uint64_t *freed);

#endif
