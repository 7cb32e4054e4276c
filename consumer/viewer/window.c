/* The window shows the app's image by SDL's window surface: no renderer, no textures, so that it is
 * as quick without a GPU as with one. A thread sleeps on the app's descriptors, because SDL can not
 * wait for descriptors; it only ever polls, and after telling of something waits until the main
 * thread, which alone calls the app, has dispatched. */
#include "viewer/window.h"

#include "viewer/icon.h"

#include "common/util.h"
#include "sdl_library.h"
#include "x11_errors.h"
#include "x11_screen.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>

#define DROPPED_MAX 4096
/* What a window manager draws around a window, at most: known only once it is there. */
#define FRAME_WIDTH 16
#define FRAME_HEIGHT 48

struct watch {
	SDL_Thread *thread;
	int fds[2]; /* the app's; borrowed */
	int wake;   /* eventfd: dispatched, go on; or stop */
	atomic_bool stop;
	Uint32 event;
};

struct window {
	SDL_Window *sdl;
	struct app *app;
	struct watch watch;
	struct image copy; /* only where the window's memory is not like an image */
	struct window_place place;
	bool fullscreen;
	bool covering; /* it fills the screen by its place alone */
	char title[512];
	char *dropped[DROPPED_MAX];
	size_t dropped_count;
};

static bool loaded;     /* SDL is */
static bool no_display; /* SDL found none */

static uint64_t now(void)
{
	return monotonic_ns() / 1000000;
}

/* Xlib turns titles and keys into text by the locale; without UTF-8 it drops a title with one
 * letter that it does not know. */
