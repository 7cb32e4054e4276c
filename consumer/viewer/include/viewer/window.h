/* viewer/window.h - the real window, by SDL2. Nothing else in the program knows SDL. */
#ifndef VIEWER_WINDOW_H
#define VIEWER_WINDOW_H

#include "viewer/app.h"

/* Starts SDL's video. False: there is no display; window_error says why. */
bool window_start(void);

/* The size of the screen; after window_start. False: not known. */
bool window_screen_size(struct window_size *ret);

/* Shows the app in a window until it is quit. False: no window could be had. */
bool window_run(struct app *app, struct window_size size, bool fullscreen);

void window_stop(void);
const char *window_error(void);

#endif
