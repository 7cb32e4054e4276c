/* A decoder that may write into its memory gives what one gives that has it mapped alone. */
#include "decode.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static void expect_same_written(const char *path, void *options)
{
	struct request request = *(const struct request *)options;
	struct decoded mapped, written;
	decode_path(path, &request, &mapped);
	request.writes = true;
	decode_path(path, &request, &written);
	mapped.result.decode_ns = written.result.decode_ns = 0;
	cr_expect_eq(memcmp(&mapped.result, &written.result, sizeof(mapped.result)), 0, "%s: %s",
		path, written.result.text);
	cr_expect(mapped.size == written.size &&
			  (mapped.size == 0 ||
				  memcmp(mapped.pixels, written.pixels, mapped.size) == 0),
		"%s in a box of %u, format %u", path, request.box_width, request.format);
	decoded_free(&mapped);
	decoded_free(&written);
}

Test(written, every_asset_in_every_format_and_size, .timeout = 200)
{
	for (uint32_t format = MURAL_FORMAT_XRGB8888; format <= MURAL_FORMAT_RGB565; format++) {
		struct request whole = {.format = format, .flags = JOB_ALLOW_PARTIAL};
		struct request small = {.format = format, .box_width = 301, .box_height = 257};
		each_format("", expect_same_written, &whole);
		each_format("", expect_same_written, &small);
	}
}

Test(written, every_picture, .timeout = 200)
{
	struct request whole = {0};
	cr_assert_gt(each_asset(expect_same_written, &whole), 0);
}

/* What can not be written is no picture, and never half of one. */
static void expect_failure(const char *path, void *user)
{
	struct job job = {.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 28};
	struct job_result result;
	CLEANUP(close_p) int source = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(close_p) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	cr_assert_geq(full, 0);
	codec_run(source, &job, NULL, &result);
	cr_assert_eq(result.error, 0);
	job.kind = JOB_DECODE;
	job.width = result.width;
	job.height = result.height;
	mural_bitmap_layout(
		job.format, job.width, job.height, &job.stride_bytes, &job.window_length);
	job.memory_bytes = result.memory_bytes;
	CLEANUP(free_p) uint8_t *pixels = malloc(job.window_length);
	struct team *team = team_create(*(unsigned *)user);
	codec_run(source, &job, &(struct codec_place){.pixels = pixels, .fd = full, .team = team},
		&result);
	team_destroy(team);
	cr_expect_eq(result.error, -ENOMEM, "%s: %d", path, result.error);
	cr_expect_eq(result.reason, MURAL_REASON_MEMORY, "%s: %u", path, result.reason);
}

Test(written, a_full_file_fails_the_decode)
{
	unsigned none = 0;
	cr_assert_gt(each_format("jpeg-420.", expect_failure, &none), 0);
	cr_assert_gt(each_format("png-rgb8.", expect_failure, &none), 0);
}
