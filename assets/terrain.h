/* assets/terrain.h - a height field that rays can be sent into: the ground of the mountains and of
 * the dunes. */
#ifndef MURAL_ASSETS_TERRAIN_H
#define MURAL_ASSETS_TERRAIN_H

#include "maths.h"

struct terrain {
	float *heights;  /* owned; size * size samples, wraps around */
	float *ceilings; /* owned; the highest sample of each block, its neighbours' edges included
			  */
	int size;        /* a power of two, at least 64 */
	double extent;   /* length of a side; x and z are in the same unit as heights */
	double top;      /* no point is higher */
};

/* Fills a field from @height, which is asked once for each sample. Ends the program when memory is
 * out. */
struct terrain *terrain_new(int size, double extent, double (*height)(double x, double z));
void terrain_free(struct terrain *terrain);

/* Smoothly interpolated height, and the slope's normal taken over a distance of @reach. */
double terrain_height(const struct terrain *terrain, double x, double z);
struct vec3 terrain_normal(const struct terrain *terrain, double x, double z, double reach);

/* How far from @from along the unit vector @along the ground is met, or a negative number when it
 * is not within @far.
 * @detail is the width of a pixel at distance 1: steps get no finer than that. */
double terrain_meet(const struct terrain *terrain, struct vec3 from, struct vec3 along, double far,
	double detail);

/* Light that reaches @at from the direction @sun, 0 to 1; @softness is the sun's angular size. */
double terrain_light(
	const struct terrain *terrain, struct vec3 at, struct vec3 sun, double softness);

#endif
