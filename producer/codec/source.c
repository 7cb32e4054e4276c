/* Reading by position: the descriptor's own offset belongs to whoever else holds it, and is never
 * moved. */
#include "producer/codec.h"

#include <errno.h>
#include <unistd.h>

int64_t source_read(struct source *source, void *buffer, size_t size)
{
	size_t filled = 0;
	if (source->next) {
		if (source->position >= source->end)
			source->next(source);
		if (size > source->end - source->position)
			size = (size_t)(source->end - source->position);
	}
	while (filled < size) {
		ssize_t got = pread(source->fd, (uint8_t *)buffer + filled, size - filled,
			(off_t)source->position);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		filled += (size_t)got;
		source->position += (uint64_t)got;
	}
	return (int64_t)filled;
}
