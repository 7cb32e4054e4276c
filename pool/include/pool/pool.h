/* pool/pool.h - where bitmaps live: slots in pinned ashmem regions, within a budget.
 *
 * A slot is one bitmap's place: EMPTY -> FILLING -> READY <-> IDLE -> PURGED, as common/board.h
 * tells consumers. Large bitmaps (POOL_LARGE_BYTES and more) have a region of their own; small ones
 * share slab regions (page-aligned pieces given out by memory_dealer), and are decoded into scratch
 * memory first, so that no decoder ever maps a neighbour's pixels.
 *
 * One thread; nothing here blocks but the punching of holes, done in pieces. Time comes from the
 * caller, so that tests can make their own. Bytes; nanoseconds of CLOCK_MONOTONIC. 0 or -errno;
 * outputs untouched on failure.
 *
 * Rules (DESIGN's): a pinned bitmap is never purged, moved or reused; READY is left only by the
 * handshake of common/board.h; the budget is never exceeded; after every call used bytes are the
 * sum of their parts (pool_check, which tests call after each step). */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "common/board.h"

#include <ashmem/ashmem.h>
#include <mural/mural_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define POOL_LARGE_BYTES ((uint64_t)1 << 20)

struct pool;
struct pool_holder;  /* a session as the pool sees it: a pin board, and the slots it was told of */
struct pool_slot;    /* opaque; valid until it is forgotten (events.forgotten) */
struct pool_scratch; /* memory for a bitmap whose size its decoder finds out */

/* What the pool tells its owner, from inside any call below. These may ask for facts, and change
 * nothing in the pool. */
struct pool_events {
	/* A region's memory is about to go or to be given to another bitmap of another user:
	 * whoever was told of it should unmap it. */
	void (*region_gone)(uint64_t region, void *user);
	/* The slot and its number are free again: forget the pointer. Happens to PURGED slots that
	 * no holder knows, and to failed ones. */
	void (*forgotten)(struct pool_slot *slot, void *user);
	/* A count on this holder's board makes no sense: end that session, but not from here.
	 * Called at most once a holder. */
	void (*misbehaved)(struct pool_holder *holder, void *user);
	void *user;
};

/* What goes first of what nobody uses, after kept regions; pool/order.h has the formula. Either way
 * what was prefetched and never shown goes before what was shown, and what a consumer has marked
 * visible goes last. */
enum pool_order {
	POOL_ORDER_COST = 0, /* what costs least to bring back, for its bytes and for its age */
	POOL_ORDER_LRU = 1,  /* what was used longest ago */
};

struct pool_options {
	uint64_t budget_bytes;
	enum pool_order order;
	uint64_t idle_ns;    /* READY and unused for this long: unpinned. 0: at the next tick */
	uint64_t keep_bytes; /* freed regions kept for reuse; UINT64_MAX: an eighth of the budget,
				at most 128 MiB */
	uint64_t holder_pinned_bytes; /* one holder may have pinned this much; UINT64_MAX: seven
					 eighths of the budget */
	enum ashmem_driver driver;
	struct board_instance instance;
	struct pool_events events;
};

/* -EINVAL: no budget.  -ENOTSUP: the driver is not on this machine.  -EMFILE, -ENOMEM, … */
int pool_create(const struct pool_options *options, uint64_t now_ns, struct pool **ret);
/* Ends the pool; punches nothing (consumers' mappings stay readable). NULL is fine. */
void pool_destroy(struct pool *pool);

/* The state table's descriptor, read-only, borrowed: to be passed to consumers. */
int pool_table_fd(const struct pool *pool);

/* ---- holders ---- */

/* Makes a pin board for one consumer of user @uid. @ret_fd: its descriptor, read-write, borrowed
 * (for WELCOME). -ENOMEM, -EMFILE, -ENFILE: after what pool_give_up_descriptors names was given up.
 */
int pool_holder_create(
	struct pool *pool, uid_t uid, void *user, struct pool_holder **ret, int *ret_fd);
void *pool_holder_user(const struct pool_holder *holder);
/* Forgets the board: its pins are gone. Only when the peer has hung up or died. */
void pool_holder_destroy(struct pool *pool, struct pool_holder *holder);

/* ---- a bitmap's life ---- */

struct pool_bitmap {
	uint32_t format, width, height, stride_bytes;
	uint64_t size_bytes; /* stride * height, by mural_bitmap_layout */
};

/* Reserves room and a slot: FILLING. @holder (may be NULL) is who asks, for its quota and user id;
 * @uid otherwise. Makes room when needed: kept regions, then IDLE, then READY that nobody pins.
 * -ENOSPC: all the rest is pinned, filling or granted (retry after a nudge, a tick, a publish or an
 * abandon, or when a holder has gone).  -EFBIG: larger than the whole budget, or than anybody could
 * map where addresses have 32 bits (2 GiB).  -EDQUOT: @holder has too much pinned, this one counted
 * in.  -EMFILE, -ENFILE, -ENOMEM: no descriptor or memory, after idle ones were given up.  -EINVAL:
 * not a bitmap as mural_bitmap_layout makes it. */
