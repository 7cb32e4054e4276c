/* common/ashmem/purge.h - throwing unpinned pages away, and waiting for it.
 *
 * A range is flagged and announced as being punched in one edit under the region's lock; then it is
 * punched without the lock, so that pins elsewhere go on; then the announcement is taken back. A
 * pin of announced pages waits for that. One punch at a time in a region; of one whose process has
 * died the next that needs it does the rest. */
#ifndef COMMON_ASHMEM_PURGE_H
#define COMMON_ASHMEM_PURGE_H

#include "common/ashmem/ranges.h"

#include <stdint.h>

/* Locks when no punch overlaps [start, end). Errors of region_lock and of finishing a dead one's
 * punch (-errno of fallocate). */
int region_lock_quiet(struct ashmem_region *region, int fd, uint32_t start, uint32_t end);

/* Purges the oldest range, if its stamp is not above @stamp_limit. 1: done, and *ret says which; 0:
 * there is none. */
int region_purge_oldest(
	struct ashmem_region *region, int fd, uint64_t stamp_limit, struct page_range *ret);

/* Purges the lowest range that can be and lies wholly inside [start, end). 1: done; 0: there is
 * none. */
int region_purge_inside(
	struct ashmem_region *region, int fd, uint32_t start, uint32_t end, struct page_range *ret);

#endif
