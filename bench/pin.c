/* What a pin costs: pin + unpin of a ready bitmap through libmural, beside other ways to say "I use
 * this"; and how it and they scale over threads and processes, each with a bitmap of its own or all
 * with the same. That it makes no system call is verified by forbidding all (seccomp). */
#include "cores.h"
#include "harness/bench.h"
#include "pin_ways.h"

#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 21
#define QUICK_ROUNDS 7
#define THREADS 8
#define CALLS 100000
#define SLOW_CALLS 1000

/* Not measured here: unpin + pin of a whole region by the ioctls of the kernel's own ashmem, by
 * handle, in getppids of the same run (Debian's 5.10 under QEMU's emulation; ashmem_cost with
 * ASHMEM_DRIVER=device, in README.md's table of it). */
#define KERNEL_ASHMEM_GETPPIDS 11.1

/* ---- one thread, beside others ---- */

struct side {
	const char *name;
	const struct team_job *way; /* NULL: getppid */
	int calls;
	void *opened;
};

static double time_side(const struct side *side)
{
	double start = bench_now_ns();
	if (side->way)
		side->way->run(side->opened, side->calls);
	else
		for (int i = 0; i < side->calls; i++)
			getppid();
	return (bench_now_ns() - start) / side->calls;
}

static void measure_round(struct bench *bench, const struct side *sides, size_t count)
{
	char name[96];
	double first = 0;
	for (size_t i = 0; i < count; i++) {
		double ns = time_side(&sides[i]);
		if (i == 0)
			first = ns;
		bench_sample(bench, "pin", sides[i].name, "", "ns", ns);
		bench_sample(bench, "pin, in getppids", sides[i].name, "", "getppids", ns / first);
		snprintf(name, sizeof(name), "%s / %s", sides[i].name, sides[0].name);
		if (i > 0)
			bench_ratio(bench, "pin", name, "", ns / first);
	}
}

static void measure_beside(struct bench *bench)
{
	struct side sides[] = {
		{"getppid", NULL, CALLS, NULL},
		{"mural pin + unpin", &way_pin, CALLS, NULL},
		{"two atomic operations", &way_counter, CALLS, NULL},
		{"robust mutex", &way_mutex, CALLS, NULL},
		{"OFD lock + unlock", &way_ofd, SLOW_CALLS, NULL},
		{"message to the producer and back", &way_producer, SLOW_CALLS, NULL},
		{"message to an echo and back", &way_echo, SLOW_CALLS, NULL},
	};
	size_t count = sizeof(sides) / sizeof(*sides);
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	for (size_t i = 1; i < count; i++)
		sides[i].opened = sides[i].way->open(0);
	for (size_t i = 0; i < count; i++)
		time_side(&sides[i]); /* warms up */
	for (unsigned i = 0; i < rounds; i++)
		measure_round(bench, sides, count);
	bench_sample(bench, "pin, in getppids", "kernel's ashmem (cited)", "", "getppids",
		KERNEL_ASHMEM_GETPPIDS);
	bench_note(bench,
		"kernel's ashmem (cited): %g getppids, measured elsewhere (5.10, emulated; "
		"bench/README.md), not in this run",
		KERNEL_ASHMEM_GETPPIDS);
	bench_goal(bench, "pin", "mural pin + unpin / getppid", BENCH_AT_MOST, 0.3);
	for (size_t i = 1; i < count; i++) {
		if (sides[i].way->close)
			sides[i].way->close(sides[i].opened);
	}
}

/* ---- no system call ---- */

