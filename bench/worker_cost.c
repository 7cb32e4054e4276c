/* What a process for each image costs: a probe, and a decode, by a ready worker beside the same
 * codec called in-process; and how many a second when none is ready ahead. */
#include "harness/bench.h"

#include "producer/codec.h"
#include "producer/nursery.h"

#include "common/util.h"

#include <fcntl.h>
#include <mural/pixel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 300
#define QUICK_ROUNDS 50

struct options {
	const char *path;
	uint32_t width, height, helpers;
};

struct run {
	const struct options *options;
	struct nursery *nursery;
	unsigned finished;
	bool answered;
	uint64_t cpu_ns;
	struct job_result result;
};

static void on_finished(struct worker *worker, void *job_user, bool answered,
	const struct job_result *result, int signal, void *user)
{
	struct run *run = user;
	(void)job_user;
	(void)signal;
	run->finished++;
	run->cpu_ns = worker_cpu_ns(worker);
	run->answered = answered;
	if (answered)
		run->result = *result;
}

static void on_lost(unsigned count, void *user)
{
	(void)count;
	(void)user;
}

static void on_available(void *user)
{
	(void)user;
}

static void wait_and_dispatch(const struct run *run)
{
	struct pollfd polled = {.fd = nursery_fd(run->nursery), .events = POLLIN};
	poll(&polled, 1, -1);
	nursery_dispatch(run->nursery);
}

/* One job by a worker that is ready; the time from the submission to the end of the process, ms. */
static double by_worker(
	struct run *run, const struct job *job, int source, int memory, unsigned ready)
{
	struct worker *worker;
	while (nursery_ready(run->nursery) < ready)
		wait_and_dispatch(run);
	uint64_t start = monotonic_ns();
	run->finished = 0;
	if (nursery_submit(run->nursery, job, source, memory, NULL, &worker) < 0)
		return -1;
	while (run->finished == 0)
		wait_and_dispatch(run);
	return (double)(monotonic_ns() - start) / 1e6;
}

/* The same job, for either side. */
struct task {
	struct bench *bench;
	struct run *run;
	const struct job *job;
	int source, memory;
	uint8_t *pixels; /* of memory */
	struct job_result here;
};

static double there(void *user)
{
	struct task *task = user;
	double ms = by_worker(task->run, task->job, task->source, task->memory, 2);
	bench_check(task->bench, "the worker answers as the codec does",
		ms >= 0 && task->run->answered && task->run->result.error == task->here.error);
	return ms;
}

static double here(void *user)
{
	struct task *task = user;
	uint64_t start = monotonic_ns();
	codec_run(task->source, task->job, &(struct codec_place){.pixels = task->pixels, .fd = -1},
		&task->here);
	return task->here.error < 0 ? -1 : (double)(monotonic_ns() - start) / 1e6;
}

static void compare(struct task *task, const char *what)
{
	const struct bench_side sides[] = {
		{"in-process", here, task}, {"by a ready worker", there, task}};
	bench_compare(task->bench, what, "", "ms", sides, 2,
		bench_rounds(task->bench, ROUNDS, QUICK_ROUNDS));
}

static struct job probe_of(const struct run *run)
{
	return (struct job){
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = UINT64_C(1) << 30,
		.memory_bytes = UINT64_C(64) << 20,
		.cpu_seconds = 60,
		.box_width = run->options->width,
		.box_height = run->options->height,
	};
}

static void measure(struct bench *bench, struct run *run, int source)
{
	struct job job = probe_of(run);
	struct task task = {
		.bench = bench, .run = run, .job = &job, .source = source, .memory = -1};
	compare(&task, "probe");
	uint64_t size;
	job.kind = JOB_DECODE;
	job.threads = run->options->helpers;
	job.width = run->result.width;
	job.height = run->result.height;
	job.memory_bytes = run->result.memory_bytes;
	bench_must(
		mural_bitmap_layout(job.format, job.width, job.height, &job.stride_bytes, &size) &&
			page_round_up(size, &job.window_length),
		"the picture's size");
	CLEANUP(close_p) int memory = memfd_create("worker_cost", MFD_CLOEXEC);
	bench_must(memory >= 0 && ftruncate(memory, (off_t)job.window_length) == 0, "memfd");
	task.memory = memory;
	task.pixels = mmap(NULL, job.window_length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	bench_must(task.pixels != MAP_FAILED, "mmap");
	compare(&task, "decode, into the same pages");
	munmap(task.pixels, job.window_length);
}

static void one_after_another(struct bench *bench, struct run *run, int source)
{
	const struct job job = probe_of(run);
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t start = monotonic_ns();
		by_worker(run, &job, source, -1, 1);
		bench_sample(bench, "probe", "as soon as a worker is ready", "", "ms",
			(double)(monotonic_ns() - start) / 1e6);
		bench_sample(bench, "probe", "processor time of its process", "", "ms",
			(double)run->cpu_ns / 1e6);
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	switch (key) {
	case 's':
		if (sscanf(text, "%5ux%5u", &options->width, &options->height) != 2)
			argp_error(state, "--size: '%s' is no size such as 1620x1080", text);
		return 0;
	case 't':
		if (sscanf(text, "%1u", &options->helpers) != 1 ||
			options->helpers > JOB_THREADS_MAX)
			argp_error(state, "--helpers: 0 to %u", JOB_THREADS_MAX);
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_usage(state);
		options->path = text;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--nursery") == 0)
		return nursery_main(atoi(argv[2])) < 0;
	static const struct argp_option list[] = {
		{"size", 's', "WxH", 0, "Fitted into that box", 0},
		{"helpers", 't', "N", 0, "Threads that may help the decode (default: none)", 0},
		{0}};
	const struct argp own = {list, parse, "[FILE]", NULL, NULL, NULL, NULL};
	struct options options = {0};
	struct bench *bench = bench_begin("worker_cost",
		"What a process for each image costs (default: a picture of 1 MP).", &own, &options,
		argc, argv);
	CLEANUP(free_p) char *made = options.path ? NULL : bench_picture(1, "jpeg");
	const char *path = options.path ? options.path : made;
	CLEANUP(close_p) int source = open(path, O_RDONLY | O_CLOEXEC);
	bench_must(source >= 0, path);
	struct run run = {.options = &options};
	const struct nursery_options ahead = {.ahead = 2};
	const struct nursery_events events = {
		.finished = on_finished, .available = on_available, .lost = on_lost, .user = &run};
	bench_must(nursery_start(&ahead, &events, &run.nursery) >= 0, "the nursery");
	measure(bench, &run, source);
	one_after_another(bench, &run, source);
	nursery_stop(run.nursery);
	return bench_end(bench);
}
