/* mural/pixel.h - pixel formats and checked bitmap sizes.
 *
 * Formats carry SDL2's names and SDL2's meaning: a pixel is one native-endian word, its first
 * letter in the most significant bits. On a little-endian machine XRGB8888 lies in memory as the
 * bytes B, G, R, X. Pure functions, callable from any thread. Sizes are bytes unless a name says
 * pixels. */
#ifndef MURAL_PIXEL_H
#define MURAL_PIXEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef MURAL_PUBLIC
#if defined(__GNUC__)
#define MURAL_PUBLIC __attribute__((visibility("default")))
#else
#define MURAL_PUBLIC
#endif
#endif

enum mural_format {
	/* 32 bits, X is 0xff. Of a picture with transparency the colour channels are the file's
	 * own; alpha is dropped. */
	MURAL_FORMAT_XRGB8888 = 1,
	/* 32 bits, straight (not premultiplied) alpha. */
	MURAL_FORMAT_ARGB8888 = 2,
	/* 16 bits; each channel is the 8-bit value's upper 5, 6, 5 bits (truncated, not
	 * dithered). */
	MURAL_FORMAT_RGB565 = 3,
};

/* The largest width or height of any bitmap, pixels. */
#define MURAL_SIDE_MAX 65535u

/* 4, 4, 2; 0 for an unknown format. */
MURAL_PUBLIC unsigned mural_format_bytes(uint32_t format);

/* "XRGB8888" and so on; NULL for an unknown format. */
MURAL_PUBLIC const char *mural_format_name(uint32_t format);

/* The stride and size of a bitmap. A row is width * bytes, rounded up to 4 bytes; rows follow each
 * other without gaps. False, outputs untouched: unknown format, a side of 0 or over MURAL_SIDE_MAX,
 * or a size that does not fit. */
MURAL_PUBLIC bool mural_bitmap_layout(uint32_t format, uint32_t width, uint32_t height,
	uint32_t *ret_stride_bytes, uint64_t *ret_size_bytes);

/* The size that fits into a box and keeps the proportions; never larger than the picture, at least
 * 1 x 1. A box side of 0 means "no limit". Rounds to the nearest pixel, never over the box. */
MURAL_PUBLIC void mural_fit(uint32_t width, uint32_t height, uint32_t box_width,
	uint32_t box_height, uint32_t *ret_width, uint32_t *ret_height);

#ifdef __cplusplus
}
#endif
#endif
