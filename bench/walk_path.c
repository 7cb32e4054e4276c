/* See walk_path.h. Chance comes from a generator of our own, so that a walk is the same everywhere.
 */
#include "walk_path.h"

#include <stdbool.h>
#include <stdint.h>

static uint64_t chance;

static size_t below(size_t limit)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (size_t)(chance >> 11) % limit;
}

static void begin(struct walk_path *path)
{
	path->count = 0;
	chance = UINT64_C(0x9e3779b97f4a7c15);
}

static void visit(struct walk_path *path, unsigned consumer, size_t item)
{
	if (path->count < WALK_STEPS_MAX)
		path->step[path->count++] = (struct walk_step){item, consumer};
}

/* From @from to @to, both included. */
static void pass(struct walk_path *path, size_t from, size_t to)
{
	for (size_t at = from;; at += from < to ? 1 : (size_t)-1) {
		visit(path, 0, at);
		if (at == to)
			return;
	}
}

static void scroll(struct walk_path *path, size_t items)
{
	begin(path);
	for (int i = 0; i < 2; i++) {
		pass(path, 0, items - 1);
		pass(path, items - 1, 0);
	}
}

/* A few next to where one is, as when somebody has found what he was looking for. */
static void linger(struct walk_path *path, size_t items, size_t at)
{
	for (int i = 0; i < 4; i++) {
		size_t to = at + below(5);
		visit(path, 0, to < 2 ? 0 : to - 2 >= items ? items - 1 : to - 2);
	}
}

static void fling(struct walk_path *path, size_t items)
{
	size_t at = 0;
	begin(path);
	for (int i = 0; i < 12; i++) {
		size_t far = items / 4 + below(items / 2);
		bool back = at >= items - 1 || (at > 0 && below(3) == 0);
		size_t to = back ? (far > at ? 0 : at - far)
				 : (at + far > items - 1 ? items - 1 : at + far);
		pass(path, at, to);
		linger(path, items, to);
		at = to;
	}
}

/* (Long, or the few that come back would decide by luck.) The one of rank r is looked at as 1/r: a few favourites, and a long tail. */
static void zipf(struct walk_path *path, size_t items)
{
	double all = 0;
	begin(path);
	for (size_t i = 0; i < items; i++)
		all += 1 / (double)(i + 1);
	for (size_t i = 0; i < 20 * items; i++) {
		double left = all * (double)below(1000000) / 1e6;
		size_t rank = 0;
		while (rank + 1 < items && (left -= 1 / (double)(rank + 1)) > 0)
			rank++;
		visit(path, 0, rank * 7 % items); /* favourites stand anywhere in the list */
	}
}

/* One scrolls down and back; the other strolls about somewhere else in the same list. */
static void two(struct walk_path *path, size_t items)
{
	size_t other = items / 2;
	begin(path);
	for (size_t i = 0; i < 4 * items - 2; i++) {
		size_t at = i % (2 * items - 1);
		visit(path, 0, at < items ? at : 2 * items - 2 - at);
		other = (other + items + below(4) - 1) % items;
		visit(path, 1, other);
	}
}

static void pressure(struct walk_path *path, size_t items)
{
	begin(path);
	pass(path, 0, items - 1);
	pass(path, items - 1, items / 2);
	visit(path, 0, WALK_TRIM);
	pass(path, items / 2, 0);
	pass(path, 0, items - 1);
	visit(path, 0, WALK_TRIM);
	pass(path, items - 1, 0);
}

const struct walk_kind walk_kinds[] = {
	{"scroll", "down and back, twice", 1, scroll},
	{"fling", "far and quick, then a few nearby", 1, fling},
	{"zipf", "favourites and a long tail", 1, zipf},
	{"two", "one scrolls, one strolls, on one list", 2, two},
	{"pressure", "scrolling, and twice half of the budget has to go", 1, pressure},
};
const size_t walk_kind_count = sizeof(walk_kinds) / sizeof(*walk_kinds);
