/* The test card: a small landscape that is wrong at a glance when it is turned, mirrored, cut or
 * discoloured. */
#include "noise.h"
#include "scenes.h"

static struct vec3 sky(double x, double y)
{
	struct vec3 colour =
		mix3(picture_colour(0x3a5fa8), picture_colour(0xffd9a0), smoothstep(0.0, 0.55, y));
	double dx = x - 1.12, dy = y - 0.2, distance = sqrt(dx * dx + dy * dy);

	colour = add(colour, scale(vec(1.0, 0.7, 0.35), 0.5 * exponential(-distance * 7.0)));
	return distance < 0.075 ? vec(1.0, 0.96, 0.82) : colour;
}

static double ridge(double x, int layer)
{
	static const double base[3] = {0.44, 0.52, 0.60}, height[3] = {0.20, 0.15, 0.09};

	return base[layer] - height[layer] * noise_fbm(x * (1.6 + layer), layer * 7.3, 6, 0.5,
						     11 + (uint32_t)layer);
}

static struct vec3 land(double x, double y)
{
	static const uint32_t colours[3] = {0x8d9cc4, 0x5a6a96, 0x2d3f5c};

	for (int layer = 2; layer >= 0; layer--) {
		if (y > ridge(x, layer))
			return mix3(picture_colour(colours[layer]), picture_colour(0xffd9a0),
				0.25 * (0.66 - y));
	}
	return sky(x, y);
}

static struct vec3 lake(double x, double y)
{
	double depth = (y - 0.66) / 0.24;
	double wave = noise_fbm(x * 9.0, 30.0 / (depth + 0.25), 3, 0.5, 31);
	struct vec3 mirrored = land(x + wave * 0.012, 0.66 - (y - 0.66) * 1.9 + wave * 0.02);

	return add(
		scale(mirrored, 0.62), scale(picture_colour(0x1d4e79), 0.5 * clamp(depth, 0, 1)));
}

static int inside(double x, double y, double left, double top, double right, double foot)
{
	return x >= left && x < right && y >= top && y < foot;
}

/* @grow widens the strokes, for the outline. */
static int letter(double x, double y, double grow)
{
	return inside(x, y, 0.14 - grow, 0.12 - grow, 0.24 + grow, 0.74 + grow) ||
	       inside(x, y, 0.14 - grow, 0.12 - grow, 0.52 + grow, 0.22 + grow) ||
	       inside(x, y, 0.14 - grow, 0.36 - grow, 0.42 + grow, 0.45 + grow);
}

static int arrow(double x, double y, double grow)
{
	double half = (y - 0.28 + grow * 2.2) * 0.62;

	return inside(x, y, 0.765 - grow, 0.4, 0.835 + grow, 0.74 + grow) ||
	       (y < 0.46 + grow && fabs(x - 0.8) < half);
}

/* Thin lines of opposite colours: what chroma subsampling smears. */
static struct vec3 stripes(double x, double y)
{
	static const uint32_t colours[8] = {
		0xff0000, 0x00ff00, 0x0000ff, 0x00ffff, 0xff00ff, 0xffff00, 0xffffff, 0x000000};
	double pitch = y < 0.95 ? 0.045 : 0.015;

	return picture_colour(colours[floor_int(x / pitch) & 7]);
}

struct vec3 scene_card(const void *state, double x, double y)
{
	(void)state;
	if (letter(x, y, 0))
		return picture_colour(0xfdf6e3);
	if (arrow(x, y, 0))
		return picture_colour(0xe8432e);
	if (letter(x, y, 0.014) || arrow(x, y, 0.014))
		return picture_colour(0x101826);
	if (y >= 0.9)
		return stripes(x, y);
	return y >= 0.66 ? lake(x, y) : land(x, y);
}

double scene_card_alpha(double x, double y)
{
	double dx = x - 0.75, dy = y - 0.5, distance = sqrt(dx * dx * 0.5 + dy * dy);
	double disc = 1.0 - smoothstep(0.42, 0.5, distance);

	return inside(x, y, 0.95, 0.5, 1.25, 0.8) ? disc * 0.5 : disc;
}
