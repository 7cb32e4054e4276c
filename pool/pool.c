/* The calls of pool/pool.h: what is allowed when, in terms of the parts. */
#include "holder.h"
#include "idle.h"
#include "keep.h"
#include "pinned.h"
#include "readonly.h"
#include "room.h"
#include "scratch.h"
#include "slab.h"

#include "common/shared_file.h"
#include "common/util.h"

#include <mural/pixel.h>
#include <sys/mman.h>

#define KEEP_BYTES_MAX ((uint64_t)128 << 20)

/* A hundred years: added to a time it does not wrap. */
#define IDLE_NS_MAX (UINT64_C(3155760000000) * NS_PER_MS)

/* A look at a slot that 64 holders know, and have changed, takes 2 us: what else the caller's loop
 * has to do waits half a millisecond. */
enum { LOOKS_A_TICK = 256 };

static void fill_in_defaults(struct pool_options *options)
{
	if (options->keep_bytes == UINT64_MAX)
		options->keep_bytes = min_u64(options->budget_bytes / 8, KEEP_BYTES_MAX);
	if (options->holder_pinned_bytes == UINT64_MAX)
		options->holder_pinned_bytes = options->budget_bytes - options->budget_bytes / 8;
	options->idle_ns = min_u64(options->idle_ns, IDLE_NS_MAX);
}

static int make_table(struct pool *pool)
{
	CLEANUP(close_p) int fd = -1;
	int r = board_create_table(&pool->options.instance, &fd, &pool->table);
	if (r < 0)
		return r;
	pool->table_fd = shared_file_readonly(fd);
	return pool->table_fd < 0 ? pool->table_fd : 0;
}

int pool_create(const struct pool_options *options, uint64_t now_ns, struct pool **ret)
{
	if (options->budget_bytes == 0)
		return -EINVAL;
	struct pool *pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->options = *options;
	fill_in_defaults(&pool->options);
	pool->account.budget = options->budget_bytes;
	pool->table_fd = -1;
	pool->now_ns = now_ns;
	pool->mend_ns = NEVER;
	pool->due.before = idle_due_before;
	order_init(&pool->ready);
	order_init(&pool->idle);
	list_init(&pool->regions);
	list_init(&pool->kept);
	list_init(&pool->slabs);
	list_init(&pool->unsettled);
	list_init(&pool->emptied);
	list_init(&pool->readonly);
	pool->readonly_max = readonly_limit();
	list_init(&pool->lent);
	int r = region_probe(pool);
	huge_init(&pool->huge, !pool->device);
	if (r == 0)
		r = make_table(pool);
	if (r < 0) {
		pool_destroy(pool);
		return r;
	}
	*ret = pool;
	return 0;
}

/* Slots, slabs and regions are closed as they are: whoever has them mapped goes on reading. */
static void close_memory(struct pool *pool)
{
	for (uint32_t i = 0; i < pool->slots_made; i++) {
		if (pool->slot[i])
			slot_free(pool->slot[i]);
	}
	scratch_forget_all(pool);
	while (!list_empty(&pool->slabs))
		slab_close(pool, CONTAINER_OF(pool->slabs.next, struct slab, all));
	while (!list_empty(&pool->regions))
		region_close(pool, CONTAINER_OF(pool->regions.next, struct region, all));
	region_close_emptied(pool);
}

void pool_destroy(struct pool *pool)
{
	if (!pool)
		return;
	close_memory(pool);
	for (uint32_t i = 0; i < pool->holders_made; i++) {
		if (pool->holder[i])
			holder_free(pool->holder[i]);
	}
	board_unmap_table(pool->table);
	close_p(&pool->table_fd);
	free(pool->slot);
	free(pool->free_number);
	free(pool->holder);
	heads_fini(&pool->heads);
	free(pool);
}

int pool_table_fd(const struct pool *pool)
{
	return pool->table_fd;
}

/* ---- holders ---- */

static void part(struct pool *pool, struct pool_holder *holder, struct pool_slot *slot)
{
	pinned_look(pool, holder, slot->number);
	bool pinned = bits_test(&holder->pinned, slot->number);
	holder_remove(pool, holder, slot);
	if (slot->state == BOARD_READY) {
		if (pinned)
			slot->last_use_ns = max_u64(slot->last_use_ns, pool->now_ns);
		if (slot->blocked)
			idle_expect(pool, slot, slot->last_use_ns, pool->now_ns);
	}
	slot_forget_if_unknown(pool, slot);
}

