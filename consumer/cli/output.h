/* cli/output.h - standard output in large pieces; the first error stays. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <stddef.h>

#define OUTPUT_BUFFER_SIZE (256 * 1024) /* four times a pipe's, so that few calls carry much */

struct output {
	int fd;
	int error; /* the first -errno; what follows is dropped */
	size_t used;
	unsigned char buffer[OUTPUT_BUFFER_SIZE];
};

/* Copies @size bytes, writing what is full. Returns output->error. */
int output_write(struct output *output, const void *data, size_t size);

/* Room for @size bytes (at most OUTPUT_BUFFER_SIZE) to be filled in place and then told by
 * output_filled; NULL: an error. */
void *output_room(struct output *output, size_t size);
void output_filled(struct output *output, size_t size);

/* Writes what is left. Returns output->error. */
int output_flush(struct output *output);

#endif
