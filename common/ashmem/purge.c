/* Purging a range of a memfd region: flag, announce, punch, take the announcement back. */
#include "common/ashmem/purge.h"

#include "common/ashmem/owner_lock.h"
#include "common/util.h"

#include <errno.h>
#include <fcntl.h>

/* Pins of a piece wait for it, so it shall take no longer than this. But a piece costs by itself as
 * much as a MiB of huge pages, of which 4 MiB take 10 us; of small ones that 16 processes have
 * mapped they take 2 ms. So time decides. */
#define PIECE_NS UINT64_C(2000000)
#define PIECE_BYTES_FIRST ((uint64_t)4 << 20)
/* And the least: a part of a huge page would split it. */
#define PIECE_BYTES_STEP ((uint64_t)2 << 20)
#define PIECE_BYTES_MAX ((uint64_t)1 << 30)
enum { PIECE_GROWTH = 8 }; /* a hole is quick, what comes behind it need not be */

static uint64_t next_piece(uint64_t bytes, uint64_t took_ns)
{
	uint64_t most = min_u64(bytes * PIECE_GROWTH, PIECE_BYTES_MAX);
	uint64_t fitting = bytes * PIECE_NS / max_u64(took_ns, 1);
	uint64_t next = min_u64(fitting, most);
	return max_u64(next - next % PIECE_BYTES_STEP, PIECE_BYTES_STEP);
}

/* Punches what is announced, which we own. The announcement shrinks as it goes, so that pins of
 * what is done already need not wait. */
static int punch_announced(struct ashmem_region *region, int fd, uint32_t start, uint32_t end)
{
	uint64_t page = page_bytes(), bytes = PIECE_BYTES_FIRST;
	int r = 0;
	while (start < end && r == 0) {
		uint32_t stop = start + (uint32_t)min_u64(end - start, bytes / page);
		uint64_t began_ns = monotonic_ns();
		if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(start * page),
			    (off_t)((stop - start) * page)) == 0) {
			bytes = next_piece((stop - start) * page, monotonic_ns() - began_ns);
			start = stop;
			/* release: who sees it need not wait for what is punched already. */
			__atomic_store_n(&region->block->punch_start, start, __ATOMIC_RELEASE);
			death_point();
		} else if (errno != EINTR) {
			r = -errno;
		}
	}
	int released = owner_lock_release(&region->block->punch);
	return r < 0 ? r : released;
}

static int finish_dead_punch(struct ashmem_region *region, int fd)
{
	uint32_t start = GET(region->block->punch_start), end = GET(region->block->punch_end);
	if (start > end || end > region->npages) {
		owner_lock_release(&region->block->punch);
		return -EBADMSG;
	}
	return punch_announced(region, fd, start, end);
}

static bool punch_overlaps(const struct ashmem_region *region, uint32_t start, uint32_t end)
{
	if (__atomic_load_n(&region->block->punch, __ATOMIC_ACQUIRE) == 0)
		return false;
	/* acquire: pairs with punch_announced. The end stays as long as we have the region's lock,
	 * under which it was written. */
	return start < GET(region->block->punch_end) &&
	       __atomic_load_n(&region->block->punch_start, __ATOMIC_ACQUIRE) < end;
}

int region_lock_quiet(struct ashmem_region *region, int fd, uint32_t start, uint32_t end)
{
	int r = region_lock(region);
	if (r < 0 || !punch_overlaps(region, start, end))
		return r;
	for (int64_t deadline = owner_lock_deadline();;) {
		uint64_t seen;
		r = region_unlock(region);
		if (r == 0)
			r = owner_lock_wait(&region->block->punch, deadline, &seen);
		if (r > 0 && owner_lock_take_over(&region->block->punch, seen))
			r = finish_dead_punch(region, fd);
		if (r >= 0)
			r = region_lock(region);
		if (r < 0 || !punch_overlaps(region, start, end))
			return r;
	}
}

/* As region_lock_quiet, for somebody who wants to announce a punch of its own. */
static int lock_to_punch(struct ashmem_region *region, int fd)
{
	for (int64_t deadline = owner_lock_deadline();;) {
		int r = region_lock(region);
		if (r < 0 || __atomic_load_n(&region->block->punch, __ATOMIC_ACQUIRE) == 0)
			return r;
		uint64_t seen;
		r = region_unlock(region);
		if (r == 0)
			r = owner_lock_wait(&region->block->punch, deadline, &seen);
		if (r > 0 && owner_lock_take_over(&region->block->punch, seen))
			r = finish_dead_punch(region, fd);
		if (r < 0)
			return r;
	}
}

/* Ends what lock_to_punch began: @found is 1 with a range, 0 without, or an error. */
static int purge_found(
	struct ashmem_region *region, int fd, int found, const struct page_range *range)
{
	if (found > 0) {
		int r = ranges_mark_purged(region, range);
		if (r < 0)
			found = r;
	}
	int r = region_unlock(region);
	if (found > 0 && r == 0)
		r = punch_announced(region, fd, range->start, range->end);
	return found < 0 || r == 0 ? found : r;
}

int region_purge_oldest(
	struct ashmem_region *region, int fd, uint64_t stamp_limit, struct page_range *ret)
{
	struct page_range range;
	int r = lock_to_punch(region, fd);
	if (r < 0)
		return r;
	r = ranges_oldest(region, &range);
	if (r > 0 && GET(region->nodes[range.index].stamp) > stamp_limit)
		r = 0;
	r = purge_found(region, fd, r, &range);
	if (r > 0)
		*ret = range;
	return r;
}

int region_purge_inside(
	struct ashmem_region *region, int fd, uint32_t start, uint32_t end, struct page_range *ret)
{
	struct page_range range = {.end = start};
	int r = lock_to_punch(region, fd);
	if (r < 0)
		return r;
	do {
		r = ranges_next(region, range.end, &range);
		if (r > 0 && range.end > end)
			r = 0;
	} while (r > 0 && (range.purged || range.start < start));
	r = purge_found(region, fd, r, &range);
	if (r > 0)
		*ret = range;
	return r;
}
