/* What is asked for, kept, drawn and given up while somebody leafs through pictures. */
#include "borrowed.h"
#include "fake_mural.h"

#include "viewer/show.h"
#include "viewer/style.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#define WINDOW_WIDTH 80
#define WINDOW_HEIGHT 60
#define RED 0xffff0000u
#define GREEN 0xff00ff00u
#define BLUE 0xff0000ffu
#define GREY 0xff808080u

static const struct fake_file files[] = {
	{"a", 800, 600, RED, 0, NULL, 0},
	{"b", 800, 600, GREEN, 0, NULL, 0},
	{"c", 800, 600, BLUE, 0, NULL, 0},
	{"d", 800, 600, GREY, 0, NULL, 0},
	{"e", 800, 600, RED, 0, NULL, 0},
	{"bad", 800, 600, RED, -EBADMSG, "it ends early", 0},
	{"small", 20, 10, BLUE, 0, NULL, 0},
	{"coarse", 800, 600, GREEN, 0, NULL, GREY},
	{"coarse too", 800, 600, BLUE, 0, NULL, RED},
};

static char *paths[] = {"a", "b", "c", "d", "e", "bad", "small", "coarse", "coarse too"};
static struct list list = {.paths = paths, .count = 9, .capacity = 9};
static struct show *show;
static struct image layer;
static uint64_t now = 1000;

