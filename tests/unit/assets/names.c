/* A file's name says what it covers. When it lies, a decoder's test passes without having tested
 * anything. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jpeglib.h>
#include <libexif/exif-data.h>
#include <png.h>

#include "reference.h"

typedef void file_check(const char *name, FILE *file);

static int for_each(const char *start, const char *end, file_check *check)
{
	struct dirent **names;
	int count = scandir(ASSETS_FOLDER "/formats", &names, NULL, alphasort), seen = 0;

	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];
		const char *name = names[i]->d_name;
		(void)snprintf(path, sizeof(path), "%s/formats/%s", ASSETS_FOLDER, name);
		if (strncmp(name, start, strlen(start)) == 0 && ends_with(name, end)) {
			FILE *file = fopen(path, "rb");
			cr_assert_not_null(file);
			check(name, file);
			(void)fclose(file);
			seen++;
		}
		free(names[i]);
	}
	free(names);
	return seen;
}

static int says(const char *name, const char *word)
{
	return strstr(name, word) != NULL;
}

static void check_sampling(const char *name, const struct jpeg_decompress_struct *jpeg)
{
	static const struct {
		const char *word;
		int h, v;
	} samplings[] = {
		{"-444", 1, 1}, {"-422", 2, 1}, {"-420", 2, 2}, {"-440", 1, 2}, {"-411", 4, 1}};

	for (size_t i = 0; i < sizeof(samplings) / sizeof(*samplings); i++) {
		if (!says(name, samplings[i].word))
			continue;
		cr_expect_eq(jpeg->comp_info[0].h_samp_factor, samplings[i].h, "%s", name);
		cr_expect_eq(jpeg->comp_info[0].v_samp_factor, samplings[i].v, "%s", name);
		cr_expect_eq(jpeg->comp_info[1].h_samp_factor, 1, "%s", name);
		cr_expect_eq(jpeg->comp_info[1].v_samp_factor, 1, "%s", name);
	}
}

static void check_jpeg(const char *name, FILE *file)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	J_COLOR_SPACE space = says(name, "-grey")   ? JCS_GRAYSCALE
			      : says(name, "-rgb")  ? JCS_RGB
			      : says(name, "-cmyk") ? JCS_CMYK
			      : says(name, "-ycck") ? JCS_YCCK
						    : JCS_YCbCr;

	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&jpeg);
	jpeg_stdio_src(&jpeg, file);
	jpeg_read_header(&jpeg, TRUE);
	cr_expect_eq(jpeg.jpeg_color_space, space, "%s", name);
	cr_expect_eq(jpeg.progressive_mode != 0, says(name, "-progressive"), "%s", name);
	cr_expect_eq(jpeg.arith_code != 0, says(name, "-arithmetic"), "%s", name);
	/* A progressive file may tell its interval only with a scan; libjpeg writes it before the
	 * first. */
	cr_expect_eq(jpeg.restart_interval != 0, says(name, "-restart"), "%s", name);
	cr_expect_eq(jpeg.saw_Adobe_marker != 0,
		space == JCS_CMYK || space == JCS_YCCK || space == JCS_RGB, "%s", name);
	check_sampling(name, &jpeg);
	jpeg_destroy_decompress(&jpeg);
}

Test(names, of_jpegs_tell_what_they_hold)
{
	cr_expect_geq(for_each("jpeg-", ".jpg", check_jpeg), 20);
}

static int depth_of(const char *name)
{
	static const int depths[] = {16, 8, 4, 2, 1};

	/* The kind's last letter stands right before the depth: grey16, alpha8, palette4, rgb8,
	 * rgba16. */
	for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		static const char *const kinds[] = {"grey", "alpha", "palette", "rgb", "rgba"};
		for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
			char word[24];
			(void)snprintf(word, sizeof(word), "%s%d", kinds[k], depths[i]);
			if (says(name, word))
				return depths[i];
		}
	}
	return 0;
}

