/* Pixels of a file as it stores them, by libjpeg and libpng alone, and the generator run as a
 * program. */
#ifndef MURAL_TESTS_ASSETS_REFERENCE_H
#define MURAL_TESTS_ASSETS_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

struct stored {
	unsigned width, height;
	size_t stride;   /* bytes a row */
	uint8_t *pixels; /* owned: free() it */
};

/* Decodes a JPEG in its own number of components (YCbCr as RGB, YCCK as CMYK) or a PNG as packed as
 * it is. False: it can not be decoded. */
int stored_read(const char *path, struct stored *ret);

int ends_with(const char *name, const char *end);

/* Runs make_assets with @options (ends with NULL) and gives its exit status, or -1. */
int run_make_assets(const char *const *options);

/* Makes a folder below the system's temporary one, which remove_folder() takes away with all that
 * is in it. */
int make_folder(char path[64]);
void remove_folder(const char *path);

#endif
