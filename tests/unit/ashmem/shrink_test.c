/* ashmem_shrink and ashmem_handle_purge: how much, in which order, from what; and that nothing
 * closed lives on. */
#include "support/descriptors.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define MIB ((size_t)1 << 20)

struct region {
	int fd;
	unsigned char *at;
	size_t bytes;
};

static struct region make_region(size_t bytes)
{
	struct region region = {.fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "shrink", bytes),
		.bytes = bytes};
	region.at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region.fd, 0);
	cr_assert_neq(region.at, MAP_FAILED);
	memset(region.at, 1, bytes);
	return region;
}

static void unpin(const struct region *region, size_t page, size_t pages)
{
	cr_assert_eq(ashmem_unpin_region(region->fd, page * PAGE, pages * PAGE), 0);
}

static bool is_resident(const struct region *region, size_t page)
{
	off_t at = (off_t)(page * PAGE);
	return lseek(region->fd, at, SEEK_DATA) == at;
}

Test(shrink, frees_what_was_asked_and_at_most_one_range_more)
{
	struct region region = make_region(20 * PAGE);
	for (size_t i = 0; i < 5; i++)
		unpin(&region, i * 4, 3);
	cr_assert_eq(ashmem_shrink(0), 0);
	cr_assert_eq(ashmem_shrink(1), 3 * PAGE);
	cr_assert_eq(ashmem_shrink(3 * PAGE), 3 * PAGE);
	cr_assert_eq(ashmem_shrink(4 * PAGE), 6 * PAGE);
	cr_assert_eq(ashmem_shrink(SIZE_MAX), 3 * PAGE, "what is left");
	cr_assert_eq(ashmem_shrink(1), 0, "nothing is left");
}

Test(shrink, pinned_memory_is_never_taken)
{
	struct region region = make_region(8 * PAGE);
	unpin(&region, 2, 2);
	cr_assert_eq(ashmem_shrink(SIZE_MAX), 2 * PAGE);
	for (size_t page = 0; page < 8; page++)
		cr_assert_eq(is_resident(&region, page), page < 2 || page >= 4);
}

/* What holds no memory frees none, so the next range has to go too; it counts as purged all the
 * same (A32). */
Test(shrink, goes_on_over_ranges_that_hold_nothing)
{
	struct region region = make_region(4 * PAGE);
	int hollow = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "hollow", 16 * PAGE);
	cr_assert_eq(ashmem_unpin_region(hollow, 0, 0), 0);
	unpin(&region, 0, 1);
	cr_assert_eq(ashmem_shrink(1), PAGE);
	cr_assert_eq(ashmem_pin_region(hollow, 0, 0), ASHMEM_WAS_PURGED);
}

#define ORDER_REGIONS 4
#define ORDER_PAGES 512

/* A50, on 1024 ranges over four regions, unpinned in shuffled order. */
Test(shrink, takes_the_longest_unpinned_first_over_all_regions, .timeout = 60)
{
	struct region regions[ORDER_REGIONS];
	size_t count = ORDER_REGIONS * ORDER_PAGES / 2, order[ORDER_REGIONS * ORDER_PAGES / 2];
	for (size_t i = 0; i < ORDER_REGIONS; i++)
		regions[i] = make_region(ORDER_PAGES * PAGE);
	for (size_t i = 0; i < count; i++) {
		size_t other = (i * 2654435761u + 12345) % (i + 1);
		order[i] = order[other];
		order[other] = i;
	}
	for (size_t i = 0; i < count; i++)
		unpin(&regions[order[i] % ORDER_REGIONS], order[i] / ORDER_REGIONS * 2, 1);
	for (size_t i = 0; i < count; i++) {
		const struct region *region = &regions[order[i] % ORDER_REGIONS];
		size_t page = order[i] / ORDER_REGIONS * 2;
		cr_assert(is_resident(region, page), "range %zu was taken too early", i);
		cr_assert_eq(ashmem_shrink(1), PAGE);
		cr_assert_not(is_resident(region, page), "range %zu was not taken in its turn", i);
	}
}

