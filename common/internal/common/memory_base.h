/* common/memory_base.h - what a memory_base is made of, for the dealer, whose pieces are bases that
 * give themselves back. */
#ifndef COMMON_MEMORY_BASE_H
#define COMMON_MEMORY_BASE_H

#include <ashmem/memory_heap.h>
#include <stdatomic.h>

struct memory_base {
	_Atomic size_t references;
	struct memory_heap *heap; /* one reference */
	size_t offset, size;
	/* Called with the last reference, before the heap's is given back. NULL: nothing to do. */
	void (*released)(struct memory_base *base);
	void *owner; /* of whoever set released */
};

#endif
