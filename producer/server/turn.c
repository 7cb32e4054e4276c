/* Whose turn it is. Decoders are few: entries queue by priority, then by age. Room is taken only
 * when a decoder is free for it, so that a long queue holds no memory. What runs gives way to what
 * is more urgent: its decoder is halted while the cores are taken, and goes on afterwards. A
 * prefetch whose memory or room is wanted is killed and queued again. */
#include "decode.h"

#include "common/log.h"

#include <string.h>

#define BOUNCE_TIMES 5 /* of what the last one takes passes before the next */

/* A coarse picture is quick and small, and of no use after the picture itself, whose decode may
 * have begun: it waits for no decoder. */
static bool may_be_one_more(const struct entry *entry)
{
	return entry->key.flags & PROTOCOL_PREVIEW && entry->priority == MURAL_PRIORITY_VISIBLE;
}

static enum queue_kind kind_of(const struct entry *entry)
{
	if (entry->stage == ENTRY_PROBE)
		return entry->straight_bytes > 0 ? QUEUE_STRAIGHT : QUEUE_PROBES;
	return may_be_one_more(entry) ? QUEUE_PREVIEWS : QUEUE_DECODES;
}

void decode_enqueue(struct server *server, struct entry *entry)
{
	list_remove(&entry->queue);
	/* Older ones first; an entry that was pushed back keeps its age. Most are the youngest of
	 * their kind, and ten thousand may wait. */
	struct list *head = &server->queued[entry->priority][kind_of(entry)];
	struct list *after = head->previous;
	while (after != head && list_item(after, struct entry, queue)->order > entry->order)
		after = after->previous;
	list_append(after->next, &entry->queue);
}

/* The look whether a preview is to be had takes less than a millisecond, and is asked for beside
 * nearly every picture. One that need not go through all of the file is done after a tenth of the
 * picture's time. */
static bool is_soon_done(const struct entry *entry)
{
	return entry->key.flags & PROTOCOL_PREVIEW && !entry->facts.reads_all;
}

static uint32_t threads_of(const struct entry *entry)
{
	return 1 + entry->helpers;
}

/* What is less urgent gives way (below), so that its cores are free. */
uint32_t turn_free_cores(const struct server *server, const struct entry *entry)
{
	uint32_t cores = server->options.workers, taken = 1;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (other->priority >= entry->priority && !is_soon_done(other) && !other->hangs)
			taken += threads_of(other);
	}
	/* Thousands may be queued. */
	for (uint32_t i = entry->priority * QUEUES; i < PRIORITIES * QUEUES; i++) {
		list_for_each (node, &server->queued[i / QUEUES][i % QUEUES]) {
			if (taken >= cores)
				return 0;
			taken += list_item(node, struct entry, queue) != entry;
		}
	}
	return cores - (uint32_t)min_u64(taken, cores);
}

/* Facts are a decoder's word. */
uint32_t turn_helpers(const struct server *server, const struct entry *entry)
{
	uint32_t most = (uint32_t)min_u64(entry->facts.helpers, JOB_THREADS_MAX);
	return (uint32_t)min_u64(turn_free_cores(server, entry), most);
}

/* ---- giving way ---- */

/* Its core is wanted before that of @entry. */
static bool comes_before(const struct entry *other, const struct entry *entry)
{
	return other->priority > entry->priority ||
	       (other->priority == entry->priority && other->order < entry->order);
}

/* Of those that together want more threads than there are cores, the less urgent and then the
 * younger ones are halted, until what is more urgent has ended: they keep what they have done. (One
 * that is as urgent as all others shares the cores with them.) What waits for its file needs no
 * core, nor does what has been killed, and neither may end for long, where the file lies on a dead
 * mount. Nobody is halted for what is less urgent than one who waits for room, which may be what
 * they hold. */
bool turn_gives_way(const struct server *server, const struct entry *entry)
{
	uint32_t threads = threads_of(entry), urgency = entry->priority;
	if (!job_takes_a_place(entry) || entry->hangs)
		return false;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (other->kill != ENTRY_ALIVE || other->waits > 0)
			continue;
		if (comes_before(other, entry))
			threads += threads_of(other);
		urgency = (uint32_t)max_u64(urgency, other->priority);
	}
	bool more_urgent = urgency > entry->priority;
	if (!list_empty(&server->roomless))
		more_urgent &=
			urgency > list_item(server->roomless.next, struct entry, queue)->priority;
	return more_urgent && threads > server->options.workers;
}

