#include "viewer/gallery.h"

#include "viewer/grid.h"
#include "viewer/paint.h"
#include "viewer/shot.h"
#include "viewer/style.h"

#include "common/util.h"

#include <math.h>
#include <stdio.h>

#define THUMBNAIL_BOX 256
#define IN_FLIGHT_MAX                                                                              \
	32 /* what is asked for stays revocable only while it is not decoding: no use in asking    \
	      for more */
#define KEPT_MAX 4096
#define MARK_MS 1500  /* how long a thumbnail that was decoded again is marked */
#define GLIDE_MS 70.0 /* the time in which scrolling covers 63 % of the way */
#define FRAME_MS 15
#define RETRY_MS 500 /* between attempts to get thumbnails from a producer that was lost */

static const int32_t sides[] = {96, 128, 160, 192, 224, 256};

struct thumbnail {
	struct shot shot;
	bool touched; /* its cell has to be drawn anew */
	bool cut;     /* its file ends early: what there is of it will do */
	bool changed; /* its file has been written since it was asked for */
	bool drawn;   /* of one in the window: its pixels are in the layer, as it was drawn last */
	uint64_t again_ms; /* when it was drawn after having been decoded again; 0: it was not */
};

/* Thumbnails, from first to before end. */
struct range {
	size_t first, end;
};

/* There may be ten thousand, so that nothing that is done each turn looks at all of them. */
struct gallery {
	struct mural *mural;
	const struct list *list;
	struct font *font;
	struct thumbnail *thumbnails;
	size_t count;
	struct range kept;  /* outside of it all are absent */
	struct range asked; /* within kept: outside of it none is pending */
	struct grid grid;
	struct grid_covered covered;
	size_t side; /* in sides */
	size_t selected;
	int32_t target; /* where scrolling ends */
	double scroll;  /* where it is */
	uint64_t glided_ms;
	bool shown;
	bool dirty; /* some cell has to be drawn anew */
	bool moved; /* all of them, from nothing */
	enum mural_pressure pressure;
	bool lost;                /* some wait for a producer to come back */
	uint64_t now_ms, lost_ms; /* of the last call that told it; of the last attempt */
	bool repin;               /* all have to be looked at: they may have been purged */
	uint64_t again;
};

static void on_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user);

int gallery_create(
	struct mural *mural, const struct list *list, struct font *font, struct gallery **ret)
{
	struct gallery *gallery = calloc(1, sizeof(*gallery));
	if (!gallery)
		return -ENOMEM;
	gallery->mural = mural;
	gallery->list = list;
	gallery->font = font;
	gallery->side = 3;
	*ret = gallery;
	return 0;
}

void gallery_destroy(struct gallery *gallery)
{
	if (!gallery)
		return;
	for (size_t i = 0; i < gallery->count; i++)
		shot_drop(&gallery->thumbnails[i].shot);
	free(gallery->thumbnails);
	free(gallery);
}

