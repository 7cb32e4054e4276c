/* See pinned.h. */
#include "pinned.h"

#include "holder.h"

#include "common/util.h"

int pinned_make_space(struct pool_holder *holder, uint32_t number)
{
	uint32_t whole = number - number % BOARD_PAGE_SLOTS + BOARD_PAGE_SLOTS;
	int r = bits_reserve(&holder->pinned, whole);
	return r < 0 ? r : bits_reserve(&holder->visible, whole);
}

/* ---- sums ---- */

static void count_for_holders(struct pool *pool, const struct pool_slot *slot, bool ready)
{
	struct pool_holder *holder;
	for (uint32_t at = 0; (holder = holder_next(pool, slot, &at));) {
		if (bits_test(&holder->pinned, slot->number))
			holder->pinned_bytes += ready ? slot->charge : -slot->charge;
	}
}

void pinned_enter(struct pool *pool, struct pool_slot *slot)
{
	if (slot->pinned_by == 0)
		return;
	pool->pinned_bitmaps++;
	pool->pinned_bytes += slot->charge;
	count_for_holders(pool, slot, true);
}

void pinned_leave(struct pool *pool, struct pool_slot *slot)
{
	if (slot->pinned_by == 0)
		return;
	pool->pinned_bitmaps--;
	pool->pinned_bytes -= slot->charge;
	count_for_holders(pool, slot, false);
}

static void add_pin(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	bool first = slot->pinned_by++ == 0;
	if (slot->state != BOARD_READY)
		return;
	holder->pinned_bytes += slot->charge;
	pool->pinned_bitmaps += first;
	pool->pinned_bytes += first ? slot->charge : 0;
}

static void take_pin(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	bool last = --slot->pinned_by == 0;
	if (slot->state != BOARD_READY)
		return;
	holder->pinned_bytes -= slot->charge;
	pool->pinned_bitmaps -= last;
	pool->pinned_bytes -= last ? slot->charge : 0;
}

void pinned_join(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	slot->seen_by += bits_test(&holder->visible, slot->number);
	if (bits_test(&holder->pinned, slot->number))
		add_pin(pool, holder, slot);
}

void pinned_part(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	slot->seen_by -= bits_test(&holder->visible, slot->number);
	if (bits_test(&holder->pinned, slot->number))
		take_pin(pool, holder, slot);
}

/* ---- reading ---- */

static void put(struct bits *bits, uint32_t number, bool set)
{
	if (set)
		bits_set(bits, number); /* there is space */
	else
		bits_clear(bits, number);
}

/* A stamp from the future counts as now. It may be only that nobody has told us the time since: it
 * is looked at again. */
static void take_stamp(struct pool *pool, const struct pool_holder *holder, struct pool_slot *slot)
{
	uint64_t now_ms = pool->now_ns / NS_PER_MS;
	uint64_t stamp_ms = board_last_use_ms(holder->pins, slot->number, UINT64_MAX);
	if (stamp_ms > now_ms)
		board_mark(holder->pins, slot->number);
	slot->last_use_ns = max_u64(slot->last_use_ns, min_u64(stamp_ms, now_ms) * NS_PER_MS);
}

/* What is read is remembered for slots, too, that @holder was not told of: it may be yet. Only sums
 * are of those that it was told of. */
static void read_slot(struct pool *pool, struct pool_holder *holder, uint32_t number)
{
	uint32_t count = board_count(holder->pins, number);
	struct pool_slot *slot = bits_test(&holder->told, number) ? pool_find(pool, number) : NULL;
	if (slot)
		pinned_part(pool, holder, slot);
	put(&holder->pinned, number, count != 0);
	put(&holder->visible, number, board_is_visible(holder->pins, number));
	if (!slot)
		return;
	pinned_join(pool, holder, slot);
	take_stamp(pool, holder, slot);
	if (count > BOARD_PINS_MAX)
		holder_misbehaves(pool, holder);
}

void pinned_read(struct pool *pool, struct pool_holder *holder, uint32_t number)
{
	/* seq_cst: before the count is read; pairs with board_mark. */
	board_take_mark(holder->pins, number);
	read_slot(pool, holder, number);
}

static void read_marked(struct pool *pool, struct pool_holder *holder, uint32_t page)
{
	for (uint64_t left = board_take_marks(holder->pins, page); left; left &= left - 1)
		read_slot(pool, holder, page * BOARD_PAGE_SLOTS + (uint32_t)__builtin_ctzll(left));
}

/* Of 64 pages. Where it was told of nothing marks and flags stay: what is there is nobody's business
 * yet, and there may be no space to remember it. Most flagged pages have no marks, since slots are
 * looked at one by one, too; of those nothing but the marks is read. */
static void read_flagged(
	struct pool *pool, struct pool_holder *holder, struct board_head *head, uint32_t index)
{
	uint64_t untold = 0;
	for (uint64_t left = board_take_flags(head, index); left; left &= left - 1) {
		uint32_t bit = (uint32_t)__builtin_ctzll(left), page = index * 64 + bit;
		if (!board_has_marks(holder->pins, page))
			continue;
		if (bits_word(&holder->told, page) != 0)
			read_marked(pool, holder, page);
		else
			untold |= UINT64_C(1) << bit;
	}
	if (untold)
		board_flag(head, index, untold);
}

void pinned_look_at_told(struct pool *pool, struct pool_holder *holder)
{
	for (uint32_t page = 0; page * BOARD_PAGE_SLOTS < pool->slots_made; page++)
		if (bits_word(&holder->told, page) != 0)
			read_marked(pool, holder, page);
}

/* As the flags tell: who leaves them out cheats in sums. Of a holder whose board is as it was,
 * nothing is read but its flags. */
void pinned_count(struct pool *pool, uint32_t *ret_bitmaps, uint64_t *ret_bytes)
{
	/* They are out of the cache, each in a page of its own. */
	for (uint32_t i = 0; i < pool->holders_made; i++)
		if (pool->holder[i])
			__builtin_prefetch(heads_at(&pool->heads, i)->flag);
	for (uint32_t i = 0; i < pool->holders_made; i++) {
		if (!pool->holder[i])
			continue;
		struct board_head *head = heads_at(&pool->heads, i);
		for (uint32_t at = 0; at * BOARD_FLAG_SLOTS < pool->slots_made; at++)
			if (board_has_flags(head, at))
				read_flagged(pool, pool->holder[i], head, at);
	}
	*ret_bitmaps = pool->pinned_bitmaps;
	*ret_bytes = pool->pinned_bytes;
}
