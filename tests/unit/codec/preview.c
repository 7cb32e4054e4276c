/* The coarse version of a JPEG: which one it is, and when there is none. */
#include "common/util.h"
#include "decode.h"
#include "jpeg_writer.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 2400u
#define HEIGHT 1680u /* 4.03 megapixels: just enough to be worth it */

static const uint8_t left[3] = {200, 40, 40}, right[3] = {30, 60, 210};

/* A JPEG on its way into memory. */
/* The left half of one colour, the right half of another. @exif (may be NULL) becomes its APP1. */
static struct bytes make_jpeg(
	unsigned width, unsigned height, bool progressive, const struct bytes *exif)
{
	struct jpeg_writer writer;
	struct jpeg_compress_struct *cinfo = jpeg_writer_begin(&writer, width, height, 3);
	if (progressive)
		jpeg_simple_progression(cinfo);
	jpeg_start_compress(cinfo, TRUE);
	if (exif)
		jpeg_write_marker(cinfo, JPEG_APP0 + 1, exif->data, (unsigned)exif->size);
	uint8_t *row = malloc((size_t)width * 3);
	for (unsigned x = 0; x < width; x++)
		memcpy(row + (size_t)x * 3, x < width / 2 ? left : right, 3);
	while (cinfo->next_scanline < height)
		jpeg_write_scanlines(cinfo, &row, 1);
	free(row);
	return jpeg_writer_end(&writer);
}

/* An EXIF block, little-endian: the orientation, and a thumbnail of which it says @offset (0: the
 * right one) and @length. */
static struct bytes make_exif(
	unsigned orientation, const struct bytes *thumbnail, uint32_t offset, uint32_t length)
{
	enum { FIRST = 8, SECOND = 26, DATA = 56, HEAD = 6 };
	uint8_t *data = calloc(1, HEAD + DATA + thumbnail->size);
	uint8_t *tiff = data + HEAD;
	const uint16_t first[] = {1, 0x112, 3, 1, 0, (uint16_t)orientation, 0, SECOND, 0};
	const uint32_t where = offset ? offset : DATA;
	const uint16_t second[] = {2, 0x201, 4, 1, 0, (uint16_t)where, (uint16_t)(where >> 16),
		0x202, 4, 1, 0, (uint16_t)length, (uint16_t)(length >> 16), 0, 0};
	memcpy(data, "Exif\0", HEAD);
	memcpy(tiff, "II*\0\x08\0\0\0", FIRST);
	memcpy(tiff + FIRST, first, sizeof(first));
	memcpy(tiff + SECOND, second, sizeof(second));
	memcpy(tiff + DATA, thumbnail->data, thumbnail->size);
	return (struct bytes){data, HEAD + DATA + thumbnail->size};
}

static int preview(const struct bytes *file, uint32_t box, struct decoded *ret)
{
	const struct request request = {.flags = JOB_PREVIEW, .box_width = box, .box_height = box};
	return decode_bytes(file->data, file->size, &request, ret);
}

static void expect_none(const struct bytes *file, uint32_t box, const char *what)
{
	struct decoded decoded;
	cr_expect_eq(preview(file, box, &decoded), -ENOTSUP, "%s", what);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_NO_PREVIEW, "%s: %s", what,
		decoded.result.text);
	decoded_free(&decoded);
}

static void expect_colour(
	const struct decoded *decoded, uint32_t x, uint32_t y, const uint8_t rgb[3])
{
	const uint8_t *bgra = decoded->pixels + ((size_t)y * decoded->result.width + x) * 4;
	for (int c = 0; c < 3; c++)
		cr_expect_leq(abs(bgra[2 - c] - rgb[c]), 6, "%u, %u: channel %d is %u", x, y, c,
			bgra[2 - c]);
	cr_expect_eq(bgra[3], 255);
}

