/* One consumer's life: it asks, pins, looks at every pixel, keeps some pinned for a while, looks
 * again, unpins, has what was purged decoded again, trims and purges, and leaves in one of three
 * ways. Whatever happens to the producer meanwhile, no pixel is wrong and no call hangs. */
#include "soak.h"

#include "common/util.h"
#include "support/checksum.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#define HELD 12
#define PINS_MAX 3
#define STEPS_MAX 400

struct held {
	struct mural_bitmap *bitmap;
	const struct soak_kind *kind;
	struct mural_view view; /* while pinned */
	bool pinned;
};

struct consumer {
	struct soak *soak;
	struct soak_dice dice;
	struct mural *mural;
	struct held held[HELD];
};

static void on_event(struct mural *mural, enum mural_event event, int value, void *user)
{
	struct consumer *consumer = user;
	(void)mural;
	if (event == MURAL_EVENT_RECONNECTED)
		consumer->soak->shared->reconnects++;
	if (event == MURAL_EVENT_LOST)
		soak_wrong(consumer->soak, "no producer can be had: %s", strerror(-value));
}

/* What a request may meet here: no room, a decoder or a producer that was killed, too little
 * memory, and being cancelled. Never a time-out, and never a fault of the picture. */
static bool is_refusal(enum mural_reason reason)
{
	switch (reason) {
	case MURAL_REASON_NO_ROOM:
	case MURAL_REASON_QUOTA:
	case MURAL_REASON_KILLED:
	case MURAL_REASON_MEMORY:
	case MURAL_REASON_CANCELLED:
	case MURAL_REASON_GONE:
	case MURAL_REASON_THRASHING:
		return true;
	default:
		return false;
	}
}

static void drop(struct held *held)
{
	mural_bitmap_unref(held->bitmap);
	*held = (struct held){0};
}

/* The end of what could not be had; a mistake unless it was refused for a good reason. */
static void give_up(struct consumer *consumer, struct held *held, int r, const char *call)
{
	enum mural_reason reason = MURAL_REASON_NONE;
	const char *text = "";
	mural_bitmap_error(held->bitmap, &reason, &text);
	if (r < 0 && r != -ETIMEDOUT && is_refusal(reason))
		consumer->soak->shared->refused++;
	else
		soak_wrong(consumer->soak, "%s, box %u: %s gives %d, reason %d: %s",
			held->kind->path, held->kind->box, call, r, (int)reason, text);
	drop(held);
}

static void check(struct consumer *consumer, const struct held *held, const char *when)
{
	consumer->soak->shared->checks++;
	if (test_checksum(&held->view) != held->kind->sum)
		soak_wrong(consumer->soak, "%s, box %u: wrong pixels %s, generation %llu",
			held->kind->path, held->kind->box, when,
			(unsigned long long)held->view.generation);
}

/* ---- steps ---- */

static void ask(struct consumer *consumer, struct held *held)
{
	struct soak_shared *shared = consumer->soak->shared;
	held->kind = &shared->kind[soak_below(&consumer->dice, shared->kinds)];
	struct mural_request request = {
		.path = held->kind->path,
		.box_width = held->kind->box,
		.box_height = held->kind->box,
		.priority = soak_below(&consumer->dice, 3),
		.flags = soak_below(&consumer->dice, 8) == 0 ? MURAL_REQUEST_WAIT : 0,
	};
	int r = mural_request(consumer->mural, &request, &held->bitmap);
	if (r == 0)
		return;
	if (r != -ECONNRESET && r != -EDQUOT)
		soak_wrong(consumer->soak, "mural_request gives %d", r);
	*held = (struct held){0};
}

static void decode_again(struct consumer *consumer, struct held *held)
{
	consumer->soak->shared->purged++;
	int r = mural_bitmap_redecode(held->bitmap, MURAL_PRIORITY_VISIBLE);
	if (r == 0)
		r = mural_bitmap_wait(held->bitmap, SOAK_WAIT_MS);
	if (r == 0)
		consumer->soak->shared->redecodes++;
	else
		give_up(consumer, held, r, "redecode");
}

static void pin(struct consumer *consumer, struct held *held)
{
	int r = mural_bitmap_pin_wait(held->bitmap, SOAK_WAIT_MS, &held->view);
	if (r == ASHMEM_WAS_PURGED) {
		decode_again(consumer, held);
		return;
	}
	if (r != ASHMEM_NOT_PURGED) {
		give_up(consumer, held, r, "pin_wait");
		return;
	}
	held->pinned = true;
	check(consumer, held, "at the pin");
}

