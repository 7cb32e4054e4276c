/* Deals out a heap. A piece is a memory_base that gives itself back, and its pages with it. */
#include "common/memory_base.h"
#include "common/memory_dealer.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <pthread.h>
#include <sys/mman.h>

struct heap_dealer {
	_Atomic size_t references; /* the user's, and one of each piece that is out */
	struct memory_heap *heap;
	pthread_mutex_t lock;
	struct memory_dealer *offsets; /* under the lock */
};

/* --- Its life --- */

int heap_dealer_create(const char *name, size_t size, unsigned heap_flags, struct heap_dealer **ret)
{
	CLEANUP(free_p) struct heap_dealer *dealer = calloc(1, sizeof(*dealer));
	if (!dealer)
		return -ENOMEM;
	int r = memory_heap_create(name, size, heap_flags, &dealer->heap);
	if (r < 0)
		return r;
	r = memory_dealer_create(memory_heap_size(dealer->heap), &dealer->offsets);
	if (r < 0) {
		memory_heap_unref(dealer->heap);
		return r;
	}
	dealer->references = 1;
	pthread_mutex_init(&dealer->lock, NULL);
	*ret = take_ptr(&dealer);
	return 0;
}

struct heap_dealer *heap_dealer_ref(struct heap_dealer *dealer)
{
	dealer->references++;
	return dealer;
}

void heap_dealer_unref(struct heap_dealer *dealer)
{
	if (!dealer || --dealer->references > 0)
		return;
	pthread_mutex_destroy(&dealer->lock);
	memory_dealer_destroy(dealer->offsets);
	memory_heap_unref(dealer->heap);
	free(dealer);
}

struct memory_heap *heap_dealer_heap(const struct heap_dealer *dealer)
{
	return dealer->heap;
}

size_t heap_dealer_used(struct heap_dealer *dealer)
{
	pthread_mutex_lock(&dealer->lock);
	size_t used = memory_dealer_used(dealer->offsets);
	pthread_mutex_unlock(&dealer->lock);
	return used;
}

size_t heap_dealer_largest(struct heap_dealer *dealer)
{
	pthread_mutex_lock(&dealer->lock);
	size_t largest = memory_dealer_largest(dealer->offsets);
	pthread_mutex_unlock(&dealer->lock);
	return largest;
}

/* --- Giving pages back --- */

/* The pages wholly inside [start, end). What can not be given back stays, and is used again. */
static void give_back(const struct heap_dealer *dealer, size_t start, size_t end)
{
	size_t page = page_bytes(), first = (start + page - 1) & ~(page - 1);
	size_t last = end & ~(page - 1);
	char *base = memory_heap_base(dealer->heap);
	int fd = memory_heap_fd(dealer->heap);
	if (first >= last || fd < 0)
		return;
	if (base)
		madvise(base + first, last - first, MADV_REMOVE);
	else
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
			(off_t)(last - first));
}

/* Most of it before the piece becomes free, so that nobody has to wait; the pages at its edges,
 * which may also have bytes of its neighbours, under the lock. */
static void take_back(struct memory_base *base)
{
	struct heap_dealer *dealer = base->owner;
	size_t page = page_bytes(), start = base->offset, end = base->offset + base->size;
	size_t free_start, free_end;
	give_back(dealer, start, end);
	pthread_mutex_lock(&dealer->lock);
	if (memory_dealer_take_back(dealer->offsets, start, &free_start, &free_end) == 0) {
		size_t low = start & ~(page - 1), high = (end + page - 1) & ~(page - 1);
		size_t inner = (start + page - 1) & ~(page - 1), outer = end & ~(page - 1);
		give_back(dealer, low > free_start ? low : free_start,
			inner < free_end ? inner : free_end);
		give_back(dealer, outer > free_start ? outer : free_start,
			high < free_end ? high : free_end);
	}
	pthread_mutex_unlock(&dealer->lock);
	heap_dealer_unref(dealer);
}

/* --- Giving pieces out --- */

int heap_dealer_allocate(
	struct heap_dealer *dealer, size_t size, unsigned flags, struct memory_base **ret)
{
	struct memory_base *base;
	size_t offset;
	pthread_mutex_lock(&dealer->lock);
	int r = memory_dealer_allocate(dealer->offsets, size, flags, &offset);
	if (r == 0) {
		r = memory_base_create(dealer->heap, offset, size, &base);
		if (r < 0)
			memory_dealer_free(dealer->offsets, offset);
	}
	pthread_mutex_unlock(&dealer->lock);
	if (r < 0)
		return r;
	base->released = take_back;
	base->owner = heap_dealer_ref(dealer);
	*ret = base;
	return 0;
}
