/* viewer/window.h - the real window, by SDL2. Nothing else in the program knows SDL. */
#ifndef VIEWER_WINDOW_H
#define VIEWER_WINDOW_H

#include "viewer/app.h"

/* Where the window is to be. */
struct window_place {
	struct window_size size;
	struct window_size restored; /* when it leaves full screen */
	bool fullscreen;
	/* A window of this size at this point fills the screen, also before SDL makes it full
	 * screen. */
	bool covers;
	int32_t x, y;
	bool managed; /* there is a window manager to be told of full screen */
};

/* Finds the screen, before SDL is started; false: it is known only after window_start. */
bool window_find_screen(struct window_place *place);

/* Starts SDL's video. False: there is no display; window_error says why. */
bool window_start(void);

/* The size of the screen; after window_start. False: not known. */
bool window_screen_size(struct window_size *ret);

/* Makes a size that nobody asked for small enough for the screen, without what belongs to panels;
 * after window_start. */
void window_keep_on_screen(struct window_size *size);

/* Shows the app in a window until it is quit. False: no window could be had. */
bool window_run(struct app *app, const struct window_place *place);

void window_stop(void);
const char *window_error(void);

#endif
