/* consumer/viewer/show_state.h - what the parts of show.h share.
 *
 *   show.c       what is asked for, and when
 *   show_draw.c  what of it is drawn
 */
#ifndef CONSUMER_VIEWER_SHOW_STATE_H
#define CONSUMER_VIEWER_SHOW_STATE_H

#include "viewer/shot.h"
#include "viewer/show.h"

enum shot_kind {
	SHOT_FIT,  /* for the window as it was when asked */
	SHOT_NEXT, /* replaces FIT when it arrives: for the window as it is now */
	SHOT_FULL,
	SHOT_PREVIEW, /* coarse, until FIT is there */
	SHOT_KINDS,
};

struct picture {
	bool used;
	size_t index;   /* in the list */
	uint64_t stamp; /* of the last use; the oldest is forgotten first */
	struct view view;
	struct shot shots[SHOT_KINDS];
	uint32_t box_width, box_height; /* of NEXT, else of FIT */
	bool cut;                       /* its file ends early: what there is of it will do */
	bool changed; /* its file has been written since: asked for again when what is pending has
			 come and been seen */
};

/* What the layer holds. */
struct drawn {
	struct mural_bitmap *bitmap; /* only compared, never used */
	size_t index;
	uint64_t generation;
	struct placement place;
	unsigned turn;
	bool mirror, quick, covers;
	bool outdated; /* its file has been written since */
	bool preview, partial;
	uint32_t width, height, took_ms;
};

struct show {
	struct mural *mural;
	const struct list *list;
	struct window_size window;
	struct picture *pictures; /* KEPT of them */
	uint64_t stamp;
	size_t wanted;
	int direction; /* 1 or -1: the way the user leafs */
	bool started, paused, dirty, moving;
	enum mural_pressure pressure;
	uint64_t now_ms, moved_ms, resized_ms, went_ms, failed_ms;
	bool resized;
	uint64_t full_limit;
	bool has_drawn;
	struct drawn drawn;
	struct show_again again;
};

/* NULL: nothing is wanted yet. */
struct picture *show_wanted(const struct show *show);

/* Brings what is asked for in line with what is wanted. Called after everything that may change
 * either. */
void show_update(struct show *show, uint64_t now_ms);

/* What the window needs in order to show the picture one to one, is that more than @width x
 * @height? And more than the bitmap that was made for the window? */
bool show_falls_short(
	const struct show *show, const struct view *view, uint32_t width, uint32_t height);
bool show_fit_falls_short(const struct show *show, const struct picture *picture);

#endif
