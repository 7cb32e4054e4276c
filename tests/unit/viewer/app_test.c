/* Keys, from one picture to the gallery and back, and the list of keys that --headless plays. */
#include "fake_mural.h"

#include "viewer/app.h"
#include "viewer/follow.h"
#include "viewer/headless.h"
#include "viewer/list.h"
#include "viewer/style.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RED 0xffff0000u
#define GREEN 0xff00ff00u
#define BLUE 0xff0000ffu

static const struct fake_file files[] = {
	{"1.jpg", 4000, 3000, RED, 0, NULL, 0},
	{"2.jpg", 4000, 3000, GREEN, 0, NULL, 0},
	{"3.jpg", 4000, 3000, BLUE, 0, NULL, 0},
	{"4.jpg", 4000, 3000, BLUE, -EBADMSG, "it ends early", 0},
	{"y/2.jpg", 4000, 3000, BLUE, 0, NULL, 0},
	{"z/2.jpg", 4000, 3000, BLUE, 0, NULL, 0},
};
static const char *const paths[] = {"1.jpg", "2.jpg", "3.jpg", "4.jpg"};

static struct app *app;

static void start(struct app_options options, size_t count)
{
	const char *bad;
	fake_open(files, ARRAY_SIZE(files));
	options.still = true;
	cr_assert_eq(app_create(&options, &app), 0);
	cr_assert_eq(app_open(app, paths, count, (struct window_size){400, 300}, 1000, &bad), 0);
}

static void setup(void)
{
	start((struct app_options){.slideshow_ms = 100}, 3);
}

static void teardown(void)
{
	app_destroy(app);
	cr_expect(fake_is_clean());
}

TestSuite(app, .init = setup, .fini = teardown, .timeout = 30);

static uint32_t shown[300][400];

static void compose(void)
{
	app_compose(app, &(struct image){shown[0], 400, 300});
}

static uint32_t middle(void)
{
	compose();
	return shown[150][200];
}

static void expect_played(const char *keys, uint32_t colour)
{
	cr_expect_eq(headless_play(app, keys), 0);
	cr_expect_eq(middle(), colour, "%s", keys);
}

Test(app, shows_the_first_picture)
{
	expect_played("", RED);
}

Test(app, leafs)
{
	expect_played("next", GREEN);
	expect_played("Right,Right,Right", BLUE);
	expect_played("b", GREEN);
	expect_played("g", RED);
	expect_played("previous", RED);
	expect_played("G", BLUE);
}

Test(app, leafing_quickly_ends_where_it_should)
{
	expect_played("!next,!next", BLUE);
}

Test(app, arrows_pan_when_there_is_something_to_pan)
{
	expect_played("1,Right,Down", RED);
	expect_played("w,Right", GREEN);
}

Test(app, purge_brings_the_picture_back)
{
	expect_played("purge", RED);
	cr_expect_geq(fake_redecodes(), 1);
}

Test(app, the_gallery_opens_what_is_selected)
{
	expect_played("Enter,Right,Enter", GREEN);
	expect_played("Enter,End,Esc", BLUE);
	cr_expect_not(app_quits(app));
}

Test(app, escape_leaves_help_before_the_program)
{
	headless_play(app, "?,Esc");
	cr_expect_not(app_quits(app));
	headless_play(app, "Esc");
	cr_expect(app_quits(app));
}

Test(app, info_memory_and_help_are_drawn_and_go_again)
{
	headless_play(app, "");
	static uint32_t before[300][400];
	compose();
	memcpy(before, shown, sizeof(before));
	static const char *const keys[] = {"i", "m", "?"};
	for (int i = 0; i < 3; i++) {
		headless_play(app, keys[i]);
		compose();
		cr_expect_neq(memcmp(before, shown, sizeof(before)), 0, "%s", keys[i]);
		headless_play(app, keys[i]);
		compose();
		cr_expect_eq(memcmp(before, shown, sizeof(before)), 0, "%s", keys[i]);
	}
}

Test(app, is_composed_whole_in_a_window_of_another_size)
{
	enum { WIDTH = 500, HEIGHT = 200 };
	static uint32_t pixels[HEIGHT][WIDTH];
	headless_play(app, "");
	app_compose(app, &(struct image){pixels[0], WIDTH, HEIGHT});
	cr_expect_eq(pixels[HEIGHT / 2][WIDTH / 2], RED);
	cr_expect_eq(pixels[0][0], COLOUR_BACKGROUND);
	cr_expect_eq(pixels[HEIGHT - 1][WIDTH - 1], COLOUR_BACKGROUND);
}

