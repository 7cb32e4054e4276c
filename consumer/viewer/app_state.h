/* consumer/viewer/app_state.h - what the parts of app.h share.
 *
 *   app.c        what there is to be shown, what the pool tells, time
 *   app_act.c    what keys and the mouse do
 *   app_draw.c   what is seen
 *   app_files.c  what becomes of the files
 */
#ifndef CONSUMER_VIEWER_APP_STATE_H
#define CONSUMER_VIEWER_APP_STATE_H

#include "viewer/app.h"

#include "viewer/calm.h"
#include "viewer/follow.h"
#include "viewer/gallery.h"
#include "viewer/list.h"
#include "viewer/overlay.h"
#include "viewer/show.h"
#include "viewer/text.h"

#define LOADING_MS 300 /* what takes longer than this is announced */

struct app {
	struct app_options options;
	struct mural *mural;
	struct list list;
	struct show *show;
	struct gallery *gallery;
	struct follow *follow; /* NULL: nothing is followed */
	struct list news;      /* what came, until all of it is known */
	struct list due, gone; /* what is to be taken out of the list; and after that */
	uint64_t gone_ms;      /* when that was done, or the first was told of */
	struct list left;      /* what was, though named itself: it may come back */
	bool shown_gone;       /* the file of the picture that is shown was removed */
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

/* A remark, for some seconds; and the end of those that are shown. */
__attribute__((format(printf, 2, 3))) void app_note(struct app *app, const char *format, ...);
void app_end_remarks(struct app *app);

/* Shows the first picture that there is to be shown, as the options have it. */
void app_begin(struct app *app, size_t index);

/* Shows picture @index of the list; which one that is now. */
void app_go(struct app *app, size_t index);
size_t app_current(const struct app *app);

/* Follows the folders that are looked through from now on; those of files that were named
 * themselves. */
void app_watch_list(struct app *app);
void app_follow_files(struct app *app, size_t first);

/* Some of what there is to be told of files; the rest when the window has had its turn. */
void app_read_news(struct app *app);
int app_files_timeout(const struct app *app, uint64_t now_ms);
void app_files_tick(struct app *app);

/* Picture @left, which was shown until now, does not stay in the list when its file is gone. */
void app_let_go(struct app *app, size_t left);

/* The list is empty. */
void app_show_nothing(struct app *app);

void app_enter_gallery(struct app *app);
void app_leave_gallery(struct app *app);

/* Keeps the gallery's ends clear of the lines that are shown. */
void app_cover_gallery(struct app *app);

/* Throws away what nobody pins, and tells how much it was. */
void app_purge(struct app *app);

/* Is there nothing to be seen yet of the wanted picture? */
bool app_awaits_picture(const struct app *app);

#endif
