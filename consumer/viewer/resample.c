/* First down, then across: rows of the source that fall on one row of the result are added up in 16
 * bits a channel, which the compiler turns into vector instructions, and only the sums are then
 * weighted across. */
#include "viewer/resample.h"

#include "common/util.h"

#include <math.h>
#include <string.h>

#define WEIGHT_ONE 256

/* Which source pixels make one pixel of the result, along one axis. */
struct tap {
	uint32_t first, count;
	size_t weights; /* where they start in axis.weights */
};

struct axis {
	struct tap *taps;
	uint16_t *weights;    /* a tap's add up to WEIGHT_ONE */
	uint32_t lowest, end; /* source pixels that are used at all */
	bool plain;           /* one source pixel each */
};

static void axis_fini(struct axis *axis)
{
	free(axis->taps);
	free(axis->weights);
}

/* The source pixels under [@from, @to), each by the share that lies in it. Rounding the running
 * sum, not each weight, makes them add up to one. */
static uint32_t average(uint16_t *weights, double from, double to, uint32_t first, uint32_t count)
{
	uint32_t done = 0;
	for (uint32_t i = 0; i < count; i++) {
		double until = fmin(first + i + 1.0, to) - from;
		uint32_t sum = i + 1 == count ? WEIGHT_ONE
					      : (uint32_t)(until / (to - from) * WEIGHT_ONE + 0.5);
		weights[i] = (uint16_t)(sum - done);
		done = sum;
	}
	return count;
}

static uint32_t interpolate(uint16_t *weights, double centre, uint32_t source, uint32_t *ret_first)
{
	double at = fmin(fmax(centre - 0.5, 0), source - 1.0);
	uint32_t first = (uint32_t)at;
	uint32_t second = (uint32_t)((at - first) * WEIGHT_ONE + 0.5);
	*ret_first = first;
	weights[0] = (uint16_t)(WEIGHT_ONE - second);
	weights[1] = (uint16_t)second;
	return second == 0 ? 1 : 2;
}

static void axis_tap(struct axis *axis, struct tap *tap, uint32_t source, double ratio, uint32_t at,
	enum filter filter)
{
	uint16_t *weights = axis->weights + tap->weights;
	double from = at * ratio, to = fmin((at + 1) * ratio, source);
	if (filter == FILTER_NEAREST || ratio == 1) {
		double centre = fmin((at + 0.5) * ratio, source - 1.0);
		tap->first = (uint32_t)centre;
		tap->count = 1;
		weights[0] = WEIGHT_ONE;
	} else if (ratio > 1) {
		tap->first = (uint32_t)from;
		tap->count = average(
			weights, from, to, tap->first, (uint32_t)ceil(to - 1e-6) - tap->first);
	} else {
		tap->count = interpolate(weights, (at + 0.5) * ratio, source, &tap->first);
	}
}

/* The axis of @count pixels from @start on, when @source pixels are drawn as @size. */
static int axis_init(struct axis *axis, uint32_t source, uint32_t size, uint32_t start,
	uint32_t count, enum filter filter)
{
	double ratio = (double)source / size;
	size_t room = ratio > 1 ? (size_t)ceil(ratio) + 1 : 2;
	*axis = (struct axis){
		.taps = calloc(count, sizeof(*axis->taps)),
		.weights = calloc(count * room, sizeof(*axis->weights)),
		.lowest = source,
		.plain = true,
	};
	if (!axis->taps || !axis->weights)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct tap *tap = &axis->taps[i];
		tap->weights = i * room;
		axis_tap(axis, tap, source, ratio, start + i, filter);
		axis->plain &= tap->count == 1;
		axis->lowest = tap->first < axis->lowest ? tap->first : axis->lowest;
		axis->end =
			tap->first + tap->count > axis->end ? tap->first + tap->count : axis->end;
	}
	return 0;
}

static const uint32_t *source_row(const struct bitmap *from, uint32_t y)
{
	return (const void *)((const char *)from->pixels + (size_t)y * from->stride_bytes);
}

static uint32_t premultiply(uint32_t pixel)
{
	uint32_t alpha = pixel >> 24;
	uint32_t outer = (pixel & 0xff00ff) * alpha + 0x800080;
	uint32_t green = ((pixel >> 8) & 0xff) * alpha + 0x80;
	outer = (outer + ((outer >> 8) & 0xff00ff)) >> 8;
	green = (green + (green >> 8)) >> 8;
	return (alpha << 24) | (outer & 0xff00ff) | ((green & 0xff) << 8);
}

