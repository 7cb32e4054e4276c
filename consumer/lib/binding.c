/* The side of the binding that changes it. See binding.h for the protocol. */
#include "binding.h"

void binding_publish(struct binding *binding, const struct board_table *table,
	struct board_pins *pins, uint32_t slot, uint64_t generation, uint32_t others)
{
	uint32_t sequence = atomic_load_explicit(&binding->sequence, memory_order_relaxed);
	atomic_store_explicit(&binding->sequence, sequence + 1, memory_order_seq_cst);
	/* release, each: who reads one of them also reads a sequence at least as late as the odd
	 * one. */
	atomic_store_explicit(&binding->slot, slot, memory_order_release);
	atomic_store_explicit(&binding->generation, generation, memory_order_release);
	atomic_store_explicit(&binding->others, others, memory_order_release);
	atomic_store_explicit(&binding->pins, pins, memory_order_release);
	atomic_store_explicit(&binding->table, table, memory_order_release);
	atomic_store_explicit(&binding->sequence, sequence + 2, memory_order_release);
}

uint32_t binding_pins(const struct binding *binding)
{
	const struct board_pins *pins = atomic_load_explicit(&binding->pins, memory_order_relaxed);
	if (!pins)
		return 0;
	uint32_t slot = atomic_load_explicit(&binding->slot, memory_order_relaxed);
	uint32_t others = atomic_load_explicit(&binding->others, memory_order_relaxed);
	uint32_t count = board_count(pins, slot);
	return count > others ? count - others : 0;
}

bool binding_is_held(const struct binding *binding)
{
	const struct board_table *table =
		atomic_load_explicit(&binding->table, memory_order_relaxed);
	return table && binding_pins(binding) > 0 &&
	       binding_is_alive(table, atomic_load_explicit(&binding->slot, memory_order_relaxed),
		       atomic_load_explicit(&binding->generation, memory_order_relaxed));
}

static void clear(struct binding *binding)
{
	atomic_store_explicit(&binding->table, NULL, memory_order_release);
	atomic_store_explicit(&binding->pins, NULL, memory_order_release);
	atomic_store_explicit(&binding->generation, 0, memory_order_release);
	atomic_store_explicit(&binding->others, 0, memory_order_release);
}

bool binding_withdraw(struct binding *binding)
{
	if (!atomic_load_explicit(&binding->table, memory_order_relaxed))
		return true;
	uint32_t sequence = atomic_load_explicit(&binding->sequence, memory_order_relaxed);
	/* seq_cst: before the count is read; pairs with binding_pin, which counts and then reads
	 * the sequence. */
	atomic_store_explicit(&binding->sequence, sequence + 1, memory_order_seq_cst);
	bool pinned = binding_is_held(binding);
	if (!pinned)
		clear(binding);
	atomic_store_explicit(&binding->sequence, sequence + 2, memory_order_release);
	return !pinned;
}

uint32_t binding_abandon(struct binding *binding)
{
	uint32_t sequence = atomic_load_explicit(&binding->sequence, memory_order_relaxed);
	atomic_store_explicit(&binding->sequence, sequence + 1, memory_order_seq_cst);
	uint32_t pins = binding_pins(binding);
	clear(binding);
	atomic_store_explicit(&binding->sequence, sequence + 2, memory_order_release);
	return pins;
}
