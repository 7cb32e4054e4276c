/* The state machine of the single picture: what is asked for, and when. */
#include "show_state.h"

#include "viewer/timeout.h"

#include "common/util.h"

#define KEPT                                                                                       \
	24 /* pictures whose references are kept: coming back to one is a pin, not a request       \
	    */
#define RESIZE_MS 150 /* a window that is being resized asks for one bitmap, not for one a step */
#define STILL_MS 120  /* after the last movement: draw well */
#define DWELL_MS 400  /* looked at for this long: get the full size ready */
#define RETRY_MS 500  /* between attempts to get a picture from a producer that was lost */
#define FULL_LIMIT_UNTOLD ((uint64_t)64 << 20)

static void on_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user);

int show_create(struct mural *mural, const struct list *list, struct show **ret)
{
	struct show *show = calloc(1, sizeof(*show));
	if (!show)
		return -ENOMEM;
	show->pictures = calloc(KEPT, sizeof(*show->pictures));
	if (!show->pictures) {
		free(show);
		return -ENOMEM;
	}
	show->mural = mural;
	show->list = list;
	show->direction = 1;
	show->full_limit = FULL_LIMIT_UNTOLD;
	*ret = show;
	return 0;
}

static void forget(struct picture *picture)
{
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		shot_drop(&picture->shots[kind]);
	*picture = (struct picture){.used = false};
}

void show_destroy(struct show *show)
{
	if (!show)
		return;
	for (int i = 0; i < KEPT; i++)
		forget(&show->pictures[i]);
	free(show->pictures);
	free(show);
}

void show_set_budget(struct show *show, uint64_t budget_bytes)
{
	show->full_limit = budget_bytes / 4;
}

/* ---- the pictures that are remembered ---- */

static struct picture *find(const struct show *show, size_t index)
{
	for (int i = 0; i < KEPT; i++)
		if (show->pictures[i].used && show->pictures[i].index == index)
			return &show->pictures[i];
	return NULL;
}

static struct picture *find_or_make(struct show *show, size_t index)
{
	struct picture *picture = find(show, index);
	if (!picture) {
		picture = &show->pictures[0];
		for (int i = 1; i < KEPT && picture->used; i++)
			if (!show->pictures[i].used || show->pictures[i].stamp < picture->stamp)
				picture = &show->pictures[i];
		forget(picture);
		picture->used = true;
		picture->index = index;
		view_init(&picture->view);
	}
	picture->stamp = ++show->stamp;
	return picture;
}

struct picture *show_wanted(const struct show *show)
{
	return show->started ? find(show, show->wanted) : NULL;
}

/* The pictures to have ready, most urgent first. */
static size_t neighbours(const struct show *show, size_t ret[3])
{
	const int steps[3] = {show->direction, 2 * show->direction, -show->direction};
	size_t count = 0;
	for (int i = 0; i < 3; i++) {
		int64_t index = (int64_t)show->wanted + steps[i];
		if (index >= 0 && index < (int64_t)show->list->count)
			ret[count++] = (size_t)index;
	}
	return count;
}

static bool is_neighbour(const struct show *show, size_t index)
{
	size_t near[3];
	size_t count = neighbours(show, near);
	for (size_t i = 0; i < count; i++)
		if (near[i] == index)
			return true;
	return false;
}

/* ---- asking ---- */

static void ask(struct show *show, struct picture *picture, enum shot_kind kind, uint32_t priority)
{
	struct shot_wish wish = {
		.path = show->list->paths[picture->index],
		.priority = priority,
		/* Somebody looks at the hole: better late than not at all. */
		.flags = (priority == MURAL_PRIORITY_VISIBLE ? MURAL_REQUEST_WAIT : 0u) |
			 (kind == SHOT_PREVIEW ? MURAL_REQUEST_PREVIEW : 0u) |
			 (picture->cut ? MURAL_REQUEST_ALLOW_PARTIAL : 0u),
		.on_event = on_event,
		.user = show,
	};
	if (kind != SHOT_FULL)
		view_fit_box(&picture->view, show->window, &wish.box_width, &wish.box_height);
	if (kind == SHOT_FIT || kind == SHOT_NEXT) {
		picture->box_width = wish.box_width;
		picture->box_height = wish.box_height;
	}
	shot_drop(&picture->shots[kind]);
	shot_ask(&picture->shots[kind], show->mural, &wish);
	if (picture->index == show->wanted)
		show->dirty = true;
}