Test(shrink, pin_and_unpin_makes_young_and_unpin_inside_does_not)
{
	struct region region = make_region(8 * PAGE);
	unpin(&region, 0, 1);
	unpin(&region, 2, 1);
	unpin(&region, 4, 1);
	cr_assert_eq(ashmem_pin_region(region.fd, 0, PAGE), 0);
	unpin(&region, 0, 1);
	unpin(&region, 2, 1);
	ashmem_shrink(1);
	cr_assert_not(is_resident(&region, 2));
	ashmem_shrink(1);
	cr_assert_not(is_resident(&region, 4));
	cr_assert(is_resident(&region, 0));
}

Test(shrink, of_a_range_that_was_split_the_upper_part_is_young)
{
	struct region region = make_region(8 * PAGE);
	unpin(&region, 0, 3);
	unpin(&region, 4, 1);
	cr_assert_eq(ashmem_pin_region(region.fd, PAGE, PAGE), 0);
	ashmem_shrink(1);
	cr_assert_not(is_resident(&region, 0));
	ashmem_shrink(1);
	cr_assert_not(is_resident(&region, 4));
	cr_assert(is_resident(&region, 2));
}

Test(shrink, merged_range_is_young)
{
	struct region region = make_region(8 * PAGE);
	unpin(&region, 0, 2);
	unpin(&region, 4, 1);
	unpin(&region, 1, 2);
	ashmem_shrink(1);
	cr_assert_not(is_resident(&region, 4));
	cr_assert(is_resident(&region, 0));
}

Test(shrink, region_with_two_descriptors_is_one)
{
	struct region region = make_region(4 * PAGE);
	int copy = dup(region.fd);
	unpin(&region, 0, 1);
	unpin(&region, 2, 1);
	cr_assert_eq(ashmem_shrink(1), PAGE);
	cr_assert_eq(ashmem_purge_all_caches(copy), 1);
}

Test(shrink, descriptor_that_came_over_a_socket_or_was_renumbered_counts)
{
	struct region region = make_region(4 * PAGE);
	unpin(&region, 0, 1);
	int moved = dup2(region.fd, 200);
	close(region.fd);
	cr_assert_eq(moved, 200);
	cr_assert_eq(ashmem_shrink(1), PAGE);
}

Test(shrink, read_only_descriptor_is_left_out)
{
	struct region region = make_region(4 * PAGE);
	unpin(&region, 0, 1);
	int look = ashmem_share_readonly(region.fd);
	cr_assert(look >= 0);
	close(region.fd);
	cr_assert_eq(ashmem_shrink(1), 0);
	cr_assert_eq(region.at[0], 1);
}

/* A number that now means another file must not lose bytes. */
Test(shrink, other_files_are_not_touched)
{
	struct region region = make_region(4 * PAGE);
	unpin(&region, 0, 4);
	int other = memfd_create("other", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(other, (off_t)(4 * PAGE)), 0);
	cr_assert_eq(pwrite(other, "x", 1, 0), 1);
	cr_assert_eq(dup2(other, region.fd), region.fd);
	cr_assert_eq(ashmem_shrink(SIZE_MAX), 0);
	cr_assert_eq(lseek(other, 0, SEEK_DATA), 0);
}

Test(shrink, large_ranges_in_pieces)
{
	struct region region = make_region(11 * MIB);
	unpin(&region, 0, 0);
	cr_assert_eq(ashmem_shrink(1), 11 * MIB);
	cr_assert_eq(ashmem_pin_region(region.fd, 0, 0), ASHMEM_WAS_PURGED);
}

/* --- Inside one region --- */

Test(purge, takes_only_ranges_that_lie_inside)
{
	struct region region = make_region(16 * PAGE);
	struct ashmem_handle *handle;
	size_t freed = 0;
	cr_assert_eq(ashmem_attach(region.fd, &handle), 0);
	unpin(&region, 0, 3);
	unpin(&region, 4, 2);
	unpin(&region, 8, 3);
	cr_assert_eq(ashmem_handle_purge(handle, 2 * PAGE, 8 * PAGE, &freed), 0);
	cr_assert_eq(freed, 2 * PAGE);
	cr_assert_eq(ashmem_handle_pin(handle, 0, 4 * PAGE), ASHMEM_NOT_PURGED);
	cr_assert_eq(ashmem_handle_pin(handle, 4 * PAGE, 2 * PAGE), ASHMEM_WAS_PURGED);
	cr_assert_eq(ashmem_handle_pin(handle, 8 * PAGE, 3 * PAGE), ASHMEM_NOT_PURGED);
	ashmem_detach(handle);
}

