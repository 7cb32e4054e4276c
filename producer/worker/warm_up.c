/* Page faults taken while nobody waits. */
#include "warm_up.h"

#include "common/util.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* What a small picture's codec allocates. */
#define HEAP_BYTES ((size_t)256 << 10)

static void populate(uintptr_t from, uintptr_t to, int advice)
{
	from &= ~(uintptr_t)(MURAL_PAGE_SIZE - 1);
	to = (to + MURAL_PAGE_SIZE - 1) & ~(uintptr_t)(MURAL_PAGE_SIZE - 1);
	if (from < to)
		madvise((char *)NULL + from, to - from, advice);
}

/* Where what the dynamic linker has protected ends; 0: nothing is. */
static uintptr_t protected_end(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type == PT_GNU_RELRO)
			return (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(uintptr_t)(MURAL_PAGE_SIZE - 1);
	}
	return 0;
}

static int populate_object(struct dl_phdr_info *object, size_t size, void *unused)
{
	(void)size;
	(void)unused;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD)
			continue;
		uintptr_t from = object->dlpi_addr + segment->p_vaddr, to = from + segment->p_memsz;
		uintptr_t split = protected_end(object);
		if (!(segment->p_flags & PF_W))
			split = to;
		else if (split < from || split > to)
			split = from;
		populate(from, split, MADV_POPULATE_READ);
		populate(split, to, MADV_POPULATE_WRITE);
	}
	return 0;
}

void warm_up(void)
{
	dl_iterate_phdr(populate_object, NULL);
	void *heap = malloc(HEAP_BYTES);
	if (heap)
		explicit_bzero(heap, HEAP_BYTES);
	free(heap);
}
