/* Clause D1 where it is about memory: pages given back, pieces that keep their dealer. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <ashmem/memory_dealer.h>
#include <ashmem/memory_heap.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct heap_dealer *dealer_of(size_t size, unsigned heap_flags)
{
	struct heap_dealer *dealer = NULL;
	cr_assert_eq(heap_dealer_create("test", size, heap_flags, &dealer), 0);
	return dealer;
}

static struct memory_base *take(struct heap_dealer *dealer, size_t size)
{
	struct memory_base *base = NULL;
	cr_assert_eq(heap_dealer_allocate(dealer, size, 0, &base), 0);
	return base;
}

static struct memory_base *take_filled(struct heap_dealer *dealer, size_t size)
{
	struct memory_base *base = take(dealer, size);
	memset(memory_base_pointer(base), 0xee, size);
	return base;
}

/* Pages of data that the heap has, of its first 16. */
static size_t pages_there(struct heap_dealer *dealer)
{
	int fd = memory_heap_fd(heap_dealer_heap(dealer));
	size_t count = 0;
	for (size_t page = 0; page < 16; page++)
		if (ashmem_lseek(fd, (int64_t)(page * PAGE), SEEK_DATA) == (int64_t)(page * PAGE))
			count++;
	return count;
}

Test(dealer, pieces_are_places_in_its_heap)
{
	struct heap_dealer *dealer = dealer_of(16 * PAGE, 0);
	struct memory_base *a = take_filled(dealer, 100), *b = take_filled(dealer, 100);
	cr_assert_eq(memory_base_heap(a), heap_dealer_heap(dealer));
	cr_assert_eq(memory_base_size(a), 100);
	cr_assert_eq(memory_base_offset(b), 128, "rounded up to units of 32");
	cr_assert_eq(heap_dealer_used(dealer), 256);
	cr_assert_eq(heap_dealer_largest(dealer), 16 * PAGE - 256);
	memory_base_unref(a);
	cr_assert_eq(heap_dealer_used(dealer), 128);
	memory_base_unref(b);
	cr_assert_eq(heap_dealer_largest(dealer), 16 * PAGE);
	heap_dealer_unref(dealer);
}

Test(dealer, errors)
{
	struct heap_dealer *dealer = NULL;
	struct memory_base *base = NULL;
	int before = count_descriptors();
	cr_assert_eq(heap_dealer_create("test", 0, 0, &dealer), -EINVAL);
	cr_assert_eq(heap_dealer_create("test", PAGE, 64, &dealer), -EINVAL);
	cr_assert_eq(heap_dealer_create("test", SIZE_MAX, 0, &dealer), -EOVERFLOW);
	cr_assert_null(dealer);
	dealer = dealer_of(PAGE, 0);
	cr_assert_eq(heap_dealer_allocate(dealer, 0, 0, &base), -EINVAL);
	cr_assert_eq(heap_dealer_allocate(dealer, 1, 8, &base), -EINVAL);
	cr_assert_eq(heap_dealer_allocate(dealer, PAGE + 1, 0, &base), -ENOMEM);
	cr_assert_null(base);
	memory_heap_dispose(heap_dealer_heap(dealer));
	cr_assert_eq(heap_dealer_allocate(dealer, 1, 0, &base), -EINVAL, "the heap is gone");
	cr_assert_eq(heap_dealer_used(dealer), 0, "and nothing is lost by the failure");
	heap_dealer_unref(dealer);
	heap_dealer_unref(NULL);
	cr_assert_eq(count_descriptors(), before);
}

Test(dealer, a_piece_keeps_dealer_and_heap)
{
	int before = count_descriptors();
	struct heap_dealer *dealer = dealer_of(4 * PAGE, 0);
	struct memory_base *piece = take(dealer, 2 * PAGE);
	heap_dealer_unref(dealer);
	memset(memory_base_pointer(piece), 1, 2 * PAGE);
	memory_base_unref(piece);
	cr_assert_eq(count_descriptors(), before);
}

Test(dealer, whole_pages_of_a_freed_piece_go_back)
{
	struct heap_dealer *dealer = dealer_of(16 * PAGE, 0);
	struct memory_base *piece = take_filled(dealer, 8 * PAGE);
	cr_assert_eq(pages_there(dealer), 8);
	memory_base_unref(piece);
	cr_assert_eq(pages_there(dealer), 0);
	heap_dealer_unref(dealer);
}