void pool_holder_destroy(struct pool *pool, struct pool_holder *holder)
{
	for (uint32_t number = 0; (number = bits_next(&holder->told, number)) != BITS_NONE;
		number++)
		part(pool, holder, pool->slot[number]);
	pool->holder[holder->index] = NULL;
	heads_unmap(&pool->heads, holder->index);
	holder_free(holder);
}

/* ---- a bitmap's life ---- */

static bool is_bitmap(const struct pool_bitmap *bitmap)
{
	uint32_t stride = 0;
	uint64_t size = 0;
	return mural_bitmap_layout(bitmap->format, bitmap->width, bitmap->height, &stride, &size) &&
	       stride == bitmap->stride_bytes && size == bitmap->size_bytes;
}

/* @scratch: memory that the bitmap lies in already, taken once there is a slot; or NULL in it. */
static int reserve(struct pool *pool, const struct pool_bitmap *bitmap, uid_t uid,
	struct pool_holder *holder, uint64_t now_ns, struct region **scratch,
	struct pool_slot **ret)
{
	struct pool_slot *slot = NULL;
	pool->now_ns = now_ns;
	if (!is_bitmap(bitmap))
		return -EINVAL;
	if (!slot_is_possible(pool, bitmap->size_bytes))
		return -EFBIG;
	int r = holder_check_quota(pool, holder, bitmap->size_bytes);
	if (r < 0)
		return r;
	r = slot_create(pool, bitmap, holder ? holder->uid : uid, &slot);
	if (r < 0)
		return r;
	slot->scratch = take_ptr(scratch);
	r = slot_get_memory(pool, slot, now_ns);
	keep_trim(pool);
	if (r < 0) {
		slot_retire(pool, slot);
		return r;
	}
	slot_enter(pool, slot, BOARD_FILLING);
	*ret = slot;
	return 0;
}

int pool_reserve(struct pool *pool, const struct pool_bitmap *bitmap, uid_t uid,
	struct pool_holder *holder, uint64_t now_ns, struct pool_slot **ret)
{
	struct region *none = NULL;
	return reserve(pool, bitmap, uid, holder, now_ns, &none, ret);
}

int pool_reserve_decoded(struct pool *pool, const struct pool_bitmap *bitmap,
	struct pool_scratch *scratch, uid_t uid, struct pool_holder *holder, uint64_t now_ns,
	struct pool_slot **ret)
{
	struct region *region = scratch->region;
	if (scratch->slots)
		return -EINVAL;
	int r = -EINVAL;
	if (bitmap->size_bytes < POOL_LARGE_BYTES && bitmap->size_bytes <= region->capacity &&
		region->uid == (holder ? holder->uid : uid))
		r = reserve(pool, bitmap, uid, holder, now_ns, &region, ret);
	scratch->slots = r == 0;
	return r;
}

int pool_refill(
	struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, uint64_t now_ns)
{
	pool->now_ns = now_ns;
	if (slot->state != BOARD_PURGED)
		return -EINVAL;
	int r = holder_check_quota(pool, holder, slot->bitmap.size_bytes);
	if (r < 0)
		return r;
	r = slot_get_memory(pool, slot, now_ns);
	keep_trim(pool);
	if (r < 0)
		return r;
	slot->remembered = true;
	slot_enter(pool, slot, BOARD_FILLING);
	return 0;
}

void pool_window(
	const struct pool_slot *slot, int *ret_fd, uint64_t *ret_offset, uint64_t *ret_length)
{
	uint64_t length = slot->scratch ? slot->charge : slot->region->capacity;
	*ret_fd = slot->scratch ? slot->scratch->fd : slot->region->fd;
	*ret_offset = 0;
	*ret_length = length;
}

enum pool_filling pool_window_filling(
	const struct pool *pool, const struct pool_slot *slot, uint64_t now_ns)
{
	const struct region *region = slot->region;
	/* Pages that are there are mapped in less time than it takes to copy into them. */
	if (!region || pool->device || pool->huge.from != NEVER ||
		region_allocated(region) >= region->capacity / 8 * 7)
		return POOL_MAP;
	return huge_may_collapse(&pool->huge, region->capacity, now_ns) ? POOL_COLLAPSE
									: POOL_WRITE;
}

void pool_collapsed(struct pool *pool, bool good, uint64_t now_ns)
{
	huge_collapsed(&pool->huge, good, now_ns);
}

/* The device can not give away a descriptor that only reads: the mask must say it, and then nobody
 * writes there again. */
