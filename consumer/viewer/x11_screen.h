/* x11_screen.h - the screen, asked of the X server before SDL is loaded.
 *
 * In full screen the first request needs the screen's size, and SDL takes some 15 to 50 ms until it
 * can tell it. Xlib, which SDL would load anyway, tells it in two or three; the decode then runs
 * while SDL starts. */
#ifndef VIEWER_X11_SCREEN_H
#define VIEWER_X11_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

struct x11_screen {
	int32_t x, y; /* where a window covers the primary monitor */
	uint32_t width, height;
	bool managed; /* by a window manager, which alone can put a window above its panels */
};

/* Will SDL look for an X server? */
bool x11_is_wanted(void);

/* False: SDL is told to use something else, there is no X server, or this was built without Xlib's
 * headers. */
bool x11_screen_find(struct x11_screen *ret);

#endif
