/* Decoders whose files do not come, as from a dead mount. Nobody knows whether that is for a moment
 * or for good, so that they keep their time; but it is not other pictures' time. After a second
 * they take no place from those, and what lies on the same file system as many of them, and is no
 * more urgent, is set aside, until one of them has ended or gone on. */
#include "decode.h"

/* A decoder that has used less than a fiftieth of one core in this time waits for its file, */
#define WATCH_NS UINT64_C(25000000)
#define WATCH_SHARE 50
/* and one that was found waiting so often, in a second, hangs: few disks take that. (Time is no
 * measure where the producer itself stood still with it, as in a frozen group.) */
#define HANGS_LOOKS 40u
/* For each that may decode so many may hang besides, on all file systems together: each is a
 * process. */
#define HUNG_MOST 4u

static bool somebody_waits(const struct server *server)
{
	for (unsigned i = 0; i < PRIORITIES * QUEUES; i++)
		if (!list_empty(&server->queued[i / QUEUES][i % QUEUES]))
			return true;
	return !list_empty(&server->roomless);
}

uint64_t hung_watch_deadline(const struct server *server)
{
	bool wanted = somebody_waits(server);
	list_for_each (node, &server->running) {
		const struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->kill == ENTRY_ALIVE &&
			(wanted || entry->halted_ns > 0 || entry->waits > 0))
			return server->watched_ns + WATCH_NS;
	}
	return UINT64_MAX;
}

/* By the processor time that it has used since the last look; at the first it is not known. */
static bool found_waiting(struct entry *entry)
{
	uint64_t before = entry->cpu_ns;
	entry->cpu_ns = worker_cpu_now(entry->worker);
	return before > 0 && entry->cpu_ns > 0 && entry->cpu_ns - before < WATCH_NS / WATCH_SHARE;
}

static void look_at(struct entry *entry)
{
	bool waits = entry->halted_ns == 0 && found_waiting(entry);
	entry->waits = waits ? entry->waits + 1 : 0;
	/* It may be a processor that it waits for: up to 2.5 s where it has the lowest priority,
	 * beside eight others for each. */
	if (entry->waits == HANGS_LOOKS && worker_wants_core(entry->worker))
		entry->waits = 0;
}

void hung_watch(struct server *server, uint64_t now_ns)
{
	unsigned left = HUNG_MOST * server->options.workers;
	bool changed = false;
	if (hung_watch_deadline(server) > now_ns)
		return;
	server->watched_ns = now_ns;
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		bool hung = entry->hangs;
		look_at(entry);
		entry->hangs = left > 0 && entry->waits >= HANGS_LOOKS;
		left -= entry->hangs;
		changed |= entry->hangs != hung;
	}
	if (changed) {
		hung_try_again(server);
		decode_room(server);
	} else {
		turn_give_way(server);
	}
}

unsigned hung_filling(const struct server *server)
{
	unsigned filling = 0;
	list_for_each (node, &server->running) {
		const struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->hangs && entry->kill == ENTRY_ALIVE)
			filling += (entry->stage == ENTRY_DECODE) + (entry->scratch != NULL);
	}
	return filling;
}

bool hung_sets_aside(struct server *server, struct entry *entry)
{
	unsigned hung = 0;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		hung += other->hangs && other->priority >= entry->priority &&
			other->key.identity.device == entry->key.identity.device;
	}
	if (hung < server->options.workers)
		return false;
	list_append(&server->aside, &entry->queue);
	return true;
}

void hung_try_again(struct server *server)
{
	list_for_each (node, &server->aside)
		decode_enqueue(server, list_item(node, struct entry, queue));
}
