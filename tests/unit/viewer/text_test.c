#include "viewer/overlay.h"
#include "viewer/text.h"

#include "common/utf8.h"

#include <criterion/criterion.h>
#include <string.h>

static struct font *font;

static void setup(void)
{
	cr_assert_eq(font_create(1, &font), 0);
}

static void teardown(void)
{
	font_destroy(font);
}

TestSuite(text, .init = setup, .fini = teardown, .timeout = 30);

static size_t ink(const char *text)
{
	uint32_t pixels[64 * 16] = {0};
	struct image image = {pixels, 64, 16};
	size_t count = 0;
	text_draw(&image, font, 0, 0, 0xffffffff, text);
	for (size_t i = 0; i < 64 * 16; i++)
		count += pixels[i] != 0;
	return count;
}

Test(text, every_printable_character_but_the_space_leaves_ink)
{
	for (char c = '!'; c <= '~'; c++)
		cr_expect_gt(ink((char[]){c, '\0'}), 0, "%c", c);
	cr_expect_eq(ink(" "), 0);
}

Test(text, no_two_letters_look_alike)
{
	uint32_t drawn[95][12 * 16];
	for (int i = 0; i < 95; i++) {
		memset(drawn[i], 0, sizeof(drawn[i]));
		struct image image = {drawn[i], 12, 16};
		text_draw(&image, font, 0, 0, 0xffffffff, (char[]){(char)(' ' + i), '\0'});
		for (int j = 0; j < i; j++)
			cr_expect_neq(memcmp(drawn[i], drawn[j], sizeof(drawn[i])), 0, "%c and %c",
				' ' + i, ' ' + j);
	}
}

Test(text, digits_are_equally_wide)
{
	for (char c = '1'; c <= '9'; c++)
		cr_expect_eq(text_width(font, (char[]){c, '\0'}), text_width(font, "0"));
}

Test(text, accents_are_drawn)
{
	cr_expect_gt(ink("ä"), ink("a"));
	cr_expect_neq(ink("é"), ink("ê"));
}

Test(text, what_is_no_text_is_a_box)
{
	size_t box = ink("\xff");
	cr_expect_gt(box, 0);
	cr_expect_eq(ink("\n"), box);
	cr_expect_eq(ink("\x7f"), box);
	cr_expect_eq(ink("\xc2\x9b"), box);
}

Test(text, outside_the_image_nothing_is_written)
{
	uint32_t pixels[4] = {0};
	struct image image = {pixels, 2, 2};
	text_draw(&image, font, -5, -9, 0xffffffff, "WWW");
	text_draw(&image, font, 100, 100, 0xffffffff, "WWW");
}

Test(text, long_names_keep_both_ends)
{
	char shorter[64];
	text_shorten(
		font, "a-rather-long-name-of-a-picture-0042.jpg", 120, shorter, sizeof(shorter));
	cr_expect_leq(text_width(font, shorter), 120);
	cr_expect(strncmp(shorter, "a-r", 3) == 0);
	cr_expect_not_null(strstr(shorter, "…"));
	cr_expect(strcmp(shorter + strlen(shorter) - 4, ".jpg") == 0);
}

Test(text, short_names_stay)
{
	char same[64];
	text_shorten(font, "a.jpg", 120, same, sizeof(same));
	cr_expect_str_eq(same, "a.jpg");
}

static void expect_whole_characters(const char *text)
{
	size_t bytes;
	for (const char *c = text; *c; c += bytes)
		cr_expect_neq(utf8_decode(c, &bytes), 0xfffd, "%s", text);
}

Test(text, shortening_does_not_cut_a_character)
{
	char shorter[16];
	text_shorten(font, "ääääääääääääääääääääääääääää", 1000, shorter, sizeof(shorter));
	expect_whole_characters(shorter);
	cr_expect_gt(strlen(shorter), 12);
}

/* As much as there is room for, at any width: the first of a name, "…", and its last. */
Test(text, a_long_name_is_cut_between_characters_to_what_fits)
{
	static const char name[] = "日本語の写真ä日本語の写真ä日本語の写真ä日本語の写真.jpg";
	char shorter[256];
	int32_t last = 0, dots = text_width(font, "…");
	for (int32_t width = dots; width < text_width(font, name); width++) {
		text_shorten(font, name, width, shorter, sizeof(shorter));
		int32_t used = text_width(font, shorter);
		cr_expect_leq(used, width);
		cr_expect_geq(used, last);
		cr_expect_gt(used, width - 2 * text_width(font, "ä"), "%d of %d", used, width);
		cr_expect_not_null(strstr(shorter, "…"));
		expect_whole_characters(shorter);
		last = used;
	}
	text_shorten(font, name, text_width(font, name), shorter, sizeof(shorter));
	cr_expect_str_eq(shorter, name);
}

Test(text, what_has_no_glyph_is_a_box_each)
{
	cr_expect_eq(ink("日"), ink("\xef\xbf\xbd"));
	cr_expect_eq(ink("日本"), 2 * ink("日"));
	cr_expect_eq(text_width(font, "日本語"), 3 * text_width(font, "\xff"));
	/* Beside one that has a glyph and the same place in the cache. */
	cr_expect_eq(ink("a\xe6\x85\xa1"
			 "a"),
		2 * ink("a") + ink("日"));
}

Test(bytes, are_told_for_people)
{
	char text[32];
	overlay_bytes(0, text, sizeof(text));
	cr_expect_str_eq(text, "0 B");
	overlay_bytes(1536, text, sizeof(text));
	cr_expect_str_eq(text, "1.5 KiB");
	overlay_bytes(83ull << 20, text, sizeof(text));
	cr_expect_str_eq(text, "83 MiB");
	overlay_bytes(UINT64_MAX, text, sizeof(text));
	cr_expect_str_eq(text, "16777216 TiB");
}