static void halt(struct entry *entry)
{
	entry->halted_ns = monotonic_ns();
	worker_halt(entry->worker);
}

static void go_on(struct entry *entry)
{
	uint64_t halted_ns = monotonic_ns() - entry->halted_ns;
	entry->halted_ns = 0;
	entry->started_ns += halted_ns;
	entry->cpu_ns = 0;
	if (entry->kill == ENTRY_ALIVE)
		entry->deadline_ns += halted_ns;
	worker_go_on(entry->worker);
}

void turn_give_way(struct server *server)
{
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		bool gives_way = turn_gives_way(server, entry);
		if (gives_way && entry->halted_ns == 0)
			halt(entry);
		else if (!gives_way && entry->halted_ns > 0)
			go_on(entry);
	}
}

/* ---- decoders ---- */

/* As many as hold enough, the last first: they have done the least. */
void turn_take_room(struct server *server, uint64_t bytes)
{
	uint64_t taken = 0;
	for (struct list *node = server->running.previous;
		node != &server->running && taken < bytes; node = node->previous) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->stage != ENTRY_DECODE || entry->priority > MURAL_PRIORITY_PREFETCH)
			continue;
		if (entry->kill == ENTRY_ALIVE)
			job_kill(entry, ENTRY_KILLED_UNWANTED);
		taken += decode_bitmap_bytes(entry);
	}
}

/* A running prefetch gives its memory to what somebody waits to see. */
static bool push_back_a_prefetch(struct server *server)
{
	struct entry *victim = NULL;
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (job_takes_a_place(entry) && entry->kill != ENTRY_ALIVE)
			return true; /* one is on its way out already */
		if (job_takes_a_place(entry) && entry->priority == MURAL_PRIORITY_PREFETCH)
			victim = entry; /* the last one has done the least */
	}
	if (!victim)
		return false;
	job_kill(victim, ENTRY_KILLED_UNWANTED);
	return true;
}

/* ---- while memory is short ---- */

static bool more_urgent_runs(const struct server *server, const struct entry *entry)
{
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (other->kill == ENTRY_ALIVE && other->priority > entry->priority)
			return true;
	}
	return false;
}

/* A decode ahead while something else is to be seen. (One that runs alone would be the next to
 * start again.) */
static bool is_spare(const struct server *server, const struct entry *entry)
{
	return entry->priority == MURAL_PRIORITY_PREFETCH && entry->kill == ENTRY_ALIVE &&
	       job_takes_a_place(entry) && more_urgent_runs(server, entry);
}

bool decode_has_spare(const struct server *server)
{
	list_for_each (node, &server->running)
		if (is_spare(server, list_item(node, struct entry, running_node)))
			return true;
	return false;
}

bool decode_give_up_spare(struct server *server, bool running_too)
{
	bool any = false;
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (!is_spare(server, entry) || (entry->halted_ns == 0 && !running_too))
			continue;
		job_kill(entry, ENTRY_KILLED_UNWANTED);
		any = true;
	}
	return any;
}

bool decode_is_leaving(const struct server *server)
{
	list_for_each (node, &server->running) {
		const struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->kill != ENTRY_ALIVE && job_takes_a_place(entry))
			return true;
	}
	return false;
}

/* ---- places ---- */

/* What a decoder takes at the most: its own memory, and the pages that it fills. */
static uint64_t decoder_bytes(const struct entry *entry, uint32_t helpers)
{
	uint64_t sum;
	if (entry->stage == ENTRY_PROBE)
		return straight_bytes(entry);
	return __builtin_add_overflow(
		       decode_bitmap_bytes(entry), job_memory_bytes(&entry->facts, helpers), &sum)
		       ? UINT64_MAX
		       : sum;
}

/* What all that run may yet take, and @entry. Those that have been killed take no more. */
static uint64_t decoders_bytes(const struct server *server, const struct entry *entry)
{
	uint64_t bytes = decoder_bytes(entry, turn_helpers(server, entry));
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (job_takes_a_place(other) && other->kill == ENTRY_ALIVE &&
			__builtin_add_overflow(bytes, decoder_bytes(other, other->helpers), &bytes))
			return UINT64_MAX;
	}
	return bytes;
}

