/* heap.h - a pairing heap of nodes that lie inside their owners: what comes first is found at once,
 * anything is moved or removed in logarithmic time (amortised). It needs no memory of its own, so
 * that pushing never fails and a hundred empty ones cost nothing. */
#ifndef POOL_HEAP_H
#define POOL_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
	struct heap_node *child; /* the first of those that come after it */
	struct heap_node *next;  /* its sibling */
	struct heap_node *prev;  /* the sibling before it, or its parent; the first of all: itself.
				    NULL: in no heap */
};

struct heap {
	struct heap_node *top;
	size_t count;
	bool (*before)(struct heap_node *a, struct heap_node *b);
};

static inline bool heap_holds(const struct heap_node *node)
{
	return node->prev != NULL;
}

/* NULL when empty. */
static inline struct heap_node *heap_top(const struct heap *heap)
{
	return heap->top;
}

void heap_push(struct heap *heap, struct heap_node *node);
void heap_remove(struct heap *heap, struct heap_node *node);
/* What @node is ordered by has changed. */
void heap_update(struct heap *heap, struct heap_node *node);
/* Is the order right everywhere, and the count? For tests. */
bool heap_check(const struct heap *heap);

#endif
