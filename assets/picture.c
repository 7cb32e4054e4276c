/* Pictures in memory, and the renderer that fills them from a scene. */
#include "picture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "noise.h"

enum { MAX_THREADS = 32 };

/* Differences below this (of 65535) are not worth more samples: about 5 steps of 255. */
enum { REFINE_ABOVE = 1300 };

struct render_job {
	struct picture *picture;
	const struct scene *scene;
	const uint8_t *refine; /* one byte a pixel, or NULL for the first pass */
	int grid;
	atomic_uint next_row; /* only counts, orders nothing: rows are independent, and joining
				 publishes them */
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

struct picture picture_new(unsigned width, unsigned height)
{
	struct picture picture = {
		width, height, allocate((size_t)width * height, 4 * sizeof(uint16_t))};

	for (size_t i = 0; i < (size_t)width * height; i++)
		picture.rgba[i * 4 + 3] = UINT16_MAX;
	return picture;
}

void picture_free(struct picture *picture)
{
	free(picture->rgba);
	picture->rgba = NULL;
}

uint16_t *picture_at(const struct picture *picture, unsigned x, unsigned y)
{
	return picture->rgba + ((size_t)y * picture->width + x) * 4;
}

uint16_t picture_encode_srgb(double light)
{
	double v = clamp(light, 0.0, 1.0);
	double encoded = v <= 0.0031308 ? 12.92 * v : 1.055 * power(v, 1.0 / 2.4) - 0.055;

	return (uint16_t)(encoded * UINT16_MAX + 0.5);
}

static double linear[256];
static pthread_once_t linear_once = PTHREAD_ONCE_INIT;

static void fill_linear(void)
{
	for (int i = 0; i < 256; i++) {
		double v = i / 255.0;
		linear[i] = v <= 0.04045 ? v / 12.92 : power((v + 0.055) / 1.055, 2.4);
	}
}

struct vec3 picture_colour(uint32_t rgb)
{
	pthread_once(&linear_once, fill_linear);
	return vec(linear[(rgb >> 16) & 255], linear[(rgb >> 8) & 255], linear[rgb & 255]);
}

static double shoulder(double v)
{
	return v < 0.7 ? v : 0.7 + 0.3 * (1.0 - exponential(-(v - 0.7) / 0.3));
}

struct vec3 picture_tone(struct vec3 light)
{
	return vec(shoulder(light.x), shoulder(light.y), shoulder(light.z));
}

unsigned picture_quantise(uint16_t sample, unsigned maximum, unsigned x, unsigned y)
{
	if (maximum == UINT16_MAX)
		return sample;
	uint32_t h = noise_hash(x, y, 77);
	/* The sum of two dice: triangular noise of half a step either way leaves no pattern of its
	 * own. */
	int64_t noise = (int64_t)(h & 0xffff) + (h >> 16) - 65535;
	int64_t scaled = (int64_t)sample * maximum * 2 + noise + 65535;
	int64_t level = scaled / (2 * 65535);

	/* Black and white stay clean. */
	if (sample == 0 || sample == UINT16_MAX || level < 0)
		return sample == UINT16_MAX ? maximum : 0;
	return level > maximum ? maximum : (unsigned)level;
}

static void shade_pixel(const struct render_job *job, unsigned x, unsigned y, int grid)
{
	const struct scene *scene = job->scene;
	double step = 1.0 / job->picture->height, opaque = 0;
	struct vec3 sum = vec(0, 0, 0);

	for (int j = 0; j < grid; j++) {
		for (int i = 0; i < grid; i++) {
			double sx = (x + (i + 0.5) / grid) * step,
			       sy = (y + (j + 0.5) / grid) * step;
			double alpha = scene->alpha ? scene->alpha(scene->state, sx, sy) : 1;
			if (alpha <= 0)
				continue;
			struct vec3 light = scene->shade(scene->state, sx, sy);
			/* Clamped before the mean: one blinding sample must not make an edge rough.
			 */
			light = vec(
				clamp(light.x, 0, 1), clamp(light.y, 0, 1), clamp(light.z, 0, 1));
			sum = add(sum, scale(light, alpha));
			opaque += alpha;
		}
	}
	if (opaque > 0)
		sum = scale(sum, 1.0 / opaque);
	uint16_t *pixel = picture_at(job->picture, x, y);
	pixel[0] = picture_encode_srgb(sum.x);
	pixel[1] = picture_encode_srgb(sum.y);
	pixel[2] = picture_encode_srgb(sum.z);
	pixel[3] = (uint16_t)(opaque / (grid * grid) * UINT16_MAX + 0.5);
}

static void *render_rows(void *argument)
{
	struct render_job *job = argument;
	unsigned width = job->picture->width, y;

	while ((y = atomic_fetch_add_explicit(&job->next_row, 1, memory_order_relaxed)) <
		job->picture->height) {
		for (unsigned x = 0; x < width; x++) {
			if (!job->refine)
				shade_pixel(job, x, y, 1);
			else if (job->refine[(size_t)y * width + x])
				shade_pixel(job, x, y, job->grid);
		}
	}
	return NULL;
}

static void run_job(struct render_job *job)
{
	pthread_t threads[MAX_THREADS];
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	int started = 0;

	if (count > MAX_THREADS)
		count = MAX_THREADS;
	atomic_store_explicit(&job->next_row, 0, memory_order_relaxed);
	while (started < count - 1 &&
		pthread_create(&threads[started], NULL, render_rows, job) == 0)
		started++;
	render_rows(job);
	while (started > 0)
		pthread_join(threads[--started], NULL);
}

static int differs(const uint16_t *a, const uint16_t *b)
{
	if (abs(a[3] - b[3]) > REFINE_ABOVE)
		return 1;
	return abs(a[0] - b[0]) > REFINE_ABOVE || abs(a[1] - b[1]) > REFINE_ABOVE ||
	       abs(a[2] - b[2]) > REFINE_ABOVE;
}

static void mark_rough(const struct picture *picture, uint8_t *refine)
{
	unsigned width = picture->width;

	for (unsigned y = 0; y < picture->height; y++) {
		for (unsigned x = 0; x < width; x++) {
			const uint16_t *here = picture_at(picture, x, y);
			uint8_t *mark = refine + (size_t)y * width + x;
			if (x + 1 < width && differs(here, here + 4))
				mark[0] = mark[1] = 1;
			if (y + 1 < picture->height && differs(here, here + (size_t)width * 4))
				mark[0] = mark[width] = 1;
		}
	}
}

struct picture picture_render(unsigned width, unsigned height, int grid, const struct scene *scene)
{
	struct picture picture = picture_new(width, height);
	uint8_t *refine = allocate((size_t)width * height, 1);
	struct render_job job = {.picture = &picture, .scene = scene, .grid = grid};

	run_job(&job);
	mark_rough(&picture, refine);
	job.refine = refine;
	run_job(&job);
	free(refine);
	return picture;
}

struct picture picture_store_as(const struct picture *upright, int orientation)
{
	unsigned w = upright->width, h = upright->height;
	struct picture stored = orientation >= 5 ? picture_new(h, w) : picture_new(w, h);

	for (unsigned y = 0; y < stored.height; y++) {
		for (unsigned x = 0; x < stored.width; x++) {
			/* Where the stored pixel is shown: EXIF names the sides on which row 0 and
			 * column 0 lie. */
			unsigned a = orientation >= 5 ? y : x, b = orientation >= 5 ? x : y;
			int from_right = orientation == 2 || orientation == 3 || orientation == 6 ||
					 orientation == 7;
			int from_foot = orientation == 3 || orientation == 4 || orientation == 7 ||
					orientation == 8;
			memcpy(picture_at(&stored, x, y),
				picture_at(upright, from_right ? w - 1 - a : a,
					from_foot ? h - 1 - b : b),
				4 * sizeof(uint16_t));
		}
	}
	return stored;
}
