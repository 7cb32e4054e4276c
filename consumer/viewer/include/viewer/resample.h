/* viewer/resample.h - a bitmap drawn at another size: the part of it that is needed, nothing more.
 *
 * Shrinking averages what falls on a pixel, enlarging interpolates between two; both are separable
 * and done with weights of 8 bits that add up to exactly 1, so that a plane of one colour stays
 * that colour. */
#ifndef VIEWER_RESAMPLE_H
#define VIEWER_RESAMPLE_H

#include "viewer/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 32-bit words as in enum mural_format; borrowed. */
struct bitmap {
	const void *pixels;
	uint32_t width, height, stride_bytes;
	bool alpha; /* the upper 8 bits are straight alpha; otherwise they are 0xff */
};

enum filter {
	FILTER_NEAREST, /* while something moves, and for pixels that shall be seen as such */
	FILTER_SMOOTH,
};

/* Draws @part of the bitmap as it looks when all of it is drawn @width x @height. @part lies within
 * that; @to has room for its rows, @to_stride pixels apart. Colours come out multiplied by alpha.
 * -ENOMEM. */
int resample(const struct bitmap *from, uint32_t width, uint32_t height, struct rect part,
	enum filter filter, uint32_t *to, size_t to_stride);

#endif