static void check_png(const char *name, FILE *file)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	int type = says(name, "grey-alpha") ? PNG_COLOR_TYPE_GRAY_ALPHA
		   : says(name, "grey")     ? PNG_COLOR_TYPE_GRAY
		   : says(name, "palette")  ? PNG_COLOR_TYPE_PALETTE
		   : says(name, "rgba")     ? PNG_COLOR_TYPE_RGBA
					    : PNG_COLOR_TYPE_RGB;
	unsigned width = 131, height = 87;

	if (setjmp(png_jmpbuf(png))) {
		cr_expect(0, "%s is not a PNG", name);
		return;
	}
	png_init_io(png, file);
	png_read_info(png, info);
	(void)sscanf(name, "png-%ux%u-", &width, &height);
	cr_expect_eq(png_get_image_width(png, info), width, "%s", name);
	cr_expect_eq(png_get_image_height(png, info), height, "%s", name);
	cr_expect_eq(png_get_color_type(png, info), type, "%s", name);
	cr_expect_eq(png_get_bit_depth(png, info), depth_of(name), "%s", name);
	cr_expect_eq(png_get_interlace_type(png, info) != 0, says(name, "-interlaced"), "%s", name);
	cr_expect_eq(png_get_valid(png, info, PNG_INFO_tRNS) != 0, says(name, "-trns"), "%s", name);
	cr_expect_eq(
		png_get_valid(png, info, PNG_INFO_gAMA) != 0, says(name, "-gamma"), "%s", name);
	png_destroy_read_struct(&png, &info, NULL);
}

Test(names, of_pngs_tell_what_they_hold)
{
	cr_expect_geq(for_each("png-", ".png", check_png), 40);
}

static void check_orientation(const char *name, FILE *file)
{
	char path[PATH_MAX];
	unsigned said = 99;

	(void)file;
	(void)sscanf(name, "orientation-%u", &said);
	(void)snprintf(path, sizeof(path), "%s/formats/%s", ASSETS_FOLDER, name);
	ExifData *exif = exif_data_new_from_file(path);
	cr_assert_not_null(exif);
	ExifEntry *entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
	cr_assert_not_null(entry, "%s", name);
	cr_expect_eq(exif_get_short(entry->data, exif_data_get_byte_order(exif)), said, "%s", name);
	cr_expect_eq(exif_data_get_byte_order(exif) == EXIF_BYTE_ORDER_MOTOROLA,
		says(name, "-big-endian"), "%s", name);
	cr_expect_eq(exif->data != NULL, says(name, "-thumbnail"), "%s", name);
	exif_data_unref(exif);
}

Test(names, of_orientations_tell_what_exif_says)
{
	cr_expect_eq(for_each("orientation-", ".jpg", check_orientation), 12);
}

/* The place in the stored picture of what a viewer shows at (@x, @y) of @width x @height: rows and
 * columns of the EXIF standard's table, read the other way round than the generator does. */
static const uint8_t *shown_at(const struct stored *stored, int orientation, unsigned x, unsigned y,
	unsigned width, unsigned height)
{
	unsigned right = width - 1 - x, foot = height - 1 - y;
	const unsigned places[8][2] = {{x, y}, {right, y}, {right, foot}, {x, foot}, {y, x},
		{y, right}, {foot, right}, {foot, x}};
	const unsigned *place = places[orientation - 1];

	return stored->pixels + place[1] * stored->stride + (size_t)place[0] * 3;
}

/* Each was compressed as it is stored, so that they differ by a little; a wrong turn differs by a
 * lot. */
static double difference(const struct stored *upright, const struct stored *turned, int orientation)
{
	uint64_t sum = 0;

	for (unsigned y = 0; y < upright->height; y++) {
		for (unsigned x = 0; x < upright->width; x++) {
			const uint8_t *a = upright->pixels + y * upright->stride + (size_t)x * 3;
			const uint8_t *b = shown_at(
				turned, orientation, x, y, upright->width, upright->height);
			for (int c = 0; c < 3; c++)
				sum += (uint64_t)abs(a[c] - b[c]);
		}
	}
	return (double)sum / ((double)upright->width * upright->height * 3);
}

Test(orientations, all_show_the_same_picture)
{
	struct stored upright = {0};

	cr_assert(stored_read(ASSETS_FOLDER "/formats/orientation-1.jpg", &upright));
	for (int i = 2; i <= 8; i++) {
		char path[PATH_MAX];
		struct stored turned = {0};
		(void)snprintf(
			path, sizeof(path), "%s/formats/orientation-%d.jpg", ASSETS_FOLDER, i);
		cr_assert(stored_read(path, &turned));
		cr_assert_eq(turned.width, i < 5 ? upright.width : upright.height);
		cr_expect_lt(difference(&upright, &turned, i), 1.5, "orientation %d", i);
		free(turned.pixels);
	}
	free(upright.pixels);
}
