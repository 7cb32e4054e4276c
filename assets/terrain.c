/* Rays against a height field, by stepping: long steps high above the ground, short ones near it.
 */
#include "terrain.h"

#include <stdio.h>
#include <stdlib.h>

/* Samples along a block's side: a ray above a block's ceiling crosses it in one step. */
enum { BLOCK = 32 };

static float ceiling_of(const float *heights, int size, int left, int back)
{
	float top = -1e9f;

	for (int j = back; j <= back + BLOCK; j++) {
		for (int i = left; i <= left + BLOCK; i++) {
			float h = heights[(size_t)(j & (size - 1)) * (size_t)size +
					  (size_t)(i & (size - 1))];
			top = h > top ? h : top;
		}
	}
	return top;
}

struct terrain *terrain_new(int size, double extent, double (*height)(double x, double z))
{
	struct terrain *terrain = malloc(sizeof(*terrain));
	float *heights = malloc((size_t)size * (size_t)size * sizeof(*heights));
	int blocks = size / BLOCK;
	float *ceilings = malloc((size_t)blocks * (size_t)blocks * sizeof(*ceilings));

	if (!terrain || !heights || !ceilings) {
		perror("make_assets");
		exit(1);
	}
	*terrain = (struct terrain){heights, ceilings, size, extent, -1e9};
	for (int j = 0; j < size; j++) {
		for (int i = 0; i < size; i++) {
			double h = height(i * extent / size, j * extent / size);
			heights[(size_t)j * (size_t)size + (size_t)i] = (float)h;
			terrain->top = h > terrain->top ? h : terrain->top;
		}
	}
	for (int j = 0; j < blocks; j++) {
		for (int i = 0; i < blocks; i++)
			ceilings[j * blocks + i] = ceiling_of(heights, size, i * BLOCK, j * BLOCK);
	}
	return terrain;
}

void terrain_free(struct terrain *terrain)
{
	if (terrain) {
		free(terrain->heights);
		free(terrain->ceilings);
	}
	free(terrain);
}

static double sample(const struct terrain *terrain, int i, int j)
{
	int mask = terrain->size - 1;

	return terrain->heights[(size_t)(j & mask) * (size_t)terrain->size + (size_t)(i & mask)];
}

/* Quadratic B-spline: its slope has no jumps, which bilinear facets would show in every highlight.
 */
double terrain_height(const struct terrain *terrain, double x, double z)
{
	double u = x * terrain->size / terrain->extent, v = z * terrain->size / terrain->extent;
	int i = floor_int(u + 0.5), j = floor_int(v + 0.5);
	double s = u - i, t = v - j;
	double wx[3] = {0.5 * (0.5 - s) * (0.5 - s), 0.75 - s * s, 0.5 * (0.5 + s) * (0.5 + s)};
	double wz[3] = {0.5 * (0.5 - t) * (0.5 - t), 0.75 - t * t, 0.5 * (0.5 + t) * (0.5 + t)};
	double sum = 0;

	for (int b = 0; b < 3; b++) {
		double row = wx[0] * sample(terrain, i - 1, j + b - 1) +
			     wx[1] * sample(terrain, i, j + b - 1) +
			     wx[2] * sample(terrain, i + 1, j + b - 1);
		sum += wz[b] * row;
	}
	return sum;
}

/* For stepping only: a quarter of the work. */
static double coarse_height(const struct terrain *terrain, double x, double z)
{
	double u = x * terrain->size / terrain->extent, v = z * terrain->size / terrain->extent;
	int i = floor_int(u), j = floor_int(v);
	double s = u - i, t = v - j;

	return mix(mix(sample(terrain, i, j), sample(terrain, i + 1, j), s),
		mix(sample(terrain, i, j + 1), sample(terrain, i + 1, j + 1), s), t);
}

struct vec3 terrain_normal(const struct terrain *terrain, double x, double z, double reach)
{
	double dx = terrain_height(terrain, x - reach, z) - terrain_height(terrain, x + reach, z);
	double dz = terrain_height(terrain, x, z - reach) - terrain_height(terrain, x, z + reach);

	return unit(vec(dx, 2.0 * reach, dz));
}

/* How far a ray may go from @at without meeting the ground for sure: out of this block, or down to
 * its ceiling. 0 when it is already below. */
static double free_way(const struct terrain *terrain, struct vec3 at, struct vec3 along)
{
	double length = BLOCK * terrain->extent / terrain->size;
	int i = floor_int(at.x / length), j = floor_int(at.z / length),
	    blocks = terrain->size / BLOCK;
	double above = at.y - terrain->ceilings[(j & (blocks - 1)) * blocks + (i & (blocks - 1))];

	if (above <= 0)
		return 0;
	double x = along.x > 0   ? ((i + 1) * length - at.x) / along.x
		   : along.x < 0 ? (i * length - at.x) / along.x
				 : 1e9;
	double z = along.z > 0   ? ((j + 1) * length - at.z) / along.z
		   : along.z < 0 ? (j * length - at.z) / along.z
				 : 1e9;
	double way = x < z ? x : z, down = along.y < 0 ? above / -along.y : 1e9;

	return way < down ? way : down;
}

double terrain_meet(const struct terrain *terrain, struct vec3 from, struct vec3 along, double far,
	double detail)
{
	double t = 0, before = 0, least = 0.4 * terrain->extent / terrain->size;

	if (from.y > terrain->top) {
		if (along.y >= 0)
			return -1;
		t = before = (terrain->top - from.y) / along.y;
	}
	for (;;) {
		t = t < far ? t : far;
		double y = from.y + along.y * t;
		if (along.y > 0 && y > terrain->top)
			return -1;
		double way = free_way(terrain, add(from, scale(along, t)), along);
		if (way > least && t < far) {
			before = t;
			t += way;
			continue;
		}
		double above =
			y - coarse_height(terrain, from.x + along.x * t, from.z + along.z * t);
		if (above < detail * t * 0.2)
			break;
		if (t >= far)
			return -1;
		before = t;
		t += above * 0.45 + (detail * t > least ? detail * t : least);
	}
	for (int i = 0; i < 6; i++) {
		double middle = 0.5 * (before + t);
		double ground = coarse_height(
			terrain, from.x + along.x * middle, from.z + along.z * middle);
		if (from.y + along.y * middle > ground)
			before = middle;
		else
			t = middle;
	}
	return 0.5 * (before + t);
}

double terrain_light(
	const struct terrain *terrain, struct vec3 at, struct vec3 sun, double softness)
{
	double light = 1.0, step = terrain->extent / terrain->size, t = 2.0 * step;

	while (at.y + sun.y * t < terrain->top && light > 0.01) {
		double above = at.y + sun.y * t -
			       coarse_height(terrain, at.x + sun.x * t, at.z + sun.z * t);
		double open = 0.5 + 0.5 * above / (softness * t);
		light = open < light ? open : light;
		t += clamp(above * 0.5, step, t * 0.1 + step);
	}
	return smoothstep(0.0, 1.0, light);
}
