/* viewer/png_file.h - an image as a PNG file: what --snapshot writes. */
#ifndef VIEWER_PNG_FILE_H
#define VIEWER_PNG_FILE_H

#include "viewer/image.h"

/* Writes RGB of 8 bits; alpha is left out. -errno of the file; -ENOMEM. A file that could not be
 * finished is removed. */
int png_file_write(const char *path, const struct image *image);

#endif
