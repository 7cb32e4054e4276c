#include "x11_screen.h"

#include <stdlib.h>
#include <string.h>

bool x11_is_wanted(void)
{
	const char *driver = getenv("SDL_VIDEODRIVER");
	return (!driver || strcmp(driver, "x11") == 0) && getenv("DISPLAY");
}

#ifndef VIEWER_HAS_XLIB

bool x11_screen_find(struct x11_screen *ret)
{
	(void)ret;
	return false;
}

#else

#include <X11/Xatom.h>
#include <X11/Xlib.h>
#include <X11/extensions/Xrandr.h>
#include <dlfcn.h>

#define FUNCTIONS(F)                                                                               \
	F(x11, XOpenDisplay)                                                                       \
	F(x11, XCloseDisplay)                                                                      \
	F(x11, XInternAtom)                                                                        \
	F(x11, XGetWindowProperty)                                                                 \
	F(x11, XSetErrorHandler)                                                                   \
	F(x11, XFree)                                                                              \
	F(xrandr, XRRQueryVersion)                                                                 \
	F(xrandr, XRRGetMonitors)                                                                  \
	F(xrandr, XRRFreeMonitors)

#define MEMBER(library, name) __typeof__(&(name)) name;
struct xlib {
	FUNCTIONS(MEMBER)
};

/* Never unloaded: SDL wants them next. */
static bool load(struct xlib *ret)
{
	void *x11 = dlopen("libX11.so.6", RTLD_LAZY | RTLD_LOCAL);
	void *xrandr = dlopen("libXrandr.so.2", RTLD_LAZY | RTLD_LOCAL);
	bool found = x11 && xrandr;
/* A pointer to data becomes one to a function: POSIX allows it, C knows no cast for it. */
#define FIND(library, name)                                                                        \
	if (found) {                                                                               \
		void *symbol = dlsym(library, #name);                                              \
		memcpy(&ret->name, &symbol, sizeof(symbol));                                       \
		found = symbol != NULL;                                                            \
	}
	FUNCTIONS(FIND)
	return found;
}

/* The one that is told of as primary is SDL's first, too; without one it is the first. */
static bool find_monitor(const struct xlib *xlib, Display *display, struct x11_screen *ret)
{
	int major = 0, minor = 0, count = 0;
	if (!xlib->XRRQueryVersion(display, &major, &minor) || major < 1 ||
		(major == 1 && minor < 5))
		return false;
	XRRMonitorInfo *monitors =
		xlib->XRRGetMonitors(display, DefaultRootWindow(display), True, &count);
	const XRRMonitorInfo *chosen = monitors && count > 0 ? &monitors[0] : NULL;
	for (int i = 0; i < count; i++)
		if (monitors[i].primary)
			chosen = &monitors[i];
	bool found = chosen && chosen->width > 0 && chosen->height > 0;
	if (found)
		*ret = (struct x11_screen){
			.x = chosen->x,
			.y = chosen->y,
			.width = (uint32_t)chosen->width,
			.height = (uint32_t)chosen->height,
		};
	if (monitors)
		xlib->XRRFreeMonitors(monitors);
	return found;
}

static int ignore_error(Display *display, XErrorEvent *event)
{
	(void)display;
	(void)event;
	return 0;
}

/* The window that @window names by the property; None: it names none. */
static Window named_window(const struct xlib *xlib, Display *display, Window window, Atom property)
{
	Atom type = None;
	int format = 0;
	unsigned long count = 0, left;
	unsigned char *value = NULL;
	Window named = None;
	xlib->XGetWindowProperty(display, window, property, 0, 1, False, XA_WINDOW, &type, &format,
		&count, &left, &value);
	if (value && type == XA_WINDOW && format == 32 && count == 1)
		memcpy(&named, value, sizeof(named));
	if (value)
		xlib->XFree(value);
	return named;
}

/* The root names a window of the manager's, and that one names itself: what a manager that has
 * crashed left behind does not count. */
static bool has_window_manager(const struct xlib *xlib, Display *display)
{
	Atom check = xlib->XInternAtom(display, "_NET_SUPPORTING_WM_CHECK", True);
	if (check == None)
		return false;
	XErrorHandler before = xlib->XSetErrorHandler(ignore_error);
	Window own = named_window(xlib, display, DefaultRootWindow(display), check);
	bool managed = own != None && named_window(xlib, display, own, check) == own;
	xlib->XSetErrorHandler(before);
	return managed;
}

bool x11_screen_find(struct x11_screen *ret)
{
	struct xlib xlib;
	if (!x11_is_wanted() || !load(&xlib))
		return false;
	Display *display = xlib.XOpenDisplay(NULL);
	if (!display)
		return false;
	bool found = find_monitor(&xlib, display, ret);
	if (found)
		ret->managed = has_window_manager(&xlib, display);
	xlib.XCloseDisplay(display);
	return found;
}

#endif
