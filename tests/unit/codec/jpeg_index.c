/* Which progressive JPEGs are indexed, what of them needs what, and that several threads decode
 * those, and leave the others to one. */
#include "jpeg_index.h"
#include "decode.h"
#include "jpeg_decoder.h"
#include "jpeg_writer.h"

#include "common/util.h"
#include "producer/team.h"

#include <criterion/criterion.h>
#include <string.h>

/* More than a megapixel, so that helpers are asked. */
enum { WIDTH = 1200, HEIGHT = 900, COMPONENTS = 3 };

/* As libjpeg's own. */
static const jpeg_scan_info usual[] = {
	{3, {0, 1, 2}, 0, 0, 0, 1},
	{1, {0}, 1, 5, 0, 2},
	{1, {2}, 1, 63, 0, 1},
	{1, {1}, 1, 63, 0, 1},
	{1, {0}, 6, 63, 0, 2},
	{1, {0}, 1, 63, 2, 1},
	{3, {0, 1, 2}, 0, 0, 1, 0},
	{1, {2}, 1, 63, 1, 0},
	{1, {1}, 1, 63, 1, 0},
	{1, {0}, 1, 63, 1, 0},
};

static const jpeg_scan_info plain[] = {
	{3, {0, 1, 2}, 0, 0, 0, 0},
	{1, {1}, 1, 63, 0, 0},
	{1, {2}, 1, 63, 0, 0},
	{1, {0}, 1, 63, 0, 0},
};

/* The last bits of the luminance never come. */
static const jpeg_scan_info unfinished[] = {
	{3, {0, 1, 2}, 0, 0, 0, 0},
	{1, {2}, 1, 63, 0, 0},
	{1, {1}, 1, 63, 0, 0},
	{1, {0}, 1, 63, 0, 1},
};

static const jpeg_scan_info by_component[] = {
	{1, {0}, 0, 0, 0, 0},
	{1, {1}, 0, 0, 0, 0},
	{1, {2}, 0, 0, 0, 0},
	{1, {0}, 1, 63, 0, 0},
	{1, {1}, 1, 63, 0, 0},
	{1, {2}, 1, 63, 0, 0},
};

static uint8_t sample(unsigned x, unsigned y)
{
	return (uint8_t)(x * x / 7 + y * (x % 5 + 1) + (x ^ y) % 29);
}

/* @same: how many samples after one another are the same; COMPONENTS: there are no colours. */
static struct bytes make_sized(
	const jpeg_scan_info *scans, size_t count, unsigned same, unsigned width, unsigned height)
{
	struct jpeg_writer writer;
	struct jpeg_compress_struct *cinfo = jpeg_writer_begin(&writer, width, height, COMPONENTS);
	CLEANUP(free_p) uint8_t *row = malloc((size_t)width * COMPONENTS);
	cinfo->scan_info = scans;
	cinfo->num_scans = (int)count;
	jpeg_start_compress(cinfo, TRUE);
	for (unsigned y = 0; y < height; y++) {
		for (unsigned i = 0; i < width * COMPONENTS; i++)
			row[i] = sample(i / same, y);
		jpeg_write_scanlines(cinfo, &row, 1);
	}
	return jpeg_writer_end(&writer);
}

static struct bytes make(const jpeg_scan_info *scans, size_t count)
{
	return make_sized(scans, count, 1, WIDTH, HEIGHT);
}

/* @bytes with @count more at @at. Takes what there was. */
static void insert(struct bytes *bytes, size_t at, const void *more, size_t count)
{
	uint8_t *longer = malloc(bytes->size + count);
	memcpy(longer, bytes->data, at);
	memcpy(longer + at, more, count);
	memcpy(longer + at + count, bytes->data + at, bytes->size - at);
	bytes_free(bytes);
	*bytes = (struct bytes){longer, bytes->size + count};
}

static bool index_of(const struct bytes *file, struct jpeg_index *ret)
{
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	cinfo.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&cinfo);
	jpeg_mem_src(&cinfo, file->data, file->size);
	jpeg_read_header(&cinfo, TRUE);
	CLEANUP(close_p) int fd = bytes_fd(file->data, file->size);
	bool indexed = jpeg_index_read(ret, &cinfo, fd);
	jpeg_destroy_decompress(&cinfo);
	return indexed;
}

