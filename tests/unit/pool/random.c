/* A hundred thousand random operations by several consumers, the books checked after each, and what
 * is pinned read. */
#include "support.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifdef MURAL_SANITIZED
enum { STEPS = 15000 };
#else
enum { STEPS = 100000 };
#endif

enum { CONSUMERS = 5, ENTRIES = 48, KERNEL_STEPS = 50 };

#define BUDGET (12 * MIB)

struct entry {
	struct pool_slot *slot; /* NULL: free */
	uint32_t seed;
	bool told[CONSUMERS];
	uint32_t pins[CONSUMERS];
	uint64_t generation; /* of those pins */
};

static struct fixture f;
static struct consumer consumer[CONSUMERS];
static struct entry entry[ENTRIES];
static uint64_t granted_ns; /* when the last grant was given */
static unsigned refused, adopted;
static struct pool_scratch *scratch; /* lent; NULL: none */

/* ---- pixels: a word on each page, and the last ---- */

static uint64_t step_of(uint64_t size, uint64_t at)
{
	return at + 4096 < size ? at + 4096 : at + 4 < size ? size - 4 : size;
}

static uint32_t word_of(uint32_t seed, uint64_t at)
{
	return (seed * 31 + (uint32_t)at) * UINT32_C(2654435761) | 1;
}

static void fill_sparsely(const struct entry *e)
{
	int fd = -1;
	uint64_t offset = 0, length = 0, size = pool_slot_bitmap(e->slot)->size_bytes;
	pool_window(e->slot, &fd, &offset, &length);
	char *pixels = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	cr_assert_neq(pixels, MAP_FAILED);
	for (uint64_t at = 0; at < size; at = step_of(size, at))
		*(uint32_t *)(void *)(pixels + at) = word_of(e->seed, at);
	munmap(pixels, length);
}

static void verify_sparsely(const struct entry *e)
{
	int fd = -1;
	uint64_t region = 0, region_size = 0, offset = 0,
		 size = pool_slot_bitmap(e->slot)->size_bytes;
	pool_slot_place(e->slot, &region, &region_size, &offset);
	cr_assert_eq(slot_share(&f, e->slot, &fd), 0);
	const char *base = mmap(NULL, region_size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(base, MAP_FAILED);
	for (uint64_t at = 0; at < size; at = step_of(size, at))
		cr_assert_eq(*(const uint32_t *)(const void *)(base + offset + at),
			word_of(e->seed, at), "byte %llu", (unsigned long long)at);
	munmap((void *)(uintptr_t)base, region_size);
	close(fd);
}

/* A reader that looks where there is none of its pixels, and so fills a hole. */
static void read_anywhere(const struct entry *e)
{
	int fd = -1;
	uint64_t region = 0, region_size = 0, offset = 0;
	pool_slot_place(e->slot, &region, &region_size, &offset);
	cr_assert_eq(slot_share(&f, e->slot, &fd), 0);
	uint64_t at = (uint64_t)rand() % (region_size / page_bytes()) * page_bytes();
	const char *page = mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, fd, (off_t)at);
	cr_assert_neq(page, MAP_FAILED);
	(void)*(volatile const char *)page;
	munmap((void *)(uintptr_t)page, page_bytes());
	close(fd);
}

/* ---- the model ---- */

static bool is_pinned(const struct entry *e)
{
	for (int i = 0; i < CONSUMERS; i++) {
		if (e->pins[i] > 0)
			return true;
	}
	return false;
}

static void on_forgotten(struct fixture *fixture, struct pool_slot *slot)
{
	(void)fixture;
	for (int i = 0; i < ENTRIES; i++) {
		if (entry[i].slot != slot)
			continue;
		cr_assert_not(is_pinned(&entry[i]));
		entry[i] = (struct entry){0};
	}
}

