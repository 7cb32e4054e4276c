/* Who survives when a program in the same control group wants more memory than there is left: 64
 * MiB of idle pictures, 8 MiB pinned, a group of 128 MiB, and a hog that wants 100 MiB of it
 * ("part": 40).
 *
 * One run a sample. Survived means: the hog got all it wanted, and the OOM killer took nobody of
 * the group, neither it nor the producer nor a decoder. */
#include "beside.h"
#include "harness/bench.h"
#include "hog.h"
#include "oom_log.h"
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define LIMIT_BYTES (128 * MIB)
/* Pictures of 2 MiB, which is a slot: what may at most go too much. */
#define IDLE 32u
#define PINNED 4u
#define SLOT_BYTES (2 * MIB)
#define READ_FILE_MIB 256u
/* What the pool keeps free in such a group (mural-producer(8)), and a quarter of it for hysteresis.
 */
#define LOW_WATER (48 * MIB)
#define TARGET (60 * MIB)
/* How long everybody must live on after the hog has all it wanted; also the time line's end. */
#define HOLD_MS 200
#define SAMPLE_NS 500000
#define SAMPLES_MAX 20000u

struct pattern {
	const char *name;
	uint32_t mib, us_per_mib;
	bool read_file;
};

static const struct pattern patterns[] = {
	{"full speed", 100, 0, false},
	{"1 MiB/ms", 100, 1000, false},
	{"page cache", 100, 1000, true},
	{"part", 40, 1000, false},
	{"time line", 100, 8000, false},
};

struct arguments {
	const char *pressure, *label, *pattern, *trace;
	unsigned beside;
	bool swap;
};

struct moment {
	uint64_t ns, usage, pool;
	uint64_t ran_ns, waited_ns; /* the producer, on a processor and for one, since its start */
	uint32_t hog_mib;
	uint8_t told;
};

struct run {
	struct bench *bench;
	const struct pattern *pattern;
	unsigned round;
	struct scene scene;
	struct hog_trace *trace;
	pid_t hog;
	int hog_pidfd;
	int schedstat_fd; /* of the producer; -1: the kernel does not count */
	uint64_t start_ns;
	struct moment *moment; /* SAMPLES_MAX */
	unsigned moments;
	/* What came of it: */
	bool hog_done, hog_killed, producer_killed;
	uint64_t oom_kills, freed, beyond, damaged;
	double need_ms, freed_ms, hog_ms; /* negative: never */
	double ran_ms, wait_ms; /* the producer since the need; its longest wait for a processor */
};

static char *read_file; /* what is read in the pattern "page cache" */

static void write_read_file(void)
{
	static char block[1 << 20];
	bench_must(asprintf(&read_file, "%s/read-file", bench_folder()) >= 0, "memory");
	int fd = open(read_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bench_must(fd >= 0, read_file);
	for (unsigned i = 0; i < READ_FILE_MIB; i++)
		bench_must(write(fd, block, sizeof(block)) == sizeof(block), read_file);
	bench_must(fsync(fd) == 0, read_file);
	close(fd);
}

/* Out of the page cache, where it is charged to whoever read it first. */
static void forget_read_file(void)
{
	int fd = open(read_file, O_RDONLY | O_CLOEXEC);
	bench_must(fd >= 0, read_file);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void start_hog(struct run *run)
{
	struct hog_options options = {.mib = run->pattern->mib,
		.us_per_mib = run->pattern->us_per_mib,
		.read_file = run->pattern->read_file ? read_file : NULL};
	run->start_ns = (uint64_t)bench_now_ns();
	run->hog = fork();
	bench_must(run->hog >= 0, "fork");
	if (run->hog == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (group_enter(&run->scene.group, 0) < 0)
			_exit(2);
		hog_run(&options, run->trace);
	}
	run->hog_pidfd = (int)syscall(SYS_pidfd_open, run->hog, 0);
	bench_must(run->hog_pidfd >= 0, "pidfd_open");
}

static void open_schedstat(struct run *run)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)run->scene.producer);
	run->schedstat_fd = open(path, O_RDONLY | O_CLOEXEC);
}

