/* list.h - a doubly linked ring through its members. An empty list, and a member of none, points to
 * itself. */
#ifndef POOL_LIST_H
#define POOL_LIST_H

#include <stdbool.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *list)
{
	list->next = list;
	list->prev = list;
}

static inline bool list_empty(const struct list *list)
{
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *member)
{
	member->prev = list->prev;
	member->next = list;
	list->prev->next = member;
	list->prev = member;
}

static inline void list_remove(struct list *member)
{
	member->prev->next = member->next;
	member->next->prev = member->prev;
	list_init(member);
}

#endif
