/* viewer/headless.h - the viewer played by a list of keys, without a window. */
#ifndef VIEWER_HEADLESS_H
#define VIEWER_HEADLESS_H

#include "viewer/app.h"

/* Is every item of @keys known? Otherwise @ret_bad is a copy of the first that is not (caller
 * frees; NULL: no memory). */
bool headless_knows_keys(const char *keys, char **ret_bad);

/* Plays @keys: names as in keys_action, separated by commas. Each waits until nothing is pending,
 * unless "!" is before its name. Besides keys: "wait", "wait:MS" (goes on living for that long),
 * "snapshot:FILE.png". Pictures that could not be shown are named on standard error. 0; 1:
 * something could not be done, and was told; -ETIMEDOUT: nothing came to rest for a minute;
 * otherwise as mural_wait. */
int headless_play(struct app *app, const char *keys);

/* Waits until nothing is pending and writes what the window would show. As headless_play. */
int headless_snapshot(struct app *app, const char *path);

/* A short tour: open, next, 100 %, purge, back, gallery. Writes what a window would show into
 * @folder (made if need be) and prints what the pool did. As headless_play. */
int tour_run(struct app *app, const char *folder);

#endif
