/* Many small ones from many files: 200 pictures to 256 pixels and 123 to 512, as a gallery wants
 * them, and 200 of one megapixel to 256, where a process for each counts most. Mural (all requests
 * at once) beside vipsthumbnail in two processes and in one, and beside the cheapest decode there
 * is, TurboJPEG at 1/8 by two threads, which cannot do PNG, does not scale to the size, and
 * isolates nothing. With --pictures: of real pictures, such as those of packages of wallpapers.
 *
 * The large files are copies of four pictures, of 4 to 12 megapixels. All are touched before each
 * round so that nothing is known of them. */
#include "harness/bench.h"
#include "plain_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mural/mural.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 5
#define QUICK_ROUNDS 2
#define TIMEOUT_MS 300000

struct kind {
	unsigned megapixels;
	const char *name;
};
static const struct kind large[] = {{12, "jpeg"}, {8, "q95"}, {6, "progressive"}, {4, "png"}};
static const struct kind small[] = {{1, "jpeg"}};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct run {
	struct bench *bench;
	struct mural *mural;
	char **path; /* owned */
	size_t count;
	uint32_t box;
};

struct settings {
	size_t files;
	const char *pictures; /* a folder of real ones; NULL: none */
};

static double since_ms(double start_ns)
{
	return (bench_now_ns() - start_ns) / 1e6;
}

static char **make_files(
	const char *name, const struct kind *kinds, size_t kind_count, size_t count)
{
	char *folder;
	char **path = calloc(count, sizeof(*path));
	bench_must(path != NULL && asprintf(&folder, "%s/%s", bench_folder(), name) >= 0 &&
			   mkdir(folder, 0700) == 0,
		"a folder");
	for (size_t i = 0; i < count; i++) {
		const struct kind *kind = &kinds[i % kind_count];
		char *from = bench_picture(kind->megapixels, kind->name);
		bench_must(asprintf(&path[i], "%s/%zu%s", folder, i, strrchr(from, '.')) >= 0,
			"memory");
		bench_copy(from, path[i]);
		free(from);
	}
	free(folder);
	return path;
}

/* What nftw has found; it passes no pointer of ours on. */
static struct {
	char **path;
	size_t count;
} found;

static int find_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *ending = strrchr(path, '.');
	(void)st, (void)ftw;
	if (type != FTW_F || !ending ||
		(strcmp(ending, ".jpg") != 0 && strcmp(ending, ".png") != 0))
		return 0;
	char **more = reallocarray(found.path, found.count + 1, sizeof(*more));
	bench_must(more != NULL, "memory");
	found.path = more;
	found.path[found.count] = strdup(path);
	bench_must(found.path[found.count++] != NULL, "memory");
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Copies of all JPEGs and PNGs below a folder, which are touched; the originals are not. */
static void copy_pictures(struct run *run, const char *from)
{
	char *folder;
	bench_must(nftw(from, find_one, 16, FTW_PHYS) == 0 && found.count > 0, from);
	qsort(found.path, found.count, sizeof(*found.path), by_name);
	bench_must(asprintf(&folder, "%s/real", bench_folder()) >= 0 && mkdir(folder, 0700) == 0,
		"a folder");
	for (size_t i = 0; i < found.count; i++) {
		char *copy;
		bench_must(asprintf(&copy, "%s/%zu%s", folder, i, strrchr(found.path[i], '.')) >= 0,
			"memory");
		bench_copy(found.path[i], copy);
		free(found.path[i]);
		found.path[i] = copy;
	}
	free(folder);
	run->path = found.path;
	run->count = found.count;
}

static void free_files(char **path, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(path[i]);
	free(path);
}

/* ---- the ways ---- */

/* As large as the box allows; small ones are not made larger. */
static bool fits(const struct mural_view *view, uint32_t box)
{
	uint32_t longer = view->width > view->height ? view->width : view->height;
	return longer == box || (longer < box && !(view->flags & MURAL_BITMAP_SCALED));
}

static double by_mural(void *user)
{
	struct run *run = user;
	struct mural_bitmap **bitmap = calloc(run->count, sizeof(struct mural_bitmap *));
	bench_must(bitmap != NULL && mural_purge(run->mural, TIMEOUT_MS, NULL) == 0, "purge");
	for (size_t i = 0; i < run->count; i++)
		bench_must(utimensat(AT_FDCWD, run->path[i], NULL, 0) == 0, "touching");
	double start = bench_now_ns();
	for (size_t i = 0; i < run->count; i++) {
		const struct mural_request wanted = {.path = run->path[i],
			.box_width = run->box,
			.box_height = run->box,
			.priority = MURAL_PRIORITY_SOON};
		errno = -mural_request(run->mural, &wanted, &bitmap[i]);
		bench_must(bitmap[i] != NULL, run->path[i]);
	}
	for (size_t i = 0; i < run->count; i++)
		bench_must(mural_bitmap_wait(bitmap[i], TIMEOUT_MS) == 0, run->path[i]);
	double ms = since_ms(start);
	for (size_t i = 0; i < run->count; i++) {
		struct mural_view view;
		bool right = mural_bitmap_pin_wait(bitmap[i], TIMEOUT_MS, &view) == 0;
		right = right && fits(&view, run->box);
		bench_check(run->bench, "every picture came, in its size", right);
		if (right)
			mural_bitmap_unpin(bitmap[i]);
		mural_bitmap_unref(bitmap[i]);
	}
	free(bitmap);
	return ms;
}

