#include "viewer/app.h"

#include "viewer/calm.h"
#include "viewer/gallery.h"
#include "viewer/list.h"
#include "viewer/overlay.h"
#include "viewer/show.h"
#include "viewer/style.h"
#include "viewer/text.h"

#include "common/util.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ENDS_EARLY "the file ends early"
#define NOTE_MS 2500
#define STATS_MS 500
#define LOADING_MS 300 /* what takes longer than this is announced */
#define PAN_SHARE 8    /* of the window, a key */
#define ZOOM_STEP 1.25
#define WHEEL_ROWS 110 /* gallery pixels a step of the wheel */

struct app {
	struct app_options options;
	struct mural *mural;
	struct list list;
	struct show *show;
	struct gallery *gallery;
	struct overlay_fonts fonts;
	struct image layer; /* pictures only: what stays when a picture is not there just now */
	struct window_size size;
	bool in_gallery, info, memory, help, quits, fullscreen, failed, dirty;
	bool slideshow;
	uint64_t slide_ms; /* when the wanted picture began to be seen; 0: not yet */
	uint64_t went_ms;
	bool lack_told;
	bool slow; /* the wanted picture is still not there: that is announced */

	char note[512];
	uint64_t note_ms;
	char mark[64];
	uint64_t mark_ms;
	uint64_t again_seen;

	struct mural_stats stats;
	struct calm calm;
	bool has_stats, stats_pending, trim_pending;
	uint64_t stats_ms;
	uint64_t now_ms; /* of the last call that told it: callbacks have no other */
};

/* ---- remarks ---- */

__attribute__((format(printf, 2, 3))) static void note(struct app *app, const char *format, ...)
{
	if (app->options.still && !app->options.notes)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(app->note, sizeof(app->note), format, args);
	va_end(args);
	app->note_ms = app->now_ms;
	app->dirty = true;
}

static bool is_recent(const struct app *app, uint64_t since_ms, uint64_t now_ms)
{
	return since_ms != 0 && (app->options.still || now_ms - since_ms < NOTE_MS);
}

static void end_remarks(struct app *app)
{
	app->note_ms = app->mark_ms = 0;
	app->dirty = true;
}

/* ---- what the pool tells ---- */

static void on_stats(struct mural *mural, int error, const struct mural_stats *stats, void *user)
{
	(void)mural;
	struct app *app = user;
	app->stats_pending = false;
	if (error < 0)
		return;
	app->stats = *stats;
	app->has_stats = true;
	app->dirty |= app->memory;
	show_set_budget(app->show, stats->budget_bytes);
}

void app_refresh_stats(struct app *app)
{
	if (app->stats_pending)
		return;
	app->stats_ms = app->now_ms;
	app->stats_pending = mural_stat_async(app->mural, on_stats, app) == 0;
}

static void repin(struct app *app)
{
	show_repin(app->show);
	gallery_repin(app->gallery);
}

static void on_trimmed(struct mural *mural, int error, uint64_t freed_bytes, void *user)
{
	(void)mural;
	struct app *app = user;
	char freed[32];
	app->trim_pending = false;
	overlay_bytes(freed_bytes, freed, sizeof(freed));
	if (error < 0)
		note(app, "purge: %s", strerror(-error));
	else
		note(app, "purged: %s went back to the system", freed);
	repin(app);
	app_refresh_stats(app);
}

static void purge(struct app *app)
{
	if (app->trim_pending)
		return;
	int r = mural_trim_async(app->mural, UINT64_MAX, on_trimmed, app);
	app->trim_pending = r == 0;
	if (r < 0)
		note(app, "purge: %s", strerror(-r));
}

static void follow_calm(struct app *app)
{
	if (!app->gallery)
		return; /* told within mural_open */
	show_set_pressure(app->show, app->calm.level);
	gallery_set_pressure(app->gallery, app->calm.level);
}

static void on_pressure(struct app *app, enum mural_pressure pressure)
{
	calm_tell(&app->calm, pressure, app->now_ms);
	follow_calm(app);
	if (pressure == MURAL_PRESSURE_CRITICAL)
		malloc_trim(0); /* what was drawn with */
	if (app->memory)
		app_refresh_stats(app);
}

static void on_event(struct mural *mural, enum mural_event event, int value, void *user)
{
	(void)mural;
	struct app *app = user;
	switch (event) {
	case MURAL_EVENT_RECONNECTED:
		note(app, "the producer ended; another one answers");
		app->stats_pending = app->trim_pending = false;
		repin(app);
		break;
	case MURAL_EVENT_LOST:
		note(app, "no producer: %s", strerror(-value));
		app->stats_pending = app->trim_pending = false;
		break;
	case MURAL_EVENT_PRESSURE:
		on_pressure(app, (enum mural_pressure)value);
		break;
	}
}

