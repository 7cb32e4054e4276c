/* viewer/gallery.h - the thumbnails of all pictures, as a grid that scrolls.
 *
 * Thumbnails are bitmaps of at most 256 pixels a side, so that the pool keeps them in its shared
 * slabs. Asked for are those in the window and, with less priority, a screen above and below; what
 * is scrolled away before it came is given up. References to those that came are kept (up to 4096),
 * so that scrolling back costs a pin each. One that was purged shows its place until it is decoded
 * again. Times are milliseconds of any steady clock. */
#ifndef VIEWER_GALLERY_H
#define VIEWER_GALLERY_H

#include "viewer/grid.h"
#include "viewer/image.h"
#include "viewer/list.h"
#include "viewer/text.h"
#include "viewer/view.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stdint.h>

struct gallery;

/* Borrows all three. -ENOMEM. */
int gallery_create(
	struct mural *mural, const struct list *list, struct font *font, struct gallery **ret);
void gallery_destroy(struct gallery *gallery);

/* -ENOMEM: the list has grown and there is no room for its thumbnails. */
int gallery_show(
	struct gallery *gallery, size_t selected, struct window_size window, uint64_t now_ms);

/* Gives up what is under way. */
void gallery_hide(struct gallery *gallery);

/* Under any pressure only thumbnails in the window are asked for, and references are kept of those
 * of a screen above and below; under critical pressure only of what is in the window. */
void gallery_set_pressure(struct gallery *gallery, enum mural_pressure pressure);

void gallery_resize(struct gallery *gallery, struct window_size window);

/* What lines of text hide of the window. */
void gallery_cover(struct gallery *gallery, struct grid_covered covered);

size_t gallery_selected(const struct gallery *gallery);
void gallery_select(struct gallery *gallery, size_t index, uint64_t now_ms);
void gallery_move(struct gallery *gallery, int columns, int rows, uint64_t now_ms);
void gallery_page(struct gallery *gallery, int pages, uint64_t now_ms);
void gallery_scroll(struct gallery *gallery, int32_t pixels, uint64_t now_ms);

/* Larger (1) or smaller (-1) thumbnails. */
void gallery_zoom(struct gallery *gallery, int steps, uint64_t now_ms);

/* The picture at a point of the window. */
bool gallery_at(const struct gallery *gallery, int32_t x, int32_t y, size_t *ret_index);

/* Jumps to where scrolling leads: headless there is nobody to see it glide. */
void gallery_settle(struct gallery *gallery);

void gallery_repin(struct gallery *gallery);

/* The file was written: its thumbnail is asked for anew by the next gallery_tick. */
void gallery_changed(struct gallery *gallery, size_t index);

/* Shows what was added to the list: once for all that came. */
void gallery_grew(struct gallery *gallery);

/* These were taken out of the list (list_remove). What is in the window stays there, and what came
 * behind the selected picture, or the last one, is selected in its place. */
void gallery_removed(struct gallery *gallery, const size_t *gone, size_t count);

bool gallery_draw(struct gallery *gallery, struct image *layer, uint64_t now_ms);

bool gallery_pending(const struct gallery *gallery);
int gallery_timeout(const struct gallery *gallery);
void gallery_tick(struct gallery *gallery, uint64_t now_ms);

/* How many thumbnails were decoded again after a purge. */
uint64_t gallery_again(const struct gallery *gallery);

#endif
