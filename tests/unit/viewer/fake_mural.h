/* fake_mural.h - stands in for libmural where a test decides what the pool answers, and when.
 *
 * Pictures are planes of one colour, decoded when the test says so. */
#ifndef TESTS_FAKE_MURAL_H
#define TESTS_FAKE_MURAL_H

#include <mural/mural.h>
#include <stdbool.h>
#include <stddef.h>

struct fake_file {
	const char *path;
	uint32_t width, height;
	uint32_t colour;  /* 0xAARRGGBB */
	int error;        /* -errno of its decode; 0: it can be decoded */
	const char *text; /* of the error */
	uint32_t preview; /* its colour; 0: it has none, which is said at once */
};

struct mural *fake_open(const struct fake_file *files, size_t count);

/* Nothing is asked for, held or pinned any more. */
bool fake_is_clean(void);

/* Finishes the most urgent request, the oldest among equals. False: there is none. */
bool fake_deliver(void);
void fake_deliver_all(void);
bool fake_deliver_preview(void); /* false: none is asked for */
bool fake_deliver_picture(void); /* the most urgent that is none; false: none is asked for */

/* Everything decoded loses its pixels. Aborts when one of them is pinned. */
void fake_purge(void);
void fake_purge_wider(uint32_t width); /* only what is wider than that */

/* All that is decoded answers its next pin with -EAGAIN; fake_grant gives the answers. */
void fake_idle(void);
void fake_grant(void);

/* Tells of memory pressure. */
void fake_press(enum mural_pressure pressure);

/* The producer ends: what is pending fails with -ECONNRESET. */
void fake_lose(void);

/* Changes what a file's next decode gives. */
void fake_change(const char *path, int error, const char *text);
void fake_paint(const char *path, uint32_t colour);

/* What is asked for now: a request for the path that is at most this wide, by its box; UINT32_MAX:
 * none. */
uint32_t fake_priority(const char *path, uint32_t box_width);
uint32_t fake_flags(
	const char *path, uint32_t box_width); /* enum mural_request_flags; UINT32_MAX: none */
size_t fake_pending(void);
size_t fake_held(void);     /* bitmaps that somebody has a reference to */
size_t fake_requests(void); /* since the start */
size_t fake_redecodes(void);
size_t fake_most_pinned(void); /* at a time */

#endif
