/* Limits: dimensions, memory, a bitmap that is not what was reserved, and chunks that would like to
 * be large. */
#include "decode.h"
#include "jpeg_decoder.h"
#include "jpeg_writer.h"
#include "support/reference.h"

#include "common/util.h"
#include "producer/team.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

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
	size_t size, capacity;
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
	if (chunks->size + size > chunks->capacity) {
		chunks->capacity = (chunks->size + size) * 2;
		chunks->data = realloc(chunks->data, chunks->capacity);
	}
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
static struct chunks png_start_interlaced(uint32_t width, uint32_t height, bool interlaced)
{
	struct chunks chunks = {0};
	uint8_t header[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, interlaced};
	put_be32(header, width);
	put_be32(header + 4, height);
	chunks_append(&chunks, "\x89PNG\r\n\x1a\n", 8);
	chunk_add(&chunks, "IHDR", header, sizeof(header));
	return chunks;
}

static struct chunks png_start(uint32_t width, uint32_t height)
{
	return png_start_interlaced(width, height, false);
}

/* The rest of a PNG of one black pixel. */
static void png_finish_one_pixel(struct chunks *chunks)
{
	/* A stored deflate block of the filter byte and three zeros. */
	static const uint8_t data[] = {0x78, 0x01, 0x01, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 4, 0, 1};
	chunk_add(chunks, "IDAT", data, sizeof(data));
	chunk_add(chunks, "IEND", "", 0);
}

/* ---- address space ---- */

#ifdef MURAL_SANITIZED

/* A sanitizer's address space can not be limited: it looks at the memory instead. */
static int run_within(const struct job *job, int fd, uint64_t bytes)
{
	struct job_result result;
	CLEANUP(free_p) uint8_t *pixels = malloc(job->window_length);
	(void)bytes;
	codec_run(fd, job, &(struct codec_place){.pixels = pixels, .fd = -1}, &result);
	return result.error;
}

#else

static uint64_t address_space(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%lu", &pages) != 1)
		abort();
	fclose(file);
	return pages * page_bytes();
}

static void limit_address_space(uint64_t bytes)
{
	struct rlimit limit = {bytes, RLIM_INFINITY};
	if (setrlimit(RLIMIT_AS, &limit) < 0)
		abort();
}

/* From here on no more than @bytes can be allocated: what the heap holds free is used up first. */
static void limit_memory(uint64_t bytes)
{
	void *volatile used;
	uint64_t now = address_space();
	limit_address_space(now);
	for (size_t size = 1 << 22; size >= 16; size /= 2)
		do
			used = malloc(size);
		while (used);
	limit_address_space(now + bytes);
}

/* Runs the job in a child that may allocate @bytes. The job's error. */
static int run_within(const struct job *job, int fd, uint64_t bytes)
{
	pid_t child = fork();
	if (child == 0) {
		struct job_result result;
		uint8_t *pixels = malloc(job->window_length);
		limit_memory(bytes);
		codec_run(fd, job, &(struct codec_place){.pixels = pixels, .fd = -1}, &result);
		_exit(-result.error);
	}
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECANCELED;
}

#endif

static struct job probe_job(uint64_t max_pixels)
{
	return (struct job){
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_ARGB8888,
		.max_pixels = max_pixels,
		.memory_bytes = 1 << 26,
	};
}

/* The job that the producer would make of a probe's answer. */
static void make_decode_job(struct job *job, const struct job_result *probe)
{
	job->kind = JOB_DECODE;
	job->width = probe->width;
	job->height = probe->height;
	job->memory_bytes = probe->memory_bytes;
	if (!mural_bitmap_layout(
		    job->format, job->width, job->height, &job->stride_bytes, &job->window_length))
		abort();
}

/* ---- dimensions ---- */

