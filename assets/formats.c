/* One table row for each small file; its name says what it is there for. */
#include "formats.h"

#include <stdlib.h>

#include "exif.h"
#include "files.h"
#include "scenes.h"
#include "write_jpeg.h"
#include "write_png.h"

enum { GRID = 4 };

struct size {
	unsigned width, height;
};

/* No multiples of 8 or 16: the last column and row of blocks is never full. */
static const struct size jpeg_size = {333, 221}, orientation_size = {363, 241},
			 png_size = {131, 87};

static const struct {
	const char *name;
	struct jpeg_options options;
} jpegs[] = {
	{"jpeg-444.jpg", {JPEG_YCC, 90, .h = 1, .v = 1}},
	{"jpeg-422.jpg", {JPEG_YCC, 90, .h = 2, .v = 1}},
	{"jpeg-420.jpg", {JPEG_YCC, 90, .h = 2, .v = 2}},
	{"jpeg-440.jpg", {JPEG_YCC, 90, .h = 1, .v = 2}},
	{"jpeg-411.jpg", {JPEG_YCC, 90, .h = 4, .v = 1}},
	{"jpeg-progressive-444.jpg", {JPEG_YCC, 90, .h = 1, .v = 1, .progressive = 1}},
	{"jpeg-progressive-422.jpg", {JPEG_YCC, 90, .h = 2, .v = 1, .progressive = 1}},
	{"jpeg-progressive-420.jpg", {JPEG_YCC, 90, .h = 2, .v = 2, .progressive = 1}},
	{"jpeg-arithmetic-420.jpg", {JPEG_YCC, 90, .h = 2, .v = 2, .arithmetic = 1}},
	{"jpeg-quality-5.jpg", {JPEG_YCC, 5, .h = 2, .v = 2}},
	{"jpeg-quality-100.jpg", {JPEG_YCC, 100, .h = 1, .v = 1}},
	{"jpeg-grey.jpg", {JPEG_GREY, 90, .h = 1, .v = 1}},
	{"jpeg-progressive-grey.jpg", {JPEG_GREY, 90, .h = 1, .v = 1, .progressive = 1}},
	{"jpeg-rgb.jpg", {JPEG_RGB, 90, .h = 1, .v = 1}},
	{"jpeg-cmyk.jpg", {JPEG_CMYK, 90, .h = 1, .v = 1}},
	{"jpeg-progressive-cmyk.jpg", {JPEG_CMYK, 90, .h = 1, .v = 1, .progressive = 1}},
	{"jpeg-ycck-444.jpg", {JPEG_YCCK, 90, .h = 1, .v = 1}},
	{"jpeg-ycck-420.jpg", {JPEG_YCCK, 90, .h = 2, .v = 2}},
	{"jpeg-progressive-ycck-420.jpg", {JPEG_YCCK, 90, .h = 2, .v = 2, .progressive = 1}},
	{"jpeg-restart-each-row-420.jpg", {JPEG_YCC, 90, .h = 2, .v = 2, .restart_rows = 1}},
	{"jpeg-restart-7-mcus-422.jpg", {JPEG_YCC, 90, .h = 2, .v = 1, .restart_mcus = 7}},
	{"jpeg-progressive-restart-420.jpg",
		{JPEG_YCC, 90, .h = 2, .v = 2, .progressive = 1, .restart_rows = 1}},
};

static const struct {
	const char *name;
	struct size size;
	struct jpeg_options options;
} odd_jpegs[] = {
	{"jpeg-1x1.jpg", {1, 1}, {JPEG_YCC, 90, .h = 2, .v = 2}},
	{"jpeg-1x37-420.jpg", {1, 37}, {JPEG_YCC, 90, .h = 2, .v = 2}},
	{"jpeg-37x1-420.jpg", {37, 1}, {JPEG_YCC, 90, .h = 2, .v = 2}},
	{"jpeg-17x9-420.jpg", {17, 9}, {JPEG_YCC, 90, .h = 2, .v = 2}},
	{"jpeg-progressive-7x5-422.jpg", {7, 5}, {JPEG_YCC, 90, .h = 2, .v = 1, .progressive = 1}},
};

static const struct {
	const char *name;
	unsigned orientation; /* as EXIF says it; 1 to 8: the pixels are stored to match */
	int big_endian;
	int thumbnail;
} exifs[] = {
	{"orientation-1.jpg", 1, 0, 0},
	{"orientation-2.jpg", 2, 0, 0},
	{"orientation-3.jpg", 3, 0, 0},
	{"orientation-4.jpg", 4, 0, 0},
	{"orientation-5.jpg", 5, 0, 0},
	{"orientation-6.jpg", 6, 0, 0},
	{"orientation-7.jpg", 7, 0, 0},
	{"orientation-8.jpg", 8, 0, 0},
	{"orientation-0-invalid.jpg", 0, 0, 0},
	{"orientation-9-invalid.jpg", 9, 0, 0},
	{"orientation-8-big-endian.jpg", 8, 1, 0},
	{"orientation-6-thumbnail.jpg", 6, 0, 1},
};

