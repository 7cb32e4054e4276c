/* What the pool tells about itself, and the walk over everything by which tests see whether its
 * books are right. */
#include "holder.h"
#include "pinned.h"
#include "room.h"
#include "scratch.h"
#include "slab.h"

#include "common/util.h"

#include <ashmem/memory_dealer.h>
#include <stdarg.h>
#include <stdio.h>

/* What the kernel holds for us, and of that what should be holes: a reader may read behind the
 * data, and so fill a file up to its control block, or the free pieces of a slab. */
static void ask_the_kernel(struct pool *pool, struct mural_stats *stats)
{
	slab_count(pool, &stats->allocated_bytes, &stats->stray_bytes);
	for (struct list *at = pool->regions.next; at != &pool->regions; at = at->next) {
		const struct region *region = CONTAINER_OF(at, struct region, all);
		uint64_t allocated = region_allocated(region), charge = region_charge(region);
		stats->allocated_bytes += allocated;
		stats->stray_bytes += allocated - min_u64(allocated, charge);
	}
}

void pool_stats(struct pool *pool, struct mural_stats *stats)
{
	const struct account *account = &pool->account;
	stats->budget_bytes = account->budget;
	stats->used_bytes = account->used;
	stats->idle_bytes = account->part[ACCOUNT_IDLE];
	stats->filling_bytes = account->part[ACCOUNT_FILLING];
	stats->kept_bytes = account->part[ACCOUNT_KEPT];
	stats->overhead_bytes = account->part[ACCOUNT_OVERHEAD];
	ask_the_kernel(pool, stats);
	stats->purged_bytes = pool->purged_bytes;
	pinned_count(pool, &stats->pinned_bitmaps, &stats->pinned_bytes);
	stats->ready_bitmaps = pool->bitmaps[BOARD_READY] - stats->pinned_bitmaps;
	stats->ready_bytes = pool->account.part[ACCOUNT_READY] - stats->pinned_bytes;
	stats->idle_bitmaps = pool->bitmaps[BOARD_IDLE];
	stats->filling_bitmaps = pool->bitmaps[BOARD_FILLING];
	stats->purged_bitmaps = pool->bitmaps[BOARD_PURGED];
	stats->regions = pool->region_count;
	stats->readonly_descriptors = pool->readonly_count;
	stats->purges = pool->purges;
	stats->reuses = pool->reuses;
	stats->idle_unpins = pool->idle_unpins;
	stats->pins_revived = pool->pins_revived;
	stats->bounces = pool->thrash.bounces;
	stats->thrash_times = pool->thrash.times;
	stats->freed_bytes = pool->freed_bytes;
	stats->order = pool->options.order;
	stats->driver = pool->device ? ASHMEM_DRIVER_DEVICE : ASHMEM_DRIVER_MEMFD;
}

/* ---- the check ---- */

struct audit {
	struct pool *pool;
	char *text;
	size_t size;
	bool failed;
	uint64_t part[ACCOUNT_PARTS];
	uint32_t bitmaps[BOARD_PURGED + 1];
	uint32_t regions; /* accounted for by slots, slabs and kept ones */
	size_t due, ready, idle;
	uint32_t pinned_bitmaps;
	uint64_t pinned_bytes;
	uint64_t slab_allocated, slab_stray;
};

__attribute__((format(printf, 3, 4))) static void expect(
	struct audit *audit, bool right, const char *format, ...)
{
	if (right || audit->failed)
		return;
	va_list arguments;
	audit->failed = true;
	va_start(arguments, format);
	vsnprintf(audit->text, audit->size, format, arguments);
	va_end(arguments);
}

static void audit_word(struct audit *audit, const struct pool_slot *slot)
{
	uint64_t word = atomic_load(&audit->pool->table->word[slot->number]);
	expect(audit, board_word_state(word) == slot->state, "slot %u: table says %d, not %d",
		slot->number, (int)board_word_state(word), (int)slot->state);
	expect(audit, board_word_generation(word) == slot->generation,
		"slot %u: the table's generation is another", slot->number);
	expect(audit, slot->generation <= audit->pool->last_generation,
		"slot %u: generation from the future", slot->number);
	expect(audit, !(word & BOARD_WATCHED) == !slot->blocked,
		"slot %u: watched and blocked differ", slot->number);
}

static void audit_places(struct audit *audit, const struct pool_slot *slot)
{
	bool ready = slot->state == BOARD_READY, idle = slot->state == BOARD_IDLE;
	expect(audit, heap_holds(&slot->due) == ready, "slot %u: due heap", slot->number);
	expect(audit, heap_holds(&slot->victim) == (idle || (ready && !slot->blocked)),
		"slot %u: victim heap", slot->number);
	expect(audit, !slot->blocked || ready, "slot %u: blocked but not READY", slot->number);
	audit->due += ready;
	audit->ready += ready && !slot->blocked;
	audit->idle += idle;
}

