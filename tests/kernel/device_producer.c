/* A producer on the real device, in what the kernel does not do for it (what it does: pipeline.c):
 * the budget is kept, what is thrown away by hand is the kernel's at once, also while a program
 * that has it mapped is stopped, and what is told is true. The kernel's count of shared memory
 * judges.
 *
 * usage: device_producer PRODUCER MURAL SOCKET PICTURE...
 *   The pictures take more than the budget of 32 MiB. Root: the purge of all regions needs it. */
#include "shared_memory.h"

#include "common/util.h"

#include <ashmem/ashmem.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { PICTURES_MAX = 16, WAIT_MS = 60000, LOOK_MS = 20, DRIVER_DEVICE = 2 };

#define BUDGET ((uint64_t)32 << 20)
/* Pin boards, and what the kernel has not yet counted. */
#define SLACK ((uint64_t)1 << 20)

static struct mural *m;
static struct mural_options options;
static struct mural_bitmap *bitmaps[PICTURES_MAX];
static char **paths;
static const char *command;
static int count;
static uint64_t at_first;

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "device_producer: not so: %s\n", what);
	mural_close(m);
	exit(1);
}

static uint64_t taken(void)
{
	uint64_t now = shared_memory_bytes();
	return now > at_first ? now - at_first : 0;
}

static bool is_about(uint64_t bytes, uint64_t expected)
{
	if (bytes <= expected + SLACK && bytes + SLACK >= expected)
		return true;
	fprintf(stderr, "device_producer: %llu KiB, not %llu\n", (unsigned long long)bytes >> 10,
		(unsigned long long)expected >> 10);
	return false;
}

static struct mural_stats stats_now(void)
{
	struct mural_stats stats;
	must(mural_stat(m, WAIT_MS, &stats) == 0, "stat");
	return stats;
}

static struct mural_bitmap *get(struct mural *mural, const char *path)
{
	struct mural_bitmap *bitmap = NULL;
	const struct mural_request wanted = {.path = path, .priority = MURAL_PRIORITY_VISIBLE};
	must(mural_request(mural, &wanted, &bitmap) == 0, "a request");
	must(mural_bitmap_wait(bitmap, WAIT_MS) == 0, "a decode");
	return bitmap;
}

static void the_budget_is_kept(void)
{
	for (int i = 0; i < count; i++) {
		struct mural_view view;
		bitmaps[i] = get(m, paths[i]);
		must(mural_bitmap_pin_wait(bitmaps[i], WAIT_MS, &view) == ASHMEM_NOT_PURGED,
			"what has just been decoded is there");
		struct mural_stats stats = stats_now();
		must(stats.used_bytes <= BUDGET, "the pool's own count is within the budget");
		must(taken() <= BUDGET + SLACK, "the kernel's count is within the budget");
		must(is_about(stats.allocated_bytes, taken()), "both counts agree");
		mural_bitmap_unpin(bitmaps[i]);
	}
	must(stats_now().purges > 0, "something had to go");
	puts("the budget is kept, by the kernel's count too");
}

/* ---- by hand ---- */

/* A program that has the last picture mapped, and does not answer any more. */
static pid_t start_sleeper(void)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		struct mural *mine = NULL;
		struct mural_view view;
		if (mural_open(&options, &mine) < 0)
			_exit(1);
		struct mural_bitmap *bitmap = get(mine, paths[count - 1]);
		if (mural_bitmap_pin_wait(bitmap, WAIT_MS, &view) != ASHMEM_NOT_PURGED ||
			mural_bitmap_unpin(bitmap) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(1);
	}
	must(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status),
		"another program has it mapped");
	return pid;
}

static void what_goes_by_hand_is_the_kernels(void)
{
	uint64_t freed = 0, before = taken();
	pid_t sleeper = start_sleeper();
	must(mural_trim(m, 1, WAIT_MS, &freed) == 0 && freed > 0, "trim");
	must(is_about(before - taken(), freed), "what trim says has gone has gone");
	must(taken() > 8 * SLACK, "and no more than one picture");
	before = taken();
	while (stats_now().used_bytes > 0) /* what was used a moment ago may be left out */
		must(mural_purge(m, WAIT_MS, &freed) == 0, "purge");
	must(is_about(taken(), 0), "all is gone, also what the stopped program has mapped");
	must(is_about(stats_now().allocated_bytes, 0), "and that is what is told");
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	puts("what goes by hand is the kernel's at once");
}

/* ---- after the kernel's purge ---- */

static void wait_until_idle(uint32_t wanted)
{
	while (stats_now().idle_bitmaps < wanted)
		mural_wait(m, LOOK_MS);
}

static void what_the_kernel_took_is_not_counted_again(void)
{
	uint64_t freed = 0;
	must(mural_bitmap_redecode(bitmaps[0], MURAL_PRIORITY_VISIBLE) == 0 &&
			mural_bitmap_wait(bitmaps[0], WAIT_MS) == 0,
		"it is decoded again");
	wait_until_idle(1);
	struct mural_stats before = stats_now();
	must(is_about(before.allocated_bytes, before.idle_bytes), "it is there");
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, "purge", 4096);
	must(ashmem_purge_all_caches(fd) > 0, "the kernel purges");
	close(fd);
	struct mural_stats after = stats_now();
	must(after.idle_bytes == before.idle_bytes, "the pool learns of it at the next pin");
	must(is_about(after.allocated_bytes, 0), "though what the kernel counts is told");
	must(mural_purge(m, WAIT_MS, &freed) == 0 && freed == 0, "there is nothing to give back");
	must(stats_now().used_bytes == 0, "and the room is there again");
	puts("what the kernel took is not counted again");
}

/* ---- what a person is told ---- */

static bool says(const char *what, const char *wanted)
{
	char line[512], text[600];
	bool found = false;
	snprintf(text, sizeof(text), "%s %s", command, what);
	FILE *output = popen(text, "r");
	must(output, "popen");
	while (fgets(line, sizeof(line), output)) {
		found |= strstr(line, wanted) != NULL;
		fputs(line, stderr);
	}
	return pclose(output) == 0 && found;
}

static void it_tells_which_driver(void)
{
	must(stats_now().driver == DRIVER_DEVICE, "the pool is on the device");
	must(says("stat", " device driver, "), "mural stat names the driver");
	must(!says("stat", ", 0 B by the kernel's count"), "and knows what the kernel counts");
	must(says("stat --json", "\"driver\": \"device\""), "and in JSON");
	must(says("doctor", " device driver, "), "mural doctor names it");
	puts("it tells which driver it is on");
}

int main(int argc, char *argv[])
{
	static const char *const arguments[] = {
		"--driver", "device", "--idle-ms", "100", "--budget", "32M", NULL};
	if (argc < 6 || argc > 4 + PICTURES_MAX) {
		fprintf(stderr,
			"usage: device_producer PRODUCER MURAL SOCKET PICTURE PICTURE...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	options = (struct mural_options){
		.producer = argv[1], .producer_args = arguments, .socket = argv[3]};
	command = argv[2];
	paths = argv + 4;
	count = argc - 4;
	setenv("MURAL_SOCKET", argv[3], 1);
	must(mural_open(&options, &m) == 0, "mural_open");
	at_first = shared_memory_bytes();
	the_budget_is_kept();
	it_tells_which_driver();
	what_goes_by_hand_is_the_kernels();
	what_the_kernel_took_is_not_counted_again();
	for (int i = 0; i < count; i++)
		mural_bitmap_unref(bitmaps[i]);
	pid_t producer = stats_now().pid;
	mural_close(m);
	kill(producer, SIGTERM);
	return 0;
}
