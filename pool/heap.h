/* heap.h - a binary heap of nodes that lie inside their owners: what comes first is found at once,
 * anything is moved or removed in logarithmic time. Room is reserved ahead, so that pushing never
 * fails. */
#ifndef POOL_HEAP_H
#define POOL_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
	size_t place; /* index + 1; 0: in no heap */
};

struct heap {
	struct heap_node **node;
	size_t count, room;
	bool (*before)(struct heap_node *a, struct heap_node *b);
};

/* Room for @count nodes in all. -ENOMEM. */
int heap_reserve(struct heap *heap, size_t count);
void heap_fini(struct heap *heap);

static inline bool heap_holds(const struct heap_node *node)
{
	return node->place != 0;
}

/* NULL when empty. */
static inline struct heap_node *heap_top(const struct heap *heap)
{
	return heap->count > 0 ? heap->node[0] : NULL;
}

void heap_push(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);
/* What @node is ordered by has changed. */
void heap_update(struct heap *heap, struct heap_node *node);
/* Is the order right everywhere? For tests. */
bool heap_check(const struct heap *heap);

#endif