/* ---- making and ending ---- */

int app_create(const struct app_options *options, struct app **ret)
{
	struct app *app = calloc(1, sizeof(*app));
	if (!app)
		return -ENOMEM;
	app->options = *options;
	app->info = options->info;
	app->memory = options->memory;
	struct mural_options wanted = {
		.flags = options->private_pool ? MURAL_OPEN_PRIVATE : 0,
		.name = "mural-viewer",
		.socket = options->socket,
		.on_event = on_event,
		.user = app,
	};
	int r = mural_open(&wanted, &app->mural);
	if (r == 0)
		r = font_create(1, &app->fonts.text);
	if (r == 0)
		r = font_create(1.6, &app->fonts.title);
	if (r == 0)
		r = show_create(app->mural, &app->list, &app->show);
	if (r == 0)
		r = gallery_create(app->mural, &app->list, app->fonts.text, &app->gallery);
	if (r < 0) {
		app_destroy(app);
		return r;
	}
	follow_calm(app);
	*ret = app;
	return 0;
}

void app_destroy(struct app *app)
{
	if (!app)
		return;
	gallery_destroy(app->gallery);
	show_destroy(app->show);
	mural_close(app->mural);
	font_destroy(app->fonts.text);
	font_destroy(app->fonts.title);
	image_fini(&app->layer);
	list_fini(&app->list);
	free(app);
}

/* Keeps the gallery's ends clear of the lines that are shown. */
static void cover_gallery(struct app *app)
{
	int32_t line = overlay_line_height(&app->fonts);
	gallery_cover(
		app->gallery, (struct grid_covered){app->memory ? line : 0, app->info ? line : 0});
}

static void go(struct app *app, size_t index)
{
	app->slide_ms = 0;
	app->went_ms = app->now_ms;
	app->dirty = true;
	show_go(app->show, index, app->now_ms);
}

static size_t current(const struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	return status.index;
}

static void enter_gallery(struct app *app)
{
	show_pause(app->show);
	cover_gallery(app);
	int r = gallery_show(app->gallery, current(app), app->size, app->now_ms);
	if (r < 0) {
		note(app, "gallery: %s", strerror(-r));
		show_resume(app->show, app->now_ms);
		return;
	}
	app->in_gallery = true;
	app->slideshow = false;
	app->dirty = true;
}

static void leave_gallery(struct app *app)
{
	app->in_gallery = false;
	gallery_hide(app->gallery);
	go(app, gallery_selected(app->gallery));
}

/* What is asked for before the folder is known. */
struct ahead {
	struct mural_bitmap *coarse, *picture;
};

/* A file that is named alone is on its way before its folder is read, which may take long. The
 * requests that follow for the same picture join these. */
static void start_ahead(struct app *app, const char *const *paths, size_t count,
	struct window_size size, struct ahead *ret)
{
	struct mural_request request = {
		.path = paths[0],
		.box_width = size.width,
		.box_height = size.height,
		.format = MURAL_FORMAT_ARGB8888,
		.flags = MURAL_REQUEST_PREVIEW,
		.priority = MURAL_PRIORITY_VISIBLE,
	};
	if (count != 1 || app->options.gallery)
		return;
	mural_request(app->mural, &request, &ret->coarse);
	request.flags = 0;
	mural_request(app->mural, &request, &ret->picture);
}

int app_open(struct app *app, const char *const *paths, size_t count, struct window_size size,
	uint64_t now_ms, const char **ret_bad)
{
	size_t first;
	/* First of all, also before the window's memory, whose pages take milliseconds. */
	struct ahead ahead = {0};
	start_ahead(app, paths, count, size, &ahead);
	app_resize(app, size, now_ms);
	int r = list_add(&app->list, paths, count, app->options.list_flags, &first, ret_bad);
	if (app->list.count > 0) {
		go(app, first);
		app->slideshow = app->options.slideshow;
		if (app->options.gallery)
			enter_gallery(app);
		app_refresh_stats(app);
	}
	mural_bitmap_unref(ahead.coarse);
	mural_bitmap_unref(ahead.picture);
	return app->list.count == 0 && r == 0 ? -ENOENT : r;
}

void app_drop(struct app *app, const char *const *paths, size_t count, uint64_t now_ms)
{
	size_t first;
	const char *bad = NULL;
	app->now_ms = now_ms;
	int r = list_add(
		&app->list, paths, count, app->options.list_flags & LIST_RECURSIVE, &first, &bad);
	if (r < 0)
		note(app, "%s: %s", bad ? bad : "drop", strerror(-r));
	else if (first == app->list.count)
		note(app, "%s: no pictures in it", paths[0]);
	if (first == app->list.count)
		return;
	if (app->in_gallery) {
		app->in_gallery = false;
		gallery_hide(app->gallery);
	}
	go(app, first);
}

