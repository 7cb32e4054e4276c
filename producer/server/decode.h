/* decode.h - what the parts of an entry's way to pixels share; parts.h has what others call.
 *
 *     decode.c  how it begins, who joins it, how it ends
 *     turn.c    the queue: whose turn it is to get a decoder
 *     room.c    room in the pool, when its turn has come
 *     job.c     what a decoder is given
 *     hung.c    decoders whose files do not come
 *     straight.c  which go straight on from their probe to their pixels
 *     answer.c  what it answered: facts, pixels, failures; publishing */
#ifndef PRODUCER_SERVER_DECODE_H
#define PRODUCER_SERVER_DECODE_H

#include "parts.h"

#include "common/util.h"

/* Its decoder, which has been killed, should have gone by now: goes on as if it had. */
void decode_let_go(struct server *server, struct entry *entry);

/* Into the queue, at its age; older ones come first within a priority. */
void decode_enqueue(struct server *server, struct entry *entry);
/* The same for one that held memory: it gives it back. */
void decode_push_back(struct server *server, struct entry *entry);
/* Back to what it was before this decode: purged and remembered, or unknown. No request may wait.
 */
void decode_retire(struct server *server, struct entry *entry);
/* Tells all who wait, and retires it. */
void decode_fail(struct server *server, struct entry *entry, int error, enum mural_reason reason,
	const char *text);

/* Bytes of the bitmap that the facts promise; UINT64_MAX: none that can be. */
uint64_t decode_bitmap_bytes(const struct entry *entry);

/* Takes room for an entry whose turn has come. 1: it has a slot; 0: it has ended, or waits. */
int room_take(struct server *server, struct entry *entry);
/* Waits for room, by priority and age. */
void room_wait(struct server *server, struct entry *entry);
/* While the same bitmaps go and come back, what may only be needed does not take the place of what
 * is. */
bool room_is_unwelcome(struct server *server, const struct entry *entry);

/* How many cores there are besides the one that it takes, which nothing as urgent uses or is about
 * to. */
uint32_t turn_free_cores(const struct server *server, const struct entry *entry);
/* How many helper threads its decode gets now: no more than have something to do. */
uint32_t turn_helpers(const struct server *server, const struct entry *entry);
/* Is its decoder, which runs, to be halted, because what is more urgent has the cores? */
bool turn_gives_way(const struct server *server, const struct entry *entry);
/* Halts those that are to be, and lets the others go on. */
void turn_give_way(struct server *server);

/* Kills running prefetches whose slots have @bytes together, as far as there are any: they are
 * queued again. */
void turn_take_room(struct server *server, uint64_t bytes);

/* The slot of a bitmap that lies in @scratch, if there is room for it at once, and nothing against
 * it. */
bool room_take_decoded(struct server *server, struct entry *entry, struct pool_scratch *scratch);

/* Gives the entry to a decoder. -EAGAIN: none is ready. Else as nursery_submit. */
int job_submit(struct server *server, struct entry *entry);
/* That job is finished. What the decoder was lent, which it has until it has gone; NULL: nothing.
 */
struct pool_scratch *job_ended(struct server *server, struct entry *entry);
/* Kills its decoder, which is then given a moment to go: its deadline. The first reason's moment
 * counts, the last reason. */
void job_kill(struct entry *entry, enum entry_kill why);
/* That moment is over: the decoder is left to itself, with the memory that it may write, and the
 * entry goes on without. False: no memory for that, its deadline is later now. */
bool job_let_go(struct server *server, struct entry *entry);
/* Are there so many of its file's file system that another one would have the same fate? */
bool job_is_hopeless(const struct server *server, const struct entry *entry);
/* While it is with a decoder: one of those that decode? Probes alone have places of their own. */
bool job_takes_a_place(const struct entry *entry);

/* While somebody waits, stands still or hangs: which of those that run do nothing, because their
 * files do not come. */
void hung_watch(struct server *server, uint64_t now_ns);
uint64_t hung_watch_deadline(const struct server *server);
/* How many of server.filling those have that hang, and have not been killed: these go soon, or are
 * left to themselves. */
unsigned hung_filling(const struct server *server);
/* Do as many as there are workers, and as urgent, hang for files of its file system? Then it is set
 * aside. */
bool hung_sets_aside(struct server *server, struct entry *entry);
/* One of those that hang has ended, or is less urgent now: what was set aside is queued again. */
void hung_try_again(struct server *server);

/* Bytes of the largest bitmap that a new entry may turn out to have, if that is a small one; 0: it
 * is not, or nobody knows. */
uint64_t straight_window(const struct entry *entry);
/* Is it to go straight on, when its turn comes? */
bool straight_is_wanted(const struct server *server, const struct entry *entry);
/* What its decoder takes at the most. */
uint64_t straight_bytes(const struct entry *entry);
/* Lends it scratch memory. False: it is to be probed alone. */
bool straight_lend(struct server *server, struct entry *entry);
/* Takes it back: the decoder has gone, or there was none. NULL is fine. */
void straight_collect(struct server *server, struct pool_scratch *scratch);
/* Fills in the window and the limits of its job. The window's memory. */
int straight_limit(const struct server *server, const struct entry *entry, struct job *job);

#endif
