/* The real viewer with the real producer, by what it writes: every snapshot is compared with what
 * the window must show, computed here from the reference decoder. */
#include "support/process.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BACKGROUND 0x141416u
#define ARGS_MAX 32

static char *folder, *viewer_program, *mural_program;

static void setup(void)
{
	folder = test_folder_create();
	viewer_program = strdup(test_program("mural-viewer"));
	mural_program = strdup(test_program("mural"));
}

/* A number of `mural stat --json`; 0 when no producer runs. */
static unsigned long long stat_number(const char *name)
{
	char key[64];
	struct test_process process;
	const char *argv[] = {mural_program, "stat", "--json", NULL};
	int status = test_process_run(&process, -1, argv);
	char *out = test_process_out(&process, NULL);
	test_process_fini(&process);
	if (status != 0) {
		free(out);
		return 0;
	}
	snprintf(key, sizeof(key), "\"%s\":", name);
	const char *found = strstr(out, key);
	cr_assert_not_null(found, "%s in %s", name, out);
	unsigned long long number = strtoull(found + strlen(key), NULL, 10);
	free(out);
	return number;
}

static bool has_decoded(void *context)
{
	(void)context;
	return stat_number("decodes") > 0;
}

static bool has_ended(void *context)
{
	return kill(*(pid_t *)context, 0) < 0;
}

/* The library listens before it starts a producer, so that the socket names this viewer as its
 * owner, not the producer: only its statistics tell who it is. */
static void end_producer(int signal)
{
	pid_t pid = (pid_t)stat_number("pid");
	if (pid <= 0)
		return;
	kill(pid, signal);
	cr_expect(test_until(has_ended, &pid, TEST_TIMEOUT_MS));
}

static void teardown(void)
{
	end_producer(SIGTERM);
	test_folder_remove(folder);
	free(viewer_program);
	free(mural_program);
}

TestSuite(viewer, .init = setup, .fini = teardown, .timeout = 300);

/* ---- running it ---- */

struct run {
	int status;
	char *err;
};

static char *snapshot_path(const char *name)
{
	return test_path(folder, name);
}

/* mural-viewer --headless --only ARGS…; @args end with NULL. */
static struct run view(const char *const args[])
{
	const char *argv[ARGS_MAX] = {viewer_program, "--headless", "--only"};
	size_t count = 3;
	for (size_t i = 0; args[i]; i++)
		argv[count++] = args[i];
	struct test_process process;
	struct run run;
	run.status = test_process_run(&process, -1, argv);
	run.err = test_process_err(&process, NULL);
	test_process_fini(&process);
	return run;
}

/* Plays keys on files and gives the snapshot. */
static struct reference_picture play(const char *size, const char *keys, const char *const files[])
{
	struct reference_picture picture = {0};
	char *path = snapshot_path("out.png");
	const char *args[ARGS_MAX] = {"--size", size, "--keys", keys, "--snapshot", path};
	for (size_t i = 0; files[i]; i++)
		args[6 + i] = files[i];
	struct run run = view(args);
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_assert(reference_read(path, 8, &picture), "no snapshot: %s", run.err);
	free(run.err);
	free(path);
	return picture;
}

static struct reference_picture play_one(const char *size, const char *keys, const char *file)
{
	return play(size, keys, (const char *const[]){file, NULL});
}

static char *asset(const char *name)
{
	char relative[256];
	snprintf(relative, sizeof(relative), "assets/%s", name);
	return strdup(test_source_path(relative));
}

static struct reference_picture upright(const char *file)
{
	struct reference_picture stored, turned;
	cr_assert(reference_read(file, 8, &stored));
	cr_assert(reference_upright(&stored, &turned));
	reference_free(&stored);
	return turned;
}

/* ---- what must be seen ---- */

