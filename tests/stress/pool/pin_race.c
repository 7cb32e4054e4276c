/* Consumers pin, read and unpin as fast as they can, while the pool makes the same bitmaps idle,
 * purges them for real, and decodes them again. A pinned bitmap that shows other bytes than its
 * generation's is a violation.
 *
 *   pin_race processes|threads SECONDS [expect-violations]
 *
 * processes: each consumer has its own mappings. threads: all share one mapping, so that
 * ThreadSanitizer sees what orders what. expect-violations: for the build without the fences; exits
 * 77 (skipped) when this machine shows none. */
#include "holder.h"
#include "slab.h"
#include "slot.h"

#include "common/util.h"

#include <mural/pixel.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum {
	CONSUMERS = 2,
	SLOTS = 1,
	WIDTH = 1024,
	HEIGHT = 2, /* of 4096 bytes */
	WORDS = WIDTH * HEIGHT,
	READS_A_PIN = 20,
	PAUSES_MAX = 40,
	EXIT_SKIPPED = 77,
};

/* What the consumers are told, and what they tell, in memory that all share. */
struct notice {
	_Atomic bool stop;
	struct {
		uint32_t number;
		_Atomic uint64_t generation; /* 0: none yet */
		_Atomic uint64_t offset;     /* in the slab; read behind a pin, which orders it */
	} slot[SLOTS];
	_Atomic uint64_t pins, asks, violations;
};

struct consumer {
	struct notice *notice;
	const struct board_table *table;
	struct board_pins *pins;
	const char *slab;
	unsigned seed;
	pthread_t thread;
	pid_t pid;
	/* what a process maps for itself */
	int table_fd, pins_fd, slab_fd;
};

struct race {
	struct pool *pool;
	struct notice *notice;
	uint64_t now;
	struct pool_slot *anchor; /* keeps the slab where it is */
	struct pool_slot *slot[SLOTS];
	struct pool_holder *holder[CONSUMERS];
	struct consumer consumer[CONSUMERS];
	uint64_t idle, purges, revivals;
	unsigned seed;
};

static const struct board_instance instance = {.high = 1, .low = 2};

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "pin_race: %s\n", what);
	exit(1);
}

static uint32_t word_of(uint64_t generation, uint32_t index)
{
	return ((uint32_t)generation ^ index << 20) * UINT32_C(2654435761) | 1;
}

/* Some tens of cycles in which nothing is loaded or stored. */
static void pause_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb"); /* yield takes no time at all */
#else
	atomic_signal_fence(memory_order_seq_cst);
#endif
}

static void rest(unsigned *seed)
{
	for (int left = rand_r(seed) % PAUSES_MAX; left > 0; left--)
		pause_once();
}

/* ---- consumers ---- */

static bool shows(const volatile uint32_t *pixels, uint64_t generation)
{
	for (uint32_t i = 0; i < WORDS; i += WIDTH) {
		if (pixels[i] != word_of(generation, i) ||
			pixels[i + WIDTH - 1] != word_of(generation, i + WIDTH - 1))
			return false;
	}
	return true;
}

/* Until the pool has made up its mind about a slot that it was just making idle. */
static bool is_at_stake(const struct consumer *c, unsigned index, uint64_t generation)
{
	uint64_t word = atomic_load_explicit(
		&c->table->word[c->notice->slot[index].number], memory_order_relaxed);
	return word != board_word(generation, BOARD_READY) &&
	       word != (board_word(generation, BOARD_READY) | BOARD_WATCHED);
}

/* Short while nothing happens, so that there are many pins; long enough for a purge to be seen when
 * one may be under way. */
static void read_pinned(struct consumer *c, unsigned index, uint64_t generation)
{
	uint64_t offset =
		atomic_load_explicit(&c->notice->slot[index].offset, memory_order_relaxed);
	const volatile uint32_t *pixels =
		(const volatile uint32_t *)(const void *)(c->slab + offset);
	bool right = true;
	for (int left = READS_A_PIN; left > 0 && right; left--) {
		right = shows(pixels, generation);
		if (is_at_stake(c, index, generation))
			left = READS_A_PIN;
	}
	atomic_fetch_add_explicit(&c->notice->pins, 1, memory_order_relaxed);
	if (!right)
		atomic_fetch_add_explicit(&c->notice->violations, 1, memory_order_relaxed);
}

