/* The judge of pixels: slow and plain on purpose. */
#include "support/reference.h"

#include <math.h>
#include <mural/pixel.h>
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

/* ---- EXIF ---- */

static unsigned tiff_number(const uint8_t *at, unsigned bytes, bool big)
{
	unsigned value = 0;
	for (unsigned i = 0; i < bytes; i++)
		value |= (unsigned)at[i] << 8 * (big ? bytes - 1 - i : i);
	return value;
}

/* The orientation in a TIFF structure's first directory. */
static unsigned tiff_orientation(const uint8_t *tiff, size_t size)
{
	if (size < 8)
		return 1;
	bool big = tiff[0] == 'M';
	size_t directory = tiff_number(tiff + 4, 4, big);
	if (directory + 2 > size)
		return 1;
	unsigned count = tiff_number(tiff + directory, 2, big);
	for (unsigned i = 0; i < count; i++) {
		size_t entry = directory + 2 + 12 * (size_t)i;
		if (entry + 12 > size)
			return 1;
		if (tiff_number(tiff + entry, 2, big) != 0x0112)
			continue;
		unsigned value = tiff_number(tiff + entry + 8, 2, big);
		return value >= 1 && value <= 8 ? value : 1;
	}
	return 1;
}

/* ---- JPEG ---- */

struct jpeg_reader {
	struct jpeg_decompress_struct cinfo;
	struct jpeg_error_mgr errors;
	jmp_buf failed;
	JSAMPLE *row;
	struct reference_picture picture;
	bool done;
};

static void jpeg_failed(j_common_ptr cinfo)
{
	longjmp(((struct jpeg_reader *)cinfo->client_data)->failed, 1);
}

static void jpeg_silent(j_common_ptr cinfo)
{
	(void)cinfo;
}

static unsigned jpeg_orientation(const struct jpeg_decompress_struct *cinfo)
{
	for (jpeg_saved_marker_ptr m = cinfo->marker_list; m; m = m->next)
		if (m->data_length > 6 && memcmp(m->data, "Exif\0", 6) == 0)
			return tiff_orientation(m->data + 6, m->data_length - 6);
	return 1;
}

static uint8_t ink(uint8_t colour, uint8_t key, bool inverted)
{
	double c = inverted ? colour : 255 - colour;
	double k = inverted ? key : 255 - key;
	return (uint8_t)floor(c * k / 255.0 + 0.5);
}

static void store_jpeg_row(struct jpeg_reader *reader, uint32_t y)
{
	const struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	for (uint32_t x = 0; x < cinfo->output_width; x++) {
		const JSAMPLE *in = reader->row + (size_t)x * (unsigned)cinfo->output_components;
		uint8_t *out = reader->picture.rgba + ((size_t)y * cinfo->output_width + x) * 4;
		for (unsigned i = 0; i < 3; i++)
			out[i] = cinfo->out_color_space == JCS_CMYK
					 ? ink(in[i], in[3], cinfo->saw_Adobe_marker)
					 : in[i];
		out[3] = 255;
	}
}

static void read_jpeg(struct jpeg_reader *reader, FILE *file, unsigned eighths)
{
	struct jpeg_decompress_struct *cinfo = &reader->cinfo;
	jpeg_create_decompress(cinfo);
	jpeg_stdio_src(cinfo, file);
	jpeg_save_markers(cinfo, JPEG_APP0 + 1, 0xffff);
	jpeg_read_header(cinfo, TRUE);
	cinfo->out_color_space = cinfo->num_components == 4 ? JCS_CMYK : JCS_RGB;
	cinfo->scale_num = eighths;
	cinfo->scale_denom = 8;
	jpeg_start_decompress(cinfo);
	reader->picture.width = cinfo->output_width;
	reader->picture.height = cinfo->output_height;
	reader->picture.orientation = jpeg_orientation(cinfo);
	reader->picture.rgba = malloc((size_t)cinfo->output_width * cinfo->output_height * 4);
	reader->row = malloc((size_t)cinfo->output_width * 4);
	while (cinfo->output_scanline < cinfo->output_height) {
		uint32_t y = cinfo->output_scanline;
		jpeg_read_scanlines(cinfo, &reader->row, 1);
		store_jpeg_row(reader, y);
	}
	jpeg_finish_decompress(cinfo);
}

