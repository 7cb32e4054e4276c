/* Upside down, because a landscape's sky and ground differ at every place one may look at. */
#include "mirror.h"
#include "plain_decode.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>
#include <png.h>

static bool write_png(FILE *file, const uint8_t *pixels, const struct plain_size *size)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info || setjmp(png_jmpbuf(png))) {
		png_destroy_write_struct(&png, &info);
		return false;
	}
	png_init_io(png, file);
	png_set_compression_level(png, 3); /* a quick one; inflating costs about the same */
	png_set_IHDR(png, info, size->width, size->height, 8, PNG_COLOR_TYPE_RGB,
		PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_write_info(png, info);
	png_set_bgr(png);
	png_set_filler(png, 0, PNG_FILLER_AFTER);
	for (uint32_t y = size->height; y-- > 0;)
		png_write_row(png, pixels + (size_t)4 * size->width * y);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	return true;
}

/* libjpeg's own handler ends the program on an error: there is no more space, for one. */
static bool write_jpeg(
	FILE *file, const uint8_t *pixels, const struct plain_size *size, bool progressive)
{
	struct jpeg_error_mgr errors;
	struct jpeg_compress_struct info = {.err = jpeg_std_error(&errors)};
	jpeg_create_compress(&info);
	jpeg_stdio_dest(&info, file);
	info.image_width = size->width;
	info.image_height = size->height;
	info.input_components = 4;
	info.in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(&info);
	jpeg_set_quality(&info, 88, TRUE);
	if (progressive)
		jpeg_simple_progression(&info);
	jpeg_start_compress(&info, TRUE);
	for (uint32_t y = size->height; y-- > 0;) {
		JSAMPROW row = (JSAMPROW)(uintptr_t)(pixels + (size_t)4 * size->width * y);
		jpeg_write_scanlines(&info, &row, 1);
	}
	jpeg_finish_compress(&info);
	jpeg_destroy_compress(&info);
	return true;
}

static bool write_whole(const char *from, const char *to, bool progressive)
{
	struct plain_size size;
	bool png = strlen(from) > 4 && strcmp(from + strlen(from) - 4, ".png") == 0;
	uint8_t *pixels = plain_size(from, &size) ? malloc(size.bytes) : NULL;
	FILE *file = pixels && plain_decode(from, pixels) ? fopen(to, "wbe") : NULL;
	bool ok = file && (png ? write_png(file, pixels, &size)
			       : write_jpeg(file, pixels, &size, progressive));
	if (file)
		ok = fclose(file) == 0 && ok;
	free(pixels);
	return ok;
}

bool mirror_picture(const char *from, const char *to, bool progressive)
{
	char *part;
	if (access(to, R_OK) == 0)
		return true;
	if (asprintf(&part, "%s.part", to) < 0)
		return false;
	bool ok = write_whole(from, part, progressive) && rename(part, to) == 0;
	free(part);
	return ok;
}
