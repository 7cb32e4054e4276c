/* An entry's way to pixels: how it begins, who joins it, and how it ends.
 *
 *     PROBE -> DECODE -> VERIFY -> CACHED
 *       |         \-> ROOM -^        ^
 *       \-- decoded at once: VERIFY -/
 *
 * Any step may fail: then every waiting request is told, and the entry is forgotten, or, when it
 * had been purged before, is CACHED and PURGED again. decode.h says where the steps are. */
#include "decode.h"

static bool in_queue(const struct entry *entry)
{
	return !list_empty(&entry->queue);
}

static uint32_t highest_priority(const struct entry *entry)
{
	uint32_t priority = PRIORITIES - 1;
	while (priority > MURAL_PRIORITY_PREFETCH && entry->waiting[priority] == 0)
		priority--;
	return priority;
}

/* ---- ends ---- */

static void close_source(struct server *server, struct entry *entry)
{
	files_close(server->files, entry->source_fd);
	entry->source_fd = -1;
}

static void give_slot_back(struct server *server, struct entry *entry)
{
	struct pool_slot *slot = entry->slot;
	if (!slot || pool_slot_state(slot) != BOARD_FILLING)
		return;
	server->filling--;
	if (!entry->again)
		entry->slot = NULL; /* a new slot is forgotten with its memory */
	pool_abandon(server->pool, slot);
}

void decode_push_back(struct server *server, struct entry *entry)
{
	give_slot_back(server, entry);
	straight_collect(server, take_ptr(&entry->scratch));
	decode_enqueue(server, entry);
}

void decode_retire(struct server *server, struct entry *entry)
{
	close_source(server, entry);
	list_remove(&entry->queue);
	give_slot_back(server, entry);
	straight_collect(server, take_ptr(&entry->scratch));
	if (entry->slot)
		entry->stage = ENTRY_CACHED;
	else
		cache_forget(server, entry);
}

void decode_fail(struct server *server, struct entry *entry, int error, enum mural_reason reason,
	const char *text)
{
	while (!list_empty(&entry->requests))
		request_fail(list_item(entry->requests.next, struct request, in_entry), error,
			reason, text);
	decode_retire(server, entry);
	decode_room(server);
}

/* ---- asking ---- */

static void begin(struct server *server, struct entry *entry, bool again)
{
	entry->again = again;
	entry->given_again = entry->has_taken_room = false;
	entry->order = ++server->order;
	server->counters.misses++;
	entry->stage = again ? ENTRY_DECODE : ENTRY_PROBE;
	entry->straight_bytes = again ? 0 : straight_window(entry);
	decode_enqueue(server, entry);
	decode_schedule(server);
}

/* Is the bitmap there? Brings an idle one back. -EDQUOT. */
static int bring_back(struct server *server, struct entry *entry, const struct request *request)
{
	if (!entry->slot || pool_slot_state(entry->slot) == BOARD_PURGED)
		return 1;
	return pool_revive(server->pool, entry->slot, request->session->holder, monotonic_ns());
}

bool decode_want(struct server *server, struct entry *entry, struct request *request, int fd)
{
	bool fresh = entry->source_fd < 0 && entry->stage != ENTRY_VERIFY;
	request_wait_for(request, entry);
	if (entry->stage == ENTRY_CACHED) {
		int r = bring_back(server, entry, request);
		if (r == 0) {
			server->counters.hits++;
			request_ready(request, entry);
			return false;
		}
		if (r < 0) {
			request_fail(request, -EDQUOT, MURAL_REASON_QUOTA,
				"too much pinned by this program");
			return false;
		}
	}
	if (!fresh) { /* somebody's descriptor of the same file is there already */
		server->counters.joined++;
		decode_reconsider(server, entry);
		return false;
	}
	entry->source_fd = fd;
	entry->priority = request->wanted.priority;
	begin(server, entry, entry->slot != NULL);
	return true;
}

/* Nobody waits any more: stop as soon as the decoder lets go. */
static void abort_entry(struct server *server, struct entry *entry)
{
	if (entry->worker) {
		job_kill(entry, ENTRY_KILLED_UNWANTED);
		decode_schedule(server);           /* others need not stand still for it */
	} else if (entry->stage != ENTRY_VERIFY) { /* that one is done but for a look: keep it */
		decode_retire(server, entry);
		decode_room(server);
	}
}

void decode_reconsider(struct server *server, struct entry *entry)
{
	/* (At the end the nursery has gone first, and all its workers with it.) */
	if (entry->stage == ENTRY_CACHED || server->ending)
		return;
	if (list_empty(&entry->requests)) {
		abort_entry(server, entry);
		return;
	}
	uint32_t priority = highest_priority(entry);
	if (priority == entry->priority)
		return;
	entry->priority = priority;
	if (entry->hangs)
		hung_try_again(server);
	if (in_queue(entry)) {
		if (entry->stage == ENTRY_ROOM)
			room_wait(server, entry);
		else
			decode_enqueue(server, entry);
	}
	decode_schedule(server);
}

/* ---- time, and the end ---- */

uint64_t decode_deadline(const struct server *server)
{
	uint64_t deadline = hung_watch_deadline(server);
	if (server->bounce_ns > 0)
		deadline = min_u64(deadline, server->bounce_ns);
	list_for_each (node, &server->running) {
		const struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->halted_ns == 0 || entry->kill != ENTRY_ALIVE)
			deadline = min_u64(deadline, entry->deadline_ns);
	}
	return deadline;
}

void decode_tick(struct server *server, uint64_t now_ns)
{
	if (server->bounce_ns > 0 && server->bounce_ns <= now_ns) {
		server->bounce_ns = 0;
		decode_schedule(server);
	}
	hung_watch(server, now_ns);
	bool killed = false;
	server->scheduling =
		true; /* so that none starts, and ends, while they are walked through */
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->deadline_ns > now_ns ||
			(entry->kill == ENTRY_ALIVE && entry->halted_ns > 0))
			continue;
		if (entry->kill != ENTRY_ALIVE)
			decode_let_go(server, entry);
		else
			job_kill(entry, ENTRY_KILLED_LATE);
		killed = true;
	}
	server->scheduling = false;
	if (killed)
		decode_schedule(server);
}

void decode_slot_forgotten(struct pool_slot *slot, void *user)
{
	struct server *server = user;
	struct entry *entry = pool_slot_user(slot);
	if (!entry || entry->slot != slot)
		return;
	entry->slot = NULL;
	entry->again = false; /* its size is known: it may still get a new slot */
	if (entry->stage == ENTRY_CACHED)
		cache_forget(server, entry);
}