static bool reference_read_jpeg(FILE *file, unsigned eighths, struct reference_picture *ret)
{
	struct jpeg_reader *reader = calloc(1, sizeof(*reader));
	reader->cinfo.err = jpeg_std_error(&reader->errors);
	reader->cinfo.client_data = reader;
	reader->errors.error_exit = jpeg_failed;
	reader->errors.output_message = jpeg_silent;
	if (setjmp(reader->failed) == 0) {
		read_jpeg(reader, file, eighths);
		*ret = reader->picture;
		reader->picture.rgba = NULL;
		reader->done = true;
	}
	jpeg_destroy_decompress(&reader->cinfo);
	free(reader->picture.rgba);
	free(reader->row);
	bool done = reader->done;
	free(reader);
	return done;
}

/* ---- PNG ---- */

struct png_reader {
	png_structp png;
	png_infop info;
	jmp_buf failed;
	png_bytep *rows;
	struct reference_picture picture;
	bool done;
};

static void png_failed(png_structp png, png_const_charp message)
{
	(void)message;
	longjmp(((struct png_reader *)png_get_error_ptr(png))->failed, 1);
}

static void png_silent(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static unsigned png_orientation(struct png_reader *reader)
{
	png_uint_32 size;
	png_bytep data;
	if (!png_get_eXIf_1(reader->png, reader->info, &size, &data))
		return 1;
	return tiff_orientation(data, size);
}

static void read_png(struct png_reader *reader, FILE *file)
{
	struct reference_picture *picture = &reader->picture;
	reader->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, reader, png_failed, png_silent);
	reader->info = png_create_info_struct(reader->png);
	png_init_io(reader->png, file);
	png_read_info(reader->png, reader->info);
	picture->width = png_get_image_width(reader->png, reader->info);
	picture->height = png_get_image_height(reader->png, reader->info);
	picture->orientation = png_orientation(reader);
	picture->alpha = (png_get_color_type(reader->png, reader->info) & PNG_COLOR_MASK_ALPHA) ||
			 png_get_valid(reader->png, reader->info, PNG_INFO_tRNS);
	png_set_palette_to_rgb(reader->png);
	png_set_expand_gray_1_2_4_to_8(reader->png);
	png_set_tRNS_to_alpha(reader->png);
	png_set_scale_16(reader->png);
	png_set_gray_to_rgb(reader->png);
	png_set_add_alpha(reader->png, 0xff, PNG_FILLER_AFTER);
	png_set_interlace_handling(reader->png);
	png_read_update_info(reader->png, reader->info);
	picture->rgba = malloc((size_t)picture->width * picture->height * 4);
	reader->rows = malloc(picture->height * sizeof(*reader->rows));
	for (uint32_t y = 0; y < picture->height; y++)
		reader->rows[y] = picture->rgba + (size_t)y * picture->width * 4;
	png_read_image(reader->png, reader->rows);
	png_read_end(reader->png, NULL);
}

static bool reference_read_png(FILE *file, struct reference_picture *ret)
{
	struct png_reader *reader = calloc(1, sizeof(*reader));
	if (setjmp(reader->failed) == 0) {
		read_png(reader, file);
		*ret = reader->picture;
		reader->picture.rgba = NULL;
		reader->done = true;
	}
	png_destroy_read_struct(&reader->png, &reader->info, NULL);
	free(reader->picture.rgba);
	free(reader->rows);
	bool done = reader->done;
	free(reader);
	return done;
}

/* ---- pictures ---- */

bool reference_read(const char *path, unsigned eighths, struct reference_picture *ret)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	int first = getc(file);
	rewind(file);
	bool done = first == 0xff ? reference_read_jpeg(file, eighths, ret)
				  : eighths == 8 && reference_read_png(file, ret);
	fclose(file);
	return done;
}

void reference_free(struct reference_picture *picture)
{
	free(picture->rgba);
	picture->rgba = NULL;
}

/* Where the upright pixel @x, @y comes from: EXIF says which side of the scene the stored first row
 * and first column are. */
static void stored_place(
	const struct reference_picture *p, uint32_t x, uint32_t y, uint32_t *ret_x, uint32_t *ret_y)
{
	uint32_t last_x = p->width - 1, last_y = p->height - 1;
	switch (p->orientation) {
	case 2: /* top, right */
		*ret_x = last_x - x, *ret_y = y;
		return;
	case 3: /* bottom, right */
		*ret_x = last_x - x, *ret_y = last_y - y;
		return;
	case 4: /* bottom, left */
		*ret_x = x, *ret_y = last_y - y;
		return;
	case 5: /* left, top */
		*ret_x = y, *ret_y = x;
		return;
	case 6: /* right, top */
		*ret_x = y, *ret_y = last_y - x;
		return;
	case 7: /* right, bottom */
		*ret_x = last_x - y, *ret_y = last_y - x;
		return;
	case 8: /* left, bottom */
		*ret_x = last_x - y, *ret_y = x;
		return;
	default: /* top, left */
		*ret_x = x, *ret_y = y;
	}
}

