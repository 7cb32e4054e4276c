/* What a process for each image costs: a probe, and a decode, by a ready worker beside the same
 * codec called in-process; and how many a second when none is ready ahead. Run: worker_cost FILE.
 * Times in milliseconds, of the same run. */
#include "producer/codec.h"
#include "producer/nursery.h"

#include "common/util.h"

#include <fcntl.h>
#include <mural/pixel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#define WARM_UP 20
#define SAMPLES 300

struct run {
	struct nursery *nursery;
	unsigned finished;
	bool answered;
	struct job_result result;
};

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void print(const char *what, double *samples, size_t count)
{
	qsort(samples, count, sizeof(*samples), compare);
	printf("%-34s p50 %8.3f  p99 %8.3f  max %8.3f\n", what, samples[count / 2],
		samples[count * 99 / 100], samples[count - 1]);
}

static void on_finished(struct worker *worker, void *job_user, bool answered,
	const struct job_result *result, int signal, void *user)
{
	struct run *run = user;
	(void)worker;
	(void)job_user;
	(void)signal;
	run->finished++;
	run->answered = answered;
	if (answered)
		run->result = *result;
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

/* One job by a worker that is ready; the time from the submission to the end of the process. */
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

static double in_process(
	const struct job *job, int source, uint8_t *pixels, struct job_result *result)
{
	uint64_t start = monotonic_ns();
	codec_run(source, job, pixels, result);
	return (double)(monotonic_ns() - start) / 1e6;
}

/* Alternating, so that both meet the same machine. */
static bool compare_both(struct run *run, const char *what, const struct job *job, int source,
	int memory, uint8_t *pixels)
{
	static double there[SAMPLES], here[SAMPLES], added[SAMPLES];
	struct job_result result;
	for (int i = -WARM_UP; i < SAMPLES; i++) {
		double a = by_worker(run, job, source, memory, 2);
		double b = in_process(job, source, pixels, &result);
		if (a < 0 || !run->answered || run->result.error != result.error ||
			result.error < 0)
			return false;
		if (i < 0)
			continue;
		there[i] = a;
		here[i] = b;
		added[i] = a - b;
	}
	printf("%s\n", what);
	print("  by a ready worker", there, SAMPLES);
	print("  in-process", here, SAMPLES);
	print("  added", added, SAMPLES);
	return true;
}

static bool measure(struct run *run, int source)
{
	struct job job = {
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = UINT64_C(1) << 30,
		.memory_bytes = UINT64_C(64) << 20,
		.cpu_seconds = 60,
	};
	if (!compare_both(run, "probe", &job, source, -1, NULL))
		return false;
	uint64_t size;
	job.kind = JOB_DECODE;
	job.width = run->result.width;
	job.height = run->result.height;
	job.memory_bytes = run->result.memory_bytes;
	if (!mural_bitmap_layout(job.format, job.width, job.height, &job.stride_bytes, &size) ||
		!page_round_up(size, &job.window_length))
		return false;
	CLEANUP(close_p) int memory = memfd_create("worker_cost", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, (off_t)job.window_length) < 0)
		return false;
	uint8_t *pixels =
		mmap(NULL, job.window_length, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	return pixels != MAP_FAILED &&
	       compare_both(run, "decode, into the same pages", &job, source, memory, pixels);
}

static void one_after_another(struct run *run, int source)
{
	const struct job job = {.kind = JOB_PROBE,
		.max_pixels = UINT64_C(1) << 30,
		.format = MURAL_FORMAT_XRGB8888,
		.memory_bytes = UINT64_C(64) << 20,
		.cpu_seconds = 60};
	uint64_t start = monotonic_ns();
	for (int i = 0; i < SAMPLES; i++)
		by_worker(run, &job, source, -1, 1);
	printf("probes one after another, each as soon as a worker is ready: %.3f each\n",
		(double)(monotonic_ns() - start) / 1e6 / SAMPLES);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--nursery") == 0)
		return nursery_main(atoi(argv[2])) < 0;
	CLEANUP(close_p) int source = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	if (source < 0) {
		fprintf(stderr, "usage: worker_cost FILE\n");
		return 2;
	}
	struct utsname machine;
	uname(&machine);
	printf("worker_cost %s, %s %s, %ld processors; ms\n", argv[1], machine.sysname,
		machine.release, sysconf(_SC_NPROCESSORS_ONLN));
	struct run run = {0};
	const struct nursery_options options = {.ahead = 2};
	const struct nursery_events events = {
		.finished = on_finished, .available = on_available, .user = &run};
	if (nursery_start(&options, &events, &run.nursery) < 0)
		return 1;
	bool right = measure(&run, source);
	if (right)
		one_after_another(&run, source);
	else
		fprintf(stderr, "worker_cost: the worker does not answer as the codec does\n");
	nursery_stop(run.nursery);
	return !right;
}
