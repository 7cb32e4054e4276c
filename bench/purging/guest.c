/* The kernel's own ashmem in the scene of survival.c: runs as root in the machine that guest.sh
 * boots, and prints lines for bench_collect. 64 MiB unpinned, 8 MiB pinned, and a hog that wants
 * 100 MiB, once in a control group of 128 MiB and once with 128 MiB free on the whole machine.
 * Under emulation times mean nothing, so none is given. */
#include "group.h"
#include "hog.h"

#include <ashmem/ashmem.h>
#include <cutils/ashmem.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define LIMIT_BYTES (128 * MIB)
#define IDLE 32u
#define PINNED 4u
#define REGION_BYTES (2 * MIB)
#define HOG_MIB 100u
#define HOLD_MS 300

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* ---- the holder ---- */

struct holder {
	pid_t pid;
	/* Shared with it: */
	struct {
		_Atomic int ready, count_now, counted;
		uint32_t purged;
		uint64_t damaged;
	} * shared;
};

static uint8_t byte_at(unsigned region, size_t at)
{
	return (uint8_t)(region * 31 + at * 7 + (at >> 12) + 1);
}

static _Noreturn void hold(struct holder *holder)
{
	int fd[PINNED + IDLE];
	uint8_t *memory[PINNED + IDLE];
	for (unsigned i = 0; i < PINNED + IDLE; i++) {
		fd[i] = ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, "bench", REGION_BYTES);
		must(fd[i] >= 0, "region");
		memory[i] = mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i], 0);
		must(memory[i] != MAP_FAILED, "map");
		for (size_t at = 0; at < REGION_BYTES; at++)
			memory[i][at] = byte_at(i, at);
		if (i >= PINNED)
			must(ashmem_unpin_region(fd[i], 0, 0) == 0, "unpin");
	}
	atomic_store(&holder->shared->ready, 1);
	while (!atomic_load(&holder->shared->count_now))
		usleep(1000);
	for (unsigned i = 0; i < PINNED + IDLE; i++) {
		if (i >= PINNED && ashmem_pin_region(fd[i], 0, 0) == ASHMEM_WAS_PURGED) {
			holder->shared->purged++;
			continue;
		}
		for (size_t at = 0; at < REGION_BYTES; at++)
			holder->shared->damaged += memory[i][at] != byte_at(i, at);
	}
	atomic_store(&holder->shared->counted, 1);
	for (;;)
		pause();
}

static bool lives(pid_t pid)
{
	int status;
	return waitpid(pid, &status, WNOHANG) == 0;
}

static bool wait_for(const struct holder *holder, const _Atomic int *what)
{
	while (!atomic_load(what)) {
		if (!lives(holder->pid))
			return false;
		usleep(1000);
	}
	return true;
}

