/* viewer/show.h - which picture is wanted, which one is seen, and which bitmaps are asked for
 * meanwhile.
 *
 * A picture is asked for as it fits the window, and drawn when it is there; until then what was
 * seen before stays, or a preview comes first where the producer has one that is quicker. Only when
 * somebody zooms beyond that, its full size is asked for; and ahead of that, with lower priority,
 * when the picture has been looked at for a moment and its full size is at most a quarter of the
 * pool's budget (show_set_budget): a 100 MP picture takes 400 MB, which nobody should pay who only
 * leafs past it. The next two and the previous picture, in the direction of travel, are decoded
 * ahead once the wanted one is there. What nobody will see any more is given up.
 *
 * A file that ends early is shown as far as it goes.
 *
 * Nothing is pinned but while it is copied into the layer. A pin that finds the pixels purged asks
 * for the decode again, and the layer stays as it is until they are back. Nothing here waits.
 *
 * Times are milliseconds of any steady clock, given by the caller. */
#ifndef VIEWER_SHOW_H
#define VIEWER_SHOW_H

#include "viewer/image.h"
#include "viewer/list.h"
#include "viewer/view.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stdint.h>

struct show;

/* What is known of the wanted picture. */
struct show_status {
	size_t index;
	bool drawn;   /* the layer holds it, at the best quality that will come without asking for
			 more */
	bool seen;    /* the layer holds it in some quality */
	bool preview; /* what is seen is the coarse version that came first */
	bool partial; /* its file ends early: this is what there is */
	bool loading; /* a decode of it is under way */
	const char *error; /* why it can not be shown; NULL: it can. Valid until the next call */
	const char *full_error;               /* why there is only the size that fits the window */
	uint32_t bitmap_width, bitmap_height; /* of what was drawn; 0: nothing yet */
	uint32_t decode_ms; /* from the request to its arrival; 0: it was there already */
};

/* What was drawn last that had been purged and decoded again. */
struct show_again {
	uint64_t count; /* how often that happened: changes when it happens */
	uint32_t ms;    /* how long it took, from the pin to the pixels */
};

/* Borrows both; the list may grow at its end later, and shrink (show_removed). -ENOMEM. */
int show_create(struct mural *mural, const struct list *list, struct show **ret);

/* Before mural_close. NULL is fine. */
void show_destroy(struct show *show);

void show_resize(struct show *show, struct window_size window, uint64_t now_ms);
void show_set_budget(struct show *show, uint64_t budget_bytes);

/* Under any pressure nothing is asked for ahead of need, what was is given up, and references are
 * kept of the wanted picture and its neighbours only, at the size that is seen; under critical
 * pressure of what is seen alone. */
void show_set_pressure(struct show *show, enum mural_pressure pressure);

/* Makes a picture the wanted one. A picture that failed before is tried anew. */
void show_go(struct show *show, size_t index, uint64_t now_ms);

/* Forgets what is known of the wanted picture and asks for it as the file is now. */
void show_reload(struct show *show, uint64_t now_ms);

/* The file was written: what is known of it is forgotten. The wanted picture stays on the screen,
 * as large as it is, until the new one is there. */
void show_changed(struct show *show, size_t index, uint64_t now_ms);

/* These were taken out of the list (list_remove). In the place of the wanted picture what came
 * behind it is wanted, or the last one; of an empty list nothing. */
void show_removed(struct show *show, const size_t *gone, size_t count);

/* Asks for nothing while another view is shown (the gallery); show_go and show_resume end that. */
void show_pause(struct show *show);
void show_resume(struct show *show, uint64_t now_ms);

/* How the wanted picture lies in the window; call show_touch after a change. @moving: more changes
 * will follow soon, draw quickly rather than well. */
struct view *show_view(struct show *show);
void show_touch(struct show *show, bool moving, uint64_t now_ms);

/* Draws the wanted picture again even though nothing has changed: finds out whether its pixels are
 * still there. */
void show_repin(struct show *show);

/* Draws into @layer when there is something new; true when the layer has changed. The layer has the
 * window's size and keeps its contents between calls. */
bool show_draw(struct show *show, struct image *layer, uint64_t now_ms);

void show_status(const struct show *show, struct show_status *ret);
void show_again(const struct show *show, struct show_again *ret);

/* Is a decode under way, or something to be drawn? */
bool show_pending(const struct show *show);

/* Milliseconds until show_tick has something to do; -1: nothing. */
int show_timeout(const struct show *show, uint64_t now_ms);
void show_tick(struct show *show, uint64_t now_ms);

#endif
