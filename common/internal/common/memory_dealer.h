/* common/memory_dealer.h - the dealer of offsets, for the one that deals out a heap. */
#ifndef COMMON_MEMORY_DEALER_H
#define COMMON_MEMORY_DEALER_H

#include <ashmem/memory_dealer.h>

/* As memory_dealer_free; tells the free piece [start, end) that this has become, with its
 * neighbours. */
int memory_dealer_take_back(
	struct memory_dealer *dealer, size_t offset, size_t *ret_start, size_t *ret_end);

#endif
