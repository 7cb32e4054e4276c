/* Threads pin and unpin one bitmap while it is moved from slot to slot, idled, purged, and while
 * its producer dies.
 *
 * The producer is a thread that keeps the pool's promises and checks the consumer's: a slot is
 * scribbled over as soon as the consumer has released it or its idling found no pin. So a pin that
 * was counted in the wrong place, or not at all, is seen as pixels that change under it, an unpin
 * that is refused, or a count that does not come back to zero. */
#include "support/fake_producer.h"

#include "common/util.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define THREADS 3
#define SLOTS 4
#define WIDTH 32
#define HEIGHT 32
#define BYTES (WIDTH * HEIGHT * 4)
#define SCRIBBLE 0xee
#define DEATHS 12
#define PINS_A_LIFE 100000

enum place {
	FREE,
	SHOWN, /* READY or IDLE: its bytes are promised */
};

struct producer {
	struct fake fake;
	struct fake_region region[SLOTS];
	enum place place[SLOTS];
	uint64_t generation[SLOTS];
	uint32_t told[SLOTS];
	uint64_t next_generation;
	unsigned char next_fill;
	unsigned steps;
};

static struct mural *mural;
static struct mural_bitmap *bitmap;
static atomic_bool stop;
static atomic_uint pins_done, purges_seen, moves_done, deaths_done, idles_done, purges_done;

static void fail(const char *what)
{
	fprintf(stderr, "pin_threads: %s\n", what);
	abort();
}

/* ---- the producer ---- */

static void scribble(struct producer *producer, uint32_t slot)
{
	memset(producer->region[slot].memory, SCRIBBLE, BYTES);
	producer->place[slot] = FREE;
}

static uint32_t free_slot(const struct producer *producer)
{
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (producer->place[slot] == FREE && producer->told[slot] == 0)
			return slot;
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		if (producer->place[slot] == FREE)
			return slot;
	fail("no slot was given back");
	return 0;
}

static void decode(struct producer *producer, uint32_t serial)
{
	uint32_t slot = free_slot(producer);
	producer->next_fill = (unsigned char)(producer->next_fill % 200 + 1);
	memset(producer->region[slot].memory, producer->next_fill, BYTES);
	producer->generation[slot] = ++producer->next_generation;
	producer->place[slot] = SHOWN;
	producer->told[slot]++;
	struct protocol_ready ready = fake_ready(
		&producer->region[slot], serial, slot, producer->generation[slot], WIDTH, HEIGHT);
	fake_send_ready(&producer->fake, &ready);
	atomic_fetch_add(&moves_done, 1);
}

/* The handshake of the board. True: nobody has it pinned, and nobody can. */
static bool take_away(struct producer *producer, uint32_t slot, enum board_state state)
{
	struct fake *fake = &producer->fake;
	board_set(fake->table, slot, producer->generation[slot], state);
	if (fake_pins(fake, slot) == 0)
		return true;
	board_set(fake->table, slot, producer->generation[slot], BOARD_READY);
	return false;
}

static void on_release(struct producer *producer, const struct protocol_slot *release)
{
	if (release->slot >= SLOTS || release->told > producer->told[release->slot])
		fail("more was given back than was told");
	producer->told[release->slot] -= release->told;
	if (producer->told[release->slot] > 0 || producer->place[release->slot] != SHOWN)
		return;
	/* A pin that comes too late may still count itself for a moment; one that stays is a
	 * fault. */
	board_set(producer->fake.table, release->slot, producer->generation[release->slot],
		BOARD_PURGED);
	scribble(producer, release->slot);
}

static void on_pin(struct producer *producer, const struct protocol_slot *question)
{
	bool intact = producer->place[question->slot] == SHOWN &&
		      producer->generation[question->slot] == question->generation;
	if (intact)
		board_set(producer->fake.table, question->slot, question->generation, BOARD_READY);
	fake_send_pin_answer(
		&producer->fake, question, intact ? PROTOCOL_PIN_INTACT : PROTOCOL_PIN_PURGED);
}

static void handle(struct producer *producer)
{
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	if (protocol_receive(producer->fake.peer, &message, fds, &count) <= 0)
		return;
	close_all(fds, count);
	if (message.head.type == PROTOCOL_REQUEST)
		decode(producer, message.head.serial);
	else if (message.head.type == PROTOCOL_RELEASE)
		on_release(producer, &message.slot);
	else if (message.head.type == PROTOCOL_PIN)
		on_pin(producer, &message.slot);
}