static struct entry *any(enum board_state state)
{
	int start = rand() % ENTRIES;
	for (int i = 0; i < ENTRIES; i++) {
		struct entry *e = &entry[(start + i) % ENTRIES];
		if (e->slot && pool_slot_state(e->slot) == state)
			return e;
	}
	return NULL;
}

static struct entry *vacant(void)
{
	for (int i = 0; i < ENTRIES; i++) {
		if (!entry[i].slot)
			return &entry[i];
	}
	return NULL;
}

/* ---- operations ---- */

/* Told that there is no room: then there is none, unless a grant holds it. */
static int reserve(
	const struct pool_bitmap *bitmap, struct pool_holder *holder, struct pool_slot **ret)
{
	int r = pool_reserve(f.pool, bitmap, getuid(), holder, f.now, ret);
	if (r != -ENOSPC)
		return r;
	refused++;
	if (f.now - granted_ns <= 2000 * MS)
		return r;
	pool_tick(f.pool, f.now);
	r = pool_reserve(f.pool, bitmap, getuid(), holder, f.now, ret);
	struct mural_stats s = stats_of(&f);
	cr_assert(r == 0 || s.budget_bytes - s.pinned_bytes - s.filling_bytes - s.overhead_bytes <
				    bitmap->size_bytes + MIB);
	return r;
}

/* A decoder that finds the size out itself, and perhaps dies of it. */
static void do_lend(void)
{
	struct entry *e = vacant();
	struct pool_slot *slot = NULL;
	struct pool_bitmap bitmap = bitmap_of(400 * (uint64_t)(rand() % 500 + 1));
	if (e && !scratch) {
		uid_t uid = getuid() + (rand() % 8 == 0);
		int r = pool_scratch_lend(
			f.pool, 400 * (uint64_t)(rand() % 500 + 1), uid, f.now, &scratch);
		cr_assert(r == 0 || r == -ENOSPC, "%d", r);
		return;
	}
	struct pool_scratch *lent = scratch;
	scratch = NULL;
	if (!e || rand() % 4 == 0) {
		pool_scratch_give_back(f.pool, lent);
		return;
	}
	struct pool_holder *holder = rand() % 2 ? consumer[rand() % CONSUMERS].holder : NULL;
	int r = pool_reserve_decoded(f.pool, &bitmap, lent, getuid(), holder, f.now, &slot);
	cr_assert(r == 0 || r == -ENOSPC || r == -EDQUOT || r == -EINVAL, "%d", r);
	if (r < 0)
		return;
	adopted++;
	e = vacant();
	*e = (struct entry){.slot = slot, .seed = (uint32_t)rand()};
}

static void do_reserve(void)
{
	struct entry *e = vacant();
	uint64_t size = rand() % 3 ? 4 * (uint64_t)(rand() % 50000 + 100)
				   : MIB + 4096 * (uint64_t)(rand() % 100);
	struct pool_bitmap bitmap = bitmap_of(size / 400 * 400);
	struct pool_slot *slot = NULL;
	if (!e)
		return;
	struct pool_holder *holder = rand() % 2 ? consumer[rand() % CONSUMERS].holder : NULL;
	int r = reserve(&bitmap, holder, &slot);
	cr_assert(r == 0 || r == -ENOSPC || r == -EDQUOT, "%d", r);
	if (r < 0)
		return;
	e = vacant(); /* others may have been forgotten meanwhile */
	*e = (struct entry){.slot = slot, .seed = (uint32_t)rand()};
}

static struct pool_scratch *stray; /* what a decoder has that does not go */

static void do_finish(void)
{
	struct entry *e = any(BOARD_FILLING);
	if (!e)
		return;
	if (rand() % 8 == 0) {
		pool_abandon(f.pool, e->slot);
		return;
	}
	if (rand() % 8 == 0 && !stray &&
		pool_slot_bitmap(e->slot)->size_bytes >= POOL_LARGE_BYTES) {
		cr_assert_eq(pool_scratch_leave(f.pool, e->slot, &stray), 0);
		return;
	}
	if (rand() % 8 == 0)
		pool_scratch_give_back(f.pool, take_ptr(&stray));
	fill_sparsely(e);
	cr_assert_eq(pool_publish(f.pool, e->slot, (uint64_t)rand(), rand() % 4 == 0, f.now), 0);
	e->generation = pool_slot_generation(e->slot);
}

