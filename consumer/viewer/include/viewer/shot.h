/* viewer/shot.h - one bitmap of one picture, from the request until it is given back. Shared by the
 * single picture and the gallery. */
#ifndef VIEWER_SHOT_H
#define VIEWER_SHOT_H

#include "viewer/resample.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stdint.h>

enum shot_state {
	SHOT_ABSENT,
	SHOT_PENDING, /* asked for, or asked for again */
	SHOT_READY,   /* was decoded; only a pin tells whether it still is there */
	SHOT_FAILED,
};

struct shot {
	struct mural_bitmap *bitmap; /* one reference; NULL when absent, or when the request could
					not even be made */
	enum shot_state state;
	int error; /* FAILED: -errno */
	enum mural_reason reason;
	uint32_t priority; /* last asked with */
	uint32_t flags;    /* of the request */
	bool again; /* what is pending, or came last, is a decode after a purge; for the user to
		       clear */
	bool waiting_pin; /* the producer was asked whether it is still there; PINNABLE or READY
			     will follow */
	uint64_t asked_ns;
	uint32_t took_ms; /* from asking to READY */
};

struct shot_wish {
	const char *path;
	uint32_t box_width, box_height; /* 0: full size */
	uint32_t flags, priority;
	mural_bitmap_fn on_event;
	void *user;
};

/* Asks. The shot is PENDING or FAILED afterwards. It must be absent before. */
void shot_ask(struct shot *shot, struct mural *mural, const struct shot_wish *wish);

/* Raises or lowers the priority of what is pending. */
void shot_hurry(struct shot *shot, uint32_t priority);

/* Gives the reference back; absent afterwards. Ends what is pending. */
void shot_drop(struct shot *shot);

/* Takes note of an event of the shot's bitmap. */
void shot_event(struct shot *shot, enum mural_bitmap_event event);

/* Pins. 0: *@ret is filled, mural_bitmap_unpin is due. 1: purged, and asked for again with
 * @priority. -EAGAIN: an event will follow. Otherwise it has failed. */
int shot_pin(struct shot *shot, uint32_t priority, struct mural_view *ret);

/* The same without asking again: what was purged stays so. */
int shot_try_pin(struct shot *shot, struct mural_view *ret);

/* What is pinned, as paint takes it. */
struct bitmap shot_pixels(const struct mural_view *pinned);

/* Why it failed, for a person. */
const char *shot_error_text(const struct shot *shot);

/* Did it fail for a reason that passes? A producer that is gone will be back, a quota will be free
 * again: what is seen can stay. */
bool shot_is_lost(const struct shot *shot);

#endif
