/* Two address ranges that outlive what is mapped there. */
#include "hull.h"

#include "common/util.h"

#include <stdlib.h>
#include <sys/mman.h>

static void *writable(const struct board_table *table)
{
	return (void *)(uintptr_t)table;
}

/* Not by MAP_FIXED: where a machine allows no more memory to be committed, that is found out when
 * what was there has gone (Linux 6.1), and a pin that comes too late (hull.h) would end the
 * program. Where it fails here the old table stays there, which wastes memory but harms nobody. */
static void vacate(void *address, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return;
	madvise(memory, size, MADV_DONTFORK);
	board_move_over(memory, size, address);
}

void hull_empty(struct hull *hull, struct list *spare)
{
	vacate(writable(hull->table), sizeof(*hull->table));
	vacate(hull->pins, sizeof(*hull->pins));
	list_append(spare, &hull->link);
}

static bool one_has_rested(const struct list *spare)
{
	unsigned resting = 0;
	for (const struct list *link = spare->next; link != spare; link = link->next)
		resting++;
	return resting >= HULLS_RESTING;
}

/* A late thread finds what was there, or the new one. */
static int move_in(struct list *spare, int table_fd, int pins_fd,
	const struct board_instance *instance, struct hull **ret)
{
	struct hull *hull = CONTAINER_OF(list_take(spare), struct hull, link);
	int r = board_import_table(table_fd, instance, writable(hull->table), &hull->table);
	if (r == 0)
		r = board_import_pins(pins_fd, instance, hull->pins, &hull->pins);
	if (r < 0) {
		hull_empty(hull, spare);
		return r;
	}
	*ret = hull;
	return 0;
}

static int make_new(
	int table_fd, int pins_fd, const struct board_instance *instance, struct hull **ret)
{
	CLEANUP(free_p) struct hull *hull = calloc(1, sizeof(*hull));
	if (!hull)
		return -ENOMEM;
	list_init(&hull->link);
	int r = board_import_table(table_fd, instance, NULL, &hull->table);
	if (r < 0)
		return r;
	r = board_import_pins(pins_fd, instance, NULL, &hull->pins);
	if (r < 0) {
		board_unmap_table(hull->table);
		return r;
	}
	*ret = take_ptr(&hull);
	return 0;
}

int hull_fill(struct list *spare, int table_fd, int pins_fd, const struct board_instance *instance,
	struct hull **ret)
{
	int r = one_has_rested(spare) ? -ENOMEM : make_new(table_fd, pins_fd, instance, ret);
	return r == -ENOMEM && !list_empty(spare) ? move_in(spare, table_fd, pins_fd, instance, ret)
						  : r;
}

void hull_free(struct hull *hull)
{
	board_unmap_table(hull->table);
	board_unmap_pins(hull->pins);
	free(hull);
}
