/* What several threads make of a JPEG is what one makes of it: pixels, flags, failures and reasons.
 * Who does what differs from run to run, so that each picture is decoded several times. */
#include "decode.h"
#include "jpeg_writer.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 3 };

struct picture {
	char name[16]; /* no pointer: a test's process has other addresses */
	int width, height, components;
	int h, v; /* sampling of the first component */
	int quality;
	int restart_rows;
	bool optimize, progressive;
};

enum { PLAIN = 0, RESTARTS = 7, PROGRESSIVE = 14, PROGRESSIVE_INKS = 20 };

static const struct picture pictures[] = {
	{"4:2:0", 1203, 1101, 3, 2, 2, 90, 0, false, false},
	{"4:2:2", 1203, 1101, 3, 2, 1, 75, 0, true, false},
	{"4:4:0", 1024, 1025, 3, 1, 2, 80, 0, false, false},
	{"4:4:4", 1201, 903, 3, 1, 1, 95, 0, false, false},
	{"4:1:1", 1601, 777, 3, 4, 1, 60, 0, false, false},
	{"grey", 1117, 1009, 1, 1, 1, 90, 0, false, false},
	{"inks", 1050, 1001, 4, 1, 1, 90, 0, false, false},
	{"restarts", 1203, 1101, 3, 2, 2, 90, 1, false, false},
	{"restarts 4:4:4", 1201, 2003, 3, 1, 1, 95, 1, true, false},
	{"restarts 4:2:2", 803, 1999, 3, 2, 1, 75, 2, false, false},
	{"restarts grey", 1117, 1509, 1, 1, 1, 90, 3, false, false},
	{"restarts inks", 1050, 1001, 4, 1, 1, 90, 1, false, false},
	{"wide", 20000, 60, 3, 2, 2, 90, 0, false, false},
	{"tall", 60, 20000, 3, 2, 2, 90, 0, false, false},
	{"progressive", 1203, 1101, 3, 2, 2, 90, 0, true, true},
	{"progr. 4:2:2", 1203, 1101, 3, 2, 1, 75, 0, true, true},
	{"progr. 4:4:0", 1024, 1025, 3, 1, 2, 80, 0, true, true},
	{"progr. 4:4:4", 1201, 903, 3, 1, 1, 95, 0, true, true},
	{"progr. 4:1:1", 1601, 777, 3, 4, 1, 60, 0, true, true},
	{"progr. grey", 1117, 1009, 1, 1, 1, 90, 0, true, true},
	{"progr. inks", 1050, 1001, 4, 1, 1, 90, 0, true, true},
	{"progr. restarts", 1203, 1101, 3, 2, 2, 90, 1, true, true},
	{"progr. wide", 20000, 60, 3, 2, 2, 90, 0, true, true},
	{"progr. tall", 60, 20000, 3, 2, 2, 90, 0, true, true},
};

static void fill_row(uint8_t *row, int width, int components, int y, uint32_t *noise)
{
	for (int i = 0; i < width * components; i++) {
		*noise = *noise * 1664525u + 1013904223u;
		row[i] = (uint8_t)(i / components / 5 + y / 3 + i % components * 70 +
				   (*noise >> 27));
	}
}

/* @orientation: 0 for none. The caller frees. */
static struct bytes make(const struct picture *picture, unsigned orientation)
{
	struct jpeg_writer writer;
	uint32_t noise = 1;
	struct jpeg_compress_struct *cinfo = jpeg_writer_begin(
		&writer, (unsigned)picture->width, (unsigned)picture->height, picture->components);
	jpeg_set_quality(cinfo, picture->quality, TRUE);
	cinfo->comp_info[0].h_samp_factor = picture->h;
	cinfo->comp_info[0].v_samp_factor = picture->v;
	cinfo->restart_in_rows = picture->restart_rows;
	cinfo->optimize_coding = picture->optimize;
	if (picture->progressive)
		jpeg_simple_progression(cinfo);
	jpeg_start_compress(cinfo, TRUE);
	if (orientation > 0) {
		uint8_t exif[] = "Exif\0\0II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\0\0\0\0\0\0\0";
		exif[24] = (uint8_t)orientation;
		jpeg_write_marker(cinfo, JPEG_APP0 + 1, exif, sizeof(exif) - 1);
	}
	CLEANUP(free_p) uint8_t *row = malloc((size_t)picture->width * 4);
	for (int y = 0; y < picture->height; y++) {
		fill_row(row, picture->width, picture->components, y, &noise);
		jpeg_write_scanlines(cinfo, (JSAMPARRAY)&row, 1);
	}
	return jpeg_writer_end(&writer);
}

static void expect_same(const struct bytes *file, struct request request, const char *name)
{
	struct decoded one, two;
	decode_bytes(file->data, file->size, &request, &one);
	for (int run = 0; run < RUNS; run++) {
		static const unsigned helpers[] = {1, 3, JOB_THREADS_MAX};
		request.helpers = helpers[run % 3];
		request.writes = run == 0;
		decode_bytes(file->data, file->size, &request, &two);
		one.result.decode_ns = two.result.decode_ns = 0;
		cr_expect_eq(memcmp(&one.result, &two.result, sizeof(one.result)), 0,
			"%s in %ux%u: (%d, %s) is not (%d, %s)", name, request.box_width,
			request.box_height, one.result.error, one.result.text, two.result.error,
			two.result.text);
		cr_expect(one.size == two.size &&
				  (one.size == 0 || memcmp(one.pixels, two.pixels, one.size) == 0),
			"%s in %ux%u, flags %u, format %u", name, request.box_width,
			request.box_height, request.flags, request.format);
		decoded_free(&two);
	}
	decoded_free(&one);
}

