/* See heap.h. Everything is a loop: a heap that was only pushed to is as deep as it is large. */
#include "heap.h"

#include <assert.h>

/* Two heaps become one; neither root has siblings any more. */
static struct heap_node *meld(const struct heap *heap, struct heap_node *a, struct heap_node *b)
{
	if (!a || !b)
		return a ? a : b;
	struct heap_node *first = heap->before(b, a) ? b : a;
	struct heap_node *second = first == a ? b : a;
	second->prev = first;
	second->next = first->child;
	if (first->child)
		first->child->prev = second;
	first->child = second;
	first->next = NULL;
	return first;
}

/* A list of siblings becomes one heap: in pairs from the left, then all pairs from the right, which
 * is what makes it logarithmic. */
static struct heap_node *meld_all(const struct heap *heap, struct heap_node *list)
{
	struct heap_node *pairs = NULL, *all = NULL;
	while (list) {
		struct heap_node *a = list, *b = a->next;
		list = b ? b->next : NULL;
		a->next = NULL;
		if (b)
			b->next = NULL;
		a = meld(heap, a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs) {
		struct heap_node *next = pairs->next;
		pairs->next = NULL;
		all = meld(heap, all, pairs);
		pairs = next;
	}
	return all;
}

static void set_top(struct heap *heap, struct heap_node *top)
{
	heap->top = top;
	if (top)
		top->prev = top;
}

void heap_push(struct heap *heap, struct heap_node *node)
{
	assert(!heap_holds(node));
	*node = (struct heap_node){0};
	heap->count++;
	set_top(heap, meld(heap, heap->top, node));
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	struct heap_node *rest = meld_all(heap, node->child);
	if (node == heap->top) {
		set_top(heap, rest);
	} else {
		if (node->prev->child == node)
			node->prev->child = node->next;
		else
			node->prev->next = node->next;
		if (node->next)
			node->next->prev = node->prev;
		set_top(heap, meld(heap, heap->top, rest));
	}
	*node = (struct heap_node){0};
	heap->count--;
}

void heap_update(struct heap *heap, struct heap_node *node)
{
	heap_remove(heap, node);
	heap_push(heap, node);
}

static struct heap_node *parent_of(struct heap_node *node)
{
	while (node->prev->child != node)
		node = node->prev;
	return node->prev;
}

/* The next one in a walk that meets parents before their children; NULL: that was the last. */
static struct heap_node *walk(const struct heap *heap, struct heap_node *node)
{
	if (node->child)
		return node->child;
	while (node != heap->top && !node->next)
		node = parent_of(node);
	return node == heap->top ? NULL : node->next;
}

bool heap_check(const struct heap *heap)
{
	size_t count = 0;
	for (struct heap_node *node = heap->top; node; node = walk(heap, node)) {
		count++;
		if (!heap_holds(node) || (node->child && (node->child->prev != node)) ||
			(node->next && node->next->prev != node))
			return false;
		if (node != heap->top && heap->before(node, parent_of(node)))
			return false;
	}
	return count == heap->count;
}
