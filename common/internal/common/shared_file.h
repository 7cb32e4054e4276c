/* common/shared_file.h - a sealed memfd for tables that two processes map. (Regions of pixels are
 * ashmem's.) */
#ifndef COMMON_SHARED_FILE_H
#define COMMON_SHARED_FILE_H

#include <stddef.h>
#include <stdint.h>

/* A sparse file of @size bytes that nobody can resize (seals SHRINK, GROW, SEAL). The caller owns
 * the descriptor. -errno. */
int shared_file_create(const char *name, size_t size);

/* The same file, opened read-only, mode 0400: to be given away. The caller owns the result. -errno.
 */
int shared_file_readonly(int fd);

/* Can a received file of at least @size bytes be mapped without fear of SIGBUS?
 * -EPERM: not sealed against shrinking, or not a memfd.  -EBADMSG: shorter.  -errno. */
int shared_file_check(int fd, uint64_t size);

#endif
