/* Northern lights over a lake: curtains whose foot follows a wandering line, stars, and a shore of
 * firs. */
#include "noise.h"
#include "scenes.h"

#define SHORE 0.66

/* One star at most in each cell of a grid; brightness follows a steep law, as in the sky. */
static struct vec3 stars(double x, double y, double cells, uint32_t seed)
{
	int ix = floor_int(x * cells), iy = floor_int(y * cells);
	double dx = x * cells - ix - 0.2 - 0.6 * noise_random(ix, iy, seed);
	double dy = y * cells - iy - 0.2 - 0.6 * noise_random(ix, iy, seed + 1);
	double bright = power(noise_random(ix, iy, seed + 2), 22);
	double size = 0.0008 * cells * (0.55 + 0.6 * bright);
	double light = bright * exponential(-(dx * dx + dy * dy) / (size * size));

	return scale(
		mix3(vec(0.75, 0.85, 1.0), vec(1.0, 0.86, 0.7), noise_random(ix, iy, seed + 3)),
		light * 1.8);
}

/* The light of one curtain: it starts sharply at its foot and fades upwards, in rays. */
static struct vec3 curtain(double x, double y, int which)
{
	uint32_t seed = 140 + (uint32_t)which * 10;
	double wander = noise_fbm(x * 1.15 + which * 3.7, which * 9.1, 3, 0.5, seed);
	double foot = 0.50 - which * 0.085 + 0.20 * wander +
		      0.035 * noise_gradient(x * 6.5, which, seed + 4);
	double above = foot - y;
	double rays = 0.45 +
		      0.55 * smoothstep(-0.55, 0.6,
				     noise_fbm(x * 17 + wander * 9, above * 0.7, 4, 0.6, seed + 5));
	double body = smoothstep(-0.75, 0.35, noise_gradient(x * 1.9, which * 4.4, seed + 6));
	double reach = 0.13 + 0.11 * rays;
	double light =
		above > -0.01 ? exponential(-above / reach) * smoothstep(-0.01, 0.05, above) : 0;
	struct vec3 colour = mix3(
		picture_colour(0x3dffa0), picture_colour(0x2fd0c0), smoothstep(0.03, 0.22, above));

	colour = mix3(colour, picture_colour(0x9a4dff), smoothstep(0.10, 0.42, above));
	colour = mix3(colour, picture_colour(0xff4f9a), smoothstep(0.36, 0.62, above) * 0.6);
	return scale(colour, light * rays * body * (0.95 - 0.2 * which));
}

static struct vec3 sky(double x, double y, int with_stars)
{
	struct vec3 colour = mix3(
		picture_colour(0x040a1c), picture_colour(0x12324a), smoothstep(0.05, SHORE, y));

	if (with_stars) {
		colour = add(colour, add(stars(x, y, 31, 150), stars(x, y, 77, 160)));
		colour = add(colour, scale(stars(x, y, 140, 170), 0.5));
	}
	for (int i = 0; i < 3; i++)
		colour = add(colour, curtain(x, y, i));
	/* What the lights leave in the haze. */
	double haze = noise_fbm(x * 0.9, y * 1.3, 3, 0.5, 180);
	return add(colour,
		scale(picture_colour(0x1f8a6a), 0.16 * smoothstep(0.7, 0.2, y) * (0.6 + haze)));
}

static double hills(double x)
{
	return SHORE - 0.004 - 0.15 * noise_ridged(x * 1.3 + 2.0, 3.3, 7, 0.5, 190);
}

/* Firs: each stands in a cell of its own, rows behind each other. True inside a tree. */
static int in_firs(double x, double y, int row)
{
	double pitch = 0.011 + 0.007 * row, base = SHORE + 0.002 + 0.004 * row;
	int cell = floor_int(x / pitch);

	for (int i = cell - 2; i <= cell + 2; i++) {
		uint32_t seed = 200 + (uint32_t)row * 5;
		double grove = smoothstep(-0.45, 0.35, noise_gradient(i * pitch * 2.6, row, seed));
		double height = (0.018 + 0.022 * row) * (0.35 + 0.9 * noise_random(i, 0, seed)) *
				(0.25 + grove);
		double middle = (i + 0.2 + 0.6 * noise_random(i, 1, seed)) * pitch;
		double down = (y - (base - height)) / height;
		if (down < 0 || down > 1)
			continue;
		/* Branches: a saw that widens towards the ground. */
		double tier = down * (7 + 3 * row);
		double width =
			height * 0.19 * (down * 0.75 + 0.30 * (tier - floor(tier)) * (0.35 + down));
		if (fabs(x - middle) < width)
			return 1;
	}
	return 0;
}

/* Moving water smears the stars away. */
static struct vec3 land(double x, double y, int with_stars)
{
	if (y > SHORE - 0.002 || in_firs(x, y, 2))
		return picture_colour(0x02060a);
	if (in_firs(x, y, 1))
		return picture_colour(0x050d13);
	if (in_firs(x, y, 0))
		return picture_colour(0x0a1820);
	if (y > hills(x))
		return mix3(picture_colour(0x143243), picture_colour(0x0a1d2a),
			smoothstep(SHORE, SHORE - 0.13, y));
	return sky(x, y, with_stars);
}

static struct vec3 lake(double x, double y)
{
	double down = y - SHORE - 0.008, near = down / (1 - SHORE);
	double ripple = noise_fbm(x * 14 / (0.25 + near), 24 * log_two(0.04 + near), 3, 0.5, 210);
	double rough = 0.004 + 0.028 * near;
	struct vec3 mirrored =
		land(x + ripple * rough * 0.35, SHORE - down * 1.35 + ripple * rough, 0);

	return add(scale(mirrored, 0.62 - 0.12 * near), scale(picture_colour(0x06202c), 0.6));
}

struct vec3 scene_aurora(const void *state, double x, double y)
{
	(void)state;
	return picture_tone(y > SHORE + 0.008 ? lake(x, y) : land(x, y, 1));
}