bool reference_upright(const struct reference_picture *picture, struct reference_picture *ret)
{
	struct reference_picture upright = *picture;
	upright.orientation = 1;
	if (picture->orientation >= 5) {
		upright.width = picture->height;
		upright.height = picture->width;
	}
	upright.rgba = malloc((size_t)upright.width * upright.height * 4);
	if (!upright.rgba)
		return false;
	for (uint32_t y = 0; y < upright.height; y++) {
		for (uint32_t x = 0; x < upright.width; x++) {
			uint32_t from_x, from_y;
			stored_place(picture, x, y, &from_x, &from_y);
			memcpy(upright.rgba + ((size_t)y * upright.width + x) * 4,
				picture->rgba + ((size_t)from_y * picture->width + from_x) * 4, 4);
		}
	}
	*ret = upright;
	return true;
}

static void store_pixel(uint8_t *at, const uint8_t *rgba, uint32_t format)
{
	if (format == MURAL_FORMAT_RGB565) {
		uint16_t word = (uint16_t)((rgba[0] / 8) << 11 | (rgba[1] / 4) << 5 | rgba[2] / 8);
		memcpy(at, &word, sizeof(word));
		return;
	}
	uint32_t alpha = format == MURAL_FORMAT_ARGB8888 ? rgba[3] : 255;
	uint32_t word = alpha << 24 | (uint32_t)rgba[0] << 16 | (uint32_t)rgba[1] << 8 | rgba[2];
	memcpy(at, &word, sizeof(word));
}

uint8_t *reference_bitmap(
	const struct reference_picture *picture, uint32_t format, size_t *ret_size)
{
	uint32_t stride;
	uint64_t size;
	if (!mural_bitmap_layout(format, picture->width, picture->height, &stride, &size))
		return NULL;
	uint8_t *bitmap = calloc(1, size);
	if (!bitmap)
		return NULL;
	for (uint32_t y = 0; y < picture->height; y++)
		for (uint32_t x = 0; x < picture->width; x++)
			store_pixel(bitmap + (size_t)y * stride +
					    (size_t)x * mural_format_bytes(format),
				picture->rgba + ((size_t)y * picture->width + x) * 4, format);
	*ret_size = size;
	return bitmap;
}

uint8_t *reference_decode(const char *path, uint32_t format, bool as_stored, uint32_t *ret_width,
	uint32_t *ret_height, size_t *ret_size)
{
	struct reference_picture stored, upright;
	if (!reference_read(path, 8, &stored))
		return NULL;
	if (as_stored)
		stored.orientation = 1;
	bool turned = reference_upright(&stored, &upright);
	reference_free(&stored);
	if (!turned)
		return NULL;
	uint8_t *bitmap = reference_bitmap(&upright, format, ret_size);
	*ret_width = upright.width;
	*ret_height = upright.height;
	reference_free(&upright);
	return bitmap;
}

/* ---- scaling ---- */

/* How much of source pixel @i lies under pixel @x of a row of @to, in source pixels. */
static double overlap(uint32_t i, uint32_t x, uint32_t from, uint32_t to)
{
	double left = fmax(i, (double)x * from / to);
	double right = fmin(i + 1.0, (x + 1.0) * from / to);
	return right > left ? right - left : 0;
}

double reference_area_mean(const struct reference_picture *picture, uint32_t width, uint32_t height,
	uint32_t x, uint32_t y, unsigned channel)
{
	double sum = 0, weights = 0;
	uint32_t first_row = (uint32_t)((double)y * picture->height / height);
	uint32_t first_column = (uint32_t)((double)x * picture->width / width);
	for (uint32_t j = first_row;
		j < picture->height && j < (y + 1.0) * picture->height / height; j++) {
		for (uint32_t i = first_column;
			i < picture->width && i < (x + 1.0) * picture->width / width; i++) {
			const uint8_t *pixel = picture->rgba + ((size_t)j * picture->width + i) * 4;
			double weight = overlap(i, x, picture->width, width) *
					overlap(j, y, picture->height, height);
			if (channel < 3)
				weight *= pixel[3];
			sum += weight * pixel[channel];
			weights += weight;
		}
	}
	return weights > 0 ? sum / weights : 0;
}