static int follow_list(struct gallery *gallery)
{
	size_t count = gallery->list->count;
	if (count == gallery->count)
		return 0;
	struct thumbnail *grown = reallocarray(gallery->thumbnails, count, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	for (size_t i = gallery->count; i < count; i++)
		grown[i] = (struct thumbnail){.touched = true};
	gallery->thumbnails = grown;
	gallery->count = count;
	return 0;
}

static int32_t side(const struct gallery *gallery)
{
	return sides[gallery->side];
}

static void layout(struct gallery *gallery, struct window_size window)
{
	grid_layout(&gallery->grid, gallery->count, window, side(gallery),
		font_line_height(gallery->font), gallery->covered);
	gallery->moved = true;
	gallery->dirty = true;
}

static int32_t scroll_position(const struct gallery *gallery)
{
	return (int32_t)lround(gallery->scroll);
}

/* ---- asking ---- */

static size_t in_flight(const struct gallery *gallery)
{
	size_t count = 0;
	for (size_t i = gallery->asked.first; i < gallery->asked.end; i++)
		count += gallery->thumbnails[i].shot.state == SHOT_PENDING;
	return count;
}

/* Not the picture's fault: worth another attempt. */
static bool is_lost(const struct shot *shot)
{
	return shot->state == SHOT_FAILED &&
	       (shot->error == -EDQUOT || shot->error == -ECONNRESET ||
		       shot->error == -ECONNREFUSED);
}

static void want(struct gallery *gallery, size_t index, uint32_t priority, size_t *room)
{
	struct shot *shot = &gallery->thumbnails[index].shot;
	shot_hurry(shot, priority);
	if (is_lost(shot)) {
		gallery->lost = true;
		if (gallery->now_ms - gallery->lost_ms >= RETRY_MS)
			shot_drop(shot);
	}
	if (shot->state != SHOT_ABSENT || *room == 0)
		return;
	struct shot_wish wish = {
		.path = gallery->list->paths[index],
		.box_width = THUMBNAIL_BOX,
		.box_height = THUMBNAIL_BOX,
		.priority = priority,
		.flags = MURAL_REQUEST_WAIT |
			 (gallery->thumbnails[index].cut ? MURAL_REQUEST_ALLOW_PARTIAL : 0u),
		.on_event = on_event,
		.user = gallery,
	};
	shot_ask(shot, gallery->mural, &wish);
	--*room;
}

/* None, where they would be seen, when it is hidden. */
static struct range seen_range(const struct gallery *gallery, int32_t margin)
{
	struct range range = {0, 0};
	if (!gallery->shown)
		margin = 0; /* what is between this none and that without one would be asked for */
	if (gallery->grid.count > 0)
		grid_visible(
			&gallery->grid, scroll_position(gallery), margin, &range.first, &range.end);
	if (!gallery->shown)
		range.end = range.first;
	return range;
}

static bool is_outside(struct range range, size_t index)
{
	return index < range.first || index >= range.end;
}

/* Which references are worth keeping, farthest first to go. */
static struct range kept_range(const struct gallery *gallery, struct range seen, struct range near)
{
	if (gallery->pressure == MURAL_PRESSURE_CRITICAL)
		return seen;
	if (gallery->pressure == MURAL_PRESSURE_MODERATE)
		return near;
	return (struct range){
		.first = near.first - min_u64(near.first, KEPT_MAX / 2),
		.end = near.end + min_u64(gallery->count - near.end, KEPT_MAX / 2),
	};
}

static void give_up_pending(struct gallery *gallery, struct range wanted)
{
	for (size_t i = gallery->asked.first; i < gallery->asked.end; i++) {
		struct shot *shot = &gallery->thumbnails[i].shot;
		if (is_outside(wanted, i) && shot->state == SHOT_PENDING)
			shot_drop(shot);
	}
	gallery->asked = wanted;
}

static void drop(struct gallery *gallery, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		shot_drop(&gallery->thumbnails[i].shot);
}

static void give_up_kept(struct gallery *gallery, struct range kept)
{
	struct range before = gallery->kept;
	drop(gallery, before.first, min_u64(before.end, kept.first));
	drop(gallery, max_u64(before.first, kept.end), before.end);
	gallery->kept = kept;
}

/* @wanted is what is asked for; @seen, within that, what is asked for first. */
static void want_all(struct gallery *gallery, struct range seen, struct range wanted)
{
	size_t busy = in_flight(gallery);
	size_t room = busy < IN_FLIGHT_MAX ? IN_FLIGHT_MAX - busy : 0;
	gallery->lost = false;
	for (size_t i = seen.first; i < seen.end; i++)
		want(gallery, i, MURAL_PRIORITY_VISIBLE, &room);
	for (size_t i = seen.end; i < wanted.end; i++)
		want(gallery, i, MURAL_PRIORITY_PREFETCH, &room);
	for (size_t i = seen.first; i > wanted.first; i--)
		want(gallery, i - 1, MURAL_PRIORITY_PREFETCH, &room);
	if (gallery->lost && gallery->now_ms - gallery->lost_ms >= RETRY_MS)
		gallery->lost_ms = gallery->now_ms;
}

/* Brings what is asked for and kept in line with what is seen. */
static void update(struct gallery *gallery)
{
	struct range seen = seen_range(gallery, 0);
	struct range near = seen_range(gallery, (int32_t)gallery->grid.window.height);
	struct range wanted = gallery->pressure == MURAL_PRESSURE_NONE ? near : seen;
	give_up_pending(gallery, wanted);
	give_up_kept(gallery, kept_range(gallery, seen, near));
	want_all(gallery, seen, wanted);
}

void gallery_set_pressure(struct gallery *gallery, enum mural_pressure pressure)
{
	gallery->pressure = pressure;
	update(gallery);
}

static struct thumbnail *find(
	struct gallery *gallery, struct range range, const struct mural_bitmap *bitmap)
{
	for (size_t i = range.first; i < range.end; i++)
		if (gallery->thumbnails[i].shot.bitmap == bitmap)
			return &gallery->thumbnails[i];
	return NULL;
}

static void renew(struct gallery *gallery, struct thumbnail *thumbnail)
{
	shot_drop(&thumbnail->shot);
	thumbnail->cut = thumbnail->changed = false;
	thumbnail->touched = true;
	gallery->dirty = true;
}

static void on_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct gallery *gallery = user;
	struct thumbnail *thumbnail = find(gallery, gallery->asked, bitmap);
	if (!thumbnail)
		thumbnail = find(gallery, gallery->kept, bitmap);
	if (!thumbnail)
		return;
	shot_event(&thumbnail->shot, event);
	bool failed = thumbnail->shot.state == SHOT_FAILED;
	bool cut = failed && thumbnail->shot.reason == MURAL_REASON_TRUNCATED && !thumbnail->cut;
	if (cut || (failed && thumbnail->shot.error == -ESTALE)) {
		thumbnail->cut = cut;
		shot_drop(&thumbnail->shot);
	}
	if (thumbnail->changed && thumbnail->shot.state != SHOT_PENDING)
		renew(gallery, thumbnail);
	thumbnail->touched = true;
	gallery->dirty = true;
}

