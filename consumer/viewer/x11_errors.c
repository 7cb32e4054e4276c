#include "x11_errors.h"

#include "x11_screen.h"

#ifndef VIEWER_HAS_XLIB

void x11_errors_forgive_late_messages(void) {}

#else

#include <X11/Xlib.h>
#include <X11/Xproto.h>
#include <dlfcn.h>
#include <string.h>

static XErrorHandler before;

static int handle(Display *display, XErrorEvent *error)
{
	if (error->request_code == X_SendEvent && error->error_code == BadWindow)
		return 0;
	return before(display, error);
}

void x11_errors_forgive_late_messages(void)
{
	__typeof__(&XSetErrorHandler) set_handler;
	/* Never unloaded: SDL wants it next. */
	void *x11 = x11_is_wanted() ? dlopen("libX11.so.6", RTLD_LAZY | RTLD_LOCAL) : NULL;
	void *symbol = x11 ? dlsym(x11, "XSetErrorHandler") : NULL;
	if (!symbol || before)
		return;
	/* A pointer to data becomes one to a function: POSIX allows it, C knows no cast for it. */
	memcpy(&set_handler, &symbol, sizeof(symbol));
	before = set_handler(handle);
}

#endif