static void *consume(void *argument)
{
	struct consumer *c = argument;
	struct notice *notice = c->notice;
	while (!atomic_load_explicit(&notice->stop, memory_order_relaxed)) {
		unsigned index = (unsigned)rand_r(&c->seed) % SLOTS;
		uint32_t number = notice->slot[index].number;
		uint64_t generation =
			atomic_load_explicit(&notice->slot[index].generation, memory_order_relaxed);
		enum board_pin_result result = board_pin(c->table, c->pins, number, generation);
		if (result == BOARD_PINNED) {
			read_pinned(c, index, generation);
			board_unpin(c->table, c->pins, number);
			rest(&c->seed); /* the pool only tries for what it does not see in use */
		} else if (result == BOARD_ASK) {
			atomic_fetch_add_explicit(&notice->asks, 1, memory_order_relaxed);
		}
	}
	return NULL;
}

static void start_process(struct consumer *c)
{
	c->pid = fork();
	must(c->pid >= 0, "fork");
	if (c->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(board_import_table(c->table_fd, &instance, NULL, &c->table) == 0,
		"import of the table");
	must(board_import_pins(c->pins_fd, &instance, NULL, &c->pins) == 0, "import of the board");
	c->slab = mmap(NULL, SLAB_BYTES, PROT_READ, MAP_SHARED, c->slab_fd, 0);
	must(c->slab != MAP_FAILED, "mmap of the slab");
	consume(c);
	_exit(0);
}

static void start_thread(struct race *race, struct consumer *c, const struct pool_holder *holder)
{
	c->table = race->pool->table;
	c->pins = holder->pins;
	c->slab = race->anchor->slab->region->mapping;
	must(pthread_create(&c->thread, NULL, consume, c) == 0, "thread");
}

/* ---- the pool ---- */

static struct pool_bitmap bitmap(void)
{
	struct pool_bitmap b = {.format = MURAL_FORMAT_XRGB8888, .width = WIDTH, .height = HEIGHT};
	mural_bitmap_layout(b.format, b.width, b.height, &b.stride_bytes, &b.size_bytes);
	return b;
}

static void decode(struct race *race, struct pool_slot *slot)
{
	static uint32_t pixels[WORDS];
	int fd = -1;
	uint64_t offset = 0, length = 0;
	pool_window(slot, &fd, &offset, &length);
	for (uint32_t i = 0; i < WORDS; i++)
		pixels[i] = word_of(race->pool->last_generation + 1, i);
	must(pwrite(fd, pixels, sizeof(pixels), (off_t)offset) == (ssize_t)sizeof(pixels), "write");
	must(pool_publish(race->pool, slot, 1, false, race->now) == 0, "publish");
}

static void fill(struct race *race, unsigned index)
{
	struct pool_slot *slot = race->slot[index];
	must(pool_refill(race->pool, slot, NULL, race->now) == 0, "refill");
	atomic_store_explicit(
		&race->notice->slot[index].offset, slot->offset, memory_order_relaxed);
	decode(race, slot);
	atomic_store_explicit(
		&race->notice->slot[index].generation, slot->generation, memory_order_relaxed);
}

static void make_slots(struct race *race)
{
	struct pool_bitmap b = bitmap();
	must(pool_reserve(race->pool, &b, getuid(), NULL, race->now, &race->anchor) == 0,
		"reserve");
	for (unsigned i = 0; i < SLOTS; i++) {
		must(pool_reserve(race->pool, &b, getuid(), NULL, race->now, &race->slot[i]) == 0,
			"reserve");
		race->notice->slot[i].number = pool_slot_number(race->slot[i]);
		race->notice->slot[i].offset = race->slot[i]->offset;
		decode(race, race->slot[i]);
		race->notice->slot[i].generation = race->slot[i]->generation;
		for (unsigned k = 0; k < CONSUMERS; k++)
			must(pool_tell(race->pool, race->slot[i], race->holder[k], false,
				     race->now) == 0,
				"tell");
	}
}

static void start(struct race *race, bool threads)
{
	int pins_fd[CONSUMERS], slab_fd = -1;
	race->now = monotonic_ns();
	race->notice = mmap(NULL, sizeof(*race->notice), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(race->notice != MAP_FAILED, "mmap");
	struct pool_options options = {.budget_bytes = 16 << 20,
		.keep_bytes = UINT64_MAX,
		.holder_pinned_bytes = UINT64_MAX,
		.driver = ASHMEM_DRIVER_MEMFD,
		.instance = instance};
	must(pool_create(&options, race->now, &race->pool) == 0, "pool");
	for (unsigned i = 0; i < CONSUMERS; i++)
		must(pool_holder_create(
			     race->pool, getuid(), NULL, &race->holder[i], &pins_fd[i]) == 0,
			"holder");
	make_slots(race);
	must(pool_slot_share(race->pool, race->slot[0], &slab_fd) == 0, "share");
	for (unsigned i = 0; i < CONSUMERS; i++) {
		struct consumer *c = &race->consumer[i];
		*c = (struct consumer){.notice = race->notice,
			.seed = i + 1,
			.table_fd = pool_table_fd(race->pool),
			.pins_fd = pins_fd[i],
			.slab_fd = slab_fd};
		if (threads)
			start_thread(race, c, race->holder[i]);
		else
			start_process(c);
	}
}

static void stop(struct race *race, bool threads)
{
	char text[256] = "";
	atomic_store(&race->notice->stop, true);
	for (unsigned i = 0; i < CONSUMERS; i++) {
		int status = 0;
		if (threads)
			pthread_join(race->consumer[i].thread, NULL);
		else
			must(waitpid(race->consumer[i].pid, &status, 0) > 0 && status == 0,
				"a consumer crashed");
	}
	if (pool_check(race->pool, text, sizeof(text)) < 0)
		must(false, text);
	pool_destroy(race->pool);
}

/* One step of a slot: on through READY, IDLE, sometimes READY again, PURGED and back. */
static void advance(struct race *race, unsigned index)
{
	struct pool_slot *slot = race->slot[index];
	race->now += 2;
	switch (slot->state) {
	case BOARD_READY: /* without an idle delay, due at once when nobody is seen using it */
		/* Let consumers read the word first: a line that nobody else has is written without
		 * delay, and no race. */
		rest(&race->seed);
		if (slot->blocked)
			pool_nudge(race->pool, slot, race->now);
		pool_tick(race->pool, ++race->now);
		break;
	case BOARD_IDLE:
		/* Purging is slow, and pays where a consumer counts itself just now: it may only be
		 * about to ask. */
		if (!holder_any_pinned(race->pool, slot) && ++race->idle % 64 != 0) {
			must(pool_revive(race->pool, slot, NULL, race->now) == 0, "revive");
			race->revivals++;
			break;
		}
		slot_purge(race->pool, slot, SLOT_PUNCH);
		race->purges++;
		break;
	default:
		fill(race, index);
	}
}

static void run(struct race *race, uint64_t seconds, bool until_violation)
{
	uint64_t end = monotonic_ns() + seconds * 1000 * NS_PER_MS;
	for (uint64_t steps = 0; steps % 256 != 0 || monotonic_ns() < end; steps++) {
		advance(race, (unsigned)(steps % SLOTS));
		if (until_violation &&
			atomic_load_explicit(&race->notice->violations, memory_order_relaxed) > 0)
			return;
	}
}

int main(int argc, char **argv)
{
	struct race race = {0};
	must(argc >= 3, "usage: pin_race processes|threads SECONDS [expect-violations]");
	bool threads = strcmp(argv[1], "threads") == 0, expected = argc > 3;
	start(&race, threads);
	run(&race, strtoull(argv[2], NULL, 10), expected);
	stop(&race, threads);
	uint64_t pins = race.notice->pins, violations = race.notice->violations;
	printf("%llu pins, %llu purges, %llu revivals, %llu violations\n", (unsigned long long)pins,
		(unsigned long long)race.purges, (unsigned long long)race.revivals,
		(unsigned long long)violations);
	if (!expected) {
		must(pins > 0 && race.purges > 0, "nothing happened");
		return violations > 0;
	}
	if (violations == 0)
		printf("skipped: this machine did not show the reordering\n");
	return violations > 0 ? 0 : EXIT_SKIPPED;
}
