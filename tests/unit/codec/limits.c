/* Limits: dimensions, memory, a bitmap that is not what was reserved, and chunks that would like to
 * be large. */
#include "decode.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <jpeglib.h>

static const char *asset(const char *name)
{
	static char path[1024];
	snprintf(path, sizeof(path), "%s/formats/%s", MURAL_ASSETS_DIR, name);
	return path;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* ---- a PNG made of chunks ---- */

struct chunks {
	uint8_t *data; /* owned */
	size_t size;
};

static uint32_t crc_of(const uint8_t *data, size_t size)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void chunks_append(struct chunks *chunks, const void *data, size_t size)
{
	chunks->data = realloc(chunks->data, chunks->size + size);
	memcpy(chunks->data + chunks->size, data, size);
	chunks->size += size;
}

static void chunk_add(struct chunks *chunks, const char *name, const void *data, size_t size)
{
	uint8_t number[4];
	put_be32(number, (uint32_t)size);
	chunks_append(chunks, number, 4);
	size_t start = chunks->size;
	chunks_append(chunks, name, 4);
	chunks_append(chunks, data, size);
	put_be32(number, crc_of(chunks->data + start, size + 4));
	chunks_append(chunks, number, 4);
}

/* Signature and header: 8 bits RGB. */
static struct chunks png_start(uint32_t width, uint32_t height)
{
	struct chunks chunks = {0};
	uint8_t header[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0};
	put_be32(header, width);
	put_be32(header + 4, height);
	chunks_append(&chunks, "\x89PNG\r\n\x1a\n", 8);
	chunk_add(&chunks, "IHDR", header, sizeof(header));
	return chunks;
}

/* The rest of a PNG of one black pixel. */
static void png_finish_one_pixel(struct chunks *chunks)
{
	/* A stored deflate block of the filter byte and three zeros. */
	static const uint8_t data[] = {0x78, 0x01, 0x01, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 4, 0, 1};
	chunk_add(chunks, "IDAT", data, sizeof(data));
	chunk_add(chunks, "IEND", "", 0);
}

/* ---- dimensions ---- */

static void expect_too_large(const uint8_t *data, size_t size, uint64_t max_pixels)
{
	struct decoded decoded;
	struct mallinfo2 before = mallinfo2();
	cr_expect_eq(
		decode_bytes(data, size, &(struct request){.max_pixels = max_pixels}, &decoded),
		-EFBIG);
	struct mallinfo2 after = mallinfo2();
	cr_expect_eq(decoded.result.reason, MURAL_REASON_TOO_LARGE, "%s", decoded.result.text);
	/* Under a sanitizer both are 0. */
	cr_expect_leq(after.arena + after.hblkhd, before.arena + before.hblkhd + (1 << 20));
}

Test(limits, a_png_that_claims_to_be_huge_allocates_nothing)
{
	static const uint32_t sides[][2] = {{100000, 100000}, {65536, 1}, {1, 65536},
		{60000, 60000}, {0x7fffffff, 0x7fffffff}, {2000000, 1}};
	for (size_t i = 0; i < ARRAY_SIZE(sides); i++) {
		struct chunks png = png_start(sides[i][0], sides[i][1]);
		expect_too_large(png.data, png.size, 1 << 28);
		png_finish_one_pixel(&png);
		expect_too_large(png.data, png.size, 1 << 28);
		free(png.data);
	}
}

/* Writes other dimensions in a JPEG's frame header. */
static void patch_jpeg_size(struct bytes *file, uint16_t width, uint16_t height)
{
	for (size_t i = 2; i + 9 < file->size;
		i += 2 + ((size_t)file->data[i + 2] << 8 | file->data[i + 3])) {
		if (file->data[i + 1] < 0xc0 || file->data[i + 1] > 0xc2)
			continue;
		file->data[i + 5] = (uint8_t)(height >> 8);
		file->data[i + 6] = (uint8_t)height;
		file->data[i + 7] = (uint8_t)(width >> 8);
		file->data[i + 8] = (uint8_t)width;
		return;
	}
	cr_assert_fail("no frame header");
}

Test(limits, a_jpeg_that_claims_to_be_huge_allocates_nothing)
{
	static const char *const names[] = {"jpeg-420.jpg", "jpeg-progressive-420.jpg"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes file = bytes_read(asset(names[i]));
		patch_jpeg_size(&file, 60000, 60000);
		expect_too_large(file.data, file.size, 1 << 28);
		patch_jpeg_size(&file, 65535, 1);
		expect_too_large(file.data, file.size, UINT64_MAX);
		bytes_free(&file);
	}
}

Test(limits, max_pixels_is_inclusive)
{
	struct decoded decoded;
	struct request request = {.max_pixels = 35};
	cr_expect_eq(decode_path(asset("png-7x5-grey16.png"), &request, &decoded), 0);
	decoded_free(&decoded);
	request.max_pixels = 34;
	cr_expect_eq(decode_path(asset("png-7x5-grey16.png"), &request, &decoded), -EFBIG);
}

/* ---- scans ---- */

/* A small sequential JPEG whose three components have a scan each. */
static struct bytes jpeg_of_three_scans(void)
{
	static const jpeg_scan_info scans[] = {
		{1, {0}, 0, 63, 0, 0},
		{1, {1}, 0, 63, 0, 0},
		{1, {2}, 0, 63, 0, 0},
	};
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	unsigned long size = 0;
	struct bytes bytes = {0};
	uint8_t row[32 * 3] = {0};
	JSAMPROW rows[1] = {row};
	cinfo.err = jpeg_std_error(&errors);
	jpeg_create_compress(&cinfo);
	jpeg_mem_dest(&cinfo, &bytes.data, &size);
	cinfo.image_width = 32;
	cinfo.image_height = 32;
	cinfo.input_components = 3;
	cinfo.in_color_space = JCS_RGB;
	jpeg_set_defaults(&cinfo);
	cinfo.scan_info = scans;
	cinfo.num_scans = ARRAY_SIZE(scans);
	jpeg_start_compress(&cinfo, TRUE);
	for (unsigned y = 0; y < 32; y++)
		jpeg_write_scanlines(&cinfo, rows, 1);
	jpeg_finish_compress(&cinfo);
	jpeg_destroy_compress(&cinfo);
	bytes.size = size;
	return bytes;
}

/* The same with its last scan @times more. */
static struct bytes repeat_last_scan(const struct bytes *file, unsigned times)
{
	size_t scan = file->size - 2;
	while (file->data[scan] != 0xff || file->data[scan + 1] != 0xda)
		scan--;
	size_t scan_size = file->size - 2 - scan;
	struct bytes longer = {.data = malloc(file->size + times * scan_size)};
	memcpy(longer.data, file->data, file->size - 2);
	longer.size = file->size - 2;
	for (unsigned i = 0; i < times; i++) {
		memcpy(longer.data + longer.size, file->data + scan, scan_size);
		longer.size += scan_size;
	}
	memcpy(longer.data + longer.size, file->data + file->size - 2, 2);
	longer.size += 2;
	return longer;
}

Test(limits, a_jpeg_of_endless_scans_is_refused)
{
	struct decoded decoded;
	struct bytes file = jpeg_of_three_scans();
	struct bytes some = repeat_last_scan(&file, 400), many = repeat_last_scan(&file, 600);
	cr_expect_eq(decode_bytes(some.data, some.size, &(struct request){0}, &decoded), 0, "%s",
		decoded.result.text);
	decoded_free(&decoded);
	cr_expect_eq(decode_bytes(many.data, many.size, &(struct request){0}, &decoded), -ENOTSUP);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_UNSUPPORTED);
	bytes_free(&some);
	bytes_free(&many);
	free(file.data);
}