static void audit_memory(struct audit *audit, const struct pool_slot *slot)
{
	bool has = slot->state == BOARD_FILLING || slot->state == BOARD_READY ||
		   slot->state == BOARD_IDLE;
	bool large = slot->bitmap.size_bytes >= POOL_LARGE_BYTES;
	expect(audit, !slot->region == !(has && large), "slot %u: region", slot->number);
	expect(audit, !slot->slab == !(has && !large), "slot %u: slab", slot->number);
	expect(audit, !slot->scratch == !(slot->state == BOARD_FILLING && !large),
		"slot %u: scratch", slot->number);
	expect(audit, has == (slot->charge >= slot->bitmap.size_bytes), "slot %u: charge",
		slot->number);
	if (!has || audit->failed)
		return;
	static const enum account_part part[] = {[BOARD_FILLING] = ACCOUNT_FILLING,
		[BOARD_READY] = ACCOUNT_READY,
		[BOARD_IDLE] = ACCOUNT_IDLE};
	expect(audit, slot->part == part[slot->state], "slot %u: part of the account",
		slot->number);
	audit->part[slot->part] += slot->charge;
	audit->regions += large;
	if (large)
		expect(audit, slot->charge == region_charge(slot->region),
			"slot %u: region's charge", slot->number);
	else
		expect(audit, memory_dealer_size(slot->slab->dealer, slot->offset) == slot->charge,
			"slot %u: piece", slot->number);
	if (slot->scratch) {
		audit->part[ACCOUNT_OVERHEAD] += region_charge(slot->scratch);
		audit->regions++;
	}
	int status = ashmem_handle_status(slot_region(slot)->handle, slot->offset,
		large ? slot->region->capacity : slot->charge);
	expect(audit, status == (slot->state == BOARD_IDLE ? ASHMEM_IS_UNPINNED : ASHMEM_IS_PINNED),
		"slot %u: ashmem's pin status is %d", slot->number, status);
}

static void audit_holders(struct audit *audit, const struct pool_slot *slot)
{
	for (uint32_t i = 0; i < audit->pool->holders_made; i++) {
		const struct pool_holder *holder = audit->pool->holder[i];
		expect(audit,
			bits_test(&slot->told, i) ==
				(holder && bits_test(&holder->told, slot->number)),
			"slot %u and holder %u differ about having been told", slot->number, i);
	}
	for (const struct grant *grant = slot->grants; grant; grant = grant->next)
		expect(audit, bits_test(&slot->told, grant->holder->index),
			"slot %u: granted, not told", slot->number);
	expect(audit, slot->state != BOARD_PURGED || !slot->grants, "slot %u: PURGED but granted",
		slot->number);
}

static void audit_pinned(struct audit *audit, const struct pool_slot *slot)
{
	uint32_t pinned_by = 0, seen_by = 0;
	const struct pool_holder *holder;
	for (uint32_t at = 0; (holder = holder_next(audit->pool, slot, &at));) {
		bool pinned = bits_test(&holder->pinned, slot->number),
		     visible = bits_test(&holder->visible, slot->number);
		pinned_by += pinned;
		seen_by += visible;
		expect(audit,
			board_is_marked(holder->pins, slot->number) ||
				(pinned == (board_count(holder->pins, slot->number) != 0) &&
					visible == board_is_visible(holder->pins, slot->number)),
			"slot %u: holder %u's board says otherwise, without a mark", slot->number,
			holder->index);
	}
	expect(audit, pinned_by == slot->pinned_by && seen_by == slot->seen_by,
		"slot %u: pinned by %u, not %u", slot->number, slot->pinned_by, pinned_by);
	if (slot->state != BOARD_READY || pinned_by == 0)
		return;
	audit->pinned_bitmaps++;
	audit->pinned_bytes += slot->charge;
}

static void audit_slot(struct audit *audit, const struct pool_slot *slot)
{
	audit->bitmaps[slot->state]++;
	audit_word(audit, slot);
	audit_places(audit, slot);
	audit_memory(audit, slot);
	audit_holders(audit, slot);
	audit_pinned(audit, slot);
}

static void audit_holder(struct audit *audit, const struct pool_holder *holder)
{
	uint64_t bytes = 0;
	for (uint32_t number = 0; (number = bits_next(&holder->told, number)) != BITS_NONE;
		number++) {
		const struct pool_slot *slot = pool_find(audit->pool, number);
		expect(audit, slot != NULL, "holder %u knows slot %u, which is free", holder->index,
			number);
		bool pinned = bits_test(&holder->pinned, number);
		bytes += slot && pinned && slot->state == BOARD_READY ? slot->charge : 0;
	}
	expect(audit, bytes == holder->pinned_bytes, "holder %u: pinned bytes", holder->index);
}

/* What is taken for settled is what the kernel would say. */
static void audit_count(struct audit *audit, const struct slab *slab)
{
	bool settled = list_empty(&slab->unsettled);
	expect(audit, !settled || !slab->changed, "region %llu: changed, but settled",
		(unsigned long long)slab->region->id);
	expect(audit, !settled || slab->allocated == region_allocated(slab->region),
		"region %llu: pages", (unsigned long long)slab->region->id);
	expect(audit, !settled || slab->stray == slab_stray(slab), "region %llu: stray pages",
		(unsigned long long)slab->region->id);
	audit->slab_allocated += slab->allocated;
	audit->slab_stray += slab->stray;
}