int app_fd(const struct app *app)
{
	return mural_fd(app->mural);
}

void app_dispatch(struct app *app)
{
	app->now_ms = monotonic_ns() / 1000000;
	mural_dispatch(app->mural);
}

int app_wait(struct app *app, int timeout_ms)
{
	return mural_wait(app->mural, timeout_ms);
}

struct mural *app_mural(const struct app *app)
{
	return app->mural;
}

/* ---- what keys do ---- */

static void leaf(struct app *app, int step)
{
	size_t index = current(app);
	if (step < 0 && index == 0)
		note(app, "this is the first picture");
	else if (step > 0 && index + 1 >= app->list.count)
		note(app, "this is the last picture");
	else
		go(app, step < 0 ? index - 1 : index + 1);
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
		go(app, 0);
		break;
	case ACTION_LAST:
		go(app, app->list.count - 1);
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
		enter_gallery(app);
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
		leave_gallery(app);
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
		leave_gallery(app);
	app->slideshow = !app->slideshow;
	app->slide_ms = 0;
	note(app, app->slideshow ? "slide show: every %.3g s" : "slide show ended",
		app->options.slideshow_ms / 1000.0);
}

static void back(struct app *app)
{
	if (app->help)
		app->help = false;
	else if (app->in_gallery)
		leave_gallery(app);
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
		cover_gallery(app);
		return true;
	case ACTION_MEMORY:
		app->memory = !app->memory;
		cover_gallery(app);
		app_refresh_stats(app);
		return true;
	case ACTION_FULLSCREEN:
		app->fullscreen = !app->fullscreen;
		return true;
	case ACTION_PURGE:
		purge(app);
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
	end_remarks(app);
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
		leave_gallery(app);
}

void app_resize(struct app *app, struct window_size size, uint64_t now_ms)
{
	app->now_ms = now_ms;
	/* Without memory for the larger window the smaller image goes on; the next size may fit. */
	if (image_resize(&app->layer, size.width, size.height, COLOUR_BACKGROUND) < 0)
		return;
	app->size = size;
	app->dirty = true;
	show_resize(app->show, size, now_ms);
	gallery_resize(app->gallery, size);
}

/* ---- time ---- */

static int sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

static int until(uint64_t since_ms, uint64_t delay_ms, uint64_t now_ms)
{
	uint64_t passed = now_ms - since_ms;
	return passed >= delay_ms ? 0 : (int)(delay_ms - passed);
}

static bool awaits_picture(const struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	return !app->options.still && !app->in_gallery && status.loading && !status.seen;
}

/* A picture that takes long is announced by its name, until it is there. */
static void announce(struct app *app)
{
	bool slow = awaits_picture(app) && until(app->went_ms, LOADING_MS, app->now_ms) == 0;
	app->dirty |= slow != app->slow;
	app->slow = slow;
}

int app_timeout(const struct app *app, uint64_t now_ms)
{
	if (app->dirty)
		return 0;
	int timeout = sooner(show_timeout(app->show, now_ms), gallery_timeout(app->gallery));
	if (app->note_ms != 0)
		timeout = sooner(timeout, until(app->note_ms, NOTE_MS, now_ms));
	if (app->mark_ms != 0)
		timeout = sooner(timeout, until(app->mark_ms, NOTE_MS, now_ms));
	if (app->memory && !app->stats_pending)
		timeout = sooner(timeout, until(app->stats_ms, STATS_MS, now_ms));
	timeout = sooner(timeout, calm_timeout(&app->calm, now_ms));
	if (app->slideshow && app->slide_ms != 0)
		timeout = sooner(timeout, until(app->slide_ms, app->options.slideshow_ms, now_ms));
	if (awaits_picture(app) && !app->slow)
		timeout = sooner(timeout, until(app->went_ms, LOADING_MS, now_ms));
	return timeout;
}

static void run_slideshow(struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	if (app->slide_ms == 0 && (status.seen || status.error))
		app->slide_ms = app->now_ms;
	if (app->slide_ms != 0 && until(app->slide_ms, app->options.slideshow_ms, app->now_ms) == 0)
		go(app, (status.index + 1) % app->list.count);
}

static void expire(struct app *app, uint64_t *since_ms)
{
	if (*since_ms == 0 || is_recent(app, *since_ms, app->now_ms))
		return;
	*since_ms = 0;
	app->dirty = true;
}

void app_tick(struct app *app, uint64_t now_ms)
{
	app->now_ms = now_ms;
	expire(app, &app->note_ms);
	expire(app, &app->mark_ms);
	calm_tick(&app->calm, now_ms);
	follow_calm(app);
	show_tick(app->show, now_ms);
	gallery_tick(app->gallery, now_ms);
	if (app->slideshow && !app->in_gallery && app->list.count > 0)
		run_slideshow(app);
	if (app->memory && until(app->stats_ms, STATS_MS, now_ms) == 0)
		app_refresh_stats(app);
}

