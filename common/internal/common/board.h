/* common/board.h - the two tables in shared memory by which pins work without a message.
 *
 *   state table   one a producer; written by it alone, consumers map it read-only:
 *                 a 64-bit word a slot
 *   pin board     one a consumer (session); written by that consumer, the producer maps it too:
 *                 a count a slot, and a mark whether it was changed
 *
 * The protocol is Dekker's: the consumer writes its count and then reads the state, the producer
 * writes the state and then reads the counts. Both sides are sequentially consistent, so at least
 * one of them sees the other; take either fence out and a pinned bitmap gets purged (tests/stress
 * shows it).
 *
 *   pin     pins += 1; mark; word = state[slot]
 *           READY and my generation: pinned; anything else: pins -= 1, mark, ask
 *   unpin   last_use = now; pins -= 1; mark
 *           it was the last, and the word says WATCHED or somebody waits for room: one nudge
 *   idle    look first; state = IDLE; look again
 *           any board's count is not 0: state = READY again; else unpin the memory
 *
 * The marks spare the producer most of its looks. It remembers what it last read of each slot on
 * each board, and reads the slot again only when it finds it marked: mark = 0, then the count.
 * Consumers write the count first and then see to it that the mark is set, so what they write after
 * the producer's read is marked anew. "Look" above is: a slot that is marked is read, of any other
 * what is remembered still holds. In sequentially consistent steps this is the same Dekker's
 * protocol: a pin that saw READY was counted and marked before the state was written, and whoever
 * has taken that mark since has read the count after it.
 *
 * WATCHED spares the producer from looking at long-pinned slots again and again: it sets the bit
 * when it finds a due slot pinned, and the consumer whose count falls to zero tells it. A lost
 * nudge only delays idling (a slow look finds it).
 *
 * What the first 64 slots need of either is mapped as soon as it is imported, and on a new board
 * for the producer: slots are given out from the lowest number on, and each page fault of a
 * session's first pin would take as long as twenty pins.
 *
 * Both tables are sealed against resizing before anybody maps them. Everything read from a board is
 * hostile: read once. */
#ifndef COMMON_BOARD_H
#define COMMON_BOARD_H

#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tests/stress builds the pool a second time without the fences, to show that it finds what they
 * prevent. */
#ifdef BOARD_WITHOUT_FENCES
#define BOARD_ORDER memory_order_relaxed
#else
#define BOARD_ORDER memory_order_seq_cst
#endif

#define BOARD_SLOTS ((uint32_t)1 << 20)
#define BOARD_PAGE_SLOTS 64u                      /* of a board's page, and of a word of marks */
#define BOARD_FLAG_SLOTS (64u * BOARD_PAGE_SLOTS) /* of a word of flags */
#define BOARD_TABLE_MAGIC UINT64_C(0x656c62617454724d) /* "MrTtable" */
#define BOARD_PINS_MAGIC UINT64_C(0x736e69506e50724d)  /* "MrPnPins" */
#define BOARD_LAYOUT_VERSION 2u

/* More pins than this of one slot by one process is a fault (a double unpin wraps far above it). */
#define BOARD_PINS_MAX ((uint32_t)1 << 24)

enum board_state {
	BOARD_EMPTY = 0,   /* no bitmap */
	BOARD_FILLING = 1, /* a decoder writes into it */
	BOARD_READY = 2,   /* pinned in memory; consumers pin through the board */
	BOARD_IDLE = 3,    /* unpinned in memory: may vanish; a pin must ask the producer */
	BOARD_PURGED = 4,  /* gone; the entry remembers it for all who hold an older generation */
};

#define BOARD_STATE_MASK UINT64_C(0x0f)
#define BOARD_WATCHED UINT64_C(0x80)
#define BOARD_GENERATION_SHIFT 8
#define BOARD_GENERATION_MAX (UINT64_MAX >> BOARD_GENERATION_SHIFT)