static void unpin(struct consumer *consumer, struct held *held)
{
	check(consumer, held, "after a while");
	int r = mural_bitmap_unpin(held->bitmap);
	if (r != 0)
		soak_wrong(consumer->soak, "mural_bitmap_unpin gives %d", r);
	held->pinned = false;
}

static unsigned count_pinned(const struct consumer *consumer)
{
	unsigned count = 0;
	for (size_t i = 0; i < HELD; i++)
		count += consumer->held[i].pinned;
	return count;
}

static void use(struct consumer *consumer)
{
	struct held *held = &consumer->held[soak_below(&consumer->dice, HELD)];
	if (!held->bitmap)
		ask(consumer, held);
	else if (held->pinned)
		unpin(consumer, held);
	else if (soak_below(&consumer->dice, 8) == 0)
		drop(held);
	else if (soak_below(&consumer->dice, 16) == 0)
		mural_bitmap_cancel(held->bitmap);
	else if (soak_below(&consumer->dice, 16) == 0)
		mural_bitmap_set_visible(held->bitmap, (int)soak_below(&consumer->dice, 2));
	else if (count_pinned(consumer) < PINS_MAX)
		pin(consumer, held);
}

static void throw_away(struct consumer *consumer)
{
	int r = soak_below(&consumer->dice, 4) == 0
			? mural_purge(consumer->mural, SOAK_WAIT_MS, NULL)
			: mural_trim(consumer->mural,
				  (1 + soak_below(&consumer->dice, 16)) * SOAK_MIB, SOAK_WAIT_MS,
				  NULL);
	if (r != 0 && r != -ECONNRESET)
		soak_wrong(consumer->soak, "trim or purge gives %d", r);
	consumer->soak->shared->trims++;
}

static void prefetch(struct consumer *consumer)
{
	struct soak_shared *shared = consumer->soak->shared;
	const struct soak_kind *kind = &shared->kind[soak_below(&consumer->dice, shared->kinds)];
	struct mural_request request = {
		.path = kind->path, .box_width = kind->box, .box_height = kind->box};
	uint32_t ticket;
	int r = mural_prefetch(consumer->mural, &request, &ticket);
	if (r == 0 && soak_below(&consumer->dice, 3) == 0)
		r = mural_prefetch_cancel(consumer->mural, ticket);
	if (r != 0 && r != -ECONNRESET && r != -EDQUOT)
		soak_wrong(consumer->soak, "mural_prefetch gives %d", r);
}

static void step(struct consumer *consumer)
{
	consumer->soak->shared->steps++;
	uint32_t chosen = soak_below(&consumer->dice, 64);
	if (chosen == 0)
		throw_away(consumer);
	else if (chosen < 4)
		prefetch(consumer);
	else if (chosen < 8)
		mural_wait(consumer->mural, (int)soak_below(&consumer->dice, 40));
	else
		use(consumer);
	mural_dispatch(consumer->mural);
}

/* ---- a life ---- */

_Noreturn static void leave(struct consumer *consumer)
{
	uint32_t how = soak_below(&consumer->dice, 3);
	if (how == 0)
		_exit(0); /* with all that it holds */
	for (size_t i = 0; i < HELD; i++)
		if (consumer->held[i].pinned)
			unpin(consumer, &consumer->held[i]);
	if (how == 1)
		for (size_t i = 0; i < HELD; i++)
			drop(&consumer->held[i]);
	mural_close(consumer->mural);
	if (how == 2)
		for (size_t i = 0; i < HELD; i++)
			drop(&consumer->held[i]);
	_exit(0);
}

void soak_consume(struct soak *soak, uint64_t number)
{
	struct consumer consumer = {.soak = soak, .dice = soak_dice(soak->seed, number)};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int r = soak_open(on_event, &consumer, &consumer.mural);
	if (r != 0) {
		soak_wrong(soak, "mural_open gives %d", r);
		_exit(1);
	}
	soak->shared->lives++;
	uint32_t steps = 1 + soak_below(&consumer.dice, STEPS_MAX);
	for (uint32_t i = 0; i < steps && !soak->shared->stop; i++)
		step(&consumer);
	leave(&consumer);
}
