/* Ranks of firs on a slope in the morning mist, the sun behind them. Made to be seen upright,
 * higher than wide. */
#include "noise.h"
#include "scenes.h"

enum { RANKS = 9 };

static double ground(double x, int rank)
{
	double near = (double)rank / (RANKS - 1);

	return 0.37 + 0.86 * power(near, 1.35) -
	       0.05 * noise_fbm(x * 1.9 + rank * 5.1, rank * 2.2, 4, 0.5, 260 + (uint32_t)rank) +
	       (x - 0.33) * (rank % 2 ? 0.16 : -0.13) * (1 - 0.5 * near);
}

static int in_fir(double x, double y, int rank, int i, double pitch, double size)
{
	uint32_t seed = 280 + (uint32_t)rank * 4;
	double height = size * (0.55 + 0.75 * noise_random(i, 0, seed));
	double middle = (i + 0.1 + 0.8 * noise_random(i, 1, seed)) * pitch,
	       side = (x - middle) / height;

	/* No bough reaches further; most places are far from most trees. */
	if (fabs(side) > 0.28)
		return 0;
	double down = (y - (ground(middle, rank) + 0.01 - height)) / height;
	if (down < 0 || down > 1.2)
		return 0;
	/* Boughs hang: the tiers' edges sink with the distance from the trunk, and are ragged. */
	double tiers = 13 + 5 * noise_random(i, 2, seed);
	double ragged = 0.5 * noise_gradient(x * 1.8 / size + i * 7, y * 2.16 / size, seed + 1);
	double tier = (down - 0.55 * fabs(side)) * tiers + 0.8 * (side > 0) + ragged;
	double saw = tier - floor(tier);
	double width = 0.002 + 0.165 * down * (0.45 + 0.55 * saw) * (1.0 + 0.35 * ragged);
	return fabs(side) < (down > 0.96 ? 0.018 : width);
}

static int in_rank(double x, double y, int rank)
{
	double near = (double)rank / (RANKS - 1), pitch = 0.016 + 0.075 * power(near, 1.5);
	double size = 0.050 + 0.40 * power(near, 1.7), surface = ground(x, rank);
	int cell = floor_int(x / pitch);

	if (y > surface)
		return 1;
	/* Above the highest top there is nothing; the ground does not fall by more from one tree to
	 * the next. */
	if (y < surface - 1.35 * size - 0.08)
		return 0;
	for (int i = cell - 3; i <= cell + 3; i++) {
		if (in_fir(x, y, rank, i, pitch, size))
			return 1;
	}
	return 0;
}

static struct vec3 sky(double x, double y)
{
	double dx = x - 0.43, dy = y - 0.235, r = sqrt(dx * dx + dy * dy);
	struct vec3 colour = mix3(
		picture_colour(0x86a9bd), picture_colour(0xf7e3c0), smoothstep(-0.05, 0.42, y));

	colour = add(colour, scale(vec(1.0, 0.82, 0.55), 0.42 * exponential(-r * 5.0)));
	colour = add(colour, scale(vec(1.0, 0.95, 0.85), smoothstep(0.040, 0.035, r)));
	double cloud = noise_fbm(x * 2.2, y * 6.5, 6, 0.55, 330);
	return mix3(colour, vec(1.0, 0.95, 0.86), 0.35 * smoothstep(0.0, 0.6, cloud));
}

static struct vec3 rank_colour(double x, double y, int rank)
{
	double near = (double)rank / (RANKS - 1);
	struct vec3 fog = mix3(
		picture_colour(0xf2ddb8), picture_colour(0xa9bcb8), smoothstep(0.2, 0.9, near));
	struct vec3 wood =
		mix3(picture_colour(0x7d9a94), picture_colour(0x0b1a17), power(near, 0.62));
	/* Needles catch a little light. */
	double texture = noise_fbm(x * 40, y * 40, 4, 0.6, 340 + (uint32_t)rank);
	wood = scale(wood, 1.0 + 0.45 * texture * (0.3 + 0.7 * near));
	/* Mist collects between the ranks. */
	double low =
		clamp((y - (ground(x, rank) - 0.02 - 0.14 * near)) / (0.05 + 0.2 * near), 0, 1);
	double drift = 0.75 + 0.5 * noise_fbm(x * 3.1 + rank, y * 9, 5, 0.5, 350 + (uint32_t)rank);
	double mist = clamp(low * drift, 0, 1) * (1 - 0.72 * near * near);
	return mix3(wood, fog, clamp(mist + (1 - near) * 0.28, 0, 1));
}

/* Light that falls between the trees, away from the sun. */
static double shafts(double x, double y)
{
	double dx = x - 0.43, dy = y - 0.235, angle = arc_tangent(dy, dx),
	       r = sqrt(dx * dx + dy * dy);
	double beams = noise_fbm(angle * 5.5, 1.7, 4, 0.6, 370);

	return smoothstep(0.0, 0.75, beams) * smoothstep(0.04, 0.30, r) * exponential(-r * 2.3);
}

struct vec3 scene_forest(const void *state, double x, double y)
{
	struct vec3 colour = sky(x, y);
	double open = 1;

	(void)state;
	for (int rank = RANKS - 1; rank >= 0; rank--) {
		if (in_rank(x, y, rank)) {
			colour = rank_colour(x, y, rank);
			open = 1 - 0.85 * (double)rank / (RANKS - 1);
			break;
		}
	}
	return picture_tone(add(colour, scale(vec(1.0, 0.82, 0.56), 0.36 * open * shafts(x, y))));
}