static inline uint64_t board_word(uint64_t generation, enum board_state state)
{
	return generation << BOARD_GENERATION_SHIFT | (uint64_t)state;
}

static inline enum board_state board_word_state(uint64_t word)
{
	return (enum board_state)(word & BOARD_STATE_MASK);
}

static inline uint64_t board_word_generation(uint64_t word)
{
	return word >> BOARD_GENERATION_SHIFT;
}

/* The producer's random identity: a reference or a pin from before its death is recognised by it.
 */
struct board_instance {
	uint64_t high, low;
};

struct board_table {
	uint64_t magic;
	uint32_t version;
	uint32_t slots;
	struct board_instance instance;
	_Atomic uint32_t waiters; /* not 0: a request waits for room; every last unpin nudges */
	uint32_t reserved;
	alignas(4096) _Atomic uint64_t word[BOARD_SLOTS];
};

/* A cache line a slot: two threads, or a thread and the producer's look, never share one by
 * accident. */
struct board_pin {
	alignas(64) _Atomic uint32_t pins;
	_Atomic uint32_t visible;     /* not 0: the consumer marks it as on screen; purged last */
	_Atomic uint64_t last_use_ms; /* CLOCK_MONOTONIC_COARSE at the last unpin */
};

/* A pin board's first page, which the producer may map by itself. */
struct board_head {
	uint64_t magic;
	uint32_t version;
	uint32_t slots;
	struct board_instance instance;
	/* Set by the consumer after each change, cleared by the producer before it reads. Set ones
	 * are only read, so that threads share the lines. */
	alignas(64) _Atomic uint64_t flag[BOARD_SLOTS / BOARD_FLAG_SLOTS]; /* pages with marks */
};

struct board_pins {
	struct board_head head;
	alignas(4096) _Atomic uint64_t mark[BOARD_SLOTS / BOARD_PAGE_SLOTS];
	alignas(4096) struct board_pin slot[BOARD_SLOTS];
};

/* Both sides change marks: a lock that each process has for itself would lose some. */
_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2, "atomics without locks");
_Static_assert(sizeof(struct board_pin) == 64, "one cache line a slot");
_Static_assert(offsetof(struct board_table, word) == 4096, "the words start on the second page");
_Static_assert(sizeof(struct board_head) <= 4096, "one page");
_Static_assert(offsetof(struct board_pins, mark) == 4096, "the marks start on the second page");
_Static_assert(
	offsetof(struct board_pins, slot) == 4096 + BOARD_SLOTS / 8, "the counts behind them");
_Static_assert(sizeof(struct board_table) == 4096 + 8 * (size_t)BOARD_SLOTS, "no padding");
_Static_assert(sizeof(struct board_pins) == 4096 + BOARD_SLOTS / 8 + 64 * (size_t)BOARD_SLOTS,
	"no padding");

/* Milliseconds of the coarse monotonic clock (a vDSO read of about 5 ns, resolution of a timer
 * tick). */
uint64_t board_now_ms(void);

/* ---- creating and importing; 0 or -errno. The mapping is the caller's, undone by board_unmap.
 * ---- */

/* Producer: makes a sealed, sparse table of either kind, mapped read-write. The caller owns both
 * results. */
int board_create_table(
	const struct board_instance *instance, int *ret_fd, struct board_table **ret_table);
int board_create_pins(
	const struct board_instance *instance, int *ret_fd, struct board_pins **ret_pins);

/* Consumer: maps a received descriptor (borrowed) after checking seals, size, magic, version and
 * instance; MADV_DONTFORK. @at: NULL, or addresses of the caller's, where what is mapped is
 * replaced in one step, or not at all. -EPERM: not sealed against resizing, or sealed against
 * writing.  -EBADMSG: not such a table.  -ENOMEM. */
int board_import_table(int fd, const struct board_instance *instance, void *at,
	const struct board_table **ret_table);
