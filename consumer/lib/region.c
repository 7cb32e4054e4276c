/* Mapping a region that a producer sent: checked so that reading it cannot raise SIGBUS, and
 * aligned so that huge pages fit. */
#include "region.h"

#include "common/shared_file.h"
#include "common/util.h"

#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define ASHMEM_GET_SIZE _IO(0x77, 4)

/* How far below what the kernel places; where addresses have 32 bits there is no such distance. */
#define APART (UINT64_C(64) << 30)

static uintptr_t far_below(uint64_t address)
{
	return address > APART ? (uintptr_t)(address - APART) : 0;
}

/* A region of the ashmem driver cannot change its size once it is mapped: no seals are needed. */
static int check_device(int fd, uint64_t size)
{
	int actual = ioctl(fd, ASHMEM_GET_SIZE, NULL);
	if (actual < 0)
		return -EPERM;
	return (uint64_t)actual < size ? -EBADMSG : 0;
}

static bool is_device(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

/* A memfd first: a device has no seals, so it is asked only when there are none. */
static int check(int fd, uint64_t size)
{
	if (size == 0)
		return -EBADMSG;
	int r = shared_file_check(fd, size);
	return r == -EPERM && is_device(fd) ? check_device(fd, size) : r;
}

/* Where the kernel would map @size bytes, moved up so that huge pages of the file fall on huge
 * pages of memory. */
static void *reserve_aligned(size_t size)
{
	size_t padded;
	if (__builtin_add_overflow(size, (size_t)MURAL_HUGE_PAGE_SIZE, &padded))
		return MAP_FAILED;
	char *start =
		mmap(NULL, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return MAP_FAILED;
	size_t before = -(uintptr_t)start & (MURAL_HUGE_PAGE_SIZE - 1);
	size_t after = padded - size - before;
	if (before > 0)
		munmap(start, before);
	if (after > 0)
		munmap(start + before + size, after);
	return start + before;
}

static void *map_at(void *wanted, int flags, int fd, size_t size)
{
	return mmap(wanted, size, PROT_READ, MAP_SHARED | flags, fd, 0);
}

/* With room to move in, which takes four calls. */
static void *map_in_reserve(int fd, size_t size)
{
	void *wanted = reserve_aligned(size);
	void *memory = wanted == MAP_FAILED ? wanted : map_at(wanted, MAP_FIXED, fd, size);
	if (memory == MAP_FAILED && wanted != MAP_FAILED) {
		int saved = errno;
		munmap(wanted, size);
		errno = saved;
	}
	return memory;
}

/* A wish, which the kernel grants where the space is free. */
static void *map_wished(uintptr_t wanted, int fd, size_t size)
{
	void *memory = map_at((void *)wanted, 0, fd, size);
	if (memory == MAP_FAILED || (uintptr_t)memory == wanted)
		return memory;
	munmap(memory, size);
	return MAP_FAILED;
}

/* Large regions lie downwards from here, far below where the kernel puts what it places itself (it
 * fills from above), so that each takes one call. Relaxed: a wish that another thread has, too, is
 * not granted twice. 0: none is known. */
static _Atomic uintptr_t lowest;

static void *map_aligned(int fd, size_t size)
{
	uintptr_t top = atomic_load_explicit(&lowest, memory_order_relaxed);
	uintptr_t wanted = top > size ? (top - size) & ~(uintptr_t)(MURAL_HUGE_PAGE_SIZE - 1) : 0;
	void *memory = wanted > 0 ? map_wished(wanted, fd, size) : MAP_FAILED;
	if (memory == MAP_FAILED)
		memory = map_in_reserve(fd, size);
	if (memory == MAP_FAILED)
		return memory;
	/* (A place that is somebody else's is passed over.) */
	if (top == 0)
		wanted = far_below((uintptr_t)memory);
	atomic_store_explicit(&lowest, wanted, memory_order_relaxed);
	return memory;
}

/* The lowest one's place is the next one's. */
static void unmap_pixels(const void *memory, size_t size)
{
	uintptr_t at = (uintptr_t)memory;
	munmap((void *)at, size);
	atomic_compare_exchange_strong_explicit(
		&lowest, &at, at + size, memory_order_relaxed, memory_order_relaxed);
}

static void *map_pixels(int fd, uint64_t bytes)
{
	if (bytes > PTRDIFF_MAX) { /* a picture of 2 GiB, where addresses have 32 bits */
		errno = ENOMEM;
		return MAP_FAILED;
	}
	size_t size = (size_t)bytes;
	void *memory =
		size >= MURAL_HUGE_PAGE_SIZE ? map_aligned(fd, size) : map_at(NULL, 0, fd, size);
	/* No MADV_HUGEPAGE: huge pages that the producer has filled are mapped as such all the
	 * same, and a careless read of a hole would make a huge page of it. */
	if (memory != MAP_FAILED)
		madvise(memory, size, MADV_DONTFORK);
	return memory;
}

int region_import(uint64_t id, int fd, uint64_t size, struct region **ret)
{
	uint64_t mapped;
	if (!page_round_up(size, &mapped))
		return -EBADMSG;
	int r = check(fd, size);
	if (r < 0)
		return r;
	struct region *region = malloc(sizeof(*region));
	if (!region)
		return -ENOMEM;
	*region = (struct region){.id = id, .size = size, .refs = 1};
	list_init(&region->bitmaps);
	void *memory = map_pixels(fd, mapped);
	if (memory == MAP_FAILED)
		region->error = -errno;
	else
		region->memory = memory;
	*ret = region;
	return 0;
}

bool region_holds(const struct region *region, uint64_t offset, uint64_t size)
{
	return offset <= region->size && size <= region->size - offset;
}

struct region *region_ref(struct region *region)
{
	region->refs++;
	return region;
}

void region_unref(struct region *region)
{
	if (!region || --region->refs > 0)
		return;
	uint64_t mapped;
	if (region->memory && page_round_up(region->size, &mapped))
		unmap_pixels(region->memory, (size_t)mapped);
	free(region);
}