static void setup(void)
{
	struct mural *mural = fake_open(files, 9);
	cr_assert_eq(show_create(mural, &list, &show), 0);
	cr_assert_eq(image_resize(&layer, WINDOW_WIDTH, WINDOW_HEIGHT, COLOUR_BACKGROUND), 0);
	show_resize(show, (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, now);
}

static void teardown(void)
{
	show_destroy(show);
	cr_expect(fake_is_clean(), "every reference is given back");
	image_fini(&layer);
}

TestSuite(show, .init = setup, .fini = teardown, .timeout = 30);

static uint32_t middle(void)
{
	return layer.pixels[(WINDOW_HEIGHT / 2) * WINDOW_WIDTH + WINDOW_WIDTH / 2];
}

static bool draw(void)
{
	bool changed = false;
	for (int i = 0; i < 3; i++)
		changed |= show_draw(show, &layer, now);
	return changed;
}

/* Everything that is asked for comes, and is drawn. */
static void settle(void)
{
	for (int i = 0; i < 20 && (fake_pending() > 0 || show_pending(show)); i++) {
		fake_deliver_all();
		draw();
	}
}

static struct show_status status(void)
{
	struct show_status found;
	show_status(show, &found);
	return found;
}

static uint64_t again(void)
{
	struct show_again found;
	show_again(show, &found);
	return found.count;
}

Test(show, asks_for_the_wanted_picture_at_the_windows_size)
{
	show_go(show, 0, now);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(fake_pending(), 1, "nothing else before that is there");
}

Test(show, draws_it_when_it_is_there)
{
	show_go(show, 0, now);
	cr_expect_not(draw());
	fake_deliver();
	cr_expect(draw());
	cr_expect_eq(middle(), RED);
	cr_expect(status().seen);
	cr_expect(status().drawn);
}

Test(show, does_not_draw_again_what_has_not_changed)
{
	show_go(show, 0, now);
	settle();
	show_repin(show);
	cr_expect_not(draw());
}

Test(show, asks_for_two_ahead_and_one_behind_once_the_wanted_one_is_there)
{
	show_go(show, 2, now);
	fake_deliver();
	draw();
	cr_expect_eq(fake_priority("d", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(fake_priority("e", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(fake_priority("b", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(fake_pending(), 3);
}

Test(show, looks_ahead_in_the_direction_of_travel)
{
	show_go(show, 4, now);
	settle();
	show_go(show, 3, now);
	fake_deliver_all();
	size_t before = fake_requests();
	show_go(show, 2, now);
	draw();
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(fake_requests(), before + 1, "only a is not known yet");
}

Test(show, shows_a_neighbour_at_once)
{
	show_go(show, 0, now);
	settle();
	show_go(show, 1, now);
	cr_expect(draw(), "no decode is waited for");
	cr_expect_eq(middle(), GREEN);
}

Test(show, keeps_the_old_picture_until_the_new_one_is_there)
{
	show_go(show, 0, now);
	settle();
	show_go(show, 4, now);
	draw();
	cr_expect_eq(middle(), RED);
	cr_expect_not(status().seen);
	cr_expect(status().loading);
}

Test(show, only_what_somebody_looks_for_waits_for_room)
{
	show_go(show, 0, now);
	cr_expect_eq(fake_flags("a", WINDOW_WIDTH), MURAL_REQUEST_WAIT);
	fake_deliver();
	draw();
	cr_expect_eq(fake_flags("b", WINDOW_WIDTH), 0);
}

Test(show, gives_up_what_was_left_behind)
{
	show_go(show, 0, now);
	show_go(show, 4, now);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), UINT32_MAX);
	cr_expect_eq(fake_priority("e", WINDOW_WIDTH), MURAL_PRIORITY_VISIBLE);
}

Test(show, gives_up_the_picture_before_that_was_waited_for)
{
	show_go(show, 0, now);
	show_go(show, 1, now);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), UINT32_MAX, "it has a decoder");
	fake_deliver();
	draw();
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
}

Test(show, goes_on_with_the_neighbours_it_asked_for_ahead)
{
	show_go(show, 0, now);
	fake_deliver();
	draw();
	show_go(show, 1, now);
	cr_expect_eq(fake_priority("c", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
}

Test(show, gives_up_neighbours_that_are_none_any_more)
{
	show_go(show, 1, now);
	fake_deliver();
	draw();
	cr_assert_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	show_go(show, 4, now);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), UINT32_MAX);
	cr_expect_eq(fake_priority("b", WINDOW_WIDTH), UINT32_MAX);
}

Test(show, hurries_a_neighbour_that_becomes_wanted)
{
	show_go(show, 0, now);
	fake_deliver();
	draw();
	cr_assert_eq(fake_priority("b", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	show_go(show, 1, now);
	cr_expect_eq(fake_priority("b", WINDOW_WIDTH), MURAL_PRIORITY_VISIBLE);
}

Test(show, holds_no_pin_between_drawings)
{
	show_go(show, 0, now);
	settle();
	cr_expect_eq(fake_most_pinned(), 1);
	fake_purge(); /* aborts when something is pinned */
}

Test(show, asks_again_for_what_was_purged_and_keeps_it_on_screen)
{
	show_go(show, 0, now);
	settle();
	fake_purge();
	show_repin(show);
	cr_expect_not(draw());
	cr_expect_eq(middle(), RED);
	cr_expect_eq(fake_redecodes(), 1);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(again(), 0, "not yet");
}

Test(show, tells_that_it_was_decoded_again)
{
	show_go(show, 0, now);
	settle();
	fake_purge();
	show_repin(show);
	draw();
	fake_deliver();
	cr_expect(draw());
	cr_expect_eq(again(), 1);
	show_repin(show);
	draw();
	cr_expect_eq(again(), 1, "once");
	show_go(show, 6, now);
	settle();
	show_go(show, 0, now);
	settle();
	cr_expect_eq(again(), 1, "also when one comes back to it");
}

Test(show, a_purged_neighbour_is_decoded_when_it_is_wanted)
{
	show_go(show, 0, now);
	settle();
	fake_purge();
	show_go(show, 1, now);
	draw();
	cr_expect_eq(middle(), RED, "the old one stays");
	fake_deliver();
	draw();
	cr_expect_eq(middle(), GREEN);
	cr_expect_eq(again(), 1);
}

Test(show, waits_for_the_answer_to_a_pin_without_blocking)
{
	show_go(show, 0, now);
	settle();
	fake_idle();
	show_go(show, 1, now);
	cr_expect_not(draw());
	cr_expect(show_pending(show));
	fake_grant();
	cr_expect(draw());
	cr_expect_eq(middle(), GREEN);
}

Test(show, zooming_in_asks_for_the_full_size)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 40, 30);
	show_touch(show, false, now);
	cr_expect(draw(), "the small one, enlarged, meanwhile");
	cr_expect_not(status().drawn);
	cr_expect_eq(fake_priority("a", 0), MURAL_PRIORITY_VISIBLE);
	fake_deliver();
	cr_expect(draw());
	cr_expect(status().drawn);
	cr_expect_eq(status().bitmap_width, 800);
}

Test(show, a_purged_full_size_stays_on_screen_until_it_is_back)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 40, 30);
	show_touch(show, false, now);
	settle();
	fake_purge();
	show_repin(show);
	cr_expect_not(draw());
	cr_expect_eq(status().bitmap_width, 800);
	cr_expect_eq(fake_priority("a", 0), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(fake_redecodes(), 1, "the small one is not needed now");
}

Test(show, a_sharp_picture_does_not_become_blurred_when_only_it_was_purged)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 40, 30);
	show_touch(show, false, now);
	settle();
	fake_purge_wider(WINDOW_WIDTH);
	show_repin(show);
	cr_expect_not(draw());
	cr_expect_eq(status().bitmap_width, 800);
	fake_deliver();
	cr_expect(draw());
}

