/* Closing what a process does not need. */
#include "descriptors.h"

#include "common/util.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_MAX 8

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int descriptors_keep_only(const int *keep, size_t count)
{
	int sorted[KEEP_MAX];
	if (count > KEEP_MAX)
		return -EINVAL;
	memcpy(sorted, keep, count * sizeof(*keep));
	qsort(sorted, count, sizeof(*sorted), compare);
	unsigned first = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned fd = (unsigned)sorted[i];
		if (fd > first && close_range(first, fd - 1, 0) < 0)
			return -errno;
		first = fd + 1;
	}
	return close_range(first, UINT_MAX, 0) < 0 ? -errno : 0;
}
