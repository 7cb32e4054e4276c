/* The committed pictures are what the program beside them draws: else nobody could change one of
 * them later. */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "reference.h"

static int same_bytes(const char *a, const char *b)
{
	FILE *left = fopen(a, "rb"), *right = fopen(b, "rb");
	int same = left && right, l = 0, r = 0;

	while (same && l != EOF) {
		l = getc(left);
		r = getc(right);
		same = l == r;
	}
	if (left)
		(void)fclose(left);
	if (right)
		(void)fclose(right);
	return same;
}

/* Another version of zlib packs a PNG differently; its pixels stay. */
static int same_pixels(const char *a, const char *b)
{
	struct stored left = {0}, right = {0};
	int same = stored_read(a, &left) && stored_read(b, &right) && left.width == right.width &&
		   left.height == right.height && left.stride == right.stride &&
		   memcmp(left.pixels, right.pixels, left.stride * left.height) == 0;

	free(left.pixels);
	free(right.pixels);
	return same;
}

static int count_pictures(const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, NULL), pictures = 0;

	for (int i = 0; i < count; i++) {
		pictures += names[i]->d_name[0] != '.';
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return pictures;
}

static void compare_folders(const char *drawn, const char *committed)
{
	struct dirent **names;
	int count = scandir(committed, &names, NULL, alphasort);

	cr_assert(count > 2, "%s holds nothing", committed);
	for (int i = 0; i < count; i++) {
		char a[PATH_MAX], b[PATH_MAX];
		(void)snprintf(a, sizeof(a), "%s/%s", drawn, names[i]->d_name);
		(void)snprintf(b, sizeof(b), "%s/%s", committed, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			cr_expect(same_bytes(a, b) || same_pixels(a, b), "%s is not drawn again",
				names[i]->d_name);
		free(names[i]);
	}
	free(names);
	cr_expect_eq(count_pictures(drawn), count_pictures(committed),
		"one that is drawn is not committed");
}

Test(assets, formats_are_drawn_again_pixel_by_pixel)
{
	char folder[64];

	cr_assert(make_folder(folder));
	cr_expect_eq(run_make_assets((const char *const[]){"--formats", folder, NULL}), 0);
	compare_folders(folder, ASSETS_FOLDER "/formats");
	remove_folder(folder);
}

Test(assets, pictures_are_drawn_again_pixel_by_pixel)
{
#ifdef MURAL_SANITIZED
	cr_skip("drawing them takes too long under a sanitizer; the formats use the same code");
#endif
	char folder[64];

	cr_assert(make_folder(folder));
	cr_expect_eq(run_make_assets((const char *const[]){"--pictures", folder, NULL}), 0);
	compare_folders(folder, ASSETS_FOLDER "/pictures");
	remove_folder(folder);
}
