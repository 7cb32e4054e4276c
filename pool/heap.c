/* See heap.h. */
#include "heap.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int heap_reserve(struct heap *heap, size_t count)
{
	if (count <= heap->room)
		return 0;
	struct heap_node **larger = reallocarray(heap->node, count, sizeof(struct heap_node *));
	if (!larger)
		return -ENOMEM;
	heap->node = larger;
	heap->room = count;
	return 0;
}

void heap_fini(struct heap *heap)
{
	free(heap->node);
	heap->node = NULL;
}

static void put(struct heap *heap, size_t index, struct heap_node *node)
{
	heap->node[index] = node;
	node->place = index + 1;
}

static void move_up(struct heap *heap, size_t index)
{
	struct heap_node *node = heap->node[index];
	while (index > 0 && heap->before(node, heap->node[(index - 1) / 2])) {
		put(heap, index, heap->node[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	put(heap, index, node);
}

static void move_down(struct heap *heap, size_t index)
{
	struct heap_node *node = heap->node[index];
	for (size_t child; (child = 2 * index + 1) < heap->count; index = child) {
		if (child + 1 < heap->count &&
			heap->before(heap->node[child + 1], heap->node[child]))
			child++;
		if (!heap->before(heap->node[child], node))
			break;
		put(heap, index, heap->node[child]);
	}
	put(heap, index, node);
}

void heap_push(struct heap *heap, struct heap_node *node)
{
	assert(heap->count < heap->room && !heap_holds(node));
	put(heap, heap->count++, node);
	move_up(heap, heap->count - 1);
}

void heap_update(struct heap *heap, struct heap_node *node)
{
	move_up(heap, node->place - 1);
	move_down(heap, node->place - 1);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t index = node->place - 1;
	struct heap_node *last = heap->node[--heap->count];
	node->place = 0;
	if (last == node)
		return;
	put(heap, index, last);
	heap_update(heap, last);
}

bool heap_check(const struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++) {
		if (heap->node[i]->place != i + 1 ||
			(i > 0 && heap->before(heap->node[i], heap->node[(i - 1) / 2])))
			return false;
	}
	return true;
}
