/* Closing what a process does not need. */
#ifndef WORKER_DESCRIPTORS_H
#define WORKER_DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor but these (at most 8, in any order). 0 or -errno: then some may still be
 * open. */
int descriptors_keep_only(const int *keep, size_t count);

#endif