/* Of what is as urgent as many may run as there are cores: what is less urgent gives way, and what
 * hangs needs none. */
static bool place_free(const struct server *server, const struct entry *entry)
{
	uint32_t decoders = 0, threads = 0;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (!job_takes_a_place(other) || other->priority < entry->priority || other->hangs)
			continue;
		decoders++;
		threads += threads_of(other);
	}
	/* What nobody waits to see does not share the cores that helpers have. */
	if (entry->priority < MURAL_PRIORITY_VISIBLE && threads > decoders &&
		threads >= server->options.workers)
		return false;
	return decoders < server->options.workers + may_be_one_more(entry);
}

/* Those that decode or, without a place, read headers. */
static uint32_t count_running(const struct server *server, bool with_place, bool hung_too)
{
	uint32_t count = 0;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		count += job_takes_a_place(other) == with_place && (hung_too || !other->hangs);
	}
	return count;
}

static void give_up_what_stands_still(struct server *server, const struct entry *entry)
{
	list_for_each (node, &server->running) {
		struct entry *other = list_item(node, struct entry, running_node);
		if (other->priority == MURAL_PRIORITY_PREFETCH &&
			entry->priority > other->priority && other->halted_ns > 0 &&
			other->kill == ENTRY_ALIVE)
			job_kill(other, ENTRY_KILLED_UNWANTED);
	}
}

/* For a place, and so for what a place takes. */
static bool more_urgent_waits(const struct server *server, const struct entry *entry)
{
	for (int priority = PRIORITIES - 1; priority > (int)entry->priority; priority--)
		for (unsigned kind = QUEUE_STRAIGHT; kind < QUEUES; kind++)
			if (!list_empty(&server->queued[priority][kind]))
				return true;
	return false;
}

/* Decoders at once are as many as there is memory for, so that decoding under pressure does not
 * bring the machine down; but one always may, or, while memory is not short, so that it is not for
 * that that the one does nothing, a second one beside one that hangs: that may go on at any time.
 * Where something has to go for it, half of a picture that nobody has seen goes before whole ones
 * that may be wanted again, and has a moment for that. What would be given up again does not start.
 */
static bool memory_free(struct server *server, const struct entry *entry)
{
	bool ahead = entry->priority == MURAL_PRIORITY_PREFETCH && more_urgent_runs(server, entry);
	uint32_t decoding = count_running(server, true, true);
	if (ahead && memory_is_short(server))
		return false;
	if (decoding == 0)
		return true;
	if (entry->priority == MURAL_PRIORITY_PREFETCH && more_urgent_waits(server, entry))
		return false;
	if (memory_has(server, decoders_bytes(server, entry)))
		return true;
	if (ahead)
		return false;
	if (!memory_is_short(server) && decoding == 1 && count_running(server, true, false) == 0)
		return true;
	give_up_what_stands_still(server, entry);
	uint64_t bytes = decoders_bytes(server, entry);
	return decode_is_leaving(server) ? memory_has(server, bytes) : memory_allows(server, bytes);
}

/* Bringing back what has just gone, when nobody is looking at the hole: while the pool thrashes,
 * that gets a fifth of one processor. */
static bool is_bounce(struct server *server, const struct entry *entry)
{
	return entry->again && entry->priority < MURAL_PRIORITY_VISIBLE &&
	       pool_was_purged_lately(server->pool, entry->slot) &&
	       pool_is_thrashing(server->pool, monotonic_ns());
}

/* Does it want the place of one that decodes? */
static bool wants_a_place(const struct server *server, const struct entry *entry)
{
	return entry->stage == ENTRY_DECODE || straight_is_wanted(server, entry);
}

/* Headers are quick to read: they do not wait for the decoders in front of them. Who is ready to
 * wait for room does not overtake those who wait already, unless he is more urgent; who is not
 * tries at once, and fails at once. */
