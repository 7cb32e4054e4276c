/* viewer/glyphs.h - the shapes of the letters: strokes on a small grid.
 *
 * A stroke is a letter and points of two characters, x and y: "l" joins the points by straight
 * lines, "c" draws a curve from the first to the last with those between pulling at it, "o" is such
 * a curve closed. 0 to 9 and a to f are the coordinates 0 to 15; A to P are half a unit more.
 * Capitals reach from y = 2 to the base line, b; small letters from 5; tails end at e. */
#ifndef VIEWER_GLYPHS_H
#define VIEWER_GLYPHS_H

#include <stdint.h>

/* The strokes of a character, separated by spaces, and of its accent (NULL: none) with how far that
 * is to be moved. NULL: there is no such glyph. "" is a space. */
const char *glyph_strokes(
	uint32_t character, const char **ret_accent, int *ret_accent_x, int *ret_accent_y);

#endif