int board_import_pins(
	int fd, const struct board_instance *instance, void *at, struct board_pins **ret_pins);

/* Moves the mapping @memory of @size bytes over what is mapped @at, in one step. It takes @memory
 * in every case; on failure what was @at is still there, unless the kernel has no memory for a
 * mapping's own few bytes. -ENOMEM. */
int board_move_over(void *memory, size_t size, void *at);

void board_unmap_table(const struct board_table *table);
void board_unmap_pins(struct board_pins *pins);

/* ---- consumer's side: any thread ---- */

enum board_pin_result {
	BOARD_PINNED = 0,  /* counted, and nothing changes until board_unpin */
	BOARD_ASK = 1,     /* same generation but not ready: the producer must be asked */
	BOARD_CHANGED = 2, /* another generation, or purged: those bytes are gone */
};

static inline void board_set_bit(_Atomic uint64_t *word, uint32_t bit)
{
	if (!(atomic_load_explicit(word, BOARD_ORDER) >> bit & 1))
		atomic_fetch_or_explicit(word, UINT64_C(1) << bit, BOARD_ORDER);
}

/* After each change of a slot's pins or visible, which must be sequentially consistent itself. */
static inline void board_mark(struct board_pins *pins, uint32_t slot)
{
	/* seq_cst: after the change; pairs with board_take_mark, behind which the change is read.
	 * The flag is for who looks for marks, and is set after them. */
	board_set_bit(&pins->mark[slot / BOARD_PAGE_SLOTS], slot % 64);
	board_set_bit(&pins->head.flag[slot / BOARD_FLAG_SLOTS], slot / BOARD_PAGE_SLOTS % 64);
}

/* Takes one pin off; the count that was. */
static inline uint32_t board_drop(struct board_pins *pins, uint32_t slot)
{
	uint32_t count = atomic_fetch_sub_explicit(&pins->slot[slot].pins, 1, BOARD_ORDER);
	board_mark(pins, slot);
	return count;
}

static inline void board_show(struct board_pins *pins, uint32_t slot, bool visible)
{
	atomic_store_explicit(&pins->slot[slot].visible, visible, BOARD_ORDER);
	board_mark(pins, slot);
}

static inline enum board_pin_result board_pin(const struct board_table *table,
	struct board_pins *pins, uint32_t slot, uint64_t generation)
{
	/* seq_cst: this count is visible before the state is read; pairs with the producer's store
	 * in board_leave_ready. */
	atomic_fetch_add_explicit(&pins->slot[slot].pins, 1, BOARD_ORDER);
	board_mark(pins, slot);
	uint64_t word = atomic_load_explicit(&table->word[slot], BOARD_ORDER);
	if (board_word_generation(word) == generation && board_word_state(word) == BOARD_READY)
		return BOARD_PINNED;
	board_drop(pins, slot);
	if (board_word_generation(word) == generation && board_word_state(word) == BOARD_IDLE)
		return BOARD_ASK;
	return BOARD_CHANGED;
}

/* True: send the producer one nudge for this slot. */
static inline bool board_unpin(
	const struct board_table *table, struct board_pins *pins, uint32_t slot)
{
	atomic_store_explicit(&pins->slot[slot].last_use_ms, board_now_ms(), memory_order_relaxed);
	/* seq_cst: all reads of the pixels come before it, and it comes before the look at the
	 * flags below; pairs with the producer setting a flag and then reading the counts again. */
	if (board_drop(pins, slot) != 1)
		return false;
	return (atomic_load_explicit(&table->word[slot], BOARD_ORDER) & BOARD_WATCHED) ||
	       atomic_load_explicit(&table->waiters, BOARD_ORDER);
}

/* The same, unless the count is @floor or lower: then nothing was pinned here, and taking one off
 * would take somebody's pin. 0; 1: send the producer one nudge; -EINVAL. */