static uint32_t rgb(const struct reference_picture *picture, uint32_t x, uint32_t y)
{
	const uint8_t *p = picture->rgba + ((size_t)y * picture->width + x) * 4;
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* The window point that shows (@x, @y) of the picture's, after "mirror, then turn clockwise". */
struct pose {
	const char *keys;
	bool mirror;
	unsigned turn;
};

static uint32_t posed_rgb(
	const struct reference_picture *picture, const struct pose *pose, uint32_t x, uint32_t y)
{
	uint32_t w = picture->width, h = picture->height, u = x, v = y;
	if (pose->turn == 1) {
		u = y;
		v = h - 1 - x;
	} else if (pose->turn == 2) {
		u = w - 1 - x;
		v = h - 1 - y;
	} else if (pose->turn == 3) {
		u = w - 1 - y;
		v = x;
	}
	return rgb(picture, pose->mirror ? w - 1 - u : u, v);
}

/* The whole picture, pixel for pixel, in the middle of the background. */
static void expect_centred(const struct reference_picture *seen,
	const struct reference_picture *picture, const struct pose *pose)
{
	uint32_t w = pose->turn % 2 ? picture->height : picture->width;
	uint32_t h = pose->turn % 2 ? picture->width : picture->height;
	uint32_t left = (seen->width - w) / 2, top = (seen->height - h) / 2;
	for (uint32_t y = 0; y < seen->height; y++)
		for (uint32_t x = 0; x < seen->width; x++) {
			bool inside = x >= left && x < left + w && y >= top && y < top + h;
			uint32_t expected =
				inside ? posed_rgb(picture, pose, x - left, y - top) : BACKGROUND;
			cr_assert_eq(rgb(seen, x, y), expected,
				"%s: at %u, %u: %06x instead of %06x", pose->keys, x, y,
				rgb(seen, x, y), expected);
		}
}

static bool same(const struct reference_picture *a, const struct reference_picture *b)
{
	return a->width == b->width && a->height == b->height &&
	       memcmp(a->rgba, b->rgba, (size_t)a->width * a->height * 4) == 0;
}

static void expect_same(struct reference_picture a, struct reference_picture b)
{
	cr_expect(same(&a, &b));
	reference_free(&a);
	reference_free(&b);
}

/* ---- fit, turn, flip ---- */

Test(viewer, turns_and_flips_show_every_pixel_where_it_belongs)
{
	static const struct pose poses[] = {
		{"", false, 0},
		{">", false, 1},
		{">,>", false, 2},
		{"<", false, 3},
		{"|", true, 0},
		{"_", true, 2},
		{">,|", true, 3},
		{"|,>", true, 1},
		{">,_", true, 1},
		{">,<", false, 0},
	};
	char *file = asset("formats/jpeg-420.jpg");
	struct reference_picture picture = upright(file);
	for (size_t i = 0; i < ARRAY_SIZE(poses); i++) {
		struct reference_picture seen = play_one("400x400", poses[i].keys, file);
		expect_centred(&seen, &picture, &poses[i]);
		reference_free(&seen);
	}
	reference_free(&picture);
	free(file);
}

Test(viewer, pictures_stand_upright)
{
	for (int orientation = 1; orientation <= 8; orientation++) {
		char name[64];
		snprintf(name, sizeof(name), "formats/orientation-%d.jpg", orientation);
		char *file = asset(name);
		struct reference_picture picture = upright(file),
					 seen = play_one("400x400", "", file);
		expect_centred(&seen, &picture, &(struct pose){name, false, 0});
		reference_free(&picture);
		reference_free(&seen);
		free(file);
	}
}

/* The decoder averages in its own way (by DCT, then by area): near the plain area average is what
 * can be asked. */
Test(viewer, a_large_picture_is_scaled_to_the_window)
{
	char *file = asset("pictures/spheres-rgb8.png");
	struct reference_picture picture = upright(file), seen = play_one("500x400", "", file);
	double worst = 0;
	uint32_t width = 500, height = 333, top = (400 - height) / 2;
	for (uint32_t y = 0; y < height; y += 3)
		for (uint32_t x = 0; x < width; x += 3)
			for (unsigned c = 0; c < 3; c++) {
				double expected =
					reference_area_mean(&picture, width, height, x, y, c);
				double found =
					seen.rgba[((size_t)(top + y) * seen.width + x) * 4 + c];
				worst = fmax(worst, fabs(found - expected));
			}
	cr_expect_leq(worst, 3);
	cr_expect_eq(rgb(&seen, 250, top - 1), BACKGROUND);
	cr_expect_eq(rgb(&seen, 250, top + height), BACKGROUND);
	reference_free(&picture);
	reference_free(&seen);
	free(file);
}

/* ---- zoom ---- */

static void expect_part(const struct reference_picture *seen,
	const struct reference_picture *picture, uint32_t left, uint32_t top)
{
	for (uint32_t y = 0; y < seen->height; y++)
		for (uint32_t x = 0; x < seen->width; x++)
			cr_assert_eq(rgb(seen, x, y), rgb(picture, left + x, top + y), "at %u, %u",
				x, y);
}

Test(viewer, hundred_percent_is_the_full_size)
{
	char *file = asset("pictures/mountains-420.jpg"); /* 2000 x 1125 */
	struct reference_picture picture = upright(file), seen = play_one("640x480", "1", file);
	expect_part(&seen, &picture, (2000 - 640) / 2, (1125 - 480 + 1) / 2);
	reference_free(&seen);
	seen = play_one("640x480", "1,Left,Left,Up", file);
	expect_part(&seen, &picture, (2000 - 640) / 2 - 160, (1125 - 480 + 1) / 2 - 60);
	reference_free(&seen);
	seen = play_one("640x480", "1,l,l,l,l,l,l,l,l,l,l,l,l,j,j,j,j,j,j,j,j,j", file);
	expect_part(&seen, &picture, 2000 - 640, 1125 - 480);
	reference_free(&seen);
	reference_free(&picture);
	free(file);
}

Test(viewer, fit_undoes_zoom)
{
	char *file = asset("pictures/mountains-420.jpg");
	expect_same(play_one("640x480", "+,+,Left,w", file), play_one("640x480", "", file));
	free(file);
}

Test(viewer, magnified_pixels_are_seen_as_such)
{
	char *file = asset("formats/png-7x5-rgb8-interlaced.png");
	/* 1.25 to the 9th is 7.45; the picture stays in the middle. */
	struct reference_picture picture = upright(file),
				 seen = play_one("100x80", "+,+,+,+,+,+,+,+,+", file);
	uint32_t width = 52, height = 37, left = (100 - width) / 2, top = (80 - height) / 2;
	for (uint32_t y = 0; y < height; y++)
		for (uint32_t x = 0; x < width; x++) {
			uint32_t u = (uint32_t)((x + 0.5) * 7 / width),
				 v = (uint32_t)((y + 0.5) * 5 / height);
			cr_assert_eq(rgb(&seen, left + x, top + y), rgb(&picture, u, v),
				"at %u, %u", x, y);
		}
	reference_free(&picture);
	reference_free(&seen);
	free(file);
}

/* ---- transparency ---- */

Test(viewer, transparency_lies_on_a_checkerboard)
{
	char *file = asset("formats/png-rgba8.png");
	struct reference_picture picture = upright(file), seen = play_one("200x200", "", file);
	uint32_t left = (200 - picture.width) / 2, top = (200 - picture.height) / 2;
	for (uint32_t y = 0; y < picture.height; y++)
		for (uint32_t x = 0; x < picture.width; x++) {
			const uint8_t *p = picture.rgba + ((size_t)y * picture.width + x) * 4;
			int check = ((left + x) / 12 + (top + y) / 12) % 2 ? 0x5a : 0x48;
			for (int c = 0; c < 3; c++) {
				double expected = (p[c] * p[3] + check * (255 - p[3])) / 255.0;
				int found = seen.rgba[((size_t)(top + y) * 200 + left + x) * 4 +
						      (uint32_t)c];
				cr_assert(fabs(found - expected) <= 2, "at %u, %u: %d, not %f", x,
					y, found, expected);
			}
		}
	reference_free(&picture);
	reference_free(&seen);
	free(file);
}

/* ---- several pictures ---- */

Test(viewer, leafs_in_natural_order)
{
	char *second = asset("formats/jpeg-444.jpg"), *first = asset("formats/jpeg-420.jpg");
	const char *files[] = {second, first, NULL};
	expect_same(play("400x300", "", files), play_one("400x300", "", first));
	expect_same(play("400x300", "next", files), play_one("400x300", "", second));
	expect_same(
		play("400x300", "next,next,next,previous", files), play_one("400x300", "", first));
	expect_same(
		play("400x300", "!next,!previous,!next", files), play_one("400x300", "", second));
	free(first);
	free(second);
}

Test(viewer, every_asset_can_be_shown)
{
	char *formats = asset("formats"), *path = snapshot_path("out.png"), keys[1024] = "";
	for (int i = 0; i < 150; i++)
		strcat(keys, "n,");
	struct run run = view((const char *const[]){
		"--size", "320x200", "--keys", keys, "--snapshot", path, formats, NULL});
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_str_eq(run.err, "");
	free(run.err);
	free(path);
	free(formats);
}

/* ---- purge ---- */

Test(viewer, a_purge_changes_nothing_that_is_seen)
{
	char *file = asset("pictures/mountains-420.jpg"),
	     *other = asset("pictures/dunes-restart-420.jpg");
	const char *files[] = {other, file, NULL};
	struct reference_picture before = play("640x480", "next", files);
	cr_assert_eq(stat_number("redecodes"), 0);
	expect_same(before, play("640x480", "next,purge", files));
	cr_expect_geq(stat_number("purges"), 1);
	cr_expect_geq(stat_number("redecodes"), 1);
	expect_same(play("640x480", "next,purge,previous", files), play("640x480", "", files));
	expect_same(play("640x480", "1,purge", files), play("640x480", "1", files));
	free(file);
	free(other);
}

/* Twenty looks in a row find nothing pinned: it may be drawing at the first. */
static bool leaves_nothing_pinned(void *context)
{
	(void)context;
	for (int i = 0; i < 20; i++)
		if (stat_number("pinned_bitmaps") != 0)
			return false;
	return true;
}

Test(viewer, nothing_stays_pinned)
{
	char *file = asset("pictures/mountains-420.jpg");
	char *path = snapshot_path("out.png");
	const char *argv[] = {
		viewer_program, "--headless", "--keys", "wait,wait:20000", file, NULL};
	struct test_process process;
	test_process_start(&process, -1, argv);
	cr_assert(test_until(has_decoded, NULL, TEST_TIMEOUT_MS));
	cr_expect(test_until(leaves_nothing_pinned, NULL, TEST_TIMEOUT_MS),
		"it draws, and then it does not");
	test_process_fini(&process);
	free(path);
	free(file);
}

/* ---- what goes wrong ---- */

static char *make_file(const char *name, const void *data, size_t size)
{
	char *path = test_path(folder, name);
	test_write_file(path, data, size);
	return path;
}

static size_t count_other_than(const struct reference_picture *seen, uint32_t colour)
{
	size_t count = 0;
	for (uint32_t y = 0; y < seen->height; y++)
		for (uint32_t x = 0; x < seen->width; x++)
			count += rgb(seen, x, y) != colour;
	return count;
}

Test(viewer, a_bad_file_says_why_in_the_window_and_on_standard_error)
{
	char *bad = make_file("a-bad.jpg", "this is no picture", 18),
	     *path = snapshot_path("out.png");
	struct reference_picture seen;
	struct run run =
		view((const char *const[]){"--size", "500x300", "--snapshot", path, bad, NULL});
	cr_expect_eq(run.status, 1);
	cr_expect(strncmp(run.err, "mural-viewer: ", 14) == 0, "%s", run.err);
	cr_expect_not_null(strstr(run.err, "a-bad.jpg: "), "%s", run.err);
	cr_assert(reference_read(path, 8, &seen));
	cr_expect_gt(count_other_than(&seen, BACKGROUND), 200, "text");
	reference_free(&seen);
	free(run.err);
	free(path);
	free(bad);
}

/* Half of a JPEG: its upper rows are there, and each is that of the whole. */
Test(viewer, a_file_that_ends_early_is_shown_as_far_as_it_goes)
{
	size_t size;
	char *whole = asset("pictures/mountains-420.jpg"), *data = test_read_file(whole, &size),
	     *cut = make_file("cut.jpg", data, size / 2);
	struct reference_picture picture = upright(whole), seen = play_one("2000x1125", "", cut);
	for (uint32_t y = 0; y < 300; y++)
		for (uint32_t x = 0; x < 2000; x++)
			cr_assert_eq(rgb(&seen, x, y), rgb(&picture, x, y), "at %u, %u", x, y);
	cr_expect_eq(rgb(&seen, 1000, 1120), rgb(&seen, 500, 1120), "nothing is below");
	reference_free(&seen);
	seen = play_one("400x300", "Enter", cut);
	uint32_t bright = 0;
	for (uint32_t y = 0; y < 300; y++)
		for (uint32_t x = 0; x < 400; x++)
			bright += (rgb(&seen, x, y) & 0xff) >
				  160; /* sky and snow; no text is as large */
	cr_expect_gt(bright, 2000, "a thumbnail: %u", bright);
	expect_same(play_one("400x300", "Enter,Enter", cut), play_one("400x300", "", cut));
	reference_free(&seen);
	reference_free(&picture);
	free(cut);
	free(data);
	free(whole);
}

Test(viewer, goes_on_behind_a_bad_file)
{
	char *bad = make_file("a-bad.png", "", 0), *good = asset("formats/jpeg-420.jpg"),
	     *path = snapshot_path("out.png");
	char *copy, *data;
	size_t size;
	data = test_read_file(good, &size);
	copy = make_file("b-good.jpg", data, size);
	struct run run = view((const char *const[]){
		"--size", "400x300", "--keys", "next", "--snapshot", path, bad, copy, NULL});
	cr_expect_eq(run.status, 1, "one of them could not be shown");
	struct reference_picture seen, picture = upright(good);
	cr_assert(reference_read(path, 8, &seen));
	expect_centred(&seen, &picture, &(struct pose){"next", false, 0});
	reference_free(&seen);
	reference_free(&picture);
	free(run.err);
	free(data);
	free(copy);
	free(path);
	free(good);
	free(bad);
}

Test(viewer, what_can_not_be_opened_says_so)
{
	static const char *const names[] = {"/nowhere/at-all.jpg", "/dev/null", "/"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct run run = view((const char *const[]){names[i], NULL});
		cr_expect_eq(run.status, 1, "%s", names[i]);
		cr_expect_not_null(strstr(run.err, names[i]), "%s", run.err);
		free(run.err);
	}
}

Test(viewer, wrong_usage_is_told_apart)
{
	static const char *const wrong[][4] = {{"--keys", "nonsense", "a.jpg"},
		{"--size", "12", "a.jpg"}, {NULL}, {"--no-such-option", "a.jpg"},
		{"--slideshow=never", "a.jpg"}, {"--wheel=fly", "a.jpg"}};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct run run =
			view((const char *const[]){wrong[i][0], wrong[i][1], wrong[i][2], NULL});
		cr_expect_eq(run.status, 2, "%zu: %s", i, run.err);
		free(run.err);
	}
}

