/* What decoders answered, or did not: every word of it is hostile. */
#include "decode.h"

#include "common/log.h"

#include <mural/pixel.h>
#include <signal.h>
#include <string.h>

/* What a decoder may ask for at most, for each pixel it may decode (progressive 4:4:4 coefficients
 * are 6 bytes), and for its tables and rows, however small the pictures. */
#define MEMORY_PER_PIXEL 16u
#define MEMORY_AT_LEAST ((uint64_t)64 << 20)

static const uint32_t facts_flags =
	MURAL_BITMAP_PARTIAL | MURAL_BITMAP_HAS_ALPHA | MURAL_BITMAP_SCALED | MURAL_BITMAP_PREVIEW;

/* ---- failures ---- */

/* Nothing that a picture does to its decoder ends with any other signal: shut in it can send none,
 * not even to itself. */
static bool is_its_own_doing(int signal)
{
	static const int own[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGXCPU, SIGXFSZ, SIGPIPE,
#ifdef MURAL_SANITIZED
		SIGABRT, /* a report's */
#endif
	};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (own[i] == signal)
			return true;
	return false;
}

static bool was_killed(const struct entry *entry, int signal)
{
	return entry->kill == ENTRY_ALIVE && signal != 0 && !is_its_own_doing(signal);
}

/* Most likely by the OOM killer: then the pages that it had filled must go, or the next decoder
 * dies as well. It volunteers, whatever it was at, and may have died before it had read a byte; or
 * it died with the process that had forked it. So the picture is given to one more, and not to
 * others after that: nobody else would end what such a picture does. */
static void on_killed(struct server *server, struct entry *entry, int signal, bool lent)
{
	uint64_t bytes = entry->stage == ENTRY_DECODE ? decode_bitmap_bytes(entry)
			 : lent                       ? entry->straight_bytes
						      : 0;
	log_line(LOG_INFO, "a decoder was killed by signal %d%s", signal,
		entry->given_again ? "" : ": another gets its picture");
	if (entry->given_again) {
		server->counters.decode_failures++;
		decode_fail(server, entry, -ENOMEM, MURAL_REASON_KILLED,
			"its decoder was killed (out of memory?)");
	} else {
		entry->given_again = true;
		decode_push_back(server, entry);
	}
	if (bytes > 0)
		pool_shrink(server->pool, bytes, monotonic_ns());
	decode_room(server);
}

static void fail_late(struct server *server, struct entry *entry)
{
	decode_fail(server, entry, -ETIMEDOUT, MURAL_REASON_TIMEOUT, "decoding took too long");
}

static void fail_ended(struct server *server, struct entry *entry, int signal)
{
	log_line(LOG_INFO, "a decoder ended with signal %d", signal);
	if (entry->kill == ENTRY_KILLED_LATE || signal == SIGXCPU)
		fail_late(server, entry);
	else
		decode_fail(
			server, entry, -ECONNABORTED, MURAL_REASON_CRASHED, "its decoder crashed");
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
	decode_fail(server, entry, error,
		known ? (enum mural_reason)result->reason : MURAL_REASON_CORRUPT, text);
}

/* ---- pixels ---- */

static void answer_all(struct entry *entry)
{
	while (!list_empty(&entry->requests))
		request_ready(list_item(entry->requests.next, struct request, in_entry), entry);
}