Test(app, a_double_click_asks_for_full_screen)
{
	app_click(app, 10, 10, true, 1000);
	cr_expect(app_fullscreen(app));
	app_act(app, ACTION_FULLSCREEN, 1000);
	cr_expect_not(app_fullscreen(app));
}

Test(app, the_slide_show_goes_on_by_itself_and_begins_anew)
{
	headless_play(app, "G,s");
	uint64_t now = 1000;
	app_tick(app, now);
	app_tick(app, now + 90);
	app_draw(app, now);
	cr_expect_eq(middle(), BLUE);
	app_tick(app, now + 110);
	app_draw(app, now);
	cr_expect_eq(middle(), RED);
}

Test(app, may_begin_with_the_slide_show_or_the_gallery)
{
	app_destroy(app);
	start((struct app_options){.slideshow = true, .slideshow_ms = 100}, 3);
	headless_play(app, "");
	app_tick(app, 1000);
	app_tick(app, 1110);
	app_draw(app, 1110);
	fake_deliver_all();
	expect_played("s", GREEN);
	app_destroy(app);
	start((struct app_options){.gallery = true}, 3);
	expect_played("Right,Enter", GREEN);
}

Test(app, dropped_files_are_shown)
{
	const char *dropped[] = {"2.jpg"};
	headless_play(app, "Enter");
	app_drop(app, dropped, 1, 1000);
	expect_played("", GREEN);
	char title[64];
	app_title(app, title, sizeof(title));
	cr_expect_str_eq(title, "2.jpg (4/4) - Mural");
}

Test(app, the_wheel_zooms_or_leafs)
{
	headless_play(app, "");
	app_wheel(app, 1, 200, 150, 1000);
	expect_played("", RED);
	app_destroy(app);
	start((struct app_options){.wheel_leafs = true}, 3);
	headless_play(app, "");
	app_wheel(app, -1, 200, 150, 1000);
	expect_played("", GREEN);
}

Test(app, a_bad_picture_is_told_and_passed)
{
	app_destroy(app);
	start((struct app_options){0}, 4);
	cr_expect_eq(headless_play(app, "G"), 1);
	cr_expect(app_failed(app));
	cr_expect_str_eq(app_error(app, NULL), "it ends early");
	cr_expect_eq(headless_play(app, "b"), 1, "what was passed on the way counts");
	cr_expect_eq(middle(), BLUE);
}

Test(app, asks_ahead_again_a_while_after_memory_was_short)
{
	fake_press(MURAL_PRESSURE_CRITICAL);
	expect_played("wait", RED);
	cr_expect_eq(fake_held(), 1);
	uint64_t ended = monotonic_ns() / 1000000;
	app_tick(app, ended);
	fake_press(MURAL_PRESSURE_NONE);
	expect_played("wait", RED);
	cr_expect_eq(fake_held(), 1, "not at once");
	cr_expect_geq(app_timeout(app, ended), 0, "it will be looked at");
	app_tick(app, ended + 10000);
	app_draw(app, ended + 10000);
	cr_expect_gt(fake_held(), 1);
}

Test(app, every_action_can_be_played_everywhere)
{
	size_t count;
	const struct action_info *table = keys_table(&count);
	for (size_t i = 0; i < count; i++)
		cr_expect_geq(headless_play(app, table[i].name), 0, "%s", table[i].name);
	for (size_t i = 0; i < count; i++) {
		headless_play(app, "Enter");
		cr_expect_geq(headless_play(app, table[i].name), 0, "%s", table[i].name);
	}
}

Test(keys_list, unknown_names_are_told)
{
	char *bad;
	cr_expect(headless_knows_keys("next,!p,wait,wait:20,snapshot:a.png,,?", &bad));
	cr_expect_not(headless_knows_keys("next,what,p", &bad));
	cr_expect_str_eq(bad, "what");
	free(bad);
	cr_expect_not(headless_knows_keys("wait:soon", &bad));
	free(bad);
	cr_expect_not(headless_knows_keys("snapshot:", &bad));
	free(bad);
}

