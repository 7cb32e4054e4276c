/* What a decoder is given: its job, its memory, its limits. */
#include "decode.h"

#include "common/log.h"

#define PROBE_TIMEOUT_NS UINT64_C(10000000000)
#define DECODE_TIMEOUT_NS UINT64_C(30000000000)
#define DECODE_NS_PER_PIXEL 2000u /* on top: 48 s more for 24 MP, fifty times what it takes */
/* A decoder that is killed unmaps what it has, which takes tens of milliseconds, or more where
 * others have the cores. After this it does not go: its file lies on a dead mount, say. */
#define GOING_NS UINT64_C(500000000)
#define PROBE_MEMORY ((uint64_t)32 << 20)

/* Wall time, and the processor time of all threads together. */
static uint64_t timeout_ns(const struct entry *entry, const struct job *job)
{
	uint64_t probe = job->kind == JOB_PROBE ? PROBE_TIMEOUT_NS : 0;
	if (!job_has_window(job))
		return probe;
	uint64_t pixels = job->kind == JOB_PROBE ? job->go_on_pixels
						 : (uint64_t)entry->facts.source_width *
							   entry->facts.source_height;
	return probe + DECODE_TIMEOUT_NS + pixels * DECODE_NS_PER_PIXEL;
}

/* Each fills in what it has beside the request's own, and gives the memory, or -1. */
static int fill_probe(struct job *job)
{
	job->kind = JOB_PROBE;
	job->memory_bytes = PROBE_MEMORY;
	return -1;
}

static int fill_straight(const struct server *server, const struct entry *entry, struct job *job)
{
	job->kind = JOB_PROBE;
	return straight_limit(server, entry, job);
}

static uint32_t filling_flags(enum pool_filling filling)
{
	return (filling != POOL_MAP ? JOB_WRITTEN : 0) |
	       (filling == POOL_COLLAPSE ? JOB_COLLAPSE : 0);
}

static int fill_decode(const struct server *server, const struct entry *entry, struct job *job)
{
	const struct pool_bitmap *bitmap = pool_slot_bitmap(entry->slot);
	int memory;
	job->kind = JOB_DECODE;
	job->width = bitmap->width;
	job->height = bitmap->height;
	job->stride_bytes = bitmap->stride_bytes;
	job->threads = turn_helpers(server, entry);
	job->memory_bytes = job_memory_bytes(&entry->facts, job->threads);
	pool_window(entry->slot, &memory, &job->window_offset, &job->window_length);
	job->flags |= filling_flags(pool_window_filling(server->pool, entry->slot, monotonic_ns()));
	return memory;
}

static int fill(const struct server *server, const struct entry *entry, struct job *job)
{
	if (entry->stage == ENTRY_DECODE)
		return fill_decode(server, entry, job);
	return entry->scratch ? fill_straight(server, entry, job) : fill_probe(job);
}

bool job_takes_a_place(const struct entry *entry)
{
	return entry->stage == ENTRY_DECODE || entry->scratch;
}

int job_submit(struct server *server, struct entry *entry)
{
	struct job job = {
		.flags = (entry->key.flags & PROTOCOL_AS_STORED ? JOB_AS_STORED : 0) |
			 (entry->key.flags & PROTOCOL_ALLOW_PARTIAL ? JOB_ALLOW_PARTIAL : 0) |
			 (entry->key.flags & PROTOCOL_PREVIEW ? JOB_PREVIEW : 0),
		.format = entry->key.format,
		.box_width = entry->box_width,
		.box_height = entry->box_height,
		.max_pixels = server->options.max_pixels,
	};
	int memory = fill(server, entry, &job);
	job.flags |= entry->scratch ? JOB_SCRATCH : 0;
	uint64_t timeout = timeout_ns(entry, &job);
	job.cpu_seconds = (uint32_t)(timeout / 1000000000u);
	int r = nursery_submit(
		server->nursery, &job, entry->source_fd, memory, entry, &entry->worker);
	if (r < 0)
		return r;
	worker_lend(entry->worker, entry->scratch);
	entry->started_ns = monotonic_ns();
	entry->deadline_ns = entry->started_ns + timeout;
	entry->kill = ENTRY_ALIVE;
	entry->halted_ns = 0;
	entry->cpu_ns = 0;
	entry->waits = 0;
	entry->hangs = false;
	entry->helpers = job.threads;
	list_append(&server->running, &entry->running_node);
	server->counters.decoder_processes++;
	return 0;
}

struct pool_scratch *job_ended(struct server *server, struct entry *entry)
{
	entry->worker = NULL;
	list_remove(&entry->running_node);
	if (entry->hangs)
		hung_try_again(server);
	return take_ptr(&entry->scratch);
}

void job_kill(struct entry *entry, enum entry_kill why)
{
	if (entry->kill == ENTRY_ALIVE)
		entry->deadline_ns = monotonic_ns() + GOING_NS;
	entry->kill = why;
	worker_kill(entry->worker);
}

/* ---- decoders that do not go ---- */

/* A large bitmap's is its slot's own; a small one's was lent to the decoder when it started. */
static int leave_region(struct server *server, struct entry *entry, struct pool_scratch **ret)
{
	int r = pool_scratch_leave(server->pool, entry->slot, ret);
	if (r == 0 && !entry->again)
		entry->slot = NULL;
	return r;
}

static void leave(struct server *server, struct worker *worker, struct stray *stray)
{
	log_line(LOG_WARNING, "a decoder that was killed does not end: it is left to itself");
	stray->since_ns = monotonic_ns();
	list_append(&server->strays, &stray->node);
	worker_let_go(worker, stray);
}

bool job_let_go(struct server *server, struct entry *entry)
{
	struct stray *stray = calloc(1, sizeof(*stray));
	bool large = entry->stage == ENTRY_DECODE && !entry->scratch;
	if (!stray || (large && leave_region(server, entry, &stray->scratch) < 0)) {
		free(stray);
		entry->deadline_ns = monotonic_ns() + GOING_NS;
		return false;
	}
	leave(server, entry->worker, stray);
	stray->device = entry->key.identity.device;
	/* What it has is not about to be given back. */
	server->filling -= large || entry->scratch;
	struct pool_scratch *lent = job_ended(server, entry);
	if (lent)
		stray->scratch = lent;
	return true;
}

/* Its answer has been taken. */
void job_stays(struct worker *worker, void *scratch, void *user)
{
	struct server *server = user;
	struct stray *stray = calloc(1, sizeof(*stray));
	if (!stray)
		return; /* it is told of again */
	leave(server, worker, stray);
	stray->scratch = scratch;
	server->filling -= scratch != NULL;
	decode_room(server); /* who waits for that room may have to be told that there is none */
}

void job_left(void *job_user, void *user)
{
	struct server *server = user;
	struct stray *stray = job_user;
	list_remove(&stray->node);
	pool_scratch_give_back(server->pool, stray->scratch);
	free(stray);
	if (!server->ending)
		decode_room(server);
}

/* One that is only slow lets its decoders go soon after. */
bool job_is_hopeless(const struct server *server, const struct entry *entry)
{
	unsigned dead = 0;
	uint64_t now_ns = monotonic_ns();
	list_for_each (node, &server->strays) {
		const struct stray *stray = list_item(node, struct stray, node);
		dead += stray->device == entry->key.identity.device &&
			now_ns - stray->since_ns > FILES_TIMEOUT_NS;
	}
	return dead >= server->options.workers;
}