Test(purge, second_one_frees_nothing)
{
	struct region region = make_region(4 * PAGE);
	struct ashmem_handle *handle;
	size_t freed = 0;
	cr_assert_eq(ashmem_attach(region.fd, &handle), 0);
	unpin(&region, 0, 0);
	cr_assert_eq(ashmem_handle_purge(handle, 0, 0, &freed), 0);
	cr_assert_eq(freed, 4 * PAGE);
	cr_assert_eq(ashmem_handle_purge(handle, 0, 0, &freed), 0);
	cr_assert_eq(freed, 0);
	ashmem_detach(handle);
}

/* --- Nothing that the user has closed lives on --- */

static long shmem_kib(void)
{
	char line[128];
	long kib = -1;
	FILE *info = fopen("/proc/meminfo", "re");
	cr_assert(info);
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "Shmem: %ld kB", &kib) == 1)
			break;
	fclose(info);
	return kib;
}

static int count_region_mappings(void)
{
	char line[600];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:life") != NULL;
	fclose(maps);
	return count;
}

static int make_life(void)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "life", 4 * MIB);
	cr_assert(fd >= 0);
	char *at = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(at, 1, 4 * MIB);
	munmap(at, 4 * MIB);
	return fd;
}

static void live_by_descriptor(void)
{
	int fd = make_life();
	for (int i = 0; i < 20; i++) {
		cr_assert_eq(ashmem_unpin_region(fd, 0, 0), 0);
		cr_assert_eq(ashmem_pin_region(fd, 0, 0), 0);
	}
	close(fd);
}

static void live_by_mapping(void)
{
	int fd = make_life();
	char *one = ashmem_mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, fd, 0);
	char *two = ashmem_mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);
	char *own = ashmem_mmap(NULL, MIB, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_eq(ashmem_unpin_region(fd, 0, 0), 0);
	close(fd);
	ashmem_munmap(one, 2 * MIB); /* in two halves */
	ashmem_munmap(two, MIB);
	ashmem_munmap(one + 2 * MIB, 2 * MIB);
	cr_assert_eq(count_region_mappings(), 0, "a private mapping must not keep the region");
	ashmem_munmap(own, MIB);
}

static void live_by_handles(void)
{
	int fd = make_life();
	struct ashmem_handle *one, *two;
	cr_assert_eq(ashmem_attach(fd, &one), 0);
	cr_assert_eq(ashmem_attach(fd, &two), 0);
	cr_assert_eq(ashmem_unpin_region(fd, 0, 0), 0);
	close(fd);
	ashmem_detach(one);
	cr_assert_eq(ashmem_handle_pin(two, 0, 0), ASHMEM_NOT_PURGED);
	ashmem_detach(two);
}

static void live_unpinned_until_shrunk(void)
{
	int fd = make_life();
	cr_assert_eq(ashmem_unpin_region(fd, 0, 0), 0);
	ashmem_shrink(1);
	close(fd);
}

/* Shmem is the whole machine's, so what would leak is made large: 128 regions of 4 MiB; half of
 * that may be others'. */
Test(life, closed_regions_do_not_live_on, .timeout = 120)
{
	static void (*const lives[])(void) = {
		live_by_descriptor, live_by_mapping, live_by_handles, live_unpinned_until_shrunk};
	for (size_t kind = 0; kind < sizeof(lives) / sizeof(lives[0]); kind++) {
		long before = shmem_kib();
		int descriptors = count_descriptors();
		for (int i = 0; i < 128; i++) {
			lives[kind]();
			cr_assert_eq(count_region_mappings(), 0, "kind %zu leaves a mapping", kind);
		}
		cr_assert_eq(count_descriptors(), descriptors, "kind %zu leaves descriptors", kind);
		cr_assert_lt(shmem_kib() - before, 256 * 1024, "kind %zu leaves memory", kind);
	}
}