static const struct {
	const char *name;
	struct png_options options;
} pngs[] = {
	{"png-grey1.png", {PNG_GREY, .depth = 1}},
	{"png-grey1-interlaced.png", {PNG_GREY, .depth = 1, .interlaced = 1}},
	{"png-grey1-trns.png", {PNG_GREY, .depth = 1, .transparency = 1}},
	{"png-grey2.png", {PNG_GREY, .depth = 2}},
	{"png-grey2-interlaced.png", {PNG_GREY, .depth = 2, .interlaced = 1}},
	{"png-grey2-trns.png", {PNG_GREY, .depth = 2, .transparency = 1}},
	{"png-grey4.png", {PNG_GREY, .depth = 4}},
	{"png-grey4-interlaced.png", {PNG_GREY, .depth = 4, .interlaced = 1}},
	{"png-grey4-trns.png", {PNG_GREY, .depth = 4, .transparency = 1}},
	{"png-grey8.png", {PNG_GREY, .depth = 8}},
	{"png-grey8-interlaced.png", {PNG_GREY, .depth = 8, .interlaced = 1}},
	{"png-grey8-trns.png", {PNG_GREY, .depth = 8, .transparency = 1}},
	{"png-grey16.png", {PNG_GREY, .depth = 16}},
	{"png-grey16-interlaced.png", {PNG_GREY, .depth = 16, .interlaced = 1}},
	{"png-grey16-trns.png", {PNG_GREY, .depth = 16, .transparency = 1}},
	{"png-grey-alpha8.png", {PNG_GREY_ALPHA, .depth = 8}},
	{"png-grey-alpha8-interlaced.png", {PNG_GREY_ALPHA, .depth = 8, .interlaced = 1}},
	{"png-grey-alpha16.png", {PNG_GREY_ALPHA, .depth = 16}},
	{"png-grey-alpha16-interlaced.png", {PNG_GREY_ALPHA, .depth = 16, .interlaced = 1}},
	{"png-palette1.png", {PNG_PALETTE, .depth = 1}},
	{"png-palette1-trns.png", {PNG_PALETTE, .depth = 1, .transparency = 1}},
	{"png-palette2.png", {PNG_PALETTE, .depth = 2}},
	{"png-palette2-trns.png", {PNG_PALETTE, .depth = 2, .transparency = 1}},
	{"png-palette4.png", {PNG_PALETTE, .depth = 4}},
	{"png-palette4-interlaced.png", {PNG_PALETTE, .depth = 4, .interlaced = 1}},
	{"png-palette4-trns.png", {PNG_PALETTE, .depth = 4, .transparency = 1}},
	{"png-palette8.png", {PNG_PALETTE, .depth = 8}},
	{"png-palette8-interlaced.png", {PNG_PALETTE, .depth = 8, .interlaced = 1}},
	{"png-palette8-trns.png", {PNG_PALETTE, .depth = 8, .transparency = 1}},
	{"png-palette8-trns-interlaced.png",
		{PNG_PALETTE, .depth = 8, .interlaced = 1, .transparency = 1}},
	{"png-rgb8.png", {PNG_RGB, .depth = 8}},
	{"png-rgb8-interlaced.png", {PNG_RGB, .depth = 8, .interlaced = 1}},
	{"png-rgb8-trns.png", {PNG_RGB, .depth = 8, .transparency = 1}},
	{"png-rgb8-gamma.png", {PNG_RGB, .depth = 8, .gamma = 1.0}},
	{"png-rgb16.png", {PNG_RGB, .depth = 16}},
	{"png-rgb16-interlaced.png", {PNG_RGB, .depth = 16, .interlaced = 1}},
	{"png-rgb16-trns.png", {PNG_RGB, .depth = 16, .transparency = 1}},
	{"png-rgba8.png", {PNG_RGBA, .depth = 8}},
	{"png-rgba8-interlaced.png", {PNG_RGBA, .depth = 8, .interlaced = 1}},
	{"png-rgba16.png", {PNG_RGBA, .depth = 16}},
	{"png-rgba16-interlaced.png", {PNG_RGBA, .depth = 16, .interlaced = 1}},
};

static const struct {
	const char *name;
	struct size size;
	struct png_options options;
} odd_pngs[] = {
	{"png-1x1-rgb8.png", {1, 1}, {PNG_RGB, .depth = 8}},
	{"png-1x1-grey1.png", {1, 1}, {PNG_GREY, .depth = 1}},
	{"png-1x1-rgba16-interlaced.png", {1, 1}, {PNG_RGBA, .depth = 16, .interlaced = 1}},
	{"png-1x37-rgb8.png", {1, 37}, {PNG_RGB, .depth = 8}},
	{"png-1x37-palette2-interlaced.png", {1, 37}, {PNG_PALETTE, .depth = 2, .interlaced = 1}},
	{"png-37x1-grey1.png", {37, 1}, {PNG_GREY, .depth = 1}},
	{"png-37x1-rgba8-interlaced.png", {37, 1}, {PNG_RGBA, .depth = 8, .interlaced = 1}},
	{"png-7x5-rgb8-interlaced.png", {7, 5}, {PNG_RGB, .depth = 8, .interlaced = 1}},
	{"png-7x5-palette4-trns.png", {7, 5}, {PNG_PALETTE, .depth = 4, .transparency = 1}},
	{"png-7x5-grey16.png", {7, 5}, {PNG_GREY, .depth = 16}},
};

