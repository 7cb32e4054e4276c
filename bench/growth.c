/* Does it cost more when there is more? The pool with 100 to 100 000 bitmaps, each known to 1 to 64
 * consumers, beside a pool of 100 bitmaps and one consumer, in turn; and requests for ready bitmaps
 * and mural_stat through libmural and producers (growth_requests.c). What is asked for: pin, tell,
 * request, purge and stat within 1.5.
 *
 *   pin    on the board and the state table, 64 bitmaps spread over all
 *   tell   what the pool does for a request of a ready bitmap: told to a new consumer, released
 *   purge  a bitmap purged, one after another
 *   idle   a bitmap whose idle delay is over is unpinned, and brought back
 *   stat   what `mural stat` asks for, while 64 bitmaps are pinned and the others idle: once with
 *          caches that hold nothing of it, as they are after a picture has been decoded, and again;
 *          and just after all of them have been used, when only the boards know which are pinned
 */
#include "growth_requests.h"
#include "harness/bench.h"

#include "common/util.h"
#include "pool/pool.h"

#include <mural/pixel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 15
#define QUICK_ROUNDS 5
#define SIDE 32 /* a bitmap is one page */
#define SPREAD 64
#define PIN_REPEATS 200
#define IDLE_NS ((uint64_t)1000000000)
#define HOLDERS_MAX 64
#define CACHES_BYTES ((size_t)64 << 20) /* as much as a picture of 16 MP */

struct scene {
	struct bench *bench;
	struct pool *pool;
	struct pool_slot **slot; /* owned array */
	size_t slots, holders;
	struct pool_holder *holder[HOLDERS_MAX], *newcomer;
	const struct board_table *table; /* as the first consumer sees them */
	struct board_pins *pins;
	uint64_t now_ns;
};

static void done(int r, const char *what)
{
	errno = -r;
	bench_must(r >= 0, what);
}

/* ---- a pool with all of that in it ---- */

static void fill(struct scene *scene, struct pool_slot *slot)
{
	int fd;
	uint64_t offset, length;
	uint8_t row[SIDE * 4];
	memset(row, 0x5a, sizeof(row));
	pool_window(slot, &fd, &offset, &length);
	bench_must(pwrite(fd, row, sizeof(row), (off_t)offset) == sizeof(row), "filling a bitmap");
	done(pool_publish(scene->pool, slot, 1000000, false, scene->now_ns), "publish");
}

static void tell_all(struct scene *scene, struct pool_slot *slot)
{
	for (size_t i = 0; i < scene->holders; i++)
		done(pool_tell(scene->pool, slot, scene->holder[i], false, scene->now_ns), "tell");
}

/* As for a consumer that maps it: the pool can no longer be sure that holes stay holes. */
static void share(struct scene *scene, const struct pool_slot *slot)
{
	int fd;
	done(pool_slot_share(scene->pool, slot, &fd), "share");
}

static void add_slot(struct scene *scene, size_t index)
{
	struct pool_bitmap bitmap = {MURAL_FORMAT_XRGB8888, SIDE, SIDE, 0, 0};
	bench_must(mural_bitmap_layout(
			   bitmap.format, SIDE, SIDE, &bitmap.stride_bytes, &bitmap.size_bytes),
		"layout");
	done(pool_reserve(scene->pool, &bitmap, getuid(), NULL, scene->now_ns, &scene->slot[index]),
		"reserve");
	fill(scene, scene->slot[index]);
	tell_all(scene, scene->slot[index]);
	share(scene, scene->slot[index]);
}

static struct scene open_scene(struct bench *bench, size_t slots, size_t holders)
{
	struct scene scene = {.bench = bench,
		.slots = slots,
		.holders = holders,
		.now_ns = monotonic_ns(),
		.slot = calloc(slots, sizeof(*scene.slot))};
	const struct pool_options options = {.budget_bytes = UINT64_C(2) << 30,
		.idle_ns = IDLE_NS,
		.keep_bytes = UINT64_MAX,
		.holder_pinned_bytes = UINT64_MAX,
		.driver = ASHMEM_DRIVER_MEMFD,
		.instance = {1, 2}};
	int fd;
	bench_must(scene.slot != NULL, "memory");
	done(pool_create(&options, scene.now_ns, &scene.pool), "a pool");
	done(pool_holder_create(scene.pool, getuid(), NULL, &scene.newcomer, &fd), "a consumer");
	for (size_t i = 0; i < holders; i++)
		done(pool_holder_create(scene.pool, getuid(), NULL, &scene.holder[i], &fd),
			"a consumer");
	done(board_import_pins(fd, &options.instance, NULL, &scene.pins), "a board");
	done(board_import_table(pool_table_fd(scene.pool), &options.instance, NULL, &scene.table),
		"the state table");
	for (size_t i = 0; i < slots; i++)
		add_slot(&scene, i);
	return scene;
}

