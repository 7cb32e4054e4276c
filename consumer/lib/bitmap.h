/* bitmap.h - a counted reference to a picture: its request, where its pixels are, and what its
 * holder is still to be told. */
#ifndef LIBMURAL_BITMAP_H
#define LIBMURAL_BITMAP_H

#include "binding.h"
#include "connection.h"
#include "source.h"

enum bitmap_state {
	BITMAP_PENDING,
	BITMAP_READY, /* decoded once; whether the bytes are still there is the binding's business */
	BITMAP_FAILED,
};

/* What is asked for, besides the source. */
struct wanted {
	uint32_t box_width, box_height;
	uint32_t format, flags, priority;
};

struct mural_bitmap {
	struct binding binding; /* first: all that a pin touches lies together */
	uint64_t process;
	struct mural *mural; /* holds a reference */

	/* ---- under the lock ---- */
	unsigned refs;    /* by the one thread that may call */
	struct list link; /* in mural->bitmaps */
	enum bitmap_state state;
	int error; /* of BITMAP_FAILED, or while in mural->ended: the outcome */
	enum mural_reason reason;
	char text[128];

	struct source source;
	struct wanted wanted;
	struct protocol_identity identity; /* of the first decode's file */
	bool has_identity;

	struct pending request; /* numbered while sent */
	unsigned sends;         /* of the present request */
	int opened;             /* the source, opened but not sent yet; or -1 */
	struct list ended;      /* in mural->ended: the outcome is there, and to be told */

	struct pending pin;   /* numbered while the producer is asked */
	struct list pinnable; /* in mural->pinnable */

	/* ---- where it is; epoch is NULL: nowhere ---- */
	struct epoch *epoch;
	struct epoch_slot *slot;
	struct list slot_link;   /* in slot->bitmaps */
	struct region *region;   /* NULL: gone, with the generation */
	struct list region_link; /* in region->bitmaps */
	uint64_t generation;     /* the producer's */
	uint32_t
		pins; /* of a bitmap that is not the slot's first; the first one's are what is left of the cell */
	bool visible;

	mural_bitmap_fn on_event;
	void *user;
};

/* ---- with the lock held ---- */

/* Allocates one, not yet in any list, with one reference. NULL: no memory. */
struct mural_bitmap *bitmap_new(struct mural *mural, const struct mural_request *request);

/* Binds a bitmap to what READY says; @region was checked. A bitmap that is pinned where it is stays
 * there. -ENOMEM. */
int bitmap_bind(
	struct mural_bitmap *bitmap, const struct protocol_ready *ready, struct region *region);

/* Lets go of the place, unless it is pinned (false). */
bool bitmap_unbind(struct mural_bitmap *bitmap);

/* Lets go of the place and of all pins. */
void bitmap_abandon(struct mural_bitmap *bitmap);

/* The bytes are there, or may be: a pin may succeed. */
bool bitmap_is_alive(const struct mural_bitmap *bitmap);

/* The region goes away: lets go of it, unless the bitmap is pinned. */
void bitmap_drop_region(struct mural_bitmap *bitmap);

/* The one of its slot that is pinned through its binding. Bound. */
struct mural_bitmap *bitmap_first(const struct mural_bitmap *bitmap);

/* Marks it as on screen or not. */
void bitmap_show(struct mural_bitmap *bitmap, bool visible);

/* Pinned by this process, and so that a decode is not needed? */
bool bitmap_is_pinned(const struct mural_bitmap *bitmap);

/* Gives a READY back that no bitmap wants. */
void bitmap_refuse(struct mural *mural, const struct protocol_ready *ready);

#endif