static void read_schedstat(const struct run *run, struct moment *moment)
{
	char text[128];
	unsigned long long ran, waited;
	ssize_t got =
		run->schedstat_fd < 0 ? -1 : pread(run->schedstat_fd, text, sizeof(text) - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	if (sscanf(text, "%llu %llu", &ran, &waited) != 2)
		return;
	moment->ran_ns = ran;
	moment->waited_ns = waited;
}

static void take_sample(struct run *run)
{
	if (run->moments == SAMPLES_MAX)
		return;
	run->moment[run->moments++] = (struct moment){.ns = (uint64_t)bench_now_ns(),
		.usage = group_usage(&run->scene.group),
		.pool = group_memory(&run->scene.group).shared,
		.hog_mib = atomic_load(&run->trace->steps),
		.told = (uint8_t)run->scene.told};
	read_schedstat(run, &run->moment[run->moments - 1]);
}

/* Until somebody has died, or the hog had all and everybody lived on for a while. */
static void watch(struct run *run)
{
	struct pollfd polls[] = {{.fd = run->hog_pidfd, .events = POLLIN},
		{.fd = run->scene.producer_pidfd, .events = POLLIN},
		{.fd = mural_fd(run->scene.mural), .events = POLLIN}};
	uint64_t end_ns = UINT64_MAX;
	while ((uint64_t)bench_now_ns() < end_ns) {
		take_sample(run);
		if (end_ns == UINT64_MAX && atomic_load(&run->trace->done))
			end_ns = (uint64_t)bench_now_ns() + HOLD_MS * UINT64_C(1000000);
		ppoll(polls, 3, &(struct timespec){.tv_nsec = SAMPLE_NS}, NULL);
		if (polls[0].revents || polls[1].revents)
			return;
		if (polls[2].revents)
			mural_dispatch(run->scene.mural);
	}
}

static void stop_hog(struct run *run)
{
	int status = 0;
	struct pollfd gone = {.fd = run->hog_pidfd, .events = POLLIN};
	run->hog_done = atomic_load(&run->trace->done);
	run->hog_killed = poll(&gone, 1, 0) == 1;
	if (!run->hog_killed)
		kill(run->hog, SIGKILL);
	waitpid(run->hog, &status, 0);
	close(run->hog_pidfd);
	if (!WIFSIGNALED(status)) {
		errno = ECHILD;
		bench_must(false, "the hog runs");
	}
}

/* ---- what the samples say ---- */

static double ms_between(uint64_t from, uint64_t to)
{
	return ((double)to - (double)from) / 1e6;
}

/* First need: the hog's growth left less than the low-water mark. Freed: the pool had become
 * smaller by a slot at least. */
static void judge_times(struct run *run)
{
	const struct hog_trace *trace = run->trace;
	uint32_t steps = atomic_load(&run->trace->steps);
	uint64_t before = run->moment[0].usage, pool = run->moment[0].pool;
	run->need_ms = run->freed_ms = run->hog_ms = -1;
	for (uint32_t i = 0; i < steps && run->need_ms < 0; i++)
		if (before + (i + 1) * MIB > LIMIT_BYTES - LOW_WATER)
			run->need_ms = ms_between(run->start_ns, trace->ns[i]);
	for (unsigned i = 0; i < run->moments && run->freed_ms < 0; i++)
		if (run->moment[i].pool + SLOT_BYTES <= pool)
			run->freed_ms = ms_between(run->start_ns, run->moment[i].ns);
	if (run->hog_done)
		run->hog_ms = ms_between(trace->start_ns, trace->ns[steps - 1]);
}

/* A wait is counted when it is over. */
static void judge_producer(struct run *run)
{
	uint64_t need_ns = run->start_ns + (uint64_t)(run->need_ms * 1e6);
	run->ran_ms = run->wait_ms = 0;
	for (unsigned i = 1; i < run->moments && run->need_ms >= 0; i++) {
		const struct moment *moment = &run->moment[i], *before = moment - 1;
		if (moment->ns < need_ns || moment->ran_ns < before->ran_ns)
			continue;
		double waited_ms = ms_between(before->waited_ns, moment->waited_ns);
		run->ran_ms += ms_between(before->ran_ns, moment->ran_ns);
		run->wait_ms = waited_ms > run->wait_ms ? waited_ms : run->wait_ms;
	}
}

/* The sample before @ns. */
static const struct moment *moment_at(const struct run *run, uint64_t ns)
{
	unsigned i = 0;
	while (i + 1 < run->moments && run->moment[i + 1].ns <= ns)
		i++;
	return &run->moment[i];
}

static double in_mib(uint64_t bytes)
{
	return (double)bytes / (double)MIB;
}

static const char *ms_or_never(double ms, char text[16])
{
	if (ms < 0)
		return "never";
	snprintf(text, 16, "%.1f ms", ms);
	return text;
}

/* Who was killed, and how the pool stood in time: when a run does not survive, this is why. */
static void tell_kills(const struct run *run, struct oom_log *log)
{
	struct oom_kill kill;
	uint64_t told = 0;
	char line[1024], need[16], freed[16];
	int length = snprintf(line, sizeof(line),
		"%s, run %u: need at %s, freed at %s; the producer then ran %.1f ms, and waited up "
		"to %.1f for a processor; killed",
		run->pattern->name, run->round + 1, ms_or_never(run->need_ms, need),
		ms_or_never(run->freed_ms, freed), run->ran_ms, run->wait_ms);
	while (length < (int)sizeof(line) && oom_log_next(log, &run->scene.group, &kill)) {
		const struct moment *moment = moment_at(run, kill.ns);
		length += snprintf(line + length, sizeof(line) - (size_t)length, " %s at %.1f ms",
			kill.name, ms_between(run->start_ns, kill.ns));
		if (told++ == 0 && length < (int)sizeof(line))
			length += snprintf(line + length, sizeof(line) - (size_t)length,
				" (it had %.1f MiB, the hog %u, the pool %.1f, all programs %.1f "
				"of their own),",
				in_mib(kill.victim_bytes), moment->hog_mib,
				in_mib(kill.shared_bytes), in_mib(kill.private_bytes));
	}
	if (told > 0)
		bench_note(run->bench, "%s", line);
	if (told < run->oom_kills)
		bench_note(run->bench,
			"%s, run %u: %llu killed of whom the kernel's log does not tell",
			run->pattern->name, run->round + 1,
			(unsigned long long)(run->oom_kills - told));
}

/* Too much has gone when more is left now than the pool is to leave. Page cache is no use of memory
 * that would have had to wait. */
static void judge_memory(struct run *run, uint64_t allocated_before)
{
	struct mural_stats stats;
	uint64_t cache = group_memory(&run->scene.group).inactive_file;
	uint64_t usage = group_usage(&run->scene.group) - cache;
	uint64_t left = usage < LIMIT_BYTES ? LIMIT_BYTES - usage : 0;
	run->freed = 0;
	if (scene_stats(&run->scene, &stats) && stats.allocated_bytes < allocated_before)
		run->freed = allocated_before - stats.allocated_bytes;
	run->beyond = left > TARGET ? left - TARGET : 0;
	if (run->beyond > run->freed)
		run->beyond = run->freed;
}

static void write_trace(const struct run *run, const char *path)
{
	FILE *file = fopen(path, "we");
	bench_must(file != NULL, path);
	fprintf(file, "# ms\tgroup MiB\tpool MiB\thog MiB\tpressure told\n");
	for (unsigned i = 0; i < run->moments; i++) {
		const struct moment *moment = &run->moment[i];
		fprintf(file, "%.3f\t%.3f\t%.3f\t%u\t%u\n", ms_between(run->start_ns, moment->ns),
			in_mib(moment->usage), in_mib(moment->pool), moment->hog_mib, moment->told);
	}
	bench_must(fclose(file) == 0, path);
}

static void run_once(const struct arguments *arguments, struct run *run)
{
	struct mural_stats stats;
	struct oom_log log;
	static const struct scene_class classes[] = {{IDLE + PINNED, 1024, 512}, {0}};
	struct scene_options options = {.pressure = arguments->pressure,
		.budget = "112M",
		.grouped = true,
		.limit_bytes = LIMIT_BYTES,
		.swap = arguments->swap,
		.classes = classes,
		.pinned = PINNED};
	if (run->pattern->read_file)
		forget_read_file();
	run->moments = 0;
	run->trace = hog_trace_create();
	bench_must(run->trace != NULL, "memory for a trace");
	scene_open(&options, &run->scene);
	oom_log_open(&log);
	bench_must(scene_stats(&run->scene, &stats), "the producer answers");
	open_schedstat(run);
	start_hog(run);
	watch(run);
	run->producer_killed = !scene_producer_lives(&run->scene);
	judge_memory(run, stats.allocated_bytes);
	stop_hog(run);
	if (run->schedstat_fd >= 0)
		close(run->schedstat_fd);
	run->oom_kills = group_oom_kills(&run->scene.group);
	judge_times(run);
	judge_producer(run);
	tell_kills(run, &log);
	oom_log_close(&log);
	run->damaged = scene_pinned_damage(&run->scene) + scene_intact_damage(&run->scene);
	if (arguments->trace)
		write_trace(run, arguments->trace);
	scene_close(&run->scene);
	hog_trace_destroy(run->trace);
}

/* ---- the report ---- */

static void report(const char *label, const struct run *run)
{
	struct bench *bench = run->bench;
	const char *at = run->pattern->name;
	bool survived = run->hog_done && run->oom_kills == 0 && !run->producer_killed;
	uint64_t others = run->hog_killed + run->producer_killed;
	bench_sample(bench, "survived", label, at, "of 1", survived);
	bench_sample(bench, "hog killed", label, at, "of 1", run->hog_killed);
	bench_sample(bench, "producer killed", label, at, "of 1", run->producer_killed);
	bench_sample(bench, "decoders killed", label, at, "processes",
		run->oom_kills > others ? (double)(run->oom_kills - others) : 0);
	if (run->need_ms >= 0 && run->freed_ms >= 0)
		bench_sample(bench, "from first need to freed", label, at, "ms",
			run->freed_ms - run->need_ms);
	bench_sample(bench, "longest wait of the producer for a processor", label, at, "ms",
		run->wait_ms);
	bench_sample(bench, "freed", label, at, "MiB", in_mib(run->freed));
	if (!run->hog_killed) /* whose memory would count as left */
		bench_sample(bench, "freed beyond need", label, at, "MiB", in_mib(run->beyond));
	if (run->hog_ms >= 0)
		bench_sample(bench, "until the hog had all", label, at, "ms", run->hog_ms);
	bench_sample(bench, "damaged", label, at, "bytes", (double)run->damaged);
	bench_check(bench, "no byte of a pinned picture, or of one said to be intact, is damaged",
		run->damaged == 0);
}

enum {
	OPTION_PRESSURE = 256,
	OPTION_LABEL,
	OPTION_PATTERN,
	OPTION_SWAP,
	OPTION_TRACE,
	OPTION_BESIDE
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	switch (key) {
	case OPTION_PRESSURE:
		arguments->pressure = text;
		return 0;
	case OPTION_LABEL:
		arguments->label = text;
		return 0;
	case OPTION_PATTERN:
		arguments->pattern = text;
		return 0;
	case OPTION_TRACE:
		arguments->trace = text;
		return 0;
	case OPTION_BESIDE:
		arguments->beside = (unsigned)strtoul(text, NULL, 10);
		return 0;
	case OPTION_SWAP:
		arguments->swap = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option option_list[] = {
	{"pressure", OPTION_PRESSURE, "LIST", 0, "The producer's --pressure", 0},
	{"label", OPTION_LABEL, "TEXT", 0, "What the results are filed under", 0},
	{"pattern", OPTION_PATTERN, "NAME", 0,
		"full speed, 1 MiB/ms, page cache, part, or time line (default: the first four)",
		0},
	{"swap", OPTION_SWAP, NULL, 0, "The group may use swap, where the machine has it", 0},
	{"beside", OPTION_BESIDE, "N", 0, "While N compilers (cc) keep the processors busy", 0},
	{"trace", OPTION_TRACE, "FILE", 0, "Write the last run's memory over time", 0},
	{0},
};

static const char *label_of(const struct arguments *arguments)
{
	static char text[80];
	if (arguments->label)
		return arguments->label;
	int length = snprintf(
		text, sizeof(text), "%.40s", arguments->pressure ? arguments->pressure : "default");
	if (arguments->beside)
		snprintf(text + length, sizeof(text) - (size_t)length, ", beside %u compilers",
			arguments->beside);
	return text;
}

static void run_all(const struct arguments *arguments, struct run *run)
{
	const char *label = label_of(arguments);
	unsigned rounds = bench_rounds(run->bench, 20, 2);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		run->pattern = &patterns[i];
		bool wanted = arguments->pattern
				      ? strcmp(arguments->pattern, run->pattern->name) == 0
				      : strcmp(run->pattern->name, "time line") != 0;
		for (run->round = 0; wanted && run->round < rounds; run->round++) {
			run_once(arguments, run);
			report(label, run);
		}
	}
}

int main(int argc, char **argv)
{
	struct arguments arguments = {0};
	const char *why = NULL;
	const struct argp own = {option_list, parse, NULL, NULL, NULL, NULL, NULL};
	struct bench *bench =
		bench_begin("purge_survival", "Who survives when another program wants the memory.",
			&own, &arguments, argc, argv);
#ifdef MURAL_SANITIZED
	why = "a sanitizer needs more memory than the group has";
#endif
	if (why || !scene_possible(&why))
		bench_skip(bench, why);
	if (arguments.beside && !beside_possible())
		bench_skip(bench, "no compiler (cc) that could keep the processors busy");
	struct run run = {.bench = bench, .moment = calloc(SAMPLES_MAX, sizeof(struct moment))};
	bench_must(run.moment != NULL, "memory for samples");
	write_read_file();
	beside_start(arguments.beside);
	run_all(&arguments, &run);
	beside_stop();
	free(run.moment);
	free(read_file);
	return bench_end(bench);
}