static void close_scene(struct scene *scene)
{
	board_unmap_pins(scene->pins);
	board_unmap_table(scene->table);
	pool_destroy(scene->pool);
	free(scene->slot);
}

/* ---- what is measured; ns of one ---- */

/* The @i'th of SPREAD slots spread over all. */
static struct pool_slot *spread(const struct scene *scene, size_t i)
{
	return scene->slot[i * (scene->slots - 1) / (SPREAD - 1)];
}

static double time_pin(void *user)
{
	struct scene *scene = user;
	uint32_t number[SPREAD];
	uint64_t generation[SPREAD];
	for (size_t i = 0; i < SPREAD; i++) {
		number[i] = pool_slot_number(spread(scene, i));
		generation[i] = pool_slot_generation(spread(scene, i));
	}
	double start = bench_now_ns();
	for (int repeat = 0; repeat < PIN_REPEATS; repeat++) {
		for (size_t i = 0; i < SPREAD; i++) {
			bench_must(board_pin(scene->table, scene->pins, number[i], generation[i]) ==
					   BOARD_PINNED,
				"a pin of a ready bitmap");
			board_unpin(scene->table, scene->pins, number[i]);
		}
	}
	return (bench_now_ns() - start) / (PIN_REPEATS * SPREAD);
}

static double time_tell(void *user)
{
	struct scene *scene = user;
	double start = bench_now_ns();
	for (size_t i = 0; i < SPREAD; i++) {
		done(pool_tell(scene->pool, spread(scene, i), scene->newcomer, true, scene->now_ns),
			"tell");
		done(pool_release(scene->pool, spread(scene, i), scene->newcomer), "release");
	}
	return (bench_now_ns() - start) / SPREAD;
}

static double stat_once(struct scene *scene, size_t idle)
{
	struct mural_stats stats = {0};
	double start = bench_now_ns();
	pool_stats(scene->pool, &stats);
	double ns = bench_now_ns() - start;
	bench_check(scene->bench, "stat counts every bitmap",
		stats.pinned_bitmaps == SPREAD && stats.idle_bitmaps == idle &&
			stats.ready_bitmaps == scene->slots - SPREAD - idle);
	return ns;
}

static void pin_spread(struct scene *scene)
{
	for (size_t i = 0; i < SPREAD; i++)
		bench_must(board_pin(scene->table, scene->pins, pool_slot_number(spread(scene, i)),
				   pool_slot_generation(spread(scene, i))) == BOARD_PINNED,
			"a pin of a ready bitmap");
}

static void unpin_spread(struct scene *scene)
{
	for (size_t i = 0; i < SPREAD; i++) {
		if (board_unpin(scene->table, scene->pins, pool_slot_number(spread(scene, i))))
			pool_nudge(scene->pool, spread(scene, i), scene->now_ns);
	}
}

static void let_idle(struct scene *scene)
{
	scene->now_ns += 4 * IDLE_NS;
	while (pool_deadline(scene->pool) <= scene->now_ns)
		pool_tick(scene->pool, scene->now_ns);
}

static void bring_back_all(struct scene *scene)
{
	for (size_t i = 0; i < scene->slots; i++)
		done(pool_revive(scene->pool, scene->slot[i], NULL, scene->now_ns), "revive");
}

static double time_stat_used(void *user)
{
	struct scene *scene = user;
	pin_spread(scene);
	double ns = stat_once(scene, 0);
	unpin_spread(scene);
	return ns;
}

/* Small and large alike: that a small pool's idling leaves more in the caches than a large one's is
 * not what a stat costs. */
static void fill_caches(void)
{
	static char *other;
	if (!other) {
		other = malloc(CACHES_BYTES);
		bench_must(other != NULL, "memory");
	}
	memset(other, 1, CACHES_BYTES);
	__asm__ volatile("" : : "r"(other) : "memory");
}

