#include "viewer/view.h"

#include <mural/pixel.h>

#include <math.h>

/* Zooming out ends when the longer side is this long, or when the picture fits if that is smaller.
 */
#define SIDE_MIN 32.0

void view_init(struct view *view)
{
	*view = (struct view){.fitted = true, .scale = 1};
}

void view_set_size(struct view *view, uint32_t width, uint32_t height)
{
	view->width = width;
	view->height = height;
}

static bool sideways(const struct view *view)
{
	return view->turn % 2 == 1;
}

static uint32_t turned_width(const struct view *view)
{
	return sideways(view) ? view->height : view->width;
}

static uint32_t turned_height(const struct view *view)
{
	return sideways(view) ? view->width : view->height;
}

void view_fit_box(const struct view *view, struct window_size window, uint32_t *ret_width,
	uint32_t *ret_height)
{
	*ret_width = sideways(view) ? window.height : window.width;
	*ret_height = sideways(view) ? window.width : window.height;
}

/* The same rounding as the decoder's, so that a bitmap made for the window is copied, not scaled by
 * a pixel. */
static void fitted_size(const struct view *view, struct window_size window, uint32_t *ret_width,
	uint32_t *ret_height)
{
	uint32_t box_width, box_height;
	view_fit_box(view, window, &box_width, &box_height);
	mural_fit(view->width, view->height, box_width, box_height, ret_width, ret_height);
}

static double fitted_scale(const struct view *view, struct window_size window)
{
	double across = (double)window.width / turned_width(view);
	double down = (double)window.height / turned_height(view);
	return fmin(1, fmin(across, down));
}

double view_scale(const struct view *view, struct window_size window)
{
	if (view->width == 0)
		return 1;
	return view->fitted ? fitted_scale(view, window) : view->scale;
}

static uint32_t scaled_side(uint32_t side, double scale)
{
	double scaled = round(side * scale);
	return scaled < 1 ? 1 : (uint32_t)scaled;
}

void view_needed_size(const struct view *view, struct window_size window, uint32_t *ret_width,
	uint32_t *ret_height)
{
	if (view->fitted && view->width != 0) {
		fitted_size(view, window, ret_width, ret_height);
		return;
	}
	*ret_width = scaled_side(view->width, view->scale);
	*ret_height = scaled_side(view->height, view->scale);
}

/* The first window pixel of a side: centred when it fits, else so that @middle is in the middle,
 * edges kept outside. */
static int32_t place_side(uint32_t side, uint32_t window, double middle)
{
	if (side <= window)
		return (int32_t)((window - side) / 2);
	double start = round(window / 2.0 - middle);
	double lowest = (double)window - side;
	return (int32_t)fmin(0, fmax(lowest, start));
}

struct placement view_place(const struct view *view, struct window_size window)
{
	uint32_t width, height;
	view_needed_size(view, window, &width, &height);
	struct placement place = {
		.width = sideways(view) ? height : width,
		.height = sideways(view) ? width : height,
	};
	double x = view->fitted ? place.width / 2.0 : view->x * view->scale;
	double y = view->fitted ? place.height / 2.0 : view->y * view->scale;
	place.x = place_side(place.width, window.width, x);
	place.y = place_side(place.height, window.height, y);
	return place;
}

/* Brings the middle back to what is really in the middle after view_place kept the edges out:
 * otherwise a pan beyond the edge would have to be undone before it is seen to go back. */
static void settle(struct view *view, struct window_size window)
{
	struct placement place = view_place(view, window);
	if (place.width <= window.width)
		view->x = turned_width(view) / 2.0;
	else if (place.x == 0 || place.x == (int32_t)window.width - (int32_t)place.width)
		view->x = (window.width / 2.0 - place.x) / view->scale;
	if (place.height <= window.height)
		view->y = turned_height(view) / 2.0;
	else if (place.y == 0 || place.y == (int32_t)window.height - (int32_t)place.height)
		view->y = (window.height / 2.0 - place.y) / view->scale;
}

/* Ends following the window without moving anything. */
static void unfit(struct view *view, struct window_size window)
{
	if (!view->fitted)
		return;
	view->scale = fitted_scale(view, window);
	view->x = turned_width(view) / 2.0;
	view->y = turned_height(view) / 2.0;
	view->fitted = false;
}

void view_fit(struct view *view)
{
	view->fitted = true;
}

static double scale_min(const struct view *view, struct window_size window)
{
	double small = SIDE_MIN / fmax(view->width, view->height);
	return fmin(1, fmin(small, fitted_scale(view, window)));
}

void view_zoom_to(struct view *view, struct window_size window, double scale, double x, double y)
{
	if (view->width == 0)
		return;
	unfit(view, window);
	/* The picture point under the pointer, before; it shall be there after, too. */
	double under_x = view->x + (x - window.width / 2.0) / view->scale;
	double under_y = view->y + (y - window.height / 2.0) / view->scale;
	view->scale = fmin(VIEW_SCALE_MAX, fmax(scale_min(view, window), scale));
	view->x = under_x + (window.width / 2.0 - x) / view->scale;
	view->y = under_y + (window.height / 2.0 - y) / view->scale;
	settle(view, window);
}

void view_zoom(struct view *view, struct window_size window, double factor, double x, double y)
{
	double before = view_scale(view, window);
	double after = before * factor;
	/* A hair's breadth off 100 % counts as 100 %: repeated factors do not come back to it
	 * exactly. */
	if ((before < 0.999 && after > 1) || (before > 1.001 && after < 1) ||
		fabs(after - 1) < 0.001)
		after = 1;
	view_zoom_to(view, window, after, x, y);
}

bool view_can_pan(const struct view *view, struct window_size window, bool horizontally)
{
	if (view->width == 0 || view->fitted)
		return false;
	struct placement place = view_place(view, window);
	return horizontally ? place.width > window.width : place.height > window.height;
}

bool view_pan(struct view *view, struct window_size window, double dx, double dy)
{
	if (view->width == 0 || view->fitted)
		return false;
	struct placement before = view_place(view, window);
	view->x -= dx / view->scale;
	view->y -= dy / view->scale;
	settle(view, window);
	struct placement after = view_place(view, window);
	return before.x != after.x || before.y != after.y;
}

void view_rotate(struct view *view, bool clockwise)
{
	double x = view->x, y = view->y;
	view->x = clockwise ? turned_height(view) - y : y;
	view->y = clockwise ? x : turned_width(view) - x;
	view->turn = (view->turn + (clockwise ? 1 : 3)) % 4;
}

/* Flip after R quarter turns is R turns the other way after a flip; top and bottom is left and
 * right turned twice. */
void view_flip(struct view *view, bool horizontally)
{
	if (horizontally)
		view->x = turned_width(view) - view->x;
	else
		view->y = turned_height(view) - view->y;
	view->turn = ((horizontally ? 4 : 6) - view->turn) % 4;
	view->mirror = !view->mirror;
}
