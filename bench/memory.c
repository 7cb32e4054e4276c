/* The memory of N consumers that all use the same 20 pictures, pinned and read, as the kernel
 * counts it: PSS, what of it is shared memory (the pixels), what each has for itself, and the
 * blocks of the pool's memfds. One copy of the pixels, however many. Beside it the same without
 * sharing: each process decodes its own. */
#include "harness/bench.h"
#include "plain_decode.h"
#include "resident.h"
#include "twenty.h"

#include <fcntl.h>
#include <malloc.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 16
#define ALONE 4
#define TIMEOUT_MS 120000

struct child {
	pid_t pid;
	int ready, go; /* it writes a byte when it has read all, and ends when go is closed */
};

/* What the kernel counts of N. */
struct count {
	struct resident all;
	double own, pool; /* MiB: the most that one has for itself; blocks of the pool's memfds */
};

static const char *const *pictures;

static void read_all(const void *pixels, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 4096)
		(void)*(const volatile uint8_t *)((const uint8_t *)pixels + at);
}

/* In a child: uses all pictures, through Mural. */
static void use_shared(void)
{
	struct mural *mural;
	bench_must(mural_open(NULL, &mural) == 0, "a producer");
	for (int i = 0; i < TWENTY; i++) {
		struct mural_bitmap *bitmap;
		struct mural_view view;
		const struct mural_request wanted = {
			.path = pictures[i], .priority = MURAL_PRIORITY_VISIBLE};
		bench_must(mural_request(mural, &wanted, &bitmap) == 0 &&
				   mural_bitmap_wait(bitmap, TIMEOUT_MS) == 0 &&
				   mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, &view) == 0,
			pictures[i]);
		read_all(view.pixels, (size_t)view.stride_bytes * view.height);
	}
}

/* In a child: the same without it. */
static void use_own(void)
{
	for (int i = 0; i < TWENTY; i++) {
		struct plain_size size;
		bench_must(plain_size(pictures[i], &size), pictures[i]);
		uint8_t *pixels = malloc(size.bytes);
		bench_must(pixels && plain_decode(pictures[i], pixels), pictures[i]);
	}
}

/* MiB of the pixels, by the files' sizes. */
static double pixels_mib(void)
{
	double bytes = 0;
	for (int i = 0; i < TWENTY; i++) {
		struct plain_size size;
		bench_must(plain_size(pictures[i], &size), pictures[i]);
		bytes += (double)size.bytes;
	}
	return bytes / (1 << 20);
}

static struct child start(void (*use)(void))
{
	int ready[2], go[2];
	char byte;
	bench_must(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0, "pipes");
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(go[1]);
		use();
		bench_must(write(ready[1], "r", 1) == 1, "telling");
		(void)!read(go[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	bench_must(read(ready[0], &byte, 1) == 1, "a consumer");
	return (struct child){pid, ready[0], go[1]};
}

static void stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
	close(child->ready);
	close(child->go);
}

static struct count count_all(const struct child *children, int count)
{
	struct count sum = {0};
	for (int i = 0; i < count; i++) {
		struct resident one = resident_of(children[i].pid);
		bench_must(one.all > 0, "smaps_rollup");
		sum.all = resident_add(sum.all, one);
		if (one.all - one.shared > sum.own)
			sum.own = one.all - one.shared;
	}
	return sum;
}

static void measure_shared(
	struct bench *bench, const struct child *children, int consumers, struct count *first)
{
	char at[16];
	struct count now = count_all(children, consumers);
	now.pool = resident_memfds(resident_producer());
	snprintf(at, sizeof(at), "%d", consumers);
	if (consumers == 1)
		*first = now;
	bench_sample(bench, "memory", "PSS of all consumers", at, "MiB", now.all.all);
	bench_sample(bench, "memory", "shared memory of that", at, "MiB", now.all.shared);
	bench_sample(bench, "memory", "blocks of the pool's memfds", at, "MiB", now.pool);
	bench_sample(bench, "memory", "of one, its own", at, "MiB", now.own);
	bench_ratio(bench, "memory", "shared memory of N / of one", at,
		now.all.shared / first->all.shared);
	bench_ratio(bench, "memory", "blocks of N / of one", at, now.pool / first->pool);
	bench_ratio(bench, "memory", "own MiB of each / 8 MiB", at, now.own / 8);
	/* By the kernel alone: mapped by N, and counted once. */
	bench_check(bench, "one copy of the pixels: shared memory of all consumers",
		now.all.shared >= pixels_mib() && now.all.shared < pixels_mib() * 1.05);
	bench_check(bench, "one copy of the pixels: blocks of the pool's memfds",
		now.pool >= pixels_mib() && now.pool < pixels_mib() * 1.05 + 8);
}

static double measure_unshared(struct bench *bench)
{
	char at[16];
	struct child children[ALONE];
	for (int i = 0; i < ALONE; i++)
		children[i] = start(use_own);
	struct count now = count_all(children, ALONE);
	snprintf(at, sizeof(at), "%d", ALONE);
	bench_sample(bench, "memory", "each decodes its own", at, "MiB", now.all.all);
	for (int i = 0; i < ALONE; i++)
		stop(&children[i]);
	return now.all.all;
}

int main(int argc, char **argv)
{
	struct bench *bench = bench_begin(
		"memory", "N processes that use the same 20 pictures.", NULL, NULL, argc, argv);
	struct child children[MOST];
	struct count first = {0};
	double shared_by_four = 0;
	pictures = twenty_pictures();
	malloc_trim(0); /* what the making left behind: children would inherit it */
	for (int i = 0; i < MOST; i++) {
		children[i] = start(use_shared);
		if (i + 1 == 1 || i + 1 == ALONE || i + 1 == MOST)
			measure_shared(bench, children, i + 1, &first);
		if (i + 1 == ALONE)
			shared_by_four = count_all(children, ALONE).all.all;
	}
	for (int i = 0; i < MOST; i++)
		stop(&children[i]);
	bench_ratio(bench, "memory", "PSS of four / where each decodes its own", "4",
		shared_by_four / measure_unshared(bench));
	bench_goal(bench, "memory", "shared memory of N / of one", BENCH_AT_MOST, 1.05);
	bench_goal(bench, "memory", "blocks of N / of one", BENCH_AT_MOST, 1.05);
	bench_goal(bench, "memory", "own MiB of each / 8 MiB", BENCH_AT_MOST, 1);
	return bench_end(bench);
}
