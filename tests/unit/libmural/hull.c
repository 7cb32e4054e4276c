/* Where sessions' boards are mapped: never where a thread that is late could still write to the one
 * before, and yet not in more and more places. */
#include "hull.h"

#include "common/util.h"

#include <criterion/criterion.h>

enum { SLOT = 7, SESSIONS = 40 };

static struct list spare;

static void set_up(void)
{
	list_init(&spare);
}

static void tear_down(void)
{
	struct list *link;
	while ((link = list_take(&spare)))
		hull_free(CONTAINER_OF(link, struct hull, link));
}

TestSuite(hull, .init = set_up, .fini = tear_down, .timeout = 60);

/* A session's hull. */
static struct hull *fill(uint64_t number)
{
	const struct board_instance instance = {.low = number};
	struct board_table *table = NULL;
	struct board_pins *pins = NULL;
	struct hull *hull = NULL;
	CLEANUP(close_p) int table_fd = -1;
	CLEANUP(close_p) int pins_fd = -1;
	cr_assert_eq(board_create_table(&instance, &table_fd, &table), 0);
	cr_assert_eq(board_create_pins(&instance, &pins_fd, &pins), 0);
	board_unmap_table(table);
	board_unmap_pins(pins);
	cr_assert_eq(hull_fill(&spare, table_fd, pins_fd, &instance, &hull), 0);
	return hull;
}

/* A pin that found its bitmap gone had counted itself, and the session ended before it took that
 * back. The next ones have nothing to do with it. */
Test(hull, a_pin_that_is_taken_back_late_meets_no_other_board)
{
	struct hull *hull = fill(1);
	struct board_pins *late = hull->pins;
	atomic_fetch_add(&late->slot[SLOT].pins, 1);
	hull_empty(hull, &spare);
	for (uint64_t next = 2; next < 1 + HULLS_RESTING; next++) {
		hull = fill(next);
		atomic_fetch_add(&hull->pins->slot[SLOT].pins, 1); /* somebody's */
		board_drop(late, SLOT);
		cr_assert_eq(board_count(hull->pins, SLOT), 1, "session %d", (int)next);
		hull_empty(hull, &spare);
	}
}

Test(hull, a_hull_that_has_rested_is_used_again)
{
	const void *places[SESSIONS];
	unsigned known = 0;
	for (uint64_t number = 1; number <= SESSIONS; number++) {
		struct hull *hull = fill(number);
		unsigned i = 0;
		while (i < known && places[i] != hull->pins)
			i++;
		if (i == known)
			places[known++] = hull->pins;
		cr_assert_eq(hull->pins->head.instance.low, number);
		cr_assert_eq(hull->table->instance.low, number);
		hull_empty(hull, &spare);
	}
	cr_assert_eq(known, HULLS_RESTING);
}
