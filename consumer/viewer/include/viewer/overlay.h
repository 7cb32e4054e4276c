/* viewer/overlay.h - what is written over the picture: the info line, the memory line, marks,
 * errors, help. */
#ifndef VIEWER_OVERLAY_H
#define VIEWER_OVERLAY_H

#include "viewer/image.h"
#include "viewer/text.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stddef.h>

struct overlay_fonts {
	struct font *text, *title;
};

/* How much of the window's edge a line takes. */
int32_t overlay_line_height(const struct overlay_fonts *fonts);

/* The info line; strings are borrowed. */
struct overlay_info {
	const char *path;
	size_t index, count;                  /* index counts from 0 */
	uint32_t width, height;               /* of the picture in the file; 0: not known */
	double scale;                         /* 1: a picture pixel a window pixel */
	uint32_t bitmap_width, bitmap_height; /* what is decoded; 0: nothing */
	uint32_t decode_ms;
	const char *note; /* such as why the full size is not there; NULL */
	bool note_is_error;
};

void overlay_info(
	struct image *image, const struct overlay_fonts *fonts, const struct overlay_info *info);

/* @stats NULL: not known yet. */
void overlay_memory(
	struct image *image, const struct overlay_fonts *fonts, const struct mural_stats *stats);

/* A remark for a moment, at the bottom. */
void overlay_note(struct image *image, const struct overlay_fonts *fonts, const char *text);

/* A mark in the upper right corner, below the memory line when there is one. */
void overlay_mark(struct image *image, const struct overlay_fonts *fonts, bool below_memory,
	const char *text);

/* In the middle: why the picture can not be shown. */
void overlay_error(struct image *image, const struct overlay_fonts *fonts, const char *path,
	const char *reason);

void overlay_help(struct image *image, const struct overlay_fonts *fonts);

/* "1.9 GiB", "83 MiB", "512 B": for a person. */
void overlay_bytes(uint64_t bytes, char *ret, size_t size);

#endif