/* The card is made for 3:2; other shapes see it stretched, so that even one pixel gets something of
 * it. */
struct stretched {
	double across;
};

static struct vec3 shade_stretched(const void *state, double x, double y)
{
	const struct stretched *stretched = state;

	return scene_card(NULL, x * stretched->across, y);
}

static struct picture render_card(struct size size, int with_alpha)
{
	struct stretched stretched = {1.5 * size.height / size.width};
	struct scene scene = {shade_stretched, NULL, &stretched};
	struct picture picture = picture_render(size.width, size.height, GRID, &scene);

	for (unsigned y = 0; with_alpha && y < size.height; y++) {
		for (unsigned x = 0; x < size.width; x++) {
			double alpha = scene_card_alpha(
				(x + 0.5) * 1.5 / size.width, (y + 0.5) / size.height);
			picture_at(&picture, x, y)[3] = (uint16_t)(alpha * UINT16_MAX + 0.5);
		}
	}
	return picture;
}

static void save_jpeg(const char *folder, const char *name, const struct picture *picture,
	const struct jpeg_options *options)
{
	FILE *file = file_create(folder, name);

	write_jpeg(file, picture, options);
	file_finish(file, name);
}

static void save_png(const char *folder, const char *name, const struct picture *picture,
	const struct png_options *options)
{
	FILE *file = file_create(folder, name);

	write_png(file, picture, options);
	file_finish(file, name);
}

static void write_jpegs(const char *folder)
{
	struct picture card = render_card(jpeg_size, 0);

	for (size_t i = 0; i < sizeof(jpegs) / sizeof(*jpegs); i++)
		save_jpeg(folder, jpegs[i].name, &card, &jpegs[i].options);
	picture_free(&card);
	for (size_t i = 0; i < sizeof(odd_jpegs) / sizeof(*odd_jpegs); i++) {
		struct picture odd = render_card(odd_jpegs[i].size, 0);
		save_jpeg(folder, odd_jpegs[i].name, &odd, &odd_jpegs[i].options);
		picture_free(&odd);
	}
}

/* A small JPEG of @picture as it is stored, in memory that the caller frees. */
static char *make_thumbnail(int orientation, size_t *ret_size)
{
	const struct jpeg_options options = {JPEG_YCC, 75, .h = 2, .v = 2};
	struct picture upright = render_card((struct size){120, 80}, 0);
	struct picture stored = picture_store_as(&upright, orientation);
	char *bytes = NULL;
	FILE *file = open_memstream(&bytes, ret_size);

	if (!file) {
		perror("make_assets");
		exit(1);
	}
	write_jpeg(file, &stored, &options);
	file_finish(file, "thumbnail");
	picture_free(&stored);
	picture_free(&upright);
	return bytes;
}

static void write_exifs(const char *folder)
{
	struct picture card = render_card(orientation_size, 0);

	for (size_t i = 0; i < sizeof(exifs) / sizeof(*exifs); i++) {
		struct exif_options exif = {exifs[i].orientation, exifs[i].big_endian, NULL, 0};
		int turned = exifs[i].orientation >= 1 && exifs[i].orientation <= 8
				     ? (int)exifs[i].orientation
				     : 1;
		char *thumbnail =
			exifs[i].thumbnail ? make_thumbnail(turned, &exif.thumbnail_size) : NULL;
		uint8_t segment[EXIF_LIMIT];
		exif.thumbnail = (const uint8_t *)thumbnail;
		struct jpeg_options options = {JPEG_YCC, 92, .h = 1, .v = 1, .exif = segment};
		options.exif_size = exif_write(&exif, segment);
		struct picture stored = picture_store_as(&card, turned);
		save_jpeg(folder, exifs[i].name, &stored, &options);
		picture_free(&stored);
		free(thumbnail);
	}
	picture_free(&card);
}

static void write_pngs(const char *folder)
{
	struct picture opaque = render_card(png_size, 0), cut_out = render_card(png_size, 1);

	for (size_t i = 0; i < sizeof(pngs) / sizeof(*pngs); i++)
		save_png(folder, pngs[i].name,
			pngs[i].options.transparency || pngs[i].options.kind == PNG_RGBA ||
					pngs[i].options.kind == PNG_GREY_ALPHA
				? &cut_out
				: &opaque,
			&pngs[i].options);
	picture_free(&opaque);
	picture_free(&cut_out);
	for (size_t i = 0; i < sizeof(odd_pngs) / sizeof(*odd_pngs); i++) {
		struct picture odd = render_card(odd_pngs[i].size, 1);
		save_png(folder, odd_pngs[i].name, &odd, &odd_pngs[i].options);
		picture_free(&odd);
	}
}

void formats_write(const char *path)
{
	write_jpegs(path);
	write_exifs(path);
	write_pngs(path);
}
