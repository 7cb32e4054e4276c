/* assets/picture.h - a picture in memory: 16-bit sRGB with straight alpha, and its rendering from a
 * scene. */
#ifndef MURAL_ASSETS_PICTURE_H
#define MURAL_ASSETS_PICTURE_H

#include <stdint.h>

#include "maths.h"

struct picture {
	unsigned width, height;
	uint16_t *rgba; /* owned; width * height * 4 samples, rows from the top without padding */
};

/* What can be asked for its colour at any place. */
struct scene {
	/* Linear light, 1.0 is white. @x runs from 0 to the picture's width / height, @y from 0
	 * (top) to 1. Called from several threads at once, so it must not change @state. */
	struct vec3 (*shade)(const void *state, double x, double y);
	/* Opacity, 0 to 1; NULL: opaque. Under the same rules. */
	double (*alpha)(const void *state, double x, double y);
	const void *state;
};

/* Makes an opaque black picture. Ends the program when memory is out: the generator has nothing
 * better to do. */
struct picture picture_new(unsigned width, unsigned height);
void picture_free(struct picture *picture);

/* Renders on all processors; the result does not depend on how many. Where neighbouring pixels
 * differ, a pixel is the mean of @grid x @grid samples. */
struct picture picture_render(unsigned width, unsigned height, int grid, const struct scene *scene);

/* The picture that shows @upright when turned as the EXIF @orientation (1 to 8) asks: the inverse
 * of what a viewer does. */
struct picture picture_store_as(const struct picture *upright, int orientation);

uint16_t *picture_at(const struct picture *picture, unsigned x, unsigned y);

/* One 16-bit sample as @maximum + 1 levels, with a little position-dependent noise so that skies
 * show no bands. The same place gets the same noise in every channel. */
unsigned picture_quantise(uint16_t sample, unsigned maximum, unsigned x, unsigned y);

/* Linear light to 16-bit sRGB; clamps. */
uint16_t picture_encode_srgb(double light);
/* 0xrrggbb in sRGB, as a designer names colours, as linear light. */
struct vec3 picture_colour(uint32_t rgb);

/* A smooth shoulder instead of clipping where light is brighter than white. */
struct vec3 picture_tone(struct vec3 light);

#endif
