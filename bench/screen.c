/* The X client that watches. */
#include "screen.h"
#include "harness/bench.h"
#include "plain_decode.h"

#include <X11/Xlib.h>
#include <X11/Xutil.h>
#include <X11/extensions/XTest.h>
#include <X11/extensions/Xdamage.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A block is this part of the picture's side: large enough that scaling filters and noise average
 * out. */
#define BLOCK_PART 64
#define TOLERANCE 12.0f
#define BLOCKS (LOOK_SIDE * LOOK_SIDE)

struct screen {
	pid_t server;
	Display *display;
	Window root;
	Damage damage;
	int damage_event;
	uint32_t width, height;
};

struct block {
	int x, y, width, height;
};

/* ---- the server ---- */

static pid_t start_server(uint32_t width, uint32_t height, int ready)
{
	char geometry[64], fd[16];
	snprintf(geometry, sizeof(geometry), "%ux%ux24", width, height);
	snprintf(fd, sizeof(fd), "%d", ready);
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen("/dev/null", "w", stderr))
		_exit(126);
	execlp("Xvfb", "Xvfb", "-displayfd", fd, "-screen", "0", geometry, "-nolisten", "tcp",
		(char *)NULL);
	_exit(127);
}

/* A window may go between our asking for it and the answer. */
static int ignore_error(Display *display, XErrorEvent *event)
{
	(void)display;
	(void)event;
	return 0;
}

static bool watch(struct screen *screen)
{
	int error;
	screen->display = XOpenDisplay(NULL);
	if (!screen->display ||
		!XDamageQueryExtension(screen->display, &screen->damage_event, &error))
		return false;
	XSetErrorHandler(ignore_error);
	screen->root = DefaultRootWindow(screen->display);
	screen->damage = XDamageCreate(screen->display, screen->root, XDamageReportNonEmpty);
	XSync(screen->display, False);
	return true;
}

struct screen *screen_open(uint32_t width, uint32_t height, const char **ret_why)
{
	char name[32] = ":";
	int ready[2];
	struct screen *screen = calloc(1, sizeof(*screen));
	bench_must(screen != NULL && pipe(ready) == 0, "a pipe");
	screen->width = width;
	screen->height = height;
	screen->server = start_server(width, height, ready[1]);
	close(ready[1]);
	ssize_t got = read(ready[0], name + 1, sizeof(name) - 2);
	close(ready[0]);
	name[strcspn(name, "\n")] = '\0';
	bench_must(setenv("DISPLAY", name, 1) == 0, "setenv");
	if (got > 0 && watch(screen))
		return screen;
	*ret_why = got > 0 ? "the display has no DAMAGE extension" : "no Xvfb";
	screen_close(screen);
	return NULL;
}

void screen_close(struct screen *screen)
{
	if (screen->display)
		XCloseDisplay(screen->display);
	if (screen->server > 0) {
		kill(screen->server, SIGTERM);
		waitpid(screen->server, NULL, 0);
	}
	free(screen);
}

