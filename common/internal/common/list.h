/* common/list.h - an intrusive doubly linked list. A node that is in no list points at itself, so
 * that removing twice is harmless. */
#ifndef COMMON_LIST_H
#define COMMON_LIST_H

#include "common/util.h"

struct list {
	struct list *previous, *next;
};

static inline void list_init(struct list *node)
{
	node->previous = node->next = node;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void list_append(struct list *head, struct list *node)
{
	node->previous = head->previous;
	node->next = head;
	head->previous->next = node;
	head->previous = node;
}

static inline void list_remove(struct list *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	list_init(node);
}

/* The first node, taken out; NULL when there is none. */
static inline struct list *list_take(struct list *head)
{
	if (list_empty(head))
		return NULL;
	struct list *first = head->next;
	list_remove(first);
	return first;
}

#define list_item(node, type, member) CONTAINER_OF(node, type, member)

/* The body may remove the current node, and no other. */
#define list_for_each(node, head)                                                                  \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

#endif
