/* What purging costs: the pool's shrink beside the bare hole punch, by page size and by the number
 * of processes that map the memory; and filling a purged bitmap again, in fresh memory and in a
 * region that was kept. In pairs; CPU time, so that other load counts little. */
#include "harness/bench.h"
#include "harness/huge_pages.h"

#include "common/message.h"
#include "common/populate.h"
#include "pool/pool.h"
#include "window.h"

#include <errno.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define WIDTH 4096u
#define HEIGHT 2048u
#define BYTES (32 * MIB)
#define PAGE 4096u
#define MAPPERS_MAX 16u

struct context {
	struct bench *bench;
	struct pool *pool;
	struct pool_slot *slot; /* of the last round, PURGED or about to go */
	unsigned mappers;
	bool huge;    /* pages */
	uint64_t now; /* the pool's clock is ours */
	char *resident;
};

/* ---- processes that map ---- */

/* Forked before anything is measured: whatever is forked later leaves the parent with pages that
 * are copied when they are next written, in the middle of what is measured. */
static struct mapper {
	pid_t pid;
	int socket;
} mapper[MAPPERS_MAX];

/* Maps what it is sent, answers, and unmaps it at the next message, which is answered as well. */
static _Noreturn void map_for(int socket)
{
	char byte, sum = 0;
	int fds[MESSAGE_FDS_MAX];
	size_t count;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (message_receive(socket, &byte, 1, fds, &count) == 1 && count == 1) {
		char *at = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, fds[0], 0);
		close(fds[0]);
		if (at == MAP_FAILED)
			_exit(1);
		for (size_t i = 0; i < BYTES; i += PAGE)
			sum = (char)(sum + ((const volatile char *)at)[i]);
		message_send(socket, &sum, 1, NULL, 0);
		if (message_receive(socket, &byte, 1, fds, &count) != 1 || count != 0)
			break;
		munmap(at, BYTES);
		message_send(socket, &byte, 1, NULL, 0);
	}
	_exit(0);
}

static void mappers_fork(void)
{
	for (unsigned i = 0; i < MAPPERS_MAX; i++) {
		int pair[2];
		bench_must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
			"socketpair");
		mapper[i] = (struct mapper){.pid = fork(), .socket = pair[0]};
		bench_must(mapper[i].pid >= 0, "fork");
		if (mapper[i].pid == 0) {
			for (unsigned k = 0; k <= i; k++)
				close(mapper[k].socket);
			map_for(pair[1]);
		}
		close(pair[1]);
	}
}

static void mappers_join(void)
{
	for (unsigned i = 0; i < MAPPERS_MAX; i++) {
		close(mapper[i].socket);
		waitpid(mapper[i].pid, NULL, 0);
	}
}

/* Has @count of them do what is next; @fd: the memory to be mapped, -1: unmap it. */
static void mappers_tell(unsigned count, int fd)
{
	char byte = 0;
	int fds[MESSAGE_FDS_MAX];
	size_t received;
	for (unsigned i = 0; i < count; i++)
		bench_must(message_send(mapper[i].socket, &byte, 1, &fd, fd >= 0) == 0 &&
				   message_receive(mapper[i].socket, &byte, 1, fds, &received) == 1,
			"a process that maps");
}

/* ---- purging ---- */

static uint64_t blocks(int fd)
{
	struct stat st;
	bench_must(fstat(fd, &st) == 0, "fstat");
	return (uint64_t)st.st_blocks * 512;
}

static void write_through(const struct context *context, int fd, uint64_t offset)
{
	struct window window;
	errno = -window_map(fd, offset, BYTES, &window);
	bench_must(errno == 0, "map");
	if (context->huge)
		bench_must(bench_make_huge_pages(window.pixels, BYTES), "huge pages");
	memset(window.pixels, 1, BYTES);
	munmap(window.pixels, window.length);
}

/* us a MiB: until the bytes are back, and giving up what is left of the region or file. */
struct cost {
	double purge, close;
};

