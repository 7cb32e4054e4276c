/* common/ashmem/ranges.h - the algebra of unpinned ranges in a control block: the driver's rules,
 * A27 to A38.
 *
 * All calls need the region's lock (region_lock) and take page ranges [start, end) with start < end
 * <= npages. On damage they return -EBADMSG; if that happens in the middle of an edit the block
 * stays marked as being edited, and the next region_lock starts it afresh. */
#ifndef COMMON_ASHMEM_RANGES_H
#define COMMON_ASHMEM_RANGES_H

#include "common/ashmem/block.h"

#include <stdint.h>

/* Locks, and if the last owner did not finish an edit makes the whole region one purged range.
 * Errors of owner_lock_acquire; -EBADMSG. */
int region_lock(struct ashmem_region *region);
int region_unlock(struct ashmem_region *region);

/* 1: some page had been purged, 0: none. */
int ranges_pin(struct ashmem_region *region, uint32_t start, uint32_t end);
int ranges_unpin(struct ashmem_region *region, uint32_t start, uint32_t end);

/* 1: all pinned, 0: some page unpinned (ASHMEM_IS_PINNED, ASHMEM_IS_UNPINNED). */
int ranges_status(struct ashmem_region *region, uint32_t start, uint32_t end);

struct page_range {
	uint32_t index; /* of the node */
	uint32_t start, end;
	bool purged;
};

/* The oldest range that can be purged; the lowest range that ends behind @page. 1: found, 0: there
 * is none. */
int ranges_oldest(struct ashmem_region *region, struct page_range *ret);
int ranges_next(struct ashmem_region *region, uint32_t page, struct page_range *ret);

/* Flags a range purged and takes it off the list; announces the punch of its pages in the same
 * edit. */
int ranges_mark_purged(struct ashmem_region *region, const struct page_range *range);

#endif