/* ---- a folder that changes ---- */

static void write_file(const char *name)
{
	FILE *file = fopen(name, "we");
	cr_assert_not_null(file);
	cr_assert_eq(fclose(file), 0);
}

static void restart(struct app_options options)
{
	app_destroy(app);
	fake_open(files, ARRAY_SIZE(files));
	cr_assert_eq(app_create(&options, &app), 0);
}

/* Leaves what setup made, for a folder with 1.jpg and 2.jpg. */
static void start_with(const char *const *named, size_t count, unsigned list_flags)
{
	static char folder[] = "/tmp/mural-app-XXXXXX";
	const char *bad;
	cr_assert(mkdtemp(folder) && chdir(folder) == 0);
	write_file("1.jpg");
	write_file("2.jpg");
	cr_assert(mkdir("x", 0700) == 0 && mkdir("y", 0700) == 0);
	write_file("x/1.jpg");
	write_file("y/2.jpg");
	restart((struct app_options){.follow = true, .still = true, .list_flags = list_flags});
	cr_assert_eq(app_open(app, named, count, (struct window_size){400, 300}, 1000, &bad), 0);
}

static void start_in_folder(const char *named, unsigned list_flags)
{
	start_with(&named, 1, list_flags);
}

/* As the window's loop does it, until there is nothing to be done. */
static void look(void)
{
	struct pollfd readable = {.fd = app_follow_fd(app), .events = POLLIN};
	while (poll(&readable, 1, 0) == 1)
		app_dispatch(app);
	for (int i = 0; i < 1000 && app_timeout(app, 1000) == 0; i++) {
		app_tick(app, 1000);
		app_draw(app, 1000);
	}
}

/* And when what is gone has had time to come back. */
static void look_later(void)
{
	look();
	for (uint64_t now = 2000; now <= 3000; now += 1000) {
		app_tick(app, now);
		app_draw(app, now);
	}
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(name);
}

static void leave_folder(void)
{
	char *folder = getcwd(NULL, 0);
	cr_expect_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(folder);
}

static void expect_title(const char *wanted)
{
	char title[64];
	app_title(app, title, sizeof(title));
	cr_expect_str_eq(title, wanted);
}

Test(app, shows_what_becomes_of_the_file)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_played("", RED);
	size_t before = fake_requests();
	look();
	cr_expect_eq(fake_requests(), before);
	write_file("1.jpg");
	look();
	cr_expect_eq(fake_requests(), before + 1);
	leave_folder();
}

Test(app, shows_what_comes_into_the_folder)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_title("1.jpg (1/2) - Mural");
	write_file("3.jpg");
	write_file("notes.txt");
	write_file("2.jpg");
	look();
	expect_title("1.jpg (1/3) - Mural");
	expect_played("last", BLUE);
	leave_folder();
}

Test(app, adds_nothing_that_is_no_file)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	cr_assert_eq(mkfifo("pipe", 0600), 0);
	cr_assert_eq(rename("pipe", "9.jpg"), 0);
	write_file("3.jpg");
	look();
	expect_title("1.jpg (1/3) - Mural");
	cr_assert_eq(remove("9.jpg"), 0);
	leave_folder();
}

static void drop_from(const char *folder, const char *named)
{
	char first[16], second[16];
	const char *dropped = first;
	snprintf(first, sizeof(first), "%s/4.jpg", folder);
	snprintf(second, sizeof(second), "%s/5.jpg", folder);
	start_in_folder(named, LIST_SIBLINGS);
	mkdir(folder, 0700);
	write_file(first);
	app_drop(app, &dropped, 1, 1000);
	expect_title("4.jpg (3/3) - Mural");
	write_file(second);
	look();
	expect_title("4.jpg (3/3) - Mural");
	leave_folder();
}

/* Only what was named grows, not the folder of each file that came along: neither one in it, */
Test(app, adds_nothing_from_the_folder_of_a_dropped_file)
{
	drop_from("other", "1.jpg");
}

/* nor another whose name is as long. */
Test(app, adds_nothing_from_another_folder)
{
	drop_from("x", "./1.jpg");
}

Test(app, adds_nothing_to_a_single_file)
{
	start_in_folder("1.jpg", 0);
	write_file("3.jpg");
	look();
	expect_title("1.jpg (1/1) - Mural");
	leave_folder();
}

