/* -ENOMEM, from every call that allocates: each allocation of ours fails in its turn, and nothing
 * stays behind. Linked with --wrap, so that only what libashmem asks for fails. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <ashmem/memory_dealer.h>
#include <ashmem/memory_file.h>
#include <ashmem/memory_heap.h>
#include <ashmem/shared_memory.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* --- The allocator --- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

static int allocations_left = -1; /* -1: as many as one likes */
static bool refused;

static bool may_allocate(void)
{
	if (allocations_left < 0)
		return true;
	if (allocations_left == 0) {
		refused = true;
		return false;
	}
	allocations_left--;
	return true;
}

void *__wrap_malloc(size_t size)
{
	if (may_allocate())
		return __real_malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
	if (may_allocate())
		return __real_calloc(count, size);
	errno = ENOMEM;
	return NULL;
}

/* --- The calls; each gives 0 and takes back what it made, or -errno --- */

static int region, sockets[2];
static struct shared_memory *memory;
static struct memory_heap *heap;
static struct memory_base *piece;
static struct memory_dealer *dealer;
static struct heap_dealer *heap_pieces;

static void set_up(void)
{
	region = ashmem_create_region("test", 4 * PAGE);
	cr_assert_geq(region, 0);
	connect_pair(sockets);
	cr_assert_eq(shared_memory_create("test", PAGE, &memory), 0);
	cr_assert_eq(memory_heap_create("test", PAGE, 0, &heap), 0);
	cr_assert_eq(memory_base_create(heap, 0, 1, &piece), 0);
	cr_assert_eq(memory_dealer_create(16 * PAGE, &dealer), 0);
	cr_assert_eq(memory_dealer_allocate(dealer, 1, 0, &(size_t){0}), 0);
	cr_assert_eq(heap_dealer_create("test", 4 * PAGE, 0, &heap_pieces), 0);
}

static int attach(void)
{
	struct ashmem_handle *made = NULL;
	int r = ashmem_attach(region, &made) < 0 ? -errno : 0;
	ashmem_detach(made);
	return r;
}

static int map_region(void)
{
	void *at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, region, 0);
	return at == MAP_FAILED ? -errno : ashmem_munmap(at, PAGE);
}

static int start_shrinker(void)
{
	struct ashmem_shrinker *made = NULL;
	int r = ashmem_shrinker_start(0, 0, &made) < 0 ? -errno : 0;
	ashmem_shrinker_stop(made);
	return r;
}

static int create_file(void)
{
	struct memory_file *made = NULL;
	int r = memory_file_create("test", PAGE, &made);
	memory_file_destroy(made);
	return r;
}

static int open_file(void)
{
	struct memory_file *made = NULL;
	int r = memory_file_open(region, PAGE, MEMORY_FILE_READ, &made);
	memory_file_destroy(made);
	return r;
}

static int create_shared(void)
{
	struct shared_memory *made = NULL;
	int r = shared_memory_create("test", PAGE, &made);
	shared_memory_destroy(made);
	return r;
}

static int import_shared(void)
{
	struct shared_memory *made = NULL;
	int r = shared_memory_import(fcntl(region, F_DUPFD_CLOEXEC, 0), &made);
	shared_memory_destroy(made);
	return r;
}

static int receive_shared(void)
{
	struct shared_memory *made = NULL;
	int r = shared_memory_send(memory, sockets[0]);
	if (r == 0)
		r = shared_memory_receive(sockets[1], &made);
	shared_memory_destroy(made);
	return r;
}

static int map_shared(void)
{
	void *at = NULL;
	int r = shared_memory_map_readwrite(memory, &at);
	return r < 0 ? r : shared_memory_unmap(at);
}

static int create_heap(void)
{
	struct memory_heap *made = NULL;
	int r = memory_heap_create("test", PAGE, 0, &made);
	memory_heap_unref(made);
	return r;
}

static int import_heap(void)
{
	struct memory_heap *made = NULL;
	int r = memory_heap_import(region, 0, 0, &made);
	memory_heap_unref(made);
	return r;
}

static int create_base(void)
{
	struct memory_base *made = NULL;
	int r = memory_base_create(heap, 0, 1, &made);
	memory_base_unref(made);
	return r;
}

static int receive_base(void)
{
	struct memory_base *made = NULL;
	int r = memory_base_send(piece, sockets[0]);
	if (r == 0)
		r = memory_base_receive(sockets[1], &made);
	memory_base_unref(made);
	return r;
}

static int create_dealer(void)
{
	struct memory_dealer *made = NULL;
	int r = memory_dealer_create(PAGE, &made);
	memory_dealer_destroy(made);
	return r;
}

/* It has to skip to the page, and something is left over: two pieces more. */
static int deal(void)
{
	size_t offset, used = memory_dealer_used(dealer);
	int r = memory_dealer_allocate(dealer, 1, MEMORY_DEALER_PAGE_ALIGNED, &offset);
	if (r == 0)
		r = memory_dealer_free(dealer, offset);
	cr_assert_eq(memory_dealer_used(dealer), used);
	cr_assert_eq(memory_dealer_free_pieces(dealer), 1);
	return r;
}

static int create_heap_dealer(void)
{
	struct heap_dealer *made = NULL;
	int r = heap_dealer_create("test", PAGE, 0, &made);
	heap_dealer_unref(made);
	return r;
}

static int deal_heap(void)
{
	struct memory_base *made = NULL;
	int r = heap_dealer_allocate(heap_pieces, 1, 0, &made);
	memory_base_unref(made);
	cr_assert_eq(heap_dealer_used(heap_pieces), 0);
	return r;
}

static const struct {
	const char *name;
	int (*run)(void);
	int needs; /* so many allocations; those behind only make later calls cheaper */
} calls[] = {
	{"ashmem_attach", attach, 2},
	{"ashmem_mmap", map_region, 0},
	{"ashmem_shrinker_start", start_shrinker, 1},
	{"memory_file_create", create_file, 1},
	{"memory_file_open", open_file, 1},
	{"shared_memory_create", create_shared, 1},
	{"shared_memory_import", import_shared, 1},
	{"shared_memory_receive", receive_shared, 1},
	{"shared_memory_map", map_shared, 1},
	{"memory_heap_create", create_heap, 1},
	{"memory_heap_import", import_heap, 1},
	{"memory_base_create", create_base, 1},
	{"memory_base_receive", receive_base, 3},
	{"memory_dealer_create", create_dealer, 3},
	{"memory_dealer_allocate", deal, 2},
	{"heap_dealer_create", create_heap_dealer, 7},
	{"heap_dealer_allocate", deal_heap, 2},
};

static int run_with(int allocations, int (*run)(void))
{
	refused = false;
	allocations_left = allocations;
	int r = run();
	allocations_left = -1;
	return r;
}

Test(no_memory, is_told_by_every_call_that_allocates, .init = set_up)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int n = 0, before = count_descriptors(), r = run_with(0, calls[i].run);
		cr_expect(refused, "%s allocates nothing", calls[i].name);
		for (; refused; r = run_with(++n, calls[i].run)) {
			int expected = n < calls[i].needs ? -ENOMEM : 0;
			cr_expect_eq(r, expected, "%s, allocation %d: %d", calls[i].name, n, r);
			cr_expect_eq(count_descriptors(), before, "%s leaks", calls[i].name);
		}
		cr_expect_geq(n, calls[i].needs, "%s makes %d", calls[i].name, n);
		cr_expect_eq(r, 0, "%s: %d", calls[i].name, r);
	}
}
