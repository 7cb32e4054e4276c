/* Files that are cut, flipped or no pictures at all: a reason, never a crash, and never a part that
 * looks whole. */
#include "decode.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int decode_prefix(const struct bytes *file, size_t size, uint32_t flags, struct decoded *ret)
{
	return decode_bytes(file->data, size, &(struct request){.flags = flags}, ret);
}

/* ---- not pictures ---- */

static void expect_failure(const char *data, size_t size, int error, enum mural_reason reason)
{
	struct decoded decoded;
	cr_expect_eq(
		decode_bytes((const uint8_t *)data, size, &(struct request){0}, &decoded), error);
	cr_expect_eq(decoded.result.reason, reason, "reason %u", decoded.result.reason);
	cr_expect_neq(decoded.result.text[0], '\0');
	decoded_free(&decoded);
}

Test(damage, an_empty_file_is_called_empty)
{
	expect_failure("", 0, -ENODATA, MURAL_REASON_EMPTY);
}

Test(damage, other_files_are_not_images)
{
	expect_failure("#!/bin/sh\nexit 0\n", 17, -ENOEXEC, MURAL_REASON_NOT_IMAGE);
	expect_failure("\x89", 1, -ENOEXEC, MURAL_REASON_NOT_IMAGE);
	expect_failure("GIF89a", 6, -ENOEXEC, MURAL_REASON_NOT_IMAGE);
}

Test(damage, a_signature_alone_is_truncated)
{
	expect_failure("\xff\xd8", 2, -EBADMSG, MURAL_REASON_TRUNCATED);
	expect_failure("\x89PNG\r\n\x1a\n", 8, -EBADMSG, MURAL_REASON_TRUNCATED);
}

Test(damage, a_descriptor_that_can_not_be_read_is_the_sources_fault)
{
	struct decoded decoded;
	cr_expect_eq(decode_path("/", &(struct request){0}, &decoded), -EISDIR);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_SOURCE);
	cr_expect_eq(decode_fd(-1, &(struct request){0}, &decoded), -EBADF);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_SOURCE);
}

/* ---- cut files ---- */

static void expect_cut_fails(const char *path, const struct bytes *file, size_t size)
{
	struct decoded decoded;
	int r = decode_prefix(file, size, 0, &decoded);
	cr_expect_eq(r, size < 4 && r == -ENOEXEC ? -ENOEXEC : -EBADMSG, "%s cut at %zu: %d %s",
		path, size, r, decoded.result.text);
	if (size >= 4)
		cr_expect_eq(decoded.result.reason, MURAL_REASON_TRUNCATED, "%s cut at %zu: %s",
			path, size, decoded.result.text);
	decoded_free(&decoded);
}

static void expect_cut_is_marked(const char *path, const struct bytes *file, size_t size)
{
	struct decoded decoded;
	if (decode_prefix(file, size, JOB_ALLOW_PARTIAL, &decoded) == 0)
		cr_expect(decoded.result.flags & MURAL_BITMAP_PARTIAL, "%s cut at %zu", path, size);
	decoded_free(&decoded);
}

/* Every byte of small files and of ends, about sixty places in the others. */
static size_t next_cut(size_t size, size_t file_size)
{
	bool each = file_size < 1500 || size + 20 > file_size;
	return each ? size + 1 : size + 1 + file_size / 60;
}

static void expect_all_cuts_fail(const char *path, void *user)
{
	struct bytes file = bytes_read(path);
	(void)user;
	for (size_t size = 1; size < file.size; size = next_cut(size, file.size)) {
		expect_cut_fails(path, &file, size);
		expect_cut_is_marked(path, &file, size);
	}
	bytes_free(&file);
}

Test(damage, a_jpeg_cut_anywhere_is_truncated, .timeout = 250)
{
	cr_assert_gt(each_format("jpeg-", expect_all_cuts_fail, NULL), 0);
}

Test(damage, a_turned_jpeg_cut_anywhere_is_truncated, .timeout = 250)
{
	cr_assert_gt(each_format("orientation-6", expect_all_cuts_fail, NULL), 0);
}

Test(damage, a_png_cut_anywhere_is_truncated, .timeout = 250)
{
	cr_assert_gt(each_format("png-", expect_all_cuts_fail, NULL), 0);
}

/* ---- what a part shows ---- */

static const char *asset(const char *name)
{
	static char path[1024];
	snprintf(path, sizeof(path), "%s/formats/%s", MURAL_ASSETS_DIR, name);
	return path;
}

struct part {
	struct decoded whole, part;
	uint32_t equal_rows; /* from the top */
	uint32_t empty_rows; /* at the bottom: every pixel @empty */
};

static bool row_is(const struct decoded *decoded, uint32_t y, uint32_t pixel)
{
	for (uint32_t x = 0; x < decoded->result.width; x++)
		if (memcmp(decoded->pixels + ((size_t)y * decoded->result.width + x) * 4, &pixel,
			    4) != 0)
			return false;
	return true;
}