static pid_t start(const struct group *group)
{
	pid_t pid = fork();
	must(pid >= 0, "fork");
	if (pid > 0)
		return pid;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	must(write(fd, "0", 1) == 1, "oom_score_adj");
	close(fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(!group || group_enter(group, 0) == 0, "group");
	return 0;
}

static void holder_start(struct holder *holder, const struct group *group)
{
	holder->shared = mmap(NULL, sizeof(*holder->shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(holder->shared != MAP_FAILED, "memory");
	holder->pid = start(group);
	if (holder->pid == 0)
		hold(holder);
	must(wait_for(holder, &holder->shared->ready), "the holder is ready");
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- the machine ---- */

static uint64_t kernel_number(const char *path, const char *key)
{
	char line[256];
	unsigned long long value = 0;
	FILE *file = fopen(path, "r");
	must(file != NULL, path);
	while (fgets(line, sizeof(line), file)) {
		size_t length = strlen(key);
		if (strncmp(line, key, length) == 0 && sscanf(line + length, "%llu", &value) == 1)
			break;
	}
	fclose(file);
	return value;
}

static uint64_t meminfo(const char *key)
{
	return kernel_number("/proc/meminfo", key) * 1024;
}

/* Takes what is free beyond 128 MiB, for good, and is not to be killed for it. */
static void make_small(void)
{
	uint64_t available = meminfo("MemAvailable:");
	must(available > LIMIT_BYTES, "enough memory");
	size_t ballast = (size_t)(available - LIMIT_BYTES);
	void *memory =
		mmap(NULL, ballast, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED && mlock(memory, ballast) == 0, "ballast");
	/* Its children are not to copy it. */
	must(madvise(memory, ballast, MADV_DONTFORK) == 0, "ballast");
}

/* ---- a run ---- */

static void sample(
	const char *table, const char *where, const char *at, const char *unit, double value)
{
	printf("sample\t%s\t%s\t%s\t%s\t%g\n", table, where, at, unit, value);
}

static void watch(pid_t hog, const struct hog_trace *trace)
{
	while (lives(hog)) {
		if (atomic_load(&trace->done)) {
			usleep(HOLD_MS * 1000);
			return;
		}
		usleep(1000);
	}
}

/* What the machine, or the group, has left. */
static uint64_t left(const struct group *group)
{
	if (!group)
		return meminfo("MemAvailable:");
	uint64_t usage = group_usage(group);
	return usage < LIMIT_BYTES ? LIMIT_BYTES - usage : 0;
}

static uint64_t oom_kills(const struct group *group)
{
	return group ? group_oom_kills(group) : kernel_number("/proc/vmstat", "oom_kill ");
}

static void run_once(
	const struct group *group, const char *where, const char *at, uint32_t us_per_mib)
{
	struct holder holder = {0};
	struct hog_options options = {.mib = HOG_MIB, .us_per_mib = us_per_mib};
	struct hog_trace *trace = hog_trace_create();
	must(trace != NULL, "memory");
	uint64_t kills = oom_kills(group);
	holder_start(&holder, group);
	pid_t hog = start(group);
	if (hog == 0)
		hog_run(&options, trace);
	watch(hog, trace);
	uint64_t spare = left(group);
	bool hog_killed = !lives(hog), done = atomic_load(&trace->done);
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	kills = oom_kills(group) - kills;
	bool holder_killed = !lives(holder.pid);
	atomic_store(&holder.shared->count_now, 1);
	if (!holder_killed)
		holder_killed = !wait_for(&holder, &holder.shared->counted);
	double freed = holder_killed ? 0 : holder.shared->purged * (double)(REGION_BYTES / MIB);
	double spare_mib = (double)spare / (double)MIB;
	sample("survived", where, at, "of 1", done && kills == 0);
	sample("hog killed", where, at, "of 1", hog_killed);
	sample("producer killed", where, at, "of 1", holder_killed);
	sample("freed", where, at, "MiB", freed);
	if (!hog_killed) /* whose memory would count as left */
		sample("freed beyond need", where, at, "MiB",
			spare_mib < freed ? spare_mib : freed);
	sample("damaged", where, at, "bytes", (double)holder.shared->damaged);
	printf("check\t%s\t%s\n", "no byte of what is pinned, or said to be intact, is damaged",
		holder.shared->damaged == 0 ? "ok" : "failed");
	stop(holder.pid);
	munmap(holder.shared, sizeof(*holder.shared));
	hog_trace_destroy(trace);
}

/* A megabyte more at a time, until the kernel purges something: how much went for it. */
static void ask_a_little(void)
{
	struct holder holder = {0};
	struct hog_options options = {.mib = HOG_MIB, .us_per_mib = 20000};
	struct hog_trace *trace = hog_trace_create();
	must(trace != NULL, "memory");
	holder_start(&holder, NULL);
	uint64_t before = meminfo("Shmem:");
	pid_t hog = start(NULL);
	if (hog == 0)
		hog_run(&options, trace);
	while (lives(hog) && !atomic_load(&trace->done) && meminfo("Shmem:") + MIB > before)
		usleep(500);
	kill(hog, SIGSTOP);
	atomic_store(&holder.shared->count_now, 1);
	if (wait_for(&holder, &holder.shared->counted))
		sample("how much goes", "kernel ashmem", "1", "MiB",
			holder.shared->purged * (double)(REGION_BYTES / MIB));
	stop(hog);
	stop(holder.pid);
	munmap(holder.shared, sizeof(*holder.shared));
	hog_trace_destroy(trace);
}

static void run_all(const struct group *group, const char *where, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++)
		run_once(group, where, "full speed", 0);
	for (unsigned i = 0; i < rounds; i++)
		run_once(group, where, "1 MiB/ms", 1000);
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	struct group group;
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);
	must(fd >= 0 && write(fd, "-1000", 5) == 5, "oom_score_adj");
	close(fd);
	setvbuf(stdout, NULL, _IOLBF, 0);
	must(group_create("bench", LIMIT_BYTES, false, &group) == 0, "group");
	run_all(&group, "kernel ashmem, in the group", rounds);
	group_remove(&group);
	make_small();
	run_all(NULL, "kernel ashmem, whole machine", rounds);
	for (unsigned i = 0; i < rounds; i++)
		ask_a_little();
	return 0;
}