static void expect_too_large(const uint8_t *data, size_t size, uint64_t max_pixels)
{
	struct decoded decoded;
	struct job job = probe_job(max_pixels);
	CLEANUP(close_p) int fd = bytes_fd(data, size);
	cr_expect_eq(run_within(&job, fd, 1 << 20), -EFBIG);
	struct request request = {.max_pixels = max_pixels};
	cr_expect_eq(decode_bytes(data, size, &request, &decoded), -EFBIG);
	cr_expect_eq(decoded.result.reason, MURAL_REASON_TOO_LARGE, "%s", decoded.result.text);
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

static void expect_probe_bounds_memory(const char *path, void *user)
{
	const uint32_t *box = user;
	struct job_result probe;
	struct bytes file = bytes_read(path);
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	struct job job = probe_job(1 << 28);
	job.box_width = box[0];
	job.box_height = box[1];
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0);
	make_decode_job(&job, &probe);
	cr_expect_eq(run_within(&job, fd, probe.memory_bytes), 0, "%s needs more than %llu KiB",
		path, (unsigned long long)probe.memory_bytes >> 10);
	bytes_free(&file);
}

Test(limits, a_decode_fits_into_the_memory_that_the_probe_named, .timeout = 200)
{
	uint32_t full[2] = {0, 0}, small[2] = {100, 100};
	each_asset(expect_probe_bounds_memory, full);
	each_asset(expect_probe_bounds_memory, small);
}

/* A progressive JPEG of one colour. */
static struct bytes jpeg_of_many_pixels(unsigned width, unsigned height)
{
	struct jpeg_writer writer;
	struct jpeg_compress_struct *cinfo = jpeg_writer_begin(&writer, width, height, 3);
	CLEANUP(free_p) JSAMPROW row = calloc(width, 3);
	jpeg_simple_progression(cinfo);
	jpeg_start_compress(cinfo, TRUE);
	while (cinfo->next_scanline < height)
		jpeg_write_scanlines(cinfo, &row, 1);
	return jpeg_writer_end(&writer);
}

#ifndef MURAL_SANITIZED

/* By all the threads that there may be, which do not fall back to one. */
static int decode_together(const struct job *job, int fd, uint8_t *pixels, struct team *team)
{
	struct job_result result;
	struct source source = {.fd = fd};
	const struct picture_target target = {.pixels = pixels,
		.fd = -1,
		.team = team,
		.format = job->format,
		.width = job->width,
		.height = job->height,
		.stride_bytes = job->stride_bytes};
	struct jpeg *jpeg = jpeg_open(&source, job, &target, &result);
	if (!jpeg)
		return result.error;
	if (jpeg_slices_possible(jpeg))
		return jpeg_decode_slices(jpeg, fd, &target);
	if (jpeg_scans_possible(jpeg))
		return jpeg_decode_scans(jpeg, fd, &target);
	return jpeg_halves_possible(jpeg) ? jpeg_decode_halves(jpeg, fd, &target) : 0;
}

static void expect_bounds_so_many(
	const struct bytes *file, const char *name, const struct job_result *probe, uint32_t helpers)
{
	CLEANUP(close_p) int fd = bytes_fd(file->data, file->size);
	struct job job = probe_job(1 << 28);
	make_decode_job(&job, probe);
	job.threads = helpers;
	job.memory_bytes = job_memory_bytes(probe, helpers);
	pid_t child = fork();
	if (child == 0) {
		mallopt(M_ARENA_MAX, 1); /* as a decoder's */
		struct team *team = team_create(helpers);
		uint8_t *pixels = malloc(job.window_length);
		limit_memory(job.memory_bytes);
		_exit(-decode_together(&job, fd, pixels, team));
	}
	int status = 0;
	waitpid(child, &status, 0);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"%s with %u helpers needs more than %llu KiB: status %#x", name, helpers,
		(unsigned long long)job.memory_bytes >> 10, (unsigned)status);
}

static void expect_bounds_threads(const struct bytes *file, const char *name)
{
	struct job_result probe;
	CLEANUP(close_p) int fd = bytes_fd(file->data, file->size);
	struct job job = probe_job(1 << 28);
	codec_run(fd, &job, NULL, &probe);
	if (probe.error < 0 || probe.source_kind != JOB_SOURCE_JPEG)
		return;
	for (uint32_t helpers = 1; helpers <= probe.helpers; helpers++)
		expect_bounds_so_many(file, name, &probe, helpers);
}

