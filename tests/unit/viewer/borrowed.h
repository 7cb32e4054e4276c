/* A list of names that are not its own: list_remove would free them. */
#ifndef VIEWER_BORROWED_H
#define VIEWER_BORROWED_H

#include "viewer/list.h"

/* As list_remove. */
void borrowed_remove(struct list *list, const size_t *gone, size_t count);

#endif