Test(show, what_is_to_be_drawn_is_pending)
{
	show_go(show, 0, now);
	settle();
	cr_expect_not(show_pending(show));
	show_repin(show);
	cr_expect(show_pending(show));
}

Test(show, looking_for_a_while_gets_the_full_size_ready)
{
	show_go(show, 0, now);
	settle();
	now += 1000;
	show_tick(show, now);
	cr_expect_eq(fake_priority("a", 0), MURAL_PRIORITY_SOON);
}

Test(show, but_not_before_the_neighbours_however_long_the_picture_took)
{
	show_go(show, 0, now);
	now += 1000;
	fake_deliver();
	show_tick(show, now);
	cr_expect_eq(fake_priority("b", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(fake_priority("a", 0), UINT32_MAX);
	fake_deliver_all();
	show_tick(show, now);
	cr_expect_eq(fake_priority("a", 0), MURAL_PRIORITY_SOON);
}

Test(show, not_when_it_is_too_large_for_the_pool)
{
	show_set_budget(show, 4 * (800 * 600 * 4 - 1));
	show_go(show, 0, now);
	settle();
	now += 1000;
	show_tick(show, now);
	cr_expect_eq(fake_priority("a", 0), UINT32_MAX);
	cr_expect_eq(show_timeout(show, now), -1);
}

Test(show, nothing_is_asked_for_ahead_under_pressure)
{
	show_set_pressure(show, MURAL_PRESSURE_MODERATE);
	show_go(show, 0, now);
	settle();
	now += 1000;
	show_tick(show, now);
	cr_expect_eq(fake_pending(), 0);
}

Test(show, what_was_asked_for_ahead_is_given_up_under_pressure)
{
	show_go(show, 2, now);
	fake_deliver();
	draw();
	cr_assert_eq(fake_pending(), 3);
	show_set_pressure(show, MURAL_PRESSURE_MODERATE);
	cr_expect_eq(fake_pending(), 0);
	settle();
	cr_expect_eq(fake_pending(), 0, "and not asked for again");
	show_set_pressure(show, MURAL_PRESSURE_NONE);
	draw();
	cr_expect_eq(fake_pending(), 3, "but when it is over");
}

Test(show, under_pressure_few_references_are_kept)
{
	for (size_t i = 0; i < 5; i++) {
		show_go(show, i, now);
		settle();
	}
	show_go(show, 2, now);
	settle();
	size_t all = fake_held();
	show_set_pressure(show, MURAL_PRESSURE_MODERATE);
	cr_expect_lt(fake_held(), all);
	cr_expect_eq(fake_held(), 4, "the wanted one, two ahead and one behind");
	show_set_pressure(show, MURAL_PRESSURE_CRITICAL);
	cr_expect_eq(fake_held(), 1, "what is on the screen");
	cr_expect_not(draw());
	cr_expect_eq(middle(), BLUE);
}

Test(show, a_full_size_that_nobody_looks_at_goes_under_pressure)
{
	show_go(show, 0, now);
	settle();
	now += 1000;
	show_tick(show, now);
	settle();
	size_t held = fake_held();
	show_set_pressure(show, MURAL_PRESSURE_MODERATE);
	cr_expect_eq(fake_held(), held - 1);
}

Test(show, a_full_size_that_is_on_the_screen_stays_under_pressure)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 0, 0);
	show_touch(show, false, now);
	settle();
	cr_assert_eq(status().bitmap_width, 800);
	show_set_pressure(show, MURAL_PRESSURE_CRITICAL);
	cr_expect_eq(fake_held(), 2, "the full size, and the one to go back to");
	settle();
	cr_expect_eq(status().bitmap_width, 800);
}

Test(show, a_small_picture_has_no_other_size)
{
	show_go(show, 6, now);
	settle();
	now += 1000;
	show_tick(show, now);
	cr_expect_eq(fake_priority("small", 0), UINT32_MAX);
	cr_expect_eq(middle(), BLUE);
	cr_expect_eq(layer.pixels[0], COLOUR_BACKGROUND);
}

