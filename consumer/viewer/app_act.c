/* What keys and the mouse do. */
#include "app_state.h"

#define PAN_SHARE 8 /* of the window, a key */
#define ZOOM_STEP 1.25
#define WHEEL_ROWS 110 /* gallery pixels a step of the wheel */

static void leaf(struct app *app, int step)
{
	size_t index = app_current(app);
	if (step < 0 && index == 0)
		app_note(app, "this is the first picture");
	else if (step > 0 && index + 1 >= app->list.count)
		app_note(app, "this is the last picture");
	else
		app_go(app, step < 0 ? index - 1 : index + 1);
}

static void pan(struct app *app, int x, int y)
{
	int32_t dx = -x * (int32_t)(app->size.width / PAN_SHARE),
		dy = -y * (int32_t)(app->size.height / PAN_SHARE);
	if (view_pan(show_view(app->show), app->size, dx, dy))
		show_touch(app->show, !app->options.still, app->now_ms);
}

static void arrow(struct app *app, int x, int y)
{
	if (view_can_pan(show_view(app->show), app->size, x != 0))
		pan(app, x, y);
	else if (x != 0)
		leaf(app, x);
}

static void zoom(struct app *app, double factor, double x, double y)
{
	view_zoom(show_view(app->show), app->size, factor, x, y);
	show_touch(app->show, !app->options.still, app->now_ms);
}

static void act_on_view(struct app *app, enum action action)
{
	struct view *view = show_view(app->show);
	double x = app->size.width / 2.0, y = app->size.height / 2.0;
	switch (action) {
	case ACTION_ZOOM_IN:
		zoom(app, ZOOM_STEP, x, y);
		return;
	case ACTION_ZOOM_OUT:
		zoom(app, 1 / ZOOM_STEP, x, y);
		return;
	case ACTION_ACTUAL_SIZE:
		view_zoom_to(view, app->size, 1, x, y);
		break;
	case ACTION_FIT:
		view_fit(view);
		break;
	case ACTION_ROTATE_LEFT:
	case ACTION_ROTATE_RIGHT:
		view_rotate(view, action == ACTION_ROTATE_RIGHT);
		break;
	default:
		view_flip(view, action == ACTION_FLIP_HORIZONTAL);
		break;
	}
	show_touch(app->show, false, app->now_ms);
}

static void act_on_picture(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_NEXT:
	case ACTION_PAGE_DOWN:
		leaf(app, 1);
		break;
	case ACTION_PREVIOUS:
	case ACTION_PAGE_UP:
		leaf(app, -1);
		break;
	case ACTION_FIRST:
		app_go(app, 0);
		break;
	case ACTION_LAST:
		app_go(app, app->list.count - 1);
		break;
	case ACTION_LEFT:
	case ACTION_RIGHT:
		arrow(app, action == ACTION_LEFT ? -1 : 1, 0);
		break;
	case ACTION_UP:
	case ACTION_DOWN:
		arrow(app, 0, action == ACTION_UP ? -1 : 1);
		break;
	case ACTION_PAN_LEFT:
	case ACTION_PAN_RIGHT:
		pan(app, action == ACTION_PAN_LEFT ? -1 : 1, 0);
		break;
	case ACTION_PAN_UP:
	case ACTION_PAN_DOWN:
		pan(app, 0, action == ACTION_PAN_UP ? -1 : 1);
		break;
	case ACTION_RELOAD:
		show_reload(app->show, app->now_ms);
		break;
	case ACTION_GALLERY:
		app_enter_gallery(app);
		break;
	default:
		act_on_view(app, action);
		break;
	}
}

