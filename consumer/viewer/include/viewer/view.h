/* viewer/view.h - where a picture lies in the window: fit, zoom, pan, rotate, flip. Pure geometry.
 *
 * "Turned" coordinates are pixels of the picture at its full size after it was flipped and rotated;
 * window coordinates are pixels from the window's upper left corner. A picture larger than the
 * window never shows background on a side where it could show itself; a smaller one is centred. */
#ifndef VIEWER_VIEW_H
#define VIEWER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#define VIEW_SCALE_MAX 32.0

struct view {
	uint32_t width, height; /* of the picture at full size, upright; 0: not known yet */
	unsigned turn;          /* quarter turns clockwise, 0 to 3 */
	bool mirror;            /* left and right exchanged, before it is turned */
	bool fitted;            /* follows the window; scale, x and y mean nothing then */
	double scale;           /* window pixels a picture pixel */
	double x, y;            /* the point in the middle of the window, turned coordinates */
};

struct window_size {
	uint32_t width, height;
};

/* Where the whole turned picture lies, window coordinates; may reach beyond the window. */
struct placement {
	int32_t x, y;
	uint32_t width, height;
};

void view_init(struct view *view);

/* Tells the size once it is known. Turns and flips made before stay. */
void view_set_size(struct view *view, uint32_t width, uint32_t height);

double view_scale(const struct view *view, struct window_size window);
struct placement view_place(const struct view *view, struct window_size window);

/* The size that the picture is shown at, not turned: what a decoder would have to give for one
 * pixel a pixel. */
void view_needed_size(const struct view *view, struct window_size window, uint32_t *ret_width,
	uint32_t *ret_height);

/* The box of the first request, not turned: the picture is asked for as it fits the window. */
void view_fit_box(const struct view *view, struct window_size window, uint32_t *ret_width,
	uint32_t *ret_height);

void view_fit(struct view *view);

/* Zooms so that what is at (@x, @y) in the window stays there as far as the edges allow. Passing
 * 100 % stops there once. */
void view_zoom(struct view *view, struct window_size window, double factor, double x, double y);
void view_zoom_to(struct view *view, struct window_size window, double scale, double x, double y);

/* Moves the picture by window pixels. False when it did not move. */
bool view_pan(struct view *view, struct window_size window, double dx, double dy);

/* Is the picture wider (or higher) than the window? */
bool view_can_pan(const struct view *view, struct window_size window, bool horizontally);

void view_rotate(struct view *view, bool clockwise);
void view_flip(struct view *view, bool horizontally);

#endif
