/* An entry's way to pixels.
 *
 *     PROBE -> DECODE -> VERIFY -> CACHED
 *                 \-> ROOM -^
 *
 * Any step may fail: then every waiting request is told, and the entry is forgotten, or, when it
 * had been purged before, is CACHED and PURGED again.
 *
 * Decoders are few: entries queue by priority, then by age. Room is taken only when a decoder is
 * free for it, so that a long queue holds no memory. A prefetch that holds a decoder gives way to
 * what somebody is waiting to see: it is killed and queued again. */
#include "parts.h"

#include "common/log.h"

#include <mural/pixel.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define PROBE_TIMEOUT_NS UINT64_C(10000000000)
#define DECODE_TIMEOUT_NS UINT64_C(30000000000)
#define DECODE_NS_PER_PIXEL 2000u /* on top: 48 s more for 24 MP, fifty times what it takes */
#define BOUNCE_TIMES 5            /* of what the last one takes passes before the next */
#define PROBE_MEMORY ((uint64_t)32 << 20)
/* What a decoder may ask for at most, for each pixel it may decode (progressive 4:4:4 coefficients
 * are 6 bytes), and for its tables and rows, however small the pictures. */
#define MEMORY_PER_PIXEL 16u
#define MEMORY_AT_LEAST ((uint64_t)64 << 20)

static bool in_queue(const struct entry *entry)
{
	return !list_empty(&entry->queue);
}

static uint32_t highest_priority(const struct entry *entry)
{
	uint32_t priority = MURAL_PRIORITY_PREFETCH;
	list_for_each (node, &entry->requests)
		priority = max_u64(
			priority, list_item(node, struct request, in_entry)->wanted.priority);
	return priority;
}

static void enqueue(struct server *server, struct entry *entry)
{
	list_remove(&entry->queue);
	/* Older ones first within a priority; an entry that was pushed back keeps its age. */
	struct list *head = &server->queued[entry->priority];
	struct list *before = head->next;
	while (before != head && list_item(before, struct entry, queue)->order < entry->order)
		before = before->next;
	list_append(before, &entry->queue);
}