static void expect_preview(struct decoded *decoded, uint32_t width, uint32_t height)
{
	cr_assert_eq(decoded->result.error, 0, "%s", decoded->result.text);
	cr_expect_eq(decoded->result.width, width, "%u", decoded->result.width);
	cr_expect_eq(decoded->result.height, height, "%u", decoded->result.height);
	cr_expect(decoded->result.flags & MURAL_BITMAP_PREVIEW);
	cr_expect(decoded->result.flags & MURAL_BITMAP_SCALED);
}

Test(preview, of_a_progressive_jpeg_needs_only_its_first_scan)
{
	struct decoded decoded;
	struct bytes file = make_jpeg(WIDTH, HEIGHT, true, NULL);
	/* Behind the second SOS: all of the first scan is there, little else. */
	size_t end = 0;
	for (int seen = 0; seen < 2; end++)
		seen += file.data[end] == 0xff && file.data[end + 1] == 0xda;
	cr_assert_lt(end + 64, file.size);
	preview(&(struct bytes){file.data, end + 32}, 0, &decoded);
	expect_preview(&decoded, WIDTH / 8, HEIGHT / 8);
	cr_expect_eq(decoded.probe.reads_all, 0);
	cr_expect_eq(decoded.result.source_width, WIDTH);
	cr_expect_eq(decoded.result.source_height, HEIGHT);
	expect_colour(&decoded, 10, 10, left);
	expect_colour(&decoded, WIDTH / 8 - 10, HEIGHT / 8 - 10, right);
	decoded_free(&decoded);
	expect_none(&(struct bytes){file.data, end - 200}, 0, "cut in its first scan");
	bytes_free(&file);
}

/* A picture of many colours whose sides are no multiples of anything, in those scans. */
static struct bytes make_scans(const jpeg_scan_info *scans, int count)
{
	struct jpeg_writer writer;
	struct jpeg_compress_struct *cinfo = jpeg_writer_begin(&writer, WIDTH + 3, HEIGHT + 5, 3);
	cinfo->scan_info = scans;
	cinfo->num_scans = count;
	jpeg_start_compress(cinfo, TRUE);
	uint8_t *row = malloc((size_t)cinfo->image_width * 3);
	uint32_t noise = 1;
	while (cinfo->next_scanline < cinfo->image_height) {
		for (unsigned x = 0; x < cinfo->image_width * 3; x++) {
			noise = noise * 1664525 + 1013904223;
			row[x] = (uint8_t)((x + cinfo->next_scanline) / 13 + (noise >> 26));
		}
		jpeg_write_scanlines(cinfo, &row, 1);
	}
	free(row);
	return jpeg_writer_end(&writer);
}

/* Those of the picture at 1/8 after its first @scans, by libjpeg alone. */
static uint8_t *plain_eighth(const struct bytes *file, int scans, size_t *ret_bytes)
{
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	cinfo.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&cinfo);
	jpeg_mem_src(&cinfo, file->data, file->size);
	jpeg_read_header(&cinfo, TRUE);
	cinfo.out_color_space = JCS_EXT_BGRA;
	cinfo.buffered_image = TRUE;
	cinfo.do_block_smoothing = FALSE;
	cinfo.scale_denom = 8;
	jpeg_start_decompress(&cinfo);
	for (int done = 0; done < scans;)
		done += jpeg_consume_input(&cinfo) == JPEG_SCAN_COMPLETED;
	jpeg_start_output(&cinfo, scans);
	size_t stride = (size_t)cinfo.output_width * 4;
	uint8_t *pixels = malloc(stride * cinfo.output_height);
	while (cinfo.output_scanline < cinfo.output_height) {
		JSAMPROW row = pixels + cinfo.output_scanline * stride;
		jpeg_read_scanlines(&cinfo, &row, 1);
	}
	*ret_bytes = stride * cinfo.output_height;
	jpeg_destroy_decompress(&cinfo);
	return pixels;
}

