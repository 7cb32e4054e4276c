/* plain_decode.h - what one would write without Mural: libjpeg-turbo and libpng, in this process,
 * into memory of one's own. The baseline of the decoding benchmarks. */
#ifndef BENCH_PLAIN_DECODE_H
#define BENCH_PLAIN_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plain_size {
	uint32_t width, height;
	size_t bytes; /* XRGB8888, rows without padding */
};

/* False: neither JPEG nor PNG, or damaged. */
bool plain_size(const char *path, struct plain_size *ret);

/* Decodes the whole file into @pixels (plain_size bytes; XRGB8888 with X 0xff). */
bool plain_decode(const char *path, uint8_t *pixels);

/* The same of a JPEG at @eighths / 8 of its size, into memory that is freed again: how long the
 * cheapest thumbnail takes. @ret_width and @ret_height are what it gave. */
bool plain_thumbnail(const char *path, unsigned eighths, uint32_t *ret_width, uint32_t *ret_height);

/* Decodes a JPEG row by row into @row, which holds one (4 bytes a pixel), and hands over each. */
bool plain_rows(const char *path, uint8_t *row, void (*use)(void *context), void *context);

#endif