static void want_fit(struct show *show, struct picture *picture, uint32_t priority)
{
	struct shot *fit = &picture->shots[SHOT_FIT];
	if (fit->state == SHOT_ABSENT)
		ask(show, picture, SHOT_FIT, priority);
	else
		shot_hurry(fit, priority);
}

/* Something coarse at once, for as long as the hole is there. It is asked for first: the picture's
 * own decode may take all processors, and the coarse one would wait for its end. Most often the
 * answer is that there is nothing quicker; that, too, is kept, so as not to ask again. */
static void want_preview(struct show *show, struct picture *picture)
{
	struct shot *preview = &picture->shots[SHOT_PREVIEW];
	enum shot_state fit = picture->shots[SHOT_FIT].state;
	bool seen = show->has_drawn && show->drawn.index == picture->index && show->drawn.width;
	if ((fit == SHOT_ABSENT || fit == SHOT_PENDING) && preview->state == SHOT_ABSENT && !seen)
		ask(show, picture, SHOT_PREVIEW, MURAL_PRIORITY_VISIBLE);
	else if (fit == SHOT_READY || fit == SHOT_FAILED)
		shot_drop(preview);
}

bool show_falls_short(
	const struct show *show, const struct view *view, uint32_t width, uint32_t height)
{
	uint32_t needed_width, needed_height;
	view_needed_size(view, show->window, &needed_width, &needed_height);
	return (needed_width > width && width < view->width) ||
	       (needed_height > height && height < view->height);
}

/* The size of what a shot holds; false when that is not known. */
static bool shot_size(const struct shot *shot, uint32_t *ret_width, uint32_t *ret_height)
{
	struct mural_view info;
	if (!shot->bitmap || shot->state == SHOT_FAILED ||
		mural_bitmap_info(shot->bitmap, &info) != 0)
		return false;
	*ret_width = info.width;
	*ret_height = info.height;
	return true;
}

bool show_fit_falls_short(const struct show *show, const struct picture *picture)
{
	uint32_t width, height;
	return picture->view.width != 0 && shot_size(&picture->shots[SHOT_FIT], &width, &height) &&
	       show_falls_short(show, &picture->view, width, height);
}

/* The window has grown, or the picture was turned: a bitmap for the new box takes the old one's
 * place. */
static void want_next(struct show *show, struct picture *picture)
{
	uint32_t width, height;
	view_fit_box(&picture->view, show->window, &width, &height);
	if (picture->box_width == width && picture->box_height == height)
		return;
	if (!show->resized)
		ask(show, picture, SHOT_NEXT, MURAL_PRIORITY_VISIBLE);
}

static bool full_is_affordable(const struct show *show, const struct picture *picture)
{
	return show->pressure == MURAL_PRESSURE_NONE &&
	       (uint64_t)picture->view.width * picture->view.height * 4 <= show->full_limit;
}

static bool neighbours_pending(const struct show *show)
{
	size_t near[3];
	size_t count = neighbours(show, near);
	for (size_t i = 0; i < count; i++) {
		const struct picture *picture = find(show, near[i]);
		if (picture && picture->shots[SHOT_FIT].state == SHOT_PENDING)
			return true;
	}
	return false;
}

static bool full_is_due(const struct show *show, const struct picture *picture, uint64_t now_ms)
{
	return now_ms - show->went_ms >= DWELL_MS && full_is_affordable(show, picture) &&
	       !neighbours_pending(show);
}