ParameterizedTestParameters(jpeg_threads, every_sampling_at_every_scale)
{
	return cr_make_param_array(
		struct picture, (void *)(uintptr_t)pictures, ARRAY_SIZE(pictures));
}

ParameterizedTest(
	struct picture *picture, jpeg_threads, every_sampling_at_every_scale, .timeout = 200)
{
	static const uint32_t boxes[] = {0, 1150, 900, 601, 500, 333, 250, 151, 100};
	struct bytes file = make(picture, 0);
	for (size_t i = 0; i < ARRAY_SIZE(boxes); i++)
		expect_same(&file, (struct request){.box_width = boxes[i], .box_height = boxes[i]},
			picture->name);
	bytes_free(&file);
}

static void expect_same_when_turned(const struct picture *picture)
{
	for (unsigned orientation = 1; orientation <= 8; orientation++) {
		struct bytes file = make(picture, orientation);
		for (uint32_t format = MURAL_FORMAT_XRGB8888; format <= MURAL_FORMAT_RGB565;
			format++) {
			expect_same(&file, (struct request){.format = format}, "turned");
			expect_same(&file, (struct request){.format = format, .box_width = 700},
				"turned and scaled");
		}
		bytes_free(&file);
	}
}

Test(jpeg_threads, every_orientation_and_format, .timeout = 200)
{
	expect_same_when_turned(&pictures[PLAIN]);
}

Test(jpeg_threads, every_orientation_and_format_with_restarts, .timeout = 200)
{
	expect_same_when_turned(&pictures[RESTARTS]);
}

Test(jpeg_threads, every_orientation_and_format_of_a_progressive_one, .timeout = 200)
{
	expect_same_when_turned(&pictures[PROGRESSIVE]);
}

static void expect_same_when_damaged(const struct picture *picture)
{
	struct bytes file = make(picture, 0);
	for (size_t sixteenth = 1; sixteenth <= 16; sixteenth++) {
		const size_t at = file.size * sixteenth / 16 - 2;
		const struct bytes cut = {file.data, at};
		for (uint32_t flags = 0; flags <= JOB_ALLOW_PARTIAL; flags += JOB_ALLOW_PARTIAL) {
			expect_same(&cut, (struct request){.flags = flags}, "cut");
			uint8_t was = file.data[at];
			file.data[at] ^= 0x5a;
			expect_same(&file, (struct request){.flags = flags}, "damaged");
			file.data[at] = was;
		}
	}
	bytes_free(&file);
}

Test(jpeg_threads, cut_and_damaged_files_fail_or_give_parts_as_ever, .timeout = 200)
{
	expect_same_when_damaged(&pictures[PLAIN]);
}

Test(jpeg_threads, the_same_with_restarts, .timeout = 200)
{
	expect_same_when_damaged(&pictures[RESTARTS]);
}

Test(jpeg_threads, the_same_of_a_progressive_one, .timeout = 200)
{
	expect_same_when_damaged(&pictures[PROGRESSIVE]);
}

static size_t find(const struct bytes *file, size_t from, uint8_t marker)
{
	while (from + 1 < file->size &&
		!(file->data[from] == 0xff && file->data[from + 1] == marker))
		from++;
	cr_assert_lt(from + 1, file->size, "no marker %#x", marker);
	return from;
}

/* @count bytes that nobody needs in front of @at. */
static struct bytes with_leftovers(const struct bytes *file, size_t at, size_t count)
{
	struct bytes with = {malloc(file->size + count), file->size + count};
	cr_assert(with.data);
	memcpy(with.data, file->data, at);
	memset(with.data + at, 0x55, count);
	memcpy(with.data + at + count, file->data + at, file->size - at);
	return with;
}

/* libjpeg complains of them when it next looks for a marker, which may be many rows later: whoever
 * ends before has not complained. */
Test(jpeg_threads, what_is_left_over_in_front_of_a_marker_is_told_as_by_one, .timeout = 200)
{
	enum { RST0 = 0xd0, SOS = 0xda };
	struct bytes file = make(&pictures[RESTARTS], 0);
	size_t at = find(&file, 0, SOS);
	for (unsigned i = 0; i < 60; i++) {
		at = find(&file, at + 2, (uint8_t)(RST0 + i % 8));
		for (size_t count = 1; count <= 3; count += 2) {
			struct bytes with = with_leftovers(&file, at, count);
			expect_same(&with, (struct request){0}, "leftovers");
			bytes_free(&with);
		}
	}
	bytes_free(&file);
}

/* Whether inks are inverted is what the header says, whoever reads what is between scans. */
Test(jpeg_threads, a_marker_of_inverted_inks_that_comes_late_changes_nothing, .timeout = 60)
{
	enum { ADOBE = 16, DHT = 0xc4, SOS = 0xda, APP14 = 0xee };
	uint8_t adobe[ADOBE];
	struct bytes file = make(&pictures[PROGRESSIVE_INKS], 0);
	size_t at = find(&file, 0, APP14);
	memcpy(adobe, file.data + at, ADOBE);
	size_t behind = find(&file, find(&file, at, SOS), DHT); /* the first scan */
	memmove(file.data + at, file.data + at + ADOBE, behind - at - ADOBE);
	memcpy(file.data + behind - ADOBE, adobe, ADOBE);
	expect_same(&file, (struct request){0}, "late marker");
	bytes_free(&file);
}