Test(show, says_why_a_picture_can_not_be_shown)
{
	show_go(show, 5, now);
	fake_deliver();
	cr_expect(draw());
	cr_expect_str_eq(status().error, "it ends early");
	cr_expect_eq(middle(), COLOUR_BACKGROUND);
}

Test(show, goes_on_behind_a_bad_picture)
{
	show_go(show, 5, now);
	settle();
	show_go(show, 6, now);
	settle();
	cr_expect_null(status().error);
	cr_expect_eq(middle(), BLUE);
}

Test(show, tries_a_bad_picture_anew_when_one_comes_back)
{
	show_go(show, 5, now);
	settle();
	show_go(show, 6, now);
	settle();
	fake_change("bad", 0, NULL);
	show_go(show, 5, now);
	settle();
	cr_expect_null(status().error);
	cr_expect_eq(middle(), RED);
}

Test(show, a_file_that_is_gone_says_so)
{
	paths[6] = "missing";
	show_go(show, 6, now);
	draw();
	cr_expect_str_eq(status().error, "No such file or directory");
	paths[6] = "small";
}

Test(show, a_file_that_has_changed_is_shown_as_it_is_now)
{
	show_go(show, 0, now);
	settle();
	fake_purge();
	fake_change("a", -ESTALE, "changed");
	show_repin(show);
	draw();
	fake_deliver();
	fake_change("a", 0, NULL);
	settle();
	cr_expect_null(status().error);
	cr_expect(status().seen);
}

Test(show, survives_the_end_of_the_producer)
{
	show_go(show, 0, now);
	settle();
	show_go(show, 4, now);
	fake_lose();
	draw();
	cr_expect_null(status().error);
	cr_expect_eq(middle(), RED, "what is seen stays");
	cr_expect(show_pending(show));
	now += 1000;
	show_tick(show, now);
	settle();
	cr_expect_eq(middle(), RED);
	cr_expect(status().seen, "it came from another producer");
}

Test(show, does_not_ask_for_a_neighbour_over_and_over_when_there_is_no_room)
{
	fake_change("b", -ENOSPC, "all is pinned");
	show_go(show, 0, now);
	settle();
	size_t before = fake_requests();
	for (int i = 0; i < 5; i++) {
		show_tick(show, now);
		settle();
	}
	cr_expect_eq(fake_requests(), before);
}

Test(show, a_neighbour_without_room_is_waited_for_when_it_is_wanted)
{
	fake_change("b", -ENOSPC, "all is pinned");
	show_go(show, 0, now);
	settle();
	fake_change("b", 0, NULL);
	show_go(show, 1, now);
	settle();
	cr_expect_eq(middle(), GREEN);
}

Test(show, a_larger_window_gets_a_larger_bitmap_after_a_while)
{
	show_go(show, 0, now);
	settle();
	cr_assert_eq(image_resize(&layer, 160, 120, COLOUR_BACKGROUND), 0);
	show_resize(show, (struct window_size){160, 120}, now);
	cr_expect(draw(), "at once, enlarged");
	cr_expect_eq(fake_priority("a", 160), UINT32_MAX, "perhaps it goes on growing");
	now += 300;
	show_tick(show, now);
	cr_expect_eq(fake_priority("a", 160), MURAL_PRIORITY_VISIBLE);
	fake_deliver();
	draw();
	cr_expect_eq(status().bitmap_width, 160);
}

