/* hull.h - the two tables of a producer instance, at addresses that stay mapped for the life of the
 * connection.
 *
 * A pin on another thread may still touch a board that has just been given up (binding.h). So a
 * hull is never unmapped while the connection or one of its bitmaps exists: given up, it is filled
 * with anonymous memory. A later instance moves in, but not the next: a pin that found its bitmap
 * gone takes back what it has counted, which must not meet another board in the meantime. */
#ifndef LIBMURAL_HULL_H
#define LIBMURAL_HULL_H

#include "common/board.h"
#include "common/list.h"

/* So many rest before the one that has rested longest is moved into again. Producers that die one
 * after the other are tried at growing distances (session.c), so that a thread would have to stand
 * still for a quarter of a second between two instructions. Each is 72 MiB of addresses, and no
 * memory. */
#define HULLS_RESTING 4u

struct hull {
	struct list link;
	const struct board_table *table;
	struct board_pins *pins;
};

/* Checks and maps two received descriptors (borrowed), in a hull of @spare when HULLS_RESTING are
 * there, or when there are no addresses for another.
 * -EPERM, -EBADMSG: as board_import_table.  -ENOMEM. */
int hull_fill(struct list *spare, int table_fd, int pins_fd, const struct board_instance *instance,
	struct hull **ret);

/* Lets go of the tables but not of the addresses, and keeps the hull in @spare. */
void hull_empty(struct hull *hull, struct list *spare);

/* Unmaps it all: nobody is left who could pin. */
void hull_free(struct hull *hull);

#endif