Test(viewer, a_snapshot_that_can_not_be_written_is_told)
{
	char *file = asset("formats/jpeg-420.jpg");
	struct run run =
		view((const char *const[]){"--snapshot", "/nowhere/at/all.png", file, NULL});
	cr_expect_eq(run.status, 1);
	cr_expect_not_null(strstr(run.err, "/nowhere/at/all.png: "), "%s", run.err);
	free(run.err);
	free(file);
}

/* ---- the producer dies ---- */

Test(viewer, goes_on_when_the_producer_is_killed)
{
	char *pictures = asset("pictures"), *path = snapshot_path("out.png");
	const char *argv[] = {viewer_program, "--headless", "--size", "400x300", "--keys",
		"wait,wait:1500,next,!next,!next,wait,purge", "--snapshot", path, pictures, NULL};
	struct test_process process;
	test_process_start(&process, -1, argv);
	cr_assert(test_until(has_decoded, NULL, TEST_TIMEOUT_MS));
	end_producer(SIGKILL);
	cr_assert(test_process_wait(&process, TEST_TIMEOUT_MS));
	char *err = test_process_err(&process, NULL);
	cr_expect_eq(process.status, 0, "%x: %s", (unsigned)process.status, err);
	test_process_fini(&process);
	struct reference_picture seen,
		expected = play("400x300", "n,n,n", (const char *const[]){pictures, NULL});
	cr_assert(reference_read(path, 8, &seen));
	expect_same(seen, expected);
	free(err);
	free(path);
	free(pictures);
}