static void do_refill(void)
{
	struct entry *e = any(BOARD_PURGED);
	if (!e)
		return;
	cr_assert_not(is_pinned(e));
	int r = pool_refill(
		f.pool, e->slot, rand() % 2 ? consumer[rand() % CONSUMERS].holder : NULL, f.now);
	cr_assert(r == 0 || r == -ENOSPC || r == -EDQUOT, "%d", r);
}

static bool tell(struct entry *e, int i, bool grant)
{
	int r = pool_tell(f.pool, e->slot, consumer[i].holder, grant, f.now);
	cr_assert(r == 0 || r == -EACCES);
	e->told[i] |= r == 0;
	if (r == 0 && grant)
		granted_ns = f.now;
	return r == 0;
}

static void do_tell(void)
{
	struct entry *e = any((enum board_state)(BOARD_FILLING + rand() % 4));
	if (e)
		tell(e, rand() % CONSUMERS, rand() % 3 == 0);
}

static void pin(struct entry *e, int i)
{
	enum board_pin_result result = consumer_pin(&consumer[i], e->slot);
	if (result == BOARD_ASK) {
		int r = pool_revive(f.pool, e->slot, consumer[i].holder, f.now);
		cr_assert(r == 0 || r == -EDQUOT);
		if (r < 0)
			return;
		tell(e, i, true);
		result = consumer_pin(&consumer[i], e->slot);
		cr_assert_eq(result, BOARD_PINNED);
	}
	if (result == BOARD_PINNED) {
		e->pins[i]++;
		verify_sparsely(e);
	}
}

static void do_pin(void)
{
	struct entry *e = any(rand() % 2 ? BOARD_READY : BOARD_IDLE);
	int i = rand() % CONSUMERS;
	if (e && (e->told[i] || tell(e, i, rand() % 2)))
		pin(e, i);
}

static void unpin(struct entry *e, int i)
{
	e->pins[i]--;
	if (consumer_unpin(&consumer[i], e->slot))
		pool_nudge(f.pool, e->slot, f.now);
}

static void do_read(void)
{
	struct entry *e = any(rand() % 2 ? BOARD_READY : BOARD_IDLE);
	if (e)
		read_anywhere(e);
}

static void do_unpin(void)
{
	struct entry *e = any(BOARD_READY);
	for (int i = 0; e && i < CONSUMERS; i++) {
		if (e->pins[i] > 0)
			unpin(e, i);
	}
}

static void do_release(void)
{
	struct entry *e = &entry[rand() % ENTRIES];
	int i = rand() % CONSUMERS;
	if (!e->slot)
		return;
	bool told = e->told[i], keeps = e->pins[i] > 0;
	if (keeps && rand() % 4)
		return;
	e->told[i] = keeps;
	cr_assert_eq(pool_release(f.pool, e->slot, consumer[i].holder), told ? 0 : -ENOENT);
	if (keeps) { /* and told again, so that the model need not know when it is forgotten */
		cr_assert(tell(e, i, false));
	}
}

static void do_time(void)
{
	pass(&f, (uint64_t)(rand() % 600) * MS);
}

static void do_shrink(void)
{
	uint64_t purgeable = pool_purgeable_bytes(f.pool),
		 ask = (uint64_t)(rand() % 3) * MIB / 2 + 1;
	uint64_t freed = pool_shrink(f.pool, ask, f.now);
	cr_assert(freed <= ask + 2 * MIB);
	cr_assert(freed <= purgeable + BUDGET);
}

