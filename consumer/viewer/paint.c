#include "viewer/paint.h"

#include "common/util.h"

#define CHECK_SIDE 12
#define CHECK_LIGHT 0x5a
#define CHECK_DARK 0x48

/* From turned coordinates to those of the bitmap as drawn but not turned: x = x0 + tx * xx + ty *
 * xy, y alike. */
struct turning {
	int32_t x0, xx, xy;
	int32_t y0, yx, yy;
};

/* @width and @height are those of the bitmap as drawn, not turned. */
static struct turning turning_of(unsigned turn, bool mirror, int32_t width, int32_t height)
{
	const struct turning turnings[4] = {
		{0, 1, 0, 0, 0, 1},
		{0, 0, 1, height - 1, -1, 0},
		{width - 1, -1, 0, height - 1, 0, -1},
		{width - 1, 0, -1, 0, 1, 0},
	};
	struct turning t = turnings[turn % 4];
	if (mirror) {
		t.x0 = width - 1 - t.x0;
		t.xx = -t.xx;
		t.xy = -t.xy;
	}
	return t;
}

static int32_t turned_x(const struct turning *t, int32_t x, int32_t y)
{
	return t->x0 + x * t->xx + y * t->xy;
}

static int32_t turned_y(const struct turning *t, int32_t x, int32_t y)
{
	return t->y0 + x * t->yx + y * t->yy;
}

/* The smallest area that holds what two opposite corners became. */
static struct rect turn_rect(const struct turning *t, struct rect area)
{
	int32_t right = area.x + area.width - 1, bottom = area.y + area.height - 1;
	int32_t ax = turned_x(t, area.x, area.y), ay = turned_y(t, area.x, area.y);
	int32_t bx = turned_x(t, right, bottom), by = turned_y(t, right, bottom);
	return (struct rect){
		ax < bx ? ax : bx,
		ay < by ? ay : by,
		abs(ax - bx) + 1,
		abs(ay - by) + 1,
	};
}

static int paint_turned(const struct bitmap *bitmap, struct placement place, struct rect part,
	unsigned turn, bool mirror, enum filter filter, uint32_t *to, size_t to_stride)
{
	bool sideways = turn % 2 == 1;
	uint32_t width = sideways ? place.height : place.width;
	uint32_t height = sideways ? place.width : place.height;
	struct turning t = turning_of(turn, mirror, (int32_t)width, (int32_t)height);
	struct rect source = turn_rect(&t, part);
	CLEANUP(free_p)
	uint32_t *straight =
		malloc((size_t)source.width * (size_t)source.height * sizeof(*straight));
	if (!straight)
		return -ENOMEM;
	int r = resample(bitmap, width, height, source, filter, straight, (size_t)source.width);
	if (r < 0)
		return r;
	ptrdiff_t step = t.xx + (ptrdiff_t)t.yx * source.width;
	for (int32_t y = 0; y < part.height; y++, to += to_stride) {
		ptrdiff_t at =
			turned_x(&t, part.x, part.y + y) - source.x +
			(ptrdiff_t)(turned_y(&t, part.x, part.y + y) - source.y) * source.width;
		for (int32_t x = 0; x < part.width; x++, at += step)
			to[x] = straight[at];
	}
	return 0;
}

/* Puts the checkerboard under premultiplied pixels. Fixed to the window, so that it does not swim
 * while the picture moves. */
static void underlay(struct image *on, struct rect area)
{
	for (int32_t y = area.y; y < area.y + area.height; y++) {
		uint32_t *row = on->pixels + (size_t)y * on->width;
		for (int32_t x = area.x; x < area.x + area.width; x++) {
			uint32_t grey =
				(x / CHECK_SIDE + y / CHECK_SIDE) % 2 ? CHECK_LIGHT : CHECK_DARK;
			uint32_t share = (grey * (255 - (row[x] >> 24)) + 127) / 255;
			row[x] = (row[x] + share * 0x010101) | 0xff000000;
		}
	}
}

int paint(struct image *on, struct rect clip, const struct bitmap *bitmap, struct placement place,
	unsigned turn, bool mirror, enum filter filter)
{
	struct rect all = {place.x, place.y, (int32_t)place.width, (int32_t)place.height};
	struct rect whole = {0, 0, (int32_t)on->width, (int32_t)on->height};
	struct rect seen = rect_intersect(all, rect_intersect(clip, whole));
	if (seen.width == 0)
		return 0;
	struct rect part = {seen.x - place.x, seen.y - place.y, seen.width, seen.height};
	uint32_t *to = on->pixels + (size_t)seen.y * on->width + seen.x;
	int r = turn == 0 && !mirror
			? resample(bitmap, place.width, place.height, part, filter, to, on->width)
			: paint_turned(bitmap, place, part, turn, mirror, filter, to, on->width);
	if (r == 0 && bitmap->alpha)
		underlay(on, seen);
	return r;
}