/* ---- gallery and tour ---- */

Test(viewer, the_gallery_shows_a_thumbnail_for_every_picture)
{
	char *pictures = asset("pictures");
	const char *files[] = {pictures, NULL};
	struct reference_picture seen = play("1280x800", "Enter", files);
	/* Cells as grid.c lays them out: five columns, from 57 and 20 on, 226 and 242 apart; the
	 * middle of each picture. */
	for (int i = 0; i < 13; i++) {
		uint32_t x = 82 + (uint32_t)(i % 5) * 226 + 106,
			 y = 20 + (uint32_t)(i / 5) * 242 + 106;
		uint32_t differing = 0;
		for (uint32_t d = 0; d < 40; d++)
			differing += rgb(&seen, x + d, y) != rgb(&seen, 30, 700);
		cr_expect_gt(differing, 20, "thumbnail %d", i);
	}
	reference_free(&seen);
	cr_expect_geq(stat_number("decodes"), 13);
	expect_same(
		play("640x480", "Enter,purge,Right,Enter", files), play("640x480", "next", files));
	free(pictures);
}

/* What the pool keeps for reuse is counted among its regions, too. */
static void drop_spare_regions(void)
{
	char size[32];
	struct test_process process;
	snprintf(size, sizeof(size), "%llu", stat_number("kept_bytes"));
	const char *argv[] = {mural_program, "trim", size, NULL};
	cr_assert_eq(test_process_run(&process, -1, argv), 0);
	test_process_fini(&process);
}

