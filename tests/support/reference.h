/* tests/support/reference.h - what a picture must look like, by the plainest calls of libjpeg and
 * libpng and loops a pixel at a time.
 *
 * Nothing here is shared with the decoders it judges. Whole pictures in memory, no hostile files:
 * it is for pictures that are in order. True: done; false: the file can not be read, *ret
 * untouched. */
#ifndef TESTS_SUPPORT_REFERENCE_H
#define TESTS_SUPPORT_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows without padding. */
struct reference_picture {
	uint32_t width, height;
	bool alpha;           /* the file has transparency */
	unsigned orientation; /* the file's, 1 to 8 */
	uint8_t *rgba;        /* owned; R, G, B, A, straight */
};

/* The picture as it is stored. @eighths: JPEG's DCT scaling, 8 for the full size; PNG knows only 8.
 */
bool reference_read(const char *path, unsigned eighths, struct reference_picture *ret);
void reference_free(struct reference_picture *picture);

/* Turns a picture upright, by its orientation. */
bool reference_upright(const struct reference_picture *picture, struct reference_picture *ret);

/* A bitmap of a format of <mural/pixel.h>, with mural_bitmap_layout's stride; malloc'ed. */
uint8_t *reference_bitmap(
	const struct reference_picture *picture, uint32_t format, size_t *ret_size);

/* All in one: what a decode of the file at its full size must give. NULL: the file can not be read.
 */
uint8_t *reference_decode(const char *path, uint32_t format, bool as_stored, uint32_t *ret_width,
	uint32_t *ret_height, size_t *ret_size);

/* The area average at an exact size, in doubles: channel @channel (R, G, B, A) of pixel @x, @y.
 * Colours are weighted by alpha. */
double reference_area_mean(const struct reference_picture *picture, uint32_t width, uint32_t height,
	uint32_t x, uint32_t y, unsigned channel);

#endif