static void wait_for_room(struct server *server, struct entry *entry)
{
	list_remove(&entry->queue);
	entry->stage = ENTRY_ROOM;
	struct list *before = server->roomless.next;
	while (before != &server->roomless) {
		const struct entry *other = list_item(before, struct entry, queue);
		if (other->priority < entry->priority ||
			(other->priority == entry->priority && other->order > entry->order))
			break;
		before = before->next;
	}
	list_append(before, &entry->queue);
	pool_set_waiters(server->pool, true);
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

/* Into the queue again, at its age; meanwhile it holds no memory. */
static void push_back(struct server *server, struct entry *entry)
{
	give_slot_back(server, entry);
	enqueue(server, entry);
}

/* Back to what it was before this decode: purged and remembered, or unknown. */
static void retire(struct server *server, struct entry *entry)
{
	close_source(server, entry);
	list_remove(&entry->queue);
	give_slot_back(server, entry);
	if (entry->slot)
		entry->stage = ENTRY_CACHED;
	else
		cache_forget(server, entry);
}

static void fail_all(struct server *server, struct entry *entry, int error,
	enum mural_reason reason, const char *text)
{
	while (!list_empty(&entry->requests))
		request_fail(list_item(entry->requests.next, struct request, in_entry), error,
			reason, text);
	retire(server, entry);
	decode_room(server);
}

static void answer_all(struct entry *entry)
{
	while (!list_empty(&entry->requests))
		request_ready(list_item(entry->requests.next, struct request, in_entry), entry);
}

/* ---- room ---- */

static void fail_impatient(struct entry *entry)
{
	list_for_each (node, &entry->requests) {
		struct request *request = list_item(node, struct request, in_entry);
		if (!(request->wanted.flags & PROTOCOL_WAIT))
			request_fail(request, -ENOSPC, MURAL_REASON_NO_ROOM,
				"no room: everything in the pool is pinned");
	}
}

static uint64_t bitmap_bytes(const struct entry *entry)
{
	uint32_t stride;
	uint64_t bytes = UINT64_MAX;
	mural_bitmap_layout(
		entry->key.format, entry->facts.width, entry->facts.height, &stride, &bytes);
	return bytes;
}

static int reserve(struct server *server, struct entry *entry)
{
	const struct request *first = list_item(entry->requests.next, struct request, in_entry);
	struct pool_holder *holder = first->session->holder;
	uint64_t now = monotonic_ns();
	if (entry->again)
		return pool_refill(server->pool, entry->slot, holder, now);
	struct pool_bitmap bitmap = {
		.format = entry->key.format,
		.width = entry->facts.width,
		.height = entry->facts.height,
	};
	if (!mural_bitmap_layout(bitmap.format, bitmap.width, bitmap.height, &bitmap.stride_bytes,
		    &bitmap.size_bytes))
		return -EFBIG;
	int r = pool_reserve(server->pool, &bitmap, first->session->uid, holder, now, &entry->slot);
	if (r == 0)
		pool_slot_set_user(entry->slot, entry);
	return r;
}

/* While the same bitmaps go and come back, what may only be needed does not take the place of what
 * is. */
static bool is_unwelcome(struct server *server, const struct entry *entry)
{
	return entry->priority == MURAL_PRIORITY_PREFETCH &&
	       pool_is_thrashing(server->pool, monotonic_ns());
}

/* Takes room for an entry whose turn has come. 1: it has a slot; 0: it has ended, or waits. */
static int find_room(struct server *server, struct entry *entry)
{
	if (is_unwelcome(server, entry)) {
		fail_all(server, entry, -ENOSPC, MURAL_REASON_THRASHING,
			"not fetched ahead: what is wanted does not fit");
		return 0;
	}
	int r = reserve(server, entry);
	while (r == -EDQUOT) {
		/* Whose quota it is decides who fails; the others go on. */
		request_fail(list_item(entry->requests.next, struct request, in_entry), -EDQUOT,
			MURAL_REASON_QUOTA, "too much pinned by this program");
		if (list_empty(&entry->requests)) {
			retire(server, entry);
			return 0;
		}
		r = reserve(server, entry);
	}
	if (r == 0) {
		server->filling++;
		return 1;
	}
	if (r == -ENOSPC) {
		/* What is being decoded can be given up soon; only pins can last for ever. */
		if (server->filling == 0)
			fail_impatient(entry);
		if (list_empty(&entry->requests))
			retire(server, entry);
		else
			wait_for_room(server, entry);
	} else if (r == -EFBIG && bitmap_bytes(entry) > server->options.budget_bytes / 2) {
		/* (A limit on the size of files gives the same error: it has nothing to do with the
		 * pool.) */
		fail_all(server, entry, -EFBIG, MURAL_REASON_TOO_LARGE,
			"larger than the whole pool");
	} else {
		fail_all(server, entry, r, MURAL_REASON_MEMORY, strerror(-r));
	}
	return 0;
}

void decode_room(struct server *server)
{
	if (!list_empty(&server->roomless)) {
		list_for_each (node, &server->roomless) {
			struct entry *entry = list_item(node, struct entry, queue);
			entry->stage = ENTRY_DECODE;
			enqueue(server, entry);
		}
		pool_set_waiters(server->pool, false);
	}
	decode_schedule(server);
}

/* ---- asking ---- */

static void begin(struct server *server, struct entry *entry, bool again)
{
	entry->again = again;
	entry->order = ++server->order;
	server->counters.misses++;
	entry->stage = again ? ENTRY_DECODE : ENTRY_PROBE;
	enqueue(server, entry);
	decode_schedule(server);
}

/* Is the bitmap there? Brings an idle one back. -EDQUOT. */
static int bring_back(struct server *server, struct entry *entry, const struct request *request)
{
	if (!entry->slot || pool_slot_state(entry->slot) == BOARD_PURGED)
		return 1;
	return pool_revive(server->pool, entry->slot, request->session->holder, monotonic_ns());
}

void decode_want(struct server *server, struct entry *entry, struct request *request, int fd)
{
	bool fresh = entry->source_fd < 0 && entry->stage != ENTRY_VERIFY;
	request->entry = entry;
	list_append(&entry->requests, &request->in_entry);
	if (entry->stage == ENTRY_CACHED) {
		int r = bring_back(server, entry, request);
		if (r <= 0)
			files_close(server->files, fd);
		if (r == 0) {
			server->counters.hits++;
			request_ready(request, entry);
			return;
		}
		if (r < 0) {
			request_fail(request, -EDQUOT, MURAL_REASON_QUOTA,
				"too much pinned by this program");
			return;
		}
	}
	if (fresh && fd < 0) {
		list_remove(&request->in_entry);
		request_fail(request, fd, MURAL_REASON_MEMORY, "no descriptor left");
		if (entry->stage != ENTRY_CACHED)
			retire(server, entry);
		return;
	}
	if (!fresh) { /* somebody's descriptor of the same file is there already */
		files_close(server->files, fd);
		server->counters.joined++;
		decode_reconsider(server, entry);
		return;
	}
	entry->source_fd = fd;
	entry->priority = request->wanted.priority;
	begin(server, entry, entry->slot != NULL);
}

/* Nobody waits any more: stop as soon as the decoder lets go. */
static void abort_entry(struct server *server, struct entry *entry)
{
	if (entry->worker) {
		entry->kill = ENTRY_KILLED_UNWANTED;
		worker_kill(entry->worker);
	} else if (entry->stage != ENTRY_VERIFY) { /* that one is done but for a look: keep it */
		retire(server, entry);
		decode_room(server);
	}
}

void decode_reconsider(struct server *server, struct entry *entry)
{
	if (entry->stage == ENTRY_CACHED)
		return;
	if (list_empty(&entry->requests)) {
		abort_entry(server, entry);
		return;
	}
	uint32_t priority = highest_priority(entry);
	if (priority == entry->priority)
		return;
	entry->priority = priority;
	if (in_queue(entry)) {
		if (entry->stage == ENTRY_ROOM)
			wait_for_room(server, entry);
		else
			enqueue(server, entry);
	}
	decode_schedule(server);
}

/* ---- decoders ---- */

static uint64_t decode_timeout_ns(const struct entry *entry)
{
	return DECODE_TIMEOUT_NS + (uint64_t)entry->facts.source_width *
					   entry->facts.source_height * DECODE_NS_PER_PIXEL;
}

/* Helper threads pay only while a core is free and nobody as urgent is about to use it; and a
 * prefetch, which may have to give way at any moment, gets none. The look whether a preview is to
 * be had takes less than a millisecond, and is asked for beside nearly every picture. */
static uint32_t helpers_for(const struct server *server, const struct entry *entry)
{
	if (entry->stage == ENTRY_PROBE || entry->priority == MURAL_PRIORITY_PREFETCH ||
		server->decoding > 0)
		return 0;
	for (uint32_t priority = entry->priority; priority < PRIORITIES; priority++)
		if (!list_empty(&server->queued[priority]))
			return 0;
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		bool look = other->stage == ENTRY_PROBE && other->key.flags & PROTOCOL_PREVIEW;
		if (other->priority >= entry->priority && !look)
			return 0;
	}
	return (uint32_t)min_u64(server->options.workers - 1, JOB_THREADS_MAX);
}

