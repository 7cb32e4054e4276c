/* What shrinking a decoded picture costs, row by row: with the vector code that the loader chooses
 * here (AVX2 where there is), beside the same source compiled for any 64-bit x86. And what it costs
 * where libjpeg-turbo puts the rows: at multiples of its vectors it writes past the caches. */
#include "harness/bench.h"

#include "area_scale.h"
#include "plain_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 15
#define QUICK_ROUNDS 5

/* area_scale.c once more, under other names: see CMakeLists.txt. */
int plain_scale_init(struct area_scale *scale, uint32_t from_width, uint32_t from_height,
	uint32_t to_width, uint32_t to_height, bool alpha);
void plain_scale_fini(struct area_scale *scale);
bool plain_scale_push(struct area_scale *scale, const uint8_t *row, uint8_t *ret_row);

static const uint32_t sizes[][4] = {
	{2448, 1634, 256, 171},
	{3000, 2000, 1620, 1080},
	{6000, 4000, 1620, 1080},
	{6000, 4000, 1920, 1280},
};

struct picture {
	const uint32_t *size; /* from, to */
	uint8_t *from;
	uint8_t *chosen, *plain; /* results */
};

/* The same code twice, compiled for different processors. */
struct scaler {
	__typeof__(&area_scale_init) init;
	__typeof__(&area_scale_push) push;
	__typeof__(&area_scale_fini) fini;
};

static double shrink(const struct scaler *by, const struct picture *picture, uint8_t *row)
{
	const uint32_t *size = picture->size;
	struct area_scale scale;
	bench_must(by->init(&scale, size[0], size[1], size[2], size[3], false) == 0, "rows");
	double begin = bench_cpu_ns();
	for (size_t y = 0; y < size[1]; y++) {
		if (by->push(&scale, picture->from + y * size[0] * 4, row))
			row += (size_t)size[2] * 4;
	}
	double ms = (bench_cpu_ns() - begin) / 1e6;
	by->fini(&scale);
	return ms;
}

static double shrink_chosen(void *user)
{
	static const struct scaler chosen = {area_scale_init, area_scale_push, area_scale_fini};
	const struct picture *picture = user;
	return shrink(&chosen, picture, picture->chosen);
}

static double shrink_plain(void *user)
{
	static const struct scaler plain = {plain_scale_init, plain_scale_push, plain_scale_fini};
	const struct picture *picture = user;
	return shrink(&plain, picture, picture->plain);
}

static void fill(uint8_t *bytes, size_t count)
{
	uint32_t noise = 1;
	for (size_t i = 0; i < count; i++) {
		noise = noise * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(noise >> 24);
	}
}

static void measure(struct bench *bench, const uint32_t *size)
{
	char at[64];
	size_t bytes = (size_t)size[2] * size[3] * 4, from = (size_t)size[0] * size[1] * 4;
	struct picture picture = {size, malloc(from), calloc(1, bytes), calloc(1, bytes)};
	bench_must(picture.from && picture.chosen && picture.plain, "memory");
	fill(picture.from, from);
	const struct bench_side sides[] = {
		{"plain", shrink_plain, &picture}, {"chosen", shrink_chosen, &picture}};
	snprintf(at, sizeof(at), "%u x %u to %u x %u", size[0], size[1], size[2], size[3]);
	bench_compare(
		bench, "scale", at, "ms", sides, 2, bench_rounds(bench, ROUNDS, QUICK_ROUNDS));
	bench_check(bench, "the same pixels", memcmp(picture.chosen, picture.plain, bytes) == 0);
	free(picture.from);
	free(picture.chosen);
	free(picture.plain);
}

/* ---- a JPEG's rows ---- */

#define FROM_WIDTH 1224u /* of bench_picture's JPEG of one megapixel */
#define FROM_HEIGHT 816u
#define TO_WIDTH 256u
#define TO_HEIGHT 171u

struct jpeg_rows {
	const char *path;
	uint8_t *row; /* where libjpeg writes each */
	struct area_scale scale;
	uint8_t *result, *next;
};

static void shrink_row(void *context)
{
	struct jpeg_rows *rows = context;
	if (area_scale_push(&rows->scale, rows->row, rows->next))
		rows->next += (size_t)TO_WIDTH * 4;
}

static double decode_and_shrink(void *user)
{
	struct jpeg_rows *rows = user;
	rows->next = rows->result;
	bench_must(area_scale_init(
			   &rows->scale, FROM_WIDTH, FROM_HEIGHT, TO_WIDTH, TO_HEIGHT, false) == 0,
		"rows");
	double begin = bench_cpu_ns();
	bool ok = plain_rows(rows->path, rows->row, shrink_row, rows);
	double ms = (bench_cpu_ns() - begin) / 1e6;
	area_scale_fini(&rows->scale);
	return ok ? ms : -1;
}

static void measure_places(struct bench *bench)
{
	const size_t bytes = (size_t)TO_WIDTH * TO_HEIGHT * 4;
	char *path = bench_picture(1, "jpeg");
	uint8_t *block = aligned_alloc(64, (size_t)FROM_WIDTH * 4 + 64);
	struct jpeg_rows at = {.path = path, .row = block, .result = calloc(1, bytes)};
	struct jpeg_rows between = {.path = path, .result = calloc(1, bytes)};
	struct plain_size size;
	bench_must(block && at.result && between.result, "memory");
	bench_must(
		plain_size(path, &size) && size.width == FROM_WIDTH && size.height == FROM_HEIGHT,
		path);
	between.row = block + 8;
	const struct bench_side sides[] = {{"rows at multiples of 64", decode_and_shrink, &at},
		{"8 bytes behind one", decode_and_shrink, &between}};
	bench_compare(bench, "a JPEG of one megapixel to 256 pixels", "", "ms", sides, 2,
		bench_rounds(bench, 10 * ROUNDS, 10 * QUICK_ROUNDS));
	bench_check(bench, "the same pixels", memcmp(at.result, between.result, bytes) == 0);
	free(block);
	free(at.result);
	free(between.result);
	free(path);
}

int main(int argc, char **argv)
{
	struct bench *bench = bench_begin("scale_cost",
		"What shrinking a decoded picture costs, in processor time.", NULL, NULL, argc,
		argv);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		measure(bench, sizes[i]);
	measure_places(bench);
	return bench_end(bench);
}