static double us_per_mib(double ns)
{
	return ns / 1e3 / (double)(BYTES / MIB);
}

static struct cost punch_and_close(struct context *context)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	bench_must(fd >= 0 && ftruncate(fd, (off_t)BYTES) == 0, "memfd");
	write_through(context, fd, 0);
	mappers_tell(context->mappers, fd);
	double start = bench_cpu_ns();
	int r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)BYTES);
	double ns = bench_cpu_ns() - start;
	bench_must(r == 0, "punch");
	bench_check(context->bench, "what is punched holds no memory", blocks(fd) == 0);
	start = bench_cpu_ns();
	close(fd);
	double close_ns = bench_cpu_ns() - start;
	mappers_tell(context->mappers, -1);
	return (struct cost){us_per_mib(ns), us_per_mib(close_ns)};
}

static double punch(void *user)
{
	return punch_and_close(user).purge;
}

static double punch_closed(void *user)
{
	struct cost cost = punch_and_close(user);
	return cost.purge + cost.close;
}

static struct pool *make_pool(uint64_t budget_bytes, uint64_t keep_bytes)
{
	struct pool *pool;
	struct pool_options options = {.budget_bytes = budget_bytes,
		.keep_bytes = keep_bytes,
		.holder_pinned_bytes = UINT64_MAX,
		.instance = {1, 2},
		.driver = ASHMEM_DRIVER_MEMFD};
	errno = -pool_create(&options, 1, &pool);
	bench_must(errno == 0, "pool");
	return pool;
}

static struct pool_slot *reserve(struct context *context)
{
	struct pool_slot *slot;
	struct pool_bitmap bitmap = {
		.format = MURAL_FORMAT_XRGB8888, .width = WIDTH, .height = HEIGHT};
	bench_must(mural_bitmap_layout(
			   bitmap.format, WIDTH, HEIGHT, &bitmap.stride_bytes, &bitmap.size_bytes),
		"layout");
	errno = -pool_reserve(context->pool, &bitmap, getuid(), NULL, ++context->now, &slot);
	bench_must(errno == 0, "reserve");
	return slot;
}

static void become_idle(struct context *context, struct pool_slot *slot)
{
	errno = -pool_publish(context->pool, slot, 1, false, ++context->now);
	bench_must(errno == 0, "publish");
	pool_tick(context->pool, ++context->now);
	bench_must(pool_slot_state(slot) == BOARD_IDLE, "idle");
}

/* Only what somebody was given has to be punched to the last page. */
static void share(const struct context *context, const struct pool_slot *slot)
{
	int fd;
	if (context->mappers == 0)
		return;
	bench_must(pool_slot_share(context->pool, slot, &fd) == 0, "share");
	mappers_tell(context->mappers, fd);
}

/* The pool closes what is left of the region when it has time. */
static struct cost shrink_and_close(struct context *context)
{
	int fd;
	uint64_t offset, length;
	struct pool_slot *slot = reserve(context);
	pool_window(slot, &fd, &offset, &length);
	write_through(context, fd, offset);
	share(context, slot);
	become_idle(context, slot);
	double start = bench_cpu_ns();
	uint64_t freed = pool_shrink(context->pool, BYTES, ++context->now);
	double ns = bench_cpu_ns() - start;
	bench_check(context->bench, "what is purged is given back", freed >= BYTES);
	start = bench_cpu_ns();
	pool_tick(context->pool, ++context->now);
	double close_ns = bench_cpu_ns() - start;
	mappers_tell(context->mappers, -1);
	return (struct cost){us_per_mib(ns), us_per_mib(close_ns)};
}

static double shrink(void *user)
{
	return shrink_and_close(user).purge;
}

static double shrink_closed(void *user)
{
	struct cost cost = shrink_and_close(user);
	return cost.purge + cost.close;
}

