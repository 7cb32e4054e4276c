/* What a process for each image costs: a probe, and a decode, by a ready worker beside the same
 * codec called in-process; a new thumbnail by one process that does both, and by two, one right
 * after the other and with rests between; and how many a second when none is ready ahead. The
 * request's way ends where the producer can go on: with the answer, or, for a large bitmap, which
 * is written where it is read, when the process has gone. */
#include "harness/bench.h"
#include "harness/huge_pages.h"

#include "producer/codec.h"
#include "producer/nursery.h"

#include "common/util.h"
#include "window.h"

#include <fcntl.h>
#include <mural/pixel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ROUNDS 300
#define QUICK_ROUNDS 50
#define BOX 256u
#define REST_NS 10000000
#define SETTLE_NS 1000000
#define ISOLATION_MS 0.5
#define RESTED 3 /* rounds without rests for one with them */
/* Below it the producer decodes into scratch memory. */
#define SMALL_BYTES ((uint64_t)1 << 20)

/* Tables. */
#define PROBE "probe"
#define DECODE "decode, into the same pages"
#define THUMBNAIL "a new thumbnail of 256 pixels"
#define THUMBNAIL_RESTED "… with 10 ms of rest before each"

struct options {
	const char *path;
	uint32_t width, height, helpers;
};