static void audit_slab(struct audit *audit, const struct slab *slab)
{
	uint64_t taken = 0, idle = 0;
	for (uint32_t i = 0; i < audit->pool->slots_made; i++) {
		const struct pool_slot *slot = audit->pool->slot[i];
		if (!slot || slot->slab != slab)
			continue;
		taken += slot->charge;
		idle += slot->state == BOARD_IDLE ? slot->charge : 0;
	}
	expect(audit, taken > 0, "region %llu: an empty slab",
		(unsigned long long)slab->region->id);
	expect(audit, taken == memory_dealer_used(slab->dealer) && idle == slab->idle_bytes,
		"region %llu: pieces", (unsigned long long)slab->region->id);
	audit->part[ACCOUNT_OVERHEAD] += slab->region->control;
	audit->regions++;
	audit_count(audit, slab);
}

static void audit_lent(struct audit *audit)
{
	const struct pool *pool = audit->pool;
	for (struct list *at = pool->lent.next; at != &pool->lent; at = at->next) {
		const struct pool_scratch *scratch = CONTAINER_OF(at, struct pool_scratch, lent);
		expect(audit, scratch->region->loan == scratch, "region %llu: lent",
			(unsigned long long)scratch->region->id);
		if (scratch->slots)
			continue; /* counted there */
		audit->part[ACCOUNT_OVERHEAD] += region_charge(scratch->region);
		audit->regions++;
	}
}

static uint32_t length(struct list *head)
{
	uint32_t count = 0;
	list_for_each (at, head)
		count++;
	return count;
}

static void audit_readonly(struct audit *audit)
{
	struct pool *pool = audit->pool;
	uint32_t count = length(&pool->readonly);
	list_for_each (at, &pool->readonly)
		expect(audit, CONTAINER_OF(at, struct region, readonly_link)->readonly_fd >= 0,
			"a region without a descriptor for consumers is listed");
	expect(audit, count == pool->readonly_count && count <= max_u64(pool->readonly_max, 1),
		"%u descriptors for consumers, not %u, at most %u", count, pool->readonly_count,
		pool->readonly_max);
}

static void audit_totals(struct audit *audit)
{
	struct pool *pool = audit->pool;
	uint64_t used = 0;
	uint32_t regions = length(&pool->regions) + length(&pool->slabs);
	for (int i = 0; i < ACCOUNT_PARTS; i++) {
		expect(audit, audit->part[i] == pool->account.part[i],
			"part %d of the account: %llu, not %llu", i,
			(unsigned long long)pool->account.part[i],
			(unsigned long long)audit->part[i]);
		used += audit->part[i];
	}
	expect(audit, used == pool->account.used && used <= pool->account.budget, "used bytes");
	for (int i = BOARD_FILLING; i <= BOARD_PURGED; i++)
		expect(audit, audit->bitmaps[i] == pool->bitmaps[i], "count of slots in state %d",
			i);
	expect(audit,
		audit->slab_allocated == pool->slab_allocated &&
			audit->slab_stray == pool->slab_stray,
		"pages of slabs");
	expect(audit, regions == pool->region_count && regions == audit->regions,
		"%u regions, %u of them in use", regions, audit->regions);
	expect(audit,
		audit->pinned_bitmaps == pool->pinned_bitmaps &&
			audit->pinned_bytes == pool->pinned_bytes,
		"pinned ones");
	expect(audit,
		audit->due == pool->due.count && audit->ready == pool->ready.count &&
			audit->idle == pool->idle.count,
		"members of the heaps");
	expect(audit,
		heap_check(&pool->due) && order_check(&pool->ready) && order_check(&pool->idle),
		"order of the heaps");
}

int pool_check(struct pool *pool, char *text, size_t size)
{
	struct audit audit = {.pool = pool, .text = text, .size = size};
	uint32_t kept = 0;
	for (uint32_t i = 0; i < pool->slots_made && !audit.failed; i++) {
		if (pool->slot[i])
			audit_slot(&audit, pool->slot[i]);
	}
	for (uint32_t i = 0; i < pool->holders_made && !audit.failed; i++) {
		if (pool->holder[i])
			audit_holder(&audit, pool->holder[i]);
	}
	for (struct list *at = pool->slabs.next; at != &pool->slabs && !audit.failed; at = at->next)
		audit_slab(&audit, CONTAINER_OF(at, struct slab, all));
	for (struct list *at = pool->kept.next; at != &pool->kept; at = at->next, kept++) {
		audit.part[ACCOUNT_KEPT] += region_charge(CONTAINER_OF(at, struct region, kept));
		audit.regions++;
	}
	expect(&audit, kept == pool->kept_count, "count of kept regions");
	audit_readonly(&audit);
	audit_lent(&audit);
	audit_totals(&audit);
	return audit.failed ? -EUCLEAN : 0;
}