/* What jpeg_decode_scans says of the file; the pixels, which the caller frees. */
static int decode_by_scans_into(const struct bytes *file, unsigned helpers, uint8_t **ret_pixels)
{
	struct job_result result;
	CLEANUP(close_p) int fd = bytes_fd(file->data, file->size);
	struct job job = {.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 28};
	codec_run(fd, &job, NULL, &result);
	cr_assert_eq(result.error, 0, "%s", result.text);
	struct picture_target target = {.fd = -1,
		.team = team_create(helpers),
		.format = job.format,
		.width = result.width,
		.height = result.height,
		.stride_bytes = result.width * 4};
	*ret_pixels = target.pixels = malloc((size_t)target.stride_bytes * target.height);
	struct source source = {.fd = fd};
	struct jpeg *jpeg = jpeg_open(&source, &job, &target, &result);
	cr_assert(jpeg, "%s", result.text);
	int r = jpeg_decode_scans(jpeg, fd, &target);
	jpeg_close(jpeg);
	team_destroy(target.team);
	return r;
}

static int decode_by_scans(const struct bytes *file, unsigned helpers)
{
	CLEANUP(free_p) uint8_t *pixels = NULL;
	return decode_by_scans_into(file, helpers, &pixels);
}

static void expect_same_with_helper(const struct bytes *file)
{
	struct decoded one, two;
	struct request request = {0};
	decode_bytes(file->data, file->size, &request, &one);
	request.helpers = 1;
	decode_bytes(file->data, file->size, &request, &two);
	cr_expect_eq(
		one.result.error, two.result.error, "%s, %s", one.result.text, two.result.text);
	cr_expect(one.size == two.size &&
		  (one.size == 0 || memcmp(one.pixels, two.pixels, one.size) == 0));
	decoded_free(&one);
	decoded_free(&two);
}

Test(jpeg_index, scans_need_those_of_the_same_coefficients_before_them)
{
	static const uint64_t needs[] = {0, 0, 0, 0, 1 << 1, 1 << 1 | 1 << 4, 1 << 0, 1 << 2,
		1 << 3, 1 << 1 | 1 << 4 | 1 << 5};
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	cr_assert_eq(index.scan_count, ARRAY_SIZE(usual));
	for (unsigned i = 0; i < ARRAY_SIZE(usual); i++)
		cr_expect_eq(
			index.scans[i].needs, needs[i], "scan %u: %#lx", i, index.scans[i].needs);
	bytes_free(&file);
}

Test(jpeg_index, pieces_are_all_of_the_file)
{
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	cr_expect_eq(index.header.begin, 0);
	cr_expect_eq(index.header.end, index.scans[0].piece.begin);
	cr_expect_eq(index.end.end, file.size);
	uint64_t at = index.scans[0].piece.end;
	for (unsigned i = 1; i < index.scan_count; i++) {
		cr_expect_eq(memcmp(file.data + index.scans[i].piece.begin, "\xff\xda", 2), 0);
		for (unsigned k = index.scans[i - 1].tables; k < index.scans[i].tables; k++) {
			cr_expect_eq(memcmp(file.data + index.tables[k].begin, "\xff\xc4", 2), 0);
			cr_expect_eq(index.tables[k].begin, at);
			at = index.tables[k].end;
		}
		cr_expect_eq(index.scans[i].piece.begin, at);
		at = index.scans[i].piece.end;
	}
	cr_expect_eq(index.end.begin, at);
	bytes_free(&file);
}

Test(jpeg_index, most_hangs_on_what_the_luminance_begins_with)
{
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	const struct jpeg_scan *scans = index.scans;
	uint64_t line = 0;
	static const unsigned in_line[] = {9, 5, 4, 1};
	for (unsigned i = 0; i < ARRAY_SIZE(in_line); i++) {
		line += scans[in_line[i]].piece.end - scans[in_line[i]].piece.begin;
		cr_expect_eq(scans[in_line[i]].rest, line, "scan %u", in_line[i]);
	}
	bytes_free(&file);
}