Test(show, a_turned_picture_is_asked_for_as_it_fits_then)
{
	struct mural *mural = fake_open((struct fake_file[]){{"a", 600, 800, RED, 0, NULL, 0}}, 1);
	struct list one = {.paths = paths, .count = 1, .capacity = 1};
	struct show *turned;
	cr_assert_eq(show_create(mural, &one, &turned), 0);
	show_resize(turned, (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, now);
	show_go(turned, 0, now);
	fake_deliver();
	show_draw(turned, &layer, now);
	view_rotate(show_view(turned), true);
	show_touch(turned, false, now);
	cr_expect_eq(fake_priority("a", WINDOW_HEIGHT), MURAL_PRIORITY_VISIBLE);
	fake_deliver();
	show_draw(turned, &layer, now);
	struct show_status found;
	show_status(turned, &found);
	cr_expect_eq(found.bitmap_width, 60);
	cr_expect_eq(found.bitmap_height, 80);
	show_destroy(turned);
}

Test(show, a_pause_gives_up_everything_under_way)
{
	show_go(show, 0, now);
	fake_deliver();
	draw();
	cr_assert_gt(fake_pending(), 0);
	show_pause(show);
	cr_expect_eq(fake_pending(), 0);
	show_resume(show, now);
	cr_expect(draw(), "the layer held something else");
}

Test(show, leafing_through_all_keeps_few_references)
{
	for (int round = 0; round < 10; round++)
		for (size_t i = 0; i < list.count; i++) {
			show_go(show, i, now);
			settle();
		}
	cr_expect_eq(fake_most_pinned(), 1);
}

Test(show, a_preview_is_seen_until_the_picture_is_there)
{
	show_go(show, 7, now);
	cr_expect(fake_deliver_preview());
	cr_expect(draw());
	cr_expect_eq(middle(), GREY);
	cr_expect(status().preview);
	cr_expect_not(status().drawn, "there is more to come");
	cr_expect_eq(fake_pending(), 1, "nothing is looked for ahead");
	fake_deliver();
	cr_expect(draw());
	cr_expect_eq(middle(), GREEN);
	cr_expect_not(status().preview);
	cr_expect(status().drawn);
}

Test(show, a_preview_is_asked_for_before_the_picture)
{
	show_go(show, 7, now);
	cr_expect(fake_deliver(), "the oldest of the most urgent");
	draw();
	cr_expect(status().preview);
}

Test(show, a_preview_that_comes_late_is_given_up)
{
	show_go(show, 7, now);
	cr_expect(fake_deliver_picture());
	draw();
	cr_expect_eq(middle(), GREEN);
	cr_expect_not(fake_deliver_preview());
}

Test(show, no_preview_is_asked_for_of_what_is_there_or_was_seen)
{
	show_go(show, 7, now);
	settle();
	fake_purge();
	show_repin(show);
	draw();
	show_tick(show, now);
	cr_expect_not(fake_deliver_preview(), "the layer still holds the picture");
	fake_deliver_all();
	show_go(show, 8, now); /* was prefetched */
	cr_expect_not(fake_deliver_preview());
}

Test(show, a_preview_is_given_up_with_its_picture)
{
	show_go(show, 7, now);
	show_go(show, 0, now);
	cr_expect_not(fake_deliver_preview());
}

Test(show, a_file_that_was_written_is_decoded_anew_and_stays_to_be_seen)
{
	show_go(show, 0, now);
	settle();
	size_t before = fake_requests();
	show_changed(show, 0, now);
	cr_expect_eq(fake_requests(), before + 1);
	cr_expect_eq(fake_priority("a", WINDOW_WIDTH), MURAL_PRIORITY_VISIBLE);
	draw();
	cr_expect_eq(middle(), RED);
	cr_expect(status().seen);
	fake_deliver_all();
	cr_expect(draw(), "the new one is drawn");
}

/* A camera's picture, every 20 ms: each decode comes to its end, and is seen. */
Test(show, a_file_that_is_written_faster_than_it_is_decoded_is_shown)
{
	show_go(show, 0, now);
	settle();
	show_changed(show, 0, now);
	draw();
	size_t before = fake_requests();
	for (int i = 0; i < 10; i++)
		show_changed(show, 0, now);
	cr_expect_eq(fake_requests(), before, "what is pending is waited for");
	fake_deliver_all();
	show_changed(show, 0, now);
	cr_expect_eq(fake_requests(), before, "and drawn");
	cr_expect(draw());
	cr_expect_eq(show_timeout(show, now), 0);
	show_tick(show, now);
	cr_expect_eq(fake_requests(), before + 1, "then asked for again");
	settle();
	show_tick(show, now);
	cr_expect_eq(fake_requests(), before + 1, "once");
}

Test(show, a_zoom_outlives_that_its_file_is_written)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 0, 0);
	show_changed(show, 0, now);
	settle();
	cr_expect_not(show_view(show)->fitted);
	cr_expect_eq(show_view(show)->scale, 1);
}

Test(show, a_file_that_nobody_looks_at_is_written)
{
	show_go(show, 0, now);
	settle();
	size_t before = fake_requests();
	show_changed(show, 4, now);
	cr_expect_eq(fake_requests(), before, "it is not remembered");
	show_changed(show, 1, now);
	cr_expect_eq(fake_requests(), before + 1, "the next one is had ready again");
	cr_expect_eq(fake_priority("b", WINDOW_WIDTH), MURAL_PRIORITY_PREFETCH);
}

