/* Area average in integers.
 *
 * In units of 1 / (to * from) of the picture a source row is `to` long and a row of the result
 * `from`: all overlaps are whole numbers, the weights of a result row add up to `from`, and a
 * source row lies under at most two result rows. Rows are added up first, column by column in 32
 * bits, which compilers turn into vector code: 255 * 255 * 65535 still fits. Columns are added once
 * per result row, in 64 bits. The mean is therefore exact until its one rounding. */
#include "area_scale.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHANNELS 4u

/* The 64-bit x86 that compilers assume has no multiplication of 32-bit vectors and takes four steps
 * for one: 2448 x 1634 pixels to 256 x 171 take 4.7 ms, with AVX2 3.0. The loader chooses, before
 * the sandbox closes; the pixels are the same. (What chooses would run before a sanitizer has
 * started.) */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(MURAL_SANITIZED)
#define WITH_AVX2_TOO __attribute__((target_clones("avx2", "default")))
#else
#define WITH_AVX2_TOO
#endif

uint64_t area_scale_memory(uint32_t from_width)
{
	return (uint64_t)from_width * CHANNELS * sizeof(uint32_t);
}

int area_scale_init(struct area_scale *scale, uint32_t from_width, uint32_t from_height,
	uint32_t to_width, uint32_t to_height, bool alpha)
{
	*scale = (struct area_scale){
		.from_width = from_width,
		.from_height = from_height,
		.to_width = to_width,
		.to_height = to_height,
		.alpha = alpha,
	};
	scale->sums = calloc(from_width, CHANNELS * sizeof(*scale->sums));
	return scale->sums ? 0 : -ENOMEM;
}

void area_scale_fini(struct area_scale *scale)
{
	free(scale->sums);
	scale->sums = NULL;
}

WITH_AVX2_TOO
static void add_opaque(
	uint32_t *restrict sums, const uint8_t *restrict row, size_t count, uint32_t weight)
{
	for (size_t i = 0; i < count; i++)
		sums[i] += row[i] * weight;
}

WITH_AVX2_TOO
static void add_alpha(
	uint32_t *restrict sums, const uint8_t *restrict row, size_t count, uint32_t weight)
{
	for (size_t i = 0; i < count; i += CHANNELS) {
		uint32_t alpha_weight = row[i + 3] * weight;
		sums[i] += row[i] * alpha_weight;
		sums[i + 1] += row[i + 1] * alpha_weight;
		sums[i + 2] += row[i + 2] * alpha_weight;
		sums[i + 3] += alpha_weight;
	}
}

static void add_row(struct area_scale *scale, const uint8_t *row, uint32_t weight)
{
	size_t count = (size_t)scale->from_width * CHANNELS;
	if (weight == 0)
		return;
	if (scale->alpha)
		add_alpha(scale->sums, row, count, weight);
	else
		add_opaque(scale->sums, row, count, weight);
	scale->filled += weight;
}

/* ---- columns, opaque ---- */

/* The four channels of a column or pixel at once. Doubles, because they multiply and round without
 * a detour: every sum is a whole number below 2^41, and so exact. */
typedef double totals __attribute__((vector_size(CHANNELS * sizeof(double))));
/* (Without alpha a column's sums are below 2^24: 255 times the picture's height.) */
typedef int32_t sums32 __attribute__((vector_size(CHANNELS * sizeof(int32_t))));
typedef uint8_t bytes16 __attribute__((vector_size(sizeof(sums32))));

/* These two are part of each clone of their caller. */
static inline __attribute__((always_inline)) void add_opaque_column(
	totals *total, const uint32_t *column, uint32_t weight)
{
	sums32 sums;
	memcpy(&sums, column, sizeof(sums));
	*total += __builtin_convertvector(sums, totals) * weight;
}

