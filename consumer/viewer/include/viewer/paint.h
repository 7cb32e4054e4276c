/* viewer/paint.h - a picture drawn where the view places it: scaled, turned, over a checkerboard
 * where it is transparent. */
#ifndef VIEWER_PAINT_H
#define VIEWER_PAINT_H

#include "viewer/image.h"
#include "viewer/resample.h"
#include "viewer/view.h"

/* Draws the part of the bitmap that lies within @clip. @turn and @mirror as in struct view.
 * -ENOMEM: nothing was drawn. */
int paint(struct image *on, struct rect clip, const struct bitmap *bitmap, struct placement place,
	unsigned turn, bool mirror, enum filter filter);

#endif