/* Is there more of the picture than the bitmap that fits the window? */
static bool has_more(const struct picture *picture)
{
	uint32_t width, height;
	return picture->view.width != 0 && shot_size(&picture->shots[SHOT_FIT], &width, &height) &&
	       (width < picture->view.width || height < picture->view.height);
}

static void want_full(struct show *show, struct picture *picture, uint64_t now_ms)
{
	struct shot *full = &picture->shots[SHOT_FULL];
	bool short_now = !picture->view.fitted && show_fit_falls_short(show, picture);
	if (full->state == SHOT_ABSENT && short_now)
		ask(show, picture, SHOT_FULL, MURAL_PRIORITY_VISIBLE);
	else if (full->state == SHOT_ABSENT && has_more(picture) &&
		 full_is_due(show, picture, now_ms))
		ask(show, picture, SHOT_FULL, MURAL_PRIORITY_SOON);
	else if (short_now)
		shot_hurry(full, MURAL_PRIORITY_VISIBLE);
}

/* Of a picture that is not wanted: what may go on, and what may stay. */
static bool may_be_pending(const struct show *show, size_t index)
{
	return !show->paused && show->pressure == MURAL_PRESSURE_NONE && is_neighbour(show, index);
}

static bool may_be_kept(const struct show *show, size_t index)
{
	switch (show->pressure) {
	case MURAL_PRESSURE_NONE:
		return true;
	case MURAL_PRESSURE_MODERATE:
		return index == show->wanted || is_neighbour(show, index);
	default:
		return false;
	}
}

/* Gives up what is under way for pictures that nobody is about to see, and the large bitmaps of
 * those left behind; under pressure, more. */
static void give_up_strays(struct show *show)
{
	for (int i = 0; i < KEPT; i++) {
		struct picture *picture = &show->pictures[i];
		if (!picture->used || (picture->index == show->wanted && !show->paused))
			continue;
		shot_drop(&picture->shots[SHOT_NEXT]);
		shot_drop(&picture->shots[SHOT_FULL]);
		shot_drop(&picture->shots[SHOT_PREVIEW]);
		struct shot *fit = &picture->shots[SHOT_FIT];
		/* What was waited for would take a decoder from what is waited for now. */
		bool ahead = fit->priority == MURAL_PRIORITY_PREFETCH &&
			     may_be_pending(show, picture->index);
		if (!may_be_kept(show, picture->index) || (fit->state == SHOT_PENDING && !ahead))
			shot_drop(fit);
	}
}

/* The full size of the wanted picture was fetched ahead, or served a zoom that is over. */
static void give_up_full(struct show *show)
{
	struct picture *picture = show_wanted(show);
	if (!picture)
		return;
	struct shot *full = &picture->shots[SHOT_FULL];
	bool needed = !picture->view.fitted && show_fit_falls_short(show, picture);
	bool seen = show->has_drawn && full->bitmap && show->drawn.bitmap == full->bitmap;
	if (!needed && !seen)
		shot_drop(full);
}

void show_set_pressure(struct show *show, enum mural_pressure pressure)
{
	if (show->pressure == pressure)
		return;
	show->pressure = pressure;
	show->dirty = true;
	if (pressure == MURAL_PRESSURE_NONE)
		return;
	give_up_strays(show);
	give_up_full(show);
}

static void want_neighbours(struct show *show)
{
	size_t near[3];
	size_t count = neighbours(show, near);
	for (size_t i = 0; i < count; i++) {
		struct picture *picture = find_or_make(show, near[i]);
		want_fit(show, picture, MURAL_PRIORITY_PREFETCH);
	}
	find_or_make(show, show->wanted); /* the last to be forgotten */
}

/* What was decoded before does not count any more. */
static void drop_all(struct show *show, struct picture *picture)
{
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		shot_drop(&picture->shots[kind]);
	picture->cut = picture->changed = false;
	show->drawn.outdated |= show->drawn.index == picture->index;
}

