/* What ashmem's calls cost, in units of getppid measured right beside each, so that machines
 * compare. What is purged is checked to read zero. On the device's own kernel the same program
 * measures the device (ASHMEM_DRIVER=device). */
#include "harness/bench.h"

#include <ashmem/ashmem.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 15
#define QUICK_ROUNDS 5
#define PAGE 4096
#define PAGES 4096
#define PUNCH_BYTES ((size_t)32 << 20)

struct region {
	int fd;
	struct ashmem_handle *handle;
};

static void step_getppid(struct region *region)
{
	(void)region;
	getppid();
}

static void step_handle_whole(struct region *region)
{
	ashmem_handle_unpin(region->handle, 0, 0);
	bench_must(ashmem_handle_pin(region->handle, 0, 0) == ASHMEM_NOT_PURGED, "pin");
}

static void step_handle_status(struct region *region)
{
	bench_must(ashmem_handle_status(region->handle, 0, 0) == ASHMEM_IS_PINNED, "status");
}

/* Below the other ranges, where the driver's list is walked to its end. */
static void step_handle_page(struct region *region)
{
	ashmem_handle_unpin(region->handle, 0, PAGE);
	bench_must(ashmem_handle_pin(region->handle, 0, PAGE) == ASHMEM_NOT_PURGED, "pin");
}

static void step_fd_page(struct region *region)
{
	ashmem_unpin_region(region->fd, 0, PAGE);
	bench_must(ashmem_pin_region(region->fd, 0, PAGE) == ASHMEM_NOT_PURGED, "pin");
}

static void step_fd_whole(struct region *region)
{
	ashmem_unpin_region(region->fd, 0, 0);
	bench_must(ashmem_pin_region(region->fd, 0, 0) == ASHMEM_NOT_PURGED, "pin");
}

/* What a call on a bare descriptor can not do without: twice, as in a pair of calls. */
static void step_map_block(struct region *region)
{
	for (int i = 0; i < 2; i++) {
		volatile char *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
			(off_t)PAGES * PAGE - PAGE);
		bench_must(at != MAP_FAILED, "mmap");
		at[0] = 1;
		munmap((void *)(uintptr_t)at, PAGE);
	}
}

static void step_life(struct region *region)
{
	(void)region;
	int fd = ashmem_create_region("bench", PAGE);
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bench_must(at != MAP_FAILED, "mmap");
	munmap(at, PAGE);
	close(fd);
}

/* What is measured: @count calls of @step, in CPU time, since nothing here sleeps and what else the
 * machine does is not to count. */
struct calls {
	void (*step)(struct region *region);
	struct region *region;
	int count;
};

static double time_calls(void *user)
{
	const struct calls *calls = user;
	double start = bench_cpu_ns();
	for (int i = 0; i < calls->count; i++)
		calls->step(calls->region);
	return (bench_cpu_ns() - start) / calls->count;
}

static void compare(struct bench *bench, const char *what, void (*step)(struct region *),
	struct region *region, int count)
{
	struct calls unit = {step_getppid, NULL, 20000}, calls = {step, region, count};
	const struct bench_side sides[] = {
		{"getppid", time_calls, &unit}, {what, time_calls, &calls}};
	bench_compare(
		bench, "ashmem", "", "ns", sides, 2, bench_rounds(bench, ROUNDS, QUICK_ROUNDS));
}

static struct region open_region(void)
{
	struct region region = {.fd = ashmem_create_region("bench", (size_t)PAGES * PAGE)};
	bench_must(region.fd >= 0, "create");
	bench_must(ashmem_attach(region.fd, &region.handle) == 0, "attach");
	return region;
}

static void unpin_separate(struct region *region, int ranges)
{
	for (size_t i = 1; i <= (size_t)ranges; i++)
		bench_must(ashmem_handle_unpin(region->handle, 2 * i * PAGE, PAGE) == 0, "unpin");
}

