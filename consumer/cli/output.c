/* Standard output in large pieces. Not stdio's: that hides which write failed, and copies once
 * more. */
#include "output.h"

#include "common/util.h"

#include <poll.h>
#include <string.h>

static int write_all(int fd, const unsigned char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN) {
			/* Standard output may be a non-blocking pipe that somebody else made. */
			struct pollfd writable = {.fd = fd, .events = POLLOUT};
			poll(&writable, 1, -1);
			continue;
		}
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return 0;
}

int output_flush(struct output *output)
{
	if (output->error == 0)
		output->error = write_all(output->fd, output->buffer, output->used);
	output->used = 0;
	return output->error;
}

void *output_room(struct output *output, size_t size)
{
	if (size > OUTPUT_BUFFER_SIZE - output->used)
		output_flush(output);
	return output->error == 0 ? output->buffer + output->used : NULL;
}

void output_filled(struct output *output, size_t size)
{
	output->used += size;
}

int output_write(struct output *output, const void *data, size_t size)
{
	if (output->error == 0 && size >= OUTPUT_BUFFER_SIZE) {
		output_flush(output);
		if (output->error == 0)
			output->error = write_all(output->fd, data, size);
		return output->error;
	}
	void *room = output_room(output, size);
	if (room) {
		memcpy(room, data, size);
		output_filled(output, size);
	}
	return output->error;
}
