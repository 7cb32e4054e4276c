/* The path of one point under a map of four sines (Peter de Jong's attractor), sixty million steps
 * long: how often it came by is how bright a place is. */
#include "scenes.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 1500, STEPS = 60000000 };

void *scene_attractor_prepare(void)
{
	const double a = 1.4, b = -2.3, c = 2.4, d = -2.1;
	float *visits = calloc((size_t)SIDE * SIDE, sizeof(*visits));
	double x = 0.1, y = 0.1;

	if (!visits) {
		perror("make_assets");
		exit(1);
	}
	for (int i = 0; i < STEPS; i++) {
		double next = sine(a * y) - cosine(b * x);
		y = sine(c * x) - cosine(d * y);
		x = next;
		int column = (int)((x + 2.15) * (SIDE / 4.3)),
		    row = (int)((y + 2.15) * (SIDE / 4.3));
		visits[(size_t)row * SIDE + (size_t)column] += 1;
	}
	return visits;
}

struct vec3 scene_attractor(const void *state, double x, double y)
{
	const float *visits = state;
	double count = visits[(size_t)((int)(y * SIDE)) * SIDE + (size_t)((int)(x * SIDE))];
	double light = clamp(log_two(1 + count) / 10.5, 0, 1);
	double shade = power(light, 2.4);

	return vec(shade, shade, shade);
}
