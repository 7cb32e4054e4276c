/* Pixels: scaling, turning, transparency. */
#include "viewer/paint.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>

static uint32_t noise(uint32_t seed)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	return seed ^ seed << 5;
}

static uint32_t *random_pixels(uint32_t width, uint32_t height)
{
	uint32_t *pixels = malloc((size_t)width * height * sizeof(*pixels));
	for (uint32_t i = 0; i < width * height; i++)
		pixels[i] = 0xff000000 | noise(i * 2654435761u + 1);
	return pixels;
}

static struct bitmap bitmap_of(const uint32_t *pixels, uint32_t width, uint32_t height)
{
	return (struct bitmap){pixels, width, height, width * 4, false};
}

static int channel(uint32_t pixel, int c)
{
	return (int)(pixel >> (8 * c) & 0xff);
}

/* How far the area average over doubles is from what was computed, at worst. */
static int worst_difference(const uint32_t *from, uint32_t width, uint32_t height,
	const uint32_t *to, uint32_t to_width, uint32_t to_height)
{
	int worst = 0;
	double rx = (double)width / to_width, ry = (double)height / to_height;
	for (uint32_t y = 0; y < to_height; y++)
		for (uint32_t x = 0; x < to_width; x++)
			for (int c = 0; c < 3; c++) {
				double sum = 0;
				for (uint32_t v = (uint32_t)(y * ry);
					v < (y + 1) * ry && v < height; v++)
					for (uint32_t u = (uint32_t)(x * rx);
						u < (x + 1) * rx && u < width; u++) {
						double left = u > x * rx ? u : x * rx;
						double right =
							u + 1 < (x + 1) * rx ? u + 1 : (x + 1) * rx;
						double top = v > y * ry ? v : y * ry;
						double bottom =
							v + 1 < (y + 1) * ry ? v + 1 : (y + 1) * ry;
						sum += channel(from[v * width + u], c) *
						       (right - left) * (bottom - top);
					}
				int difference = abs(channel(to[y * to_width + x], c) -
						     (int)(sum / (rx * ry) + 0.5));
				worst = difference > worst ? difference : worst;
			}
	return worst;
}

struct size_case {
	uint32_t width, height, to_width, to_height;
};