Test(viewer, thumbnails_share_regions)
{
	char *formats = asset("formats"), *path = snapshot_path("out.png");
	struct run run = view((const char *const[]){
		"--gallery", "--size", "1900x1800", "--snapshot", path, formats, NULL});
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_geq(stat_number("decodes"), 60);
	drop_spare_regions();
	cr_expect_leq(stat_number("regions"), 12, "slabs, not a region for each");
	free(run.err);
	free(path);
	free(formats);
}

Test(viewer, the_tour_writes_what_it_shows_and_tells_what_the_pool_did)
{
	static const char *const names[] = {"1-open.png", "2-next.png", "3-actual-size.png",
		"4-purge.png", "5-back.png", "6-gallery.png"};
	char *pictures = asset("pictures"), *tour = test_path(folder, "tour");
	const char *argv[] = {viewer_program, "--tour", tour, pictures, NULL};
	struct test_process process;
	cr_expect_eq(test_process_run(&process, -1, argv), 0);
	char *out = test_process_out(&process, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct reference_picture seen;
		char *path = test_path(tour, names[i]);
		cr_assert(reference_read(path, 8, &seen), "%s", names[i]);
		cr_expect_eq(seen.width, 1280);
		cr_expect_not_null(strstr(out, names[i]));
		reference_free(&seen);
		free(path);
	}
	cr_expect_not_null(strstr(out, "again 1"), "%s", out);
	test_process_fini(&process);
	free(out);
	free(tour);
	free(pictures);
}