static inline __attribute__((always_inline)) void write_opaque(const totals *mean, uint8_t *pixel)
{
	bytes16 bytes = (bytes16) __builtin_convertvector(*mean, sums32);
	uint32_t word;
	bytes = __builtin_shufflevector(
		bytes, bytes, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
	memcpy(&word, &bytes, sizeof(word));
	word |= 0xff000000u;
	memcpy(pixel, &word, sizeof(word));
}

/* sum / area to the nearest: both are under 2^41, so that the quotient's error is far below
 * 1 / area, and the added quarter keeps exact quotients from falling just short. */
WITH_AVX2_TOO
static void finish_opaque(const struct area_scale *scale, uint8_t *ret_row)
{
	const uint32_t from = scale->from_width, to = scale->to_width;
	const uint64_t area = (uint64_t)from * scale->from_height;
	const double half = (double)(area / 2) + 0.25, inverse = 1.0 / (double)area;
	const uint32_t *column = scale->sums;
	uint32_t left = to; /* of the column: what the pixel before did not take */

	for (uint32_t x = 0; x < to; x++, ret_row += CHANNELS) {
		totals total = {0};
		uint32_t missing = from - left;
		add_opaque_column(&total, column, left);
		for (column += CHANNELS; missing >= to; column += CHANNELS, missing -= to)
			add_opaque_column(&total, column, to);
		left = to - missing;
		if (missing > 0)
			add_opaque_column(&total, column, missing);
		total = (total + half) * inverse;
		write_opaque(&total, ret_row);
	}
}

/* ---- columns, with alpha ---- */

static inline void add_column(uint64_t total[CHANNELS], const uint32_t *column, uint32_t weight)
{
	for (unsigned i = 0; i < CHANNELS; i++)
		total[i] += (uint64_t)column[i] * weight;
}

static void write_alpha(const uint64_t total[CHANNELS], uint64_t area, uint8_t *pixel)
{
	uint64_t alpha = total[3];
	pixel[3] = (uint8_t)((alpha + area / 2) / area);
	for (unsigned i = 0; i < 3; i++)
		pixel[i] = pixel[3] == 0 ? 0 : (uint8_t)((total[i] + alpha / 2) / alpha);
}

/* Adds up columns: a result pixel ends inside of column @x or with it; what is left of that column
 * begins the next pixel. */
static void finish_alpha(const struct area_scale *scale, uint8_t *ret_row)
{
	uint64_t area = (uint64_t)scale->from_width * scale->from_height;
	uint64_t total[CHANNELS] = {0};
	uint32_t missing = scale->from_width;

	for (uint32_t x = 0; x < scale->from_width; x++) {
		const uint32_t *column = scale->sums + (size_t)x * CHANNELS;
		uint32_t left = scale->to_width;
		if (left < missing) {
			add_column(total, column, left);
			missing -= left;
			continue;
		}
		add_column(total, column, missing);
		left -= missing;
		write_alpha(total, area, ret_row);
		ret_row += CHANNELS;
		memset(total, 0, sizeof(total));
		add_column(total, column, left);
		missing = scale->from_width - left;
	}
}

/* ---- rows ---- */

static void finish_row(struct area_scale *scale, uint8_t *ret_row)
{
	if (scale->alpha)
		finish_alpha(scale, ret_row);
	else
		finish_opaque(scale, ret_row);
	memset(scale->sums, 0, (size_t)scale->from_width * CHANNELS * sizeof(*scale->sums));
	scale->filled = 0;
}

uint32_t area_scale_begin_at(struct area_scale *scale, uint32_t to, bool *ret_partial)
{
	uint64_t start = (uint64_t)to * scale->from_height;
	uint32_t row = (uint32_t)(start / scale->to_height);
	uint32_t early = (uint32_t)(start % scale->to_height);
	*ret_partial = early > 0;
	scale->filled = early > 0 ? scale->from_height - early : 0;
	return row;
}

bool area_scale_push(struct area_scale *scale, const uint8_t *row, uint8_t *ret_row)
{
	uint32_t weight = scale->to_height;
	uint32_t missing = scale->from_height - scale->filled;
	if (weight < missing) {
		add_row(scale, row, weight);
		return false;
	}
	add_row(scale, row, missing);
	finish_row(scale, ret_row);
	add_row(scale, row, weight - missing);
	return true;
}
