/* What ashmem's calls cost, in units of getppid measured in the same run, so that machines compare.
 *
 * Prints one line a quantity: median over rounds, in ns and in getppids. What is purged is checked
 * to read zero. On the device's own kernel the same program measures the device
 * (ASHMEM_DRIVER=device). */
#include <ashmem/ashmem.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 15
#define PAGE 4096
#define PAGES 4096
#define PUNCH_BYTES ((size_t)32 << 20)

static double unit_ns; /* one getppid */

/* CPU time: what else the machine does is not counted. Nothing here sleeps. */
static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

struct bench {
	int fd;
	struct ashmem_handle *handle;
};

/* Median time of one call of @step, over rounds of @count. */
static double measure(void (*step)(struct bench *), struct bench *bench, int count)
{
	double times[ROUNDS + 1];
	for (int round = 0; round <= ROUNDS; round++) {
		double start = now_ns();
		for (int i = 0; i < count; i++)
			step(bench);
		times[round] = (now_ns() - start) / count;
	}
	qsort(times + 1, ROUNDS, sizeof(times[0]), ascending); /* times[0] warmed up */
	return times[1 + ROUNDS / 2];
}

static void report(const char *what, double ns)
{
	printf("%-58s %10.0f ns %8.2f getppid\n", what, ns, ns / unit_ns);
}

static void step_getppid(struct bench *bench)
{
	(void)bench;
	getppid();
}

static void step_handle_whole(struct bench *bench)
{
	ashmem_handle_unpin(bench->handle, 0, 0);
	must(ashmem_handle_pin(bench->handle, 0, 0) == ASHMEM_NOT_PURGED, "pin");
}

static void step_handle_status(struct bench *bench)
{
	must(ashmem_handle_status(bench->handle, 0, 0) == ASHMEM_IS_PINNED, "status");
}

/* Below the other ranges, where the driver's list is walked to its end. */
static void step_handle_page(struct bench *bench)
{
	ashmem_handle_unpin(bench->handle, 0, PAGE);
	must(ashmem_handle_pin(bench->handle, 0, PAGE) == ASHMEM_NOT_PURGED, "pin");
}

static void step_fd_page(struct bench *bench)
{
	ashmem_unpin_region(bench->fd, 0, PAGE);
	must(ashmem_pin_region(bench->fd, 0, PAGE) == ASHMEM_NOT_PURGED, "pin");
}

static void step_fd_whole(struct bench *bench)
{
	ashmem_unpin_region(bench->fd, 0, 0);
	must(ashmem_pin_region(bench->fd, 0, 0) == ASHMEM_NOT_PURGED, "pin");
}

static void step_life(struct bench *bench)
{
	(void)bench;
	int fd = ashmem_create_region("bench", PAGE);
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED, "mmap");
	munmap(at, PAGE);
	close(fd);
}

static struct bench open_bench(void)
{
	struct bench bench = {.fd = ashmem_create_region("bench", (size_t)PAGES * PAGE)};
	must(bench.fd >= 0, "create");
	must(ashmem_attach(bench.fd, &bench.handle) == 0, "attach");
	return bench;
}

static void unpin_separate(struct bench *bench, int ranges)
{
	for (size_t i = 1; i <= (size_t)ranges; i++)
		must(ashmem_handle_unpin(bench->handle, 2 * i * PAGE, PAGE) == 0, "unpin");
}

static void bench_pins(void)
{
	struct bench bench = open_bench();
	report("unpin+pin, whole region, by handle", measure(step_handle_whole, &bench, 20000));
	report("status, whole region, by handle", measure(step_handle_status, &bench, 20000));
	report("unpin+pin, whole region, by descriptor, attached",
		measure(step_fd_whole, &bench, 5000));
	int counts[] = {0, 1, 10, 100, 1000};
	double at_one = 0;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char what[80];
		must(ashmem_handle_pin(bench.handle, 0, 0) >= 0, "pin");
		unpin_separate(&bench, counts[i]);
		snprintf(what, sizeof(what), "unpin+pin of a page below %d ranges, by handle",
			counts[i]);
		double ns = measure(step_handle_page, &bench, 20000);
		report(what, ns);
		if (counts[i] == 1)
			at_one = ns;
		if (counts[i] == 1000)
			printf("%-58s %10.2f\n", "  1000 ranges against 1", ns / at_one);
	}
	report("unpin+pin of a page below 1000 ranges, by descriptor",
		measure(step_fd_page, &bench, 5000));
	ashmem_detach(bench.handle);
	report("  the same, nothing attached", measure(step_fd_page, &bench, 2000));
	must(ashmem_pin_region(bench.fd, 0, 0) >= 0, "pin");
	report("unpin+pin of a page, by descriptor, nothing attached",
		measure(step_fd_page, &bench, 2000));
	close(bench.fd);
	report("create+map+unmap+close", measure(step_life, NULL, 500));
}

static double time_shrink(int fd, char *at)
{
	memset(at, 1, PUNCH_BYTES);
	must(ashmem_unpin_region(fd, 0, 0) == 0, "unpin");
	double start = now_ns();
	size_t freed = ashmem_shrink(PUNCH_BYTES);
	double ns = now_ns() - start;
	must(freed == PUNCH_BYTES && at[0] == 0 && at[PUNCH_BYTES - 1] == 0, "shrink");
	must(ashmem_pin_region(fd, 0, 0) == ASHMEM_WAS_PURGED, "pin");
	return ns;
}

static double time_punch(int fd, char *at)
{
	memset(at, 1, PUNCH_BYTES);
	double start = now_ns();
	int r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)PUNCH_BYTES);
	double ns = now_ns() - start;
	must(r == 0 && at[0] == 0, "punch");
	return ns;
}

/* In pairs, since the machine's speed drifts. */
static void bench_shrink(void)
{
	double shrink[ROUNDS], punch[ROUNDS], ratio[ROUNDS];
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "bench", PUNCH_BYTES);
	must(fd >= 0, "create");
	char *at = mmap(NULL, PUNCH_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(at != MAP_FAILED, "mmap");
	for (int i = 0; i < ROUNDS; i++) {
		punch[i] = time_punch(fd, at);
		shrink[i] = time_shrink(fd, at);
		ratio[i] = shrink[i] / punch[i];
	}
	munmap(at, PUNCH_BYTES);
	close(fd);
	qsort(shrink, ROUNDS, sizeof(shrink[0]), ascending);
	qsort(punch, ROUNDS, sizeof(punch[0]), ascending);
	qsort(ratio, ROUNDS, sizeof(ratio[0]), ascending);
	report("bare hole punch, 32 MiB", punch[ROUNDS / 2]);
	report("ashmem_shrink, 32 MiB", shrink[ROUNDS / 2]);
	printf("%-58s %10.3f\n", "  shrink against punch, median of pairs", ratio[ROUNDS / 2]);
}

int main(void)
{
	struct utsname system;
	const char *driver = getenv("ASHMEM_DRIVER");
	uname(&system);
	printf("%s %s %s, driver %s, mural %s\n", system.sysname, system.release, system.machine,
		driver ? driver : "auto", MURAL_VERSION);
	unit_ns = measure(step_getppid, NULL, 50000);
	report("getppid", unit_ns);
	bench_pins();
	if (!driver || strcmp(driver, "device") != 0)
		bench_shrink();
	return 0;
}