Test(app, a_folder_that_is_named_with_two_slashes_grows_once)
{
	start_in_folder(".//1.jpg", LIST_SIBLINGS);
	expect_title("1.jpg (1/2) - Mural");
	write_file("2.jpg");
	write_file("3.jpg");
	look();
	expect_title("1.jpg (1/3) - Mural");
	leave_folder();
}

Test(app, follows_all_folders_that_were_named)
{
	static const char *const named[] = {"x", "y/"};
	start_with(named, 2, LIST_SIBLINGS);
	expect_title("1.jpg (1/2) - Mural");
	write_file("y/3.jpg");
	write_file("x/3.jpg");
	write_file("3.jpg");
	look();
	expect_title("1.jpg (1/4) - Mural");
	leave_folder();
}

Test(app, follows_the_folders_of_all_files_that_were_named)
{
	static const char *const named[] = {"1.jpg", "y/2.jpg"};
	start_with(named, 2, LIST_SIBLINGS);
	headless_play(app, "Enter");
	fake_deliver_all();
	size_t before = fake_requests();
	write_file("y/3.jpg");
	write_file("y/2.jpg");
	look();
	cr_expect_eq(fake_requests(), before + 1, "another thumbnail");
	expect_title("1.jpg (1/2) - Mural");
	leave_folder();
}

Test(app, a_dropped_folder_grows)
{
	const char *dropped = "y";
	start_in_folder("1.jpg", LIST_SIBLINGS);
	app_drop(app, &dropped, 1, 1000);
	expect_title("2.jpg (3/3) - Mural");
	write_file("y/3.jpg");
	look();
	expect_title("2.jpg (3/4) - Mural");
	leave_folder();
}

Test(app, folders_in_folders_grow_only_when_asked)
{
	start_in_folder(".", LIST_RECURSIVE);
	expect_title("1.jpg (1/4) - Mural");
	write_file("x/3.jpg");
	cr_assert_eq(mkdir("z", 0700), 0);
	write_file("z/4.jpg");
	look();
	expect_title("1.jpg (1/6) - Mural");
	leave_folder();
}

Test(app, a_folder_that_is_made_again_is_followed_again)
{
	start_in_folder("x", LIST_SIBLINGS);
	cr_assert(unlink("x/1.jpg") == 0 && rmdir("x") == 0);
	look();
	expect_title("1.jpg (1/1) - Mural");
	cr_assert_eq(mkdir("x", 0700), 0);
	write_file("x/2.jpg");
	look();
	expect_title("1.jpg (1/2) - Mural");
	write_file("x/3.jpg");
	look();
	expect_title("1.jpg (1/3) - Mural");
	leave_folder();
}

static void remove_file(const char *name)
{
	cr_assert_eq(remove(name), 0, "%s", name);
}

Test(app, what_is_deleted_leaves_the_list)
{
	start_in_folder("2.jpg", LIST_SIBLINGS);
	write_file("3.jpg");
	write_file("4.jpg");
	look();
	expect_title("2.jpg (2/4) - Mural");
	remove_file("1.jpg");
	cr_assert_eq(rename("4.jpg", "x/4.jpg"), 0);
	look_later();
	expect_title("2.jpg (1/2) - Mural");
	expect_played("next", BLUE);
	expect_title("3.jpg (2/2) - Mural");
	leave_folder();
}

Test(app, what_is_shown_stays_until_it_is_left)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_played("", RED);
	remove_file("1.jpg");
	look_later();
	expect_played("", RED);
	expect_title("1.jpg (1/2) - Mural");
	expect_played("next", GREEN);
	expect_title("2.jpg (1/1) - Mural");
	expect_played("previous", GREEN);
	leave_folder();
}

Test(app, what_is_shown_and_written_again_stays)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_played("", RED);
	remove_file("1.jpg");
	look_later();
	size_t before = fake_requests();
	write_file("1.jpg");
	look();
	cr_expect_gt(fake_requests(), before);
	expect_title("1.jpg (1/2) - Mural");
	expect_played("next", GREEN);
	expect_title("2.jpg (2/2) - Mural");
	leave_folder();
}

Test(app, what_was_deleted_and_written_before_it_is_told_stays)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	remove_file("2.jpg");
	write_file("2.jpg");
	look_later();
	expect_title("1.jpg (1/2) - Mural");
	leave_folder();
}