Test(viewer, a_private_pool_leaves_the_users_alone)
{
	char *file = asset("formats/jpeg-420.jpg");
	struct run run = view((const char *const[]){"--private", file, NULL});
	cr_expect_eq(run.status, 0, "%s", run.err);
	cr_expect_eq(stat_number("pid"), 0);
	free(run.err);
	free(file);
}

/* ---- where it can not show or write anything ---- */

Test(viewer, without_a_display_it_says_so)
{
	if (access("/dev/dri", F_OK) == 0)
		cr_skip("SDL can use this machine's screen without a window system");
	CLEANUP(free_p) char *file = strdup(test_source_path("assets/formats/png-rgb8.png"));
	const char *const argv[] = {"/usr/bin/env", "-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", "-u",
		"SDL_VIDEODRIVER", viewer_program, file, NULL};
	struct test_process process;
	cr_expect_eq(test_process_run(&process, -1, argv), 1);
	CLEANUP(free_p) char *err = test_process_err(&process, NULL);
	test_process_fini(&process);
	cr_expect(strstr(err, "mural-viewer: no window: "), "it said: %s", err);
}

Test(viewer, a_pipe_is_refused_in_words)
{
	CLEANUP(free_p) char *pipe = test_path(folder, "pipe.jpg");
	cr_assert_eq(mkfifo(pipe, 0600), 0);
	struct run run = view((const char *const[]){pipe, NULL});
	cr_expect_eq(run.status, 1);
	cr_expect(strstr(run.err, "pipe.jpg: not a regular file\n"), "it said: %s", run.err);
	free(run.err);
}

