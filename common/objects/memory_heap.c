/* A region with its mapping, counted; and the list by which an imported region is mapped once. */
#include <ashmem/memory_heap.h>

#include "common/object_lock.h"
#include "common/pass_on.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DEFAULT_NAME "MemoryHeapBase"
#define IMPORT_FLAGS ((unsigned)(MEMORY_HEAP_READ_ONLY | MEMORY_HEAP_DONT_MAP_LOCALLY))
#define CREATE_FLAGS (IMPORT_FLAGS | (unsigned)MEMORY_HEAP_FORCE_MEMFD)

struct memory_heap {
	_Atomic size_t references;
	_Atomic int fd;          /* ours; -1 once disposed of: whoever puts that there cleans up */
	_Atomic(void *) mapping; /* NULL: not mapped */
	_Atomic size_t size;
	unsigned flags;

	/* Imported from a memfd: found again by file, under object_lock. */
	struct memory_heap *next;
	dev_t dev;
	ino_t ino;
};

static struct memory_heap *imported;

/* --- Making one --- */

/* Takes @fd only when it succeeds. */
static int heap_on(int fd, size_t size, unsigned flags, int prot, struct memory_heap **ret)
{
	CLEANUP(free_p) struct memory_heap *heap = calloc(1, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	if (!(flags & MEMORY_HEAP_DONT_MAP_LOCALLY)) {
		void *at = ashmem_mmap(NULL, size, prot, MAP_SHARED, fd, 0);
		if (at == MAP_FAILED)
			return -errno;
		heap->mapping = at;
	}
	heap->references = 1;
	heap->fd = fd;
	heap->size = size;
	heap->flags = flags;
	*ret = take_ptr(&heap);
	return 0;
}

static int create_region(const char *name, size_t size, unsigned flags)
{
	if (flags & MEMORY_HEAP_FORCE_MEMFD)
		return ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, name, size);
	return ashmem_create_region(name, size);
}

int memory_heap_create(const char *name, size_t size, unsigned flags, struct memory_heap **ret)
{
	uint64_t rounded;
	struct memory_heap *heap;
	if (size == 0 || (flags & ~CREATE_FLAGS))
		return -EINVAL;
	if (!page_round_up(size, &rounded) || rounded > SIZE_MAX)
		return -EOVERFLOW;
	CLEANUP(close_p) int fd = create_region(name ? name : DEFAULT_NAME, (size_t)rounded, flags);
	if (fd < 0)
		return -errno;
	int r = heap_on(fd, (size_t)rounded, flags, PROT_READ | PROT_WRITE, &heap);
	if (r < 0)
		return r;
	take_fd(&fd);
	/* After mapping it: the creator's own mapping keeps the right to write. */
	if ((flags & MEMORY_HEAP_READ_ONLY) && ashmem_set_prot_region(heap->fd, PROT_READ) < 0) {
		r = -errno;
		memory_heap_unref(heap);
		return r;
	}
	*ret = heap;
	return 0;
}

/* --- Importing --- */

/* One reference more, unless the last has just been given back. */
static bool try_ref(struct memory_heap *heap)
{
	size_t count = heap->references;
	while (count > 0)
		if (atomic_compare_exchange_weak(&heap->references, &count, count + 1))
			return true;
	return false;
}

/* The heap that @wanted is already, with a reference; under object_lock. */
static struct memory_heap *find_imported(const struct stat *st, size_t size, unsigned flags)
{
	for (struct memory_heap *heap = imported; heap; heap = heap->next)
		if (heap->ino == st->st_ino && heap->dev == st->st_dev && heap->size == size &&
			heap->flags == flags && try_ref(heap))
			return heap;
	return NULL;
}

/* Takes the descriptor away, and the heap off the list: nobody finds one that has been disposed
 * of. -1: that has been done. */
static int retire(struct memory_heap *heap)
{
	object_lock();
	int fd = atomic_exchange(&heap->fd, -1);
	struct memory_heap **link = &imported;
	while (*link && *link != heap)
		link = &(*link)->next;
	if (*link)
		*link = heap->next;
	object_unlock();
	return fd;
}

/* Enters @fresh, or gives it back and takes the one that has been faster. */
static struct memory_heap *enter_imported(struct memory_heap *fresh, const struct stat *st)
{
	object_lock();
	struct memory_heap *found = find_imported(st, fresh->size, fresh->flags);
	if (!found) {
		fresh->dev = st->st_dev;
		fresh->ino = st->st_ino;
		fresh->next = imported;
		imported = fresh;
	}
	object_unlock();
	if (!found)
		return fresh;
	memory_heap_unref(fresh);
	return found;
}

int memory_heap_import(int fd, size_t size, unsigned flags, struct memory_heap **ret)
{
	struct stat st;
	struct memory_heap *heap;
	int64_t whole = ashmem_get_size_region64(fd);
	if (whole < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (size == 0 && (uint64_t)whole > SIZE_MAX)
		return -ENOMEM;
	if (size == 0)
		size = (size_t)whole;
	if (size == 0 || size > (uint64_t)whole || (flags & ~IMPORT_FLAGS))
		return -EINVAL;
	CLEANUP(close_p) int copy = dup_cloexec(fd);
	if (copy < 0)
		return copy;
	int prot = flags & MEMORY_HEAP_READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE;
	int r = heap_on(copy, size, flags, prot, &heap);
	if (r < 0)
		return r;
	take_fd(&copy);
	/* All regions of a device are one file: they can not be told apart. */
	*ret = S_ISREG(st.st_mode) ? enter_imported(heap, &st) : heap;
	return 0;
}

/* --- Its life --- */

struct memory_heap *memory_heap_ref(struct memory_heap *heap)
{
	heap->references++;
	return heap;
}

void memory_heap_unref(struct memory_heap *heap)
{
	if (!heap || --heap->references > 0)
		return;
	memory_heap_dispose(heap);
	free(heap);
}

void memory_heap_dispose(struct memory_heap *heap)
{
	int fd = retire(heap);
	if (fd < 0)
		return;
	size_t size = atomic_exchange(&heap->size, 0);
	void *at = atomic_exchange(&heap->mapping, NULL);
	if (at)
		ashmem_munmap(at, size);
	close(fd);
}

/* --- What it is --- */

void *memory_heap_base(const struct memory_heap *heap)
{
	return heap->mapping;
}

size_t memory_heap_size(const struct memory_heap *heap)
{
	return heap->size;
}

unsigned memory_heap_get_flags(const struct memory_heap *heap)
{
	return heap->flags;
}

int memory_heap_fd(const struct memory_heap *heap)
{
	int fd = heap->fd;
	return fd < 0 ? -EBADF : fd;
}

int memory_heap_share(const struct memory_heap *heap)
{
	int fd = memory_heap_fd(heap);
	if (fd < 0)
		return fd;
	return heap->flags & MEMORY_HEAP_READ_ONLY ? pass_on_readonly(fd) : dup_cloexec(fd);
}
