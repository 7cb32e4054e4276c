/* assets/write_png.h - writes PNG files of every colour type and depth. */
#ifndef MURAL_ASSETS_WRITE_PNG_H
#define MURAL_ASSETS_WRITE_PNG_H

#include <stdint.h>
#include <stdio.h>

#include "picture.h"

enum png_kind { PNG_GREY, PNG_GREY_ALPHA, PNG_PALETTE, PNG_RGB, PNG_RGBA };

struct png_options {
	enum png_kind kind;
	int depth; /* bits a sample (a palette index): 1, 2, 4, 8, 16 */
	int interlaced;
	/* tRNS. Grey and RGB: the level that is fully transparent, which takes the place of the
	 * picture's transparent pixels. Palette: transparent pixels get an entry of their own, half
	 * transparent ones (depth 4 and 8) another. */
	int transparency;
	double gamma; /* a gAMA chunk with this value, 0 for none */
	int level;    /* zlib's, 0 for the library's default */
};

/* Gives row @y packed as PNG wants it, 16-bit samples big-endian. */
typedef void png_row_fn(void *state, unsigned y, uint8_t *packed);

/* Writes RGB of @depth 8 whose rows are made one at a time. Ends the program on an error. */
void write_png_rows(
	FILE *file, unsigned width, unsigned height, int level, png_row_fn *row, void *state);

void write_png(FILE *file, const struct picture *picture, const struct png_options *options);

#endif