Test(jpeg_index, what_is_in_order_is_decoded_by_several)
{
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	static const uint8_t comment[] = {0xff, 0xfe, 0, 4, 'h', 'i'};
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	cr_expect_eq(decode_by_scans(&file, 1), 0);
	insert(&file, index.scans[3].piece.end, comment, sizeof(comment));
	cr_expect_eq(decode_by_scans(&file, 1), 0);
	expect_same_with_helper(&file);
	bytes_free(&file);
}

static void expect_left_to_one(struct bytes *file, const char *what)
{
	struct jpeg_index index;
	cr_expect_not(index_of(file, &index), "%s", what);
	cr_expect_neq(decode_by_scans(file, 1), 0, "%s", what);
	expect_same_with_helper(file);
	bytes_free(file);
}

Test(jpeg_index, what_is_not_complete_is_left_to_one)
{
	struct bytes file = make(unfinished, ARRAY_SIZE(unfinished));
	expect_left_to_one(&file, "without the last bits");
	file = make(usual, ARRAY_SIZE(usual));
	file.size -= 2;
	expect_left_to_one(&file, "without an end");
	file = make(usual, ARRAY_SIZE(usual));
	file.size /= 2;
	expect_left_to_one(&file, "half of it");
}

Test(jpeg_index, means_one_component_after_the_other_are_left_to_one)
{
	struct bytes file = make(by_component, ARRAY_SIZE(by_component));
	expect_left_to_one(&file, "a scan for each component's means");
}

/* The bits of a scan: how many were missing before and after it. */
static uint8_t *bits_of(struct bytes *file, const struct jpeg_scan *scan)
{
	uint8_t *begin = file->data + scan->piece.begin;
	return begin + 2 + (begin[2] << 8 | begin[3]) - 1;
}

/* A scan's head: how many components, and the first one's number. */
static uint8_t *head_of(struct bytes *file, const struct jpeg_scan *scan)
{
	return file->data + scan->piece.begin + 4;
}

/* The second scan's head grows by a component with number @number. */
static struct bytes make_with_another(uint8_t number)
{
	struct bytes file = make(plain, ARRAY_SIZE(plain));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	uint8_t *head = head_of(&file, &index.scans[1]);
	const uint8_t another[] = {number, head[2]};
	head[-1] += sizeof(another); /* the segment's length */
	head[0]++;
	insert(&file, index.scans[1].piece.begin + 7, another, sizeof(another));
	return file;
}

Test(jpeg_index, a_scan_of_two_components_details_is_left_to_one)
{
	enum { ITS_OWN = 2, ANOTHER = 3 };
	struct bytes file = make_with_another(ITS_OWN);
	expect_left_to_one(&file, "twice the same");
	file = make_with_another(ANOTHER);
	expect_left_to_one(&file, "two components");
}

Test(jpeg_index, bits_out_of_turn_are_left_to_one)
{
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	uint8_t *bits = bits_of(&file, &index.scans[5]);
	cr_assert_eq(*bits, 0x21);
	*bits = 0x32;
	expect_left_to_one(&file, "more missing than there were");
}

Test(jpeg_index, a_scan_that_comes_once_more_needs_the_one_before)
{
	struct bytes file = make(plain, ARRAY_SIZE(plain));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	struct jpeg_piece again = index.scans[1].piece;
	size_t size = again.end - again.begin;
	CLEANUP(free_p) uint8_t *copy = malloc(size);
	memcpy(copy, file.data + again.begin, size);
	insert(&file, again.end, copy, size);
	cr_assert(index_of(&file, &index));
	cr_assert_eq(index.scan_count, 5);
	cr_expect_eq(index.scans[2].needs, 1 << 1);
	cr_expect_eq(decode_by_scans(&file, 1), 0);
	expect_same_with_helper(&file);
	bytes_free(&file);
}

Test(jpeg_index, what_changes_between_scans_is_left_to_one)
{
	static const uint8_t restarts[] = {0xff, 0xdd, 0, 4, 0, 9}, rubbish[] = {1, 2, 3};
	static const uint8_t two_ends[] = {0xff, 0xd9};
	struct jpeg_index index;
	struct bytes file = make(usual, ARRAY_SIZE(usual));
	cr_assert(index_of(&file, &index));
	const size_t between = index.scans[3].piece.end;
	/* Behind a table's segment, where the entropy-coded data are over. */
	const size_t behind = index.tables[index.scans[4].tables - 1].end;
	insert(&file, between, restarts, sizeof(restarts));
	expect_left_to_one(&file, "other restart markers");
	file = make(usual, ARRAY_SIZE(usual));
	insert(&file, behind, rubbish, sizeof(rubbish));
	expect_left_to_one(&file, "rubbish");
	file = make(usual, ARRAY_SIZE(usual));
	insert(&file, between, two_ends, sizeof(two_ends));
	expect_left_to_one(&file, "an early end");
}

