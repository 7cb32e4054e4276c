/* viewer/image.h - what is drawn on: pixels of our own, 0xAARRGGBB words, upper left first, rows
 * without gaps. The window and a snapshot are made from the same ones. Everything is clipped to the
 * image. */
#ifndef VIEWER_IMAGE_H
#define VIEWER_IMAGE_H

#include <stdint.h>

struct image {
	uint32_t *pixels;
	uint32_t width, height;
};

struct rect {
	int32_t x, y, width, height;
};

/* Makes the image @width x @height; what was in it stays, centred, the rest is @colour. -ENOMEM:
 * nothing has changed. */
int image_resize(struct image *image, uint32_t width, uint32_t height, uint32_t colour);
void image_fini(struct image *image);

/* All of @to becomes @from: centred, cut or with @colour around it where the sizes differ. */
void image_copy(struct image *to, const struct image *from, uint32_t colour);

/* Sets every pixel to @colour. */
void image_fill(struct image *image, struct rect area, uint32_t colour);

/* Lays @colour over the area; its alpha says how densely. */
void image_blend(struct image *image, struct rect area, uint32_t colour);

/* The same with corners rounded by @radius pixels. */
void image_blend_round(struct image *image, struct rect area, int32_t radius, uint32_t colour);

/* A frame of @thickness pixels just inside the area, its corners rounded by @radius >= @thickness.
 */
void image_frame_round(
	struct image *image, struct rect area, int32_t radius, int32_t thickness, uint32_t colour);

/* Lays @colour over one pixel, by @coverage (0 to 255) of its alpha. */
void image_blend_pixel(
	struct image *image, int32_t x, int32_t y, uint32_t colour, uint32_t coverage);

/* The common part; width and height are 0 when there is none. */
struct rect rect_intersect(struct rect a, struct rect b);

#endif
