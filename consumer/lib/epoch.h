/* epoch.h - all that belongs to one session with one producer: its tables, its regions, and the
 * slots it told of.
 *
 * It stays when the session ends, as long as bitmaps are bound to it: what is pinned stays
 * readable, and an unpin goes to the board where it was counted. So does the socket: a producer
 * that merely dropped the session honours its board until the peer hangs up. */
#ifndef LIBMURAL_EPOCH_H
#define LIBMURAL_EPOCH_H

#include "hull.h"
#include "map.h"
#include "region.h"

struct epoch {
	struct list link; /* in the connection's list of retired ones */
	struct board_instance instance;
	struct hull *hull;
	int socket;         /* closed with the epoch */
	bool live;          /* the session goes on */
	unsigned bound;     /* bitmaps */
	struct map regions; /* id: struct region */
	struct map slots;   /* number: struct epoch_slot */
};

/* A slot that this session was told of. */
struct epoch_slot {
	uint32_t number;
	uint32_t told;       /* READYs not yet given back */
	unsigned holds;      /* bitmaps bound to it, and whoever is about to bind one */
	uint32_t visible;    /* of its bitmaps */
	uint64_t generation; /* the last one told */
	struct list
		bitmaps; /* bound ones; the first of them is pinned through its binding, the others under the lock */
};

/* Takes @socket when it succeeds. Errors as hull_fill. */
int epoch_create(struct list *spare_hulls, int table_fd, int pins_fd,
	const struct board_instance *instance, int socket, struct epoch **ret);

/* Frees it all but the hull, which goes to @spare_hulls. Nothing is bound. NULL is fine. */
void epoch_free(struct epoch *epoch, struct list *spare_hulls);

/* Takes the region into the table. -EEXIST: the number is taken.  Others as region_import. */
int epoch_add_region(struct epoch *epoch, uint64_t id, uint64_t size, int fd);

/* The producer gives the region up: no new reference to it, and unmapped with its last one. */
void epoch_forget_region(struct epoch *epoch, struct region *region);

/* Takes note of one READY and holds the slot. NULL: no memory. */
struct epoch_slot *epoch_hold_slot(struct epoch *epoch, uint32_t number, uint64_t generation);

/* Ends a hold. True: it was the last one, and @ret_told READYs are to be given back; the slot is
 * freed. */
bool epoch_drop_slot(struct epoch *epoch, struct epoch_slot *slot, uint32_t *ret_told);

#endif