/* ---- memory ---- */

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%lu", &pages) != 1)
		abort();
	fclose(file);
	return pages * MURAL_PAGE_SIZE;
}

/* In a child whose address space can grow by what the probe said, and no more. */
static bool decodes_within(const char *path, const struct job *job, int fd)
{
	pid_t child = fork();
	if (child == 0) {
		struct job_result result;
		uint8_t *pixels = malloc(job->window_length);
		malloc_trim(0);
		uint64_t limit = address_space() + job->memory_bytes;
		setrlimit(RLIMIT_AS, &(struct rlimit){limit, limit});
		codec_run(fd, job, pixels, &result);
		if (result.error)
			fprintf(stderr, "%s: %s\n", path, result.text);
		_exit(result.error ? 1 : 0);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void expect_probe_bounds_memory(const char *path, void *user)
{
	const uint32_t *box = user;
	struct job_result probe;
	struct bytes file = bytes_read(path);
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	struct job job = {
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_ARGB8888,
		.box_width = box[0],
		.box_height = box[1],
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 26,
	};
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0);
	job.kind = JOB_DECODE;
	job.width = probe.width;
	job.height = probe.height;
	mural_bitmap_layout(
		job.format, job.width, job.height, &job.stride_bytes, &job.window_length);
	job.memory_bytes = probe.memory_bytes;
	cr_expect(decodes_within(path, &job, fd), "%s needs more than %llu KiB", path,
		(unsigned long long)probe.memory_bytes >> 10);
	bytes_free(&file);
}

Test(limits, a_decode_fits_into_the_memory_that_the_probe_named, .timeout = 200)
{
#ifdef MURAL_SANITIZED
	cr_skip("a sanitizer's own address space can not be limited");
#endif
	uint32_t full[2] = {0, 0}, small[2] = {100, 100};
	each_asset(expect_probe_bounds_memory, full);
	each_asset(expect_probe_bounds_memory, small);
}

/* Only files whose rows come in the wrong order need memory for the whole picture. */
Test(limits, memory_is_for_rows_unless_the_file_needs_the_picture)
{
	struct decoded decoded;
	struct bytes file = bytes_read(asset("jpeg-420.jpg"));
	struct bytes progressive = bytes_read(asset("jpeg-progressive-420.jpg"));
	patch_jpeg_size(&file, 8000, 8000);
	patch_jpeg_size(&progressive, 8000, 8000);
	decode_bytes(file.data, file.size, &(struct request){0}, &decoded);
	cr_expect_lt(decoded.probe.memory_bytes, UINT64_C(3) << 20);
	decode_bytes(progressive.data, progressive.size, &(struct request){0}, &decoded);
	/* 1.5 samples a pixel, 2 bytes a coefficient */
	cr_expect_geq(decoded.probe.memory_bytes, UINT64_C(192000000));
	cr_expect_lt(decoded.probe.memory_bytes, UINT64_C(200000000));
	bytes_free(&file);
	bytes_free(&progressive);
}

static void expect_memory_refused(const char *path, void *user)
{
	struct decoded decoded;
	(void)user;
	cr_expect_eq(decode_path(path, &(struct request){.memory_bytes = 1000}, &decoded), -ENOMEM);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_MEMORY);
}

