/* A map of islands that are nowhere: contour lines of even width, tints by height and depth, a grid
 * and a frame. */
#include "noise.h"
#include "scenes.h"

#define MARGIN 0.045

static double elevation(double x, double y)
{
	double bend = noise_fbm(x * 1.1 + 4, y * 1.1, 4, 0.5, 600);

	return noise_fbm(x * 1.55 + bend * 0.55, y * 1.55 + bend * 0.4, 7, 0.46, 601) * 1.25 + 0.06;
}

static struct vec3 tint(double height)
{
	static const uint32_t sea[5] = {0xd6e9ee, 0xbfdde6, 0xa3cddb, 0x88bccf, 0x6fa9c1};
	static const uint32_t land[8] = {
		0xdfe6c3, 0xcfdcae, 0xe4dfae, 0xeed9a2, 0xe6c48c, 0xd6a877, 0xc08e68, 0xf4efe6};

	if (height < 0) {
		int i = (int)(-height * 9);
		return picture_colour(sea[i > 4 ? 4 : i]);
	}
	int i = (int)(height * 9.5);
	return picture_colour(land[i > 7 ? 7 : i]);
}

/* The share of ink at a place: lines of @width at every multiple of @step, whatever the slope. */
static double contour(double height, double slope, double step, double width)
{
	double at = height / step, away = fabs(at - floor(at + 0.5)) * step / (slope + 1e-6);

	return 1 - smoothstep(width * 0.5, width * 0.5 + 0.0008, away);
}

static struct vec3 land_and_sea(double x, double y)
{
	const double reach = 0.0012;
	double height = elevation(x, y);
	double dx = (elevation(x + reach, y) - height) / reach,
	       dy = (elevation(x, y + reach) - height) / reach;
	double slope = sqrt(dx * dx + dy * dy);
	struct vec3 colour = tint(height);
	struct vec3 ink = height < 0 ? picture_colour(0x3f7f9c) : picture_colour(0x8a5a3a);

	if (height < 0) {
		colour = mix3(colour, ink, 0.65 * contour(height, slope, 0.055, 0.0008));
	} else {
		/* Light from the upper left, as on every relief map. */
		double shade = clamp(0.5 + (dx + dy) * 0.10, 0, 1);
		colour = scale(colour, mix(0.80, 1.08, shade));
		colour = mix3(colour, ink, 0.60 * contour(height, slope, 0.0211, 0.0007));
		colour = mix3(colour, ink, 0.95 * contour(height, slope, 0.1055, 0.0016));
	}
	return mix3(colour, picture_colour(0x1f4f6b), contour(height, slope, 100, 0.0024));
}

static double line(double at, double pitch, double width)
{
	double away = fabs(at - floor(at / pitch + 0.5) * pitch);

	return 1 - smoothstep(width * 0.5, width * 0.5 + 0.0007, away);
}

/* Black and white bars between two lines, as a map's edge counts its minutes. */
static struct vec3 frame(double x, double y, double inset)
{
	struct vec3 paper = picture_colour(0xf8f4ea), ink = picture_colour(0x2b2b2b);
	double depth = MARGIN - inset;

	if (depth < 0.004 || (depth > 0.0125 && depth < 0.0145))
		return ink;
	if (depth < 0.0125) {
		int along_x = y < MARGIN || y > 1 - MARGIN;
		double at = (along_x ? x : y) / 0.05;
		return floor_int(at) & 1 ? ink : paper;
	}
	return paper;
}

struct vec3 scene_map(const void *state, double x, double y)
{
	double side = x < 1.5 - x ? x : 1.5 - x, end = y < 1 - y ? y : 1 - y,
	       inset = side < end ? side : end;

	(void)state;
	if (inset < MARGIN)
		return frame(x, y, inset);
	double grid = line(x, 0.25, 0.0010), across = line(y, 0.25, 0.0010);
	return mix3(land_and_sea(x, y), picture_colour(0x33506a),
		0.40 * (grid > across ? grid : across));
}
