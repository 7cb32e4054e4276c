/* binding.h - where a bitmap's pixels are at present, so that any thread can pin them without a
 * lock.
 *
 * One thread at a time, under the connection's lock, publishes and withdraws; any number of threads
 * pin and unpin meanwhile. It is a sequence lock crossed with the pin board:
 *
 *   pin       read the sequence and the fields; count on the board (board_pin); the sequence is
 *             still the same: pinned
 *   withdraw  make the sequence odd; the count is 0, or the generation is gone so that no pin can
 *             succeed: empty the fields; otherwise leave them. Make it even again
 *
 * Both sides write first and read the other's word afterwards, sequentially consistent: a pin that
 * was counted in time keeps the binding where it is, one that comes late is undone. So whoever
 * holds a pin finds its unpin's board here.
 *
 * A late pin, or an unpin that nobody owes, may touch the board of a binding that is gone, for a
 * moment and without effect: boards stay mapped, and no other takes their place so soon (hull.h).
 */
#ifndef LIBMURAL_BINDING_H
#define LIBMURAL_BINDING_H

#include "common/board.h"

#include <mural/mural.h>

struct binding {
	_Atomic uint32_t sequence; /* odd while it changes */
	_Atomic uint32_t slot;
	_Atomic(const struct board_table *) table; /* NULL: nothing to pin without the lock */
	_Atomic(struct board_pins *) pins;
	_Atomic uint64_t generation;
	_Atomic uint32_t
		others; /* pins of the slot's other bitmaps in this process: they are counted in the same cell */
	struct mural_view
		view; /* written only while nothing can be pinned, read only by who has pinned */
};

/* Any thread. True: pinned, and @binding->view may be read until the unpin. */
static inline bool binding_pin(struct binding *binding)
{
	/* acquire, each: if one of them is of a later binding, the sequence read below is later
	 * too. */
	uint32_t sequence = atomic_load_explicit(&binding->sequence, memory_order_acquire);
	const struct board_table *table =
		atomic_load_explicit(&binding->table, memory_order_acquire);
	struct board_pins *pins = atomic_load_explicit(&binding->pins, memory_order_acquire);
	uint32_t slot = atomic_load_explicit(&binding->slot, memory_order_acquire);
	uint64_t generation = atomic_load_explicit(&binding->generation, memory_order_acquire);
	if ((sequence & 1) || !table || !pins)
		return false;
	if (board_pin(table, pins, slot, generation) != BOARD_PINNED)
		return false;
	/* seq_cst: after the count; pairs with binding_withdraw, which changes the sequence and
	 * then reads the count. */
	if (atomic_load_explicit(&binding->sequence, memory_order_seq_cst) == sequence)
		return true;
	board_drop(pins, slot);
	return false;
}

/* Any thread. As board_unpin_above; -EINVAL also when nothing is bound. */
static inline int binding_unpin(struct binding *binding)
{
	/* Whoever holds a pin has seen these, and they cannot change; whoever holds none is refused
	 * in the end. */
	const struct board_table *table =
		atomic_load_explicit(&binding->table, memory_order_acquire);
	struct board_pins *pins = atomic_load_explicit(&binding->pins, memory_order_acquire);
	if (!table || !pins)
		return -EINVAL;
	return board_unpin_above(table, pins,
		atomic_load_explicit(&binding->slot, memory_order_relaxed),
		atomic_load_explicit(&binding->others, memory_order_relaxed));
}

/* Can a pin of this generation still succeed? Once it cannot, it never can again: generations do
 * not come back. */
static inline bool binding_is_alive(
	const struct board_table *table, uint32_t slot, uint64_t generation)
{
	uint64_t word = atomic_load_explicit(&table->word[slot], memory_order_seq_cst);
	enum board_state state = board_word_state(word);
	return board_word_generation(word) == generation &&
	       (state == BOARD_READY || state == BOARD_IDLE);
}

/* ---- under the lock ---- */

/* Binds what is not bound. @others: pins that are in the cell already but are not this bitmap's. */
void binding_publish(struct binding *binding, const struct board_table *table,
	struct board_pins *pins, uint32_t slot, uint64_t generation, uint32_t others);

/* True: nothing is bound any more, and later pins fail. False: it is pinned, and stays bound. */
bool binding_withdraw(struct binding *binding);

/* Unbinds whatever is pinned; returns the pins that were left on the board. */
uint32_t binding_abandon(struct binding *binding);

/* Pinned, by a pin that can have succeeded. */
bool binding_is_held(const struct binding *binding);

/* This bitmap's pins. May count one that another thread is about to undo. */
uint32_t binding_pins(const struct binding *binding);

#endif