Test(limits, a_job_with_too_little_memory_is_refused)
{
	cr_assert_gt(each_format("", expect_memory_refused, NULL), 0);
}

/* ---- chunks and segments without pixels ---- */

Test(limits, chunks_that_are_not_needed_cost_nothing)
{
	static const char *const names[] = {"iCCP", "zTXt", "tEXt", "iTXt", "sPLT", "eXIf", "abCd"};
	size_t big = (size_t)3 << 20;
	CLEANUP(free_p) uint8_t *rubbish = calloc(1, big);
	memset(rubbish, 'x', 20);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct decoded decoded;
		struct chunks png = png_start(1, 1);
		for (unsigned n = 0; n < 3; n++)
			chunk_add(&png, names[i], rubbish, n ? big : 1000);
		png_finish_one_pixel(&png);
		struct mallinfo2 before = mallinfo2();
		cr_expect_eq(decode_bytes(png.data, png.size, &(struct request){0}, &decoded), 0,
			"%s: %s", names[i], decoded.result.text);
		struct mallinfo2 after = mallinfo2();
		cr_expect_leq(after.arena + after.hblkhd, before.arena + before.hblkhd + (1 << 20),
			"%s", names[i]);
		decoded_free(&decoded);
		free(png.data);
	}
}

Test(limits, a_png_turns_by_its_exif_chunk)
{
	/* big-endian TIFF, one entry: 0x0112 SHORT 1 = 6 */
	static const uint8_t tiff[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1,
		0, 6, 0, 0, 0, 0, 0, 0};
	struct decoded decoded;
	struct chunks png = png_start(1, 2);
	static const uint8_t data[] = {
		0x78, 0x01, 0x01, 8, 0, 0xf7, 0xff, 0, 1, 2, 3, 0, 4, 5, 6, 0, 0x46, 0, 0x16};
	chunk_add(&png, "eXIf", tiff, sizeof(tiff));
	chunk_add(&png, "IDAT", data, sizeof(data));
	chunk_add(&png, "IEND", "", 0);
	cr_assert_eq(decode_bytes(png.data, png.size, &(struct request){0}, &decoded), 0, "%s",
		decoded.result.text);
	cr_expect_eq(decoded.result.width, 2);
	cr_expect_eq(decoded.result.height, 1);
	/* Turned to the right the lower pixel comes first. */
	cr_expect_eq(decoded.pixels[0], 6);
	cr_expect_eq(decoded.pixels[4], 3);
	decoded_free(&decoded);
	free(png.data);
}

/* ---- the bitmap that was reserved ---- */

static struct job decode_job(
	uint32_t width, uint32_t height, uint32_t stride_bytes, uint64_t window_length)
{
	return (struct job){
		.kind = JOB_DECODE,
		.format = MURAL_FORMAT_XRGB8888,
		.width = width,
		.height = height,
		.stride_bytes = stride_bytes,
		.window_length = window_length,
		.max_pixels = 1 << 28,
		.memory_bytes = 1 << 26,
	};
}

static void expect_changed(
	const char *name, uint32_t width, uint32_t height, uint32_t stride_bytes, uint64_t length)
{
	uint8_t pixels[4096];
	struct job_result result;
	struct bytes file = bytes_read(asset(name));
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	struct job job = decode_job(width, height, stride_bytes, length);
	codec_run(fd, &job, pixels, &result);
	cr_expect_eq(result.error, -ESTALE, "%s: %d", name, result.error);
	cr_expect_eq(result.reason, MURAL_REASON_CHANGED);
	bytes_free(&file);
}

Test(limits, a_bitmap_of_another_size_means_that_the_file_changed)
{
	static const char *const names[] = {"png-7x5-grey16.png", "jpeg-progressive-7x5-422.jpg"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		expect_changed(names[i], 5, 7, 20, 140);
		expect_changed(names[i], 7, 6, 28, 168);
		expect_changed(names[i], 8, 5, 32, 160);
		expect_changed(names[i], 7, 5, 32, 160);
		expect_changed(names[i], 7, 5, 28, 139);
		expect_changed(names[i], 0, 0, 0, 0);
	}
}