static void bench_purge(struct context *context, const char *table)
{
	static const unsigned mappers[] = {0, 1, 4, MAPPERS_MAX};
	const struct bench_side sides[] = {{"bare hole punch", punch, context},
		{"mural", shrink, context}, {"punch and close", punch_closed, context},
		{"mural and close", shrink_closed, context}};
	unsigned rounds = bench_rounds(context->bench, 15, 5);
	context->pool = make_pool(256 * MIB, 0);
	for (size_t i = 0; i < sizeof(mappers) / sizeof(mappers[0]); i++) {
		char at[16];
		context->mappers = mappers[i];
		snprintf(at, sizeof(at), "%u", mappers[i]);
		bench_compare(context->bench, table, at, "us/MiB", sides, 4, rounds);
	}
	bench_goal(context->bench, table, "mural / bare hole punch", BENCH_AT_MOST, 1.2);
	pool_destroy(context->pool);
}

/* ---- filling again ---- */

static double fill_resident(void *user)
{
	struct context *context = user;
	double start = bench_cpu_ns();
	memset(context->resident, 1, BYTES);
	return (bench_cpu_ns() - start) / 1e6;
}

/* @reused: the region's pages are there. Of small ones a decoder would write fresh ones by pwrite,
 * in half of the time. */
static double fill_slot(struct context *context, bool reused)
{
	struct window window;
	int fd;
	uint64_t offset, length;
	double start = bench_cpu_ns();
	struct pool_slot *slot = reserve(context);
	pool_window(slot, &fd, &offset, &length);
	bench_must(window_map(fd, offset, BYTES, &window) == 0, "map");
	if (context->huge && !reused)
		bench_must(bench_make_huge_pages(window.pixels, BYTES), "huge pages");
	if (reused) /* only its page tables are to be filled: quicker than a fault a page */
		madvise(window.pixels, window.length, MADV_POPULATE_READ);
	memset(window.pixels, 1, BYTES);
	munmap(window.pixels, window.length);
	double ns = bench_cpu_ns() - start;
	become_idle(context, slot);
	return ns / 1e6;
}

static double fill_fresh(void *user)
{
	struct context context = *(struct context *)user;
	context.pool = make_pool(256 * MIB, 0);
	double ms = fill_slot(&context, false);
	pool_destroy(context.pool);
	return ms;
}

/* The budget has room for one only: it takes the memory of the one before it, which is idle. */
static double fill_reused(void *user)
{
	struct context *context = user;
	return fill_slot(context, true);
}

static void bench_fill(struct context *context, const char *at)
{
	const struct bench_side sides[] = {{"resident private memory", fill_resident, context},
		{"fresh region", fill_fresh, context}, {"reused region", fill_reused, context}};
	struct mural_stats stats = {0};
	context->pool = make_pool(48 * MIB, UINT64_MAX);
	fill_slot(context, false);
	bench_compare(context->bench, "fill 32 MiB after a purge", at, "ms", sides, 3,
		bench_rounds(context->bench, 15, 5));
	pool_stats(context->pool, &stats);
	bench_check(context->bench, "regions are reused", stats.reuses > 0);
	pool_destroy(context->pool);
}

static void bench_pages(struct context *context, bool huge)
{
	const char *pages = huge ? "huge pages" : "4 KiB pages";
	char table[64];
	context->huge = huge;
	bench_must(prctl(PR_SET_THP_DISABLE, !huge, 0, 0, 0) == 0, "PR_SET_THP_DISABLE");
	if (huge && !collapse_works()) {
		bench_note(context->bench, "left out: this system makes no huge pages");
		return;
	}
	snprintf(table, sizeof(table), "purge, %s", pages);
	bench_purge(context, table);
	bench_fill(context, pages);
}

int main(int argc, char **argv)
{
	struct context context = {.now = UINT64_C(1000000000000)};
	struct bench *bench = context.bench =
		bench_begin("purge_speed", "What purging costs.", NULL, NULL, argc, argv);
	context.resident = malloc(BYTES);
	bench_must(context.resident != NULL, "memory");
	mappers_fork();
	bench_pages(&context, false);
	bench_pages(&context, true);
	mappers_join();
	free(context.resident);
	return bench_end(bench);
}
