#include "viewer/grid.h"

#define GAP 14     /* between cells */
#define PADDING 10 /* between a cell's edge and its picture */
#define EDGE 20    /* above the first row and below the last, besides what is covered */

void grid_layout(struct grid *grid, size_t count, struct window_size window, int32_t side,
	int32_t line_height, struct grid_covered covered)
{
	int32_t cell = side + 2 * PADDING;
	int32_t columns = ((int32_t)window.width - GAP) / (cell + GAP);
	*grid = (struct grid){
		.count = count,
		.columns = columns < 1 ? 1 : (size_t)columns,
		.cell_width = cell + GAP,
		.cell_height = cell + line_height + GAP,
		.top = covered.top + EDGE,
		.bottom = covered.bottom + EDGE,
		.window = window,
	};
	grid->left = ((int32_t)window.width - (int32_t)grid->columns * grid->cell_width + GAP) / 2;
}

static size_t rows(const struct grid *grid)
{
	return (grid->count + grid->columns - 1) / grid->columns;
}

int32_t grid_scroll_max(const struct grid *grid)
{
	int64_t height = (int64_t)rows(grid) * grid->cell_height - GAP + grid->top + grid->bottom;
	int64_t most = height - grid->window.height;
	/* A list so long that its pixels do not fit 31 bits ends where they do. */
	return most < 0 ? 0 : most > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)most;
}

struct rect grid_cell(const struct grid *grid, size_t index, int32_t scroll)
{
	int64_t y = grid->top + (int64_t)(index / grid->columns) * grid->cell_height - scroll;
	return (struct rect){
		.x = grid->left + (int32_t)(index % grid->columns) * grid->cell_width,
		.y = y > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)y,
		.width = grid->cell_width - GAP,
		.height = grid->cell_height - GAP,
	};
}

struct rect grid_picture(const struct grid *grid, size_t index, int32_t scroll, int32_t side)
{
	struct rect cell = grid_cell(grid, index, scroll);
	return (struct rect){cell.x + PADDING, cell.y + PADDING, side, side};
}

struct rect grid_text(const struct grid *grid, size_t index, int32_t scroll, int32_t line_height)
{
	struct rect cell = grid_cell(grid, index, scroll);
	return (struct rect){
		.x = cell.x + PADDING,
		.y = cell.y + cell.height - line_height - PADDING / 2,
		.width = cell.width - 2 * PADDING,
		.height = line_height,
	};
}

void grid_visible(
	const struct grid *grid, int32_t scroll, int32_t margin, size_t *ret_first, size_t *ret_end)
{
	int64_t top = (int64_t)scroll - margin - grid->top;
	int64_t bottom = (int64_t)scroll + grid->window.height + margin - grid->top;
	int64_t first_row = top < 0 ? 0 : top / grid->cell_height;
	int64_t end_row = bottom < 0 ? 0 : bottom / grid->cell_height + 1;
	size_t first = (size_t)first_row * grid->columns, end = (size_t)end_row * grid->columns;
	*ret_first = first < grid->count ? first : grid->count;
	*ret_end = end < grid->count ? end : grid->count;
}

int32_t grid_scroll_to(const struct grid *grid, size_t index, int32_t scroll)
{
	struct rect cell = grid_cell(grid, index, 0);
	int32_t most = cell.y - grid->top,
		least = cell.y + cell.height + grid->bottom - (int32_t)grid->window.height;
	if (scroll < least)
		scroll = least;
	if (scroll > most)
		scroll = most;
	int32_t end = grid_scroll_max(grid);
	return scroll < 0 ? 0 : scroll > end ? end : scroll;
}

bool grid_at(const struct grid *grid, int32_t scroll, int32_t x, int32_t y, size_t *ret_index)
{
	int32_t column = (x - grid->left) / grid->cell_width;
	int64_t row = ((int64_t)y + scroll - grid->top) / grid->cell_height;
	if (x < grid->left || column >= (int32_t)grid->columns || y + scroll < grid->top)
		return false;
	size_t index = (size_t)row * grid->columns + (size_t)column;
	if (index >= grid->count)
		return false;
	struct rect cell = grid_cell(grid, index, scroll);
	if (x >= cell.x + cell.width || y >= cell.y + cell.height)
		return false; /* in the gap */
	*ret_index = index;
	return true;
}

size_t grid_move(const struct grid *grid, size_t index, int columns, int rows_down)
{
	if (grid->count == 0)
		return 0;
	int64_t last = (int64_t)grid->count - 1, across = (int64_t)grid->columns;
	int64_t moved = (int64_t)index + columns + rows_down * across;
	if (rows_down < 0 && moved < 0)
		moved = (int64_t)index % across;
	if (rows_down > 0 && moved > last) {
		/* The last row may be short: its end stands for what would be below. */
		int64_t last_row = last / across, row = (int64_t)index / across;
		moved = row == last_row ? (int64_t)index : last;
		if (last_row * across + (int64_t)index % across <= last)
			moved = last_row * across + (int64_t)index % across;
	}
	return moved < 0 ? 0 : moved > last ? (size_t)last : (size_t)moved;
}

int grid_page(const struct grid *grid)
{
	int rows_seen = ((int32_t)grid->window.height - grid->top - grid->bottom + EDGE) /
			grid->cell_height;
	return rows_seen < 1 ? 1 : rows_seen;
}
