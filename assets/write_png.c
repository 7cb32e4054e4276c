/* PNG files through libpng. The picture is packed here, sample by sample, so that what a file holds
 * does not depend on libpng's own transformations. */
#include "write_png.h"

#include <stdlib.h>

#include <png.h>

#include "palette.h"

/* libpng would jump; a generator ends. */
static PNG_NORETURN void fail(png_structp png, png_const_charp reason)
{
	(void)png;
	(void)fprintf(stderr, "make_assets: libpng: %s\n", reason);
	exit(1);
}

static const int colour_types[] = {
	[PNG_GREY] = PNG_COLOR_TYPE_GRAY,
	[PNG_GREY_ALPHA] = PNG_COLOR_TYPE_GRAY_ALPHA,
	[PNG_PALETTE] = PNG_COLOR_TYPE_PALETTE,
	[PNG_RGB] = PNG_COLOR_TYPE_RGB,
	[PNG_RGBA] = PNG_COLOR_TYPE_RGB_ALPHA,
};

static png_structp begin(FILE *file, png_infop *ret_info)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;

	if (!info) {
		perror("make_assets");
		exit(1);
	}
	png_init_io(png, file);
	*ret_info = info;
	return png;
}

void write_png_rows(
	FILE *file, unsigned width, unsigned height, int level, png_row_fn *row, void *state)
{
	png_infop info;
	png_structp png = begin(file, &info);
	uint8_t *packed = malloc((size_t)width * 3);

	if (!packed)
		fail(png, "no memory for a row");
	png_set_IHDR(png, info, width, height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, 0, 0);
	png_set_compression_level(png, level);
	/* Trying all five filters on every row costs more than deflate itself. */
	png_set_filter(png, 0, PNG_FILTER_SUB);
	png_write_info(png, info);
	for (unsigned y = 0; y < height; y++) {
		row(state, y, packed);
		png_write_row(png, packed);
	}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	free(packed);
}

/* One pixel's samples, each of options->depth bits. */
static int pack_pixel(const struct picture *picture, unsigned x, unsigned y,
	const struct png_options *options, unsigned *samples)
{
	const uint16_t *pixel = picture_at(picture, x, y);
	unsigned maximum = (1u << options->depth) - 1;
	int grey = options->kind == PNG_GREY || options->kind == PNG_GREY_ALPHA,
	    count = grey ? 1 : 3;
	int keyed = options->transparency && pixel[3] < 0x8000;
	uint16_t luma =
		(uint16_t)((pixel[0] * 299u + pixel[1] * 587u + pixel[2] * 114u + 500) / 1000);

	for (int i = 0; i < count; i++) {
		samples[i] = picture_quantise(grey ? luma : pixel[i], maximum, x, y);
		/* The key is level 0 in every channel: what is seen must keep clear of it. */
		if (options->transparency)
			samples[i] = keyed ? 0 : samples[i] ? samples[i] : 1;
	}
	if (options->kind == PNG_GREY_ALPHA || options->kind == PNG_RGBA)
		samples[count++] =
			options->depth == 16 ? pixel[3] : (pixel[3] * 255u + 32767) / 65535;
	return count;
}

static void pack_row(const struct picture *picture, unsigned y, const struct png_options *options,
	const struct palette *palette, uint8_t *packed)
{
	size_t bit = 0;

	for (unsigned x = 0; x < picture->width; x++) {
		unsigned samples[4];
		int count = 1;
		if (palette)
			samples[0] = palette->indices[(size_t)y * picture->width + x];
		else
			count = pack_pixel(picture, x, y, options, samples);
		for (int i = 0; i < count; i++) {
			for (int b = options->depth - 1; b >= 0; b--, bit++)
				packed[bit / 8] |=
					(uint8_t)(((samples[i] >> b) & 1) << (7 - bit % 8));
		}
	}
}

static void set_palette(png_structp png, png_infop info, const struct palette *palette)
{
	png_color colours[PALETTE_LIMIT];
	png_byte alphas[PALETTE_LIMIT];

	for (unsigned i = 0; i < palette->count; i++) {
		const uint8_t *c = palette->colours[i];
		colours[i] = (png_color){c[0], c[1], c[2]};
		alphas[i] = c[3];
	}
	png_set_PLTE(png, info, colours, (int)palette->count);
	if (palette->translucent)
		png_set_tRNS(png, info, alphas, (int)palette->translucent, NULL);
}

static void write_rows(png_structp png, const struct picture *picture,
	const struct png_options *options, const struct palette *palette)
{
	size_t stride = (size_t)picture->width * 8;
	uint8_t *packed = calloc(picture->height, stride);
	png_bytep *rows = malloc(picture->height * sizeof(*rows));

	if (!packed || !rows)
		fail(png, "no memory for the rows");
	for (unsigned y = 0; y < picture->height; y++) {
		rows[y] = packed + y * stride;
		pack_row(picture, y, options, palette, rows[y]);
	}
	png_write_image(png, rows);
	free(rows);
	free(packed);
}

void write_png(FILE *file, const struct picture *picture, const struct png_options *options)
{
	png_infop info;
	png_structp png = begin(file, &info);
	struct palette palette = {0};
	int indexed = options->kind == PNG_PALETTE;

	png_set_IHDR(png, info, picture->width, picture->height, options->depth,
		colour_types[options->kind],
		options->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
	png_set_compression_level(png, options->level ? options->level : 9);
	if (options->gamma > 0)
		png_set_gAMA(png, info, options->gamma);
	if (indexed) {
		palette_make(&palette, picture, 1u << options->depth, options->transparency);
		set_palette(png, info, &palette);
	} else if (options->transparency) {
		png_color_16 key = {0};
		png_set_tRNS(png, info, NULL, 0, &key);
	}
	png_write_info(png, info);
	write_rows(png, picture, options, indexed ? &palette : NULL);
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	palette_free(&palette);
}