static struct part cut_part(const char *name, uint32_t format, unsigned percent, uint32_t empty)
{
	struct part part = {0};
	struct bytes file = bytes_read(asset(name));
	struct request request = {.format = format, .flags = JOB_ALLOW_PARTIAL};
	cr_assert_eq(decode_bytes(file.data, file.size, &request, &part.whole), 0);
	cr_assert_eq(decode_bytes(file.data, file.size * percent / 100, &request, &part.part), 0,
		"%s", part.part.result.text);
	size_t stride = (size_t)part.whole.result.width * 4;
	uint32_t height = part.whole.result.height;
	while (part.equal_rows < height &&
		memcmp(part.whole.pixels + part.equal_rows * stride,
			part.part.pixels + part.equal_rows * stride, stride) == 0)
		part.equal_rows++;
	while (part.empty_rows < height && row_is(&part.part, height - 1 - part.empty_rows, empty))
		part.empty_rows++;
	bytes_free(&file);
	return part;
}

static void part_free(struct part *part)
{
	decoded_free(&part->whole);
	decoded_free(&part->part);
}

/* Rows are either the whole picture's or missing: nothing is made up in between. */
static void expect_clean_part(const char *name, uint32_t format, uint32_t empty)
{
	struct part part = cut_part(name, format, 70, empty);
	cr_expect_gt(part.equal_rows, 0, "%s", name);
	cr_expect_gt(part.empty_rows, 0, "%s", name);
	cr_expect_eq(part.equal_rows + part.empty_rows, part.whole.result.height,
		"%s: %u good, %u empty, of %u", name, part.equal_rows, part.empty_rows,
		part.whole.result.height);
	part_free(&part);
}

Test(damage, missing_rows_of_a_jpeg_are_black_or_transparent)
{
	expect_clean_part("jpeg-420.jpg", MURAL_FORMAT_XRGB8888, 0xff000000);
	expect_clean_part("jpeg-420.jpg", MURAL_FORMAT_ARGB8888, 0);
	expect_clean_part("jpeg-444.jpg", MURAL_FORMAT_ARGB8888, 0);
	expect_clean_part("jpeg-cmyk.jpg", MURAL_FORMAT_XRGB8888, 0xff000000);
	expect_clean_part("jpeg-arithmetic-420.jpg", MURAL_FORMAT_ARGB8888, 0);
	expect_clean_part("jpeg-restart-each-row-420.jpg", MURAL_FORMAT_ARGB8888, 0);
}

Test(damage, missing_rows_of_a_png_are_black_or_transparent)
{
	expect_clean_part("png-rgb8.png", MURAL_FORMAT_XRGB8888, 0xff000000);
	expect_clean_part("png-rgb8.png", MURAL_FORMAT_ARGB8888, 0);
	expect_clean_part("png-rgba8.png", MURAL_FORMAT_XRGB8888, 0xff000000);
	expect_clean_part("png-palette8.png", MURAL_FORMAT_ARGB8888, 0);
}

/* Cut late, a progressive or interlaced picture is coarse, but all there. */
Test(damage, a_late_cut_leaves_a_coarse_picture_without_holes)
{
	static const char *const names[] = {"jpeg-progressive-420.jpg", "png-rgb8-interlaced.png"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct part part = cut_part(names[i], MURAL_FORMAT_ARGB8888, 60, 0);
		cr_expect_eq(part.empty_rows, 0, "%s", names[i]);
		part_free(&part);
	}
}

Test(damage, a_jpeg_that_lacks_only_its_eoi_has_all_rows_and_the_flag)
{
	static const char *const names[] = {
		"jpeg-420.jpg", "jpeg-progressive-420.jpg", "jpeg-grey.jpg"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct decoded whole, part;
		struct bytes file = bytes_read(asset(names[i]));
		cr_assert_eq(decode_prefix(&file, file.size, 0, &whole), 0);
		cr_assert_eq(decode_prefix(&file, file.size - 2, JOB_ALLOW_PARTIAL, &part), 0);
		cr_expect(part.result.flags & MURAL_BITMAP_PARTIAL);
		cr_expect_arr_eq(part.pixels, whole.pixels, whole.size, "%s", names[i]);
		decoded_free(&whole);
		decoded_free(&part);
		bytes_free(&file);
	}
}

Test(damage, a_part_without_a_single_row_fails)
{
	struct decoded decoded;
	struct bytes jpeg = bytes_read(asset("jpeg-444.jpg"));
	for (size_t i = 0; i + 1 < jpeg.size; i++) {
		if (jpeg.data[i] != 0xff || jpeg.data[i + 1] != 0xda)
			continue;
		cr_expect_eq(decode_prefix(&jpeg, i + 16, JOB_ALLOW_PARTIAL, &decoded), -EBADMSG);
		cr_expect_eq(decoded.result.reason, MURAL_REASON_TRUNCATED);
		break;
	}
	bytes_free(&jpeg);
}

/* ---- damaged data ---- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Only that it ends in order: a success or one of the reasons that a file can have, with the errno
 * that belongs to it. */