/* ---- what the user does ---- */

int gallery_show(
	struct gallery *gallery, size_t selected, struct window_size window, uint64_t now_ms)
{
	int r = follow_list(gallery);
	if (r < 0)
		return r;
	gallery->shown = true;
	gallery->selected = selected;
	layout(gallery, window);
	gallery->target = grid_scroll_to(&gallery->grid, selected, gallery->target);
	gallery->glided_ms = now_ms;
	gallery_settle(gallery);
	update(gallery);
	return 0;
}

void gallery_hide(struct gallery *gallery)
{
	gallery->shown = false;
	update(gallery);
}

void gallery_resize(struct gallery *gallery, struct window_size window)
{
	if (!gallery->shown)
		return;
	layout(gallery, window);
	gallery->target = grid_scroll_to(&gallery->grid, gallery->selected, gallery->target);
	gallery_settle(gallery);
	update(gallery);
}

void gallery_cover(struct gallery *gallery, struct grid_covered covered)
{
	if (covered.top == gallery->covered.top && covered.bottom == gallery->covered.bottom)
		return;
	gallery->covered = covered;
	gallery_resize(gallery, gallery->grid.window);
}

size_t gallery_selected(const struct gallery *gallery)
{
	return gallery->selected;
}

static void glide_to(struct gallery *gallery, int32_t target, uint64_t now_ms)
{
	int32_t most = grid_scroll_max(&gallery->grid);
	gallery->target = target < 0 ? 0 : target > most ? most : target;
	if (gallery->target != scroll_position(gallery))
		gallery->glided_ms = now_ms > FRAME_MS ? now_ms - FRAME_MS : 0;
	gallery->dirty = true;
}

void gallery_select(struct gallery *gallery, size_t index, uint64_t now_ms)
{
	if (index >= gallery->count)
		return;
	gallery->thumbnails[gallery->selected].touched = true;
	gallery->thumbnails[index].touched = true;
	gallery->selected = index;
	glide_to(gallery, grid_scroll_to(&gallery->grid, index, gallery->target), now_ms);
}

void gallery_move(struct gallery *gallery, int columns, int rows, uint64_t now_ms)
{
	gallery_select(
		gallery, grid_move(&gallery->grid, gallery->selected, columns, rows), now_ms);
}

void gallery_page(struct gallery *gallery, int pages, uint64_t now_ms)
{
	gallery_move(gallery, 0, pages * grid_page(&gallery->grid), now_ms);
}

void gallery_scroll(struct gallery *gallery, int32_t pixels, uint64_t now_ms)
{
	glide_to(gallery, gallery->target + pixels, now_ms);
}