static void do_purge(void)
{
	pool_purge(f.pool, f.now);
	for (int i = 0; i < ENTRIES; i++) {
		if (!entry[i].slot || is_pinned(&entry[i]))
			continue;
		cr_assert_neq(pool_slot_state(entry[i].slot), BOARD_IDLE);
	}
}

static void do_mark(void)
{
	struct entry *e = &entry[rand() % ENTRIES];
	int i = rand() % CONSUMERS;
	if (e->slot && e->told[i])
		consumer_show(&consumer[i], e->slot, (uint32_t)rand() % 2);
	pool_set_waiters(f.pool, rand() % 4 == 0);
}

/* A consumer dies with whatever it has pinned, and another comes. */
static void do_die(void)
{
	int i = rand() % CONSUMERS;
	for (int k = 0; k < ENTRIES; k++) {
		entry[k].told[i] = false;
		entry[k].pins[i] = 0;
	}
	consumer_fini(&f, &consumer[i]);
	consumer_init(&f, &consumer[i], i == 0 ? getuid() + 1 : getuid());
}

static void do_something(void)
{
	static const struct {
		int weight;
		void (*operate)(void);
	} table[] = {{20, do_reserve}, {8, do_lend}, {25, do_finish}, {8, do_refill}, {15, do_tell},
		{25, do_pin}, {25, do_unpin}, {8, do_release}, {20, do_time}, {4, do_shrink},
		{1, do_purge}, {5, do_mark}, {1, do_die}, {8, do_read}};
	int all = 0, k = 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		all += table[i].weight;
	for (int left = rand() % all; left >= table[k].weight; k++)
		left -= table[k].weight;
	table[k].operate();
}

static void check_pinned(int step)
{
	for (int i = 0; i < ENTRIES; i++) {
		if (!entry[i].slot || !is_pinned(&entry[i]))
			continue;
		cr_assert_eq(pool_slot_state(entry[i].slot), BOARD_READY);
		cr_assert_eq(pool_slot_generation(entry[i].slot), entry[i].generation);
		if (i == step % ENTRIES)
			verify_sparsely(&entry[i]);
	}
}

/* What stat says without asking is what the kernel says. */
static void check_kernel(void)
{
	pool_tick(f.pool, f.now); /* closes what was emptied, which no longer counts */
	uint64_t told = stats_of(&f).allocated_bytes, is = kernels_bytes();
	cr_assert_eq(told, is, "%llu, the kernel %llu", (unsigned long long)told,
		(unsigned long long)is);
}

Test(random, a_hundred_thousand_operations, .timeout = 280)
{
	fixture_init_with(&f, &(struct pool_options){
				      .budget_bytes = BUDGET,
				      .idle_ns = IDLE_NS,
				      .keep_bytes = UINT64_MAX,
				      .holder_pinned_bytes = BUDGET / 2,
			      });
	f.on_forgotten = on_forgotten;
	for (int i = 0; i < CONSUMERS; i++)
		consumer_init(&f, &consumer[i], i == 0 ? getuid() + 1 : getuid());
	srand(11);
	for (int step = 0; step < STEPS; step++) {
		do_something();
		check(&f);
		check_pinned(step);
		if (step % KERNEL_STEPS == 0)
			check_kernel();
	}
	struct mural_stats s = stats_of(&f);
	cr_log_info("%llu purges, %llu reuses, %llu idle, %llu revived, %u refused",
		(unsigned long long)s.purges, (unsigned long long)s.reuses,
		(unsigned long long)s.idle_unpins, (unsigned long long)s.pins_revived, refused);
	cr_assert(s.purges > 0 && s.reuses > 0 && s.idle_unpins > 0 && s.pins_revived > 0 &&
		  refused > 0 && adopted > 0);
	for (int i = 0; i < CONSUMERS; i++)
		consumer_fini(&f, &consumer[i]);
	fixture_fini(&f);
}