static int submit(struct server *server, struct entry *entry)
{
	bool probe = entry->stage == ENTRY_PROBE;
	uint64_t timeout = probe ? PROBE_TIMEOUT_NS : decode_timeout_ns(entry);
	struct job job = {
		.kind = probe ? JOB_PROBE : JOB_DECODE,
		.flags = (entry->key.flags & PROTOCOL_AS_STORED ? JOB_AS_STORED : 0) |
			 (entry->key.flags & PROTOCOL_ALLOW_PARTIAL ? JOB_ALLOW_PARTIAL : 0) |
			 (entry->key.flags & PROTOCOL_PREVIEW ? JOB_PREVIEW : 0),
		.format = entry->key.format,
		.box_width = entry->box_width,
		.box_height = entry->box_height,
		.max_pixels = server->options.max_pixels,
		.memory_bytes = probe ? PROBE_MEMORY : entry->facts.memory_bytes,
		.cpu_seconds = (uint32_t)(timeout / 1000000000u),
		.threads = helpers_for(server, entry),
	};
	int memory = -1;
	if (!probe) {
		const struct pool_bitmap *bitmap = pool_slot_bitmap(entry->slot);
		job.width = bitmap->width;
		job.height = bitmap->height;
		job.stride_bytes = bitmap->stride_bytes;
		pool_window(entry->slot, &memory, &job.window_offset, &job.window_length);
		if (pool_window_is_written(server->pool, entry->slot))
			job.flags |= JOB_WRITTEN;
	}
	int r = nursery_submit(
		server->nursery, &job, entry->source_fd, memory, entry, &entry->worker);
	if (r < 0)
		return r;
	entry->started_ns = monotonic_ns();
	entry->deadline_ns = entry->started_ns + timeout;
	entry->kill = ENTRY_ALIVE;
	entry->helpers = job.threads;
	server->helping += job.threads;
	entry->nursery = nursery_pid(server->nursery);
	list_append(&server->running, &entry->running_node);
	*(probe ? &server->probing : &server->decoding) += 1;
	return 0;
}