void gallery_zoom(struct gallery *gallery, int steps, uint64_t now_ms)
{
	int at = (int)gallery->side + steps, last = (int)ARRAY_SIZE(sides) - 1;
	gallery->side = (size_t)(at < 0 ? 0 : at > last ? last : at);
	layout(gallery, gallery->grid.window);
	gallery->glided_ms = now_ms;
	gallery->target = grid_scroll_to(&gallery->grid, gallery->selected, gallery->target);
	gallery_settle(gallery);
	update(gallery);
}

bool gallery_at(const struct gallery *gallery, int32_t x, int32_t y, size_t *ret_index)
{
	return grid_at(&gallery->grid, scroll_position(gallery), x, y, ret_index);
}

void gallery_settle(struct gallery *gallery)
{
	if (gallery->scroll != gallery->target)
		gallery->moved = gallery->dirty = true;
	gallery->scroll = gallery->target;
	update(gallery);
}

void gallery_repin(struct gallery *gallery)
{
	gallery->repin = true;
	gallery->dirty = true;
}

void gallery_changed(struct gallery *gallery, size_t index)
{
	if (index >= gallery->count || gallery->thumbnails[index].shot.state == SHOT_ABSENT)
		return;
	struct thumbnail *thumbnail = &gallery->thumbnails[index];
	/* One that is still to come is not given up for a file that is written faster than it is
	 * decoded. */
	thumbnail->changed = thumbnail->shot.state == SHOT_PENDING;
	if (!thumbnail->changed)
		renew(gallery, thumbnail);
}

void gallery_grew(struct gallery *gallery)
{
	/* Hidden it looks when it is shown; without memory it goes on with what it has. */
	if (!gallery->shown || follow_list(gallery) < 0)
		return;
	/* What is there stays in its place: most often only the scroll bar is another. */
	gallery->grid.count = gallery->count;
	gallery->dirty = true;
}

static void take_out(struct gallery *gallery, const size_t *gone, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0, next = 0; i < gallery->count; i++) {
		if (next < count && gone[next] == i) {
			shot_drop(&gallery->thumbnails[i].shot);
			next++;
		} else {
			gallery->thumbnails[kept++] = gallery->thumbnails[i];
		}
	}
	gallery->count = kept;
}

static void shift(struct range *range, const size_t *gone, size_t count)
{
	range->first = list_place_without(gone, count, range->first);
	range->end = list_place_without(gone, count, range->end);
}

/* The first picture in the window stays at its height. */
static void hold_still(struct gallery *gallery, size_t before, size_t after)
{
	int32_t most = grid_scroll_max(&gallery->grid);
	int32_t target = gallery->target + grid_cell(&gallery->grid, after, 0).y -
			 grid_cell(&gallery->grid, before, 0).y;
	gallery->target = target < 0 ? 0 : target > most ? most : target;
}

void gallery_removed(struct gallery *gallery, const size_t *gone, size_t count)
{
	struct range seen;
	if (gallery->count == 0)
		return;
	grid_visible(&gallery->grid, gallery->target, 0, &seen.first, &seen.end);
	bool selected_is_seen = !is_outside(seen, gallery->selected);
	take_out(gallery, gone, count);
	shift(&gallery->kept, gone, count);
	shift(&gallery->asked, gone, count);
	gallery->selected = list_place_without(gone, count, gallery->selected);
	if (gallery->selected >= gallery->count)
		gallery->selected = gallery->count > 0 ? gallery->count - 1 : 0;
	layout(gallery, gallery->grid.window);
	hold_still(gallery, seen.first, list_place_without(gone, count, seen.first));
	if (selected_is_seen)
		gallery->target =
			grid_scroll_to(&gallery->grid, gallery->selected, gallery->target);
	gallery_settle(gallery);
}

/* ---- drawing ---- */

static void draw_bitmap(struct gallery *gallery, struct image *layer, struct rect area,
	const struct mural_view *pinned)
{
	uint32_t width, height;
	mural_fit(pinned->width, pinned->height, (uint32_t)area.width, (uint32_t)area.height,
		&width, &height);
	struct bitmap bitmap = shot_pixels(pinned);
	struct placement place = {
		.x = area.x + (area.width - (int32_t)width) / 2,
		.y = area.y + (area.height - (int32_t)height) / 2,
		.width = width,
		.height = height,
	};
	bool gliding = scroll_position(gallery) != gallery->target;
	paint(layer, area, &bitmap, place, 0, false, gliding ? FILTER_NEAREST : FILTER_SMOOTH);
}