static void bench_pins(struct bench *bench)
{
	struct region region = open_region();
	compare(bench, "unpin+pin, whole region, by handle", step_handle_whole, &region, 20000);
	compare(bench, "status, whole region, by handle", step_handle_status, &region, 20000);
	compare(bench, "unpin+pin, whole region, by descriptor, attached", step_fd_whole, &region,
		5000);
	static const int counts[] = {0, 1, 10, 100, 1000};
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char what[80];
		bench_must(ashmem_handle_pin(region.handle, 0, 0) >= 0, "pin");
		unpin_separate(&region, counts[i]);
		snprintf(what, sizeof(what), "unpin+pin of a page below %d ranges, by handle",
			counts[i]);
		compare(bench, what, step_handle_page, &region, 20000);
	}
	compare(bench, "unpin+pin of a page below 1000 ranges, by descriptor", step_fd_page,
		&region, 5000);
	ashmem_detach(region.handle);
	compare(bench, "unpin+pin of a page below 1000 ranges, nothing attached", step_fd_page,
		&region, 2000);
	bench_must(ashmem_pin_region(region.fd, 0, 0) >= 0, "pin");
	compare(bench, "unpin+pin of a page, by descriptor, nothing attached", step_fd_page,
		&region, 2000);
	compare(bench, "  the floor of that: map, write to and unmap a page, twice", step_map_block,
		&region, 2000);
	close(region.fd);
	compare(bench, "create+map+unmap+close", step_life, NULL, 500);
}

struct block {
	struct bench *bench;
	int fd;
	char *at;
};

static double time_shrink(void *user)
{
	const struct block *block = user;
	memset(block->at, 1, PUNCH_BYTES);
	bench_must(ashmem_unpin_region(block->fd, 0, 0) == 0, "unpin");
	double start = bench_cpu_ns();
	size_t freed = ashmem_shrink(PUNCH_BYTES);
	double ms = (bench_cpu_ns() - start) / 1e6;
	bench_check(block->bench, "what was purged reads zero and is told",
		freed == PUNCH_BYTES && block->at[0] == 0 && block->at[PUNCH_BYTES - 1] == 0 &&
			ashmem_pin_region(block->fd, 0, 0) == ASHMEM_WAS_PURGED);
	return ms;
}

static double time_punch(void *user)
{
	const struct block *block = user;
	memset(block->at, 1, PUNCH_BYTES);
	double start = bench_cpu_ns();
	int r = fallocate(
		block->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)PUNCH_BYTES);
	double ms = (bench_cpu_ns() - start) / 1e6;
	bench_must(r == 0 && block->at[0] == 0, "punch");
	return ms;
}

static void bench_shrink(struct bench *bench)
{
	struct block block = {
		bench, ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "bench", PUNCH_BYTES), NULL};
	bench_must(block.fd >= 0, "create");
	block.at = mmap(NULL, PUNCH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, block.fd, 0);
	bench_must(block.at != MAP_FAILED, "mmap");
	const struct bench_side sides[] = {
		{"bare hole punch", time_punch, &block}, {"ashmem_shrink", time_shrink, &block}};
	bench_compare(bench, "purge of 32 MiB", "", "ms", sides, 2,
		bench_rounds(bench, ROUNDS, QUICK_ROUNDS));
	bench_goal(bench, "purge of 32 MiB", "ashmem_shrink / bare hole punch", BENCH_AT_MOST, 1.2);
	munmap(block.at, PUNCH_BYTES);
	close(block.fd);
}

int main(int argc, char **argv)
{
	const char *driver = getenv("ASHMEM_DRIVER");
	struct bench *bench = bench_begin("ashmem_cost",
		"What ashmem's calls cost, in units of getppid.", NULL, NULL, argc, argv);
	bench_note(bench, "driver %s", driver ? driver : "auto");
	bench_pins(bench);
	if (!driver || strcmp(driver, "device") != 0)
		bench_shrink(bench);
	return bench_end(bench);
}
