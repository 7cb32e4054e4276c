/* Probe and decode as the producer runs them, with limits that keep one input fast. */
#include "codec_job.h"

#include "producer/codec.h"

#include "common/util.h"

#include <mural/mural_types.h>
#include <mural/pixel.h>
#include <string.h>
#include <sys/mman.h>

#define PIXELS_MAX (1u << 18)

static void promise(bool kept)
{
	if (!kept)
		abort();
}

static int file_of(const uint8_t *data, size_t size)
{
	static int fd = -1;
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	promise(ftruncate(fd, 0) == 0);
	promise(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

/* Options by a hash, so that a plain picture is an input like any other. */
static struct job job_for(const uint8_t *data, size_t size)
{
	static const uint32_t boxes[] = {0, 0, 0, 1, 7, 40, 100, 1000};
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ data[i]) * 16777619u;
	return (struct job){
		.kind = JOB_PROBE,
		.flags = hash >> 4 & (JOB_AS_STORED | JOB_ALLOW_PARTIAL | JOB_PREVIEW),
		.format = 1 + (hash >> 8) % 3,
		.box_width = boxes[hash >> 16 & 7],
		.box_height = boxes[hash >> 20 & 7],
		.max_pixels = PIXELS_MAX,
		.memory_bytes = UINT64_C(64) << 20,
	};
}

static void check_result(const struct job_result *result)
{
	promise(result->error <= 0);
	promise((result->error == 0) == (result->reason == MURAL_REASON_NONE));
	promise(memchr(result->text, '\0', sizeof(result->text)));
	promise((result->error == 0) == (result->text[0] == '\0') ||
		(result->flags & MURAL_BITMAP_PARTIAL));
	promise(result->reason != MURAL_REASON_MEMORY);
}

static void check_sizes(const struct job *job, const struct job_result *probe)
{
	promise(probe->width > 0 && probe->width <= probe->source_width);
	promise(probe->height > 0 && probe->height <= probe->source_height);
	promise(job->box_width == 0 || probe->width <= job->box_width);
	promise(job->box_height == 0 || probe->height <= job->box_height);
	promise((uint64_t)probe->source_width * probe->source_height <= PIXELS_MAX);
}

static struct job_result run_over(
	int fd, const struct job *job, uint8_t *pixels, uint8_t rubbish, struct team *team)
{
	struct job_result result;
	memset(pixels, rubbish, job->window_length);
	codec_run(
		fd, job, &(struct codec_place){.pixels = pixels, .fd = -1, .team = team}, &result);
	check_result(&result);
	result.decode_ns = 0;
	return result;
}

/* A probe with a window is a decode when everything fits, and a probe when anything does not. */
static void check_going_on(int fd, struct job job, const struct job_result *probe,
	const struct job_result *decode, const uint8_t *expected)
{
	uint64_t fits = job.window_length;
	CLEANUP(free_p) uint8_t *pixels = malloc(fits);
	job.kind = JOB_PROBE;
	job.width = job.height = job.stride_bytes = 0;
	job.go_on_pixels = (uint64_t)probe->source_width * probe->source_height;
	struct job_result all = run_over(fd, &job, pixels, 0xa5, NULL);
	promise(memcmp(&all, decode, sizeof(all)) == 0);
	promise(all.decoded == (all.error == 0));
	promise(all.error || memcmp(pixels, expected, fits) == 0);

	for (unsigned i = 0; i < 3; i++) {
		struct job less = job;
		less.window_length -= i == 0;
		less.memory_bytes -= i == 1;
		less.go_on_pixels -= i == 2;
		struct job_result facts = run_over(fd, &less, pixels, 0xa5, NULL);
		promise(memcmp(&facts, probe, sizeof(facts)) == 0);
	}
}

void codec_job_run(const uint8_t *data, size_t size)
{
	static struct team *team;
	struct job_result probe;
	if (!team)
		team = team_create(1);
	int fd = file_of(data, size);
	struct job job = job_for(data, size);
	codec_run(fd, &job, NULL, &probe);
	probe.decode_ns = 0;
	check_result(&probe);
	if (probe.error)
		return;
	check_sizes(&job, &probe);
	promise(mural_bitmap_layout(
		job.format, probe.width, probe.height, &job.stride_bytes, &job.window_length));
	job.kind = JOB_DECODE;
	job.width = probe.width;
	job.height = probe.height;
	job.memory_bytes = probe.memory_bytes;
	CLEANUP(free_p) uint8_t *first = malloc(job.window_length);
	CLEANUP(free_p) uint8_t *second = malloc(job.window_length);
	struct job_result decode = run_over(fd, &job, first, 0xa5, NULL);
	promise(run_over(fd, &job, second, 0x5a, team).error == decode.error);
	promise(decode.error || memcmp(first, second, job.window_length) == 0);
	check_going_on(fd, job, &probe, &decode, first);
}
