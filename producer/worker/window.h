/* A decoder's view of the memory it was given: its own window and nothing beside it. */
#ifndef WORKER_WINDOW_H
#define WORKER_WINDOW_H

#include <stddef.h>
#include <stdint.h>

struct window {
	uint8_t *pixels; /* mapped until the process ends */
	size_t length;
};

/* Maps @length bytes of @fd (borrowed) at @offset, both page-aligned; from 2 MiB on so that huge
 * pages fit. 0 or -errno. */
int window_map(int fd, uint64_t offset, uint64_t length, struct window *ret);

#endif
