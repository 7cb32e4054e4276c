#include "viewer/grid.h"

#include <criterion/criterion.h>

#define SIDE 100
#define LINE 16

static struct grid grid_of(size_t count, uint32_t width, uint32_t height)
{
	struct grid grid;
	grid_layout(&grid, count, (struct window_size){width, height}, SIDE, LINE,
		(struct grid_covered){0, 0});
	return grid;
}

Test(grid, has_as_many_columns_as_fit)
{
	cr_expect_eq(grid_of(10, 800, 600).columns, 5);
	cr_expect_eq(grid_of(10, 50, 600).columns, 1, "even when none does");
}

Test(grid, cells_lie_within_the_window_and_apart)
{
	struct grid grid = grid_of(10, 800, 600);
	struct rect first = grid_cell(&grid, 0, 0), second = grid_cell(&grid, 1, 0),
		    last = grid_cell(&grid, 4, 0);
	cr_expect_gt(first.x, 0);
	cr_expect_gt(second.x, first.x + first.width);
	cr_expect_leq(last.x + last.width, 800);
}

Test(grid, everything_can_be_scrolled_to)
{
	struct grid grid = grid_of(2000, 800, 600);
	int32_t scroll = 0;
	for (size_t i = 0; i < 2000; i += 7) {
		scroll = grid_scroll_to(&grid, i, scroll);
		struct rect cell = grid_cell(&grid, i, scroll);
		cr_assert_geq(cell.y, 0);
		cr_assert_leq(cell.y + cell.height, 600);
		cr_assert_leq(scroll, grid_scroll_max(&grid));
	}
}

Test(grid, the_visible_ones_are_those_that_meet_the_window)
{
	struct grid grid = grid_of(2000, 800, 600);
	size_t first, end;
	for (int32_t scroll = 0; scroll < 3000; scroll += 37) {
		grid_visible(&grid, scroll, 0, &first, &end);
		for (size_t i = 0; i < 200; i++) {
			struct rect cell = grid_cell(&grid, i, scroll);
			bool seen = cell.y + cell.height > 0 && cell.y < 600;
			cr_assert(!seen || (i >= first && i < end), "cell %zu at %d", i, scroll);
		}
		cr_assert_leq(end - first, 5 * 6);
	}
}

Test(grid, a_point_finds_the_cell_that_is_there)
{
	struct grid grid = grid_of(13, 800, 600);
	for (size_t i = 0; i < 13; i++) {
		size_t found = 99;
		struct rect cell = grid_cell(&grid, i, 30);
		cr_assert(grid_at(&grid, 30, cell.x, cell.y, &found));
		cr_expect_eq(found, i);
		cr_expect(grid_at(
			&grid, 30, cell.x + cell.width - 1, cell.y + cell.height - 1, &found));
		cr_expect_eq(found, i);
		cr_expect_not(grid_at(&grid, 30, cell.x + cell.width, cell.y, &found));
	}
	size_t found;
	cr_expect_not(grid_at(&grid, 0, 799, 599, &found), "behind the last");
}

Test(grid, moving_stays_within)
{
	struct grid grid = grid_of(13, 800, 600); /* rows of 5, 5 and 3 */
	cr_expect_eq(grid_move(&grid, 0, -1, 0), 0);
	cr_expect_eq(grid_move(&grid, 12, 1, 0), 12);
	cr_expect_eq(grid_move(&grid, 2, 0, 1), 7);
	cr_expect_eq(grid_move(&grid, 2, 0, -1), 2);
	cr_expect_eq(grid_move(&grid, 7, 0, -1), 2);
	cr_expect_eq(grid_move(&grid, 9, 0, 1), 12, "below is nothing: the end of the last row");
	cr_expect_eq(grid_move(&grid, 12, 0, 1), 12);
	cr_expect_eq(grid_move(&grid, 2, 0, 100), 12);
	cr_expect_eq(grid_move(&grid, 12, 0, -100), 2);
}

Test(grid, the_ends_can_be_scrolled_from_under_lines_of_text)
{
	struct grid grid;
	struct window_size window = {800, 600};
	grid_layout(&grid, 2000, window, SIDE, LINE, (struct grid_covered){30, 40});
	struct rect first = grid_cell(&grid, 0, 0);
	struct rect last = grid_cell(&grid, 1999, grid_scroll_max(&grid));
	cr_expect_geq(first.y, 30);
	cr_expect_leq(last.y + last.height, 560);
}

Test(grid, few_pictures_do_not_scroll)
{
	struct grid grid = grid_of(3, 800, 600);
	cr_expect_eq(grid_scroll_max(&grid), 0);
	cr_expect_geq(grid_page(&grid), 1);
}
