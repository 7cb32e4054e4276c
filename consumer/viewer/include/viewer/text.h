/* viewer/text.h - text in the viewer's own typeface, UTF-8: ASCII, the letters of Latin-1 and some
 * signs; a box for the rest. A font keeps what it has drawn, so that one belongs to one thread.
 * Positions are pixels, a text's upper left corner. */
#ifndef VIEWER_TEXT_H
#define VIEWER_TEXT_H

#include "viewer/image.h"

#include <stddef.h>
#include <stdint.h>

struct font;

/* @scale 1 has lines of 16 pixels. -ENOMEM. */
int font_create(double scale, struct font **ret);
void font_destroy(struct font *font);

int32_t font_line_height(const struct font *font);

int32_t text_width(struct font *font, const char *text);

/* Returns the x behind the text. */
int32_t text_draw(struct image *image, struct font *font, int32_t x, int32_t y, uint32_t colour,
	const char *text);

/* Copies @text to @ret, shortened in its middle by "…" until it is at most @width wide. */
void text_shorten(struct font *font, const char *text, int32_t width, char *ret, size_t size);

#endif
