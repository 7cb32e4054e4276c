/* Smaller bitmaps: the exact size that mural_fit gives, and within rounding of the mean of what
 * each pixel covers. */
#include "decode.h"
#include "support/reference.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const uint32_t boxes[][2] = {{100, 100}, {37, 1000}, {1000, 11}, {64, 48}, {1, 1}, {2, 3}};

/* The smallest n of 1/8, 2/8, 4/8 and 8/8 at which libjpeg's own size covers the box fitted. */
static unsigned eighths_for(uint32_t width, uint32_t height, uint32_t to_width, uint32_t to_height)
{
	for (unsigned n = 1; n < 8 && (width != to_width || height != to_height); n *= 2)
		if ((width * n + 7) / 8 >= to_width && (height * n + 7) / 8 >= to_height)
			return n;
	return 8;
}

/* The stored picture that area averaging starts from: whole for PNG, scaled in the DCT for JPEG. */
static struct reference_picture start_picture(const char *path, const struct decoded *decoded)
{
	struct reference_picture full, scaled;
	cr_assert(reference_read(path, 8, &full), "%s", path);
	if (decoded->result.source_kind != JOB_SOURCE_JPEG)
		return full;
	bool swap = full.orientation >= 5;
	unsigned n = eighths_for(full.width, full.height,
		swap ? decoded->result.height : decoded->result.width,
		swap ? decoded->result.width : decoded->result.height);
	reference_free(&full);
	cr_assert(reference_read(path, n, &scaled), "%s", path);
	return scaled;
}

static void drop_alpha(struct reference_picture *picture)
{
	for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
		picture->rgba[i * 4 + 3] = 255;
}

static double largest_difference(
	const struct reference_picture *upright, const struct decoded *decoded)
{
	double largest = 0;
	uint32_t width = decoded->result.width, height = decoded->result.height;
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			const uint8_t *bgra = decoded->pixels + ((size_t)y * width + x) * 4;
			const uint8_t rgba[4] = {bgra[2], bgra[1], bgra[0], bgra[3]};
			for (unsigned c = 0; c < 4; c++) {
				if (c < 3 && rgba[3] == 0)
					continue; /* nothing is seen of it */
				double mean = reference_area_mean(upright, width, height, x, y, c);
				largest = fmax(largest, fabs(mean - rgba[c]));
			}
		}
	}
	return largest;
}

static void expect_area_mean(const char *path, uint32_t format, const uint32_t box[2])
{
	struct decoded decoded;
	struct reference_picture upright;
	uint32_t width, height;
	struct request request = {.format = format, .box_width = box[0], .box_height = box[1]};
	cr_assert_eq(decode_path(path, &request, &decoded), 0, "%s: %s", path, decoded.result.text);
	mural_fit(decoded.result.source_width, decoded.result.source_height, box[0], box[1], &width,
		&height);
	cr_expect_eq(decoded.result.width, width, "%s", path);
	cr_expect_eq(decoded.result.height, height, "%s", path);

	struct reference_picture stored = start_picture(path, &decoded);
	if (format != MURAL_FORMAT_ARGB8888)
		drop_alpha(&stored);
	cr_assert(reference_upright(&stored, &upright));
	double difference = largest_difference(&upright, &decoded);
	cr_expect_leq(
		difference, 0.5001, "%s at %u x %u is off by %g", path, width, height, difference);
	reference_free(&stored);
	reference_free(&upright);
	decoded_free(&decoded);
}

static void expect_area_means(const char *path, void *user)
{
	(void)user;
	for (size_t i = 0; i < sizeof(boxes) / sizeof(boxes[0]); i++) {
		expect_area_mean(path, MURAL_FORMAT_XRGB8888, boxes[i]);
		expect_area_mean(path, MURAL_FORMAT_ARGB8888, boxes[i]);
	}
}