int pool_reserve(struct pool *pool, const struct pool_bitmap *bitmap, uid_t uid,
	struct pool_holder *holder, uint64_t now_ns, struct pool_slot **ret);

/* Memory for one decoder, without a slot: for a small bitmap of at most @size_bytes that is not
 * known yet. Charged until it is given back. Makes room as pool_reserve does.
 * -EINVAL: not a small bitmap's size. Else as pool_reserve. */
int pool_scratch_lend(struct pool *pool, uint64_t size_bytes, uid_t uid, uint64_t now_ns,
	struct pool_scratch **ret);
/* Where that decoder writes, from the beginning: @ret_length bytes (page multiple) of the borrowed
 * descriptor. */
void pool_scratch_window(const struct pool_scratch *scratch, int *ret_fd, uint64_t *ret_length);
/* The decoder has gone: nobody else gets that memory before. A slot that it was reserved for has it
 * until it is published. NULL is fine. */
void pool_scratch_give_back(struct pool *pool, struct pool_scratch *scratch);
/* The same for the memory that a small FILLING slot has for its decoder, which may then be
 * published while that is still there. -EINVAL: it has none, or it is lent already.  -ENOMEM. */
int pool_scratch_of(struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret);
/* The same for a large FILLING slot whose decoder does not go: the slot is abandoned
 * (pool_abandon), and its memory stays lent, charged to overhead; it is not kept for reuse.
 * -EINVAL: it is not FILLING, or small.  -ENOMEM: nothing has changed. */
int pool_scratch_leave(struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret);
/* As pool_reserve, for a bitmap that lies in @scratch: FILLING, to be published. It is given back
 * by pool_scratch_give_back in every case, before or afterwards. -EINVAL: it is not small, larger
 * than the scratch memory, another user's, or a slot has that already. */
int pool_reserve_decoded(struct pool *pool, const struct pool_bitmap *bitmap,
	struct pool_scratch *scratch, uid_t uid, struct pool_holder *holder, uint64_t now_ns,
	struct pool_slot **ret);

/* The same for a slot that is PURGED (a re-decode): it keeps its number and its user id. -EINVAL:
 * it is not PURGED. */
int pool_refill(
	struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, uint64_t now_ns);

/* Where the decoder of a FILLING slot writes: @ret_length bytes (page multiple, >= size_bytes) of
 * the borrowed descriptor from @ret_offset (page-aligned). Nothing else of that file is anybody
 * else's pixels. All of it is charged for, so that a mapping of 2 MiB or more may ask for huge
 * pages (MADV_HUGEPAGE), which do not reach beyond it; a smaller one must not. */
void pool_window(
	const struct pool_slot *slot, int *ret_fd, uint64_t *ret_offset, uint64_t *ret_length);

/* How a window is filled best. */
enum pool_filling {
	POOL_MAP, /* through a mapping: its memory is there (as most of it is where a region is
		     reused), or comes as huge pages */
	/* Rows are written into the file, in which nothing lies in front of the window's end but
	 * what is the slot's: small pages take half of the time that way. */
	POOL_WRITE,
	/* First its memory is made as huge pages (common/collapse.h), then as with POOL_MAP; where
	 * they are not to be had as with POOL_WRITE. */
	POOL_COLLAPSE,
};

/* Asks the kernel. */
enum pool_filling pool_window_filling(
	const struct pool *pool, const struct pool_slot *slot, uint64_t now_ns);
/* What POOL_COLLAPSE came to. @good: false: they were not to be had, or not soon; then no window is
 * collapsed for a while. */
void pool_collapsed(struct pool *pool, bool good, uint64_t now_ns);

/* FILLING -> READY with a new generation, granted to nobody; @prefetched: nobody has asked to see
 * it yet. The decoder must have gone, or have nothing but lent scratch memory, with which it can
 * spoil its own pixels alone: small bitmaps are copied from there into their slab here. @cost_ns:
 * what bringing it back costs (processor time, say); a slot that is decoded again learns from each.
 * -EINVAL: it is not FILLING.  -EIO or another: the copy failed; it is still FILLING, to be
 * abandoned. */
int pool_publish(struct pool *pool, struct pool_slot *slot, uint64_t cost_ns, bool prefetched,
	uint64_t now_ns);

/* FILLING -> the memory is given back; a slot that was PURGED before is PURGED again, a new one is
 * forgotten. */
void pool_abandon(struct pool *pool, struct pool_slot *slot);

/* @holder is told of the slot: from now on its board is looked at for it. @grant: also keep it
 * READY until the holder has counted itself, releases it, or PROTOCOL_GRANT_MS pass; a slot that is
 * not READY is not granted (revive it first, or publish it). -EACCES: another user's, and small:
 * its region has pictures of that user that @holder has not asked for.  -ENOMEM. */
