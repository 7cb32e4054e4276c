#include "viewer/png_file.h"

#include "common/util.h"

#include <png.h>
#include <stdio.h>
#include <sys/stat.h>

/* libpng's own ones write to standard error, where the program has its say later. */
_Noreturn static void give_up(png_structp png, png_const_charp message)
{
	(void)message;
	png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

/* libpng leaves by longjmp: nothing in here may own anything but what the caller frees. */
static int write_rows(
	FILE *file, const struct image *image, png_structp png, png_infop info, uint8_t *row)
{
	if (setjmp(png_jmpbuf(png)))
		return ferror(file) && errno > 0 ? -errno : -EIO;
	png_init_io(png, file);
	png_set_IHDR(png, info, image->width, image->height, 8, PNG_COLOR_TYPE_RGB,
		PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 3); /* snapshots are looked at once */
	png_write_info(png, info);
	for (uint32_t y = 0; y < image->height; y++) {
		const uint32_t *from = image->pixels + (size_t)y * image->width;
		for (uint32_t x = 0; x < image->width; x++) {
			row[x * 3] = (uint8_t)(from[x] >> 16);
			row[x * 3 + 1] = (uint8_t)(from[x] >> 8);
			row[x * 3 + 2] = (uint8_t)from[x];
		}
		png_write_row(png, row);
	}
	png_write_end(png, info);
	return 0;
}

static int write_png(FILE *file, const struct image *image)
{
	CLEANUP(free_p) uint8_t *row = malloc((size_t)image->width * 3);
	if (!row)
		return -ENOMEM;
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, give_up, ignore);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	int r = info ? write_rows(file, image, png, info, row) : -ENOMEM;
	png_destroy_write_struct(&png, &info);
	return r;
}

/* Half a picture must not stay; a device or a pipe must. */
static void remove_regular(const char *path)
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(path);
}

int png_file_write(const char *path, const struct image *image)
{
	FILE *file = fopen(path, "wbe");
	if (!file)
		return -errno;
	int r = write_png(file, image);
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		remove_regular(path);
	return r;
}
