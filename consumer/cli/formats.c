/* A pinned picture as PAM, PNG or bare rows. */
#include "formats.h"

#include "common/util.h"

#include <png.h>
#include <stdio.h>
#include <string.h>

/* The decoder's output compresses well at any level, and nobody waits gladly for the last per cent.
 */
#define PNG_LEVEL 3

static bool has_alpha(const struct mural_view *view)
{
	return view->flags & MURAL_BITMAP_HAS_ALPHA;
}

static const uint32_t *row_at(const struct mural_view *view, uint32_t y)
{
	const unsigned char *pixels = view->pixels;
	return (const void *)(pixels + (size_t)y * view->stride_bytes);
}

static void to_rgb(const uint32_t *pixels, uint32_t count, unsigned char *ret)
{
	for (uint32_t i = 0; i < count; i++, ret += 3) {
		uint32_t pixel = pixels[i];
		ret[0] = (unsigned char)(pixel >> 16);
		ret[1] = (unsigned char)(pixel >> 8);
		ret[2] = (unsigned char)pixel;
	}
}

static void to_rgba(const uint32_t *pixels, uint32_t count, unsigned char *ret)
{
	for (uint32_t i = 0; i < count; i++, ret += 4) {
		uint32_t pixel = pixels[i];
		ret[0] = (unsigned char)(pixel >> 16);
		ret[1] = (unsigned char)(pixel >> 8);
		ret[2] = (unsigned char)pixel;
		ret[3] = (unsigned char)(pixel >> 24);
	}
}

/* One row, in pieces that fit the output's buffer: a row may be 65535 pixels. */
static int write_row(struct output *output, const struct mural_view *view, uint32_t y)
{
	const uint32_t *pixels = row_at(view, y);
	size_t sample_bytes = has_alpha(view) ? 4 : 3;
	uint32_t left = view->width;
	while (left > 0) {
		uint32_t count = (uint32_t)min_u64(left, OUTPUT_BUFFER_SIZE / 4);
		unsigned char *room = output_room(output, count * sample_bytes);
		if (!room)
			return output->error;
		(has_alpha(view) ? to_rgba : to_rgb)(pixels, count, room);
		output_filled(output, count * sample_bytes);
		pixels += count;
		left -= count;
	}
	return 0;
}

int write_pam(struct output *output, const struct mural_view *view)
{
	char header[128];
	int length = snprintf(header, sizeof(header),
		"P7\nWIDTH %u\nHEIGHT %u\nDEPTH %d\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n", view->width,
		view->height, has_alpha(view) ? 4 : 3, has_alpha(view) ? "RGB_ALPHA" : "RGB");
	int r = output_write(output, header, (size_t)length);
	for (uint32_t y = 0; y < view->height && r == 0; y++)
		r = write_row(output, view, y);
	return r;
}

static unsigned raw_pixel_bytes(uint32_t format)
{
	return format == MURAL_FORMAT_RGB565 ? 2 : 4;
}

int write_raw(struct output *output, const struct mural_view *view)
{
	size_t row_bytes = (size_t)view->width * raw_pixel_bytes(view->format);
	int r = 0;
	if (row_bytes == view->stride_bytes)
		return output_write(output, view->pixels, row_bytes * view->height);
	for (uint32_t y = 0; y < view->height && r == 0; y++)
		r = output_write(output, row_at(view, y), row_bytes);
	return r;
}

static void png_output(png_structp png, png_bytep data, png_size_t size)
{
	if (output_write(png_get_io_ptr(png), data, size) < 0)
		png_error(png, "output");
}

static void png_output_flush(png_structp png)
{
	(void)png; /* the caller flushes when the picture is whole */
}

static void png_silent(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void png_failed(png_structp png, png_const_charp text)
{
	(void)text;
	png_longjmp(png, 1);
}

/* Everything between here and its end may come back by longjmp: nothing in it owns anything. */
static int png_encode(
	png_structp png, png_infop info, const struct mural_view *view, unsigned char *row)
{
	if (setjmp(png_jmpbuf(png)))
		return -EIO;
	png_set_compression_level(png, PNG_LEVEL);
	png_set_IHDR(png, info, view->width, view->height, 8,
		has_alpha(view) ? PNG_COLOR_TYPE_RGB_ALPHA : PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
		PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	for (uint32_t y = 0; y < view->height; y++) {
		(has_alpha(view) ? to_rgba : to_rgb)(row_at(view, y), view->width, row);
		png_write_row(png, row);
	}
	png_write_end(png, NULL);
	return 0;
}

int write_png(struct output *output, const struct mural_view *view)
{
	CLEANUP(free_p) unsigned char *row = malloc((size_t)view->width * 4);
	png_structp png =
		png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, png_failed, png_silent);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int r = -ENOMEM;
	if (row && info) {
		png_set_write_fn(png, output, png_output, png_output_flush);
		r = png_encode(png, info, view, row);
	}
	png_destroy_write_struct(png ? &png : NULL, info ? &info : NULL);
	return output->error < 0 ? output->error : r;
}