ParameterizedTestParameters(resample, shrinking_averages)
{
	static struct size_case cases[] = {{40, 30, 20, 15}, {41, 29, 20, 15}, {100, 3, 7, 1},
		{97, 61, 96, 60}, {300, 200, 3, 2}};
	return cr_make_param_array(struct size_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct size_case *c, resample, shrinking_averages)
{
	uint32_t *from = random_pixels(c->width, c->height);
	uint32_t *to = calloc((size_t)c->to_width * c->to_height, sizeof(*to));
	struct bitmap bitmap = bitmap_of(from, c->width, c->height);
	struct rect all = {0, 0, (int32_t)c->to_width, (int32_t)c->to_height};
	cr_assert_eq(
		resample(&bitmap, c->to_width, c->to_height, all, FILTER_SMOOTH, to, c->to_width),
		0);
	cr_expect_leq(
		worst_difference(from, c->width, c->height, to, c->to_width, c->to_height), 3);
	free(from);
	free(to);
}

Test(resample, the_same_size_is_a_copy)
{
	uint32_t *from = random_pixels(13, 7), to[13 * 7];
	struct bitmap bitmap = bitmap_of(from, 13, 7);
	cr_assert_eq(
		resample(&bitmap, 13, 7, (struct rect){0, 0, 13, 7}, FILTER_SMOOTH, to, 13), 0);
	cr_expect_arr_eq(to, from, sizeof(to));
	free(from);
}

Test(resample, a_plane_of_one_colour_stays_that)
{
	uint32_t from[50 * 50], to[400 * 400];
	for (size_t i = 0; i < 50 * 50; i++)
		from[i] = 0xfffe01a7;
	struct bitmap bitmap = bitmap_of(from, 50, 50);
	for (uint32_t size = 1; size <= 400; size += 19) {
		cr_assert_eq(resample(&bitmap, size, size,
				     (struct rect){0, 0, (int32_t)size, (int32_t)size},
				     FILTER_SMOOTH, to, size),
			0);
		for (size_t i = 0; i < (size_t)size * size; i++)
			cr_assert_eq(to[i], 0xfffe01a7, "size %u", size);
	}
}

Test(resample, a_part_is_the_same_as_cut_from_the_whole)
{
	static const uint32_t sizes[] = {20, 64, 150};
	uint32_t *from = random_pixels(64, 64);
	struct bitmap bitmap = bitmap_of(from, 64, 64);
	for (int s = 0; s < 3; s++)
		for (int filter = FILTER_NEAREST; filter <= FILTER_SMOOTH; filter++) {
			uint32_t whole[150 * 150], part[9 * 7], size = sizes[s];
			struct rect all = {0, 0, (int32_t)size, (int32_t)size}, cut = {5, 11, 9, 7};
			resample(&bitmap, size, size, all, filter, whole, size);
			resample(&bitmap, size, size, cut, filter, part, 9);
			for (uint32_t y = 0; y < 7; y++)
				cr_assert_arr_eq(part + y * 9, whole + (y + 11) * size + 5, 9 * 4);
		}
	free(from);
}

Test(resample, enlarging_by_whole_numbers_repeats_pixels_when_they_shall_be_seen)
{
	uint32_t *from = random_pixels(5, 4), to[20 * 16];
	struct bitmap bitmap = bitmap_of(from, 5, 4);
	resample(&bitmap, 20, 16, (struct rect){0, 0, 20, 16}, FILTER_NEAREST, to, 20);
	for (uint32_t y = 0; y < 16; y++)
		for (uint32_t x = 0; x < 20; x++)
			cr_assert_eq(to[y * 20 + x], from[y / 4 * 5 + x / 4]);
	free(from);
}

Test(resample, enlarging_interpolates_between_neighbours)
{
	uint32_t from[2] = {0xff000000, 0xffc8c8c8}, to[8];
	struct bitmap bitmap = bitmap_of(from, 2, 1);
	resample(&bitmap, 8, 1, (struct rect){0, 0, 8, 1}, FILTER_SMOOTH, to, 8);
	cr_expect_eq(to[0], 0xff000000);
	cr_expect_eq(to[7], 0xffc8c8c8);
	for (int i = 1; i < 8; i++)
		cr_expect_geq(channel(to[i], 0), channel(to[i - 1], 0));
	cr_expect_eq(channel(to[3], 0), 75);
}

Test(resample, rows_may_be_longer_than_the_picture)
{
	uint32_t from[4 * 2] = {0xff000001, 0xff000002, 9, 9, 0xff000003, 0xff000004, 9, 9}, to[4];
	struct bitmap bitmap = {from, 2, 2, 16, false};
	resample(&bitmap, 2, 2, (struct rect){0, 0, 2, 2}, FILTER_SMOOTH, to, 2);
	cr_expect_arr_eq(
		to, ((uint32_t[]){0xff000001, 0xff000002, 0xff000003, 0xff000004}), sizeof(to));
}

struct turn_case {
	unsigned turn;
	bool mirror;
	char expected[7]; /* row by row */
};

/* ab
 * cd   upright, as letters
 * ef */
ParameterizedTestParameters(paint, turns_and_mirrors)
{
	static struct turn_case cases[] = {
		{0, false, "abcdef"},
		{1, false, "ecafdb"},
		{2, false, "fedcba"},
		{3, false, "bdface"},
		{0, true, "badcfe"},
		{1, true, "fdbeca"},
		{2, true, "efcdab"},
		{3, true, "acebdf"},
	};
	return cr_make_param_array(struct turn_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct turn_case *c, paint, turns_and_mirrors)
{
	uint32_t from[6], pixels[6] = {0};
	for (uint32_t i = 0; i < 6; i++)
		from[i] = 0xff000000 | ('a' + i);
	uint32_t width = c->turn % 2 ? 3 : 2, height = c->turn % 2 ? 2 : 3;
	struct image image = {pixels, width, height};
	struct bitmap bitmap = bitmap_of(from, 2, 3);
	struct placement place = {0, 0, width, height};
	struct rect all = {0, 0, (int32_t)width, (int32_t)height};
	cr_assert_eq(paint(&image, all, &bitmap, place, c->turn, c->mirror, FILTER_SMOOTH), 0);
	for (int i = 0; i < 6; i++)
		cr_expect_eq(pixels[i], 0xff000000 | (uint8_t)c->expected[i], "pixel %d", i);
}

Test(paint, a_turned_part_is_cut_from_the_turned_whole)
{
	uint32_t *from = random_pixels(60, 40), whole[90 * 60], part[30 * 20];
	struct bitmap bitmap = bitmap_of(from, 60, 40);
	for (unsigned turn = 0; turn < 4; turn++) {
		uint32_t width = turn % 2 ? 60 : 90, height = turn % 2 ? 90 : 60;
		struct image all = {whole, width, height}, window = {part, 30, 20};
		struct rect screen = {0, 0, (int32_t)width, (int32_t)height},
			    small = {0, 0, 30, 20};
		paint(&all, screen, &bitmap, (struct placement){0, 0, width, height}, turn, true,
			FILTER_SMOOTH);
		paint(&window, small, &bitmap, (struct placement){-11, -17, width, height}, turn,
			true, FILTER_SMOOTH);
		for (uint32_t y = 0; y < 20; y++)
			cr_assert_arr_eq(part + y * 30, whole + (y + 17) * width + 11, 30 * 4,
				"turn %u", turn);
	}
	free(from);
}

Test(paint, stays_within_the_clip)
{
	uint32_t *from = random_pixels(10, 10), pixels[400] = {0};
	struct image image = {pixels, 20, 20};
	struct bitmap bitmap = bitmap_of(from, 10, 10);
	paint(&image, (struct rect){4, 4, 3, 2}, &bitmap, (struct placement){0, 0, 20, 20}, 1,
		false, FILTER_SMOOTH);
	for (int y = 0; y < 20; y++)
		for (int x = 0; x < 20; x++)
			cr_assert_eq(pixels[y * 20 + x] != 0, x >= 4 && x < 7 && y >= 4 && y < 6);
	free(from);
}

Test(paint, transparency_shows_the_checkerboard_below)
{
	uint32_t from[2] = {0x00ff0000, 0x80ffffff}, pixels[2] = {0};
	struct image image = {pixels, 2, 1};
	struct bitmap bitmap = {from, 2, 1, 8, true};
	paint(&image, (struct rect){0, 0, 2, 1}, &bitmap, (struct placement){0, 0, 2, 1}, 0, false,
		FILTER_SMOOTH);
	cr_expect_eq(pixels[0], 0xff484848, "nothing of the red that can not be seen");
	cr_expect_eq(pixels[1], 0xffa4a4a4);
}
