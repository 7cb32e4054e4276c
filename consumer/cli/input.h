/* Standard input as a source of pictures. */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include <stdint.h>

/* A descriptor of @fd's content that can be read from any place, which the caller owns: the file
 * itself, or, of a pipe or a socket, all that comes until its end, kept in memory.
 * -EBADF: it is closed, or open for writing alone. -EFBIG: more than @limit_bytes came. -ENOMEM;
 * errors of read. */
int input_open(int fd, uint64_t limit_bytes, int *ret_fd);

#endif
