/* screen.h - a display of one's own, and the moment at which a picture is on it.
 *
 * The X server tells of every change (DAMAGE); then a few small blocks of the screen are fetched
 * and compared with what the picture has there. So nothing polls while programs decode, and a
 * preview of the right colours counts as the picture. One thread. Times: bench_now_ns. */
#ifndef BENCH_SCREEN_H
#define BENCH_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct screen; /* opaque */

#define LOOK_SIDE 3 /* blocks looked at, each way */

/* What a picture has at some places. */
struct look {
	uint32_t width, height;               /* the picture's */
	float mean[LOOK_SIDE * LOOK_SIDE][3]; /* R, G, B */
};

/* Starts Xvfb, sets DISPLAY. NULL: it cannot be had; @ret_why says why. */
struct screen *screen_open(uint32_t width, uint32_t height, const char **ret_why);
void screen_close(struct screen *screen);

/* Starts a program on it, found by PATH, whose output nobody wants; it ends with us. Its pid. */
pid_t screen_start_program(const char *const *argv);

/* From the file, decoded in-process. False: it can not be read. */
bool look_of(const char *path, struct look *ret);
/* Every block differs enough that one is not taken for the other. */
bool look_differs(const struct look *a, const struct look *b);

/* Waits until the topmost window shows the picture, fitted and centred in it. The time; negative:
 * not within @timeout_ms. */
double screen_wait(struct screen *screen, const struct look *look, int timeout_ms);

/* Goes on watching until those blocks have not changed for @quiet_ms; the time of the last change,
 * at least @since. */
double screen_settle(struct screen *screen, const struct look *look, double since, int quiet_ms);

/* Waits until no window is there. */
bool screen_empty(struct screen *screen, int timeout_ms);

/* Presses and releases a key (XStringToKeysym's name) in the topmost window. The time of the press.
 */
double screen_press(struct screen *screen, const char *key);

#endif
