#include "viewer/image.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct rect image_rect(const struct image *image)
{
	return (struct rect){0, 0, (int32_t)image->width, (int32_t)image->height};
}

static int32_t least(int32_t a, int32_t b)
{
	return a < b ? a : b;
}

static int32_t most(int32_t a, int32_t b)
{
	return a > b ? a : b;
}

struct rect rect_intersect(struct rect a, struct rect b)
{
	int32_t left = most(a.x, b.x), top = most(a.y, b.y);
	int32_t right = least(a.x + a.width, b.x + b.width),
		bottom = least(a.y + a.height, b.y + b.height);
	if (right <= left || bottom <= top)
		return (struct rect){left, top, 0, 0};
	return (struct rect){left, top, right - left, bottom - top};
}

static void copy_centred(struct image *to, const struct image *from)
{
	uint32_t width = from->width < to->width ? from->width : to->width;
	uint32_t height = from->height < to->height ? from->height : to->height;
	for (uint32_t y = 0; y < height; y++)
		memcpy(to->pixels + (size_t)((to->height - height) / 2 + y) * to->width +
				(to->width - width) / 2,
			from->pixels + (size_t)((from->height - height) / 2 + y) * from->width +
				(from->width - width) / 2,
			(size_t)width * sizeof(*to->pixels));
}

int image_resize(struct image *image, uint32_t width, uint32_t height, uint32_t colour)
{
	if (image->width == width && image->height == height)
		return 0;
	struct image made = {malloc((size_t)width * height * sizeof(*made.pixels)), width, height};
	if (!made.pixels)
		return -ENOMEM;
	image_fill(&made, image_rect(&made), colour);
	if (image->pixels)
		copy_centred(&made, image);
	free(image->pixels);
	*image = made;
	return 0;
}

void image_copy(struct image *to, const struct image *from, uint32_t colour)
{
	if (to->width != from->width || to->height != from->height)
		image_fill(to, image_rect(to), colour);
	if (from->pixels)
		copy_centred(to, from);
}

void image_fini(struct image *image)
{
	free(image->pixels);
	*image = (struct image){0};
}

void image_fill(struct image *image, struct rect area, uint32_t colour)
{
	area = rect_intersect(area, image_rect(image));
	for (int32_t y = area.y; y < area.y + area.height; y++) {
		uint32_t *row = image->pixels + (size_t)y * image->width;
		for (int32_t x = area.x; x < area.x + area.width; x++)
			row[x] = colour;
	}
}

/* @alpha is 0 to 255. The two outer channels fit into one multiplication, 16 bits apart. */
static uint32_t mix(uint32_t below, uint32_t above, uint32_t alpha)
{
	uint32_t weight = alpha + (alpha >> 7); /* 0 to 256, so that 255 is opaque */
	uint32_t outer = ((below & 0xff00ff) * (256 - weight) + (above & 0xff00ff) * weight) >> 8;
	uint32_t green = ((below & 0x00ff00) * (256 - weight) + (above & 0x00ff00) * weight) >> 8;
	return 0xff000000 | (outer & 0xff00ff) | (green & 0x00ff00);
}

void image_blend(struct image *image, struct rect area, uint32_t colour)
{
	area = rect_intersect(area, image_rect(image));
	for (int32_t y = area.y; y < area.y + area.height; y++) {
		uint32_t *row = image->pixels + (size_t)y * image->width;
		for (int32_t x = area.x; x < area.x + area.width; x++)
			row[x] = mix(row[x], colour, colour >> 24);
	}
}

void image_blend_pixel(
	struct image *image, int32_t x, int32_t y, uint32_t colour, uint32_t coverage)
{
	if (x < 0 || y < 0 || x >= (int32_t)image->width || y >= (int32_t)image->height)
		return;
	uint32_t *pixel = image->pixels + (size_t)y * image->width + x;
	*pixel = mix(*pixel, colour, (colour >> 24) * coverage / 255);
}

/* How much of a pixel lies within a circle around (@radius, @radius); @x and @y count whole pixels
 * from the corner. */
static uint32_t corner_coverage(int32_t x, int32_t y, int32_t centre, int32_t radius)
{
	double dx = centre - x - 0.5, dy = centre - y - 0.5;
	double inside = radius + 0.5 - sqrt(dx * dx + dy * dy);
	return (uint32_t)(255 * fmin(1, fmax(0, inside)));
}

/* The four corners at once, each a ring from @inner (exclusive) to @radius. */
static void blend_corners(
	struct image *image, struct rect area, int32_t radius, int32_t inner, uint32_t colour)
{
	for (int32_t y = 0; y < radius; y++) {
		for (int32_t x = 0; x < radius; x++) {
			uint32_t hole = inner > 0 ? corner_coverage(x, y, radius, inner) : 0;
			uint32_t coverage = corner_coverage(x, y, radius, radius) - hole;
			int32_t left = area.x + x, right = area.x + area.width - 1 - x;
			int32_t top = area.y + y, bottom = area.y + area.height - 1 - y;
			image_blend_pixel(image, left, top, colour, coverage);
			image_blend_pixel(image, right, top, colour, coverage);
			image_blend_pixel(image, left, bottom, colour, coverage);
			image_blend_pixel(image, right, bottom, colour, coverage);
		}
	}
}

void image_blend_round(struct image *image, struct rect area, int32_t radius, uint32_t colour)
{
	radius = least(radius, least(area.width, area.height) / 2);
	blend_corners(image, area, radius, 0, colour);
	int32_t inner = area.width - 2 * radius;
	image_blend(image, (struct rect){area.x + radius, area.y, inner, radius}, colour);
	image_blend(image,
		(struct rect){area.x, area.y + radius, area.width, area.height - 2 * radius},
		colour);
	image_blend(image,
		(struct rect){area.x + radius, area.y + area.height - radius, inner, radius},
		colour);
}

void image_frame_round(
	struct image *image, struct rect area, int32_t radius, int32_t thickness, uint32_t colour)
{
	blend_corners(image, area, radius, radius - thickness, colour);
	int32_t across = area.width - 2 * radius, down = area.height - 2 * radius;
	int32_t right = area.x + area.width - thickness, bottom = area.y + area.height - thickness;
	image_blend(image, (struct rect){area.x + radius, area.y, across, thickness}, colour);
	image_blend(image, (struct rect){area.x + radius, bottom, across, thickness}, colour);
	image_blend(image, (struct rect){area.x, area.y + radius, thickness, down}, colour);
	image_blend(image, (struct rect){right, area.y + radius, thickness, down}, colour);
}