Test(viewer, a_snapshot_for_a_full_disk)
{
	CLEANUP(free_p) char *full = test_path(folder, "full");
	CLEANUP(free_p) char *file = strdup(test_source_path("assets/formats/png-rgb8.png"));
	if (access("/dev/full", W_OK) < 0)
		cr_skip("no /dev/full here");
	cr_assert_eq(symlink("/dev/full", full), 0);
	struct run run = view((const char *const[]){"--snapshot", full, file, NULL});
	cr_expect_eq(run.status, 1);
	cr_expect(strstr(run.err, "No space left on device\n"), "it said: %s", run.err);
	cr_expect_null(strstr(run.err, "libpng"), "it said: %s", run.err);
	cr_expect_eq(access(full, F_OK), 0, "what is no file was removed");
	free(run.err);
}

/* ---- names from a file ---- */

Test(viewer, what_a_file_names_is_shown_in_its_order)
{
	CLEANUP(free_p) char *names = test_path(folder, "names");
	CLEANUP(free_p) char *option = NULL;
	static const char text[] = "b.jpg\na.jpg\n";
	test_write_file(names, text, strlen(text));
	cr_assert(asprintf(&option, "--files-from=%s", names) > 0);
	struct run run = view((const char *const[]){option, "--keys", "next,first", NULL});
	cr_expect_eq(run.status, 1);
	const char *b = strstr(run.err, "b.jpg: No such file"),
		   *a = strstr(run.err, "a.jpg: No such");
	cr_expect(a && b && b < a, "it said: %s", run.err);
	free(run.err);
	for (int turned = 0; turned < 2; turned++) { /* whichever of the options comes first */
		const char *const sort = "--sort=name";
		run = view((const char *const[]){turned ? option : sort, turned ? sort : option,
			"--keys", "next,first", NULL});
		b = strstr(run.err, "b.jpg: No such file");
		a = strstr(run.err, "a.jpg: No such");
		cr_expect(a && b && a < b, "it said: %s", run.err);
		free(run.err);
	}
	run = view((const char *const[]){option, "--keys", "next", "c.jpg", NULL});
	cr_expect_eq(run.status, 2, "it said: %s", run.err);
	free(run.err);
	test_write_file(names, "", 0);
	run = view((const char *const[]){option, NULL});
	cr_expect_eq(run.status, 1);
	cr_expect(strstr(run.err, "it names nothing"), "it said: %s", run.err);
	free(run.err);
}
