#include "viewer/view.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <math.h>

static const struct window_size window = {800, 600};

static struct view view_of(uint32_t width, uint32_t height)
{
	struct view view;
	view_init(&view);
	view_set_size(&view, width, height);
	return view;
}

struct fit_case {
	uint32_t width, height;
	unsigned turn;
	struct placement expected;
};

ParameterizedTestParameters(view, a_fitted_picture_is_as_large_as_the_window_allows)
{
	static struct fit_case cases[] = {
		{1600, 1200, 0, {0, 0, 800, 600}},
		{1600, 600, 0, {0, 150, 800, 300}},
		{600, 1200, 0, {250, 0, 300, 600}},
		{100, 50, 0, {350, 275, 100, 50}}, /* never enlarged */
		{1600, 1200, 1, {175, 0, 450, 600}},
		{600, 1200, 3, {0, 100, 800, 400}},
		{101, 51, 0, {349, 274, 101, 51}},
	};
	return cr_make_param_array(struct fit_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct fit_case *c, view, a_fitted_picture_is_as_large_as_the_window_allows)
{
	struct view view = view_of(c->width, c->height);
	view.turn = c->turn;
	struct placement place = view_place(&view, window);
	cr_expect_eq(place.x, c->expected.x);
	cr_expect_eq(place.y, c->expected.y);
	cr_expect_eq(place.width, c->expected.width);
	cr_expect_eq(place.height, c->expected.height);
}

Test(view, hundred_percent_is_a_pixel_a_pixel)
{
	struct view view = view_of(3000, 2000);
	view_zoom_to(&view, window, 1, 400, 300);
	struct placement place = view_place(&view, window);
	cr_expect_eq(place.width, 3000);
	cr_expect_eq(place.height, 2000);
	cr_expect_eq(place.x, -1100);
	cr_expect_eq(place.y, -700);
}

/* The picture point under a window point. */
static double under_x(const struct view *view, double x)
{
	return (x - view_place(view, window).x) / view_scale(view, window);
}

Test(view, zooming_keeps_what_is_under_the_pointer)
{
	struct view view = view_of(3000, 2000);
	view_zoom_to(&view, window, 1, 400, 300);
	for (int i = 0; i < 12; i++) {
		double before = under_x(&view, 600);
		view_zoom(&view, window, i < 6 ? 1.25 : 0.8, 600, 200);
		cr_expect_float_eq(under_x(&view, 600), before, 1.0);
	}
}

Test(view, zooming_stops_once_at_hundred_percent)
{
	struct view view = view_of(3000, 2000);
	for (int i = 0; i < 40 && view_scale(&view, window) < 1; i++)
		view_zoom(&view, window, 1.25, 400, 300);
	cr_expect_eq(view_scale(&view, window), 1.0);
	view_zoom(&view, window, 1.25, 400, 300);
	cr_expect_eq(view_scale(&view, window), 1.25);
}

Test(view, a_small_picture_grows_from_its_own_size)
{
	struct view view = view_of(100, 50);
	view_zoom(&view, window, 1.25, 400, 300);
	cr_expect_eq(view_place(&view, window).width, 125);
}

Test(view, zooming_has_limits)
{
	struct view view = view_of(3000, 2000);
	for (int i = 0; i < 100; i++)
		view_zoom(&view, window, 1.25, 400, 300);
	cr_expect_eq(view_scale(&view, window), VIEW_SCALE_MAX);
	for (int i = 0; i < 200; i++)
		view_zoom(&view, window, 0.8, 400, 300);
	cr_expect_float_eq(view_scale(&view, window), 32.0 / 3000, 1e-9);
}

Test(view, panning_stops_at_the_edges)
{
	struct view view = view_of(3000, 2000);
	view_zoom_to(&view, window, 1, 400, 300);
	cr_expect(view_pan(&view, window, 10000, 10000));
	cr_expect_eq(view_place(&view, window).x, 0);
	cr_expect_eq(view_place(&view, window).y, 0);
	cr_expect_not(view_pan(&view, window, 10, 10));
	cr_expect(view_pan(&view, window, -7, 0), "not a pixel of the way back is lost");
	cr_expect_eq(view_place(&view, window).x, -7);
}

Test(view, a_picture_that_fits_does_not_pan)
{
	struct view view = view_of(100, 100);
	cr_expect_not(view_pan(&view, window, 10, 10));
	cr_expect_not(view_can_pan(&view, window, true));
}

Test(view, only_the_side_that_is_too_long_pans)
{
	struct view view = view_of(3000, 100);
	view_zoom_to(&view, window, 1, 400, 300);
	cr_expect(view_can_pan(&view, window, true));
	cr_expect_not(view_can_pan(&view, window, false));
}

Test(view, four_turns_change_nothing)
{
	struct view view = view_of(3000, 2000);
	view_zoom_to(&view, window, 1, 100, 50);
	struct placement before = view_place(&view, window);
	for (int i = 0; i < 4; i++)
		view_rotate(&view, true);
	struct placement after = view_place(&view, window);
	cr_expect_eq(view.turn, 0);
	cr_expect_eq(before.x, after.x);
	cr_expect_eq(before.y, after.y);
}

Test(view, left_undoes_right)
{
	struct view view = view_of(30, 20);
	view_rotate(&view, true);
	view_rotate(&view, false);
	cr_expect_eq(view.turn, 0);
}

struct flip_case {
	unsigned turn;
	bool horizontally;
	unsigned expected_turn;
};

ParameterizedTestParameters(view, a_flip_is_a_mirror_and_a_turn)
{
	static struct flip_case cases[] = {
		{0, true, 0},
		{1, true, 3},
		{2, true, 2},
		{3, true, 1},
		{0, false, 2},
		{1, false, 1},
		{2, false, 0},
		{3, false, 3},
	};
	return cr_make_param_array(struct flip_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct flip_case *c, view, a_flip_is_a_mirror_and_a_turn)
{
	struct view view = view_of(30, 20);
	view.turn = c->turn;
	view_flip(&view, c->horizontally);
	cr_expect(view.mirror);
	cr_expect_eq(view.turn, c->expected_turn);
	view_flip(&view, c->horizontally);
	cr_expect_not(view.mirror);
	cr_expect_eq(view.turn, c->turn);
}

Test(view, the_box_of_a_turned_picture_lies_on_its_side)
{
	uint32_t width, height;
	struct view view = view_of(30, 20);
	view_rotate(&view, true);
	view_fit_box(&view, window, &width, &height);
	cr_expect_eq(width, 600);
	cr_expect_eq(height, 800);
}

Test(view, nothing_happens_before_the_size_is_known)
{
	struct view view;
	view_init(&view);
	view_zoom(&view, window, 2, 1, 1);
	cr_expect_not(view_pan(&view, window, 1, 1));
	cr_expect(view.fitted);
}
