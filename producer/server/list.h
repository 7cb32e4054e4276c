/* producer/server/list.h - an intrusive doubly linked list; a node that is in no list points at
 * itself. */
#ifndef PRODUCER_SERVER_LIST_H
#define PRODUCER_SERVER_LIST_H

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

/* Fine for a node that is in no list. */
static inline void list_remove(struct list *node)
{
	node->previous->next = node->next;
	node->next->previous = node->previous;
	list_init(node);
}

#define list_item(node, type, member) CONTAINER_OF(node, type, member)

/* The body may remove the current node, and no other. */
#define list_for_each(node, head)                                                                  \
	for (struct list *node = (head)->next, *node##_next = node->next; node != (head);          \
		node = node##_next, node##_next = node->next)

#endif