/* A running prefetch gives its decoder to what somebody waits to see. */
static bool push_back_a_prefetch(struct server *server)
{
	struct entry *victim = NULL;
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->stage == ENTRY_DECODE && entry->kill != ENTRY_ALIVE)
			return true; /* one is on its way out already */
		if (entry->stage == ENTRY_DECODE && entry->priority == MURAL_PRIORITY_PREFETCH)
			victim = entry; /* the last one has done the least */
	}
	if (!victim)
		return false;
	victim->kill = ENTRY_KILLED_UNWANTED;
	worker_kill(victim->worker);
	return true;
}

static bool somebody_waits(const struct entry *entry)
{
	list_for_each (node, &entry->requests)
		if (list_item(node, struct request, in_entry)->wanted.flags & PROTOCOL_WAIT)
			return true;
	return false;
}

/* What a decoder takes at the most: its own memory, and the pages that it fills. */
static uint64_t decoder_bytes(const struct entry *entry)
{
	uint64_t sum;
	return __builtin_add_overflow(bitmap_bytes(entry), entry->facts.memory_bytes, &sum)
		       ? UINT64_MAX
		       : sum;
}

/* What all that run may yet take, and @entry. */
static uint64_t decoders_bytes(const struct server *server, const struct entry *entry)
{
	uint64_t bytes = decoder_bytes(entry);
	list_for_each (node, &server->running) {
		const struct entry *other = list_item(node, struct entry, running_node);
		if (other->stage == ENTRY_DECODE &&
			__builtin_add_overflow(bytes, decoder_bytes(other), &bytes))
			return UINT64_MAX;
	}
	return bytes;
}

/* A coarse picture is quick and small, and of no use after the picture itself, whose decode may
 * have begun: it waits for no decoder. */
static bool may_be_one_more(const struct entry *entry)
{
	return entry->key.flags & PROTOCOL_PREVIEW && entry->priority == MURAL_PRIORITY_VISIBLE;
}

/* Decoders at once are as many as there is memory for, so that decoding under pressure does not
 * bring the machine down; but one always may. */
