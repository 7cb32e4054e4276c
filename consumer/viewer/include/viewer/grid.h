/* viewer/grid.h - how the gallery's cells lie in the window. Pure geometry; the scroll position is
 * in pixels from the top. */
#ifndef VIEWER_GRID_H
#define VIEWER_GRID_H

#include "viewer/image.h"
#include "viewer/view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pixels of the window that lines of text lie over: the ends of the gallery can be scrolled out
 * from under them. */
struct grid_covered {
	int32_t top, bottom;
};

struct grid {
	size_t count, columns;
	int32_t cell_width, cell_height; /* from one cell to the next */
	int32_t left;                    /* of the first column: the columns are centred */
	int32_t top, bottom;             /* above the first row, below the last */
	struct window_size window;
};

/* Cells as for thumbnails of at most @side pixels with a line of text below. */
void grid_layout(struct grid *grid, size_t count, struct window_size window, int32_t side,
	int32_t line_height, struct grid_covered covered);

int32_t grid_scroll_max(const struct grid *grid);

/* The cell as it lies in the window, selection frame included; the picture's part; the text's. */
struct rect grid_cell(const struct grid *grid, size_t index, int32_t scroll);
struct rect grid_picture(const struct grid *grid, size_t index, int32_t scroll, int32_t side);
struct rect grid_text(const struct grid *grid, size_t index, int32_t scroll, int32_t line_height);

/* The cells that are at least partly within the window made @margin pixels higher on both ends:
 * from *@ret_first up to but not including *@ret_end. */
void grid_visible(const struct grid *grid, int32_t scroll, int32_t margin, size_t *ret_first,
	size_t *ret_end);

/* The least scrolling that brings the whole cell into the window. */
int32_t grid_scroll_to(const struct grid *grid, size_t index, int32_t scroll);

/* The cell at a point of the window. */
bool grid_at(const struct grid *grid, int32_t scroll, int32_t x, int32_t y, size_t *ret_index);

/* The cell @columns to the right and @rows below, kept within the gallery. */
size_t grid_move(const struct grid *grid, size_t index, int columns, int rows);

/* How many rows a screen holds, at least 1. */
int grid_page(const struct grid *grid);

#endif