static void draw_text(struct gallery *gallery, struct image *layer, struct rect area,
	uint32_t colour, const char *text)
{
	char fitting[256];
	text_shorten(gallery->font, text, area.width, fitting, sizeof(fitting));
	int32_t width = text_width(gallery->font, fitting);
	text_draw(layer, gallery->font, area.x + (area.width - width) / 2, area.y, colour, fitting);
}

static void draw_failure(
	struct gallery *gallery, struct image *layer, struct rect area, const struct shot *shot)
{
	image_blend_round(layer, area, 6, COLOUR_HOLE);
	struct rect line = {area.x + 8, area.y + area.height / 2 - 8, area.width - 16,
		font_line_height(gallery->font)};
	draw_text(gallery, layer, line, COLOUR_ERROR, shot_error_text(shot));
}

/* Pixels, or what stands for them. True when what is there now is the thumbnail's picture. */
static bool draw_picture(struct gallery *gallery, struct image *layer, struct rect area,
	struct thumbnail *thumbnail, uint64_t now_ms)
{
	struct mural_view pinned;
	struct shot *shot = &thumbnail->shot;
	if (shot->state == SHOT_READY && shot_pin(shot, MURAL_PRIORITY_VISIBLE, &pinned) == 0) {
		draw_bitmap(gallery, layer, area, &pinned);
		mural_bitmap_unpin(shot->bitmap);
		if (shot->again) {
			shot->again = false;
			thumbnail->again_ms = now_ms;
			gallery->again++;
		}
		return true;
	}
	if (shot->state == SHOT_FAILED && !is_lost(shot))
		draw_failure(gallery, layer, area, shot);
	else
		image_blend_round(layer, area, 6, COLOUR_HOLE);
	return false;
}

static bool is_marked(const struct thumbnail *thumbnail, uint64_t now_ms)
{
	return thumbnail->again_ms != 0 && now_ms - thumbnail->again_ms < MARK_MS;
}

static void draw_cell(struct gallery *gallery, struct image *layer, size_t index, uint64_t now_ms)
{
	int32_t line = font_line_height(gallery->font), scroll = scroll_position(gallery);
	struct rect cell = grid_cell(&gallery->grid, index, scroll);
	struct rect area = grid_picture(&gallery->grid, index, scroll, side(gallery));
	struct thumbnail *thumbnail = &gallery->thumbnails[index];
	bool selected = index == gallery->selected;
	image_fill(layer, cell, COLOUR_BACKGROUND);
	image_blend_round(layer, cell, 8, selected ? COLOUR_ACCENT & 0x38ffffff : COLOUR_CELL);
	thumbnail->drawn = draw_picture(gallery, layer, area, thumbnail, now_ms);
	if (selected)
		image_frame_round(layer, cell, 8, 2, COLOUR_ACCENT);
	if (is_marked(thumbnail, now_ms)) {
		image_frame_round(layer, cell, 8, 2, COLOUR_AGAIN);
		struct rect badge = {area.x + area.width - 18, area.y - 4, 22, 22};
		image_blend_round(layer, badge, 11, 0xd0000000);
		text_draw(layer, gallery->font, badge.x + 6, badge.y + 2, COLOUR_AGAIN, "↻");
	}
	draw_text(gallery, layer, grid_text(&gallery->grid, index, scroll, line),
		selected ? COLOUR_BRIGHT : COLOUR_DIM, list_base_name(gallery->list->paths[index]));
}

static void draw_scroll_bar(const struct gallery *gallery, struct image *layer)
{
	int32_t most = grid_scroll_max(&gallery->grid), height = (int32_t)layer->height;
	if (most == 0)
		return;
	double seen = (double)height / ((double)most + height);
	int32_t bar = (int32_t)fmax(32, seen * height);
	int32_t top = (int32_t)((height - bar) * (gallery->scroll / most));
	image_blend_round(layer, (struct rect){(int32_t)layer->width - 7, top + 2, 4, bar - 4}, 2,
		0x60ffffff);
}

/* A thumbnail whose pixels are in the layer and can not be had just now (they were purged) stays as
 * it is. */
static bool may_stay(const struct gallery *gallery, const struct thumbnail *thumbnail)
{
	return !gallery->moved && thumbnail->drawn &&
	       (thumbnail->shot.state == SHOT_PENDING || thumbnail->shot.waiting_pin);
}

