/* idle.h - READY to IDLE and back: the handshake of common/board.h, and when each slot is next
 * looked at. */
#ifndef POOL_IDLE_H
#define POOL_IDLE_H

#include "slot.h"

/* Slots seen in use are looked at at least this often, should a nudge be lost; only at whole steps
 * of the clock, so that many slots need few wake-ups. */
#define IDLE_SLOW_LOOK_NS (30000 * NS_PER_MS)
#define IDLE_SLOW_STEP_NS (5000 * NS_PER_MS)

/* The order of the due heap. */
bool idle_due_before(struct heap_node *a, struct heap_node *b);

enum idle_reason {
	IDLE_DUE,   /* its idle delay is thought to be over */
	IDLE_NEXT,  /* room is needed and it is thought to be the next victim: the delay does not
		       matter, its place does */
	IDLE_ASKED, /* neither matters */
};

/* READY to IDLE if nobody has it pinned or was granted it, and the reason still holds by what the
 * boards say. Otherwise it stays READY, its next look is set, and it stands in its place among the
 * victims, or nowhere while it is in use. True: it is IDLE. */
bool idle_try(struct pool *pool, struct pool_slot *slot, uint64_t now_ns, enum idle_reason reason);

/* A READY slot that was seen in use may no longer be: it is a victim again, and due when its idle
 * delay is over. */
void idle_expect(struct pool *pool, struct pool_slot *slot, uint64_t last_use_ns, uint64_t now_ns);

#endif