/* A scan is read with the tables that are before it in the file: not with one of a later scan that
 * the same thread has read already, though that one would do. */
Test(jpeg_index, a_scan_without_its_table_fails_as_it_does_alone)
{
	static const jpeg_scan_info chroma_twice[] = {
		{3, {0, 1, 2}, 0, 0, 0, 0},
		{1, {1}, 1, 63, 0, 0},
		{1, {2}, 1, 63, 0, 1},
		{1, {2}, 1, 63, 1, 0},
		{1, {0}, 1, 63, 0, 0},
	};
	struct bytes file =
		make_sized(chroma_twice, ARRAY_SIZE(chroma_twice), COMPONENTS, WIDTH, HEIGHT);
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	cr_assert_lt(index.scans[1].rest, index.scans[2].rest, "the later one is to be read first");
	const struct jpeg_piece lost = index.tables[index.scans[1].tables - 1];
	const struct jpeg_piece later = index.tables[index.scans[2].tables - 1];
	cr_assert_eq(lost.end - lost.begin, later.end - later.begin);
	cr_assert_eq(
		memcmp(file.data + lost.begin, file.data + later.begin, lost.end - lost.begin), 0);
	cr_assert_eq(decode_by_scans(&file, 0), 0);
	file.data[lost.begin + 4] ^= 2; /* its number */
	cr_expect_neq(decode_by_scans(&file, 0), 0);
	expect_same_with_helper(&file);
	bytes_free(&file);
}

/* A damaged scan can bring coefficients beyond those of its head, of which libjpeg does not
 * complain. (Found by fuzzing.) */
Test(jpeg_index, a_scan_beyond_its_band_gives_what_it_gives_to_one)
{
	struct decoded alone;
	struct bytes file = bytes_read(MURAL_FUZZ_CORPUS "/jpeg/progressive-beyond-its-band.jpg");
	cr_assert_eq(decode_bytes(file.data, file.size, &(struct request){0}, &alone), 0);
	for (int i = 0; i < 10; i++) {
		CLEANUP(free_p) uint8_t *pixels = NULL;
		cr_assert_eq(decode_by_scans_into(&file, 1, &pixels), 0);
		cr_expect_eq(memcmp(pixels, alone.pixels, alone.size), 0, "in turn %d", i);
	}
	decoded_free(&alone);
	bytes_free(&file);
}

/* libjpeg complains of what a scan has left over in front of the next segment; the last scan that a
 * thread reads shall have one behind it, too. (Found by fuzzing.) */
Test(jpeg_index, what_a_scan_leaves_over_fails_as_it_does_alone)
{
	struct decoded alone;
	struct bytes file = bytes_read(MURAL_FUZZ_CORPUS "/jpeg/progressive-left-over.jpg");
	cr_assert_lt(decode_bytes(file.data, file.size, &(struct request){0}, &alone), 0);
	for (unsigned i = 0; i < 40; i++)
		cr_expect_lt(decode_by_scans(&file, i % 4), 0, "in turn %u", i);
	decoded_free(&alone);
	bytes_free(&file);
}

/* ---- files that change while they are read ---- */

static void write_over(int fd, const struct bytes *bytes)
{
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(pwrite(fd, bytes->data, bytes->size, 0), (ssize_t)bytes->size);
}

/* What becomes of the file when libjpeg next has something to say. */
static struct {
	int fd;
	const struct bytes *after;
	void (*emit_message)(j_common_ptr cinfo, int level);
} change;

static void change_now(j_common_ptr cinfo, int level)
{
	cinfo->err->emit_message = change.emit_message;
	write_over(change.fd, change.after);
	change.emit_message(cinfo, level);
}

enum changes {
	AFTER_THE_HEADER,
	AFTER_THE_INDEX, /* which is made before anything is said of what is behind the header */
};

