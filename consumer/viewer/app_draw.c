/* What is seen: the pictures' layer, and the lines over it. */
#include "app_state.h"

#include "viewer/style.h"
#include "viewer/timeout.h"

#include <stdio.h>

#define ENDS_EARLY "the file ends early"

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
		app_note(app, "full size: %s", status.full_error);
	else if (cut && !app->lack_told)
		app_note(app, ENDS_EARLY);
	app->lack_told = blurred || cut;
}

/* A picture that takes long is announced by its name, until it is there. */
static void announce(struct app *app)
{
	bool slow = app_awaits_picture(app) &&
		    timeout_until(app->went_ms, LOADING_MS, app->now_ms) == 0;
	app->dirty |= slow != app->slow;
	app->slow = slow;
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