static void expect_asset_bounds_threads(const char *path, void *user)
{
	struct bytes file = bytes_read(path);
	(void)user;
	expect_bounds_threads(&file, path);
	bytes_free(&file);
}

Test(limits, and_so_does_one_by_several_threads, .timeout = 200)
{
	struct bytes wide = jpeg_of_many_pixels(30000, 100);
	expect_bounds_threads(&wide, "a wide progressive one");
	bytes_free(&wide);
	cr_assert_gt(each_asset(expect_asset_bounds_threads, NULL), 0);
}

#endif

Test(limits, what_helpers_need_is_named_apart)
{
	struct job_result probe;
	struct bytes file = jpeg_of_many_pixels(1280, 960);
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	struct job job = probe_job(1 << 28);
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0, "%s", probe.text);
	cr_expect_eq(probe.helpers, JOB_THREADS_MAX);
	/* 1.5 samples a pixel, 2 bytes a coefficient, and rows */
	cr_expect_lt(probe.memory_bytes, 1280 * 960 * 3 + (3 << 20), "%llu KiB",
		(unsigned long long)probe.memory_bytes >> 10);
	make_decode_job(&job, &probe);
	cr_expect_eq(run_within(&job, fd, probe.memory_bytes), 0, "%llu KiB are too few",
		(unsigned long long)probe.memory_bytes >> 10);
	job.threads = 1; /* which is not granted the memory for it */
	cr_expect_eq(run_within(&job, fd, probe.memory_bytes), -ENOMEM);
	bytes_free(&file);
}

Test(limits, a_preview_takes_a_small_part_of_the_pictures_coefficients, .timeout = 60)
{
	struct job_result probe;
	struct bytes file = jpeg_of_many_pixels(8000, 3000);
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	struct job job = probe_job(1 << 28);
	job.flags = JOB_PREVIEW;
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0, "%s", probe.text);
	cr_expect_lt(probe.memory_bytes, 8 << 20, "%llu KiB where the coefficients are 72000",
		(unsigned long long)probe.memory_bytes >> 10);
	make_decode_job(&job, &probe);
	cr_expect_eq(run_within(&job, fd, probe.memory_bytes), 0, "%llu KiB are too few",
		(unsigned long long)probe.memory_bytes >> 10);
	bytes_free(&file);
}

static uint64_t probed_memory(const uint8_t *data, size_t size, uint32_t box)
{
	struct job_result probe;
	struct job job = probe_job(1 << 28);
	CLEANUP(close_p) int fd = bytes_fd(data, size);
	job.box_width = box;
	job.box_height = box;
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0, "%s", probe.text);
	return probe.memory_bytes;
}

static uint64_t jpeg_memory(const char *name)
{
	struct bytes file = bytes_read(asset(name));
	patch_jpeg_size(&file, 8000, 8000);
	uint64_t memory = probed_memory(file.data, file.size, 0);
	bytes_free(&file);
	return memory;
}

Test(limits, a_jpeg_needs_memory_for_rows_and_a_progressive_one_for_the_picture)
{
	/* of two decoders, should there be a second thread */
	cr_expect_lt(jpeg_memory("jpeg-420.jpg"), UINT64_C(6) << 20);
	/* 1.5 samples a pixel, 2 bytes a coefficient */
	cr_expect_geq(jpeg_memory("jpeg-progressive-420.jpg"), UINT64_C(192000000));
	cr_expect_lt(jpeg_memory("jpeg-progressive-420.jpg"), UINT64_C(200000000));
}

static uint64_t png_memory(uint32_t width, uint32_t height, bool interlaced, uint32_t box)
{
	struct chunks png = png_start_interlaced(width, height, interlaced);
	png_finish_one_pixel(&png);
	uint64_t memory = probed_memory(png.data, png.size, box);
	free(png.data);
	return memory;
}

