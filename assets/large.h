/* assets/large.h - pictures as large as a camera makes them, for tests and benchmarks. */
#ifndef MURAL_ASSETS_LARGE_H
#define MURAL_ASSETS_LARGE_H

/* Writes a 3:2 picture of about @megapixels into the folder @path, as @kind says: "jpeg" (4:2:0,
 * quality 88), "q95" (4:4:4), "progressive", "restart" (a marker after each MCU row), "grey", "png"
 * (RGB). Makes one row at a time; only a progressive JPEG needs memory for the whole (its
 * coefficients). Puts the file's name (path excluded) into @ret_name, 64 bytes. -EINVAL: no such
 * kind, or not 1 to 1000 megapixels. */
int large_write(const char *path, unsigned megapixels, const char *kind, char *ret_name);

#endif
