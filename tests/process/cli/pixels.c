/* mural cat of every picture of the project equals the reference decoder, byte for byte: before and
 * after a purge, upright and as stored, in every format. One decode for each, however often it is
 * shown. */
#include "run.h"
#include "support/reference.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <png.h>
#include <stdio.h>
#include <string.h>

static char *folder;
static struct test_process producer;

static void begin(void)
{
	static const char *const args[] = {"--budget", "256M", NULL};
	folder = test_folder_create();
	test_producer_start(&producer, folder, args);
}

static void end(void)
{
	test_process_fini(&producer);
	test_folder_remove(folder);
}

TestSuite(pixels, .init = begin, .fini = end, .timeout = 300);

typedef void picture_fn(const char *path);

/* Calls @fn for each picture of a folder of the source tree; a folder without any is a mistake of
 * the test. */
static void for_each_picture(const char *name, picture_fn *fn)
{
	CLEANUP(free_p) char *path = strdup(test_source_path(name));
	DIR *entries = opendir(path);
	unsigned count = 0;
	cr_assert(entries, "no folder %s", path);
	for (struct dirent *entry; (entry = readdir(entries));) {
		const char *end = strrchr(entry->d_name, '.');
		if (!end || (strcmp(end, ".jpg") != 0 && strcmp(end, ".png") != 0))
			continue;
		CLEANUP(free_p) char *picture = test_path(path, entry->d_name);
		fn(picture);
		count++;
	}
	closedir(entries);
	cr_expect_gt(count, 0);
}

/* What `mural cat` must write of it, as PAM. */
static char *expected_pam(const char *path, bool as_stored, size_t *ret_size)
{
	struct reference_picture stored, upright;
	cr_assert(reference_read(path, 8, &stored), "the reference cannot read %s", path);
	if (as_stored)
		upright = stored;
	else
		cr_assert(reference_upright(&stored, &upright));
	size_t pixels = (size_t)upright.width * upright.height, samples = upright.alpha ? 4 : 3;
	char *pam = malloc(128 + pixels * samples);
	cr_assert(pam);
	int head = sprintf(pam,
		"P7\nWIDTH %u\nHEIGHT %u\nDEPTH %zu\nMAXVAL 255\nTUPLTYPE %s\nENDHDR\n",
		upright.width, upright.height, samples, upright.alpha ? "RGB_ALPHA" : "RGB");
	for (size_t i = 0; i < pixels; i++)
		memcpy(pam + head + i * samples, upright.rgba + i * 4, samples);
	if (!as_stored)
		reference_free(&stored);
	reference_free(&upright);
	*ret_size = (size_t)head + pixels * samples;
	return pam;
}

static void expect_bytes(const char *path, const struct run *run, const void *data, size_t size)
{
	cr_expect_eq(run->status, 0, "%s: %s", path, run->err);
	cr_expect_str_eq(run->err, "", "%s: %s", path, run->err);
	cr_assert_eq(run->out_size, size, "%s: %zu bytes, not %zu", path, run->out_size, size);
	for (size_t i = 0; i < size; i++) {
		if (run->out[i] != ((const char *)data)[i])
			cr_assert_fail("%s: byte %zu of %zu differs", path, i, size);
	}
}

static void equals_as_pam(const char *path)
{
	size_t size;
	CLEANUP(free_p) char *expected = expected_pam(path, false, &size);
	struct run run = run_mural("cat", path);
	expect_bytes(path, &run, expected, size);
	run_fini(&run);
}

static void purge(void)
{
	struct run run = run_mural("purge");
	cr_assert_eq(run.status, 0, "%s", run.err);
	run_fini(&run);
}

Test(pixels, of_every_format_before_and_after_a_purge)
{
	for_each_picture("assets/formats", equals_as_pam);
	purge();
	for_each_picture("assets/formats", equals_as_pam);
}

Test(pixels, of_every_picture_before_and_after_a_purge)
{
	for_each_picture("assets/pictures", equals_as_pam);
	purge();
	for_each_picture("assets/pictures", equals_as_pam);
}

static void equals_as_stored(const char *path)
{
	size_t size;
	CLEANUP(free_p) char *expected = expected_pam(path, true, &size);
	struct run run = run_mural("cat", "--as-stored", path);
	expect_bytes(path, &run, expected, size);
	run_fini(&run);
}

Test(pixels, as_stored)
{
	for_each_picture("assets/formats", equals_as_stored);
}

static void equals_raw(const char *path)
{
	static const struct {
		const char *name;
		uint32_t format;
	} formats[] = {
		{"xrgb8888", MURAL_FORMAT_XRGB8888},
		{"argb8888", MURAL_FORMAT_ARGB8888},
		{"rgb565", MURAL_FORMAT_RGB565},
	};
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		uint32_t width, height, stride;
		uint64_t layout;
		size_t size;
		CLEANUP(free_p)
		uint8_t *bitmap =
			reference_decode(path, formats[i].format, false, &width, &height, &size);
		cr_assert(bitmap, "the reference cannot read %s", path);
		cr_assert(mural_bitmap_layout(formats[i].format, width, height, &stride, &layout));
		size_t row = (size_t)width * mural_format_bytes(formats[i].format);
		for (uint32_t y = 0; y < height; y++)
			memmove(bitmap + y * row, bitmap + (size_t)y * stride, row);
		struct run run = run_mural(
			"cat", "--format", "raw", "--pixel-format", formats[i].name, path);
		expect_bytes(path, &run, bitmap, row * height);
		run_fini(&run);
	}
}

