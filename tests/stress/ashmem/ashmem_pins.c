/* Clause A49 under concurrency: a pin that gives 0 has the bytes whole, one that gives 1 has all
 * zero, and nothing changes while it is pinned.
 *
 *   ashmem_pins processes|threads WORKERS PINS
 *
 * Each worker pins, checks and unpins pages of its own in one shared region, while one shrinker
 * takes what is unpinned, oldest first, and another purges inside ranges. Workers of every kind
 * contend for the one lock. With threads all share one mapping and one handle, so that
 * ThreadSanitizer sees them. */
#include <ashmem/ashmem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define RANGE_PAGES 3
#define RANGES_EACH 4
#define MAX_WORKERS 16

struct shared { /* counters of all workers, in memory that forked ones share */
	_Atomic bool stop;
	_Atomic long pins, purged, wrong;
};

static struct shared *shared;
static int fd;
static struct ashmem_handle *handle;
static unsigned char *data;
static long pins_each;

struct worker {
	int number;
	uint64_t seed;
};

static uint32_t random_below(struct worker *worker, uint32_t limit)
{
	worker->seed ^= worker->seed << 13;
	worker->seed ^= worker->seed >> 7;
	worker->seed ^= worker->seed << 17;
	return (uint32_t)((worker->seed >> 11) % limit);
}

static bool is_filled(const unsigned char *at, size_t length, int value)
{
	return at[0] == value && memcmp(at, at + 1, length - 1) == 0;
}

static void report(const char *what, const struct worker *worker, size_t offset, int answer)
{
	fprintf(stderr, "worker %d, offset %zu: %s (pin gave %d)\n", worker->number, offset, what,
		answer);
	shared->wrong++;
}

/* One pin of one range; gives what it holds after. */
static unsigned char pin_once(struct worker *worker, size_t offset, unsigned char value)
{
	size_t length = RANGE_PAGES * PAGE;
	unsigned char *at = data + offset;
	int answer = ashmem_handle_pin(handle, offset, length);
	shared->pins++;
	if (answer == ASHMEM_NOT_PURGED && !is_filled(at, length, value))
		report("bytes are lost", worker, offset, answer);
	if (answer == ASHMEM_WAS_PURGED) {
		shared->purged++;
		if (!is_filled(at, length, 0))
			report("purged, but not zero", worker, offset, answer);
	}
	if (answer < 0) {
		report("pin failed", worker, offset, answer);
		return value;
	}
	if (answer == ASHMEM_WAS_PURGED || random_below(worker, 8) == 0) {
		value = (unsigned char)(1 + random_below(worker, 255));
		memset(at, value, length);
	}
	if (random_below(worker, 64) == 0) {
		usleep(1);
		if (!is_filled(at, length, value))
			report("changed while pinned", worker, offset, answer);
	}
	if (ashmem_handle_unpin(handle, offset, length) != 0)
		report("unpin failed", worker, offset, answer);
	return value;
}

static void *pin_pages(void *arg)
{
	struct worker *worker = arg;
	unsigned char values[RANGES_EACH] = {0};
	for (long i = 0; i < pins_each && !shared->wrong; i++) {
		size_t which = random_below(worker, RANGES_EACH);
		size_t range = (size_t)worker->number * RANGES_EACH + which;
		values[which] = pin_once(worker, range * RANGE_PAGES * PAGE, values[which]);
	}
	return NULL;
}

static void *shrink(void *arg)
{
	struct worker *worker = arg;
	while (!shared->stop) {
		ashmem_shrink((1 + random_below(worker, 8)) * PAGE);
		usleep(20);
	}
	return NULL;
}

static void *purge_inside(void *arg)
{
	struct worker *worker = arg;
	size_t freed;
	while (!shared->stop) {
		size_t pages = (1 + random_below(worker, 8)) * RANGE_PAGES;
		if (ashmem_handle_purge(handle, 0, pages * PAGE, &freed) < 0)
			report("purge failed", worker, 0, -1);
		usleep(50);
	}
	return NULL;
}

struct task {
	void *(*run)(void *);
	struct worker worker;
	pthread_t thread;
	pid_t process;
};

static void start(struct task *task, bool threads)
{
	if (threads) {
		if (pthread_create(&task->thread, NULL, task->run, &task->worker) != 0)
			exit(2);
		return;
	}
	task->process = fork();
	if (task->process < 0)
		exit(2);
	if (task->process == 0) {
		task->run(&task->worker);
		_exit(0);
	}
}

static void finish(const struct task *task, bool threads)
{
	int how = 0;
	if (threads)
		pthread_join(task->thread, NULL);
	else if (waitpid(task->process, &how, 0) < 0 || how != 0)
		shared->wrong++;
}

static void open_region(int workers)
{
	size_t bytes = (size_t)workers * RANGES_EACH * RANGE_PAGES * PAGE;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "pins", bytes);
	data = ashmem_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED || data == MAP_FAILED || ashmem_attach(fd, &handle) < 0) {
		perror("region");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct task tasks[MAX_WORKERS + 2] = {0};
	int workers = argc > 2 ? atoi(argv[2]) : 4;
	bool threads = argc > 1 && strcmp(argv[1], "threads") == 0;
	if (workers < 1 || workers > MAX_WORKERS)
		return 2;
	pins_each = (argc > 3 ? atol(argv[3]) : 400000) / workers;
	open_region(workers);
	for (int i = 0; i < workers + 2; i++) {
		tasks[i].run = i < workers ? pin_pages : i == workers ? shrink : purge_inside;
		tasks[i].worker = (struct worker){i, 88172645463325252u + (uint64_t)i};
		start(&tasks[i], threads);
	}
	for (int i = 0; i < workers + 2; i++) {
		if (i == workers)
			shared->stop = true;
		finish(&tasks[i], threads);
	}
	printf("%d %s: %ld pins, %ld purged, %ld wrong\n", workers,
		threads ? "threads" : "processes", shared->pins, shared->purged, shared->wrong);
	return shared->wrong != 0;
}