/* The file is not what it was. What is on the screen stays until the new one is there. */
static void renew(struct show *show, struct picture *picture)
{
	drop_all(show, picture);
	if (picture->index == show->wanted)
		show->dirty = true;
	else
		view_set_size(&picture->view, 0, 0);
}

/* A file may be written faster than it is decoded: what was asked for is waited for and drawn, or
 * nothing of it would ever be seen. */
static bool is_to_be_renewed(const struct show *show, const struct picture *picture)
{
	if (!picture->used || !picture->changed)
		return false;
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		if (picture->shots[kind].state == SHOT_PENDING || picture->shots[kind].waiting_pin)
			return false;
	return picture->index != show->wanted || !show->dirty;
}

static bool any_is_to_be_renewed(const struct show *show)
{
	for (int i = 0; i < KEPT; i++)
		if (is_to_be_renewed(show, &show->pictures[i]))
			return true;
	return false;
}

static void renew_changed(struct show *show)
{
	for (int i = 0; i < KEPT; i++)
		if (is_to_be_renewed(show, &show->pictures[i]))
			renew(show, &show->pictures[i]);
}

void show_update(struct show *show, uint64_t now_ms)
{
	show->now_ms = now_ms;
	if (!show->started || show->paused || show->window.width == 0)
		return;
	struct picture *picture = find_or_make(show, show->wanted);
	want_preview(show, picture);
	want_fit(show, picture, MURAL_PRIORITY_VISIBLE);
	if (picture->view.fitted && show_fit_falls_short(show, picture))
		want_next(show, picture);
	enum shot_state state = picture->shots[SHOT_FIT].state;
	/* Before the full size, which may be due at once when the picture took long. */
	if ((state == SHOT_READY || state == SHOT_FAILED) && show->pressure == MURAL_PRESSURE_NONE)
		want_neighbours(show);
	want_full(show, picture, now_ms);
}

/* ---- what the user does ---- */

void show_go(struct show *show, size_t index, uint64_t now_ms)
{
	if (index >= show->list->count)
		return;
	struct picture *before = show_wanted(show);
	if (before && index != show->wanted) {
		show->direction = index > show->wanted ? 1 : -1;
		if (before->shots[SHOT_FIT].bitmap)
			mural_bitmap_set_visible(before->shots[SHOT_FIT].bitmap, 0);
	}
	show->wanted = index;
	show->started = true;
	show->paused = false;
	show->dirty = true;
	show->moving = false;
	show->went_ms = now_ms;
	struct picture *picture = find_or_make(show, index);
	if (picture->shots[SHOT_FIT].state == SHOT_FAILED)
		shot_drop(&picture->shots[SHOT_FIT]);
	view_fit(&picture->view);
	give_up_strays(show);
	show_update(show, now_ms);
}

void show_reload(struct show *show, uint64_t now_ms)
{
	struct picture *picture = show_wanted(show);
	if (!picture)
		return;
	drop_all(show, picture);
	view_set_size(&picture->view, 0, 0);
	show_go(show, show->wanted, now_ms);
}

void show_changed(struct show *show, size_t index, uint64_t now_ms)
{
	struct picture *picture = find(show, index);
	if (!picture)
		return;
	picture->changed = true;
	if (!show->paused)
		renew_changed(show);
	show_update(show, now_ms);
}

void show_removed(struct show *show, const size_t *gone, size_t count)
{
	for (int i = 0; i < KEPT; i++) {
		struct picture *picture = &show->pictures[i];
		if (picture->used && list_is_one_of(gone, count, picture->index))
			forget(picture);
		picture->index = list_place_without(gone, count, picture->index);
	}
	show->drawn.index = list_is_one_of(gone, count, show->drawn.index)
				    ? SIZE_MAX
				    : list_place_without(gone, count, show->drawn.index);
	show->wanted = list_place_without(gone, count, show->wanted);
	show->started &= show->list->count > 0;
	if (show->wanted >= show->list->count)
		show->wanted = show->started ? show->list->count - 1 : 0;
	show->dirty = true;
}