static void check_no_system_call(struct bench *bench)
{
	int status;
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		void *bitmap = way_pin.open(0);
		way_pin.run(bitmap, 1);
		/* From here on anything but read, write and exit is SIGKILL. */
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(2);
		way_pin.run(bitmap, 1000);
		syscall(SYS_exit, 0);
	}
	bench_must(waitpid(pid, &status, 0) == pid, "waitpid");
	bench_check(bench, "pin and unpin make no system call",
		WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- many threads, many processes ---- */

struct scaling {
	const char *series;
	const struct team_job *way;
	enum team_kind kind;
	bool same, baseline; /* a baseline: with --quick up to two workers alone */
};

static const struct scaling scalings[] = {
	{"threads, own bitmaps", &way_pin, TEAM_THREADS, false, false},
	{"threads, same bitmap", &way_pin, TEAM_THREADS, true, false},
	{"threads, own counters", &way_counter, TEAM_THREADS, false, true},
	{"threads, own robust mutexes", &way_mutex, TEAM_THREADS, false, true},
	{"threads, same robust mutex", &way_mutex, TEAM_THREADS, true, true},
	{"threads, OFD locks", &way_ofd, TEAM_THREADS, false, true},
	{"threads, messages to the producer", &way_producer, TEAM_THREADS, false, true},
	{"processes, own bitmaps", &way_pin, TEAM_PROCESSES, false, false},
	{"processes, same bitmap", &way_pin, TEAM_PROCESSES, true, false},
	{"processes, own counters", &way_counter, TEAM_PROCESSES, false, true},
	{"processes, own robust mutexes", &way_mutex, TEAM_PROCESSES, false, true},
	{"processes, same robust mutex", &way_mutex, TEAM_PROCESSES, true, true},
	{"processes, OFD locks", &way_ofd, TEAM_PROCESSES, false, true},
	{"processes, messages to the producer", &way_producer, TEAM_PROCESSES, false, true},
};

static void measure_together(
	struct bench *bench, struct team *team, const struct scaling *scaling, unsigned count)
{
	char name[96], at[16];
	unsigned cores = cores_count(), apart = count < cores ? count : cores;
	struct team_pace alone = team_alone(team, apart), all = team_together(team, count);
	snprintf(at, sizeof(at), "%u", count);
	bench_sample(bench, "scaling", scaling->series, at, "M/s", all.rate);
	if (count == 1)
		return;
	snprintf(name, sizeof(name), "%s / one", scaling->series);
	bench_ratio(bench, "scaling", name, at, all.rate / alone.rate);
	/* Beside counters of their own it says what is lost to slower cores, not to waiting. */
	snprintf(name, sizeof(name), "%s: processor time of a call / alone", scaling->series);
	if (count > cores)
		return;
	bench_ratio(bench, "scaling", name, at, all.cpu / alone.cpu);
	bench_sample(bench, "share of the time that workers ran", scaling->series, at, "of all",
		all.part);
}

static void scale(struct bench *bench, const struct scaling *scaling)
{
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	unsigned workers = scaling->kind == TEAM_THREADS ? THREADS : TEAM_MAX;
	unsigned most = scaling->baseline && bench_quick(bench) ? 2 : workers;
	struct team *team = team_start(scaling->way, scaling->kind, scaling->same, workers);
	char name[96];
	snprintf(name, sizeof(name), "%s / one", scaling->series);
	bench_better(bench, "scaling", name, BENCH_AT_LEAST);
	team_together(team, most); /* warms up */
	for (unsigned count = 1; count <= most; count *= 2) {
		for (unsigned i = 0; i < rounds; i++)
			measure_together(bench, team, scaling, count);
	}
	team_stop(team);
}

/* Says what would make the ratios another machine's. */
static void note_stolen(struct bench *bench, struct team_time before)
{
	struct team_time now = team_time();
	double part = (now.stolen - before.stolen) / (now.all - before.all);
	if (part > 0.01)
		bench_note(bench,
			"the host took %.1f %% of the processors' time away: scaling is worse for "
			"it",
			100 * part);
	bench_note(bench,
		"\"own counters\" is what the cores give to those who share nothing: judge "
		"the others by it. Where workers with something of their own ran less than "
		"0.99 of the time, other programs had their cores");
}

int main(int argc, char **argv)
{
	struct bench *bench = bench_begin("pin",
		"Pin and unpin of a ready bitmap, beside other ways.", NULL, NULL, argc, argv);
	char *path = bench_picture(1, "jpeg");
	bench_folder();
	pin_ways_prepare(path);
	struct mural *mural = pin_connect(); /* a producer runs from here on */
	check_no_system_call(bench);
	measure_beside(bench);
	struct team_time before = team_time();
	bench_goal_at(bench, "scaling", "threads, own bitmaps / one", "2", BENCH_AT_LEAST, 1.9);
	bench_goal_at(bench, "scaling", "processes, own bitmaps / one", "2", BENCH_AT_LEAST, 1.9);
	bench_goal_at(bench, "scaling", "processes, same bitmap / one", "2", BENCH_AT_LEAST, 1.9);
	for (size_t i = 0; i < sizeof(scalings) / sizeof(*scalings); i++)
		scale(bench, &scalings[i]);
	note_stolen(bench, before);
	mural_close(mural);
	free(path);
	return bench_end(bench);
}