static void publish(struct server *server, struct entry *entry)
{
	bool prefetched = entry->priority == MURAL_PRIORITY_PREFETCH;
	int r = pool_publish(server->pool, entry->slot, entry->cost_ns, prefetched, monotonic_ns());
	if (r < 0) {
		decode_fail(
			server, entry, r, MURAL_REASON_MEMORY, "the bitmap could not be stored");
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
		decode_fail(server, entry, -ESTALE, MURAL_REASON_CHANGED,
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
		decode_fail(server, entry, -ECONNABORTED, MURAL_REASON_CRASHED,
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
	if (result->collapse != JOB_COLLAPSE_NONE)
		pool_collapsed(server->pool, result->collapse == JOB_COLLAPSE_DONE, monotonic_ns());
	entry->stage = ENTRY_VERIFY;
	int r = files_verify(server->files, take_fd(&entry->source_fd), on_verified, entry,
		monotonic_ns(), &entry->ticket);
	if (r < 0)
		decode_fail(server, entry, r, MURAL_REASON_MEMORY, "no thread to look at the file");
}

/* ---- facts ---- */

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

/* The same pixels are known under another box: everybody who waits goes there. */
static void join_other(struct server *server, struct entry *entry, struct entry *other)
{
	int fd = take_fd(&entry->source_fd);
	/* Once it is taken the others need none: a decode is under way, and does not start, or
	 * fail, before all are there. */
	while (!list_empty(&entry->requests))
		if (decode_want(server, other,
			    list_item(entry->requests.next, struct request, in_entry), fd))
			fd = -1;
	files_close(server->files, fd);
	cache_forget(server, entry);
}

/* All threads together. */
static void limit_needs(const struct server *server, struct job_result *facts)
{
	const uint64_t most = MEMORY_AT_LEAST + server->options.max_pixels * MEMORY_PER_PIXEL;
	facts->memory_bytes = min_u64(facts->memory_bytes, most);
	facts->helper_bytes =
		min_u64(facts->helper_bytes, (most - facts->memory_bytes) / JOB_THREADS_MAX);
}

static void on_probed(struct server *server, struct entry *entry, const struct job_result *facts,
	struct pool_scratch *scratch, uint64_t cpu_ns)
{
	if (!plausible(server, entry, facts)) {
		decode_fail(server, entry, -ECONNABORTED, MURAL_REASON_CRASHED,
			"its decoder answered nonsense");
		return;
	}
	entry->facts = *facts;
	entry->facts.flags &= facts_flags;
	limit_needs(server, &entry->facts);
	struct entry *settled = cache_settle(server, entry);
	if (settled != entry) {
		join_other(server, entry, settled);
		return;
	}
	entry->stage = ENTRY_DECODE;
	if (facts->decoded && scratch && room_take_decoded(server, entry, scratch))
		on_decoded(server, entry, facts, cpu_ns);
	else
		decode_push_back(server, entry);
}

/* ---- all of them ---- */

void decode_finished(struct worker *worker, void *job_user, bool answered,
	const struct job_result *result, int signal, void *user)
{
	struct server *server = user;
	struct entry *entry = job_user;
	struct pool_scratch *scratch = job_ended(server, entry);
	bool straight = scratch && entry->stage == ENTRY_PROBE;
	if (server->ending)
		return;
	server->scheduling = true; /* afterwards */
	if (list_empty(&entry->requests)) {
		decode_retire(server, entry);
		decode_room(server);
	} else if (!answered && entry->kill == ENTRY_KILLED_UNWANTED) {
		decode_push_back(server, entry); /* it gave way, or somebody new came: once more */
		decode_room(server);
	} else if (!answered && was_killed(entry, signal)) {
		on_killed(server, entry, signal, straight);
	} else if (answered && straight && result->reason == MURAL_REASON_MEMORY) {
		entry->straight_bytes = 0; /* it may have more when it comes alone */
		decode_push_back(server, entry);
	} else if (!answered || result->error < 0) {
		bool refused = answered && result->reason == MURAL_REASON_NO_PREVIEW;
		server->counters.decode_failures += !refused;
		if (!answered)
			fail_ended(server, entry, signal);
		else
			fail_result(server, entry, result);
	} else if (entry->stage == ENTRY_PROBE) {
		on_probed(server, entry, result, scratch, worker_cpu_ns(worker));
	} else {
		on_decoded(server, entry, result, worker_cpu_ns(worker));
	}
	server->scheduling = false;
	decode_schedule(server);
}

void decode_let_go(struct server *server, struct entry *entry)
{
	if (!job_let_go(server, entry))
		return;
	if (list_empty(&entry->requests)) {
		decode_retire(server, entry);
	} else if (entry->kill == ENTRY_KILLED_UNWANTED) {
		decode_push_back(server, entry);
	} else {
		server->counters.decode_failures++;
		fail_late(server, entry);
	}
	decode_room(server);
}
