/* common/ashmem/block.h - the control block of a memfd region: its layout, and how to find it.
 *
 * File:  [ data, rounded up to 2 MiB ] [ header page ] [ room for one node a page of data, sparse ]
 *
 * The block's length depends on the number of 2 MiB units alone, so that the file's size tells
 * where it is. Whoever holds a writable descriptor can write here: every field is read once,
 * checked, and then used. All stores go through PUT, which orders nothing, is never torn, and is a
 * place to die for the tests. */
#ifndef COMMON_ASHMEM_BLOCK_H
#define COMMON_ASHMEM_BLOCK_H

#include "common/death_point.h"

#include <cutils/ashmem.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define ASHMEM_BLOCK_MAGIC 0x6b6c626d65687361ull /* "ashembk" with a twist; little endian text */
#define ASHMEM_BLOCK_VERSION 1u
#define ASHMEM_UNIT ((uint64_t)2 << 20)
#define ASHMEM_MAX_PAGES (UINT32_MAX - 1)

#define GET(field) __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define PUT(field, value)                                                                          \
	do {                                                                                       \
		__atomic_store_n(&(field), (value), __ATOMIC_RELAXED);                             \
		death_point();                                                                     \
	} while (0)

/* A range of unpinned pages. Live ones form a treap by start (left, right; the priority is a hash
 * of the index, so it can not be damaged), and those not purged also a list by the time they were
 * unpinned (prev, next). Index 0 is none. */
struct ashmem_node {
	uint32_t start, end;  /* pages, end exclusive */
	uint32_t left, right; /* a free node's left is the next free one */
	uint32_t prev, next;
	uint64_t stamp; /* CLOCK_MONOTONIC, ns, strictly rising within the region */
	uint32_t state; /* enum ashmem_node_state */
	uint32_t unused;
};

enum ashmem_node_state {
	ASHMEM_NODE_FREE = 0,
	ASHMEM_NODE_LIVE = 1,
	ASHMEM_NODE_PURGED = 3,
};

struct ashmem_block {
	/* Written at creation only. */
	uint64_t magic;
	uint32_t version;
	uint32_t page_size;
	uint64_t size; /* bytes, as asked for */
	uint32_t seed; /* of the treap's priorities */
	/* Under the lock. */
	uint32_t prot_mask;
	uint32_t mapped; /* 1: by ashmem_mmap, so that the name is fixed */
	uint32_t edit;   /* odd: somebody is changing the ranges, or died doing so */

	uint64_t lock;  /* common/ashmem/owner_lock.h */
	uint64_t punch; /* the same kind of word: who is punching [punch_start, punch_end), one at a
			   time */
	uint32_t punch_start, punch_end;

	uint32_t root;
	uint32_t free_head;          /* nodes given back */
	uint32_t used_nodes;         /* nodes 1..used_nodes have been given out at some time */
	uint32_t count;              /* live nodes */
	uint32_t purged_count;       /* of these, purged */
	uint32_t lru_head, lru_tail; /* oldest, youngest */
	uint32_t lru_pages;          /* pages in the list: what can be purged */
	uint64_t oldest; /* stamp of lru_head, UINT64_MAX when there is none: for a shrinker that
			    only looks */
	uint64_t last_stamp;

	char name[ASHMEM_NAME_LEN];
	uint8_t reserved[512 - 112 - ASHMEM_NAME_LEN];
};

_Static_assert(sizeof(struct ashmem_node) == 40, "shared layout");
_Static_assert(offsetof(struct ashmem_block, lock) == 40, "shared layout");
_Static_assert(offsetof(struct ashmem_block, name) == 112, "shared layout");
_Static_assert(sizeof(struct ashmem_block) == 512, "shared layout");

/* Makes the page of the file that @word, which nobody uses yet, lies in. A store would raise SIGBUS
 * where the system promises no more memory; this gives -ENOMEM. (A full cgroup's OOM killer strikes
 * in either.) What @word is set to means nothing. */
int ashmem_make_page(uint32_t *word);

/* A control block mapped writable into this process. */
struct ashmem_region {
	struct ashmem_block *block;
	struct ashmem_node *nodes; /* nodes[0] is not used: it lies in the block's tail */
	size_t mapped_bytes;
	uint64_t size;        /* the copy that was checked */
	uint64_t file_offset; /* of the block */
	uint32_t npages;
	dev_t dev;
	ino_t ino;
};

/* Where the block of a region of @size bytes lies, and how long its file is. 0, or -EFBIG. */
int ashmem_layout(uint64_t size, uint64_t *ret_block_offset, uint64_t *ret_file_bytes);

/* The inverse: from a file's length. 0, or -ENOTTY: no region has this length. */
int ashmem_layout_from_file(uint64_t file_bytes, uint64_t *ret_block_offset);

/* Maps the block of @fd, whose fstat is @st; unmap undoes it. 0, -ENOTTY (no region, or not
 * sealed), -EACCES (read-only descriptor), -EBADMSG, -ENOMEM. */
int ashmem_region_map(int fd, const struct stat *st, struct ashmem_region *ret);
void ashmem_region_unmap(struct ashmem_region *region);

/* Reads the block's header without mapping it: for a look, also through a read-only descriptor.
 * Errors as above. */
int ashmem_region_peek(int fd, const struct stat *st, struct ashmem_block *ret);

#endif
