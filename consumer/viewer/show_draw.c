/* Drawing the single picture: which of its bitmaps, and whether it is worth it. */
#include "show_state.h"

#include "viewer/paint.h"
#include "viewer/style.h"

#include <errno.h>

#define SHARP_SCALE 4.0 /* from here on single pixels are what one wants to see */

/* The order in which to try the shots: the smallest that is large enough, else the largest there
 * is. */
static int candidates(
	const struct show *show, struct picture *picture, struct shot *ret[SHOT_KINDS])
{
	struct shot *fit = &picture->shots[SHOT_FIT], *full = &picture->shots[SHOT_FULL];
	bool full_first = full->state == SHOT_READY && show_fit_falls_short(show, picture);
	int count = 0;
	if (full_first)
		ret[count++] = full;
	if (fit->state == SHOT_READY)
		ret[count++] = fit;
	if (!full_first && full->state == SHOT_READY)
		ret[count++] = full;
	if (picture->shots[SHOT_PREVIEW].state == SHOT_READY)
		ret[count++] = &picture->shots[SHOT_PREVIEW];
	return count;
}

static bool same_placement(const struct drawn *a, const struct drawn *b)
{
	return a->index == b->index && a->place.x == b->place.x && a->place.y == b->place.y &&
	       a->place.width == b->place.width && a->place.height == b->place.height &&
	       a->turn == b->turn && a->mirror == b->mirror;
}

static struct drawn plan(const struct show *show, const struct picture *picture,
	const struct shot *shot, const struct mural_view *pinned)
{
	bool preview = pinned->flags & MURAL_BITMAP_PREVIEW;
	return (struct drawn){
		.bitmap = shot->bitmap,
		.index = picture->index,
		.generation = pinned->generation,
		.place = view_place(&picture->view, show->window),
		.turn = picture->view.turn,
		.mirror = picture->view.mirror,
		.quick = show->moving,
		.preview = preview,
		.partial = pinned->flags & MURAL_BITMAP_PARTIAL,
		.covers = !preview &&
			  !show_falls_short(show, &picture->view, pinned->width, pinned->height),
		.width = pinned->width,
		.height = pinned->height,
		.took_ms = shot->took_ms,
	};
}

static bool is_worth_drawing(
	const struct show *show, const struct picture *picture, const struct drawn *now)
{
	if (!show->has_drawn || !same_placement(&show->drawn, now))
		return true;
	/* The sharp one was purged, or is of what the file was: it stays to be seen until it is
	 * back, the other until the new one has come, or does not come. */
	bool stays = !show->drawn.outdated || picture->shots[SHOT_FULL].state == SHOT_PENDING;
	if (show->drawn.covers && !now->covers && stays)
		return false;
	return show->drawn.bitmap != now->bitmap || show->drawn.generation != now->generation ||
	       (show->drawn.quick && !now->quick);
}

static void fill_around(struct image *layer, const struct placement *place)
{
	int32_t width = (int32_t)layer->width, height = (int32_t)layer->height;
	int32_t right = place->x + (int32_t)place->width,
		bottom = place->y + (int32_t)place->height;
	image_fill(layer, (struct rect){0, 0, width, place->y}, COLOUR_BACKGROUND);
	image_fill(layer, (struct rect){0, bottom, width, height - bottom}, COLOUR_BACKGROUND);
	image_fill(
		layer, (struct rect){0, place->y, place->x, bottom - place->y}, COLOUR_BACKGROUND);
	image_fill(layer, (struct rect){right, place->y, width - right, bottom - place->y},
		COLOUR_BACKGROUND);
}

static enum filter choose_filter(
	const struct show *show, const struct picture *picture, const struct drawn *now)
{
	bool original = now->width == picture->view.width && now->height == picture->view.height;
	if (original && view_scale(&picture->view, show->window) >= SHARP_SCALE)
		return FILTER_NEAREST;
	return now->quick ? FILTER_NEAREST : FILTER_SMOOTH;
}

static bool draw_pinned(struct show *show, struct picture *picture, struct shot *shot,
	const struct mural_view *pinned, struct image *layer)
{
	struct drawn now = plan(show, picture, shot, pinned);
	if (!is_worth_drawing(show, picture, &now))
		return false;
	struct bitmap bitmap = shot_pixels(pinned);
	struct rect whole = {0, 0, (int32_t)layer->width, (int32_t)layer->height};
	enum filter filter = choose_filter(show, picture, &now);
	if (paint(layer, whole, &bitmap, now.place, now.turn, now.mirror, filter) < 0)
		return false; /* no memory for a moment: what was seen stays */
	fill_around(layer, &now.place);
	if (shot->again) {
		show->again.count++;
		show->again.ms = shot->took_ms;
		shot->again = false;
	}
	show->drawn = now;
	show->has_drawn = true;
	mural_bitmap_set_visible(shot->bitmap, 1);
	return true;
}

static bool draw_error(struct show *show, const struct picture *picture, struct image *layer)
{
	struct drawn now = {.index = picture->index};
	if (show->has_drawn && same_placement(&show->drawn, &now))
		return false;
	image_fill(layer, (struct rect){0, 0, (int32_t)layer->width, (int32_t)layer->height},
		COLOUR_BACKGROUND);
	show->drawn = now;
	show->has_drawn = true;
	return true;
}

bool show_draw(struct show *show, struct image *layer, uint64_t now_ms)
{
	struct picture *picture = show_wanted(show);
	if (!picture || show->paused || !show->dirty)
		return false;
	show->dirty = false;
	show_update(show, now_ms);
	struct shot *shots[SHOT_KINDS];
	int count = candidates(show, picture, shots);
	for (int i = 0; i < count; i++) {
		struct mural_view pinned;
		/* Only the best is brought back; another that is still there may stand in. */
		int r = i == 0 ? shot_pin(shots[i], MURAL_PRIORITY_VISIBLE, &pinned)
			       : shot_try_pin(shots[i], &pinned);
		if (r == 0) {
			bool changed = draw_pinned(show, picture, shots[i], &pinned, layer);
			mural_bitmap_unpin(shots[i]->bitmap);
			return changed;
		}
		if (r == -EAGAIN)
			return false;
	}
	const struct shot *fit = &picture->shots[SHOT_FIT];
	bool hopeless = fit->state == SHOT_FAILED && !shot_is_lost(fit) &&
			picture->shots[SHOT_FULL].state != SHOT_PENDING;
	return hopeless && draw_error(show, picture, layer);
}
