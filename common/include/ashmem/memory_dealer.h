/* ashmem/memory_dealer.h - gives out pieces of one block of memory: Android's MemoryDealer.
 *
 * Two of them. memory_dealer knows offsets only; it neither maps nor touches the memory, so that it
 * can serve a region which this process has not mapped. heap_dealer, at the end, deals out a
 * memory_heap. Best fit: the smallest free piece that is large enough, the lowest address among
 * equals. Freeing merges with both neighbours. Offsets and sizes are bytes, in units of
 * MEMORY_DEALER_UNIT. Allocating and freeing cost the logarithm of the number of free pieces; a
 * page-aligned allocation besides that those that it must pass over, because what is behind their
 * lead is too small.
 *
 * Unlike Android's, an allocation of 0 bytes is refused: there it answers offset 0 and aliases
 * whatever lies there.
 *
 * 0 or -errno; outputs are untouched on failure. Calls on one memory_dealer need outside locking;
 * dealers are independent. What heap_dealer gives may be used from any thread. */
#ifndef ASHMEM_MEMORY_DEALER_H
#define ASHMEM_MEMORY_DEALER_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Sizes are rounded up to this, and every offset is a multiple of it. */
#define MEMORY_DEALER_UNIT 32

enum memory_dealer_flags {
	/* The piece starts on a page. What has to be skipped for that stays free. */
	MEMORY_DEALER_PAGE_ALIGNED = 1 << 0,
};

struct memory_dealer; /* opaque */

/* A dealer over [0, @size), @size rounded up to a page. The caller owns it.
 * -EINVAL: @size is 0.  -EOVERFLOW: it can not be rounded up.  -ENOMEM. */
int memory_dealer_create(size_t size, struct memory_dealer **ret);

/* Pieces still given out are forgotten with it. NULL is fine. */
void memory_dealer_destroy(struct memory_dealer *dealer);

/* Gives out @size bytes at *@ret_offset.
 * -EINVAL: @size is 0, or an unknown flag.  -ENOMEM: no free piece is large enough, or no memory
 * for the dealer's own. */
int memory_dealer_allocate(
	struct memory_dealer *dealer, size_t size, unsigned flags, size_t *ret_offset);

/* Takes a piece back. -ENOENT: no piece given out starts at @offset. */
int memory_dealer_free(struct memory_dealer *dealer, size_t offset);

/* How many bytes a piece given out has; 0: none starts at @offset. */
size_t memory_dealer_size(const struct memory_dealer *dealer, size_t offset);

/* All of it; what is given out; the largest free piece; free pieces (1 when nothing is given out).
 */
size_t memory_dealer_capacity(const struct memory_dealer *dealer);
size_t memory_dealer_used(const struct memory_dealer *dealer);
size_t memory_dealer_largest(const struct memory_dealer *dealer);
size_t memory_dealer_free_pieces(const struct memory_dealer *dealer);

/* Calls @visit for every free piece, the smallest first: it takes as long as there are free ones.
 * @visit must not change the dealer. */
void memory_dealer_each_free(const struct memory_dealer *dealer,
	void (*visit)(size_t offset, size_t size, void *user), void *user);

/* --- Dealing out a heap --- */

struct memory_heap; /* <ashmem/memory_heap.h> */
struct memory_base;
struct heap_dealer; /* opaque, counted */

/* A dealer with a heap of its own of @size bytes; @name and @heap_flags as for memory_heap_create.
 * Errors of memory_heap_create. */
int heap_dealer_create(
	const char *name, size_t size, unsigned heap_flags, struct heap_dealer **ret);

/* Pieces that are still out keep the dealer and its heap. unref: NULL is fine. */
struct heap_dealer *heap_dealer_ref(struct heap_dealer *dealer); /* gives @dealer */
void heap_dealer_unref(struct heap_dealer *dealer);

/* The heap: borrowed. */
struct memory_heap *heap_dealer_heap(const struct heap_dealer *dealer);

/* Gives out a piece; the last memory_base_unref takes it back. Its memory is what the last user
 * left, or zeros. As a piece is taken back the pages that are wholly free then, with its free
 * neighbours counted in (which Android's leaves out), go back to the system; not when the heap is
 * mapped nowhere and lies on the device. Errors of memory_dealer_allocate. */
int heap_dealer_allocate(
	struct heap_dealer *dealer, size_t size, unsigned flags, struct memory_base **ret);

/* As memory_dealer_used and memory_dealer_largest. */
size_t heap_dealer_used(struct heap_dealer *dealer);
size_t heap_dealer_largest(struct heap_dealer *dealer);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