struct run {
	const struct options *options;
	struct nursery *nursery;
	unsigned finished;
	bool gone; /* the process of the last job */
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

static void on_gone(void *lent, void *user)
{
	(void)user;
	((struct run *)lent)->gone = true;
}

static void on_available(void *user)
{
	(void)user;
}

static void on_lost(unsigned count, void *user)
{
	(void)count;
	(void)user;
}

static void wait_and_dispatch(const struct run *run)
{
	struct pollfd polled = {.fd = nursery_fd(run->nursery), .events = POLLIN};
	poll(&polled, 1, -1);
	nursery_dispatch(run->nursery);
}

static double ms_since(uint64_t start)
{
	return (double)(monotonic_ns() - start) / 1e6;
}

/* Time for one job by a worker that is ready. */
struct times {
	double finished_ms, gone_ms; /* from the submission; -1: it was refused */
};

static struct times time_worker(
	struct run *run, const struct job *job, int source, int memory, unsigned ready)
{
	struct worker *worker;
	struct times times = {-1, -1};
	while (nursery_ready(run->nursery) < ready)
		wait_and_dispatch(run);
	uint64_t start = monotonic_ns();
	run->finished = 0;
	run->gone = false;
	if (nursery_submit(run->nursery, job, source, memory, NULL, &worker) < 0)
		return times;
	worker_lend(worker, run);
	while (run->finished == 0)
		wait_and_dispatch(run);
	times.finished_ms = ms_since(start);
	while (!run->gone)
		wait_and_dispatch(run);
	times.gone_ms = ms_since(start);
	return times;
}

static double by_worker(
	struct run *run, const struct job *job, int source, int memory, unsigned ready)
{
	return time_worker(run, job, source, memory, ready).finished_ms;
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
	return task->here.error < 0 ? -1 : ms_since(start);
}

/* What a process may cost more than the codec in-process. */
static void add_isolation(
	struct bench *bench, const char *table, double by_process_ms, double in_process_ms)
{
	double more_ms = by_process_ms - in_process_ms;
	bench_sample(bench, table, "one process, more than in-process", "", "ms", more_ms);
	bench_ratio(bench, table, "one process, more than in-process / 0.5 ms", "",
		more_ms / ISOLATION_MS);
	bench_ratio(bench, table, "one process / in-process", "", by_process_ms / in_process_ms);
}

static void compare(struct task *task, const char *table)
{
	unsigned rounds = bench_rounds(task->bench, ROUNDS, QUICK_ROUNDS);
	for (unsigned i = 0; i <= rounds; i++) { /* the first warms up */
		double alone = here(task), one = there(task);
		bench_must(alone >= 0 && one >= 0, table);
		if (i == 0)
			continue;
		bench_sample(task->bench, table, "in-process", "", "ms", alone);
		bench_sample(task->bench, table, "one process", "", "ms", one);
		add_isolation(task->bench, table, one, alone);
	}
}

static struct job probe_of(const struct run *run)
{
	return (struct job){
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = UINT64_C(1) << 30,
		.memory_bytes = UINT64_C(32) << 20, /* as the producer allows */
		.cpu_seconds = 60,
		.box_width = run->options->width,
		.box_height = run->options->height,
	};
}

/* As the producer's regions: larger ones are whole huge pages. */
static bool window_length(uint64_t size, uint64_t *ret)
{
	return size > MURAL_HUGE_PAGE_SIZE ? round_up_to(size, MURAL_HUGE_PAGE_SIZE, ret)
					   : page_round_up(size, ret);
}

static void measure(struct bench *bench, struct run *run, int source)
{
	struct job job = probe_of(run);
	struct task task = {
		.bench = bench, .run = run, .job = &job, .source = source, .memory = -1};
	compare(&task, PROBE);
	uint64_t size;
	job.kind = JOB_DECODE;
	job.threads = run->options->helpers;
	job.width = run->result.width;
	job.height = run->result.height;
	job.memory_bytes = job_memory_bytes(&run->result, job.threads);
	bench_must(
		mural_bitmap_layout(job.format, job.width, job.height, &job.stride_bytes, &size) &&
			window_length(size, &job.window_length),
		"the picture's size");
	job.flags = size < SMALL_BYTES ? JOB_SCRATCH : 0;
	CLEANUP(close_p) int memory = memfd_create("worker_cost", MFD_CLOEXEC);
	bench_must(memory >= 0 && ftruncate(memory, (off_t)job.window_length) == 0, "memfd");
	task.memory = memory;
	struct window window;
	bench_must(window_map(memory, 0, job.window_length, &window) == 0, "mmap");
	if (window.length >= MURAL_HUGE_PAGE_SIZE &&
		bench_make_huge_pages(window.pixels, window.length))
		bench_note(bench, "the pages of \"" DECODE "\" are huge ones");
	task.pixels = window.pixels;
	compare(&task, DECODE);
	munmap(window.pixels, window.length);
}

/* A picture that nobody knows, fitted into the box: its size and its pixels. */
struct thumbnail {
	struct run *run;
	struct job probe, straight, decode;
	int source, memory;
	uint8_t *pixels, *expected;
	uint64_t size;
};

static double in_process(struct thumbnail *thumbnail, struct job_result *ret)
{
	uint64_t start = monotonic_ns();
	codec_run(thumbnail->source, &thumbnail->straight,
		&(struct codec_place){.pixels = thumbnail->pixels, .fd = -1}, ret);
	return ms_since(start);
}

static bool is_right(const struct thumbnail *thumbnail)
{
	return thumbnail->run->answered && thumbnail->run->result.decoded &&
	       memcmp(thumbnail->pixels, thumbnail->expected, thumbnail->size) == 0;
}

/* What the round before has left behind is done, the next worker included; then a rest, or none. */
static void settle(struct run *run, uint64_t rest_ns)
{
	const struct timespec rest = {.tv_nsec = (long)rest_ns};
	while (nursery_ready(run->nursery) < 2)
		wait_and_dispatch(run);
	for (uint64_t end = monotonic_ns() + SETTLE_NS; monotonic_ns() < end;)
		continue;
	if (rest_ns > 0)
		nanosleep(&rest, NULL);
}

static void thumbnail_round(struct bench *bench, struct thumbnail *thumbnail, const char *table,
	uint64_t rest_ns, bool counts)
{
	struct run *run = thumbnail->run;
	struct job_result here;
	settle(run, rest_ns);
	double alone = in_process(thumbnail, &here);
	settle(run, rest_ns);
	struct times one =
		time_worker(run, &thumbnail->straight, thumbnail->source, thumbnail->memory, 2);
	double cpu = (double)run->cpu_ns / 1e6;
	bench_check(bench, "the workers' pixels are the codec's", is_right(thumbnail));
	settle(run, rest_ns);
	double two = by_worker(run, &thumbnail->probe, thumbnail->source, -1, 2);
	two += by_worker(run, &thumbnail->decode, thumbnail->source, thumbnail->memory, 2);
	bench_check(bench, "the workers' pixels are the codec's", is_right(thumbnail));
	if (!counts)
		return;
	bench_sample(bench, table, "in-process", "", "ms", alone);
	bench_sample(bench, table, "one process", "", "ms", one.finished_ms);
	bench_sample(bench, table, "… until it has gone", "", "ms", one.gone_ms);
	bench_sample(bench, table, "… its processor time, up to the answer", "", "ms", cpu);
	bench_sample(bench, table, "two, one after the other", "", "ms", two);
	add_isolation(bench, table, one.finished_ms, alone);
	bench_sample(bench, table, "two, more than in-process", "", "ms", two - alone);
	bench_ratio(bench, table, "one process / two", "", one.finished_ms / two);
}

/* The jobs that the producer would make. */
static void prepare(struct thumbnail *thumbnail)
{
	struct job_result facts;
	thumbnail->probe = (struct job){
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.box_width = BOX,
		.box_height = BOX,
		.max_pixels = UINT64_C(1) << 30,
		.memory_bytes = UINT64_C(32) << 20, /* as the producer allows */
		.cpu_seconds = 60,
	};
	codec_run(thumbnail->source, &thumbnail->probe, NULL, &facts);
	bench_must(facts.error == 0, facts.text);
	thumbnail->straight = thumbnail->decode = thumbnail->probe;
	thumbnail->straight.flags = thumbnail->decode.flags = JOB_SCRATCH;
	thumbnail->straight.window_length = (uint64_t)BOX * BOX * 4;
	thumbnail->straight.go_on_pixels = UINT64_C(1) << 30;
	struct job *decode = &thumbnail->decode;
	decode->kind = JOB_DECODE;
	decode->width = facts.width;
	decode->height = facts.height;
	bench_must(mural_bitmap_layout(decode->format, decode->width, decode->height,
			   &decode->stride_bytes, &thumbnail->size) &&
			   page_round_up(thumbnail->size, &decode->window_length),
		"the thumbnail's size");
}

static void thumbnail_rounds(struct bench *bench, struct thumbnail *thumbnail)
{
	thumbnail->expected = malloc(thumbnail->size);
	bench_must(thumbnail->expected != NULL, "memory");
	memcpy(thumbnail->expected, thumbnail->pixels, thumbnail->size);
	for (unsigned i = 0, rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS); i <= rounds; i++) {
		thumbnail_round(bench, thumbnail, THUMBNAIL, 0, i > 0);
		if (i % RESTED == 0)
			thumbnail_round(bench, thumbnail, THUMBNAIL_RESTED, REST_NS, i > 0);
	}
	free(thumbnail->expected);
}

