/* heads.h - the first pages of all boards once more, side by side. To count what is pinned, the
 * pool looks at the flags on every board. Through the boards themselves, each a mapping of 64 MiB,
 * each such look first fetches page tables that are its own; here 512 boards share them. */
#ifndef POOL_HEADS_H
#define POOL_HEADS_H

#include "common/board.h"

#define HEADS_BLOCK 64u /* boards whose heads are mapped together */

struct heads {
	char **block; /* owned array; each HEADS_BLOCK pages, of which some are mapped */
	uint32_t blocks;
	size_t page;
};

/* Maps the head of the board in @fd, as number @index of all. -ENOMEM, or as mmap. */
int heads_map(struct heads *heads, uint32_t index, int fd);
/* No longer; its number may be used again. */
void heads_unmap(struct heads *heads, uint32_t index);
void heads_fini(struct heads *heads);

static inline struct board_head *heads_at(const struct heads *heads, uint32_t index)
{
	return (struct board_head *)(void *)(heads->block[index / HEADS_BLOCK] +
					     index % HEADS_BLOCK * heads->page);
}

#endif