static void expect_settled(const struct decoded *decoded, const char *path)
{
	static const struct {
		enum mural_reason reason;
		int error;
	} pairs[] = {
		{MURAL_REASON_NONE, 0},
		{MURAL_REASON_NOT_IMAGE, -ENOEXEC},
		{MURAL_REASON_CORRUPT, -EBADMSG},
		{MURAL_REASON_TRUNCATED, -EBADMSG},
		{MURAL_REASON_UNSUPPORTED, -ENOTSUP},
		{MURAL_REASON_TOO_LARGE, -EFBIG},
	};
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (pairs[i].reason == decoded->result.reason &&
			pairs[i].error == decoded->result.error)
			return;
	cr_expect_fail("%s: reason %u, error %d, %s", path, decoded->result.reason,
		decoded->result.error, decoded->result.text);
}

static void flip_bits(const char *path, void *user)
{
	uint32_t *state = user;
	struct bytes file = bytes_read(path);
	for (unsigned round = 0; round < 60; round++) {
		struct decoded decoded;
		unsigned flips = 1 + round % 4;
		size_t at[4];
		for (unsigned i = 0; i < flips; i++) {
			at[i] = (round % 2 ? next_random(state) : next_random(state) % 700) %
				file.size;
			file.data[at[i]] ^= (uint8_t)(1u << next_random(state) % 8);
		}
		struct request request = {
			.flags = round % 3 == 0 ? JOB_ALLOW_PARTIAL : 0,
			.format = 1 + round % 3,
			.box_width = round % 5 == 0 ? 40 : 0,
			.max_pixels = 1 << 22,
		};
		decode_bytes(file.data, file.size, &request, &decoded);
		expect_settled(&decoded, path);
		decoded_free(&decoded);
		bytes_free(&file);
		file = bytes_read(path);
	}
	bytes_free(&file);
}

Test(damage, flipped_bits_never_do_worse_than_fail, .timeout = 250)
{
	uint32_t state = 20240229;
	cr_assert_gt(each_format("", flip_bits, &state), 0);
}

/* One flipped bit in a PNG's data breaks a checksum: it can not go unnoticed. */
Test(damage, a_flipped_bit_in_png_data_is_corrupt)
{
	struct decoded decoded;
	struct bytes file = bytes_read(asset("png-rgb8.png"));
	file.data[file.size / 2] ^= 4;
	cr_expect_eq(decode_prefix(&file, file.size, 0, &decoded), -EBADMSG);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_CORRUPT);
	bytes_free(&file);
}

/* libjpeg would print a warning and go on: here it is an error. */
static void expect_damaged(const uint8_t *data, size_t size, enum mural_reason reason)
{
	struct decoded decoded;
	cr_expect_eq(decode_bytes(data, size, &(struct request){0}, &decoded), -EBADMSG);
	cr_expect_eq(decoded.result.reason, reason, "%s", decoded.result.text);
	struct request part = {.flags = JOB_ALLOW_PARTIAL};
	cr_expect_eq(decode_bytes(data, size, &part, &decoded), 0, "%s", decoded.result.text);
	cr_expect(decoded.result.flags & MURAL_BITMAP_PARTIAL);
	decoded_free(&decoded);
}

Test(damage, bytes_that_no_pixel_used_make_a_jpeg_corrupt)
{
	struct bytes file = bytes_read(asset("jpeg-420.jpg"));
	size_t size = file.size + 9;
	CLEANUP(free_p) uint8_t *longer = calloc(1, size);
	memcpy(longer, file.data, file.size - 2);
	memcpy(longer + size - 2, file.data + file.size - 2, 2);
	expect_damaged(longer, size, MURAL_REASON_CORRUPT);
	bytes_free(&file);
}

Test(damage, a_jpeg_whose_data_end_before_its_eoi_is_truncated)
{
	struct bytes file = bytes_read(asset("jpeg-420.jpg"));
	size_t half = file.size / 2;
	file.data[half] = 0xff;
	file.data[half + 1] = 0xd9;
	expect_damaged(file.data, half + 2, MURAL_REASON_TRUNCATED);
	bytes_free(&file);
}

Test(damage, nothing_is_printed)
{
	char path[] = "/tmp/mural-codec-XXXXXX";
	int out = mkstemp(path);
	int kept = dup(STDERR_FILENO);
	struct stat st;
	struct decoded decoded;
	struct bytes jpeg = bytes_read(asset("jpeg-420.jpg"));
	struct bytes png = bytes_read(asset("png-rgb8.png"));
	memset(jpeg.data + jpeg.size / 2, 0x55, 64);
	memset(png.data + 30, 0x55, 8);
	dup2(out, STDERR_FILENO);
	decode_prefix(&jpeg, jpeg.size, 0, &decoded);
	decode_prefix(&jpeg, jpeg.size / 2, JOB_ALLOW_PARTIAL, &decoded);
	decoded_free(&decoded);
	decode_prefix(&png, png.size, 0, &decoded);
	dup2(kept, STDERR_FILENO);
	cr_assert_eq(fstat(out, &st), 0);
	cr_expect_eq(st.st_size, 0);
	unlink(path);
	close(out);
	close(kept);
	bytes_free(&jpeg);
	bytes_free(&png);
}
