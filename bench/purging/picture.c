/* See picture.h. Rows repeat every 256, so that a PNG of it is small and quickly written; seeds
 * differ in every pixel. */
#include "picture.h"

#include "harness/bench.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

/* As XRGB8888 holds it: X is full. */
static uint32_t pixel(uint32_t x, uint32_t y, uint32_t seed)
{
	uint32_t red = (x * 3 + y + seed * 17) & 255;
	uint32_t green = (x ^ y ^ seed) & 255;
	uint32_t blue = (x + y * 5 + seed * 101) & 255;
	return UINT32_C(0xff000000) | red << 16 | green << 8 | blue;
}

void picture_write(const char *path, uint32_t width, uint32_t height, uint32_t seed)
{
	size_t row = (size_t)width * 3;
	uint8_t *rgb = malloc(row * height);
	bench_must(rgb != NULL, "memory for a picture");
	for (uint32_t y = 0; y < height; y++) {
		for (uint32_t x = 0; x < width; x++) {
			uint32_t p = pixel(x, y, seed);
			uint8_t *at = rgb + y * row + (size_t)x * 3;
			at[0] = (uint8_t)(p >> 16);
			at[1] = (uint8_t)(p >> 8);
			at[2] = (uint8_t)p;
		}
	}
	png_image image = {.version = PNG_IMAGE_VERSION,
		.width = width,
		.height = height,
		.format = PNG_FORMAT_RGB,
		.flags = PNG_IMAGE_FLAG_FAST};
	bench_must(png_image_write_to_file(&image, path, 0, rgb, (png_int_32)row, NULL) != 0, path);
	free(rgb);
}

static uint64_t differing_bytes(uint32_t a, uint32_t b)
{
	uint64_t count = 0;
	for (uint32_t difference = a ^ b; difference; difference >>= 8)
		count += (difference & 255) != 0;
	return count;
}

uint64_t picture_damage(const struct mural_view *view, uint32_t seed)
{
	uint64_t damage = 0;
	for (uint32_t y = 0; y < view->height; y++) {
		const char *row = (const char *)view->pixels + (size_t)y * view->stride_bytes;
		for (uint32_t x = 0; x < view->width; x++) {
			uint32_t p;
			memcpy(&p, row + (size_t)x * 4, sizeof(p));
			damage += differing_bytes(p, pixel(x, y, seed));
		}
	}
	return damage;
}
