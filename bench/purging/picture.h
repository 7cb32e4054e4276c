/* picture.h - pictures whose every pixel is known, so that damage can be counted byte by byte. */
#ifndef BENCH_PURGING_PICTURE_H
#define BENCH_PURGING_PICTURE_H

#include <mural/mural.h>
#include <stdint.h>

/* Writes a PNG; a benchmark that can not ends. */
void picture_write(const char *path, uint32_t width, uint32_t height, uint32_t seed);

/* Bytes of a pinned MURAL_FORMAT_XRGB8888 view that are not the picture's. */
uint64_t picture_damage(const struct mural_view *view, uint32_t seed);

#endif
