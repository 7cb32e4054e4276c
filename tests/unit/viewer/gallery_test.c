/* Which thumbnails are asked for while the gallery scrolls. */
#include "borrowed.h"
#include "fake_mural.h"

#include "viewer/gallery.h"
#include "viewer/style.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define COUNT 250
#define GREEN 0xff00ff00u

static struct fake_file files[COUNT];
static char names[COUNT][16];
static char *paths[COUNT];
static struct list list = {.paths = paths, .count = COUNT, .capacity = COUNT};
static struct gallery *gallery;
static struct font *font;
static struct image layer;
static uint64_t now = 10000;
static const struct window_size window = {500, 480}; /* two columns, two rows of 192 pixels */

static void setup(void)
{
	for (int i = 0; i < COUNT; i++) {
		snprintf(names[i], sizeof(names[i]), "%d.jpg", i);
		paths[i] = names[i];
		files[i] = (struct fake_file){names[i], 400, 300, GREEN, 0, NULL, 0};
	}
	struct mural *mural = fake_open(files, COUNT);
	cr_assert_eq(font_create(1, &font), 0);
	cr_assert_eq(gallery_create(mural, &list, font, &gallery), 0);
	cr_assert_eq(image_resize(&layer, window.width, window.height, 0), 0);
}

static void teardown(void)
{
	gallery_destroy(gallery);
	font_destroy(font);
	image_fini(&layer);
	cr_expect(fake_is_clean(), "every reference is given back");
}

TestSuite(gallery, .init = setup, .fini = teardown, .timeout = 30);

static void settle(void)
{
	for (int i = 0; i < 100 && gallery_pending(gallery); i++) {
		fake_deliver_all();
		gallery_draw(gallery, &layer, now);
	}
}

static size_t count_colour(uint32_t colour)
{
	size_t count = 0;
	for (size_t i = 0; i < (size_t)layer.width * layer.height; i++)
		count += layer.pixels[i] == colour;
	return count;
}

