/* The memory of N consumers that all use the same 20 pictures, pinned and read: PSS as the kernel
 * shares it out, what of it is pixels (shared memory) and what each has for itself, and the pool's
 * own count. One copy of the pixels, however many. Beside it the same without sharing: each process
 * decodes its own. */
#include "harness/bench.h"
#include "plain_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PICTURES 20
#define MOST 16
#define MEGAPIXELS 4
#define TIMEOUT_MS 120000

struct pss {
	double all, shared; /* MiB */
};

struct child {
	pid_t pid;
	int ready, go; /* it writes a byte when it has read all, and ends when go is closed */
};

static void path_of(int i, char *ret, size_t size)
{
	snprintf(ret, size, "%s/%d.jpg", bench_folder(), i);
}

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
	for (int i = 0; i < PICTURES; i++) {
		char path[4096];
		struct mural_bitmap *bitmap;
		struct mural_view view;
		path_of(i, path, sizeof(path));
		const struct mural_request wanted = {
			.path = path, .priority = MURAL_PRIORITY_VISIBLE};
		bench_must(mural_request(mural, &wanted, &bitmap) == 0 &&
				   mural_bitmap_wait(bitmap, TIMEOUT_MS) == 0 &&
				   mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, &view) == 0,
			path);
		read_all(view.pixels, (size_t)view.stride_bytes * view.height);
	}
}

/* In a child: the same without it. */
static void use_own(void)
{
	for (int i = 0; i < PICTURES; i++) {
		char path[4096];
		struct plain_size size;
		path_of(i, path, sizeof(path));
		bench_must(plain_size(path, &size), path);
		uint8_t *pixels = malloc(size.bytes);
		bench_must(pixels && plain_decode(path, pixels), path);
	}
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

static struct pss pss_of(pid_t pid)
{
	char path[64], line[256];
	struct pss pss = {0};
	double kib;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *file = fopen(path, "re");
	bench_must(file != NULL, path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Pss: %lf", &kib) == 1)
			pss.all = kib / 1024;
		else if (sscanf(line, "Pss_Shmem: %lf", &kib) == 1)
			pss.shared = kib / 1024;
	}
	fclose(file);
	return pss;
}

/* MiB of all that hold them: pixels, and the most that one has for itself. */
static struct pss sum(const struct child *children, int count, double *ret_own)
{
	struct pss total = {0};
	*ret_own = 0;
	for (int i = 0; i < count; i++) {
		struct pss one = pss_of(children[i].pid);
		total.all += one.all;
		total.shared += one.shared;
		if (one.all - one.shared > *ret_own)
			*ret_own = one.all - one.shared;
	}
	return total;
}

static double allocated_mib(void)
{
	const struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	struct mural *mural;
	struct mural_stats stats;
	bench_must(mural_open(&options, &mural) == 0, "the producer");
	bench_must(mural_stat(mural, TIMEOUT_MS, &stats) == 0, "stat");
	mural_close(mural);
	return (double)stats.allocated_bytes / (1 << 20);
}

static void measure_shared(struct bench *bench, struct child *children, int count, double *first)
{
	char at[16];
	double own;
	struct pss total = sum(children, count, &own);
	double pool = allocated_mib();
	snprintf(at, sizeof(at), "%d", count);
	if (count == 1)
		*first = pool;
	bench_sample(bench, "memory", "pool", at, "MiB", pool);
	bench_sample(bench, "memory", "PSS of all consumers", at, "MiB", total.all);
	bench_sample(bench, "memory", "of one, its own", at, "MiB", own);
	bench_ratio(bench, "memory", "pixels of N / of one", at, pool / *first);
	bench_ratio(bench, "memory", "own MiB of each / 8 MiB", at, own / 8);
}

int main(int argc, char **argv)
{
	struct bench *bench = bench_begin(
		"memory", "N processes that use the same 20 pictures.", NULL, NULL, argc, argv);
	struct child children[MOST], own[4];
	char *source = bench_picture(MEGAPIXELS, "jpeg"), path[4096];
	double first = 0, ignored;
	bench_folder();
	for (int i = 0; i < PICTURES; i++) {
		path_of(i, path, sizeof(path));
		bench_copy(source, path);
	}
	for (int i = 0; i < MOST; i++) {
		children[i] = start(use_shared);
		if (i == 0 || i == 3 || i == 15)
			measure_shared(bench, children, i + 1, &first);
	}
	bench_check(bench, "16 consumers hold one copy", allocated_mib() < first * 1.1);
	for (int i = 0; i < MOST; i++)
		stop(&children[i]);
	for (int i = 0; i < 4; i++)
		own[i] = start(use_own);
	double unshared = sum(own, 4, &ignored).all;
	bench_sample(bench, "memory", "each decodes its own", "4", "MiB", unshared);
	for (int i = 0; i < 4; i++)
		stop(&own[i]);
	bench_goal(bench, "memory", "pixels of N / of one", BENCH_AT_MOST, 1.05);
	bench_goal(bench, "memory", "own MiB of each / 8 MiB", BENCH_AT_MOST, 1);
	free(source);
	return bench_end(bench);
}
