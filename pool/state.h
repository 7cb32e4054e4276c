/* state.h - what a pool consists of. Each part's functions stand in the header of its own name.
 *
 *   region   one ashmem region               keep    freed regions, kept for reuse
 *   slab     a region cut into pieces        slot    a bitmap's place: states, lists, memory
 *   scratch  where a small one is decoded
 *   holder   a pin board, its told slots     idle    when a slot is unpinned: the handshake
 *   room     what goes when room is needed   order   what would be missed least
 *   pinned   what the boards say             heads   where their flags are
 *   readonly  what consumers are given     huge    huge pages: which regions, and how
 *
 * Invariants, which pool_check verifies:
 *   - a slot has memory exactly while FILLING, READY or IDLE, and its charge stands in that part of
 * the account;
 *   - a READY slot is in the due heap, and in the ready order unless somebody was seen using it
 * (blocked);
 *   - an IDLE slot is in the idle order, unpinned in ashmem; all other memory is pinned there, free
 * pieces of slabs too;
 *   - slot->told and holder->told say the same; slot->pinned_by counts those of them that have it
 * pinned, as far as their boards' pages have been read since they were marked. */
#ifndef POOL_STATE_H
#define POOL_STATE_H

#include "account.h"
#include "bits.h"
#include "common/list.h"
#include "heads.h"
#include "heap.h"
#include "huge.h"
#include "order.h"
#include "thrash.h"

#include "pool/pool.h"

#define NS_PER_MS UINT64_C(1000000)
#define NEVER UINT64_MAX

struct region;
struct slab;
struct grant;

struct pool_slot {
	uint32_t number;
	enum board_state state;
	bool blocked;    /* READY: seen in use, so the word says WATCHED and it is no victim */
	bool never_seen; /* prefetched, and nobody has been told of it yet */
	bool remembered; /* was PURGED before it was FILLING */
	bool leaving;    /* a holder has released it with its count not 0 (holder->leaving) */
	uint64_t generation;
	struct pool_bitmap bitmap;
	uint64_t cost_ns; /* what bringing it back takes; 0: not known yet */
	uid_t uid;
	void *user;

	struct region *region;  /* a large one's own */
	struct slab *slab;      /* or: a piece of this, */
	uint64_t offset;        /* from here on */
	struct region *scratch; /* where a small one's decoder writes: scratch.h */
	uint64_t charge;        /* bytes of the account for region or piece, */
	enum account_part part; /* and where they stand */

	uint64_t last_use_ns, due_ns;
	uint64_t counted_ns;      /* the last use that counted as one; 0: none */
	uint64_t since_bytes;     /* by pool.passed_bytes: what its age is counted from */
	uint64_t purged_at_bytes; /* PURGED, or decoded again: when that was, by the same clock */
	struct heap_node due;     /* pool.due: READY */
	struct heap_node victim;  /* pool.ready or pool.idle: order.h; where it stands there: */
	uint8_t rank, class;
	uint64_t key, placed_ns;     /* of its class's heap; last_use_ns at the time */
	struct bits told;            /* by holder->index */
	uint32_t pinned_by, seen_by; /* so many of these, by what is remembered of them: pinned.h */
	struct grant *grants;
};

struct pool_holder {
	uint32_t index;
	uid_t uid;
	void *user;
	int fd; /* of the board; owned */
	struct board_pins *pins;
	bool misbehaved;
	struct bits told;      /* by slot->number */
	struct bits leaving;   /* of these: released while its count was not 0 */
	struct bits pinned;    /* what its board said when it was last read, */
	struct bits visible;   /* of told ones and others: pinned.h */
	uint64_t pinned_bytes; /* charges of READY slots that it was told of and has pinned */
};

struct pool {
	struct pool_options options; /* with defaults filled in */
	bool device;
	struct huge huge;
	uint64_t control_bytes; /* of a region's control block, as found on this machine */
	uint64_t slab_control_bytes;
	int table_fd; /* read-only; owned */
	struct board_table *table;
	struct account account;

	uint64_t now_ns; /* the last that the caller told */
	uint64_t last_generation, last_region;
	uint64_t passed_bytes; /* the clock of order.h: grows by a slot's bytes at each use */
	struct list regions;   /* all that are used as a whole */
	struct list kept;      /* the one freed first in front */
	struct list slabs;
	struct list unsettled; /* of these, whose pages have to be counted again */
	struct list emptied;   /* not in regions: no slot's, without data, to be closed at the next
				  tick */
	struct list lent;      /* scratch memory that a decoder may write */
	struct list readonly;  /* regions with a descriptor for consumers: the one lent longest ago
				  in front */
	uint32_t region_count, kept_count, emptied_count, readonly_count;
	uint32_t readonly_max;
	uint64_t mend_ns; /* when slabs are next looked at for holes filled again */

	struct pool_slot **slot; /* by number; NULL: free */
	uint32_t slots_made, slots_room;
	uint32_t *free_number; /* a stack; as much room as for slots */
	uint32_t free_count;
	struct pool_holder **holder; /* by index; NULL: free */
	uint32_t holders_made;
	struct heads heads; /* of their boards, by the same index */

	struct thrash thrash;
	struct heap due;
	struct order ready, idle; /* that nobody was seen using */

	uint32_t bitmaps[BOARD_PURGED + 1]; /* slots by state */
	uint32_t pinned_bitmaps; /* READY and pinned, by what is remembered of the boards */
	uint64_t pinned_bytes;
	uint64_t freed_bytes;                /* of what went, in the kernel's count */
	uint64_t slab_allocated, slab_stray; /* sums over slabs, as last counted */
	uint64_t purged_bytes, purges, reuses, idle_unpins, pins_revived;
};

#endif