/* "a" at 100 %, sharp, and written since; what fits the window has come of the new one. */
static void change_what_is_sharp(void)
{
	show_go(show, 0, now);
	settle();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 0, 0);
	show_touch(show, false, now);
	settle();
	cr_assert(status().drawn);
	fake_paint("a", GREEN);
	show_changed(show, 0, now);
	cr_assert(fake_deliver());
	draw();
	cr_assert_eq(fake_priority("a", 0), MURAL_PRIORITY_VISIBLE, "the new full size");
}

Test(show, what_is_sharp_stays_until_the_new_one_is)
{
	change_what_is_sharp();
	cr_expect_eq(middle(), RED);
	settle();
	cr_expect_eq(middle(), GREEN);
	cr_expect(status().drawn);
}

Test(show, what_the_file_was_does_not_stay_when_its_new_full_size_fails)
{
	change_what_is_sharp();
	fake_change("a", -ENOSPC, "all is pinned");
	settle();
	cr_expect_eq(middle(), GREEN);
	cr_expect_not(status().drawn);
	cr_expect_not_null(status().full_error);
}

Test(show, what_the_file_was_does_not_stay_when_the_new_one_can_not_be_shown)
{
	show_go(show, 0, now);
	settle();
	fake_change("a", -EBADMSG, "it is damaged");
	show_changed(show, 0, now);
	settle();
	cr_expect_eq(middle(), COLOUR_BACKGROUND);
	cr_expect_str_eq(status().error, "it is damaged");
}

Test(show, what_the_file_was_does_not_stay_when_it_is_loaded_again_by_hand)
{
	change_what_is_sharp();
	settle();
	fake_paint("a", BLUE);
	show_reload(show, now);
	fake_deliver();
	view_zoom_to(show_view(show), (struct window_size){WINDOW_WIDTH, WINDOW_HEIGHT}, 1, 0, 0);
	show_touch(show, false, now);
	fake_change("a", -ENOSPC, "all is pinned");
	settle();
	cr_expect_eq(middle(), BLUE);
}

/* ---- a list that shrinks ---- */

/* Takes them out of the list, too. */
static void remove_some(const size_t *gone, size_t count)
{
	borrowed_remove(&list, gone, count);
	show_removed(show, gone, count);
}

Test(show, what_is_removed_is_forgotten_and_the_others_stay)
{
	static const size_t gone[] = {1};
	show_go(show, 2, now);
	settle();
	size_t held = fake_held(), requests = fake_requests();
	remove_some(gone, 1);
	cr_expect_eq(fake_held(), held - 1);
	cr_expect_eq(status().index, 1);
	cr_expect(status().seen);
	cr_expect_not(draw(), "it is there");
	settle();
	cr_expect_eq(fake_requests(), requests + 1, "a is the one before, now");
	show_go(show, 2, now);
	draw();
	cr_expect_eq(middle(), GREY, "d was ready");
}

Test(show, what_was_drawn_and_is_removed_is_not_taken_for_another)
{
	static const size_t gone[] = {0};
	show_go(show, 0, now);
	settle();
	show_go(show, 1, now);
	remove_some(gone, 1);
	cr_expect_eq(status().index, 0);
	cr_expect_not(status().seen);
	settle();
	cr_expect_eq(middle(), GREEN);
	cr_expect(status().seen);
}

Test(show, what_comes_behind_is_wanted_in_place_of_what_is_removed)
{
	static const size_t second[] = {1}, last[] = {7};
	static const size_t all[] = {0, 1, 2, 3, 4, 5, 6};
	show_go(show, 1, now);
	settle();
	show_pause(show);
	remove_some(second, 1);
	cr_expect_eq(status().index, 1);
	show_resume(show, now);
	settle();
	cr_expect_eq(middle(), BLUE);
	show_go(show, 7, now);
	remove_some(last, 1);
	cr_expect_eq(status().index, 6);
	remove_some(all, 7);
	cr_expect_eq(status().index, 0);
	cr_expect_null(show_view(show));
	cr_expect_eq(fake_held(), 0);
	settle();
	paths[0] = "small";
	list.count = 1;
	show_go(show, 0, now);
	settle();
	cr_expect_eq(middle(), BLUE);
}