static int close_for_writing(const struct pool *pool, const struct region *region)
{
	return pool->device && ashmem_set_prot_region(region->fd, PROT_READ) < 0 ? -errno : 0;
}

static bool is_bounce(const struct pool *pool, const struct pool_slot *slot)
{
	return slot->remembered &&
	       pool->passed_bytes - slot->purged_at_bytes < pool->account.budget;
}

int pool_publish(struct pool *pool, struct pool_slot *slot, uint64_t cost_ns, bool prefetched,
	uint64_t now_ns)
{
	pool->now_ns = now_ns;
	if (slot->state != BOARD_FILLING)
		return -EINVAL;
	int r = slot->slab ? slab_fill(pool, slot->slab, slot->offset, slot->charge, slot->scratch,
				     &slot->bitmap)
			   : close_for_writing(pool, slot->region);
	if (r < 0)
		return r;
	slot_drop_scratch(pool, slot);
	keep_trim(pool);
	slot->generation = ++pool->last_generation;
	order_learn_cost(slot, cost_ns);
	if (is_bounce(pool, slot))
		thrash_bounce(&pool->thrash, slot->cost_ns, now_ns);
	slot->never_seen = prefetched && bits_empty(&slot->told);
	slot_enter_ready(pool, slot, now_ns);
	return 0;
}

void pool_abandon(struct pool *pool, struct pool_slot *slot)
{
	slot_drop_memory(pool, slot, SLOT_KEEP);
	keep_trim(pool);
	slot_abandon(pool, slot);
}

int pool_tell(struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, bool grant,
	uint64_t now_ns)
{
	pool->now_ns = now_ns;
	if (slot->bitmap.size_bytes < POOL_LARGE_BYTES && holder->uid != slot->uid)
		return -EACCES;
	bool new = !bits_test(&slot->told, holder->index);
	int r = holder_add(pool, holder, slot);
	if (r < 0)
		return r;
	if (grant && slot->state == BOARD_READY)
		r = grant_add(slot, holder, new, now_ns);
	if (r < 0) {
		if (new)
			holder_remove(pool, holder, slot);
		return r;
	}
	bits_clear(&holder->leaving, slot->number);
	if (slot->region && holder->uid != slot->uid)
		slot->region->foreign = true;
	/* Its place among the victims is put right when its turn comes. */
	slot->last_use_ns = max_u64(slot->last_use_ns, now_ns);
	slot->never_seen = false;
	return 0;
}

int pool_release(struct pool *pool, struct pool_slot *slot, struct pool_holder *holder)
{
	if (!bits_test(&holder->told, slot->number))
		return -ENOENT;
	grant_end(slot, holder);
	/* Still pinned by it? Then it is remembered until it is not: nobody's mistake may purge
	 * what is in use. */
	if (slot->state == BOARD_READY && board_count(holder->pins, slot->number) != 0) {
		int r = bits_set(&holder->leaving, slot->number);
		slot->leaving |= r == 0;
		return 0;
	}
	holder_remove(pool, holder, slot);
	if (slot->blocked) /* by this one's grant, perhaps: that is over */
		idle_expect(pool, slot, slot->last_use_ns, pool->now_ns);
	slot_forget_if_unknown(pool, slot);
	return 0;
}

static int revive_idle(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	uint64_t length = slot->region ? slot->region->capacity : slot->charge;
	if (ashmem_handle_pin(slot_region(slot)->handle, slot->offset, length) !=
		ASHMEM_NOT_PURGED) {
		/* Purged by the kernel; or the control block is damaged, and then nobody can say
		 * that it was not. Not forgotten here, known to anybody or not: the caller is about
		 * to decode it again. */
		slot_purge(pool, slot, SLOT_PUNCH);
		return 1;
	}
	slot_enter_ready(pool, slot, now_ns);
	pool->pins_revived++;
	return 0;
}

int pool_revive(
	struct pool *pool, struct pool_slot *slot, struct pool_holder *holder, uint64_t now_ns)
{
	int r;
	pool->now_ns = now_ns;
	switch (slot->state) {
	case BOARD_READY:
		slot->last_use_ns = max_u64(slot->last_use_ns, now_ns);
		return 0;
	case BOARD_IDLE:
		r = holder_check_quota(pool, holder, slot->bitmap.size_bytes);
		return r < 0 ? r : revive_idle(pool, slot, now_ns);
	default:
		return 1;
	}
}

void pool_nudge(struct pool *pool, struct pool_slot *slot, uint64_t now_ns)
{
	pool->now_ns = now_ns;
	/* Any other is looked at soon enough, and nudging again and again must not put that off. */
	if (slot->blocked)
		idle_expect(pool, slot, now_ns, now_ns);
}