static void expect_as_libjpeg(const jpeg_scan_info *scans, int count, int coarse, const char *what)
{
	struct decoded decoded;
	size_t bytes;
	struct bytes file = make_scans(scans, count);
	uint8_t *expected = plain_eighth(&file, coarse, &bytes);
	preview(&file, 0, &decoded);
	cr_assert_eq(decoded.result.error, 0, "%s: %s", what, decoded.result.text);
	cr_assert_eq((size_t)decoded.result.width * decoded.result.height * 4, bytes, "%s", what);
	cr_expect_eq(memcmp(decoded.pixels, expected, bytes), 0, "%s: other pixels", what);
	decoded_free(&decoded);
	free(expected);
	bytes_free(&file);
}

Test(preview, of_scans_is_what_libjpeg_makes_of_them)
{
	static const jpeg_scan_info together[] = {
		{3, {0, 1, 2}, 0, 0, 0, 1},
		{1, {0}, 1, 63, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 0},
		{3, {0, 1, 2}, 0, 0, 1, 0},
	};
	static const jpeg_scan_info apart[] = {
		{1, {0}, 0, 0, 0, 1},
		{1, {0}, 1, 63, 0, 0}, /* details that are not to be seen at an eighth */
		{1, {0}, 0, 0, 1, 0},
		{2, {1, 2}, 0, 0, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 0},
	};
	expect_as_libjpeg(together, ARRAY_SIZE(together), 1, "the means in one scan");
	expect_as_libjpeg(apart, ARRAY_SIZE(apart), 4, "after details");
}

Test(preview, of_details_refined_before_there_are_means_is_refused)
{
	static const jpeg_scan_info scans[] = {
		{1, {0}, 0, 0, 0, 0},
		{1, {0}, 1, 63, 0, 1},
		{1, {0}, 1, 63, 1, 0},
		{2, {1, 2}, 0, 0, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 0},
	};
	struct decoded decoded;
	struct bytes file = make_scans(scans, ARRAY_SIZE(scans));
	expect_none(&file, 0, "refined");
	preview(&file, 0, &decoded);
	cr_expect(strstr(decoded.result.text, "coarse"), "by chance: %s", decoded.result.text);
	decoded_free(&decoded);
	bytes_free(&file);
}

