/* assets/exif.h - writes the APP1 segment that a camera puts into a JPEG. */
#ifndef MURAL_ASSETS_EXIF_H
#define MURAL_ASSETS_EXIF_H

#include <stddef.h>
#include <stdint.h>

struct exif_options {
	unsigned orientation;     /* written as it is, also when EXIF knows no such value */
	int big_endian;           /* "MM" in place of "II" */
	const uint8_t *thumbnail; /* a whole JPEG, or NULL; borrowed */
	size_t thumbnail_size;
};

/* A segment's payload can hold no more. */
enum { EXIF_LIMIT = 65533 };

/* Fills @segment (EXIF_LIMIT bytes) with the payload of APP1, from "Exif\0\0" on, and returns its
 * length; 0 when the thumbnail does not fit. */
size_t exif_write(const struct exif_options *options, uint8_t *segment);

#endif