Test(dealer, pages_with_bytes_of_neighbours_stay)
{
	struct heap_dealer *dealer = dealer_of(16 * PAGE, 0);
	struct memory_base *before = take_filled(dealer, 32),
			   *piece = take_filled(dealer, 4 * PAGE);
	struct memory_base *after = take_filled(dealer, 32);
	memory_base_unref(piece);
	cr_assert_eq(pages_there(dealer), 2);
	for (int i = 0; i < 32; i++) {
		cr_assert_eq(((unsigned char *)memory_base_pointer(before))[i], 0xee);
		cr_assert_eq(((unsigned char *)memory_base_pointer(after))[i], 0xee);
	}
	memory_base_unref(before);
	memory_base_unref(after);
	heap_dealer_unref(dealer);
}

Test(dealer, a_page_shared_by_freed_neighbours_goes_back_with_the_last)
{
	struct heap_dealer *dealer = dealer_of(16 * PAGE, 0);
	struct memory_base *pieces[48];
	for (int i = 0; i < 48; i++) /* three to a page and over its edges */
		pieces[i] = take_filled(dealer, 1312);
	size_t all = pages_there(dealer);
	for (int i = 0; i < 48; i += 2)
		memory_base_unref(pieces[i]);
	cr_assert_eq(pages_there(dealer), all);
	for (int i = 1; i < 48; i += 2)
		memory_base_unref(pieces[i]);
	cr_assert_eq(pages_there(dealer), 0);
	heap_dealer_unref(dealer);
}

Test(dealer, a_heap_that_is_not_mapped_gives_back_too)
{
	struct heap_dealer *dealer =
		dealer_of(16 * PAGE, MEMORY_HEAP_DONT_MAP_LOCALLY | MEMORY_HEAP_FORCE_MEMFD);
	struct memory_base *piece = take(dealer, 8 * PAGE);
	int fd = memory_heap_fd(heap_dealer_heap(dealer));
	char *at = ashmem_mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0);
	memset(at, 1, 8 * PAGE);
	cr_assert_eq(pages_there(dealer), 8);
	memory_base_unref(piece);
	cr_assert_eq(pages_there(dealer), 0);
	ashmem_munmap(at, 8 * PAGE);
	heap_dealer_unref(dealer);
}

Test(dealer, a_read_only_heap_is_filled_and_given_back_by_its_creator)
{
	struct heap_dealer *dealer = dealer_of(16 * PAGE, MEMORY_HEAP_READ_ONLY);
	memory_base_unref(take_filled(dealer, 4 * PAGE));
	cr_assert_eq(pages_there(dealer), 0);
	heap_dealer_unref(dealer);
}

enum { WORKERS = 4, STEPS = 20000, HELD = 16 };

struct worker {
	struct heap_dealer *dealer;
	unsigned number;
	pthread_t thread;
};

static void *allocate_and_free(void *argument)
{
	struct worker *worker = argument;
	struct heap_dealer *dealer = worker->dealer;
	struct memory_base *held[HELD] = {NULL};
	unsigned seed = worker->number + 1;
	int mark = (int)worker->number * HELD + 1;
	for (int step = 0; step < STEPS; step++) {
		int i = rand_r(&seed) % HELD;
		if (held[i]) {
			unsigned char *at = memory_base_pointer(held[i]);
			for (size_t j = 0; j < memory_base_size(held[i]); j++)
				cr_assert_eq(at[j], (unsigned char)(mark + i));
			memory_base_unref(held[i]);
			held[i] = NULL;
		} else if (heap_dealer_allocate(
				   dealer, (size_t)rand_r(&seed) % 9000 + 1, 0, &held[i]) == 0) {
			memset(memory_base_pointer(held[i]), mark + i, memory_base_size(held[i]));
		}
	}
	for (int i = 0; i < HELD; i++)
		memory_base_unref(held[i]);
	return NULL;
}

/* The page of a piece that is freed must never be punched while a neighbour fills its part. */
Test(dealer, threads_do_not_lose_each_others_bytes, .timeout = 120)
{
	struct heap_dealer *dealer = dealer_of(48 * PAGE, 0);
	struct worker workers[WORKERS];
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.dealer = dealer, .number = i};
		cr_assert_eq(
			pthread_create(&workers[i].thread, NULL, allocate_and_free, &workers[i]),
			0);
	}
	for (int i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	cr_assert_eq(heap_dealer_used(dealer), 0);
	cr_assert_eq(heap_dealer_largest(dealer), 48 * PAGE);
	heap_dealer_unref(dealer);
}