void show_pause(struct show *show)
{
	struct picture *picture = show_wanted(show);
	if (picture && picture->shots[SHOT_FIT].bitmap)
		mural_bitmap_set_visible(picture->shots[SHOT_FIT].bitmap, 0);
	show->paused = true;
	show->has_drawn = false; /* something else will be drawn over it */
	give_up_strays(show);
}

void show_resume(struct show *show, uint64_t now_ms)
{
	show->paused = false;
	show->dirty = true;
	show_update(show, now_ms);
}

void show_resize(struct show *show, struct window_size window, uint64_t now_ms)
{
	if (window.width == show->window.width && window.height == show->window.height)
		return;
	show->resized = show->window.width != 0;
	show->window = window;
	show->resized_ms = now_ms;
	show->dirty = true;
	show_update(show, now_ms);
}

struct view *show_view(struct show *show)
{
	struct picture *picture = show_wanted(show);
	return picture ? &picture->view : NULL;
}

void show_touch(struct show *show, bool moving, uint64_t now_ms)
{
	show->dirty = true;
	show->moving = moving;
	show->moved_ms = now_ms;
	show_update(show, now_ms);
}

void show_repin(struct show *show)
{
	show->dirty = true;
}

/* ---- what the library tells ---- */

static bool find_shot(struct show *show, const struct mural_bitmap *bitmap,
	struct picture **ret_picture, enum shot_kind *ret_kind)
{
	for (int i = 0; i < KEPT; i++)
		for (int kind = 0; kind < SHOT_KINDS; kind++)
			if (show->pictures[i].used &&
				show->pictures[i].shots[kind].bitmap == bitmap) {
				*ret_picture = &show->pictures[i];
				*ret_kind = kind;
				return true;
			}
	return false;
}

static void learn_size(struct picture *picture, const struct shot *shot)
{
	struct mural_view info;
	if (mural_bitmap_info(shot->bitmap, &info) == 0)
		view_set_size(&picture->view, info.source_width, info.source_height);
}

static void failed(struct show *show, struct picture *picture, enum shot_kind kind)
{
	struct shot *shot = &picture->shots[kind];
	show->failed_ms = show->now_ms;
	if (shot->error == -ESTALE) {
		renew(show, picture);
	} else if (shot->reason == MURAL_REASON_TRUNCATED && !picture->cut) {
		/* Asked for as whole first, because all programs share that one. */
		picture->cut = true;
		shot_drop(shot);
	} else if (kind == SHOT_NEXT) {
		shot_drop(shot); /* FIT goes on serving, enlarged */
	} else if (picture->index == show->wanted && shot->error == -ENOSPC &&
		   !(shot->flags & MURAL_REQUEST_WAIT)) {
		shot_drop(shot); /* was asked for ahead of need; now patiently */
	}
}

static void on_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct show *show = user;
	struct picture *picture;
	enum shot_kind kind;
	if (!find_shot(show, bitmap, &picture, &kind))
		return;
	struct shot *shot = &picture->shots[kind];
	shot_event(shot, event);
	if (shot->state == SHOT_READY)
		learn_size(picture, shot);
	if (shot->state == SHOT_READY && kind == SHOT_NEXT) {
		shot_drop(&picture->shots[SHOT_FIT]);
		picture->shots[SHOT_FIT] = *shot;
		*shot = (struct shot){.state = SHOT_ABSENT};
	}
	if (shot->state == SHOT_FAILED)
		failed(show, picture, kind);
	if (picture->index == show->wanted)
		show->dirty = true;
}

static bool any_lost(const struct picture *picture)
{
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		if (shot_is_lost(&picture->shots[kind]))
			return true;
	return false;
}

/* ---- what is known ---- */