pid_t screen_start_program(const char *const *argv)
{
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
		_exit(126);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* ---- what is to be seen ---- */

/* Block @i of a picture of that size. */
static struct block block_of(int i, double width, double height)
{
	int side = (int)fmax(2, width / BLOCK_PART), tall = (int)fmax(2, height / BLOCK_PART);
	double x = (1 + 2 * (i % LOOK_SIDE)) / (2.0 * LOOK_SIDE);
	double y = (1 + 2 * (i / LOOK_SIDE)) / (2.0 * LOOK_SIDE);
	return (struct block){
		(int)(x * width) - side / 2, (int)(y * height) - tall / 2, side, tall};
}

bool look_of(const char *path, struct look *ret)
{
	struct plain_size size;
	uint8_t *pixels = plain_size(path, &size) ? malloc(size.bytes) : NULL;
	bool ok = pixels && plain_decode(path, pixels);
	*ret = (struct look){.width = size.width, .height = size.height};
	for (int i = 0; ok && i < BLOCKS; i++) {
		struct block block = block_of(i, size.width, size.height);
		double sum[3] = {0};
		for (int y = block.y; y < block.y + block.height; y++) {
			for (int x = block.x; x < block.x + block.width; x++) {
				const uint8_t *at =
					pixels + 4 * ((size_t)y * size.width + (size_t)x);
				for (int c = 0; c < 3; c++)
					sum[c] += at[2 - c];
			}
		}
		for (int c = 0; c < 3; c++)
			ret->mean[i][c] = (float)(sum[c] / block.width / block.height);
	}
	free(pixels);
	return ok;
}

static bool is_near(const float *a, const float *b, float tolerance)
{
	for (int c = 0; c < 3; c++) {
		if (fabsf(a[c] - b[c]) > tolerance)
			return false;
	}
	return true;
}

bool look_differs(const struct look *a, const struct look *b)
{
	for (int i = 0; i < BLOCKS; i++) {
		if (!is_near(a->mean[i], b->mean[i], 2 * TOLERANCE))
			return true;
	}
	return false;
}

/* ---- looking ---- */

/* The topmost window that is large enough to be the viewer's. */
static Window top_window(const struct screen *screen, XWindowAttributes *ret)
{
	Window root, parent, *children = NULL, found = None;
	unsigned count = 0;
	if (!XQueryTree(screen->display, screen->root, &root, &parent, &children, &count))
		return None;
	for (unsigned i = count; i-- > 0 && found == None;) {
		if (XGetWindowAttributes(screen->display, children[i], ret) &&
			ret->map_state == IsViewable && ret->width >= 200 && ret->height >= 200)
			found = children[i];
	}
	if (children)
		XFree(children);
	return found;
}

/* Mean colour and a sum over all bytes, which any change alters. */
static bool fetch(
	const struct screen *screen, const struct block *block, float *ret_mean, uint64_t *sum)
{
	if (block->x < 0 || block->y < 0 || block->x + block->width > (int)screen->width ||
		block->y + block->height > (int)screen->height)
		return false;
	XImage *image = XGetImage(screen->display, screen->root, block->x, block->y,
		(unsigned)block->width, (unsigned)block->height, AllPlanes, ZPixmap);
	if (!image)
		return false;
	double total[3] = {0};
	for (int y = 0; y < block->height; y++) {
		for (int x = 0; x < block->width; x++) {
			unsigned long pixel = XGetPixel(image, x, y);
			*sum = *sum * 31 + (pixel & 0xffffff);
			for (int c = 0; c < 3; c++)
				total[c] += (double)(pixel >> (16 - 8 * c) & 255);
		}
	}
	XDestroyImage(image);
	for (int c = 0; c < 3; c++)
		ret_mean[c] = (float)(total[c] / block->width / block->height);
	return true;
}

/* Does the topmost window show it? @ret_sum tells one state of its blocks from another. */
static bool shows(const struct screen *screen, const struct look *look, uint64_t *ret_sum)
{
	XWindowAttributes window;
	*ret_sum = 0;
	if (top_window(screen, &window) == None)
		return false;
	double scale =
		fmin((double)window.width / look->width, (double)window.height / look->height);
	double width = look->width * scale, height = look->height * scale;
	bool same = true;
	for (int i = 0; i < BLOCKS; i++) {
		float mean[3];
		struct block block = block_of(i, width, height);
		block.x += window.x + (int)((window.width - width) / 2);
		block.y += window.y + (int)((window.height - height) / 2);
		same = fetch(screen, &block, mean, ret_sum) && same &&
		       is_near(mean, look->mean[i], TOLERANCE);
	}
	return same;
}

/* Waits for the next change; false: none within the time. */
static bool next_change(struct screen *screen, double deadline_ns)
{
	while (!XPending(screen->display)) {
		double left_ms = (deadline_ns - bench_now_ns()) / 1e6;
		struct pollfd polled = {.fd = ConnectionNumber(screen->display), .events = POLLIN};
		if (left_ms <= 0 || poll(&polled, 1, (int)left_ms + 1) == 0)
			return false;
	}
	XEvent event;
	while (XPending(screen->display)) {
		XNextEvent(screen->display, &event);
		if (event.type == screen->damage_event + XDamageNotify)
			XDamageSubtract(screen->display, screen->damage, None, None);
	}
	return true;
}

double screen_wait(struct screen *screen, const struct look *look, int timeout_ms)
{
	double deadline = bench_now_ns() + timeout_ms * 1e6;
	uint64_t sum;
	do {
		if (shows(screen, look, &sum))
			return bench_now_ns();
	} while (next_change(screen, deadline));
	return -1;
}

double screen_settle(struct screen *screen, const struct look *look, double since, int quiet_ms)
{
	uint64_t last, now;
	double at = since;
	shows(screen, look, &last);
	while (next_change(screen, fmax(at, since) + quiet_ms * 1e6)) {
		if (!shows(screen, look, &now) || now == last)
			continue;
		last = now;
		at = bench_now_ns();
	}
	return at;
}

bool screen_empty(struct screen *screen, int timeout_ms)
{
	XWindowAttributes window;
	double deadline = bench_now_ns() + timeout_ms * 1e6;
	while (top_window(screen, &window) != None) {
		if (!next_change(screen, deadline))
			return top_window(screen, &window) == None;
	}
	return true;
}

double screen_press(struct screen *screen, const char *key)
{
	XWindowAttributes window;
	Window top = top_window(screen, &window);
	KeyCode code = XKeysymToKeycode(screen->display, XStringToKeysym(key));
	/* There is no window manager to give it the keyboard. */
	if (top != None)
		XSetInputFocus(screen->display, top, RevertToPointerRoot, CurrentTime);
	XSync(screen->display, False);
	double at = bench_now_ns();
	XTestFakeKeyEvent(screen->display, code, True, CurrentTime);
	XTestFakeKeyEvent(screen->display, code, False, CurrentTime);
	XFlush(screen->display);
	return at;
}
