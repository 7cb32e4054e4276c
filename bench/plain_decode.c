/* Plain calls of the reference decoders; an error ends the decode, nothing more. */
#include "plain_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <setjmp.h>

struct jpeg_failure {
	struct jpeg_error_mgr base;
	jmp_buf at;
};

static void jpeg_failed(j_common_ptr info)
{
	longjmp(((struct jpeg_failure *)info->err)->at, 1);
}

static bool is_png(FILE *file)
{
	uint8_t signature[8] = {0};
	size_t got = fread(signature, 1, sizeof(signature), file);
	rewind(file);
	return got == sizeof(signature) && png_sig_cmp(signature, 0, sizeof(signature)) == 0;
}

/* Where the rows go: into one picture, or one after the other into the same place. Neither: only
 * the size. */
struct rows {
	uint8_t *pixels, *row;
	void (*use)(void *context);
	void *context;
};

static void read_rows(struct jpeg_decompress_struct *info, const struct rows *rows)
{
	jpeg_start_decompress(info);
	while (info->output_scanline < info->output_height) {
		JSAMPROW row = rows->row;
		if (rows->pixels)
			row = rows->pixels + (size_t)4 * info->output_width * info->output_scanline;
		jpeg_read_scanlines(info, &row, 1);
		if (rows->use)
			rows->use(rows->context);
	}
	jpeg_finish_decompress(info);
}

static bool read_jpeg(FILE *file, unsigned eighths, const struct rows *rows, struct plain_size *ret)
{
	struct jpeg_failure failure;
	struct jpeg_decompress_struct info = {.err = jpeg_std_error(&failure.base)};
	failure.base.error_exit = jpeg_failed;
	if (setjmp(failure.at)) {
		jpeg_destroy_decompress(&info);
		return false;
	}
	jpeg_create_decompress(&info);
	jpeg_stdio_src(&info, file);
	jpeg_read_header(&info, TRUE);
	info.out_color_space = JCS_EXT_BGRA;
	info.scale_num = eighths;
	info.scale_denom = 8;
	jpeg_calc_output_dimensions(&info);
	*ret = (struct plain_size){info.output_width, info.output_height,
		(size_t)4 * info.output_width * info.output_height};
	if (rows->pixels || rows->row)
		read_rows(&info, rows);
	jpeg_destroy_decompress(&info);
	return true;
}

/* Pictures without alpha and interlacing, as large_write makes them. */
static bool read_png(FILE *file, uint8_t *pixels, struct plain_size *ret)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info || setjmp(png_jmpbuf(png))) {
		png_destroy_read_struct(&png, &info, NULL);
		return false;
	}
	png_init_io(png, file);
	png_read_info(png, info);
	uint32_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
	*ret = (struct plain_size){width, height, (size_t)4 * width * height};
	if (pixels) {
		png_set_expand(png);
		png_set_gray_to_rgb(png);
		png_set_strip_alpha(png);
		png_set_bgr(png);
		png_set_filler(png, 0xff, PNG_FILLER_AFTER);
		png_read_update_info(png, info);
		for (uint32_t y = 0; y < height; y++)
			png_read_row(png, pixels + (size_t)4 * width * y, NULL);
		png_read_end(png, NULL);
	}
	png_destroy_read_struct(&png, &info, NULL);
	return true;
}

static bool read_picture(const char *path, uint8_t *pixels, struct plain_size *ret)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	const struct rows whole = {.pixels = pixels};
	bool ok = is_png(file) ? read_png(file, pixels, ret) : read_jpeg(file, 8, &whole, ret);
	fclose(file);
	return ok;
}

bool plain_size(const char *path, struct plain_size *ret)
{
	return read_picture(path, NULL, ret);
}

bool plain_decode(const char *path, uint8_t *pixels)
{
	struct plain_size size;
	return read_picture(path, pixels, &size);
}

bool plain_thumbnail(const char *path, unsigned eighths, uint32_t *ret_width, uint32_t *ret_height)
{
	struct plain_size size;
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	struct rows rows = {0};
	bool ok = read_jpeg(file, eighths, &rows, &size);
	rows.pixels = ok ? malloc(size.bytes) : NULL;
	rewind(file);
	ok = rows.pixels && read_jpeg(file, eighths, &rows, &size);
	fclose(file);
	free(rows.pixels);
	*ret_width = ok ? size.width : 0;
	*ret_height = ok ? size.height : 0;
	return ok;
}

bool plain_rows(const char *path, uint8_t *row, void (*use)(void *context), void *context)
{
	struct plain_size size;
	FILE *file = fopen(path, "rbe");
	if (!file)
		return false;
	const struct rows rows = {.row = row, .use = use, .context = context};
	bool ok = read_jpeg(file, 8, &rows, &size);
	fclose(file);
	return ok;
}
