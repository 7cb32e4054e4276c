/* region.h - one ashmem region: its descriptor, its size as the account sees it, and how it goes.
 */
#ifndef POOL_REGION_H
#define POOL_REGION_H

#include "state.h"

enum region_use {
	REGION_WHOLE,  /* pinned and unpinned as one */
	REGION_PIECES, /* page by page */
};

struct region {
	struct list all;  /* pool.regions, or pool.emptied; a slab's: none */
	struct list kept; /* pool.kept */
	uint64_t id;
	int fd;                    /* writable; owned */
	int readonly_fd;           /* readonly.h; owned. -1: none */
	struct list readonly_link; /* pool.readonly */
	char *mapping; /* of the whole, writable; owned. NULL: of a memfd used as a whole */
	struct ashmem_handle *handle;
	uint64_t capacity;               /* bytes of data */
	uint64_t control;                /* bytes of the control block */
	uint64_t control_at, file_bytes; /* memfd: where the block may begin, where it must end */
	uid_t uid;
	enum region_use use;
	struct pool_scratch *loan; /* a decoder may write there: scratch.h; NULL: none */
	bool shared;               /* somebody was given a descriptor */
	bool foreign;              /* … of another user */
};

/* Finds out what a control block takes here. -ENOTSUP: no such driver. -errno. */
int region_probe(struct pool *pool);

/* Makes a region, pinned. Charges nothing: the caller does.  -EMFILE, -ENFILE, -ENOMEM, … */
int region_create(
	struct pool *pool, uint64_t capacity, uid_t uid, enum region_use use, struct region **ret);

static inline uint64_t region_charge(const struct region *region)
{
	return region->capacity + region->control;
}

/* Closes it and leaves the memory to whoever has mapped it. */
void region_close(struct pool *pool, struct region *region);

/* Punches its data and tells of it; closes it, or leaves that to region_close_emptied. Returns what
 * the kernel got back. */
uint64_t region_destroy(struct pool *pool, struct region *region);

/* Closes what region_destroy has left. */
void region_close_emptied(struct pool *pool);

/* Throws away [@offset, @offset + @length), which must be unpinned, and pins it again. Returns what
 * the kernel got back. */
uint64_t region_purge(
	const struct pool *pool, struct region *region, uint64_t offset, uint64_t length);

/* Frees the pages of a range that nobody owns. */
void region_punch(struct region *region, uint64_t offset, uint64_t length);

/* What lies between the rows of a bitmap becomes 0. */
void region_clear_padding(char *pixels, const struct pool_bitmap *bitmap);

/* Lets nothing show of what was in it before: the padding of the bitmap's rows, and everything
 * behind its last byte. */
int region_wipe(const struct pool *pool, struct region *region, const struct pool_bitmap *bitmap);

/* The kernel's count of what it takes, control block included. */
uint64_t region_allocated(const struct region *region);

/* The same of [@offset, @offset + @length) alone: some microseconds a MiB. */
uint64_t region_allocated_in(const struct region *region, uint64_t offset, uint64_t length);

#endif