/* Every pixel of the result is one of the source's. */
static void pick(const struct bitmap *from, const struct axis *across, const struct axis *down,
	struct rect part, uint32_t *to, size_t to_stride)
{
	bool adjacent = across->end - across->lowest == (uint32_t)part.width;
	for (int32_t y = 0; y < part.height; y++, to += to_stride) {
		const uint32_t *row = source_row(from, down->taps[y].first);
		if (adjacent)
			memcpy(to, row + across->lowest, (size_t)part.width * sizeof(*to));
		else
			for (int32_t x = 0; x < part.width; x++)
				to[x] = row[across->taps[x].first];
		for (int32_t x = 0; from->alpha && x < part.width; x++)
			to[x] = premultiply(to[x]);
	}
}

static void add_row(
	uint16_t *restrict sums, const uint8_t *restrict bytes, size_t count, uint16_t weight)
{
	for (size_t i = 0; i < count; i++)
		sums[i] = (uint16_t)(sums[i] + bytes[i] * weight);
}

/* Adds up the source rows of one row of the result; @sums are channels of 8.8 bits. */
static void sum_down(const struct bitmap *from, const struct axis *across, const struct axis *down,
	int32_t y, uint32_t *scratch, uint16_t *sums)
{
	const struct tap *tap = &down->taps[y];
	size_t pixels = across->end - across->lowest;
	memset(sums, 0, pixels * 4 * sizeof(*sums));
	for (uint32_t i = 0; i < tap->count; i++) {
		const uint32_t *row = source_row(from, tap->first + i) + across->lowest;
		if (from->alpha) {
			for (size_t x = 0; x < pixels; x++)
				scratch[x] = premultiply(row[x]);
			row = scratch;
		}
		add_row(sums, (const uint8_t *)row, pixels * 4, down->weights[tap->weights + i]);
	}
}

static uint32_t sum_across(const uint16_t *sums, const uint16_t *weights, uint32_t count)
{
	uint32_t channel[4] = {0x8000, 0x8000, 0x8000, 0x8000};
	for (uint32_t i = 0; i < count; i++)
		for (int c = 0; c < 4; c++)
			channel[c] += (uint32_t)sums[i * 4 + c] * weights[i];
	uint32_t pixel;
	uint8_t bytes[4];
	for (int c = 0; c < 4; c++)
		bytes[c] = (uint8_t)(channel[c] >> 16);
	memcpy(&pixel, bytes, sizeof(pixel));
	return pixel;
}

static int weigh(const struct bitmap *from, const struct axis *across, const struct axis *down,
	struct rect part, uint32_t *to, size_t to_stride)
{
	size_t pixels = across->end - across->lowest;
	CLEANUP(free_p) uint16_t *sums = malloc(pixels * 4 * sizeof(*sums));
	CLEANUP(free_p) uint32_t *scratch = malloc(pixels * sizeof(*scratch));
	if (!sums || !scratch)
		return -ENOMEM;
	for (int32_t y = 0; y < part.height; y++, to += to_stride) {
		sum_down(from, across, down, y, scratch, sums);
		for (int32_t x = 0; x < part.width; x++) {
			const struct tap *tap = &across->taps[x];
			to[x] = sum_across(sums + (size_t)(tap->first - across->lowest) * 4,
				across->weights + tap->weights, tap->count);
		}
	}
	return 0;
}

int resample(const struct bitmap *from, uint32_t width, uint32_t height, struct rect part,
	enum filter filter, uint32_t *to, size_t to_stride)
{
	if (part.width <= 0 || part.height <= 0)
		return 0;
	CLEANUP(axis_fini) struct axis across = {0};
	CLEANUP(axis_fini) struct axis down = {0};
	int r = axis_init(
		&across, from->width, width, (uint32_t)part.x, (uint32_t)part.width, filter);
	if (r == 0)
		r = axis_init(&down, from->height, height, (uint32_t)part.y, (uint32_t)part.height,
			filter);
	if (r < 0)
		return r;
	if (!across.plain || !down.plain)
		return weigh(from, &across, &down, part, to, to_stride);
	pick(from, &across, &down, part, to, to_stride);
	return 0;
}
