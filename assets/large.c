/* A large landscape made row by row, fast enough that a test can wait for it. What costs is done
 * once: the outline of each mountain range for each column, and tiles of noise. A pixel then takes
 * a few look-ups, so that most of the time goes into the encoder. Noise as from a sensor gives a
 * JPEG about the size that a camera's would have. */
#include "large.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "noise.h"
#include "picture.h"
#include "write_jpeg.h"
#include "write_png.h"

enum { RANGES = 7, TILE_BITS = 10, TILE = 1 << TILE_BITS, TILE_MASK = TILE - 1 };
/* Indexed by light in this many steps: 12 bits keep the darkest tones smooth. */
enum { CURVE = 4096 };

struct landscape {
	unsigned width, height;
	float *outline[RANGES]; /* for each column the row where the range begins; nearest last */
	float texture[TILE][TILE];         /* rock and cloud, about [-1, 1], wraps around */
	int8_t grain[TILE][TILE];          /* sensor noise, in steps of 255 */
	uint8_t curve[CURVE + 1];          /* linear light to sRGB */
	struct vec3 sky[2], range[RANGES]; /* top and horizon; each range's own colour */
	uint8_t *row;                      /* for grey */
};

static const struct {
	const char *kind, *suffix;
	struct jpeg_options jpeg;
} kinds[] = {
	{"jpeg", "jpg", {JPEG_YCC, 88, .h = 2, .v = 2, .one_pass = 1}},
	{"q95", "jpg", {JPEG_YCC, 95, .h = 1, .v = 1, .one_pass = 1}},
	{"progressive", "jpg", {JPEG_YCC, 88, .h = 2, .v = 2, .progressive = 1}},
	{"restart", "jpg", {JPEG_YCC, 88, .h = 2, .v = 2, .restart_rows = 1, .one_pass = 1}},
	{"grey", "jpg", {JPEG_GREY, 88, .h = 1, .v = 1, .one_pass = 1}},
	{"png", "png", {0}},
};

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory) {
		perror("make_assets");
		exit(1);
	}
	return memory;
}

/* Value noise over a grid of @cells that wraps at the tile's edge. */
static double wrapped_noise(unsigned x, unsigned y, unsigned cells, uint32_t seed)
{
	double fx = (double)x * cells / TILE, fy = (double)y * cells / TILE;
	int ix = (int)fx, iy = (int)fy, right = (int)((unsigned)(ix + 1) % cells),
	    low = (int)((unsigned)(iy + 1) % cells);
	double u = smoothstep(0, 1, fx - ix), v = smoothstep(0, 1, fy - iy);

	return mix(mix(noise_random(ix, iy, seed), noise_random(right, iy, seed), u),
		       mix(noise_random(ix, low, seed), noise_random(right, low, seed), u), v) *
		       2.0 -
	       1.0;
}

/* Rock: a rough surface, lit from the upper left. */
static void fill_texture(struct landscape *land)
{
	float *height = allocate((size_t)TILE * TILE, sizeof(*height));

	for (unsigned y = 0; y < TILE; y++) {
		for (unsigned x = 0; x < TILE; x++) {
			double sum = 0, weight = 0.5;
			for (unsigned cells = 8; cells <= 1024; cells *= 2) {
				sum += weight * wrapped_noise(x, y, cells, cells);
				weight *= 0.58;
			}
			height[y * TILE + x] = (float)sum;
		}
	}
	for (unsigned y = 0; y < TILE; y++) {
		for (unsigned x = 0; x < TILE; x++) {
			float here = height[y * TILE + x];
			float up_left =
				height[((y - 1) & TILE_MASK) * TILE + ((x - 1) & TILE_MASK)];
			land->texture[y][x] = 0.4f * here + 7.0f * (here - up_left);
		}
	}
	free(height);
}

static void fill_grain_and_curve(struct landscape *land)
{
	for (unsigned y = 0; y < TILE; y++) {
		for (unsigned x = 0; x < TILE; x++) {
			uint32_t h = noise_hash(x, y, 5);
			/* Four dice: near enough to a bell. */
			int dice = (int)((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24)) -
				   510;
			land->grain[y][x] = (int8_t)(dice / 27);
		}
	}
	for (int i = 0; i <= CURVE; i++)
		land->curve[i] = (uint8_t)(picture_encode_srgb((double)i / CURVE) >> 8);
}

static void draw_outlines(struct landscape *land)
{
	struct vec3 far = picture_colour(0xa3b9d6), middle = picture_colour(0x71876f),
		    near = picture_colour(0x37502c);

	for (int i = 0; i < RANGES; i++) {
		double nearness = (double)i / (RANGES - 1),
		       base = mix(0.42, 0.97, nearness * nearness);
		double height = mix(0.22, 0.30, nearness);
		land->outline[i] = allocate(land->width, sizeof(float));
		for (unsigned x = 0; x < land->width; x++) {
			double at = (double)x / land->height * mix(2.4, 1.3, nearness);
			double crest = noise_ridged(at, i * 13.7, 11, 0.52, 40 + (uint32_t)i);
			land->outline[i][x] =
				(float)((base - height * (crest - 0.25)) * land->height);
		}
		land->range[i] = nearness < 0.6 ? mix3(far, middle, nearness / 0.6)
						: mix3(middle, near, (nearness - 0.6) / 0.4);
	}
	land->sky[0] = picture_colour(0x3f74bd);
	land->sky[1] = picture_colour(0xf3dcc0);
}

