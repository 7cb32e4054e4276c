#include "borrowed.h"

void borrowed_remove(struct list *list, const size_t *gone, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < list->count; i++)
		if (!list_is_one_of(gone, count, i))
			list->paths[kept++] = list->paths[i];
	list->count = kept;
}