static bool decoder_free(struct server *server, const struct entry *entry)
{
	/* The helpers of what somebody waits for have the cores. */
	if (entry->priority == MURAL_PRIORITY_PREFETCH && server->helping > 0 &&
		server->decoding + server->helping >= server->options.workers)
		return false;
	unsigned most = server->options.workers + may_be_one_more(entry);
	if (server->decoding == 0 || server->decoding >= most)
		return server->decoding == 0;
	return memory_allows(server, decoders_bytes(server, entry));
}

/* Bringing back what has just gone, when nobody is looking at the hole: while the pool thrashes,
 * that gets a fifth of one processor. */
static bool is_bounce(struct server *server, const struct entry *entry)
{
	return entry->again && entry->priority < MURAL_PRIORITY_VISIBLE &&
	       pool_was_purged_lately(server->pool, entry->slot) &&
	       pool_is_thrashing(server->pool, monotonic_ns());
}

/* Headers are quick to read: they do not wait for the decoders in front of them. Who is ready to
 * wait for room does not overtake those who wait already, unless he is more urgent; who is not
 * tries at once, and fails at once. */
static bool has_turn(struct server *server, const struct entry *entry)
{
	if (entry->stage == ENTRY_PROBE)
		return server->probing < server->options.workers;
	if (!list_empty(&server->roomless) && somebody_waits(entry) &&
		list_item(server->roomless.next, struct entry, queue)->priority >= entry->priority)
		return false;
	if (is_bounce(server, entry) && monotonic_ns() < server->bounce_ns)
		return false;
	if (decoder_free(server, entry))
		return true;
	if (entry->priority == MURAL_PRIORITY_VISIBLE)
		push_back_a_prefetch(server);
	return false;
}

static struct entry *next_in_turn(struct server *server)
{
	for (int priority = PRIORITIES - 1; priority >= 0; priority--) {
		bool decoders_busy = false;
		list_for_each (node, &server->queued[priority]) {
			struct entry *entry = list_item(node, struct entry, queue);
			if (decoders_busy && entry->stage == ENTRY_DECODE &&
				!may_be_one_more(entry))
				continue;
			if (has_turn(server, entry))
				return entry;
			decoders_busy |= entry->stage == ENTRY_DECODE;
		}
	}
	return NULL;
}

void decode_schedule(struct server *server)
{
	struct entry *entry;
	/* (When no decoder process is ready, `available` calls again.) */
	while (!server->ending && nursery_ready(server->nursery) > 0 &&
		(entry = next_in_turn(server)) != NULL) {
		list_remove(&entry->queue);
		if (entry->stage == ENTRY_DECODE) {
			bool bounce = is_bounce(server, entry);
			if (find_room(server, entry) == 0)
				continue;
			memory_prepare(server, decoders_bytes(server, entry));
			if (bounce)
				server->bounce_ns = monotonic_ns() +
						    BOUNCE_TIMES * pool_slot_cost_ns(entry->slot);
		}
		int r = submit(server, entry);
		if (r == -EAGAIN) {
			push_back(server, entry);
			return;
		}
		if (r < 0) {
			log_line(LOG_WARNING, "no decoder process: %s", strerror(-r));
			fail_all(server, entry, r, MURAL_REASON_MEMORY,
				"no decoder process can be had");
		}
	}
}

/* ---- answers of decoders ---- */

/* Most likely by the OOM killer: then the pages that it had filled must go, or the next decoder
 * dies as well. */
static void fail_killed(struct server *server, struct entry *entry)
{
	uint64_t bytes = entry->stage == ENTRY_DECODE ? bitmap_bytes(entry) : 0;
	fail_all(server, entry, -ENOMEM, MURAL_REASON_KILLED,
		"its decoder was killed (out of memory?)");
	if (bytes > 0)
		pool_shrink(server->pool, bytes, monotonic_ns());
}

