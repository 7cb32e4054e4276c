/* hull.h - the two tables of a producer instance, at addresses that stay mapped for the life of the
 * connection.
 *
 * A pin on another thread may still touch a board that has just been given up (binding.h). So a
 * hull is never unmapped while the connection or one of its bitmaps exists: given up, it is filled
 * with anonymous memory, and the next instance moves in. */
#ifndef LIBMURAL_HULL_H
#define LIBMURAL_HULL_H

#include "common/board.h"
#include "common/list.h"

struct hull {
	struct list link;
	const struct board_table *table;
	struct board_pins *pins;
};

/* Checks and maps two received descriptors (borrowed), in a hull of @spare when there is one.
 * -EPERM, -EBADMSG: as board_import_table.  -ENOMEM. */
int hull_fill(struct list *spare, int table_fd, int pins_fd, const struct board_instance *instance,
	struct hull **ret);

/* Lets go of the tables but not of the addresses, and keeps the hull in @spare. */
void hull_empty(struct hull *hull, struct list *spare);

/* Unmaps it all: nobody is left who could pin. */
void hull_free(struct hull *hull);

#endif
