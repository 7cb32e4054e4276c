/* Median cut and Floyd-Steinberg, in integers, so that the same picture always gets the same
 * palette. */
#include "palette.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

struct colour_box {
	uint32_t *pixels; /* 0xrrggbb, a part of one shared list */
	size_t count;
};

static int channel(uint32_t pixel, int which)
{
	return (int)(pixel >> (16 - 8 * which)) & 255;
}

static int widest(const struct colour_box *box, int *ret_spread)
{
	int best = 0, spread = -1;

	for (int c = 0; c < 3; c++) {
		int low = 255, high = 0;
		for (size_t i = 0; i < box->count; i++) {
			int v = channel(box->pixels[i], c);
			low = v < low ? v : low;
			high = v > high ? v : high;
		}
		if (high - low > spread) {
			spread = high - low;
			best = c;
		}
	}
	*ret_spread = spread;
	return best;
}

static int by_red(const void *a, const void *b)
{
	const uint32_t *l = a, *r = b;

	return (*l > *r) - (*l < *r);
}

static int by_green(const void *a, const void *b)
{
	const uint32_t *l = a, *r = b;
	uint32_t left = (*l & 0xffff) << 16 | *l >> 16, right = (*r & 0xffff) << 16 | *r >> 16;

	return (left > right) - (left < right);
}

static int by_blue(const void *a, const void *b)
{
	const uint32_t *l = a, *r = b;
	uint32_t left = (*l & 0xff) << 24 | *l >> 8, right = (*r & 0xff) << 24 | *r >> 8;

	return (left > right) - (left < right);
}

/* Cuts the box whose widest channel spreads most at the middle of its pixels. False when all are
 * single colours. */
static int cut_one(struct colour_box *boxes, unsigned count)
{
	int (*const orders[])(const void *, const void *) = {by_red, by_green, by_blue};
	unsigned chosen = 0;
	int best = 0, along = 0;

	for (unsigned i = 0; i < count; i++) {
		int spread, c = widest(&boxes[i], &spread);
		if (spread > best) {
			best = spread;
			chosen = i;
			along = c;
		}
	}
	if (best == 0)
		return 0;
	struct colour_box *box = &boxes[chosen];
	qsort(box->pixels, box->count, sizeof(*box->pixels), orders[along]);
	/* Not inside a run of equal values, or both halves would keep the colour. */
	size_t middle = box->count / 2;
	while (middle < box->count &&
		channel(box->pixels[middle], along) == channel(box->pixels[middle - 1], along))
		middle++;
	while (middle == box->count ||
		channel(box->pixels[middle], along) == channel(box->pixels[middle - 1], along))
		middle--;
	boxes[count] = (struct colour_box){box->pixels + middle, box->count - middle};
	box->count = middle;
	return 1;
}

static void add_means(struct palette *palette, const struct colour_box *boxes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint8_t *colour = palette->colours[palette->count++];
		for (int c = 0; c < 3; c++) {
			uint64_t sum = boxes[i].count / 2;
			for (size_t k = 0; k < boxes[i].count; k++)
				sum += (uint64_t)channel(boxes[i].pixels[k], c);
			colour[c] = (uint8_t)(sum / boxes[i].count);
		}
		colour[3] = 255;
	}
}

static unsigned nearest(const struct palette *palette, const int *rgb)
{
	unsigned best = palette->translucent;
	int distance = INT_MAX;

	for (unsigned i = palette->translucent; i < palette->count; i++) {
		int sum = 0;
		for (int c = 0; c < 3; c++) {
			int d = rgb[c] - palette->colours[i][c];
			sum += d * d;
		}
		if (sum < distance) {
			distance = sum;
			best = i;
		}
	}
	return best;
}

/* @errors holds this row's and the next one's carried error in sixteenths, one pixel of margin at
 * each end. */
static void spread_row(
	struct palette *palette, const struct picture *picture, unsigned y, int *here, int *below)
{
	for (unsigned x = 0; x < picture->width; x++) {
		const uint16_t *pixel = picture_at(picture, x, y);
		uint8_t *index = &palette->indices[(size_t)y * picture->width + x];
		unsigned kept_apart = palette->translucent;
		if (kept_apart && pixel[3] < 0xc000) {
			*index = kept_apart > 1 && pixel[3] >= 0x4000;
			continue;
		}
		int rgb[3];
		for (int c = 0; c < 3; c++) {
			rgb[c] = pixel[c] / 257 + here[(x + 1) * 3 + c] / 16;
			rgb[c] = rgb[c] < 0 ? 0 : rgb[c] > 255 ? 255 : rgb[c];
		}
		*index = (uint8_t)nearest(palette, rgb);
		for (int c = 0; c < 3; c++) {
			int error = rgb[c] - palette->colours[*index][c];
			here[(x + 2) * 3 + c] += error * 7;
			below[x * 3 + c] += error * 3;
			below[(x + 1) * 3 + c] += error * 5;
			below[(x + 2) * 3 + c] += error;
		}
	}
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		perror("make_assets");
		exit(1);
	}
	return memory;
}

static void choose_colours(struct palette *palette, const struct picture *picture, unsigned limit)
{
	size_t total = (size_t)picture->width * picture->height;
	uint32_t *pixels = allocate(total, sizeof(*pixels));
	struct colour_box boxes[PALETTE_LIMIT] = {{pixels, 0}};
	unsigned count = 1;

	for (size_t i = 0; i < total; i++) {
		const uint16_t *p = picture->rgba + i * 4;
		if (!palette->translucent || p[3] >= 0xc000)
			pixels[boxes[0].count++] =
				(p[0] / 257u) << 16 | (p[1] / 257u) << 8 | p[2] / 257u;
	}
	if (boxes[0].count > 0) {
		while (count < limit && cut_one(boxes, count))
			count++;
		add_means(palette, boxes, count);
	}
	free(pixels);
}

void palette_make(
	struct palette *palette, const struct picture *picture, unsigned limit, int transparency)
{
	size_t row = ((size_t)picture->width + 2) * 3;
	int *errors = allocate(2 * row, sizeof(*errors));

	memset(palette, 0, sizeof(*palette));
	palette->indices = allocate((size_t)picture->width * picture->height, 1);
	if (transparency) {
		palette->translucent = limit >= 16 ? 2 : 1;
		palette->count = palette->translucent;
		/* Half-transparent pixels share a pale blue. */
		const uint8_t veil[4] = {150, 180, 220, 128};
		if (palette->translucent > 1)
			memcpy(palette->colours[1], veil, sizeof(veil));
	}
	choose_colours(palette, picture, limit - palette->count);
	for (unsigned y = 0; y < picture->height; y++) {
		int *here = errors + (y % 2) * row, *below = errors + ((y + 1) % 2) * row;
		memset(below, 0, row * sizeof(*below));
		spread_row(palette, picture, y, here, below);
	}
	free(errors);
}

void palette_free(struct palette *palette)
{
	free(palette->indices);
	palette->indices = NULL;
}