Test(gallery, asks_for_thumbnails_in_the_window_first)
{
	gallery_show(gallery, 0, window, now);
	cr_expect_eq(fake_priority("0.jpg", 256), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(fake_priority("3.jpg", 256), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(fake_priority("7.jpg", 256), MURAL_PRIORITY_PREFETCH);
}

Test(gallery, asks_for_no_more_than_a_screen_beyond)
{
	gallery_show(gallery, 0, window, now);
	settle();
	cr_expect_leq(fake_requests(), 12);
	cr_expect_geq(fake_requests(), 6);
}

Test(gallery, gives_up_what_is_scrolled_away)
{
	gallery_show(gallery, 0, window, now);
	gallery_select(gallery, COUNT - 1, now);
	gallery_settle(gallery);
	cr_expect_eq(fake_priority("0.jpg", 256), UINT32_MAX);
	cr_expect_eq(fake_priority("249.jpg", 256), MURAL_PRIORITY_VISIBLE);
	cr_expect_leq(fake_pending(), 12);
}

Test(gallery, hurries_what_scrolls_into_the_window)
{
	gallery_show(gallery, 0, window, now);
	cr_assert_eq(fake_priority("7.jpg", 256), MURAL_PRIORITY_PREFETCH);
	gallery_select(gallery, 7, now);
	gallery_settle(gallery);
	cr_expect_eq(fake_priority("7.jpg", 256), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(fake_priority("0.jpg", 256), MURAL_PRIORITY_PREFETCH);
}

Test(gallery, under_pressure_only_what_is_in_the_window_is_asked_for)
{
	gallery_show(gallery, 0, window, now);
	cr_assert_eq(fake_priority("7.jpg", 256), MURAL_PRIORITY_PREFETCH);
	gallery_set_pressure(gallery, MURAL_PRESSURE_MODERATE);
	cr_expect_eq(fake_priority("7.jpg", 256), UINT32_MAX, "given up");
	cr_expect_eq(fake_priority("3.jpg", 256), MURAL_PRIORITY_VISIBLE);
	settle();
	cr_expect_eq(fake_priority("7.jpg", 256), UINT32_MAX, "and not asked for again");
	gallery_set_pressure(gallery, MURAL_PRESSURE_NONE);
	cr_expect_eq(fake_priority("7.jpg", 256), MURAL_PRIORITY_PREFETCH);
}

Test(gallery, under_pressure_few_references_are_kept)
{
	gallery_show(gallery, 0, window, now);
	settle();
	gallery_select(gallery, COUNT - 1, now);
	gallery_settle(gallery);
	settle();
	size_t all = fake_held();
	gallery_set_pressure(gallery, MURAL_PRESSURE_MODERATE);
	size_t near = fake_held();
	cr_expect_lt(near, all, "not those of the other end");
	gallery_set_pressure(gallery, MURAL_PRESSURE_CRITICAL);
	cr_expect_lt(fake_held(), near, "not those outside the window");
	cr_expect_geq(fake_held(), 4);
	gallery_hide(gallery);
	cr_expect_eq(fake_held(), 0);
}

Test(gallery, survives_the_end_of_the_producer)
{
	gallery_show(gallery, 0, window, now);
	for (int attempt = 0; attempt < 2; attempt++) {
		fake_lose();
		gallery_draw(gallery, &layer, now);
	}
	size_t before = fake_requests();
	gallery_tick(gallery, now);
	cr_expect_eq(fake_requests(), before, "not over and over");
	cr_expect_geq(gallery_timeout(gallery), 0);
	now += 600;
	gallery_tick(gallery, now);
	cr_expect_gt(fake_requests(), before);
	settle();
	cr_expect_gt(count_colour(GREEN), 0);
}

Test(gallery, has_few_requests_in_flight_however_large_the_window)
{
	gallery_show(gallery, 0, (struct window_size){5000, 5000}, now);
	cr_expect_leq(fake_pending(), 32);
}

Test(gallery, keeps_what_came_for_scrolling_back)
{
	gallery_show(gallery, 0, window, now);
	settle();
	gallery_select(gallery, COUNT - 1, now);
	gallery_settle(gallery);
	settle();
	size_t before = fake_requests();
	gallery_select(gallery, 0, now);
	gallery_settle(gallery);
	settle();
	cr_expect_eq(fake_requests(), before);
}

Test(gallery, draws_thumbnails)
{
	gallery_show(gallery, 0, window, now);
	settle();
	cr_expect_geq(
		count_colour(GREEN), 4 * 192 * 144 - 64, "four whole ones, but for what is marked");
}

Test(gallery, a_purged_thumbnail_stays_on_screen_until_it_is_back)
{
	gallery_show(gallery, 0, window, now);
	settle();
	size_t before = count_colour(GREEN);
	fake_purge();
	gallery_repin(gallery);
	gallery_draw(gallery, &layer, now);
	cr_expect_eq(count_colour(GREEN), before);
	cr_expect_geq(fake_redecodes(), 4);
	cr_expect_eq(fake_priority("0.jpg", 256), MURAL_PRIORITY_VISIBLE);
	settle();
	cr_expect_geq(gallery_again(gallery), 4);
}

Test(gallery, marks_what_was_decoded_again_for_a_while)
{
	gallery_show(gallery, 0, window, now);
	settle();
	cr_expect_eq(count_colour(COLOUR_AGAIN), 0);
	fake_purge();
	gallery_repin(gallery);
	gallery_draw(gallery, &layer, now);
	settle();
	cr_expect_gt(count_colour(COLOUR_AGAIN), 100);
	now += 1600;
	gallery_tick(gallery, now);
	gallery_draw(gallery, &layer, now);
	cr_expect_eq(count_colour(COLOUR_AGAIN), 0);
	now += 1600;
	gallery_tick(gallery, now);
	cr_expect_eq(gallery_timeout(gallery), -1);
}

Test(gallery, a_bad_picture_keeps_its_place)
{
	fake_change("0.jpg", -22, "not an image");
	gallery_show(gallery, 0, window, now);
	settle();
	cr_expect_not(gallery_pending(gallery));
}

Test(gallery, hiding_it_gives_up_everything_under_way)
{
	gallery_show(gallery, 0, window, now);
	gallery_hide(gallery);
	cr_expect_eq(fake_pending(), 0);
}

Test(gallery, hidden_it_asks_for_nothing)
{
	gallery_show(gallery, COUNT - 1, window, now);
	gallery_hide(gallery);
	cr_expect_eq(fake_pending(), 0);
	gallery_set_pressure(gallery, MURAL_PRESSURE_MODERATE);
	gallery_set_pressure(gallery, MURAL_PRESSURE_NONE);
	cr_expect_eq(fake_pending(), 0);
}

Test(gallery, scrolling_glides_and_ends)
{
	gallery_show(gallery, 0, window, now);
	settle();
	gallery_scroll(gallery, 1000, now);
	gallery_draw(gallery, &layer, now);
	int frames = 0;
	for (; frames < 1000 && gallery_timeout(gallery) >= 0; frames++) {
		now += 16;
		gallery_tick(gallery, now);
		settle();
	}
	cr_expect_gt(frames, 5);
	cr_expect_lt(frames, 100);
}

Test(gallery, only_one_picture_is_framed)
{
	gallery_show(gallery, 0, window, now);
	settle();
	size_t frame = count_colour(COLOUR_ACCENT);
	cr_assert_gt(frame, 100);
	gallery_move(gallery, 1, 0, now);
	settle();
	cr_expect_eq(count_colour(COLOUR_ACCENT), frame);
}

Test(gallery, finds_the_picture_under_the_pointer)
{
	size_t index = 99;
	gallery_show(gallery, 0, window, now);
	cr_expect(gallery_at(gallery, 400, 100, &index));
	cr_expect_eq(index, 1);
	cr_expect_not(gallery_at(gallery, 1, 1, &index));
}

Test(gallery, follows_a_list_that_grows)
{
	list.count = 2;
	gallery_show(gallery, 0, window, now);
	settle();
	gallery_hide(gallery);
	list.count = COUNT;
	gallery_show(gallery, COUNT - 1, window, now);
	settle();
	cr_expect_eq(gallery_selected(gallery), COUNT - 1);
	cr_expect_gt(count_colour(GREEN), 0);
}

/* Takes them out of the list, too. */
static void remove_some(const size_t *gone, size_t count)
{
	borrowed_remove(&list, gone, count);
	gallery_removed(gallery, gone, count);
}

Test(gallery, what_is_removed_leaves_and_the_others_stay)
{
	static const size_t gone[] = {1, 2, 100}, first[] = {0};
	gallery_show(gallery, 0, window, now);
	settle();
	size_t requests = fake_requests(), held = fake_held();
	remove_some(gone, 3);
	cr_expect_eq(fake_held() - fake_pending(), held - 2);
	settle();
	cr_expect_eq(fake_requests(), requests + 2, "only those that have come near");
	gallery_select(gallery, COUNT - 4, now);
	cr_expect_eq(gallery_selected(gallery), COUNT - 4);
	gallery_select(gallery, COUNT - 3, now);
	cr_expect_eq(gallery_selected(gallery), COUNT - 4);
	remove_some(first, 1);
	cr_expect_eq(gallery_selected(gallery), COUNT - 5, "it is the same picture");
}

Test(gallery, what_follows_what_was_selected_is_selected)
{
	static const size_t middle[] = {7}, last[] = {COUNT - 2};
	gallery_show(gallery, 7, window, now);
	remove_some(middle, 1);
	cr_expect_eq(gallery_selected(gallery), 7);
	gallery_select(gallery, COUNT - 2, now);
	gallery_settle(gallery);
	remove_some(last, 1);
	cr_expect_eq(gallery_selected(gallery), COUNT - 3);
	settle();
	cr_expect_geq(count_colour(GREEN), 2 * 192 * 144 - 64, "the last row is to be seen");
}

Test(gallery, what_is_removed_before_others_does_not_disturb_them)
{
	static size_t gone[100];
	for (size_t i = 0; i < 100; i++)
		gone[i] = i;
	gallery_show(gallery, COUNT - 1, window, now);
	size_t pending = fake_pending();
	remove_some(gone, 100);
	cr_expect_eq(fake_pending(), pending, "they are still asked for");
	fake_deliver();
	size_t held = fake_held();
	gallery_set_pressure(gallery, MURAL_PRESSURE_CRITICAL);
	cr_expect_lt(fake_held(), held, "those outside the window are given up");
	gallery_select(gallery, 0, now);
	gallery_settle(gallery);
	cr_expect_eq(fake_priority(names[COUNT - 1], 256), UINT32_MAX, "and the others, now");
	gallery_hide(gallery);
	cr_expect_eq(fake_held(), 0);
}

Test(gallery, what_is_removed_elsewhere_does_not_scroll_it)
{
	static const size_t before[] = {0, 3, 4, 5}, behind[] = {COUNT - 5};
	size_t at, seen;
	gallery_show(gallery, 0, window, now);
	gallery_scroll(gallery, 10000, now);
	gallery_settle(gallery);
	cr_assert(gallery_at(gallery, 100, 200, &seen));
	remove_some(behind, 1);
	cr_assert(gallery_at(gallery, 100, 200, &at));
	cr_expect_eq(at, seen, "and not to what is selected");
	remove_some(before, 4);
	cr_assert(gallery_at(gallery, 100, 200, &at));
	cr_expect_eq(at, seen - 4);
	gallery_select(gallery, at, now);
	gallery_settle(gallery);
	remove_some(behind, 1);
	gallery_scroll(gallery, INT32_MAX / 4, now);
	gallery_settle(gallery);
	remove_some(before, 1);
	cr_expect(gallery_at(gallery, 100, 300, &at), "it ends where the pictures do");
}

Test(gallery, what_is_selected_stays_in_the_window)
{
	static const size_t first[] = {0};
	size_t at;
	gallery_show(gallery, 41, window, now);
	cr_assert(gallery_at(gallery, 100 + 250, 400, &at));
	cr_expect_eq(at, 41, "below on the right");
	for (size_t selected = 40; selected > 0; selected--) {
		bool is_seen = false;
		remove_some(first, 1);
		for (int y = 0; y < 480 && !is_seen; y += 10)
			for (int x = 100; x < 500; x += 250)
				is_seen |= gallery_at(gallery, x, y, &at) && at == selected;
		cr_assert(is_seen, "%zu", selected);
	}
}

Test(gallery, what_is_removed_while_it_is_hidden)
{
	static size_t gone[COUNT - 1];
	for (size_t i = 0; i < COUNT - 1; i++)
		gone[i] = i + 1;
	gallery_show(gallery, COUNT - 1, window, now);
	settle();
	gallery_hide(gallery);
	remove_some(gone, COUNT - 1);
	cr_expect_eq(fake_held(), 0);
	gallery_show(gallery, 0, window, now);
	settle();
	cr_expect_eq(fake_held(), 1);
	remove_some((const size_t[]){0}, 1);
	cr_expect_eq(gallery_selected(gallery), 0);
	cr_expect_eq(fake_held(), 0);
	gallery_draw(gallery, &layer, now);
	cr_expect_eq(count_colour(GREEN), 0);
}

/* ---- a very long list ---- */

#define LONG 20000

/* Its thumbnails, in pages of their own. */
static struct {
	char *at;
	size_t count, size;
} thumbnails;

/* The gallery's alone in this program. */
void *reallocarray(void *old, size_t count, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	thumbnails.at = aligned_alloc(page, (count * size + page - 1) / page * page);
	thumbnails.count = count;
	thumbnails.size = size;
	if (old)
		memcpy(thumbnails.at, old, malloc_usable_size(old));
	free(old);
	return thumbnails.at;
}

static void protect(size_t first, size_t end, int protection)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t from = (first * thumbnails.size + page - 1) / page,
	       to = end * thumbnails.size / page;
	if (to > from)
		cr_assert_eq(
			mprotect(thumbnails.at + from * page, (to - from) * page, protection), 0);
}

/* Whoever looks at others than those from @first to before @end dies. */
static void forbid_all_but(size_t first, size_t end)
{
	protect(0, thumbnails.count, PROT_READ | PROT_WRITE);
	protect(0, first, PROT_NONE);
	protect(end, thumbnails.count, PROT_NONE);
}

static void show_long_list(size_t selected)
{
	static char *many[LONG];
	for (size_t i = 0; i < LONG; i++)
		many[i] = names[i % COUNT];
	list.paths = many;
	list.count = LONG;
	gallery_show(gallery, selected, window, now);
	settle();
}

Test(gallery, looks_only_at_thumbnails_that_are_near)
{
	show_long_list(LONG / 2);
	forbid_all_but(LONG / 2 - 8, LONG / 2 + 8);
	fake_purge();
	gallery_repin(gallery);
	gallery_tick(gallery, now);
	settle();
	cr_expect_geq(gallery_again(gallery), 4);
	cr_expect_geq(gallery_timeout(gallery), 0);
	forbid_all_but(LONG / 2 - 2100, LONG / 2 + 2100);
	gallery_page(gallery, 4, now);
	gallery_settle(gallery);
	settle();
	forbid_all_but(0, LONG);
}

Test(gallery, keeps_what_came_when_it_is_hidden)
{
	show_long_list(LONG - 1);
	size_t before = fake_requests();
	gallery_hide(gallery);
	show_long_list(LONG - 1);
	cr_expect_eq(fake_requests(), before);
}

Test(gallery, a_file_that_was_written_has_a_new_thumbnail)
{
	gallery_show(gallery, 0, window, now);
	settle();
	size_t before = fake_requests();
	gallery_changed(gallery, 1);
	gallery_tick(gallery, now);
	cr_expect_eq(fake_requests(), before + 1);
	gallery_changed(gallery, 200);
	gallery_tick(gallery, now);
	cr_expect_eq(fake_requests(), before + 1, "nobody has seen it");
}

Test(gallery, grows)
{
	list.count = COUNT - 1;
	gallery_show(gallery, 0, window, now);
	gallery_grew(gallery);
	gallery_select(gallery, COUNT - 1, now);
	cr_expect_eq(gallery_selected(gallery), 0);
	list.count = COUNT;
	gallery_grew(gallery);
	gallery_select(gallery, COUNT - 1, now);
	cr_expect_eq(gallery_selected(gallery), COUNT - 1);
}

/* Ten thousand files come one after the other, and the window is not painted anew for each. */
Test(gallery, what_comes_does_not_disturb_what_is_there)
{
	list.count = 3;
	gallery_show(gallery, 0, window, now);
	settle();
	size_t before = count_colour(GREEN);
	image_fill(&layer, (struct rect){0, 0, (int32_t)layer.width, (int32_t)layer.height}, 0);
	list.count = 4;
	gallery_grew(gallery);
	gallery_tick(gallery, now);
	gallery_draw(gallery, &layer, now);
	cr_expect_neq(layer.pixels[360 * window.width + 370], 0, "the place of the new one");
	settle();
	cr_expect_eq(count_colour(GREEN), before / 3);
}
