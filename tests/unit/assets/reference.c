/* What the assets' tests compare with. */
#include "reference.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <jpeglib.h>
#include <png.h>

extern char **environ;

struct jpeg_trap {
	struct jpeg_error_mgr manager;
	jmp_buf back;
};

static void jump_back(j_common_ptr jpeg)
{
	struct jpeg_trap *trap = (struct jpeg_trap *)jpeg->err;

	longjmp(trap->back, 1);
}

static int read_jpeg(FILE *file, struct stored *ret)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_trap trap;

	jpeg.err = jpeg_std_error(&trap.manager);
	trap.manager.error_exit = jump_back;
	jpeg_create_decompress(&jpeg);
	if (setjmp(trap.back)) {
		jpeg_destroy_decompress(&jpeg);
		free(ret->pixels);
		return 0;
	}
	jpeg_stdio_src(&jpeg, file);
	jpeg_read_header(&jpeg, TRUE);
	jpeg_start_decompress(&jpeg);
	ret->width = jpeg.output_width;
	ret->height = jpeg.output_height;
	ret->stride = (size_t)jpeg.output_width * (size_t)jpeg.output_components;
	ret->pixels = malloc(ret->stride * ret->height);
	while (ret->pixels && jpeg.output_scanline < jpeg.output_height) {
		JSAMPROW rows[1] = {ret->pixels + jpeg.output_scanline * ret->stride};
		jpeg_read_scanlines(&jpeg, rows, 1);
	}
	jpeg_finish_decompress(&jpeg);
	jpeg_destroy_decompress(&jpeg);
	return ret->pixels && trap.manager.num_warnings == 0;
}

static int read_png(FILE *file, struct stored *ret)
{
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);

	if (setjmp(png_jmpbuf(png))) {
		png_destroy_read_struct(&png, &info, NULL);
		return 0;
	}
	png_init_io(png, file);
	png_read_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
	ret->width = png_get_image_width(png, info);
	ret->height = png_get_image_height(png, info);
	ret->stride = png_get_rowbytes(png, info);
	ret->pixels = malloc(ret->stride * ret->height);
	for (unsigned y = 0; ret->pixels && y < ret->height; y++)
		memcpy(ret->pixels + y * ret->stride, png_get_rows(png, info)[y], ret->stride);
	png_destroy_read_struct(&png, &info, NULL);
	return ret->pixels != NULL;
}

int stored_read(const char *path, struct stored *ret)
{
	FILE *file = fopen(path, "rb");
	struct stored stored = {0};

	if (!file)
		return 0;
	int ok = ends_with(path, ".png") ? read_png(file, &stored) : read_jpeg(file, &stored);
	(void)fclose(file);
	if (ok)
		*ret = stored;
	return ok;
}

int ends_with(const char *name, const char *end)
{
	size_t a = strlen(name), b = strlen(end);

	return a >= b && strcmp(name + a - b, end) == 0;
}

int run_make_assets(const char *const *options)
{
	const char *arguments[16] = {MAKE_ASSETS};
	posix_spawn_file_actions_t quiet;
	pid_t pid;
	int status = -1;

	for (int i = 0; options[i] && i < 14; i++)
		arguments[i + 1] = options[i];
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	int r = posix_spawn(
		&pid, MAKE_ASSETS, &quiet, NULL, (char *const *)(uintptr_t)arguments, environ);
	posix_spawn_file_actions_destroy(&quiet);
	if (r != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int make_folder(char path[64])
{
	const char *base = getenv("TMPDIR");

	(void)snprintf(
		path, 64, "%s/mural-assets-XXXXXX", base && strlen(base) < 40 ? base : "/tmp");
	return mkdtemp(path) != NULL;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)kind;
	(void)where;
	return remove(path);
}

void remove_folder(const char *path)
{
	(void)nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