static void choose_locale(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

/* Sets a variable of the environment where the user has not. */
static bool set_unless_set(const char *name, const char *value)
{
	return !getenv(name) && setenv(name, value, 0) == 0;
}

/* Xlib reads half a megabyte of rules for composing letters (8 to 40 ms), of which no key here has
 * a use; and without a session bus SDL starts a program to look for one. */
static bool init_video(void)
{
	bool compose = set_unless_set("XCOMPOSEFILE", "/dev/null");
	bool bus = set_unless_set("DBUS_SESSION_BUS_ADDRESS", "disabled:");
	x11_errors_forgive_late_messages();
	bool started = sdl.Init(SDL_INIT_VIDEO) == 0;
	if (compose)
		unsetenv("XCOMPOSEFILE");
	if (bus)
		unsetenv("DBUS_SESSION_BUS_ADDRESS");
	return started;
}

/* Where there is no display SDL 2.26 and older take a driver that draws into memory: the program
 * would run on, and nobody would see it. Who names such a driver gets it. */
static bool can_be_seen(void)
{
	static const char *const unseen[] = {"offscreen", "dummy", "evdev"};
	const char *driver = sdl.GetCurrentVideoDriver();
	if (!driver || getenv("SDL_VIDEODRIVER"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(unseen); i++)
		if (strcmp(driver, unseen[i]) == 0)
			return false;
	return true;
}

bool window_start(void)
{
	loaded = sdl_library_load();
	if (!loaded)
		return false;
	choose_locale();
	/* The OpenGL path behind window surfaces costs 10 times as much without a GPU. */
	sdl.SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0");
	sdl.SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
	sdl.SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	sdl.SetHint(SDL_HINT_APP_NAME, "Mural");
	if (!init_video())
		return false;
	no_display = !can_be_seen();
	return !no_display;
}

void window_stop(void)
{
	if (loaded)
		sdl.Quit();
}

const char *window_error(void)
{
	if (no_display)
		return "there is no display (neither DISPLAY nor WAYLAND_DISPLAY leads to one)";
	return loaded ? sdl.GetError() : sdl_library_error();
}

bool window_find_screen(struct window_place *place)
{
	struct x11_screen screen;
	place->covers = x11_screen_find(&screen);
	if (!place->covers)
		return false;
	place->size = (struct window_size){screen.width, screen.height};
	place->x = screen.x;
	place->y = screen.y;
	place->managed = screen.managed;
	return true;
}

bool window_screen_size(struct window_size *ret)
{
	SDL_DisplayMode mode;
	if (sdl.GetDesktopDisplayMode(0, &mode) < 0 || mode.w <= 0 || mode.h <= 0)
		return false;
	*ret = (struct window_size){(uint32_t)mode.w, (uint32_t)mode.h};
	return true;
}

void window_keep_on_screen(struct window_size *size)
{
	SDL_Rect usable;
	if (sdl.GetDisplayUsableBounds(0, &usable) < 0)
		return;
	if (usable.w > 2 * FRAME_WIDTH)
		size->width = (uint32_t)min_u64(size->width, (uint64_t)usable.w - FRAME_WIDTH);
	if (usable.h > 2 * FRAME_HEIGHT)
		size->height = (uint32_t)min_u64(size->height, (uint64_t)usable.h - FRAME_HEIGHT);
}

/* ---- the app's descriptors ---- */

static int watch_main(void *user)
{
	struct watch *watch = user;
	struct pollfd fds[3] = {{.fd = watch->fds[0], .events = POLLIN},
		{.fd = watch->fds[1], .events = POLLIN}, {.fd = watch->wake, .events = POLLIN}};
	while (!atomic_load(&watch->stop)) {
		eventfd_t count;
		if (poll(fds, 3, -1) < 0 || !((fds[0].revents | fds[1].revents) & ~POLLNVAL) ||
			atomic_load(&watch->stop))
			continue;
		SDL_Event event = {.type = watch->event};
		if (sdl.PushEvent(&event) != 1) {
			sdl.Delay(1); /* its queue is full: what is in there comes first */
			continue;
		}
		eventfd_read(watch->wake, &count); /* blocks until the main thread has dispatched */
	}
	return 0;
}

static bool watch_start(struct watch *watch, const struct app *app)
{
	watch->fds[0] = app_fd(app);
	watch->fds[1] = app_follow_fd(app);
	watch->event = sdl.RegisterEvents(1);
	watch->wake = eventfd(0, EFD_CLOEXEC);
	if (watch->wake < 0)
		return false;
	watch->thread = sdl.CreateThread(watch_main, "mural", watch);
	return watch->thread != NULL;
}

static void watch_end(struct watch *watch)
{
	atomic_store(&watch->stop, true);
	if (watch->wake >= 0)
		eventfd_write(watch->wake, 1);
	sdl.WaitThread(watch->thread, NULL);
	close_p(&watch->wake);
}

/* ---- keys ---- */

/* Keys that write nothing. What writes something arrives as text, so that "?" is "?" on every
 * keyboard. */
static const char *key_name(SDL_Keycode key)
{
	switch (key) {
	case SDLK_RETURN:
	case SDLK_KP_ENTER:
		return "Enter";
	case SDLK_ESCAPE:
		return "Esc";
	case SDLK_BACKSPACE:
		return "Backspace";
	case SDLK_SPACE:
		return "Space";
	default:
		return key & SDLK_SCANCODE_MASK ? sdl.GetKeyName(key) : "";
	}
}

static void on_key(struct window *window, const SDL_KeyboardEvent *event)
{
	if (event->keysym.mod & (KMOD_CTRL | KMOD_ALT | KMOD_GUI))
		return;
	app_act(window->app, keys_action(key_name(event->keysym.sym)), now());
	if (window->fullscreen)
		sdl.ShowCursor(SDL_DISABLE);
}

static void on_text(struct window *window, const SDL_TextInputEvent *event)
{
	if (strcmp(event->text, " ") != 0) /* came as a key */
		app_act(window->app, keys_action(event->text), now());
}

/* ---- mouse ---- */

static void on_button(struct window *window, const SDL_MouseButtonEvent *event)
{
	switch (event->button) {
	case SDL_BUTTON_LEFT:
		app_click(window->app, event->x, event->y, event->clicks == 2, now());
		break;
	case SDL_BUTTON_X1:
		app_act(window->app, ACTION_PREVIOUS, now());
		break;
	case SDL_BUTTON_X2:
		app_act(window->app, ACTION_NEXT, now());
		break;
	default:
		break;
	}
}

static void on_motion(struct window *window, const SDL_MouseMotionEvent *event)
{
	sdl.ShowCursor(SDL_ENABLE);
	if (event->state & SDL_BUTTON_LMASK)
		app_drag(window->app, event->xrel, event->yrel, now());
}

static void on_wheel(struct window *window, const SDL_MouseWheelEvent *event)
{
	double steps = event->preciseY;
	if (event->direction == SDL_MOUSEWHEEL_FLIPPED)
		steps = -steps;
	if (steps != 0)
		app_wheel(window->app, steps, event->mouseX, event->mouseY, now());
}

/* ---- drop ---- */

static void on_drop(struct window *window, const SDL_DropEvent *event)
{
	if (event->type == SDL_DROPFILE && window->dropped_count < DROPPED_MAX) {
		window->dropped[window->dropped_count++] = event->file;
		return;
	}
	sdl.free(event->file);
	if (event->type != SDL_DROPCOMPLETE || window->dropped_count == 0)
		return;
	app_drop(window->app, (const char *const *)window->dropped, window->dropped_count, now());
	for (size_t i = 0; i < window->dropped_count; i++)
		sdl.free(window->dropped[i]);
	window->dropped_count = 0;
}

/* ---- the loop ---- */

/* The picture is composed in the window's own memory where that has the layout of an image (it has,
 * but for screens of few colours); elsewhere SDL converts a copy. */
static void present(struct window *window)
{
	SDL_Surface *surface = sdl.GetWindowSurface(window->sdl);
	if (!surface)
		return;
	uint32_t width = (uint32_t)surface->w, height = (uint32_t)surface->h;
	bool direct = surface->format->format == SDL_PIXELFORMAT_XRGB8888 &&
		      surface->pitch == surface->w * 4;
	if (direct) {
		struct image image = {surface->pixels, width, height};
		app_compose(window->app, &image);
	} else if (image_resize(&window->copy, width, height, 0) == 0) {
		SDL_Surface *drawn = sdl.CreateRGBSurfaceWithFormatFrom(window->copy.pixels,
			surface->w, surface->h, 32, surface->w * 4, SDL_PIXELFORMAT_XRGB8888);
		app_compose(window->app, &window->copy);
		if (drawn)
			sdl.UpperBlit(drawn, NULL, surface, NULL);
		sdl.FreeSurface(drawn);
	}
	sdl.UpdateWindowSurface(window->sdl);
}

static void on_window(struct window *window, const SDL_WindowEvent *event)
{
	if (event->event == SDL_WINDOWEVENT_SIZE_CHANGED && event->data1 > 0 && event->data2 > 0)
		app_resize(window->app,
			(struct window_size){(uint32_t)event->data1, (uint32_t)event->data2},
			now());
	else if (event->event == SDL_WINDOWEVENT_EXPOSED)
		present(window);
}

/* False: the window was closed. */
static bool handle(struct window *window, const SDL_Event *event)
{
	switch (event->type) {
	case SDL_QUIT:
		return false;
	case SDL_KEYDOWN:
		on_key(window, &event->key);
		break;
	case SDL_TEXTINPUT:
		on_text(window, &event->text);
		break;
	case SDL_MOUSEBUTTONDOWN:
		on_button(window, &event->button);
		break;
	case SDL_MOUSEMOTION:
		on_motion(window, &event->motion);
		break;
	case SDL_MOUSEWHEEL:
		on_wheel(window, &event->wheel);
		break;
	case SDL_DROPFILE:
	case SDL_DROPTEXT:
	case SDL_DROPCOMPLETE:
		on_drop(window, &event->drop);
		break;
	case SDL_WINDOWEVENT:
		on_window(window, &event->window);
		break;
	default:
		if (event->type == window->watch.event) {
			app_dispatch(window->app);
			eventfd_write(window->watch.wake, 1);
		}
		break;
	}
	return true;
}

/* ---- full screen ---- */

/* SDL waits up to 100 ms for what the window manager makes of it, and all of that for a window that
 * is not shown yet, or where there is none. So the window begins as one that covers the screen, and
 * the manager is told once the picture is there. */
static void tell_manager(struct window *window)
{
	if (!window->covering || !window->fullscreen || !window->place.managed ||
		!app_has_drawn(window->app))
		return;
	window->covering = false;
	sdl.SetWindowFullscreen(window->sdl, SDL_WINDOW_FULLSCREEN_DESKTOP);
}

static void put(struct window *window, bool bordered, int x, int y, struct window_size size)
{
	sdl.SetWindowBordered(window->sdl, bordered ? SDL_TRUE : SDL_FALSE);
	sdl.SetWindowSize(window->sdl, (int)size.width, (int)size.height);
	sdl.SetWindowPosition(window->sdl, x, y);
}

/* Without a window manager SDL makes the window as large as the screen where it stands. */
static void find_unmanaged_screen(struct window *window)
{
	struct window_place found = window->place;
	int width, height;
	if (found.covers || !window_find_screen(&found) || found.managed)
		return;
	sdl.GetWindowSize(window->sdl, &width, &height);
	found.restored = (struct window_size){(uint32_t)width, (uint32_t)height};
	window->place = found;
}

static void set_fullscreen(struct window *window, bool fullscreen)
{
	struct window_place *place = &window->place;
	if (fullscreen)
		find_unmanaged_screen(window);
	bool by_place = place->covers && !place->managed;
	window->fullscreen = fullscreen;
	window->covering = false;
	if (!by_place)
		sdl.SetWindowFullscreen(
			window->sdl, fullscreen ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
	else if (fullscreen)
		put(window, false, place->x, place->y, place->size);
	if (!fullscreen && place->covers) {
		/* What SDL would go back to is the window that covered the screen. */
		put(window, true, (int)SDL_WINDOWPOS_CENTERED, (int)SDL_WINDOWPOS_CENTERED,
			place->restored);
		place->covers = by_place;
	}
	sdl.ShowCursor(SDL_ENABLE);
}

static void follow_app(struct window *window)
{
	char title[sizeof(window->title)];
	app_title(window->app, title, sizeof(title));
	if (strcmp(title, window->title) != 0) {
		memcpy(window->title, title, sizeof(title));
		sdl.SetWindowTitle(window->sdl, title);
	}
	if (app_fullscreen(window->app) != window->fullscreen)
		set_fullscreen(window, !window->fullscreen);
	tell_manager(window);
}

static void loop(struct window *window)
{
	SDL_Event event;
	for (;;) {
		app_tick(window->app, now());
		if (app_draw(window->app, now()))
			present(window);
		follow_app(window);
		if (app_quits(window->app))
			return;
		/* All that waits is handled before anything is drawn: a heap of mouse movements
		 * costs one picture. */
		int more = sdl.WaitEventTimeout(&event, app_timeout(window->app, now()));
		for (; more; more = sdl.PollEvent(&event))
			if (!handle(window, &event))
				return;
	}
}

/* The window system may have given another size than was asked for. */
static void adopt_size(struct window *window)
{
	int width, height;
	sdl.GetWindowSize(window->sdl, &width, &height);
	app_resize(window->app, (struct window_size){(uint32_t)width, (uint32_t)height}, now());
}

static SDL_Window *make_window(const struct window_place *place)
{
	bool covers = place->fullscreen && place->covers;
	int x = covers ? place->x : (int)SDL_WINDOWPOS_UNDEFINED;
	int y = covers ? place->y : (int)SDL_WINDOWPOS_UNDEFINED;
	Uint32 flags = SDL_WINDOW_RESIZABLE;
	if (place->fullscreen)
		flags |= covers ? SDL_WINDOW_BORDERLESS : SDL_WINDOW_FULLSCREEN_DESKTOP;
	return sdl.CreateWindow(
		"Mural", x, y, (int)place->size.width, (int)place->size.height, flags);
}

static void set_icon(SDL_Window *sdl_window)
{
	uint32_t pixels[ICON_SIDE * ICON_SIDE];
	icon_draw(pixels);
	SDL_Surface *icon = sdl.CreateRGBSurfaceWithFormatFrom(
		pixels, ICON_SIDE, ICON_SIDE, 32, ICON_SIDE * 4, SDL_PIXELFORMAT_ARGB8888);
	if (icon)
		sdl.SetWindowIcon(sdl_window, icon);
	sdl.FreeSurface(icon);
}

bool window_run(struct app *app, const struct window_place *place)
{
	static struct window window = {.watch.wake = -1};
	window.app = app;
	window.place = *place;
	window.sdl = make_window(place);
	bool made = window.sdl && watch_start(&window.watch, app);
	if (made) {
		if (place->fullscreen) {
			window.fullscreen = true;
			window.covering = place->covers;
			app_act(app, ACTION_FULLSCREEN, now());
		}
		set_icon(window.sdl);
		sdl.SetWindowMinimumSize(window.sdl, 160, 120);
		adopt_size(&window);
		sdl.StartTextInput();
		/* What another viewer has shown is there by now: then it is the first thing seen.
		 */
		app_dispatch(app);
		loop(&window);
	}
	watch_end(&window.watch);
	if (window.sdl)
		sdl.DestroyWindow(window.sdl);
	image_fini(&window.copy);
	return made;
}