Test(limits, an_interlaced_png_needs_the_picture_only_to_scale_it)
{
	cr_expect_lt(png_memory(4000, 4000, true, 0), UINT64_C(3) << 20);
	cr_expect_lt(png_memory(4000, 4000, false, 100), UINT64_C(3) << 20);
	cr_expect_geq(png_memory(4000, 4000, true, 100), UINT64_C(64000000));
	cr_expect_lt(png_memory(4000, 4000, true, 100), UINT64_C(67000000));
}

Test(limits, rows_that_are_scaled_are_counted)
{
	/* libpng's two rows of 8 bytes a pixel; a row of 4 and its sums of 16 */
	cr_expect_geq(png_memory(65000, 10, false, 100), UINT64_C(65000) * (16 + 20));
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

/* One pixel, and chunks that, kept, would take twice the memory that the probe names: nothing would
 * be left for the pixel. */
static void expect_chunks_cost_nothing(const char *name)
{
	uint8_t data[10000];
	struct job_result probe;
	struct chunks png = png_start(1, 1);
	memset(data, 'x', sizeof(data));
	memcpy(data, "keyword", sizeof("keyword"));
	for (unsigned n = 0; n < 300; n++)
		chunk_add(&png, name, data, sizeof(data));
	png_finish_one_pixel(&png);
	CLEANUP(close_p) int fd = bytes_fd(png.data, png.size);
	struct job job = probe_job(1 << 28);
	codec_run(fd, &job, NULL, &probe);
	cr_assert_eq(probe.error, 0, "%s: %s", name, probe.text);
	make_decode_job(&job, &probe);
	cr_expect_eq(run_within(&job, fd, probe.memory_bytes), 0, "%s", name);
	free(png.data);
}

Test(limits, chunks_that_are_not_needed_cost_nothing)
{
	static const char *const names[] = {"iCCP", "zTXt", "tEXt", "iTXt", "sPLT", "eXIf", "abCd"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_chunks_cost_nothing(names[i]);
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
	chunk_add(&png, "eXIf", "", 0); /* says nothing, and has no bytes to be looked at */
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

static void expect_changed(const char *name, const struct job *job)
{
	uint8_t pixels[4096];
	struct job_result result;
	struct bytes file = bytes_read(asset(name));
	CLEANUP(close_p) int fd = bytes_fd(file.data, file.size);
	codec_run(fd, job, &(struct codec_place){.pixels = pixels, .fd = -1}, &result);
	cr_expect_eq(result.error, -ESTALE, "%s as %u x %u: %d", name, job->width, job->height,
		result.error);
	cr_expect_eq(result.reason, MURAL_REASON_CHANGED);
	bytes_free(&file);
}

/* The pictures are 7 x 5. */
static void expect_all_changed(const char *name)
{
	static const struct job jobs[] = {
		{.format = MURAL_FORMAT_XRGB8888,
			.width = 5,
			.height = 7,
			.stride_bytes = 20,
			.window_length = 4096},
		{.format = MURAL_FORMAT_XRGB8888,
			.width = 7,
			.height = 6,
			.stride_bytes = 28,
			.window_length = 4096},
		/* a stride that both widths have */
		{.format = MURAL_FORMAT_RGB565,
			.width = 8,
			.height = 5,
			.stride_bytes = 16,
			.window_length = 4096},
		/* no bitmap has this stride */
		{.format = MURAL_FORMAT_XRGB8888,
			.width = 7,
			.height = 5,
			.stride_bytes = 32,
			.window_length = 4096},
		/* a byte too little */
		{.format = MURAL_FORMAT_XRGB8888,
			.width = 7,
			.height = 5,
			.stride_bytes = 28,
			.window_length = 139},
		{.format = MURAL_FORMAT_XRGB8888},
		{.format = 77, .width = 7, .height = 5, .stride_bytes = 28, .window_length = 4096},
	};
	for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
		struct job job = jobs[i];
		job.kind = JOB_DECODE;
		job.max_pixels = 1 << 28;
		job.memory_bytes = 1 << 26;
		expect_changed(name, &job);
	}
}

Test(limits, a_bitmap_of_another_size_means_that_the_file_changed)
{
	expect_all_changed("png-7x5-grey16.png");
	expect_all_changed("jpeg-progressive-7x5-422.jpg");
}
