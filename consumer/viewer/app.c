/* What there is to be shown, what the pool tells, and time. */
#include "app_state.h"

#include "viewer/style.h"
#include "viewer/timeout.h"

#include "common/util.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NOTE_MS 2500
#define STATS_MS 500

/* ---- remarks ---- */

void app_note(struct app *app, const char *format, ...)
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

void app_end_remarks(struct app *app)
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
		app_note(app, "purge: %s", strerror(-error));
	else
		app_note(app, "purged: %s went back to the system", freed);
	repin(app);
	app_refresh_stats(app);
}

void app_purge(struct app *app)
{
	if (app->trim_pending)
		return;
	int r = mural_trim_async(app->mural, UINT64_MAX, on_trimmed, app);
	app->trim_pending = r == 0;
	if (r < 0)
		app_note(app, "purge: %s", strerror(-r));
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
		app_note(app, "the producer ended; another one answers");
		app->stats_pending = app->trim_pending = false;
		repin(app);
		break;
	case MURAL_EVENT_LOST:
		app_note(app, "no producer: %s", strerror(-value));
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
	if (options->follow)
		follow_create(&app->follow); /* without, "load the file again" is a key */
	app_watch_list(app);
	follow_calm(app);
	*ret = app;
	return 0;
}

void app_destroy(struct app *app)
{
	if (!app)
		return;
	follow_destroy(app->follow);
	gallery_destroy(app->gallery);
	show_destroy(app->show);
	mural_close(app->mural);
	font_destroy(app->fonts.text);
	font_destroy(app->fonts.title);
	image_fini(&app->layer);
	list_fini(&app->list);
	list_fini(&app->news);
	list_fini(&app->due);
	list_fini(&app->gone);
	list_fini(&app->left);
	free(app);
}

void app_cover_gallery(struct app *app)
{
	int32_t line = overlay_line_height(&app->fonts);
	gallery_cover(
		app->gallery, (struct grid_covered){app->memory ? line : 0, app->info ? line : 0});
}

void app_go(struct app *app, size_t index)
{
	size_t before = app_current(app);
	app->slide_ms = 0;
	app->went_ms = app->now_ms;
	app->dirty = true;
	if (app->follow)
		follow_shown(app->follow, app->list.paths[index]);
	show_go(app->show, index, app->now_ms);
	if (index != before)
		app_let_go(app, before);
}

size_t app_current(const struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	return status.index;
}

void app_enter_gallery(struct app *app)
{
	show_pause(app->show);
	app_let_go(app, app_current(app));
	if (app->list.count == 0)
		return;
	app_cover_gallery(app);
	int r = gallery_show(app->gallery, app_current(app), app->size, app->now_ms);
	if (r < 0) {
		app_note(app, "gallery: %s", strerror(-r));
		show_resume(app->show, app->now_ms);
		return;
	}
	app->in_gallery = true;
	app->slideshow = false;
	app->dirty = true;
}

void app_show_nothing(struct app *app)
{
	app->in_gallery = false;
	gallery_hide(app->gallery);
	image_fill(&app->layer,
		(struct rect){0, 0, (int32_t)app->layer.width, (int32_t)app->layer.height},
		COLOUR_BACKGROUND);
}

void app_leave_gallery(struct app *app)
{
	app->in_gallery = false;
	gallery_hide(app->gallery);
	app_go(app, gallery_selected(app->gallery));
}

void app_begin(struct app *app, size_t index)
{
	app_go(app, index);
	app->slideshow = app->options.slideshow;
	if (app->options.gallery)
		app_enter_gallery(app);
	app_refresh_stats(app);
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
		app_begin(app, first);
		app_follow_files(app, 0);
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
		app_note(app, "%s: %s", bad ? bad : "drop", strerror(-r));
	else if (first == app->list.count)
		app_note(app, "%s: no pictures in it", paths[0]);
	if (first == app->list.count)
		return;
	app_follow_files(app, first);
	if (app->in_gallery) {
		app->in_gallery = false;
		gallery_hide(app->gallery);
	}
	app_go(app, first);
}

int app_fd(const struct app *app)
{
	return mural_fd(app->mural);
}

int app_follow_fd(const struct app *app)
{
	return app->follow ? follow_fd(app->follow) : -1;
}

void app_dispatch(struct app *app)
{
	app->now_ms = monotonic_ns() / 1000000;
	mural_dispatch(app->mural);
	app_read_news(app);
}

int app_wait(struct app *app, int timeout_ms)
{
	return mural_wait(app->mural, timeout_ms);
}

struct mural *app_mural(const struct app *app)
{
	return app->mural;
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

bool app_awaits_picture(const struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	return !app->options.still && !app->in_gallery && status.loading && !status.seen;
}

int app_timeout(const struct app *app, uint64_t now_ms)
{
	if (app->dirty)
		return 0;
	int timeout =
		timeout_sooner(show_timeout(app->show, now_ms), gallery_timeout(app->gallery));
	timeout = timeout_sooner(timeout, app_files_timeout(app, now_ms));
	if (app->note_ms != 0)
		timeout = timeout_sooner(timeout, timeout_until(app->note_ms, NOTE_MS, now_ms));
	if (app->mark_ms != 0)
		timeout = timeout_sooner(timeout, timeout_until(app->mark_ms, NOTE_MS, now_ms));
	if (app->memory && !app->stats_pending)
		timeout = timeout_sooner(timeout, timeout_until(app->stats_ms, STATS_MS, now_ms));
	timeout = timeout_sooner(timeout, calm_timeout(&app->calm, now_ms));
	if (app->slideshow && app->slide_ms != 0)
		timeout = timeout_sooner(
			timeout, timeout_until(app->slide_ms, app->options.slideshow_ms, now_ms));
	if (app_awaits_picture(app) && !app->slow)
		timeout = timeout_sooner(timeout, timeout_until(app->went_ms, LOADING_MS, now_ms));
	return timeout;
}

static void run_slideshow(struct app *app)
{
	struct show_status status;
	show_status(app->show, &status);
	if (app->slide_ms == 0 && (status.seen || status.error))
		app->slide_ms = app->now_ms;
	if (app->slide_ms != 0 &&
		timeout_until(app->slide_ms, app->options.slideshow_ms, app->now_ms) == 0)
		app_go(app, (status.index + 1) % app->list.count);
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
	app_files_tick(app);
	show_tick(app->show, now_ms);
	gallery_tick(app->gallery, now_ms);
	if (app->slideshow && !app->in_gallery && app->list.count > 0)
		run_slideshow(app);
	if (app->memory && timeout_until(app->stats_ms, STATS_MS, now_ms) == 0)
		app_refresh_stats(app);
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
