/* slot.h - a bitmap's place: its number, its state, the memory behind it. */
#ifndef POOL_SLOT_H
#define POOL_SLOT_H

#include "state.h"

enum slot_fate {
	SLOT_KEEP,  /* its region may be used for another bitmap */
	SLOT_PUNCH, /* its memory goes back to the system */
};

/* A new one, EMPTY, without memory. -ENOMEM. */
int slot_create(
	struct pool *pool, const struct pool_bitmap *bitmap, uid_t uid, struct pool_slot **ret);

/* Its number is free again, and the pointer no longer valid; it has no memory, and nobody was told
 * of it. forget tells the owner. */
void slot_forget(struct pool *pool, struct pool_slot *slot);
void slot_retire(struct pool *pool, struct pool_slot *slot);

/* Forgets it if it is PURGED and nobody knows it. */
void slot_forget_if_unknown(struct pool *pool, struct pool_slot *slot);

/* FILLING to PURGED, without memory already; forgotten if it was not remembered before, or nobody
 * knows it. */
void slot_abandon(struct pool *pool, struct pool_slot *slot);

void slot_free(struct pool_slot *slot);

/* Into any state but READY and IDLE: for the board, the account and the counts. */
void slot_enter(struct pool *pool, struct pool_slot *slot, enum board_state state);

/* READY from now on, used just now; due, and in its place among the victims. */
void slot_enter_ready(struct pool *pool, struct pool_slot *slot, uint64_t now_ns);

/* READY to IDLE, after the handshake, which has set the word: unpins the memory. */
void slot_enter_idle(struct pool *pool, struct pool_slot *slot, enum order_rank rank);

/* Gives a FILLING slot memory, making room; a small one that has scratch memory already, the rest.
 * As pool_reserve; after a failure it has none. */
int slot_get_memory(struct pool *pool, struct pool_slot *slot, uint64_t now_ns);

/* Takes its memory away. Returns what the kernel got back. */
uint64_t slot_drop_memory(struct pool *pool, struct pool_slot *slot, enum slot_fate fate);

/* Takes the region of a large one, with its charge, which the caller accounts for. */
struct region *slot_take_region(struct pool *pool, struct pool_slot *slot);

/* Takes the scratch memory of a small one away. */
void slot_drop_scratch(struct pool *pool, struct pool_slot *slot);

/* IDLE to PURGED; the caller forgets it if nobody knows it. Returns what the kernel got back. */
uint64_t slot_purge(struct pool *pool, struct pool_slot *slot, enum slot_fate fate);

struct region *slot_region(const struct pool_slot *slot);

/* Can a bitmap of that size be held at all? */
bool slot_is_possible(const struct pool *pool, uint64_t size_bytes);

#endif
