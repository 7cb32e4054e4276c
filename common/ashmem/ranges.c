/* The unpinned ranges of a region. They are disjoint and few operations touch many of them, so a
 * treap keeps each at the cost of a logarithm; a list through the same nodes keeps the order in
 * which they were unpinned.
 *
 * Everything read here may have been written by an enemy: an index is checked where it is followed,
 * a depth is bounded, a list is entered only where both neighbours agree. A wrong answer about a
 * region that somebody has damaged is acceptable, a walk out of it or without end is not. */
#include "common/ashmem/ranges.h"

#include "common/ashmem/owner_lock.h"
#include "common/util.h"

#include <errno.h>

#define MAX_DEPTH 512 /* 2^32 nodes are below 130 deep but for one chance in a billion */

/* Stores before it are seen by whoever finds the mark of an unfinished edit: the writer may die,
 * the memory does not, so the order of the program is all that is needed. */
#define PROGRAM_ORDER() __atomic_signal_fence(__ATOMIC_SEQ_CST)

static void begin_edit(struct ashmem_block *block)
{
	PUT(block->edit, GET(block->edit) | 1);
	PROGRAM_ORDER();
}

static void end_edit(struct ashmem_block *block)
{
	PROGRAM_ORDER();
	PUT(block->edit, GET(block->edit) + 1);
}

static struct ashmem_node *node_at(const struct ashmem_region *region, uint32_t index)
{
	return index - 1 < region->npages ? &region->nodes[index] : NULL;
}

static int read_range(const struct ashmem_region *region, uint32_t index, struct page_range *ret)
{
	struct ashmem_node *node = node_at(region, index);
	if (!node)
		return -EBADMSG;
	uint32_t state = GET(node->state);
	*ret = (struct page_range){
		.index = index,
		.start = GET(node->start),
		.end = GET(node->end),
		.purged = state == ASHMEM_NODE_PURGED,
	};
	if (ret->start >= ret->end || ret->end > region->npages ||
		(state != ASHMEM_NODE_LIVE && !ret->purged))
		return -EBADMSG;
	return 0;
}

/* --- The treap --- */

