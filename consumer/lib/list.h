/* list.h - an intrusive doubly linked list. A removed link is empty, so that removing twice is
 * harmless. */
#ifndef LIBMURAL_LIST_H
#define LIBMURAL_LIST_H

#include "common/util.h"

struct list {
	struct list *previous, *next;
};

static inline void list_init(struct list *list)
{
	list->previous = list->next = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *link)
{
	link->previous = list->previous;
	link->next = list;
	list->previous->next = link;
	list->previous = link;
}

static inline void list_remove(struct list *link)
{
	link->previous->next = link->next;
	link->next->previous = link->previous;
	list_init(link);
}

/* The first link, taken out; NULL when there is none. */
static inline struct list *list_take(struct list *list)
{
	if (list_empty(list))
		return NULL;
	struct list *first = list->next;
	list_remove(first);
	return first;
}

/* @item may be removed in the body, its successor may not. */
#define LIST_FOREACH(item, head)                                                                   \
	for (struct list *item = (head)->next, *item##_next = item->next; item != (head);          \
		item = item##_next, item##_next = item->next)

#endif
