/* idle.h - READY to IDLE and back: the handshake of common/board.h, and when each slot is next looked at. */
#ifndef POOL_IDLE_H
#define POOL_IDLE_H

#include "slot.h"

/* Slots seen in use are looked at this often, should a nudge be lost. */
#define IDLE_SLOW_LOOK_NS (30000 * NS_PER_MS)

/* The order of the due heap. */
bool idle_due_before(struct heap_node *a, struct heap_node *b);

/* READY to IDLE if nobody has it pinned or was granted it and, unless @urgent, its idle delay is over. Otherwise it stays READY, and its
 * next look is set. True: it is IDLE. */
bool idle_try(struct pool *pool, struct pool_slot *slot, uint64_t now_ns, bool urgent);

/* Puts a READY slot in its place as a victim by what the boards say now. True: its place may have changed. */
bool idle_refresh(struct pool *pool, struct pool_slot *slot, uint64_t now_ns);

/* A READY slot that was seen in use may no longer be: it is a victim again, and due when its idle delay is over. */
void idle_expect(struct pool *pool, struct pool_slot *slot, uint64_t last_use_ns, uint64_t now_ns);

#endif
