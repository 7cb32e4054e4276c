/* slab.h - regions shared by small bitmaps, so that ten thousand thumbnails need a few descriptors.
 * A piece is whole pages and charged by itself; a slab without pieces is given back. All of a
 * slab's bitmaps belong to one user, because whoever has its descriptor can read all of them. */
#ifndef POOL_SLAB_H
#define POOL_SLAB_H

#include "region.h"

#define SLAB_BYTES ((uint64_t)8 << 20)

/* How often slabs with holes are looked at. */
#define SLAB_MEND_NS (30000 * NS_PER_MS)

struct memory_dealer;

struct slab {
	struct list all; /* pool.slabs */
	struct region *region;
	struct memory_dealer *dealer;
	uint64_t idle_bytes; /* charges of IDLE pieces */
	bool torn; /* a piece was purged: somebody may read there and so fill the hole again */
	struct list unsettled;     /* pool.unsettled; alone: what was counted last holds */
	bool changed;              /* by us, since it was counted */
	uint64_t allocated, stray; /* as last counted: parts of pool.slab_allocated and _stray */
};

/* One of @uid's with a free piece of @bytes; NULL: none. */
struct slab *slab_find(const struct pool *pool, uint64_t bytes, uid_t uid);

/* Makes an empty one. Room for pool->slab_control_bytes must be there. -EMFILE, -ENOMEM, … */
int slab_create(struct pool *pool, uid_t uid, struct slab **ret);

/* Room for the pages must be there; they are not charged here. -ENOMEM. */
int slab_take(struct pool *pool, struct slab *slab, uint64_t bytes, uint64_t *ret_offset);

/* Takes a piece back, punching it. The caller then calls slab_drop_if_empty. Returns what the
 * kernel got back. */
uint64_t slab_give_back(struct pool *pool, struct slab *slab, uint64_t offset, uint64_t bytes);

/* Gives the whole region back when no piece is left. */
void slab_drop_if_empty(struct pool *pool, struct slab *slab);

/* Copies a bitmap from @scratch, which no decoder has any more, into a piece of @bytes: its pixels,
 * and nothing else that lies there. -errno. */
int slab_fill(struct pool *pool, struct slab *slab, uint64_t offset, uint64_t bytes,
	const struct region *scratch, const struct pool_bitmap *bitmap);

/* Punches free pieces that have pages again. */
void slab_mend_all(struct pool *pool);

/* The kernel's count of all slabs, and of that what free pieces have. A slab that is full of
 * bitmaps can neither grow nor shrink but by us, and is not asked about again until we have changed
 * it; the holes of any other may be filled by a reader at any time. */
void slab_count(struct pool *pool, uint64_t *ret_allocated, uint64_t *ret_stray);

/* What the kernel says of one slab now. */
uint64_t slab_stray(const struct slab *slab);

/* Bytes of control blocks that go when everything IDLE has gone, but for that of @except, which may
 * be NULL. */
uint64_t slab_idle_control(const struct pool *pool, const struct slab *except);

/* Frees it without a punch. */
void slab_close(struct pool *pool, struct slab *slab);

#endif