static bool has_turn(struct server *server, const struct entry *entry)
{
	if (!wants_a_place(server, entry))
		return count_running(server, false, false) < server->options.workers;
	if (!list_empty(&server->roomless) && entry->patient > 0 &&
		list_item(server->roomless.next, struct entry, queue)->priority >= entry->priority)
		return false;
	if (is_bounce(server, entry) && monotonic_ns() < server->bounce_ns)
		return false;
	if (!place_free(server, entry))
		return false;
	if (memory_free(server, entry))
		return true;
	if (entry->priority == MURAL_PRIORITY_VISIBLE)
		push_back_a_prefetch(server);
	return false;
}

/* The oldest of all heads but those of @tried. */
static struct entry *oldest_head(const struct list queues[QUEUES], unsigned tried)
{
	struct entry *oldest = NULL;
	for (unsigned kind = 0; kind < QUEUES; kind++) {
		struct entry *first = list_item(queues[kind].next, struct entry, queue);
		if (tried & 1u << kind || list_empty(&queues[kind]))
			continue;
		if (!oldest || first->order < oldest->order)
			oldest = first;
	}
	return oldest;
}

/* Of those as urgent as each other. Where the oldest of a kind has to wait, so have the others:
 * nobody walks through ten thousand. */
static struct entry *next_of(struct server *server, const struct list queues[QUEUES])
{
	struct entry *entry;
	bool decoders_busy = false;
	for (unsigned tried = 0; (entry = oldest_head(queues, tried));
		tried |= 1u << kind_of(entry)) {
		bool place = wants_a_place(server, entry);
		if (decoders_busy && place && !may_be_one_more(entry))
			continue;
		if (has_turn(server, entry))
			return entry;
		decoders_busy |= place;
	}
	return NULL;
}

static struct entry *next_in_turn(struct server *server)
{
	struct entry *entry = NULL;
	for (int priority = PRIORITIES - 1; priority >= 0 && !entry; priority--)
		entry = next_of(server, server->queued[priority]);
	return entry;
}

/* A small bitmap is decoded into scratch memory that its slot has; a large one's has none. */
static bool lend_slots_scratch(struct server *server, struct entry *entry)
{
	int r = pool_scratch_of(server->pool, entry->slot, &entry->scratch);
	if (r == 0)
		server->filling++;
	if (r == 0 || r == -EINVAL)
		return true;
	decode_fail(server, entry, r, MURAL_REASON_MEMORY, "no memory");
	return false;
}

/* Gives it the memory that its decoder needs. False: not now; it has gone where it belongs. */
static bool equip(struct server *server, struct entry *entry)
{
	if (straight_is_wanted(server, entry) && !straight_lend(server, entry)) {
		entry->straight_bytes = 0;
		decode_enqueue(server, entry);
		return false;
	}
	if (entry->stage == ENTRY_DECODE) {
		bool bounce = is_bounce(server, entry);
		if (room_take(server, entry) == 0)
			return false;
		if (bounce)
			server->bounce_ns =
				monotonic_ns() + BOUNCE_TIMES * pool_slot_cost_ns(entry->slot);
		if (!lend_slots_scratch(server, entry))
			return false;
	}
	if (job_takes_a_place(entry))
		memory_prepare(server, decoders_bytes(server, entry));
	return true;
}

static void start_all(struct server *server)
{
	struct entry *entry;
	/* (When no decoder process is ready, `available` calls again.) */
	while (!server->ending && nursery_ready(server->nursery) > 0 &&
		(entry = next_in_turn(server)) != NULL) {
		list_remove(&entry->queue);
		if (job_is_hopeless(server, entry)) {
			decode_fail(server, entry, -ETIMEDOUT, MURAL_REASON_TIMEOUT,
				"its file system does not answer");
			continue;
		}
		if (hung_sets_aside(server, entry))
			continue;
		if (!equip(server, entry))
			continue;
		int r = job_submit(server, entry);
		if (r == -EAGAIN) {
			decode_push_back(server, entry);
			return;
		}
		if (r < 0) {
			log_line(LOG_WARNING, "no decoder process: %s", strerror(-r));
			decode_fail(server, entry, r, MURAL_REASON_MEMORY,
				"no decoder process can be had");
		}
	}
}

/* Whatever starts or fails here may call it again: that is one more round of the loop, not another
 * loop inside, of thousands that are refused one after the other. */
void decode_schedule(struct server *server)
{
	if (server->scheduling)
		return;
	server->scheduling = true;
	start_all(server);
	server->scheduling = false;
	if (!server->ending)
		turn_give_way(server);
}
