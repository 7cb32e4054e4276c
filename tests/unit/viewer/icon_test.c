/* The icon of the window and the one that is installed are the same picture. */
#include "viewer/icon.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static uint32_t colour_at(const uint32_t *pixels, unsigned x, unsigned y)
{
	return x < ICON_SIDE && y < ICON_SIDE ? pixels[y * ICON_SIDE + x] : 0;
}

Test(icon, is_the_one_that_is_installed)
{
	uint32_t pixels[ICON_SIDE * ICON_SIDE], filled = 0;
	unsigned x, y, width, height, colour, pieces = 0;
	char line[256];
	FILE *file = fopen(VIEWER_ICON_FILE, "re");
	cr_assert_not_null(file);
	icon_draw(pixels);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"#%x\"",
			    &x, &y, &width, &height, &colour) != 5)
			continue;
		const char *opacity = strstr(line, "fill-opacity=\"");
		double share = opacity ? strtod(opacity + strlen("fill-opacity=\""), NULL) : 1;
		uint32_t wanted = (uint32_t)lround(share * 255) << 24 | colour;
		cr_expect_eq(colour_at(pixels, x, y), wanted);
		cr_expect_eq(colour_at(pixels, x + width - 1, y + height - 1), wanted);
		filled += width * height;
		pieces++;
	}
	fclose(file);
	cr_expect_eq(pieces, 16);
	for (size_t i = 0; i < ARRAY_SIZE(pixels); i++)
		filled -= pixels[i] != 0;
	cr_expect_eq(filled, 0, "more or less is drawn than the file has");
}
