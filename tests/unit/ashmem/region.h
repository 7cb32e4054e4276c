/* region.h - a region of four pages on a memfd, and its control block, for tests of errors. */
#ifndef ASHMEM_TEST_REGION_H
#define ASHMEM_TEST_REGION_H

#include "common/ashmem/block.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())

static inline int make_region(void)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "errors", 4 * PAGE);
	cr_assert(fd >= 0);
	return fd;
}

/* The block's first page; the caller unmaps it. */
static inline struct ashmem_block *map_block(int fd)
{
	uint64_t offset, bytes;
	cr_assert_eq(ashmem_layout(4 * PAGE, &offset, &bytes), 0);
	struct ashmem_block *block =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	cr_assert_neq(block, MAP_FAILED);
	return block;
}

#endif
