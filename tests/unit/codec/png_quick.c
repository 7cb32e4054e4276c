/* Large PNGs, whose data are inflated by another library than zlib, ahead of libpng when there is a
 * helper: the same pixels and the same outcome, whatever is wrong with the file. */
#include "decode.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PICTURE MURAL_ASSETS_DIR "/pictures/spheres-rgb8.png"
#define PIXELS_MAX ((size_t)16 << 20)

struct outcome {
	struct job_result result;
	uint8_t *pixels; /* owned */
};

static struct outcome decode(const uint8_t *data, size_t size, uint32_t flags, unsigned helpers)
{
	struct job job = {.kind = JOB_PROBE,
		.flags = flags,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = 1u << 24,
		.memory_bytes = UINT64_C(64) << 20};
	struct outcome ret = {.pixels = calloc(1, PIXELS_MAX)};
	struct team *team = team_create(helpers);
	int fd = bytes_fd(data, size);
	codec_run(fd, &job, NULL, &ret.result);
	if (ret.result.error == 0) {
		uint64_t bytes;
		job.kind = JOB_DECODE;
		job.width = ret.result.width;
		job.height = ret.result.height;
		job.memory_bytes = ret.result.memory_bytes;
		job.window_length = PIXELS_MAX;
		cr_assert(mural_bitmap_layout(
			job.format, job.width, job.height, &job.stride_bytes, &bytes));
		cr_assert_leq(bytes, PIXELS_MAX);
		codec_run(fd, &job,
			&(struct codec_place){.pixels = ret.pixels, .fd = -1, .team = team},
			&ret.result);
	}
	close(fd);
	team_destroy(team);
	return ret;
}

/* Returns the error. */
static int expect_the_same(const uint8_t *data, size_t size, uint32_t flags, size_t place)
{
	struct outcome alone = decode(data, size, flags, 0), helped = decode(data, size, flags, 1);
	cr_expect_eq(alone.result.error, helped.result.error, "at %zu", place);
	cr_expect_eq(alone.result.reason, helped.result.reason, "at %zu", place);
	cr_expect_eq(alone.result.flags, helped.result.flags, "at %zu", place);
	cr_expect_str_eq(alone.result.text, helped.result.text, "at %zu", place);
	if (alone.result.error == 0)
		cr_expect_eq(memcmp(alone.pixels, helped.pixels, PIXELS_MAX), 0, "at %zu", place);
	int error = helped.result.error;
	free(alone.pixels);
	free(helped.pixels);
	return error;
}

Test(png_quick, a_helper_changes_no_pixel)
{
	uint32_t width, height;
	size_t size;
	struct bytes file = bytes_read(PICTURE);
	uint8_t *right =
		reference_decode(PICTURE, MURAL_FORMAT_XRGB8888, false, &width, &height, &size);
	struct outcome helped = decode(file.data, file.size, 0, 1);
	cr_assert_eq(helped.result.error, 0, "%s", helped.result.text);
	cr_expect_eq(memcmp(helped.pixels, right, size), 0);
	free(right);
	free(helped.pixels);
	bytes_free(&file);
}

Test(png_quick, a_cut_file_ends_the_same_with_a_helper, .timeout = 300)
{
	struct bytes file = bytes_read(PICTURE);
	for (size_t cut = 1000; cut < file.size; cut += file.size / 7) {
		cr_expect_eq(expect_the_same(file.data, cut, 0, cut), -EBADMSG);
		expect_the_same(file.data, cut, JOB_ALLOW_PARTIAL, cut);
	}
	bytes_free(&file);
}

/* Each bit belongs to a chunk that a CRC covers, or is one of a CRC. */
Test(png_quick, no_flipped_bit_of_the_data_goes_unnoticed, .timeout = 300)
{
	struct bytes file = bytes_read(PICTURE);
	for (size_t place = 200; place < file.size - 12; place += file.size / 9) {
		file.data[place] ^= 0x10;
		cr_expect_eq(
			expect_the_same(file.data, file.size, 0, place), -EBADMSG, "at %zu", place);
		expect_the_same(file.data, file.size, JOB_ALLOW_PARTIAL, place);
		file.data[place] ^= 0x10;
	}
	for (size_t place = file.size - 20; place < file.size; place++) { /* the last CRCs, IEND */
		file.data[place] ^= 0x01;
		expect_the_same(file.data, file.size, 0, place);
		file.data[place] ^= 0x01;
	}
	bytes_free(&file);
}