/* libjpeg would draw colours at 1/8 from 2 x 2 values a block; here they have one. */
Test(preview, has_no_details_of_colours_that_came_early)
{
	static const jpeg_scan_info plain[] = {
		{1, {1}, 0, 0, 0, 0},
		{2, {0, 2}, 0, 0, 0, 0},
		{1, {0}, 1, 63, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 0},
	};
	static const jpeg_scan_info early[] = {
		{1, {1}, 0, 0, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{2, {0, 2}, 0, 0, 0, 0},
		{1, {0}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 0},
	};
	struct decoded without, with;
	struct bytes one = make_scans(plain, ARRAY_SIZE(plain));
	struct bytes other = make_scans(early, ARRAY_SIZE(early));
	preview(&one, 0, &without);
	preview(&other, 0, &with);
	cr_assert_eq(with.result.error, 0, "%s", with.result.text);
	size_t bytes = (size_t)with.result.width * with.result.height * 4;
	cr_expect_eq(memcmp(with.pixels, without.pixels, bytes), 0);
	decoded_free(&without);
	decoded_free(&with);
	bytes_free(&one);
	bytes_free(&other);
}

Test(preview, is_fitted_into_the_box)
{
	struct decoded decoded;
	struct bytes file = make_jpeg(WIDTH, HEIGHT, true, NULL);
	preview(&file, 1000, &decoded);
	expect_preview(&decoded, WIDTH / 8, HEIGHT / 8);
	decoded_free(&decoded);
	/* The picture itself would be no larger, but needs all scans of the file. */
	preview(&file, 100, &decoded);
	expect_preview(&decoded, 100, 70);
	expect_colour(&decoded, 10, 10, left);
	expect_colour(&decoded, 90, 60, right);
	decoded_free(&decoded);
	bytes_free(&file);
}

Test(preview, of_a_baseline_jpeg_is_worth_it_only_beside_a_large_decode)
{
	struct decoded decoded;
	struct bytes file = make_jpeg(WIDTH, HEIGHT, false, NULL);
	preview(&file, 0, &decoded);
	expect_preview(&decoded, WIDTH / 8, HEIGHT / 8);
	cr_expect_eq(decoded.probe.reads_all, 1);
	expect_colour(&decoded, 10, 10, left);
	decoded_free(&decoded);
	expect_none(&file, WIDTH / 2, "half");
	bytes_free(&file);
}

Test(preview, is_the_thumbnail_where_there_is_one)
{
	struct decoded decoded;
	struct bytes small = make_jpeg(150, 105, false, NULL);
	struct bytes exif = make_exif(6, &small, 0, (uint32_t)small.size);
	struct bytes file = make_jpeg(600, 420, false, &exif);
	preview(&file, 0, &decoded);
	expect_preview(&decoded, 105, 150); /* orientation 6: a quarter turn clockwise */
	cr_expect_eq(decoded.probe.reads_all, 0);
	cr_expect_eq(decoded.result.source_width, 420);
	cr_expect_eq(decoded.result.source_height, 600);
	expect_colour(&decoded, 50, 5, left);
	expect_colour(&decoded, 50, 145, right);
	decoded_free(&decoded);
	const struct request stored = {.flags = JOB_PREVIEW | JOB_AS_STORED, .box_width = 75};
	cr_expect_eq(decode_bytes(file.data, file.size, &stored, &decoded), 0);
	expect_preview(&decoded, 75, 53);
	decoded_free(&decoded);
	bytes_free(&small);
	bytes_free(&exif);
	bytes_free(&file);
}

static void expect_useless(
	const struct bytes *thumbnail, uint32_t offset, uint32_t length, const char *what)
{
	struct bytes exif = make_exif(1, thumbnail, offset, length);
	struct bytes file = make_jpeg(600, 420, false, &exif);
	expect_none(&file, 0, what);
	bytes_free(&exif);
	bytes_free(&file);
}

Test(preview, is_not_a_thumbnail_that_can_not_be_trusted)
{
	struct bytes good = make_jpeg(150, 105, false, NULL);
	struct bytes bars = make_jpeg(160, 120, false, NULL);
	struct bytes tiny = make_jpeg(30, 21, false, NULL);
	struct bytes scans = make_jpeg(150, 105, true, NULL);
	struct bytes larger = make_jpeg(1200, 840, false, NULL);
	uint32_t size = (uint32_t)good.size;
	expect_useless(&bars, 0, (uint32_t)bars.size, "another shape");
	expect_useless(&tiny, 0, (uint32_t)tiny.size, "too small");
	expect_useless(&scans, 0, (uint32_t)scans.size, "progressive");
	expect_useless(&larger, 0, (uint32_t)larger.size, "larger than the picture");
	expect_useless(&good, 0, size + 1, "beyond the block");
	expect_useless(&good, UINT32_MAX - 3, size, "an offset that wraps around");
	expect_useless(&good, 0, UINT32_MAX, "a length that wraps around");
	expect_useless(&good, 0, 0, "empty");
	expect_useless(&good, 8, size, "not a JPEG");
	bytes_free(&good);
	bytes_free(&bars);
	bytes_free(&tiny);
	bytes_free(&scans);
	bytes_free(&larger);
}

Test(preview, of_a_thumbnail_that_is_cut_short_is_refused)
{
	struct decoded decoded;
	struct bytes small = make_jpeg(150, 105, false, NULL);
	struct bytes exif = make_exif(1, &small, 0, (uint32_t)small.size - 60);
	struct bytes file = make_jpeg(600, 420, false, &exif);
	cr_expect_eq(preview(&file, 0, &decoded), -ENOTSUP);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_NO_PREVIEW);
	decoded_free(&decoded);
	bytes_free(&small);
	bytes_free(&exif);
	bytes_free(&file);
}

Test(preview, of_anything_else_is_refused)
{
	struct bytes small = make_jpeg(640, 480, true, NULL);
	static uint8_t png[] = "\x89PNG\r\n\x1a\n, whatever follows";
	expect_none(&small, 0, "small");
	expect_none(&(struct bytes){png, sizeof(png)}, 0, "PNG");
	bytes_free(&small);
}