static uint32_t priority(const struct ashmem_region *region, uint32_t index)
{
	uint32_t h = index ^ GET(region->block->seed);
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

int ranges_next(struct ashmem_region *region, uint32_t page, struct page_range *ret)
{
	uint32_t index = GET(region->block->root);
	bool found = false;
	for (int depth = 0; index != 0; depth++) {
		struct page_range range;
		if (depth > MAX_DEPTH || read_range(region, index, &range) < 0)
			return -EBADMSG;
		if (range.end > page) {
			*ret = range;
			found = true;
			index = GET(region->nodes[index].left);
		} else {
			index = GET(region->nodes[index].right);
		}
	}
	return found;
}

/* Hangs the new node @index where its priority puts it, and splits what was below into what is left
 * and right of @start. */
static int treap_insert(struct ashmem_region *region, uint32_t index, uint32_t start)
{
	uint32_t *link = &region->block->root, rank = priority(region, index), below;
	int depth = 0;
	struct ashmem_node *node;
	while ((below = GET(*link)) != 0 && priority(region, below) >= rank) {
		node = node_at(region, below);
		if (!node || ++depth > MAX_DEPTH)
			return -EBADMSG;
		link = start < GET(node->start) ? &node->left : &node->right;
	}
	PUT(*link, index);
	uint32_t *less = &region->nodes[index].left, *more = &region->nodes[index].right;
	for (; below != 0; depth++) {
		node = node_at(region, below);
		if (!node || depth > MAX_DEPTH)
			return -EBADMSG;
		if (GET(node->start) < start) {
			PUT(*less, below);
			less = &node->right;
			below = GET(node->right);
		} else {
			PUT(*more, below);
			more = &node->left;
			below = GET(node->left);
		}
	}
	PUT(*less, 0);
	PUT(*more, 0);
	return 0;
}

/* Puts into *@link the union of two subtrees, all of @less being below all of @more. */
static int treap_join(struct ashmem_region *region, uint32_t *link, uint32_t less, uint32_t more)
{
	for (int depth = 0; less != 0 && more != 0; depth++) {
		struct ashmem_node *low = node_at(region, less), *high = node_at(region, more);
		if (!low || !high || depth > MAX_DEPTH)
			return -EBADMSG;
		if (priority(region, less) >= priority(region, more)) {
			PUT(*link, less);
			link = &low->right;
			less = GET(low->right);
		} else {
			PUT(*link, more);
			link = &high->left;
			more = GET(high->left);
		}
	}
	PUT(*link, less ? less : more);
	return 0;
}

static int treap_remove(struct ashmem_region *region, const struct page_range *range)
{
	uint32_t *link = &region->block->root, index;
	for (int depth = 0; (index = GET(*link)) != range->index; depth++) {
		struct ashmem_node *node = node_at(region, index);
		if (!node || depth > MAX_DEPTH)
			return -EBADMSG;
		link = range->start < GET(node->start) ? &node->left : &node->right;
	}
	struct ashmem_node *node = &region->nodes[index];
	return treap_join(region, link, GET(node->left), GET(node->right));
}

/* --- The list, oldest first --- */

static int note_oldest(struct ashmem_region *region)
{
	uint32_t head = GET(region->block->lru_head);
	struct ashmem_node *node = node_at(region, head);
	if (head != 0 && !node)
		return -EBADMSG;
	PUT(region->block->oldest, head ? GET(node->stamp) : UINT64_MAX);
	return 0;
}

static int lru_append(struct ashmem_region *region, uint32_t index, uint32_t pages)
{
	struct ashmem_block *block = region->block;
	struct ashmem_node *node = &region->nodes[index];
	uint64_t now = monotonic_ns(), last = GET(block->last_stamp),
		 stamp = now > last ? now : last + 1;
	uint32_t tail = GET(block->lru_tail);
	struct ashmem_node *before = node_at(region, tail);
	if (tail != 0 && (!before || GET(before->next) != 0))
		return -EBADMSG;
	PUT(node->stamp, stamp);
	PUT(node->prev, tail);
	PUT(node->next, 0);
	if (tail != 0)
		PUT(before->next, index);
	else
		PUT(block->lru_head, index);
	PUT(block->lru_tail, index);
	PUT(block->last_stamp, stamp);
	PUT(block->lru_pages, GET(block->lru_pages) + pages);
	return tail == 0 ? note_oldest(region) : 0;
}

static int lru_unlink(struct ashmem_region *region, uint32_t index, uint32_t pages)
{
	struct ashmem_block *block = region->block;
	struct ashmem_node *node = &region->nodes[index];
	uint32_t prev = GET(node->prev), next = GET(node->next);
	uint32_t *to_here = &block->lru_head, *back_here = &block->lru_tail;
	if (prev != 0) {
		if (!node_at(region, prev))
			return -EBADMSG;
		to_here = &region->nodes[prev].next;
	}
	if (next != 0) {
		if (!node_at(region, next))
			return -EBADMSG;
		back_here = &region->nodes[next].prev;
	}
	if (GET(*to_here) != index || GET(*back_here) != index)
		return -EBADMSG;
	PUT(*to_here, next);
	PUT(*back_here, prev);
	PUT(block->lru_pages, GET(block->lru_pages) - pages);
	return prev == 0 ? note_oldest(region) : 0;
}

int ranges_oldest(struct ashmem_region *region, struct page_range *ret)
{
	uint32_t head = GET(region->block->lru_head);
	struct page_range range;
	if (head == 0)
		return 0;
	if (read_range(region, head, &range) < 0 || range.purged)
		return -EBADMSG;
	*ret = range;
	return 1;
}

/* --- Whole ranges --- */

static void forget_all(struct ashmem_block *block)
{
	PUT(block->root, 0);
	PUT(block->free_head, 0);
	PUT(block->used_nodes, 0);
	PUT(block->count, 0);
	PUT(block->purged_count, 0);
	PUT(block->lru_head, 0);
	PUT(block->lru_tail, 0);
	PUT(block->lru_pages, 0);
	PUT(block->oldest, UINT64_MAX);
}

static int take_node(struct ashmem_region *region, uint32_t *ret_index)
{
	struct ashmem_block *block = region->block;
	uint32_t index = GET(block->free_head);
	if (index == 0) {
		index = GET(block->used_nodes) + 1;
		if (!node_at(region, index))
			return -EBADMSG; /* there are as many nodes as pages: never too few */
		PUT(block->used_nodes, index);
	} else {
		struct ashmem_node *node = node_at(region, index);
		if (!node || GET(node->state) != ASHMEM_NODE_FREE)
			return -EBADMSG;
		PUT(block->free_head, GET(node->left));
	}
	*ret_index = index;
	return 0;
}

/* Before an edit that takes a node more than it frees, so that it need not fail in the middle. Of a
 * node that was never used the last word may be the first in its page. */
static int have_room(struct ashmem_region *region)
{
	const struct ashmem_block *block = region->block;
	if (GET(block->free_head) != 0)
		return 0;
	struct ashmem_node *node = node_at(region, GET(block->used_nodes) + 1);
	if (!node)
		return 0; /* take_node will tell */
	size_t end = (size_t)((const char *)(node + 1) - (const char *)block);
	if ((end - 1) % page_bytes() >= sizeof(*node))
		return 0;
	return ashmem_make_page(&node->unused);
}

/* The new range becomes the youngest, unless it is purged already. */
static int add_range(struct ashmem_region *region, uint32_t start, uint32_t end, bool purged)
{
	struct ashmem_block *block = region->block;
	uint32_t index;
	int r = take_node(region, &index);
	if (r < 0)
		return r;
	struct ashmem_node *node = &region->nodes[index];
	PUT(node->start, start);
	PUT(node->end, end);
	PUT(node->state, purged ? ASHMEM_NODE_PURGED : ASHMEM_NODE_LIVE);
	r = treap_insert(region, index, start);
	if (r < 0)
		return r;
	PUT(block->count, GET(block->count) + 1);
	if (!purged)
		return lru_append(region, index, end - start);
	PUT(block->purged_count, GET(block->purged_count) + 1);
	return 0;
}

static int drop_range(struct ashmem_region *region, const struct page_range *range)
{
	struct ashmem_block *block = region->block;
	struct ashmem_node *node = &region->nodes[range->index];
	int r = treap_remove(region, range);
	if (r == 0 && !range->purged)
		r = lru_unlink(region, range->index, range->end - range->start);
	if (r < 0)
		return r;
	if (range->purged)
		PUT(block->purged_count, GET(block->purged_count) - 1);
	PUT(block->count, GET(block->count) - 1);
	PUT(node->state, ASHMEM_NODE_FREE);
	PUT(node->left, GET(block->free_head));
	PUT(block->free_head, range->index);
	return 0;
}

/* Takes [start, end) out of @range, which overlaps it: all, the front, the rear, or the middle.
 * What stays keeps its flag and its place in the list; of two parts the lower does, and the upper
 * one is young (A50). */
static int cut_range(
	struct ashmem_region *region, const struct page_range *range, uint32_t start, uint32_t end)
{
	struct ashmem_block *block = region->block;
	struct ashmem_node *node = &region->nodes[range->index];
	bool front_stays = range->start<start, rear_stays = range->end> end;
	if (!front_stays && !rear_stays)
		return drop_range(region, range);
	if (front_stays)
		PUT(node->end, start);
	else
		PUT(node->start, end);
	if (!range->purged) {
		uint32_t kept = front_stays ? start - range->start : range->end - end;
		PUT(block->lru_pages, GET(block->lru_pages) - (range->end - range->start - kept));
	}
	return front_stays && rear_stays ? add_range(region, end, range->end, range->purged) : 0;
}

/* --- The operations --- */

static int start_afresh(struct ashmem_region *region)
{
	struct ashmem_block *block = region->block;
	begin_edit(block);
	forget_all(block);
	int r = region->npages ? add_range(region, 0, region->npages, true) : 0;
	if (r < 0)
		return r;
	end_edit(block);
	return 0;
}

int region_lock(struct ashmem_region *region)
{
	int r = owner_lock_acquire(&region->block->lock);
	if (r < 0)
		return r;
	if (GET(region->block->edit) & 1) {
		r = start_afresh(region);
		if (r < 0) {
			owner_lock_release(&region->block->lock);
			return r;
		}
	}
	return 0;
}

int region_unlock(struct ashmem_region *region)
{
	return owner_lock_release(&region->block->lock);
}

static bool is_whole(const struct ashmem_region *region, uint32_t start, uint32_t end)
{
	return start == 0 && end == region->npages;
}

/* Removes all that is unpinned between the two pages. 1: some of it was purged. */
static int clear_pages(struct ashmem_region *region, uint32_t start, uint32_t end)
{
	struct page_range range;
	int purged = 0, r;
	if (is_whole(region, start, end)) {
		purged = GET(region->block->purged_count) != 0;
		forget_all(region->block);
		return purged;
	}
	/* The next one is sought behind the last one's end, so that even a damaged tree is done
	 * after npages steps. */
	for (uint32_t page = start;
		(r = ranges_next(region, page, &range)) > 0 && range.start < end;
		page = range.end) {
		purged |= range.purged;
		r = cut_range(region, &range, start, end);
		if (r < 0 || range.end >= end)
			break;
	}
	return r < 0 ? r : purged;
}

int ranges_pin(struct ashmem_region *region, uint32_t start, uint32_t end)
{
	struct page_range range;
	int r = ranges_next(region, start, &range);
	if (r <= 0 || range.start >= end)
		return r < 0 ? r : 0;
	r = range.start < start && range.end > end ? have_room(region) : 0;
	if (r < 0)
		return r;
	begin_edit(region->block);
	r = clear_pages(region, start, end);
	if (r < 0)
		return r;
	end_edit(region->block);
	return r;
}

/* [start, end) grown by the ranges that reach over its ends. */
static int grow_over_neighbours(struct ashmem_region *region, uint32_t *start, uint32_t *end)
{
	struct page_range range;
	uint32_t first = *start, last = *end;
	int r = ranges_next(region, first, &range);
	if (r > 0 && range.start < first)
		*start = range.start;
	if (r >= 0)
		r = ranges_next(region, last - 1, &range);
	if (r > 0 && range.start < last)
		*end = range.end;
	return r < 0 ? r : 0;
}

int ranges_unpin(struct ashmem_region *region, uint32_t start, uint32_t end)
{
	struct page_range range;
	int r = ranges_next(region, start, &range);
	if (r < 0 || (r > 0 && range.start <= start && range.end >= end))
		return r < 0 ? r : 0;
	int overlaps = r > 0 && range.start < end;
	r = overlaps ? 0 : have_room(region);
	if (r < 0)
		return r;
	begin_edit(region->block);
	if (overlaps) {
		r = grow_over_neighbours(region, &start, &end);
		if (r == 0)
			r = clear_pages(region, start, end);
	}
	if (r >= 0)
		r = add_range(region, start, end, overlaps && r > 0);
	if (r < 0)
		return r;
	end_edit(region->block);
	return 0;
}

int ranges_status(struct ashmem_region *region, uint32_t start, uint32_t end)
{
	struct page_range range;
	int r = ranges_next(region, start, &range);
	if (r < 0)
		return r;
	return r > 0 && range.start < end ? ASHMEM_IS_UNPINNED : ASHMEM_IS_PINNED;
}

int ranges_mark_purged(struct ashmem_region *region, const struct page_range *range)
{
	struct ashmem_block *block = region->block;
	begin_edit(block);
	int r = lru_unlink(region, range->index, range->end - range->start);
	if (r < 0)
		return r;
	PUT(region->nodes[range->index].state, ASHMEM_NODE_PURGED);
	PUT(block->purged_count, GET(block->purged_count) + 1);
	PUT(block->punch_start, range->start);
	PUT(block->punch_end, range->end);
	PROGRAM_ORDER();
	owner_lock_claim(&block->punch);
	end_edit(block);
	return 0;
}
