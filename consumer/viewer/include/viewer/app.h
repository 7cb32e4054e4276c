/* viewer/app.h - the viewer without a window: what keys do, what is seen, when to look again. The
 * window and the headless player drive the same one, so that they show the same. Only one thread.
 * Times: milliseconds of CLOCK_MONOTONIC. */
#ifndef VIEWER_APP_H
#define VIEWER_APP_H

#include "viewer/image.h"
#include "viewer/keys.h"
#include "viewer/view.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct app;

struct app_options {
	const char *socket; /* NULL: as mural_open finds it */
	bool private_pool;
	unsigned list_flags;   /* enum list_flags */
	uint32_t slideshow_ms; /* how long each picture stays */
	bool slideshow;        /* begins at once */
	bool gallery;          /* begins there */
	bool info, memory;     /* lines that are there from the start */
	bool wheel_leafs;      /* the wheel goes to the next picture instead of zooming */
	bool follow; /* show what becomes of the files, and what comes into the folder */
	bool still; /* for snapshots: nothing glides, no remark that goes away by itself */
	bool notes; /* with @still: remarks all the same, and they stay until the next key */
};

/* Connects. Errors as mural_open; -ENOMEM. */
int app_create(const struct app_options *options, struct app **ret);
void app_destroy(struct app *app);

/* Opens what the command line names, for a window of @size: the first request is on its way when
 * this returns. 0, or -ENOENT: there is nothing to show; -ENOMEM; why the folder *@ret_bad can not
 * be read, though the rest is shown. */
int app_open(struct app *app, const char *const *paths, size_t count, struct window_size size,
	uint64_t now_ms, const char **ret_bad);

/* Adds files and folders that were dropped on the window and shows the first of them. Errors become
 * a remark. */
void app_drop(struct app *app, const char *const *paths, size_t count, uint64_t now_ms);

/* The pool's and the folder's (-1: it is not followed), to be polled for reading; then app_dispatch
 * is due. */
int app_fd(const struct app *app);
int app_follow_fd(const struct app *app);
void app_dispatch(struct app *app);
/* For a caller that has nothing else to wait for. Errors as mural_wait. */
int app_wait(struct app *app, int timeout_ms);

void app_act(struct app *app, enum action action, uint64_t now_ms);
void app_wheel(struct app *app, double steps, int32_t x, int32_t y, uint64_t now_ms);
void app_drag(struct app *app, int32_t dx, int32_t dy, uint64_t now_ms);
void app_click(struct app *app, int32_t x, int32_t y, bool twice, uint64_t now_ms);
void app_resize(struct app *app, struct window_size size, uint64_t now_ms);

/* Milliseconds until app_tick is due; -1: only an event changes anything. */
int app_timeout(const struct app *app, uint64_t now_ms);
void app_tick(struct app *app, uint64_t now_ms);

/* Brings what is to be seen up to date. True when it has changed since the last call: app_compose
 * is due. */
bool app_draw(struct app *app, uint64_t now_ms);

/* What the window shows, drawn into @on, every pixel of it: the pictures, and what is written over
 * them. */
void app_compose(struct app *app, struct image *on);

/* Of the window, as it was told last and there was memory for. */
struct window_size app_size(const struct app *app);

/* Asks for fresh numbers; app_pending until they are there. */
void app_refresh_stats(struct app *app);

/* The pool, for one who wants to ask it more. */
struct mural *app_mural(const struct app *app);

bool app_pending(const struct app *app);
bool app_quits(const struct app *app);
bool app_fullscreen(const struct app *app);
/* Is there something to look at, if only why there is no picture? */
bool app_has_drawn(const struct app *app);
/* Was there a wanted picture that could not be shown? */
bool app_failed(const struct app *app);
/* Why the wanted one can not be shown; NULL: it can. @ret_path is which one it is (NULL: none). */
const char *app_error(const struct app *app, const char **ret_path);
void app_title(const struct app *app, char *ret, size_t size);

#endif
