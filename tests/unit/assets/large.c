/* The pictures that other tests ask for. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <jpeglib.h>

#include "reference.h"

static void make_large(const char *kind, const char *suffix, char folder[64], char path[PATH_MAX])
{
	cr_assert(make_folder(folder));
	cr_expect_eq(run_make_assets((const char *const[]){
			     "--large", folder, "--megapixels", "2", "--kind", kind, NULL}),
		0);
	(void)snprintf(path, PATH_MAX, "%s/large-2mp-%s.%s", folder, kind, suffix);
}

Test(large, has_the_megapixels_that_were_asked_for)
{
	static const char *const kinds[][2] = {{"jpeg", "jpg"}, {"progressive", "jpg"},
		{"restart", "jpg"}, {"q95", "jpg"}, {"grey", "jpg"}, {"png", "png"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char folder[64], path[PATH_MAX];
		struct stored stored = {0};
		make_large(kinds[i][0], kinds[i][1], folder, path);
		cr_expect(stored_read(path, &stored), "%s does not decode", kinds[i][0]);
		cr_expect_eq(stored.width, 1728);
		cr_expect_eq(stored.height, 1152);
		free(stored.pixels);
		remove_folder(folder);
	}
}

static void expect_header(const char *kind, int progressive, int restarts)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	char folder[64], path[PATH_MAX];

	make_large(kind, "jpg", folder, path);
	FILE *file = fopen(path, "rb");
	cr_assert_not_null(file);
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&jpeg);
	jpeg_stdio_src(&jpeg, file);
	jpeg_read_header(&jpeg, TRUE);
	cr_expect_eq(jpeg.progressive_mode != 0, progressive, "%s", kind);
	cr_expect_eq(jpeg.restart_interval > 0, restarts, "%s", kind);
	jpeg_destroy_decompress(&jpeg);
	(void)fclose(file);
	remove_folder(folder);
}

Test(large, is_of_the_kind_that_was_asked_for)
{
	expect_header("jpeg", 0, 0);
	expect_header("progressive", 1, 0);
	expect_header("restart", 0, 1);
}

Test(large, refuses_what_it_does_not_know)
{
	char folder[64];

	cr_assert(make_folder(folder));
	cr_expect_eq(
		run_make_assets((const char *const[]){"--large", folder, "--kind", "tiff", NULL}),
		2);
	cr_expect_eq(run_make_assets(
			     (const char *const[]){"--large", folder, "--megapixels", "0", NULL}),
		2);
	cr_expect_eq(run_make_assets((const char *const[]){
			     "--pictures", folder, "--only", "nothing.jpg", NULL}),
		2);
	remove_folder(folder);
}