/* Every @step'th file, from @from on; without encoding: what is compared is decoding and scaling.
 */
static FILE *start_vips(const struct run *run, size_t from, size_t step)
{
	char *command;
	size_t size;
	FILE *text = open_memstream(&command, &size);
	bench_must(text != NULL, "memory");
	fprintf(text, "VIPS_WARNING=0 exec vipsthumbnail --size %ux%u -o '%s/%%s.ppm'", run->box,
		run->box, bench_folder());
	for (size_t i = from; i < run->count; i += step)
		fprintf(text, " '%s'", run->path[i]);
	fclose(text);
	FILE *vips = popen(command, "re");
	bench_must(vips != NULL, "vipsthumbnail");
	free(command);
	return vips;
}

static double by_vips(const struct run *run, size_t processes)
{
	FILE *vips[2];
	double start = bench_now_ns();
	for (size_t i = 0; i < processes; i++)
		vips[i] = start_vips(run, i, processes);
	for (size_t i = 0; i < processes; i++)
		bench_must(pclose(vips[i]) == 0, "vipsthumbnail");
	return since_ms(start);
}

static double by_one_vips(void *user)
{
	return by_vips(user, 1);
}

static double by_two_vips(void *user)
{
	return by_vips(user, 2);
}

struct half {
	const struct run *run;
	size_t from;
};

static void *decode_half(void *user)
{
	const struct half *half = user;
	for (size_t i = half->from; i < half->run->count; i += 2) {
		uint32_t width, height;
		const char *path = half->run->path[i];
		if (strstr(path, ".jpg"))
			bench_must(plain_thumbnail(path, 1, &width, &height), path);
	}
	return NULL;
}

static double by_turbojpeg(void *user)
{
	struct half halves[2] = {{user, 0}, {user, 1}};
	pthread_t second;
	double start = bench_now_ns();
	bench_must(pthread_create(&second, NULL, decode_half, &halves[1]) == 0, "a thread");
	decode_half(&halves[0]);
	pthread_join(second, NULL);
	return since_ms(start);
}

/* The first @count files of @run; @what is a word for them. */
static void measure(struct run *run, const char *what, size_t count, uint32_t box)
{
	char at[64];
	size_t all = run->count;
	const struct bench_side sides[] = {{"vipsthumbnail, two processes", by_two_vips, run},
		{"mural", by_mural, run}, {"vipsthumbnail, one process", by_one_vips, run},
		{"TurboJPEG at 1/8, two threads, without the PNGs", by_turbojpeg, run}};
	run->count = count < all ? count : all;
	run->box = box;
	snprintf(at, sizeof(at), "%zu%s to %u pixels", run->count, what, box);
	bench_compare(run->bench, "many", at, "ms", sides, bench_quick(run->bench) ? 2 : 4,
		bench_rounds(run->bench, ROUNDS, QUICK_ROUNDS));
	run->count = all;
}

static void measure_files(struct run *run)
{
	run->path = make_files("large", large, COUNT(large), run->count);
	measure(run, "", run->count, 256);
	measure(run, "", 123, 512);
	free_files(run->path, run->count);
	run->path = make_files("small", small, COUNT(small), run->count);
	measure(run, " of 1 MP", run->count, 256);
	free_files(run->path, run->count);
}

static void measure_pictures(struct run *run, const char *folder)
{
	copy_pictures(run, folder);
	measure(run, " real ones", run->count, 256);
	measure(run, " real ones", run->count, 512);
	free_files(run->path, run->count);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	char *end;
	struct settings *settings = state->input;
	switch (key) {
	case 'p':
		settings->pictures = text;
		return 0;
	case 'f':
		settings->files = strtoul(text, &end, 10);
		if (*end || settings->files < 4 || settings->files > 10000)
			argp_error(state, "--files: '%s' is not a number from 4 to 10000", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"files", 'f', "N", 0, "How many files (200; with --quick 16)", 0},
		{"pictures", 'p', "FOLDER", 0, "The JPEGs and PNGs below it instead", 0}, {0}};
	const struct argp own = {options, parse, NULL, NULL, NULL, NULL, NULL};
	struct settings settings = {0};
	struct run run = {0};
	run.bench = bench_begin("many", "Thumbnails of many files.", &own, &settings, argc, argv);
	if (system("command -v vipsthumbnail >/dev/null") != 0)
		bench_skip(run.bench, "no vipsthumbnail (scripts/install_packages.sh bench)");
	run.count = settings.files ? settings.files : bench_quick(run.bench) ? 16 : 200;
	bench_folder();
	errno = -mural_open(NULL, &run.mural);
	bench_must(run.mural != NULL, "a producer");
	if (settings.pictures)
		measure_pictures(&run, settings.pictures);
	else
		measure_files(&run);
	/* Times: a ratio of 1 / 1.2 is 1.2 times as many a second. */
	bench_goal(
		run.bench, "many", "mural / vipsthumbnail, two processes", BENCH_AT_MOST, 1 / 1.2);
	mural_close(run.mural);
	return bench_end(run.bench);
}
