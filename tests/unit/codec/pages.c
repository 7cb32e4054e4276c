/* Pages that are there are mapped before they are written. */
#include "pages.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES 100u
#define IN_RAM (UINT64_C(1) << 63)

static size_t count_mapped(const uint8_t *pixels)
{
	uint64_t entry[PAGES];
	size_t mapped = 0;
	CLEANUP(close_p) int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	off_t at = (off_t)((uintptr_t)pixels / page_bytes() * sizeof(*entry));
	cr_assert_eq(pread(map, entry, sizeof(entry), at), sizeof(entry));
	for (size_t i = 0; i < PAGES; i++)
		mapped += (entry[i] & IN_RAM) != 0;
	return mapped;
}

/* Wherever they begin within their 64 KiB. */
Test(pages, that_are_there_are_mapped_up_to_the_last)
{
	const size_t length = PAGES * page_bytes();
	uint8_t *room = mmap(NULL, 2 * length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(room, MAP_FAILED);
	CLEANUP(close_p) int memory = memfd_create("mural-test", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(memory, (off_t)length), 0);
	uint8_t *before = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	cr_assert_neq(before, MAP_FAILED);
	memset(before, 1, length);
	for (size_t shift = 0; shift < 32; shift++) {
		uint8_t *pixels = mmap(room + shift * page_bytes(), length, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, memory, 0);
		cr_assert_neq(pixels, MAP_FAILED);
		cr_assert_eq(count_mapped(pixels), 0);
		/* A row begins and ends anywhere. */
		pages_map(pixels + 100, length - 200);
		cr_assert_eq(count_mapped(pixels), PAGES, "%zu", shift);
	}
}