static void fail_ended(struct server *server, struct entry *entry, int signal)
{
	log_line(LOG_INFO, "a decoder ended with signal %d", signal);
	if (entry->kill == ENTRY_KILLED_LATE || signal == SIGXCPU)
		fail_all(server, entry, -ETIMEDOUT, MURAL_REASON_TIMEOUT, "decoding took too long");
	else if (signal == SIGKILL)
		fail_killed(server, entry);
	else
		fail_all(server, entry, -ECONNABORTED, MURAL_REASON_CRASHED, "its decoder crashed");
}

static void fail_result(struct server *server, struct entry *entry, const struct job_result *result)
{
	char text[sizeof(result->text)];
	memcpy(text, result->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (char *c = text; *c;
		c++) /* a hostile decoder must not write to a terminal through us */
		if (*c < ' ' || *c > '~')
			*c = '?';
	bool known =
		result->reason > MURAL_REASON_NONE && result->reason <= MURAL_REASON_NO_PREVIEW;
	int error = result->error < 0 && result->error >= -4095 ? result->error : -EBADMSG;
	fail_all(server, entry, error,
		known ? (enum mural_reason)result->reason : MURAL_REASON_CORRUPT, text);
}

/* Does a probe's answer make sense? */
static bool plausible(
	const struct server *server, const struct entry *entry, const struct job_result *facts)
{
	if (facts->source_width == 0 || facts->source_height == 0 ||
		facts->source_width > MURAL_SIDE_MAX || facts->source_height > MURAL_SIDE_MAX)
		return false;
	if ((uint64_t)facts->source_width * facts->source_height > server->options.max_pixels)
		return false;
	uint32_t width, height;
	mural_fit(facts->source_width, facts->source_height, entry->box_width, entry->box_height,
		&width, &height);
	if (entry->key.flags & PROTOCOL_PREVIEW)
		return facts->width > 0 && facts->width <= width && facts->height > 0 &&
		       facts->height <= height;
	return facts->width == width && facts->height == height;
}

static const uint32_t facts_flags =
	MURAL_BITMAP_PARTIAL | MURAL_BITMAP_HAS_ALPHA | MURAL_BITMAP_SCALED | MURAL_BITMAP_PREVIEW;

static void on_probed(struct server *server, struct entry *entry, const struct job_result *facts)
{
	if (!plausible(server, entry, facts)) {
		fail_all(server, entry, -ECONNABORTED, MURAL_REASON_CRASHED,
			"its decoder answered nonsense");
		return;
	}
	entry->facts = *facts;
	entry->facts.flags &= facts_flags;
	entry->facts.memory_bytes = min_u64(facts->memory_bytes,
		MEMORY_AT_LEAST + server->options.max_pixels * MEMORY_PER_PIXEL);
	struct entry *settled = cache_settle(server, entry);
	if (settled == entry) {
		entry->stage = ENTRY_DECODE;
		enqueue(server, entry);
		return;
	}
	/* The same pixels are known under another box: everybody who waits goes there. */
	int fd = take_fd(&entry->source_fd);
	while (!list_empty(&entry->requests)) {
		struct request *request = list_item(entry->requests.next, struct request, in_entry);
		list_remove(&request->in_entry);
		decode_want(server, settled, request, dup_cloexec(fd));
	}
	files_close(server->files, fd);
	cache_forget(server, entry);
}

static void publish(struct server *server, struct entry *entry)
{
	bool prefetched = entry->priority == MURAL_PRIORITY_PREFETCH;
	int r = pool_publish(server->pool, entry->slot, entry->cost_ns, prefetched, monotonic_ns());
	if (r < 0) {
		fail_all(server, entry, r, MURAL_REASON_MEMORY, "the bitmap could not be stored");
		return;
	}
	server->filling--;
	server->counters.redecodes += entry->again;
	server->counters.redecode_cpu_ns += entry->again ? entry->cost_ns : 0;
	entry->stage = ENTRY_CACHED;
	answer_all(entry);
	decode_room(server);
}

static void on_verified(void *user, const struct file_answer *answer)
{
	struct entry *entry = user;
	struct server *server = entry->server;
	entry->ticket = NULL;
	if (answer->error < 0 ||
		memcmp(&answer->identity, &entry->key.identity, sizeof(answer->identity)) != 0) {
		fail_all(server, entry, -ESTALE, MURAL_REASON_CHANGED,
			"the file changed while it was decoded");
		return;
	}
	publish(server, entry);
}

static void on_decoded(struct server *server, struct entry *entry, const struct job_result *result,
	uint64_t cpu_ns)
{
	const struct pool_bitmap *bitmap = pool_slot_bitmap(entry->slot);
	if (result->width != bitmap->width || result->height != bitmap->height) {
		fail_all(server, entry, -ECONNABORTED, MURAL_REASON_CRASHED,
			"its decoder answered nonsense");
		return;
	}
	server->counters.decodes++;
	entry->facts.flags = result->flags & facts_flags;
	entry->facts.decode_ns = monotonic_ns() - entry->started_ns;
	server->counters.decode_ns += entry->facts.decode_ns;
	/* Not the wall time: that doubles when two decoders meet on one processor. */
	entry->cost_ns = cpu_ns > 0 ? cpu_ns : entry->facts.decode_ns;
	server->counters.decode_cpu_ns += entry->cost_ns;
	entry->stage = ENTRY_VERIFY;
	int r = files_verify(server->files, take_fd(&entry->source_fd), on_verified, entry,
		monotonic_ns(), &entry->ticket);
	if (r < 0)
		fail_all(server, entry, r, MURAL_REASON_MEMORY, "no thread to look at the file");
}

/* Decoders die with the process that forked them; that is nothing against their picture. */
static bool lost_its_nursery(const struct server *server, const struct entry *entry)
{
	siginfo_t info = {0};
	if (nursery_pid(server->nursery) != entry->nursery)
		return true;
	return waitid(P_PID, (id_t)entry->nursery, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

void decode_finished(struct worker *worker, void *job_user, bool answered,
	const struct job_result *result, int signal, void *user)
{
	struct server *server = user;
	struct entry *entry = job_user;
	bool probe = entry->stage == ENTRY_PROBE;
	entry->worker = NULL;
	list_remove(&entry->running_node);
	*(probe ? &server->probing : &server->decoding) -= 1;
	server->helping -= entry->helpers;
	if (server->ending)
		return;
	if (list_empty(&entry->requests)) {
		retire(server, entry);
		decode_room(server);
	} else if (!answered &&
		   (entry->kill == ENTRY_KILLED_UNWANTED || lost_its_nursery(server, entry))) {
		push_back(server, entry); /* it gave way, or somebody new came: once more */
	} else if (!answered || result->error < 0) {
		bool refused = answered && result->reason == MURAL_REASON_NO_PREVIEW;
		server->counters.decode_failures += !refused;
		if (!answered)
			fail_ended(server, entry, signal);
		else
			fail_result(server, entry, result);
	} else if (probe) {
		on_probed(server, entry, result);
	} else {
		on_decoded(server, entry, result, worker_cpu_ns(worker));
	}
	decode_schedule(server);
}

/* ---- time, and the end ---- */

uint64_t decode_deadline(const struct server *server)
{
	uint64_t deadline = UINT64_MAX;
	if (server->bounce_ns > 0)
		deadline = server->bounce_ns;
	list_for_each (node, &server->running)
		deadline =
			min_u64(deadline, list_item(node, struct entry, running_node)->deadline_ns);
	return deadline;
}

void decode_tick(struct server *server, uint64_t now_ns)
{
	if (server->bounce_ns > 0 && server->bounce_ns <= now_ns) {
		server->bounce_ns = 0;
		decode_schedule(server);
	}
	list_for_each (node, &server->running) {
		struct entry *entry = list_item(node, struct entry, running_node);
		if (entry->deadline_ns > now_ns || entry->kill != ENTRY_ALIVE)
			continue;
		entry->kill = ENTRY_KILLED_LATE;
		entry->deadline_ns = UINT64_MAX;
		worker_kill(entry->worker);
	}
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
