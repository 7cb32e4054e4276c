/* assets/palette.h - a picture in few colours. */
#ifndef MURAL_ASSETS_PALETTE_H
#define MURAL_ASSETS_PALETTE_H

#include <stdint.h>

#include "picture.h"

enum { PALETTE_LIMIT = 256 };

struct palette {
	uint8_t colours[PALETTE_LIMIT][4]; /* sRGB and alpha; the translucent ones come first, as
					      tRNS likes them */
	unsigned count;
	unsigned translucent; /* how many of the first entries are not opaque */
	uint8_t *indices;     /* owned; one a pixel, rows from the top */
};

/* Chooses at most @limit colours for @picture (median cut) and spreads the error of each pixel over
 * its neighbours. With @transparency entries are set aside: one for transparent pixels and, from 16
 * entries on, for half-transparent ones. Ends the program when memory is out. */
void palette_make(
	struct palette *palette, const struct picture *picture, unsigned limit, int transparency);
void palette_free(struct palette *palette);

#endif