static void refresh(struct gallery *gallery, struct thumbnail *thumbnail)
{
	struct mural_view pinned;
	/* Ask first, draw later: when it was purged the cell must not be cleared. */
	if (!gallery->moved && thumbnail->drawn && thumbnail->shot.state == SHOT_READY &&
		shot_pin(&thumbnail->shot, MURAL_PRIORITY_VISIBLE, &pinned) == 0)
		mural_bitmap_unpin(thumbnail->shot.bitmap);
}

bool gallery_draw(struct gallery *gallery, struct image *layer, uint64_t now_ms)
{
	if (!gallery->shown || !gallery->dirty)
		return false;
	gallery->dirty = false;
	gallery->now_ms = now_ms;
	size_t first, end;
	grid_visible(&gallery->grid, scroll_position(gallery), 0, &first, &end);
	if (gallery->moved)
		image_fill(layer,
			(struct rect){0, 0, (int32_t)layer->width, (int32_t)layer->height},
			COLOUR_BACKGROUND);
	for (size_t i = first; i < end; i++) {
		struct thumbnail *thumbnail = &gallery->thumbnails[i];
		if (!gallery->moved && !gallery->repin && !thumbnail->touched)
			continue;
		refresh(gallery, thumbnail);
		if (may_stay(gallery, thumbnail))
			continue;
		thumbnail->touched = false;
		draw_cell(gallery, layer, i, now_ms);
	}
	image_fill(layer, (struct rect){(int32_t)layer->width - 8, 0, 8, (int32_t)layer->height},
		COLOUR_BACKGROUND);
	draw_scroll_bar(gallery, layer);
	gallery->moved = gallery->repin = false;
	update(gallery);
	return true;
}

/* ---- time ---- */

bool gallery_pending(const struct gallery *gallery)
{
	if (!gallery->shown)
		return false;
	for (size_t i = gallery->asked.first; i < gallery->asked.end; i++)
		if (gallery->thumbnails[i].shot.state == SHOT_PENDING ||
			gallery->thumbnails[i].shot.waiting_pin)
			return true;
	return gallery->dirty;
}

uint64_t gallery_again(const struct gallery *gallery)
{
	return gallery->again;
}

static bool any_marked(const struct gallery *gallery)
{
	size_t first, end;
	grid_visible(&gallery->grid, scroll_position(gallery), 0, &first, &end);
	for (size_t i = first; i < end; i++)
		if (gallery->thumbnails[i].again_ms != 0)
			return true;
	return false;
}

static void end_marks(struct gallery *gallery, uint64_t now_ms)
{
	size_t first, end;
	grid_visible(&gallery->grid, scroll_position(gallery), 0, &first, &end);
	for (size_t i = first; i < end; i++) {
		struct thumbnail *thumbnail = &gallery->thumbnails[i];
		if (thumbnail->again_ms == 0 || is_marked(thumbnail, now_ms))
			continue;
		thumbnail->again_ms = 0;
		thumbnail->touched = true;
		gallery->dirty = true;
	}
}

int gallery_timeout(const struct gallery *gallery)
{
	if (!gallery->shown)
		return -1;
	if (gallery->dirty)
		return 0;
	if (gallery->scroll != gallery->target)
		return FRAME_MS;
	if (gallery->lost)
		return RETRY_MS;
	return any_marked(gallery) ? MARK_MS / 3 : -1;
}

/* Covers a share of what is left, as long as the time that has passed says: smooth at any frame
 * rate. */
static void glide(struct gallery *gallery, uint64_t now_ms)
{
	double passed = (double)(now_ms - gallery->glided_ms);
	double left = gallery->target - gallery->scroll;
	gallery->scroll += left * (1 - exp(-passed / GLIDE_MS));
	if (fabs(gallery->target - gallery->scroll) < 0.75)
		gallery->scroll = gallery->target;
	gallery->glided_ms = now_ms;
	gallery->moved = gallery->dirty = true;
}

void gallery_tick(struct gallery *gallery, uint64_t now_ms)
{
	if (!gallery->shown)
		return;
	gallery->now_ms = now_ms;
	if (gallery->scroll != gallery->target)
		glide(gallery, now_ms);
	end_marks(gallery, now_ms);
	update(gallery);
}