int pool_tell(struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, bool grant,
	uint64_t now_ns);
/* @holder forgets the slot. Returns -ENOENT when it did not know it. What it still has pinned stays
 * pinned until it is not. */
int pool_release(struct pool *pool, struct pool_slot *slot, struct pool_holder *holder);

/* Brings an IDLE slot back. 0: READY, same generation as before.  1: it was purged (now PURGED).
 * Other states: 0 when READY, 1 when PURGED or FILLING. -EDQUOT as pool_reserve. Purged or not,
 * known to a holder or not, the slot is not forgotten here. */
int pool_revive(
	struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, uint64_t now_ns);

/* What a holder unpinned (a nudge, or a look is due): the slot is looked at again when its idle
 * delay is over. */
void pool_nudge(struct pool *pool, struct pool_slot *slot, uint64_t now_ns);

/* ---- facts about a slot ---- */

uint32_t pool_slot_number(const struct pool_slot *slot);
uint64_t pool_slot_generation(const struct pool_slot *slot);
enum board_state pool_slot_state(const struct pool_slot *slot);
const struct pool_bitmap *pool_slot_bitmap(const struct pool_slot *slot);
/* What bringing it back costs, as smoothed over all its decodes. */
uint64_t pool_slot_cost_ns(const struct pool_slot *slot);
/* Where consumers find it (READY or IDLE): region id, the size to map, the offset of the first
 * pixel. The region may have other bitmaps in it (small ones), and holes where some have been
 * purged; reading there takes memory until the pool notices. */
void pool_slot_place(const struct pool_slot *slot, uint64_t *ret_region, uint64_t *ret_region_size,
	uint64_t *ret_offset);
/* A read-only descriptor of a READY slot's region, to be sent to a consumer: borrowed, until the
 * pool is next called. -EMFILE, -ENFILE: after what pool_give_up_descriptors names was given up, so
 * that others' slots may be forgotten. */
int pool_slot_share(struct pool *pool, const struct pool_slot *slot, int *ret_fd);
/* The slot of that number, or NULL. */
struct pool_slot *pool_find(const struct pool *pool, uint32_t number);
/* The caller's pointer (the cache entry). */
void pool_slot_set_user(struct pool_slot *slot, void *user);
void *pool_slot_user(const struct pool_slot *slot);

/* ---- memory ---- */

/* Gives back at least @bytes of what nobody pins, and no more than one slot beyond. Returns the
 * bytes that the kernel gave back. Where that is less, scratch memory that is lent now follows when
 * it comes back. */
uint64_t pool_shrink(struct pool *pool, uint64_t bytes, uint64_t now_ns);
/* Gives back everything that nobody pins. */
uint64_t pool_purge(struct pool *pool, uint64_t now_ns);
/* Somebody needs a descriptor, and there is none (EMFILE, ENFILE): closes what is open only so that
 * something goes quicker, of this list the first that there is: regions that are empty; the
 * read-only descriptors kept for consumers; a kept region; the region of an IDLE bitmap, which is
 * purged; that of a READY one that nobody uses, for bytes are had in this way, too. False: there is
 * nothing. */
bool pool_give_up_descriptors(struct pool *pool);
/* Somebody waits for room: consumers then nudge at every last unpin. */
void pool_set_waiters(struct pool *pool, bool waiting);
/* Do the same bitmaps go and come back, again and again? pool/thrash.h says from which rate on, and
 * until when. The pool itself changes nothing then: who admits requests is to be stricter. */
bool pool_is_thrashing(struct pool *pool, uint64_t now_ns);
/* Is it PURGED, and would decoding it again be a bounce? */
bool pool_was_purged_lately(const struct pool *pool, const struct pool_slot *slot);
/* Bytes that could be purged now without asking anybody (IDLE, kept). */
uint64_t pool_purgeable_bytes(const struct pool *pool);
/* Bytes that could be purged at the most, were nothing pinned (READY, IDLE, kept). */
uint64_t pool_held_bytes(const struct pool *pool);

/* Does what is due (idling, grants that end), a bounded part of it at a time: call whenever
 * pool_deadline has come. */
void pool_tick(struct pool *pool, uint64_t now_ns);
/* When pool_tick is next needed; UINT64_MAX: never. */
uint64_t pool_deadline(const struct pool *pool);

/* Fills the pool's part of @stats (bytes, bitmaps, regions, readonly_descriptors, purges, reuses,
 * idle_unpins, pins_revived, budget, allocated, driver, order, bounces, thrash_times, stray). */
void pool_stats(struct pool *pool, struct mural_stats *stats);

/* For tests: walks everything; 0 when all sums and states agree, else -EUCLEAN with the first
 * contradiction in @text. */
int pool_check(struct pool *pool, char *text, size_t size);

#endif