/* It is @before until then, and @after from then on. Helpers would have read who knows what before
 * the index is done with, and so there are some only after the header. */
static int decode_changed_at(
	enum changes when, const struct bytes *before, const struct bytes *after)
{
	struct job_result result;
	CLEANUP(close_p) int fd = bytes_fd(before->data, before->size);
	struct job job = {.kind = JOB_PROBE,
		.format = MURAL_FORMAT_XRGB8888,
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 28,
		.box_width = 300,
		.box_height = 300};
	codec_run(fd, &job, NULL, &result);
	cr_assert_eq(result.error, 0, "%s", result.text);
	struct picture_target target = {.fd = -1,
		.team = when == AFTER_THE_HEADER ? team_create(2) : NULL,
		.format = job.format,
		.width = result.width,
		.height = result.height,
		.stride_bytes = result.width * 4};
	CLEANUP(free_p) uint8_t *pixels = malloc((size_t)target.stride_bytes * target.height);
	target.pixels = pixels;
	struct source source = {.fd = fd};
	struct jpeg *jpeg = jpeg_open(&source, &job, &target, &result);
	cr_assert(jpeg, "%s", result.text);
	if (when == AFTER_THE_HEADER) {
		write_over(fd, after);
	} else {
		change.fd = fd;
		change.after = after;
		change.emit_message = jpeg->cinfo.err->emit_message;
		jpeg->cinfo.err->emit_message = change_now;
	}
	int r = jpeg_decode_scans(jpeg, fd, &target);
	jpeg_close(jpeg);
	team_destroy(target.team);
	return r;
}

static void decode_changed(const struct bytes *before, const struct bytes *after)
{
	cr_expect_lt(decode_changed_at(AFTER_THE_HEADER, before, after), 0);
}

Test(jpeg_index, a_file_that_becomes_a_larger_picture_is_refused)
{
	struct bytes small = make(usual, ARRAY_SIZE(usual));
	struct bytes large =
		make_sized(usual, ARRAY_SIZE(usual), 1, WIDTH * 2, HEIGHT * 2); /* the same box */
	for (int i = 0; i < 5; i++)
		decode_changed(&small, &large);
	bytes_free(&small);
	bytes_free(&large);
}

/* The first scan is over before the place that has been read to. */
Test(jpeg_index, a_file_whose_first_scan_moves_is_refused)
{
	static uint8_t comment[60002] = {0xff, 0xfe, 60000 >> 8, 60000 & 0xff};
	struct bytes file = make(usual, ARRAY_SIZE(usual)), moved = make(usual, ARRAY_SIZE(usual));
	struct jpeg_index index;
	cr_assert(index_of(&file, &index));
	cr_assert_lt(index.scans[0].piece.end, 2 * sizeof(comment));
	for (int i = 0; i < 2; i++)
		insert(&moved, 2, comment, sizeof(comment));
	decode_changed(&moved, &file);
	decode_changed(&file, &moved);
	bytes_free(&file);
	bytes_free(&moved);
}

/* Of a scan more than were counted nobody knows what it needs, nor who needs it. */
Test(jpeg_index, a_file_that_gains_a_scan_while_it_is_read_is_refused, .timeout = 60)
{
	struct bytes before = make(plain, ARRAY_SIZE(plain)),
		     after = make(plain, ARRAY_SIZE(plain));
	struct jpeg_index index;
	cr_assert(index_of(&before, &index));
	const struct jpeg_piece scan = index.scans[2].piece;
	const size_t size = scan.end - scan.begin;
	/* In front of a marker there may be any number of bytes that are 0xff: room for it. */
	CLEANUP(free_p) uint8_t *room = malloc(size), *again = malloc(size);
	memset(room, 0xff, size);
	memcpy(again, before.data + scan.begin, size);
	insert(&before, scan.end, room, size);
	insert(&after, scan.end, again, size);
	cr_assert(index_of(&before, &index));
	cr_assert_eq(index.scan_count, ARRAY_SIZE(plain));
	cr_assert_eq(index.scans[2].piece.end, scan.end + size);
	cr_expect_eq(decode_changed_at(AFTER_THE_INDEX, &before, &before), 0);
	cr_expect_lt(decode_changed_at(AFTER_THE_INDEX, &before, &after), 0);
	bytes_free(&before);
	bytes_free(&after);
}