void show_status(const struct show *show, struct show_status *ret)
{
	*ret = (struct show_status){.index = show->wanted};
	const struct picture *picture = show_wanted(show);
	if (!picture)
		return;
	const struct shot *fit = &picture->shots[SHOT_FIT], *full = &picture->shots[SHOT_FULL];
	ret->seen = show->has_drawn && show->drawn.index == show->wanted && show->drawn.width != 0;
	ret->drawn = ret->seen && show->drawn.covers;
	ret->preview = ret->seen && show->drawn.preview;
	ret->partial = ret->seen && show->drawn.partial;
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		ret->loading |= picture->shots[kind].state == SHOT_PENDING;
	if (fit->state == SHOT_FAILED && !shot_is_lost(fit))
		ret->error = shot_error_text(fit);
	if (full->state == SHOT_FAILED && !shot_is_lost(full))
		ret->full_error = shot_error_text(full);
	if (ret->seen) {
		ret->bitmap_width = show->drawn.width;
		ret->bitmap_height = show->drawn.height;
		ret->decode_ms = show->drawn.took_ms;
	}
}

void show_again(const struct show *show, struct show_again *ret)
{
	*ret = show->again;
}

bool show_pending(const struct show *show)
{
	const struct picture *picture = show_wanted(show);
	if (!picture || show->paused)
		return false;
	if (any_lost(picture) || picture->changed)
		return true;
	for (int i = 0; i < KEPT; i++)
		for (int kind = 0; kind < SHOT_KINDS; kind++) {
			const struct shot *shot = &show->pictures[i].shots[kind];
			if (shot->state == SHOT_PENDING ||
				(shot->waiting_pin && show->pictures[i].index == show->wanted))
				return true;
		}
	return show->dirty || show->resized;
}

/* ---- time ---- */

static bool awaits_dwell(const struct show *show, const struct picture *picture)
{
	return picture->shots[SHOT_FULL].state == SHOT_ABSENT && has_more(picture) &&
	       full_is_affordable(show, picture) && !neighbours_pending(show);
}

int show_timeout(const struct show *show, uint64_t now_ms)
{
	const struct picture *picture = show_wanted(show);
	if (!picture || show->paused)
		return -1;
	int timeout = show->dirty ? 0 : -1;
	if (show->moving)
		timeout = timeout_sooner(timeout, timeout_until(show->moved_ms, STILL_MS, now_ms));
	if (show->resized)
		timeout =
			timeout_sooner(timeout, timeout_until(show->resized_ms, RESIZE_MS, now_ms));
	if (any_is_to_be_renewed(show))
		timeout = 0;
	if (awaits_dwell(show, picture))
		timeout = timeout_sooner(timeout, timeout_until(show->went_ms, DWELL_MS, now_ms));
	if (any_lost(picture))
		timeout = timeout_sooner(timeout, timeout_until(show->failed_ms, RETRY_MS, now_ms));
	return timeout;
}

static void retry_lost(struct show *show, struct picture *picture)
{
	if (timeout_until(show->failed_ms, RETRY_MS, show->now_ms) > 0)
		return;
	show->failed_ms = show->now_ms;
	for (int kind = 0; kind < SHOT_KINDS; kind++)
		if (shot_is_lost(&picture->shots[kind]))
			shot_drop(&picture->shots[kind]);
}

void show_tick(struct show *show, uint64_t now_ms)
{
	struct picture *picture = show_wanted(show);
	if (!picture || show->paused)
		return;
	if (show->moving && timeout_until(show->moved_ms, STILL_MS, now_ms) == 0) {
		show->moving = false;
		show->dirty = true;
	}
	if (show->resized && timeout_until(show->resized_ms, RESIZE_MS, now_ms) == 0)
		show->resized = false;
	show->now_ms = now_ms;
	if (any_lost(picture))
		retry_lost(show, picture);
	renew_changed(show);
	show_update(show, now_ms);
}