static void act_on_gallery(struct app *app, enum action action)
{
	struct gallery *gallery = app->gallery;
	uint64_t now = app->now_ms;
	switch (action) {
	case ACTION_NEXT:
	case ACTION_RIGHT:
	case ACTION_PAN_RIGHT:
		gallery_move(gallery, 1, 0, now);
		break;
	case ACTION_PREVIOUS:
	case ACTION_LEFT:
	case ACTION_PAN_LEFT:
		gallery_move(gallery, -1, 0, now);
		break;
	case ACTION_UP:
	case ACTION_PAN_UP:
		gallery_move(gallery, 0, -1, now);
		break;
	case ACTION_DOWN:
	case ACTION_PAN_DOWN:
		gallery_move(gallery, 0, 1, now);
		break;
	case ACTION_PAGE_DOWN:
	case ACTION_PAGE_UP:
		gallery_page(gallery, action == ACTION_PAGE_DOWN ? 1 : -1, now);
		break;
	case ACTION_FIRST:
		gallery_select(gallery, 0, now);
		break;
	case ACTION_LAST:
		gallery_select(gallery, app->list.count - 1, now);
		break;
	case ACTION_ZOOM_IN:
	case ACTION_ZOOM_OUT:
		gallery_zoom(gallery, action == ACTION_ZOOM_IN ? 1 : -1, now);
		break;
	case ACTION_GALLERY:
		app_leave_gallery(app);
		break;
	default:
		break; /* what turns or flips a picture has nothing to act on */
	}
	if (app->options.still)
		gallery_settle(gallery);
}

static void toggle_slideshow(struct app *app)
{
	if (app->in_gallery)
		app_leave_gallery(app);
	app->slideshow = !app->slideshow;
	app->slide_ms = 0;
	app_note(app, app->slideshow ? "slide show: every %.3g s" : "slide show ended",
		app->options.slideshow_ms / 1000.0);
}

static void back(struct app *app)
{
	if (app->help)
		app->help = false;
	else if (app->in_gallery)
		app_leave_gallery(app);
	else
		app->quits = true;
}

/* What works everywhere. False: it is for the picture or the gallery. */
static bool act_anywhere(struct app *app, enum action action)
{
	switch (action) {
	case ACTION_NONE:
	case ACTION_COUNT:
		return true;
	case ACTION_QUIT:
		app->quits = true;
		return true;
	case ACTION_BACK:
		back(app);
		return true;
	case ACTION_HELP:
		app->help = !app->help;
		return true;
	case ACTION_INFO:
		app->info = !app->info;
		app_cover_gallery(app);
		return true;
	case ACTION_MEMORY:
		app->memory = !app->memory;
		app_cover_gallery(app);
		app_refresh_stats(app);
		return true;
	case ACTION_FULLSCREEN:
		app->fullscreen = !app->fullscreen;
		return true;
	case ACTION_PURGE:
		app_purge(app);
		return true;
	case ACTION_SLIDESHOW:
		toggle_slideshow(app);
		return true;
	default:
		return false;
	}
}

void app_act(struct app *app, enum action action, uint64_t now_ms)
{
	app->now_ms = now_ms;
	app_end_remarks(app);
	if (act_anywhere(app, action) || app->list.count == 0)
		return;
	if (app->in_gallery)
		act_on_gallery(app, action);
	else
		act_on_picture(app, action);
}

void app_wheel(struct app *app, double steps, int32_t x, int32_t y, uint64_t now_ms)
{
	app->now_ms = now_ms;
	app->dirty = true;
	if (app->in_gallery)
		gallery_scroll(app->gallery, (int32_t)(-steps * WHEEL_ROWS), now_ms);
	else if (app->options.wheel_leafs)
		leaf(app, steps < 0 ? 1 : -1);
	else if (app->list.count > 0)
		zoom(app, steps > 0 ? ZOOM_STEP : 1 / ZOOM_STEP, x, y);
}

void app_drag(struct app *app, int32_t dx, int32_t dy, uint64_t now_ms)
{
	app->now_ms = now_ms;
	if (app->in_gallery)
		gallery_scroll(app->gallery, -dy, now_ms);
	else if (app->list.count > 0 && view_pan(show_view(app->show), app->size, dx, dy))
		show_touch(app->show, true, now_ms);
}

void app_click(struct app *app, int32_t x, int32_t y, bool twice, uint64_t now_ms)
{
	size_t index;
	app->now_ms = now_ms;
	if (!app->in_gallery) {
		app->fullscreen ^= twice;
		return;
	}
	if (!gallery_at(app->gallery, x, y, &index))
		return;
	gallery_select(app->gallery, index, now_ms);
	if (twice)
		app_leave_gallery(app);
}