static struct landscape *landscape_new(unsigned width, unsigned height)
{
	struct landscape *land = allocate(1, sizeof(*land));

	land->width = width;
	land->height = height;
	land->row = allocate(width, 3);
	fill_texture(land);
	fill_grain_and_curve(land);
	draw_outlines(land);
	return land;
}

static void landscape_free(struct landscape *land)
{
	for (int i = 0; i < RANGES; i++)
		free(land->outline[i]);
	free(land->row);
	free(land);
}

struct row_light {
	float r, g, b;   /* the colour at the row, before the texture */
	float contrast;  /* how much the texture shows */
	unsigned dx, dy; /* where the texture begins */
	int shift;       /* the texture is stretched by this power of two */
};

/* What does not change along a row, for the sky (index RANGES) and each range. */
static void light_row(const struct landscape *land, unsigned y, struct row_light *lights)
{
	double depth = (double)y / land->height;

	for (int i = 0; i <= RANGES; i++) {
		struct row_light *light = &lights[i];
		struct vec3 colour;
		if (i == RANGES) {
			colour = mix3(land->sky[0], land->sky[1], smoothstep(0.0, 0.55, depth));
			*light = (struct row_light){.contrast = 0.04f, .shift = 3};
		} else {
			/* Haze gathers at a range's foot, before the next one. */
			double haze =
				smoothstep(0.2, 1.0, depth) * (1.0 - (double)i / (RANGES - 1));
			colour = mix3(land->range[i], land->sky[1], haze * 0.5);
			*light = (struct row_light){.contrast = 0.30f + 0.25f * (float)i,
				.dx = (unsigned)i * 377,
				.dy = (unsigned)i * 211,
				.shift = 0};
		}
		light->r = (float)colour.x * CURVE;
		light->g = (float)colour.y * CURVE;
		light->b = (float)colour.z * CURVE;
	}
}

static inline uint8_t expose(const struct landscape *land, float light, int grain)
{
	int index = (int)light;
	int value = land->curve[index < 0 ? 0 : index > CURVE ? CURVE : index] + grain;

	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void landscape_row(void *state, unsigned y, uint8_t *rgb)
{
	struct landscape *land = state;
	struct row_light lights[RANGES + 1];
	/* Each row takes its grain from elsewhere in the tile, so that the tile does not repeat
	 * visibly. */
	unsigned grain_x = noise_hash(y, 0, 9), grain_y = noise_hash(y, 1, 9) & TILE_MASK;

	light_row(land, y, lights);
	for (unsigned x = 0; x < land->width; x++, rgb += 3) {
		int which = RANGES - 1;
		while (which >= 0 && (float)y < land->outline[which][x])
			which--;
		const struct row_light *light = &lights[which < 0 ? RANGES : which];
		unsigned tx = (x >> light->shift) + light->dx, ty = (y >> light->shift) + light->dy;
		float texture = land->texture[ty & TILE_MASK][tx & TILE_MASK] +
				0.5f * land->texture[(ty >> 3) & TILE_MASK][(tx >> 3) & TILE_MASK];
		float bright = 1.0f + light->contrast * texture;
		const int8_t *grain = &land->grain[grain_y][0];
		/* A sensor's noise is mostly in the brightness. */
		int luma = grain[(x + grain_x) & TILE_MASK],
		    chroma = grain[(x + grain_x + 331) & TILE_MASK] / 2;
		rgb[0] = expose(land, light->r * bright, luma + chroma);
		rgb[1] = expose(land, light->g * bright, luma);
		rgb[2] = expose(land, light->b * bright, luma - chroma);
	}
}

static void grey_row(void *state, unsigned y, uint8_t *samples)
{
	struct landscape *land = state;

	landscape_row(land, y, land->row);
	for (unsigned x = 0; x < land->width; x++)
		samples[x] = land->row[x * 3 + 1];
}

/* 3:2, the width a multiple of 16 as cameras have it: 24 gives 6000 x 4000. */
static void choose_size(unsigned megapixels, unsigned *ret_width, unsigned *ret_height)
{
	double height = sqrt(megapixels * 1e6 / 1.5);

	*ret_height = (unsigned)(height / 16 + 0.5) * 16;
	*ret_width = *ret_height / 2 * 3;
}

int large_write(const char *path, unsigned megapixels, const char *kind, char *ret_name)
{
	unsigned width, height;

	if (megapixels < 1 || megapixels > 1000)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strcmp(kinds[i].kind, kind) != 0)
			continue;
		choose_size(megapixels, &width, &height);
		struct landscape *land = landscape_new(width, height);
		(void)snprintf(ret_name, 64, "large-%ump-%s.%s", megapixels, kind, kinds[i].suffix);
		FILE *file = file_create(path, ret_name);
		if (strcmp(kinds[i].suffix, "png") == 0)
			write_png_rows(file, width, height, 1, landscape_row, land);
		else
			write_jpeg_rows(file, width, height, &kinds[i].jpeg,
				kinds[i].jpeg.space == JPEG_GREY ? grey_row : landscape_row, land);
		file_finish(file, ret_name);
		landscape_free(land);
		return 0;
	}
	return -EINVAL;
}
