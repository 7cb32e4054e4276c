/* Full-size decodes are the bytes of libjpeg and libpng, whatever the format and the orientation.
 */
#include "decode.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

static void expect_reference(const char *path, uint32_t format, uint32_t flags)
{
	struct decoded decoded;
	uint32_t width = 0, height = 0;
	size_t size = 0;
	CLEANUP(free_p)
	uint8_t *wanted =
		reference_decode(path, format, flags & JOB_AS_STORED, &width, &height, &size);
	cr_assert_not_null(wanted, "%s", path);
	cr_expect_eq(
		decode_path(path, &(struct request){.format = format, .flags = flags}, &decoded), 0,
		"%s: %s", path, decoded.result.text);
	cr_expect_eq(decoded.result.width, width, "%s", path);
	cr_expect_eq(decoded.result.height, height, "%s", path);
	cr_expect(
		decoded.pixels && decoded.size == size && memcmp(decoded.pixels, wanted, size) == 0,
		"%s differs from the reference as %s, flags %u", path, mural_format_name(format),
		flags);
	cr_expect_eq(
		decoded.result.flags & (MURAL_BITMAP_PARTIAL | MURAL_BITMAP_SCALED), 0, "%s", path);
	decoded_free(&decoded);
}

static void expect_reference_in_format(const char *path, void *format)
{
	expect_reference(path, *(uint32_t *)format, 0);
	expect_reference(path, *(uint32_t *)format, JOB_AS_STORED);
}

static void expect_formats_like_reference(uint32_t format)
{
	cr_assert_geq(each_format("", expect_reference_in_format, &format), 16);
}

Test(pixels, every_asset_equals_the_reference, .timeout = 200)
{
	uint32_t format = MURAL_FORMAT_XRGB8888;
	cr_assert_geq(each_asset(expect_reference_in_format, &format), 16);
}

Test(pixels, every_file_format_equals_the_reference_in_argb8888)
{
	expect_formats_like_reference(MURAL_FORMAT_ARGB8888);
}

Test(pixels, every_file_format_equals_the_reference_in_rgb565)
{
	expect_formats_like_reference(MURAL_FORMAT_RGB565);
}

/* A whole file is whole, also when a part would have been good enough. */
static void expect_whole_when_parts_are_allowed(const char *path, void *user)
{
	(void)user;
	expect_reference(path, MURAL_FORMAT_XRGB8888, JOB_ALLOW_PARTIAL);
	expect_reference(path, MURAL_FORMAT_ARGB8888, JOB_ALLOW_PARTIAL);
}

Test(pixels, allowing_a_part_changes_nothing_for_a_whole_file)
{
	cr_assert_gt(each_format("", expect_whole_when_parts_are_allowed, NULL), 0);
}

static void expect_orientation_of_name(const char *path, void *user)
{
	struct reference_picture picture;
	unsigned *seen = user;
	unsigned named = (unsigned)(strstr(path, "orientation-")[strlen("orientation-")] - '0');
	cr_assert(reference_read(path, 8, &picture));
	cr_expect_eq(picture.orientation, named >= 1 && named <= 8 ? named : 1, "%s", path);
	*seen |= 1u << picture.orientation;
	reference_free(&picture);
}

/* The pixel tests above go by the reference's orientation: here it is checked against what the
 * files are called. */
Test(pixels, the_assets_have_all_eight_orientations)
{
	unsigned seen = 0;
	each_format("orientation-", expect_orientation_of_name, &seen);
	cr_expect_eq(seen, 0x1feu);
}

static void expect_alpha_flag(const char *path, void *user)
{
	struct reference_picture picture;
	struct decoded decoded;
	(void)user;
	cr_assert(reference_read(path, 8, &picture));
	decode_path(path, &(struct request){0}, &decoded);
	cr_expect_eq(
		(decoded.result.flags & MURAL_BITMAP_HAS_ALPHA) != 0, picture.alpha, "%s", path);
	cr_expect_eq(
		(decoded.probe.flags & MURAL_BITMAP_HAS_ALPHA) != 0, picture.alpha, "%s", path);
	reference_free(&picture);
	decoded_free(&decoded);
}

Test(pixels, transparency_is_reported)
{
	cr_assert_gt(each_format("", expect_alpha_flag, NULL), 0);
}

/* ---- CMYK ---- */

/* A JPEG of one flat CMYK colour in samples as they are stored; @adobe: with an Adobe marker. */
static struct bytes flat_cmyk(const uint8_t colour[4], bool adobe)
{
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	unsigned long size = 0;
	struct bytes bytes = {0};
	uint8_t row[16 * 4];
	JSAMPROW rows[1] = {row};
	for (unsigned i = 0; i < sizeof(row); i++)
		row[i] = colour[i % 4];
	cinfo.err = jpeg_std_error(&errors);
	jpeg_create_compress(&cinfo);
	jpeg_mem_dest(&cinfo, &bytes.data, &size);
	cinfo.image_width = 16;
	cinfo.image_height = 16;
	cinfo.input_components = 4;
	cinfo.in_color_space = JCS_CMYK;
	jpeg_set_defaults(&cinfo);
	jpeg_set_quality(&cinfo, 100, TRUE);
	cinfo.write_Adobe_marker = adobe;
	jpeg_start_compress(&cinfo, TRUE);
	for (unsigned y = 0; y < 16; y++)
		jpeg_write_scanlines(&cinfo, rows, 1);
	jpeg_finish_compress(&cinfo);
	jpeg_destroy_compress(&cinfo);
	bytes.size = size;
	return bytes;
}

static void expect_flat_cmyk(const uint8_t colour[4], bool adobe, const uint8_t bgr[3])
{
	struct decoded decoded;
	struct bytes file = flat_cmyk(colour, adobe);
	cr_assert_eq(decode_bytes(file.data, file.size, &(struct request){0}, &decoded), 0, "%s",
		decoded.result.text);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(decoded.pixels[i], bgr[i], "channel %u is %u, not %u", i,
			decoded.pixels[i], bgr[i]);
	cr_expect_eq(decoded.pixels[3], 0xff);
	decoded_free(&decoded);
	free(file.data);
}

Test(pixels, adobe_cmyk_is_inverted_and_multiplied)
{
	/* (200 * 100 + 127) / 255, (50 * 100 + 127) / 255, (255 * 100 + 127) / 255 */
	expect_flat_cmyk(
		(const uint8_t[]){200, 50, 255, 100}, true, (const uint8_t[]){100, 20, 78});
}

Test(pixels, plain_cmyk_counts_ink)
{
	/* (55 * 155 + 127) / 255, (205 * 155 + 127) / 255, 0 */
	expect_flat_cmyk(
		(const uint8_t[]){200, 50, 255, 100}, false, (const uint8_t[]){0, 125, 33});
}