static inline int board_unpin_above(
	const struct board_table *table, struct board_pins *pins, uint32_t slot, uint32_t floor)
{
	struct board_pin *pin = &pins->slot[slot];
	uint32_t count = atomic_load_explicit(&pin->pins, memory_order_relaxed);
	if (count <= floor)
		return -EINVAL;
	atomic_store_explicit(&pin->last_use_ms, board_now_ms(), memory_order_relaxed);
	/* seq_cst, for the reasons of board_unpin. */
	while (!atomic_compare_exchange_weak_explicit(
		&pin->pins, &count, count - 1, memory_order_seq_cst, memory_order_relaxed))
		if (count <= floor)
			return -EINVAL;
	board_mark(pins, slot);
	if (count != 1)
		return 0;
	return (atomic_load_explicit(&table->word[slot], BOARD_ORDER) & BOARD_WATCHED) ||
	       atomic_load_explicit(&table->waiters, BOARD_ORDER);
}

/* ---- producer's side: one thread ---- */

static inline void board_set(
	struct board_table *table, uint32_t slot, uint64_t generation, enum board_state state)
{
	atomic_store_explicit(&table->word[slot], board_word(generation, state), BOARD_ORDER);
}

static inline bool board_is_marked(const struct board_pins *pins, uint32_t slot)
{
	return atomic_load_explicit(&pins->mark[slot / BOARD_PAGE_SLOTS], BOARD_ORDER) >>
		       slot % 64 &
	       1;
}

/* Before the slot is read: what is changed later is marked again. */
static inline void board_take_mark(struct board_pins *pins, uint32_t slot)
{
	atomic_fetch_and_explicit(
		&pins->mark[slot / BOARD_PAGE_SLOTS], ~(UINT64_C(1) << slot % 64), BOARD_ORDER);
}

static inline bool board_has_marks(const struct board_pins *pins, uint32_t page)
{
	return atomic_load_explicit(&pins->mark[page], BOARD_ORDER) != 0;
}

/* Takes all marks of a page: its slots that were changed. */
static inline uint64_t board_take_marks(struct board_pins *pins, uint32_t page)
{
	if (!board_has_marks(pins, page))
		return 0;
	return atomic_exchange_explicit(&pins->mark[page], 0, BOARD_ORDER);
}

/* Flags of 64 pages are word @index. */
static inline bool board_has_flags(const struct board_head *head, uint32_t index)
{
	return atomic_load_explicit(&head->flag[index], BOARD_ORDER) != 0;
}

/* Takes them, before the marks of these pages are looked at. */
static inline uint64_t board_take_flags(struct board_head *head, uint32_t index)
{
	return atomic_exchange_explicit(&head->flag[index], 0, BOARD_ORDER);
}

/* Sets those again whose marks were left. */
static inline void board_flag(struct board_head *head, uint32_t index, uint64_t flags)
{
	atomic_fetch_or_explicit(&head->flag[index], flags, BOARD_ORDER);
}

/* The count on one board, read once; the caller judges it against BOARD_PINS_MAX. */
static inline uint32_t board_count(const struct board_pins *pins, uint32_t slot)
{
	return atomic_load_explicit(&pins->slot[slot].pins, BOARD_ORDER);
}

static inline bool board_is_visible(const struct board_pins *pins, uint32_t slot)
{
	/* seq_cst: after board_take_mark; pairs with board_show. */
	return atomic_load_explicit(&pins->slot[slot].visible, BOARD_ORDER) != 0;
}

/* The stamp of the last unpin, clamped to @now_ms; a consumer may write what it likes there. */
static inline uint64_t board_last_use_ms(
	const struct board_pins *pins, uint32_t slot, uint64_t now_ms)
{
	uint64_t stamp = atomic_load_explicit(&pins->slot[slot].last_use_ms, memory_order_relaxed);
	return stamp < now_ms ? stamp : now_ms;
}

#endif
