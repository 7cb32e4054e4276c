/* A mosaic, one piece of which was purged. Drawn, so that the program needs no file to show it. */
#include "viewer/icon.h"

#include "viewer/image.h"

#include <string.h>

#define PIECES 4 /* a side */
#define PIECE (ICON_SIDE / PIECES)

static const uint32_t pieces[PIECES][PIECES] = {
	{0xff5b9dff, 0xff5b9dff, 0xff7fb2ff, 0xffffd166},
	{0xff7fb2ff, 0x407fb2ff, 0xff7fb2ff, 0xffa9ccff},
	{0xffa9ccff, 0xffa9ccff, 0xff6fd08c, 0xffa9ccff},
	{0xff6fd08c, 0xff4fae6d, 0xff4fae6d, 0xff2f8a50},
};

void icon_draw(uint32_t pixels[ICON_SIDE * ICON_SIDE])
{
	struct image image = {pixels, ICON_SIDE, ICON_SIDE};
	memset(pixels, 0, ICON_SIDE * ICON_SIDE * sizeof(*pixels));
	for (int32_t y = 0; y < PIECES; y++)
		for (int32_t x = 0; x < PIECES; x++)
			image_fill(&image,
				(struct rect){
					x * PIECE + 1, y * PIECE + 1, PIECE - 2, PIECE - 2},
				pieces[y][x]);
}
