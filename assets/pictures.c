/* The table of pictures to look at: what is drawn, how large, and as what kind of file. */
#include "pictures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "exif.h"
#include "files.h"
#include "scenes.h"
#include "terrain.h"
#include "write_jpeg.h"
#include "write_png.h"

static void release_terrain(void *state)
{
	terrain_free(state);
}

static const struct {
	const char *name;
	unsigned width, height;
	int grid; /* samples across a pixel where neighbours differ */
	struct vec3 (*shade)(const void *state, double x, double y);
	double (*alpha)(const void *state, double x, double y);
	void *(*prepare)(void); /* NULL: no state */
	void (*release)(void *state);
	struct jpeg_options jpeg; /* quality 0: it is a PNG */
	struct png_options png;
	int orientation; /* JPEG only: how it is stored, 0 for upright without EXIF */
} pictures[] = {
	{"mountains-420.jpg", 2000, 1125, 2, scene_mountains, NULL, scene_mountains_prepare,
		release_terrain, .jpeg = {JPEG_YCC, 88, .h = 2, .v = 2}},
	{"sea-progressive-420.jpg", 2100, 1400, 2, scene_sea, NULL, NULL, NULL,
		.jpeg = {JPEG_YCC, 88, .h = 2, .v = 2, .progressive = 1}},
	{"mandelbrot-444.jpg", 2100, 1400, 2, scene_mandelbrot, NULL, NULL, NULL,
		.jpeg = {JPEG_YCC, 82, .h = 1, .v = 1}},
	{"julia-cmyk.jpg", 1800, 1200, 3, scene_julia, NULL, NULL, NULL,
		.jpeg = {JPEG_CMYK, 88, .h = 1, .v = 1}},
	{"spheres-rgb8.png", 1800, 1200, 3, scene_spheres, NULL, NULL, NULL,
		.png = {PNG_RGB, .depth = 8}},
	{"aurora-422.jpg", 2100, 1400, 2, scene_aurora, NULL, NULL, NULL,
		.jpeg = {JPEG_YCC, 88, .h = 2, .v = 1}},
	{"nebula-progressive-444.jpg", 2100, 1400, 2, scene_nebula, NULL, NULL, NULL,
		.jpeg = {JPEG_YCC, 86, .h = 1, .v = 1, .progressive = 1}},
	{"forest-orientation-6.jpg", 1400, 2100, 2, scene_forest, NULL, NULL, NULL,
		.jpeg = {JPEG_YCC, 88, .h = 2, .v = 2}, .orientation = 6},
	{"dunes-restart-420.jpg", 2000, 1125, 2, scene_dunes, NULL, scene_dunes_prepare,
		release_terrain, .jpeg = {JPEG_YCC, 88, .h = 2, .v = 2, .restart_rows = 1}},
	{"attractor-grey.jpg", 1500, 1500, 1, scene_attractor, NULL, scene_attractor_prepare, free,
		.jpeg = {JPEG_GREY, 88, .h = 1, .v = 1}},
	{"planet-rgba8.png", 1600, 1200, 3, scene_planet, scene_planet_alpha, NULL, NULL,
		.png = {PNG_RGBA, .depth = 8}},
	{"map-palette8.png", 2100, 1400, 2, scene_map, NULL, NULL, NULL,
		.png = {PNG_PALETTE, .depth = 8}},
	{"guilloche-palette4-interlaced.png", 2100, 1400, 3, scene_guilloche, NULL, NULL, NULL,
		.png = {PNG_PALETTE, .depth = 4, .interlaced = 1}},
};

static struct picture render(size_t i)
{
	struct scene scene = {pictures[i].shade, pictures[i].alpha, NULL};
	void *state = pictures[i].prepare ? pictures[i].prepare() : NULL;

	scene.state = state;
	struct picture picture =
		picture_render(pictures[i].width, pictures[i].height, pictures[i].grid, &scene);
	if (pictures[i].release)
		pictures[i].release(state);
	return picture;
}

/* Turns @picture as it is to be stored and says so in EXIF. */
static void write_turned(FILE *file, const struct picture *picture, size_t i)
{
	struct exif_options exif = {.orientation = (unsigned)pictures[i].orientation};
	struct jpeg_options options = pictures[i].jpeg;
	struct picture stored = picture_store_as(picture, pictures[i].orientation);
	uint8_t segment[EXIF_LIMIT];

	options.exif = segment;
	options.exif_size = exif_write(&exif, segment);
	write_jpeg(file, &stored, &options);
	picture_free(&stored);
}

static void write_one(const char *path, size_t i)
{
	struct picture picture = render(i);
	FILE *file = file_create(path, pictures[i].name);

	if (pictures[i].orientation)
		write_turned(file, &picture, i);
	else if (pictures[i].jpeg.quality)
		write_jpeg(file, &picture, &pictures[i].jpeg);
	else
		write_png(file, &picture, &pictures[i].png);
	file_finish(file, pictures[i].name);
	picture_free(&picture);
}

int pictures_write(const char *path, const char *only)
{
	int r = only ? -ENOENT : 0;

	for (size_t i = 0; i < sizeof(pictures) / sizeof(*pictures); i++) {
		if (only && strcmp(only, pictures[i].name) != 0)
			continue;
		write_one(path, i);
		r = 0;
	}
	return r;
}