Test(pixels, as_bare_rows_in_every_pixel_format)
{
	for_each_picture("assets/formats", equals_raw);
}

/* A PNG that `mural` has written holds the samples of the PAM. */
static void equals_as_png(const char *path)
{
	size_t size;
	CLEANUP(free_p) char *pam = expected_pam(path, false, &size);
	struct run run = run_mural("cat", "-f", "png", path);
	png_image image = {.version = PNG_IMAGE_VERSION};
	cr_assert(png_image_begin_read_from_memory(&image, run.out, run.out_size), "%s", path);
	cr_assert(image.format == PNG_FORMAT_RGB || image.format == PNG_FORMAT_RGBA);
	CLEANUP(free_p) char *samples = malloc(PNG_IMAGE_SIZE(image));
	cr_assert(samples && png_image_finish_read(&image, NULL, samples, 0, NULL));
	cr_assert_lt(PNG_IMAGE_SIZE(image), size);
	cr_expect(memcmp(pam + size - PNG_IMAGE_SIZE(image), samples, PNG_IMAGE_SIZE(image)) == 0,
		"%s", path);
	png_image_free(&image);
	run_fini(&run);
}

Test(pixels, as_png)
{
	for_each_picture("assets/formats", equals_as_png);
}

Test(pixels, from_standard_input)
{
	CLEANUP(free_p) char *path = strdup(test_source_path("assets/formats/jpeg-420.jpg"));
	CLEANUP(close_p) int in = open(path, O_RDONLY | O_CLOEXEC);
	size_t size;
	CLEANUP(free_p) char *expected = expected_pam(path, false, &size);
	const char *const words[] = {"cat", "-", NULL};
	struct run run = run_mural_in(in, words);
	expect_bytes(path, &run, expected, size);
	run_fini(&run);
}

/* Named twice it is the same picture twice, though a pipe can be read once. */
Test(pixels, of_a_pipe)
{
	CLEANUP(free_p) char *path = strdup(test_source_path("assets/formats/png-rgb8.png"));
	size_t size, file_size;
	CLEANUP(free_p) char *file = test_read_file(path, &file_size);
	CLEANUP(free_p) char *expected = expected_pam(path, false, &size);
	CLEANUP(free_p) char *twice = malloc(2 * size);
	memcpy(twice, expected, size);
	memcpy(twice + size, expected, size);
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], file, file_size), (ssize_t)file_size);
	close(ends[1]);
	const char *const words[] = {"cat", "-", "-", NULL};
	struct run run = run_mural_in(ends[0], words);
	expect_bytes(path, &run, twice, 2 * size);
	run_fini(&run);
	close(ends[0]);
}

static bool has_printed(void *context)
{
	size_t size;
	CLEANUP(free_p) char *out = test_process_out(context, &size);
	return size > 0;
}

/* Standard input may come to its end much later. */
Test(pixels, what_is_named_before_standard_input_does_not_wait_for_it)
{
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	CLEANUP(free_p) char *path = strdup(test_source_path("assets/formats/png-rgb8.png"));
	const char *const argv[] = {program, "cat", path, "-", path, NULL};
	struct test_process process;
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	test_process_start(&process, ends[0], argv);
	cr_expect(test_until(has_printed, &process, TEST_TIMEOUT_MS));
	cr_expect_not(process.ended);
	size_t size, file_size, out_size;
	CLEANUP(free_p) char *file = test_read_file(path, &file_size);
	CLEANUP(free_p) char *expected = expected_pam(path, false, &size);
	cr_assert_eq(write(ends[1], file, file_size), (ssize_t)file_size);
	close(ends[1]);
	cr_assert(test_process_wait(&process, TEST_TIMEOUT_MS));
	CLEANUP(free_p) char *out = test_process_out(&process, &out_size);
	cr_assert_eq(out_size, 3 * size);
	for (int i = 0; i < 3; i++)
		cr_expect_arr_eq(out + (size_t)i * size, expected, size);
	test_process_fini(&process);
	close(ends[0]);
}

/* The header's WIDTH and HEIGHT. */
static void size_of_pam(const struct run *run, unsigned *ret_width, unsigned *ret_height)
{
	cr_assert_eq(run->status, 0, "%s", run->err);
	cr_assert_eq(sscanf(run->out, "P7\nWIDTH %u\nHEIGHT %u\n", ret_width, ret_height), 2);
}

Test(pixels, fitted_into_a_box)
{
	CLEANUP(free_p) char *path = strdup(test_source_path("assets/formats/jpeg-420.jpg"));
	static const char *const sizes[] = {"16", "40x9", "9x40", "65535"};
	static const uint32_t boxes[][2] = {{16, 16}, {40, 9}, {9, 40}, {65535, 65535}};
	unsigned width, height, fitted_width, fitted_height;
	struct run full = run_mural("cat", path);
	size_of_pam(&full, &width, &height);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t expected_width, expected_height;
		mural_fit(
			width, height, boxes[i][0], boxes[i][1], &expected_width, &expected_height);
		struct run run = run_mural("cat", "--size", sizes[i], path);
		size_of_pam(&run, &fitted_width, &fitted_height);
		cr_expect_eq(fitted_width, expected_width, "%s: %u wide", sizes[i], fitted_width);
		cr_expect_eq(
			fitted_height, expected_height, "%s: %u high", sizes[i], fitted_height);
		run_fini(&run);
	}
	run_fini(&full);
}