/* ---- facts about a slot ---- */

uint32_t pool_slot_number(const struct pool_slot *slot)
{
	return slot->number;
}

uint64_t pool_slot_generation(const struct pool_slot *slot)
{
	return slot->generation;
}

enum board_state pool_slot_state(const struct pool_slot *slot)
{
	return slot->state;
}

const struct pool_bitmap *pool_slot_bitmap(const struct pool_slot *slot)
{
	return &slot->bitmap;
}

uint64_t pool_slot_cost_ns(const struct pool_slot *slot)
{
	return slot->cost_ns;
}

void pool_slot_place(const struct pool_slot *slot, uint64_t *ret_region, uint64_t *ret_region_size,
	uint64_t *ret_offset)
{
	const struct region *region = slot_region(slot);
	*ret_region = region->id;
	*ret_region_size = region->capacity;
	*ret_offset = slot->offset;
}

int pool_slot_share(struct pool *pool, const struct pool_slot *slot, int *ret_fd)
{
	struct region *region = slot_region(slot);
	int r = readonly_lend(pool, region, ret_fd);
	region->shared |= r == 0;
	return r;
}

struct pool_slot *pool_find(const struct pool *pool, uint32_t number)
{
	return number < pool->slots_made ? pool->slot[number] : NULL;
}

void pool_slot_set_user(struct pool_slot *slot, void *user)
{
	slot->user = user;
}

void *pool_slot_user(const struct pool_slot *slot)
{
	return slot->user;
}

/* ---- memory ---- */

uint64_t pool_shrink(struct pool *pool, uint64_t bytes, uint64_t now_ns)
{
	uint64_t freed = 0;
	pool->now_ns = now_ns;
	slab_mend_all(pool);
	while (freed < bytes && room_give_back_one(pool, SLOT_PUNCH, now_ns, &freed)) {
	}
	if (freed < bytes)
		scratch_want_back(pool);
	return freed;
}

uint64_t pool_purge(struct pool *pool, uint64_t now_ns)
{
	/* Also what was seen in use, and by now may be so no more: nobody has to wait for a nudge.
	 */
	for (uint32_t i = 0; i < pool->slots_made; i++) {
		struct pool_slot *slot = pool->slot[i];
		if (slot && slot->state == BOARD_READY && slot->blocked)
			idle_try(pool, slot, now_ns, IDLE_ASKED);
	}
	uint64_t freed = pool_shrink(pool, UINT64_MAX, now_ns);
	region_close_emptied(pool);
	return freed;
}

void pool_set_waiters(struct pool *pool, bool waiting)
{
	/* seq_cst: a consumer whose last unpin did not see it had lowered its count before; look
	 * after setting it. */
	atomic_store_explicit(&pool->table->waiters, waiting, memory_order_seq_cst);
}

bool pool_is_thrashing(struct pool *pool, uint64_t now_ns)
{
	return thrash_look(&pool->thrash, now_ns);
}

bool pool_was_purged_lately(const struct pool *pool, const struct pool_slot *slot)
{
	return slot->state == BOARD_PURGED &&
	       pool->passed_bytes - slot->purged_at_bytes < pool->account.budget;
}

uint64_t pool_purgeable_bytes(const struct pool *pool)
{
	return pool->account.part[ACCOUNT_IDLE] + pool->account.part[ACCOUNT_KEPT];
}

uint64_t pool_held_bytes(const struct pool *pool)
{
	return pool_purgeable_bytes(pool) + pool->account.part[ACCOUNT_READY];
}

void pool_tick(struct pool *pool, uint64_t now_ns)
{
	struct heap_node *top;
	pool->now_ns = now_ns;
	for (int looks = 0; looks < LOOKS_A_TICK && (top = heap_top(&pool->due)); looks++) {
		struct pool_slot *slot = CONTAINER_OF(top, struct pool_slot, due);
		if (slot->due_ns > now_ns)
			break;
		idle_try(pool, slot, now_ns, IDLE_DUE);
	}
	if (now_ns >= pool->mend_ns)
		slab_mend_all(pool);
	region_close_emptied(pool);
}

uint64_t pool_deadline(const struct pool *pool)
{
	if (pool->emptied_count > 0)
		return pool->now_ns;
	struct heap_node *top = heap_top(&pool->due);
	return min_u64(
		top ? CONTAINER_OF(top, struct pool_slot, due)->due_ns : NEVER, pool->mend_ns);
}
