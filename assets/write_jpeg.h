/* assets/write_jpeg.h - writes JPEG files with every property a test asks for. */
#ifndef MURAL_ASSETS_WRITE_JPEG_H
#define MURAL_ASSETS_WRITE_JPEG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "picture.h"

enum jpeg_space {
	JPEG_YCC,
	JPEG_GREY,
	JPEG_RGB,  /* three components as they are, told by an Adobe marker */
	JPEG_CMYK, /* four, inverted as Adobe writes them */
	JPEG_YCCK,
};

struct jpeg_options {
	enum jpeg_space space;
	int quality; /* 1 to 100 */
	int h, v;    /* luma samples for each chroma sample, across and down: 2, 2 is 4:2:0 */
	int progressive;
	int arithmetic;        /* arithmetic in place of Huffman coding */
	int one_pass;          /* standard Huffman tables: libjpeg need not keep the coefficients */
	int restart_rows;      /* a restart marker after so many MCU rows, 0 for none */
	unsigned restart_mcus; /* the same by MCUs */
	const uint8_t *exif;   /* payload of APP1, borrowed; NULL for none */
	size_t exif_size;
};

/* Gives row @y as 8-bit samples, as many a pixel as the space has (RGB for JPEG_YCC). */
typedef void jpeg_row_fn(void *state, unsigned y, uint8_t *samples);

/* Writes a picture whose rows are made one at a time, so that it need never be whole in memory (for
 * a progressive file libjpeg holds its coefficients). Ends the program on an error. */
void write_jpeg_rows(FILE *file, unsigned width, unsigned height,
	const struct jpeg_options *options, jpeg_row_fn *row, void *state);

/* Writes @picture without its alpha. */
void write_jpeg(FILE *file, const struct picture *picture, const struct jpeg_options *options);

#endif