Test(app, what_is_written_again_while_more_comes_stays)
{
	enum { COUNT = 2 * FOLLOW_STEP };
	char name[32];
	start_in_folder(".", LIST_RECURSIVE);
	cr_assert_eq(mkdir(".new", 0700), 0);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), ".new/%d.jpg", i);
		write_file(name);
	}
	cr_assert_eq(rename(".new", "new"), 0);
	remove_file("x/1.jpg");
	app_dispatch(app);
	write_file("x/1.jpg");
	look_later();
	app_act(app, ACTION_NEXT, 1000);
	app_act(app, ACTION_NEXT, 1000);
	snprintf(name, sizeof(name), "1.jpg (3/%d) - Mural", COUNT + 4);
	expect_title(name);
	leave_folder();
}

/* The last so many pictures are in natural order. */
static void expect_ordered(size_t count)
{
	char later[64], title[64];
	app_act(app, ACTION_LAST, 1000);
	app_title(app, later, sizeof(later));
	for (size_t i = 1; i < count; i++) {
		app_act(app, ACTION_PREVIOUS, 1000);
		app_title(app, title, sizeof(title));
		cr_assert_lt(list_compare_natural(title, later), 0, "%s, %s", title, later);
		strcpy(later, title);
	}
}

/* Its order is not lost to programs that remove the old file, or move it away, and write another.
 */
Test(app, what_is_written_again_soon_stays_in_its_place)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	write_file("3.jpg");
	write_file("4.jpg");
	look();
	remove_file("2.jpg");
	app_dispatch(app);
	app_tick(app, 2000);
	remove_file("3.jpg");
	app_dispatch(app);
	write_file("2.jpg");
	app_tick(app, 3000);
	write_file("3.jpg");
	look_later();
	expect_ordered(4);
	leave_folder();
}

Test(app, each_place_of_what_is_deleted_leaves)
{
	static const char *const named[] = {"2.jpg", "1.jpg", "2.jpg", "y/2.jpg", "2.jpg"};
	start_with(named, 5, LIST_AS_NAMED);
	app_act(app, ACTION_NEXT, 1000);
	remove_file("2.jpg");
	look_later();
	expect_title("1.jpg (1/2) - Mural");
	expect_played("next", BLUE);
	leave_folder();
}

Test(app, what_was_named_itself_comes_back)
{
	static const char *const named[] = {"1.jpg", "y/2.jpg"};
	start_with(named, 2, LIST_SIBLINGS);
	remove_file("y/2.jpg");
	look_later();
	expect_title("1.jpg (1/1) - Mural");
	write_file("y/3.jpg");
	write_file("y/2.jpg");
	look();
	expect_title("1.jpg (1/2) - Mural");
	expect_played("next", BLUE);
	leave_folder();
}

Test(app, what_was_named_itself_comes_back_whatever_it_is_called)
{
	start_in_folder("photo", LIST_SIBLINGS);
	expect_title("photo (3/3) - Mural");
	app_act(app, ACTION_PREVIOUS, 1000);
	write_file("photo");
	remove_file("photo");
	look_later();
	expect_title("2.jpg (2/2) - Mural");
	write_file("photo");
	look();
	expect_title("2.jpg (2/3) - Mural");
	leave_folder();
}

Test(app, what_is_deleted_leaves_the_gallery)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	headless_play(app, "Enter");
	remove_file("1.jpg");
	look_later();
	expect_played("Enter", GREEN);
	expect_title("2.jpg (1/1) - Mural");
	leave_folder();
}

Test(app, what_was_shown_and_deleted_is_not_in_the_gallery)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_played("", RED);
	remove_file("1.jpg");
	look_later();
	headless_play(app, "Enter");
	expect_title("2.jpg (1/1) - Mural");
	expect_played("Enter", GREEN);
	leave_folder();
}

static bool is_empty(void)
{
	compose();
	for (int x = 0; x < 400; x++)
		if (shown[10][x] != COLOUR_BACKGROUND)
			return false;
	return true;
}