static void thumbnails(struct bench *bench, struct run *run, int source)
{
	struct thumbnail thumbnail = {.run = run, .source = source};
	struct job_result here;
	prepare(&thumbnail);
	const uint64_t length = thumbnail.straight.window_length;
	CLEANUP(close_p) int memory = memfd_create("worker_cost", MFD_CLOEXEC);
	bench_must(memory >= 0 && ftruncate(memory, (off_t)length) == 0, "memfd");
	thumbnail.memory = memory;
	thumbnail.pixels = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	bench_must(thumbnail.pixels != MAP_FAILED, "mmap");
	in_process(&thumbnail, &here);
	bench_must(here.error == 0, here.text);
	if (here.decoded)
		thumbnail_rounds(bench, &thumbnail);
	else
		bench_note(bench, "it takes too much memory to go straight on from its probe");
	munmap(thumbnail.pixels, length);
}

static void one_after_another(struct bench *bench, struct run *run, int source)
{
	const struct job job = probe_of(run);
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	for (unsigned i = 0; i < rounds; i++) {
		uint64_t start = monotonic_ns();
		time_worker(run, &job, source, -1, 1);
		bench_sample(bench, PROBE, "as soon as a worker is ready, until it has gone", "",
			"ms", ms_since(start));
		bench_sample(bench, PROBE, "processor time of its process, up to the answer", "",
			"ms", (double)run->cpu_ns / 1e6);
	}
}

static void set_goals(struct bench *bench)
{
	static const char *const tables[] = {PROBE, DECODE, THUMBNAIL, THUMBNAIL_RESTED};
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		bench_goal(bench, tables[i], "one process, more than in-process / 0.5 ms",
			BENCH_AT_MOST, 1);
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
	const struct nursery_events events = {.finished = on_finished,
		.gone = on_gone,
		.available = on_available,
		.lost = on_lost,
		.user = &run};
	bench_must(nursery_start(&ahead, &events, &run.nursery) >= 0, "the nursery");
	measure(bench, &run, source);
	thumbnails(bench, &run, source);
	one_after_another(bench, &run, source);
	set_goals(bench);
	nursery_stop(run.nursery);
	return bench_end(bench);
}