/* What a pool does by itself: idles what nobody pins, and purges some of it. */
static void age(struct producer *producer)
{
	uint32_t slot = producer->steps / 64 % SLOTS;
	if (producer->place[slot] != SHOWN || !take_away(producer, slot, BOARD_IDLE))
		return;
	atomic_fetch_add(&idles_done, 1);
	if (producer->steps / 64 % 3 != 0)
		return;
	board_set(producer->fake.table, slot, producer->generation[slot], BOARD_PURGED);
	scribble(producer, slot);
	atomic_fetch_add(&purges_done, 1);
}

static void begin_life(struct producer *producer)
{
	fake_greet(&producer->fake);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		producer->region[slot] = fake_region(&producer->fake, BYTES, SCRIBBLE);
		producer->place[slot] = FREE;
		producer->told[slot] = 0;
	}
}

static void end_life(struct producer *producer)
{
	fake_die(&producer->fake, true);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		fake_region_fini(&producer->region[slot]);
	atomic_fetch_add(&deaths_done, 1);
}

static void live(struct producer *producer)
{
	unsigned until = atomic_load(&pins_done) + PINS_A_LIFE;
	begin_life(producer);
	while (!atomic_load(&stop) && atomic_load(&pins_done) < until) {
		struct pollfd poller = {.fd = producer->fake.peer, .events = POLLIN};
		if (poll(&poller, 1, 0) == 1)
			handle(producer);
		if (++producer->steps % 64 == 0)
			age(producer);
	}
	end_life(producer);
}

static void *produce(void *user)
{
	struct producer *producer = user;
	while (!atomic_load(&stop)) {
		struct pollfd poller = {.fd = producer->fake.listener, .events = POLLIN};
		if (poll(&poller, 1, 1) != 1)
			continue;
		fake_accept_silently(&producer->fake);
		live(producer);
	}
	return NULL;
}

/* ---- the consumers ---- */

static void check_pixels(const struct mural_view *view)
{
	const volatile unsigned char *pixels = view->pixels;
	unsigned char fill = pixels[0];
	if (fill == SCRIBBLE)
		fail("pinned what was given away");
	for (size_t i = 0; i < BYTES; i += 64)
		if (pixels[i] != fill)
			fail("pixels changed under a pin");
}

/* Leaves the bitmap unpinned for a while, so that it can move, now shorter and now longer. */
static void pause_for(unsigned turns)
{
	for (volatile unsigned i = 0; i < turns; i++)
		;
}

static void *consume(void *user)
{
	struct mural_view view;
	(void)user;
	while (!atomic_load(&stop)) {
		int r = mural_bitmap_pin(bitmap, &view);
		if (r == ASHMEM_NOT_PURGED) {
			check_pixels(&view);
			if (mural_bitmap_unpin(bitmap) != 0)
				fail("an unpin did not find its pin");
			pause_for(atomic_fetch_add(&pins_done, 1) % 2000);
		} else if (r == ASHMEM_WAS_PURGED) {
			atomic_fetch_add(&purges_seen, 1);
			sched_yield();
		} else if (r == -EAGAIN) {
			sched_yield();
		} else if (r != -ECONNRESET) {
			fprintf(stderr, "pin_threads: pin says %d\n", r);
			abort();
		}
	}
	return NULL;
}

/* Asks for the decode again all the time: when it was purged, and also when it was not, so that it
 * moves while pinned. */
static void keep_moving(void)
{
	while (atomic_load(&deaths_done) < DEATHS) {
		int r = mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE);
		if (r < 0 && r != -EBUSY)
			fail("a decode was refused");
		if (mural_wait(mural, 1) < 0)
			fail("waiting failed");
	}
}

int main(void)
{
	static struct producer producer;
	struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	struct mural_request request = {.path = "/proc/self/exe"};
	pthread_t threads[THREADS + 1];
	fake_init(&producer.fake);
	pthread_create(&threads[THREADS], NULL, produce, &producer);
	if (mural_open(&options, &mural) < 0 || mural_request(mural, &request, &bitmap) < 0)
		fail("no connection");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, consume, NULL);
	keep_moving();
	atomic_store(&stop, true);
	for (int i = 0; i <= THREADS; i++)
		pthread_join(threads[i], NULL);
	mural_bitmap_unref(bitmap);
	mural_close(mural);
	fake_fini(&producer.fake);
	printf("%u pins, %u moves, %u idled, %u purged, %u purges seen, %u deaths\n",
		atomic_load(&pins_done), atomic_load(&moves_done), atomic_load(&idles_done),
		atomic_load(&purges_done), atomic_load(&purges_seen), atomic_load(&deaths_done));
	return 0;
}