/* ---- drawing ---- */

static void mark_again(struct app *app)
{
	struct show_again again;
	show_again(app->show, &again);
	uint64_t count = again.count + gallery_again(app->gallery);
	if (count == app->again_seen)
		return;
	app->again_seen = count;
	if (app->in_gallery || (app->options.still && !app->options.notes))
		return; /* the gallery marks the thumbnails themselves */
	snprintf(app->mark, sizeof(app->mark), "↻ was purged, decoded again in %u ms", again.ms);
	app->mark_ms = app->now_ms;
}

static void draw_info(struct app *app, const struct show_status *status, struct image *on)
{
	struct view *view = show_view(app->show);
	size_t index = app->in_gallery ? gallery_selected(app->gallery) : status->index;
	struct overlay_info info = {
		.path = app->list.paths[index],
		.index = index,
		.count = app->list.count,
		.note = status->full_error ? status->full_error
			: status->partial  ? ENDS_EARLY
			: status->preview  ? "preview"
					   : NULL,
		.note_is_error = status->full_error || status->partial,
	};
	if (!app->in_gallery) {
		info.width = view->width;
		info.height = view->height;
		info.scale = view_scale(view, app->size);
		info.bitmap_width = status->bitmap_width;
		info.bitmap_height = status->bitmap_height;
		info.decode_ms = status->decode_ms;
	}
	overlay_info(on, &app->fonts, &info);
}

static void draw_overlays(struct app *app, struct image *on)
{
	struct show_status status;
	show_status(app->show, &status);
	const char *path = app->list.count ? app->list.paths[status.index] : "";
	if (app->list.count == 0)
		overlay_note(on, &app->fonts, "drop pictures or folders here");
	else if (!app->in_gallery && status.error)
		overlay_error(on, &app->fonts, path, status.error);
	if (app->info && app->list.count)
		draw_info(app, &status, on);
	if (app->memory)
		overlay_memory(on, &app->fonts, app->has_stats ? &app->stats : NULL);
	if (app->slow)
		overlay_note(on, &app->fonts, list_base_name(path));
	if (app->mark_ms)
		overlay_mark(on, &app->fonts, app->memory, app->mark);
	if (app->note_ms)
		overlay_note(on, &app->fonts, app->note);
	if (app->help)
		overlay_help(on, &app->fonts);
}

/* What is seen is not all there should be: say why, once. */
static void tell_lack(struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	bool blurred = !app->in_gallery && status.full_error && !show_view(app->show)->fitted;
	bool cut = !app->in_gallery && status.partial;
	if (blurred && !app->lack_told)
		note(app, "full size: %s", status.full_error);
	else if (cut && !app->lack_told)
		note(app, ENDS_EARLY);
	app->lack_told = blurred || cut;
}

bool app_draw(struct app *app, uint64_t now_ms)
{
	app->now_ms = now_ms;
	bool changed = app->in_gallery ? gallery_draw(app->gallery, &app->layer, now_ms)
				       : show_draw(app->show, &app->layer, now_ms);
	mark_again(app);
	announce(app);
	tell_lack(app);
	if (!app->in_gallery && app_error(app, NULL))
		app->failed = true;
	changed |= app->dirty;
	app->dirty = false;
	return changed;
}

void app_compose(struct app *app, struct image *on)
{
	image_copy(on, &app->layer, COLOUR_BACKGROUND);
	draw_overlays(app, on);
}

/* ---- what is known ---- */

struct window_size app_size(const struct app *app)
{
	return app->size;
}

bool app_pending(const struct app *app)
{
	bool picture = app->in_gallery ? gallery_pending(app->gallery) : show_pending(app->show);
	return picture || app->trim_pending || (app->memory && app->stats_pending);
}

bool app_quits(const struct app *app)
{
	return app->quits;
}

bool app_fullscreen(const struct app *app)
{
	return app->fullscreen;
}

bool app_has_drawn(const struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	return app->in_gallery || app->list.count == 0 || status.seen || status.error;
}

bool app_failed(const struct app *app)
{
	return app->failed;
}

const char *app_error(const struct app *app, const char **ret_path)
{
	struct show_status status;
	show_status(app->show, &status);
	if (ret_path)
		*ret_path = app->list.count ? app->list.paths[status.index] : NULL;
	return app->list.count ? status.error : NULL;
}

void app_title(const struct app *app, char *ret, size_t size)
{
	struct show_status status;
	show_status(app->show, &status);
	if (app->list.count == 0)
		snprintf(ret, size, "Mural");
	else
		snprintf(ret, size, "%s (%zu/%zu) - Mural",
			list_base_name(app->list.paths[status.index]), status.index + 1,
			app->list.count);
}