Test(app, when_all_is_deleted_what_comes_is_shown)
{
	start_in_folder("1.jpg", LIST_SIBLINGS);
	expect_played("", RED);
	cr_expect_not(is_empty());
	remove_file("1.jpg");
	remove_file("2.jpg");
	look_later();
	expect_played("", RED);
	headless_play(app, "Enter");
	expect_title("Mural");
	cr_expect(is_empty());
	headless_play(app, "Enter,next,i,s,r");
	app_tick(app, 5000);
	write_file("2.jpg");
	look();
	expect_title("2.jpg (1/1) - Mural");
	expect_played("", GREEN);
	headless_play(app, "Enter");
	remove_file("2.jpg");
	look_later();
	expect_title("Mural");
	cr_expect(is_empty());
	write_file("1.jpg");
	look();
	expect_played("", RED);
	leave_folder();
}

Test(app, what_goes_with_its_folder_leaves_the_list)
{
	start_in_folder(".", LIST_RECURSIVE);
	expect_title("1.jpg (1/4) - Mural");
	cr_assert_eq(rename("x", "/tmp/mural-app-moved"), 0);
	look_later();
	expect_title("1.jpg (1/3) - Mural");
	cr_assert_eq(rename("/tmp/mural-app-moved", "x"), 0);
	look();
	expect_title("1.jpg (1/4) - Mural");
	leave_folder();
}

Test(app, a_folder_that_comes_whole_is_in_order)
{
	enum { COUNT = 2 * FOLLOW_STEP + 9 }; /* prime */
	char name[32];
	start_in_folder("x", LIST_SIBLINGS);
	cr_assert_eq(rename("x", "old"), 0);
	cr_assert_eq(mkdir("new", 0700), 0);
	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "new/%d.jpg", 10 + i * 50 % COUNT);
		write_file(name);
	}
	cr_assert_eq(rename("new", "x"), 0);
	look();
	snprintf(name, sizeof(name), "1.jpg (1/%d) - Mural", COUNT + 1);
	expect_title(name);
	expect_ordered(COUNT);
	leave_folder();
}

Test(app, folders_in_folders_that_come_whole_are_in_order)
{
	static const char *const names[] = {
		"new/c4.jpg", "new/b/3.jpg", "new/1.jpg", "new/a/2.jpg"};
	start_in_folder(".", LIST_RECURSIVE);
	cr_assert(mkdir(".new", 0700) == 0 && chdir(".new") == 0);
	cr_assert(
		mkdir("new", 0700) == 0 && mkdir("new/b", 0700) == 0 && mkdir("new/a", 0700) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_file(names[i]);
	cr_assert(chdir("..") == 0 && rename(".new/new", "new") == 0);
	look();
	expect_title("1.jpg (1/8) - Mural");
	expect_ordered(ARRAY_SIZE(names));
	leave_folder();
}

Test(app, an_empty_folder_shows_what_comes_first)
{
	const char *bad, *named = "z";
	start_in_folder("1.jpg", 0);
	cr_assert_eq(mkdir("z", 0700), 0);
	restart((struct app_options){.follow = true, .still = true});
	cr_expect_eq(app_open(app, &named, 1, (struct window_size){400, 300}, 1000, &bad), -ENOENT);
	look();
	app_act(app, ACTION_ROTATE_LEFT, 1000);
	expect_title("Mural");
	write_file("z/2.jpg");
	look();
	app_act(app, ACTION_ROTATE_LEFT, 1000);
	expect_title("2.jpg (1/1) - Mural");
	expect_played("", BLUE);
	leave_folder();
}

/* Thousands at once: a turn of the loop does a small part of it. */
Test(app, what_comes_in_heaps_is_taken_in_steps)
{
	char name[32];
	size_t turns = 0;
	struct pollfd readable = {.events = POLLIN};
	start_in_folder("1.jpg", LIST_SIBLINGS);
	headless_play(app, "Enter");
	for (int i = 10; i < 3010; i++) {
		snprintf(name, sizeof(name), "%d.jpg", i);
		write_file(name);
	}
	readable.fd = app_follow_fd(app);
	for (; poll(&readable, 1, 0) == 1; turns++)
		app_dispatch(app);
	cr_expect_geq(turns, 3000 / FOLLOW_STEP);
	expect_title("1.jpg (1/3002) - Mural");
	cr_expect_eq(headless_play(app, "End,Enter"), 1, "an empty file");
	expect_title("3009.jpg (3002/3002) - Mural");
	leave_folder();
}