Test(scaling, jpeg_is_dct_scaled_then_averaged)
{
	cr_assert_gt(each_format("jpeg-", expect_area_means, NULL), 0);
}

Test(scaling, png_is_averaged_with_alpha_as_weight)
{
	cr_assert_gt(each_format("png-", expect_area_means, NULL), 0);
}

Test(scaling, turned_pictures_are_fitted_upright)
{
	cr_assert_gt(each_format("orientation-", expect_area_means, NULL), 0);
}

/* At exactly 1/8, 1/4 and 1/2 there is nothing to average: the bytes are libjpeg's own. */
static void expect_exact_parts(const char *path, void *user)
{
	(void)user;
	for (unsigned n = 1; n < 8; n *= 2) {
		struct reference_picture scaled, full;
		struct decoded decoded;
		size_t size;
		uint32_t width, height;
		cr_assert(reference_read(path, n, &scaled) && reference_read(path, 8, &full));
		mural_fit(full.width, full.height, scaled.width, scaled.height, &width, &height);
		bool smaller = width < full.width || height < full.height;
		if (smaller && width == scaled.width && height == scaled.height &&
			full.orientation == 1) {
			uint8_t *wanted = reference_bitmap(&scaled, MURAL_FORMAT_XRGB8888, &size);
			decode_path(path,
				&(struct request){.box_width = width, .box_height = height},
				&decoded);
			cr_expect(decoded.pixels && memcmp(decoded.pixels, wanted, size) == 0,
				"%s at %u/8", path, n);
			cr_expect_eq(
				decoded.result.flags & MURAL_BITMAP_SCALED, MURAL_BITMAP_SCALED);
			decoded_free(&decoded);
			free(wanted);
		}
		reference_free(&scaled);
		reference_free(&full);
	}
}

Test(scaling, exact_halves_quarters_and_eighths_are_libjpegs_own_bytes)
{
	cr_assert_gt(each_format("jpeg-", expect_exact_parts, NULL), 0);
}

/* RGB565 and the parts-allowed path of ARGB8888 go through the same means. */
static void expect_same_means(const char *path, void *user)
{
	struct decoded wide, narrow, part;
	uint32_t stride;
	uint64_t size;
	(void)user;
	struct request request = {.box_width = 51, .box_height = 51};
	cr_assert_eq(decode_path(path, &request, &wide), 0);
	request.format = MURAL_FORMAT_RGB565;
	cr_assert_eq(decode_path(path, &request, &narrow), 0);
	mural_bitmap_layout(
		MURAL_FORMAT_RGB565, narrow.result.width, narrow.result.height, &stride, &size);
	for (uint32_t y = 0; y < narrow.result.height; y++) {
		for (uint32_t x = 0; x < narrow.result.width; x++) {
			uint16_t word;
			const uint8_t *bgra = wide.pixels + ((size_t)y * wide.result.width + x) * 4;
			memcpy(&word, narrow.pixels + (size_t)y * stride + (size_t)x * 2, 2);
			cr_assert_eq(word,
				(bgra[2] >> 3) << 11 | (bgra[1] >> 2) << 5 | bgra[0] >> 3, "%s",
				path);
		}
		if (narrow.result.width % 2)
			cr_assert_eq(narrow.pixels[(size_t)y * stride + stride - 1], 0,
				"padding of %s", path);
	}
	request.format = MURAL_FORMAT_ARGB8888;
	request.flags = JOB_ALLOW_PARTIAL;
	cr_assert_eq(decode_path(path, &request, &part), 0);
	if (!(part.result.flags & MURAL_BITMAP_HAS_ALPHA))
		cr_expect_arr_eq(part.pixels, wide.pixels, wide.size, "%s", path);
	decoded_free(&wide);
	decoded_free(&narrow);
	decoded_free(&part);
}

Test(scaling, all_formats_show_the_same_means)
{
	cr_assert_gt(each_format("", expect_same_means, NULL), 0);
}
