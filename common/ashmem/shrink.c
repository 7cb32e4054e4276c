/* Purging over all the regions that this process holds, oldest range first.
 *
 * What a process holds is what /proc/self/fd lists: no table of ours can be as right about dup,
 * fork, close and descriptors that came over a socket, and none can keep a region alive. A look at
 * a region is one read of its header; only those that are taken are mapped. */
#include "common/ashmem/driver.h"
#include "common/ashmem/purge.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct held {
	int fd;
	dev_t dev;
	ino_t ino;
	uint64_t oldest; /* when its oldest purgeable range was unpinned; the heap's key */
};

struct heap {
	struct held *items; /* a binary heap: the oldest is items[0] */
	size_t count, room;
};

/* --- Finding them --- */

static bool look(int fd, struct held *ret)
{
	struct stat st;
	struct ashmem_block block;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (flags & O_ACCMODE) != O_RDWR || fstat(fd, &st) < 0 ||
		ashmem_region_peek(fd, &st, &block) < 0)
		return false;
	*ret = (struct held){.fd = fd, .dev = st.st_dev, .ino = st.st_ino, .oldest = block.oldest};
	return block.oldest != UINT64_MAX;
}

static bool append(struct heap *heap, const struct held *item)
{
	if (heap->count == heap->room) {
		size_t room = heap->room ? heap->room * 2 : 64;
		struct held *items = reallocarray(heap->items, room, sizeof(*items));
		if (!items)
			return false;
		heap->items = items;
		heap->room = room;
	}
	heap->items[heap->count++] = *item;
	return true;
}

static int by_file(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->dev < y->dev ? -1 : x->dev > y->dev;
}

/* A region that has several descriptors would be opened for each in turn. */
static void drop_duplicates(struct heap *heap)
{
	size_t kept = 0;
	qsort(heap->items, heap->count, sizeof(*heap->items), by_file);
	for (size_t i = 0; i < heap->count; i++)
		if (kept == 0 || by_file(&heap->items[kept - 1], &heap->items[i]) != 0)
			heap->items[kept++] = heap->items[i];
	heap->count = kept;
}

static void sift_down(struct heap *heap, size_t at)
{
	for (;;) {
		size_t least = at;
		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->count; child++)
			if (heap->items[child].oldest < heap->items[least].oldest)
				least = child;
		if (least == at)
			return;
		struct held item = heap->items[at];
		heap->items[at] = heap->items[least];
		heap->items[least] = item;
		at = least;
	}
}

static void find_held(struct heap *heap)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return;
	struct dirent *entry;
	struct held item;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && look(atoi(entry->d_name), &item) &&
			!append(heap, &item))
			break; /* no memory: do with those that were found */
	closedir(dir);
	if (heap->count == 0)
		return;
	drop_duplicates(heap);
	for (size_t i = heap->count / 2; i-- > 0;)
		sift_down(heap, i);
}

/* --- Taking from one --- */

/* Our own duplicate, since another thread may close the number and open something else under it at
 * any time. */
static int open_held(const struct held *item, struct ashmem_region *ret)
{
	struct stat st;
	int fd = fcntl(item->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_dev == item->dev && st.st_ino == item->ino &&
		ashmem_region_map(fd, &st, ret) == 0)
		return fd;
	close(fd);
	return -1;
}

struct taken {
	size_t bytes;
	uint64_t pages;
	uint64_t oldest; /* of what is left */
};

static size_t fallen(int fd, blkcnt_t *blocks, uint64_t most)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return 0;
	uint64_t bytes = st.st_blocks < *blocks ? (uint64_t)(*blocks - st.st_blocks) * 512 : 0;
	*blocks = st.st_blocks;
	return (size_t)min_u64(SIZE_MAX, min_u64(bytes, most));
}

/* Purges ranges not younger than @limit until @want bytes are free. What a range frees is only
 * known afterwards, so it is asked as soon as it could be enough. */
static void take(
	struct ashmem_region *region, int fd, uint64_t limit, size_t want, struct taken *ret)
{
	struct page_range range;
	struct stat st;
	uint64_t most = 0;
	int r = 0;
	if (fstat(fd, &st) < 0)
		return;
	while (ret->bytes < want && (r = region_purge_oldest(region, fd, limit, &range)) > 0) {
		ret->pages += range.end - range.start;
		most += (range.end - range.start) * (uint64_t)page_bytes();
		if (most >= want - ret->bytes) {
			ret->bytes += fallen(fd, &st.st_blocks, most);
			most = 0;
		}
	}
	ret->bytes += fallen(fd, &st.st_blocks, most);
	ret->oldest = r < 0 ? UINT64_MAX : GET(region->block->oldest);
}

/* --- The calls --- */

/* Takes from the region with the oldest range, as long as no other has an older one. */
static void take_from_first(struct heap *heap, size_t want, struct taken *total)
{
	struct held *first = &heap->items[0];
	struct ashmem_region region;
	struct taken taken = {.oldest = UINT64_MAX};
	uint64_t limit = UINT64_MAX;
	for (size_t child = 1; child <= 2 && child < heap->count; child++)
		if (heap->items[child].oldest < limit)
			limit = heap->items[child].oldest;
	int fd = open_held(first, &region);
	if (fd >= 0) {
		take(&region, fd, limit, want, &taken);
		ashmem_region_unmap(&region);
		close(fd);
	}
	total->bytes += taken.bytes;
	total->pages += taken.pages;
	/* A region that gave nothing although it was the oldest is lying or contended: it is not
	 * asked again. */
	if (taken.pages == 0 || taken.oldest == UINT64_MAX)
		*first = heap->items[--heap->count];
	else
		first->oldest = taken.oldest;
	sift_down(heap, 0);
}

static struct taken take_from_all(size_t want)
{
	struct heap heap = {0};
	struct taken total = {0};
	find_held(&heap);
	while (heap.count > 0 && total.bytes < want)
		take_from_first(&heap, want - total.bytes, &total);
	free(heap.items);
	return total;
}

size_t ashmem_shrink(size_t bytes)
{
	return take_from_all(bytes).bytes;
}

long ashmem_purge_held(void)
{
	return (long)take_from_all(SIZE_MAX).pages;
}
