/* common/ashmem/attachment.h - control blocks that stay mapped, found again by file.
 *
 * A mapped block keeps its region alive, data and all. So a block stays mapped only while something
 * of the user's does the same: a handle, or a mapping by ashmem_mmap. Calls on a descriptor use
 * what is there, and otherwise map the block for the one call. While a block is mapped its file's
 * number is not used again, so the number alone identifies it. */
#ifndef COMMON_ASHMEM_ATTACHMENT_H
#define COMMON_ASHMEM_ATTACHMENT_H

#include "common/ashmem/block.h"

#include <stddef.h>
#include <sys/stat.h>

struct attachment {
	struct ashmem_region region;
	struct attachment *next; /* of those with the same hash */
	size_t users;            /* handles, mappings, and calls under way */
};

/* The attachment of @fd's file, made if need be; one user more. Errors of ashmem_region_map,
 * -ENOMEM. */
int attachment_get(int fd, const struct stat *st, struct attachment **ret);

/* The same if it is there already and @fd may use it, else NULL. */
struct attachment *attachment_find(int fd, const struct stat *st);

void attachment_put(struct attachment *attachment);

/* Remembers that [at, at + length) keeps an attachment in use, until ashmem_munmap takes the last
 * of it away. Takes over the caller's use. */
void attachment_note_mapping(struct attachment *attachment, void *at, size_t length);

/* Whatever was known to be mapped in [at, at + length) no longer is. */
void attachment_forget_mapping(void *at, size_t length);

#endif