/* Once, and then @again at once. */
static double time_stat_of_idle(struct scene *scene, bool again)
{
	pin_spread(scene);
	let_idle(scene);
	fill_caches();
	double ns = stat_once(scene, scene->slots - SPREAD);
	if (again)
		ns = stat_once(scene, scene->slots - SPREAD);
	unpin_spread(scene);
	bring_back_all(scene);
	return ns;
}

static double time_stat_cold(void *user)
{
	return time_stat_of_idle(user, false);
}

static double time_stat_again(void *user)
{
	return time_stat_of_idle(user, true);
}

static void refill_purged(struct scene *scene)
{
	for (size_t i = 0; i < scene->slots; i++) {
		struct pool_slot *slot = scene->slot[i];
		if (pool_slot_state(slot) != BOARD_PURGED)
			continue;
		done(pool_refill(scene->pool, slot, NULL, scene->now_ns), "refill");
		fill(scene, slot);
		tell_all(scene, slot);
	}
}

static double time_purge(void *user)
{
	struct scene *scene = user;
	struct mural_stats before = {0}, after = {0};
	pool_stats(scene->pool, &before);
	double start = bench_now_ns();
	pool_shrink(scene->pool, SPREAD * page_bytes(), scene->now_ns);
	double ns = bench_now_ns() - start;
	pool_stats(scene->pool, &after);
	bench_check(scene->bench, "a purge purges", after.purges > before.purges);
	refill_purged(scene);
	return ns / (double)(after.purges - before.purges);
}

/* Everything idles, and comes back. */
static double time_idle(void *user)
{
	struct scene *scene = user;
	double start = bench_now_ns();
	let_idle(scene);
	bring_back_all(scene);
	return (bench_now_ns() - start) / (double)scene->slots;
}

/* ---- the pool, small beside large ---- */

static const struct {
	const char *what;
	double (*measure)(void *scene);
	bool flat; /* is asked for */
} operations[] = {{"pin", time_pin, true}, {"tell", time_tell, true}, {"purge", time_purge, true},
	{"stat, cold", time_stat_cold, true}, {"stat again", time_stat_again, true},
	{"stat, all just used", time_stat_used, true}, {"idle", time_idle, false}};

static void measure_size(struct bench *bench, struct scene *small, size_t slots, size_t holders)
{
	struct scene large = open_scene(bench, slots, holders);
	char at[64];
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	snprintf(at, sizeof(at), "%zu bitmaps, %zu consumers", slots, holders);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		operations[i].measure(small);
		operations[i].measure(&large);
		for (unsigned round = 0; round < rounds; round++) {
			double one = operations[i].measure(small);
			double ns = operations[i].measure(&large);
			bench_sample(bench, "pool", operations[i].what, "100 bitmaps, 1 consumers",
				"ns", one);
			bench_sample(bench, "pool", operations[i].what, at, "ns", ns);
			bench_ratio(bench, "pool", operations[i].what, at, ns / one);
		}
	}
	close_scene(&large);
}

static void measure_pool(struct bench *bench)
{
	static const struct {
		size_t slots, holders;
		bool quick;
	} sizes[] = {{100, 64, true}, {1000, 1, false}, {10000, 1, true}, {10000, 64, true},
		{100000, 1, false}};
	struct scene small = open_scene(bench, 100, 1);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		if (sizes[i].quick || !bench_quick(bench))
			measure_size(bench, &small, sizes[i].slots, sizes[i].holders);
	}
	close_scene(&small);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		if (operations[i].flat)
			bench_goal(bench, "pool", operations[i].what, BENCH_AT_MOST, 1.5);
		else
			bench_better(bench, "pool", operations[i].what, BENCH_AT_MOST);
	}
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	size_t *files = state->input;
	char *end;
	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	*files = strtoul(text, &end, 10);
	if (*end || *files < 100 || *files > 1000000)
		argp_error(state, "--files: '%s' is not a number from 100 to 1000000", text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"files", 'f', "N", 0, "Pictures that a producer knows (10000; quick: 4000)", 0},
		{0}};
	size_t files = 0;
	const struct argp own = {list, parse, NULL, NULL, NULL, NULL, NULL};
	struct bench *bench = bench_begin("growth",
		"What more bitmaps, consumers and requests cost each.", &own, &files, argc, argv);
	measure_pool(bench);
	if (files == 0)
		files = bench_quick(bench) ? 4000 : 10000;
	measure_producers(bench, files, bench_rounds(bench, ROUNDS, QUICK_ROUNDS));
	return bench_end(bench);
}
