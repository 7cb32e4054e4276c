/* Watching the machine's memory: looks and events, what is given back for them, who is told, and
 * how many decoders the headroom allows. */
#include "parts.h"

#include "common/log.h"

#include <sys/epoll.h>

/* A punch of this size takes some milliseconds; pins and answers have their turn between two. */
#define PIECE ((uint64_t)32 << 20)
/* Events come no faster than this to a look. */
#define SPACING_NS UINT64_C(2000000)
/* So long may a decoder that was killed take to go before others' bitmaps go for its memory. */
#define LEAVING_NS UINT64_C(50000000)
/* All of it is in use, and memory is short: nothing can be done until somebody unpins. */
#define VAIN_NS UINT64_C(250000000)
/* A decoder is started on numbers not older than this, and statistics show none. */
#define FRESH_NS UINT64_C(20000000)

static void on_event(struct loop_watch *watch, uint32_t events)
{
	struct server *server = CONTAINER_OF(watch, struct server, memory.watch);
	(void)events;
	if (pressure_dispatch(server->memory.pressure, monotonic_ns()))
		server->memory.look_ns = server->memory.looked_ns + SPACING_NS;
}

/* The OOM killer takes those first, who hold next to nothing, and needs some milliseconds for each
 * before it comes to somebody who does. Whatever source was to tell of this has not, or too late:
 * the limit may be one that can not be seen from here. So it is evidence enough. */
void memory_lost(struct server *server, unsigned count)
{
	struct memory *memory = &server->memory;
	server->counters.lost_decoders += count;
	log_line(LOG_WARNING, "memory has run out: %u decoders that waited for work were killed",
		count);
	if ((server->options.pressure_sources & ~(uint32_t)MURAL_WATCH_BUDGET) == 0)
		return;
	memory->owed_bytes = max_u64(memory->owed_bytes, PIECE);
	memory->look_ns = 0;
}

static void tell(struct session *session, enum mural_pressure level)
{
	struct protocol_pressure message = {.head.type = PROTOCOL_PRESSURE, .level = level};
	if (session->holder)
		session_send(session, &message, sizeof(message), NULL, 0);
}

static void tell_all(struct server *server)
{
	list_for_each (node, &server->sessions)
		tell(list_item(node, struct session, node), server->memory.advice.level);
}

static void look(struct server *server, uint64_t now_ns)
{
	struct memory *memory = &server->memory;
	enum mural_pressure before = memory->advice.level;
	pressure_look(memory->pressure, now_ns, &memory->advice);
	memory->looked_ns = now_ns;
	if (__builtin_add_overflow(now_ns, memory->advice.next_ns, &memory->look_ns))
		memory->look_ns = UINT64_MAX;
	memory->owed_bytes = max_u64(memory->owed_bytes, memory->advice.event_bytes);
	if (memory->advice.level != before)
		tell_all(server);
	memory->eased |= memory->advice.level < before;
}

static void look_again(struct server *server)
{
	uint64_t now_ns = monotonic_ns();
	if (now_ns - server->memory.looked_ns > FRESH_NS)
		look(server, now_ns);
}

int memory_start(struct server *server)
{
	struct memory *memory = &server->memory;
	const struct pressure_options options = {
		.sources = server->options.pressure_sources,
		.growth_bytes_per_s = server->options.growth_bytes_per_s,
	};
	memory->advice.headroom_bytes = UINT64_MAX;
	int r = pressure_create(&options, monotonic_ns(), &memory->pressure);
	if (r < 0)
		return r;
	for (unsigned i = 0; pressure_source_name(memory->pressure, i); i++)
		log_line(LOG_DEBUG, "watches %s", pressure_source_name(memory->pressure, i));
	return loop_add(
		server->loop, &memory->watch, pressure_fd(memory->pressure), EPOLLIN, on_event);
}

void memory_stop(struct server *server)
{
	if (server->memory.watch.fd >= 0)
		loop_remove(server->loop, &server->memory.watch);
	pressure_destroy(server->memory.pressure);
	server->memory.pressure = NULL;
}

void memory_tell(struct session *session)
{
	struct server *server = session->server;
	look_again(server);
	if (server->memory.advice.level != MURAL_PRESSURE_NONE)
		tell(session, server->memory.advice.level);
}

static bool give_up_spare(struct server *server, bool running_too)
{
	if (!decode_give_up_spare(server, running_too))
		return false;
	server->memory.gave_up_ns = monotonic_ns();
	log_line(LOG_DEBUG, "short of memory: gave up what was decoded ahead");
	return true;
}

/* Half of a picture that may be needed is worth less than any that is whole, and a decoder that
 * stands still has its memory for as long as others decode: so it goes first, and has a moment for
 * that. Not when the next step may be the OOM killer. */
static bool waits_for_spare(struct server *server, uint64_t now_ns)
{
	struct memory *memory = &server->memory;
	give_up_spare(server, false);
	if (memory->advice.level == MURAL_PRESSURE_CRITICAL || !decode_is_leaving(server) ||
		now_ns > memory->gave_up_ns + LEAVING_NS)
		return false;
	memory->look_ns = min_u64(memory->look_ns, now_ns + SPACING_NS);
	return true;
}

/* A piece of what is to go; the next look, which comes at once, says whether more is. */
static void give_back(struct server *server, uint64_t bytes)
{
	struct memory *memory = &server->memory;
	uint64_t freed = pool_shrink(server->pool, min_u64(bytes, PIECE), monotonic_ns());
	memory->freed_bytes += freed;
	memory->owed_bytes -= min_u64(freed, memory->owed_bytes);
	if (freed > 0)
		memory->look_ns = 0;
	else
		memory->owed_bytes = 0;
	memory->vain = freed == 0 && !give_up_spare(server, true);
	log_line(LOG_DEBUG, "%llu MiB left: gave %llu of %llu KiB back",
		(unsigned long long)memory->advice.headroom_bytes >> 20,
		(unsigned long long)freed >> 10, (unsigned long long)bytes >> 10);
}

void memory_tick(struct server *server, uint64_t now_ns)
{
	struct memory *memory = &server->memory;
	if (memory_deadline(server) > now_ns)
		return;
	bool was_short = memory_is_short(server);
	look(server, now_ns);
	uint64_t bytes = max_u64(memory->advice.free_bytes, memory->owed_bytes);
	if (bytes == 0)
		memory->vain = false;
	else if (!waits_for_spare(server, now_ns))
		give_back(server, bytes);
	memory->eased |= was_short && !memory_is_short(server);
	if (memory->eased)
		decode_schedule(server);
	memory->eased = false;
}

/* Nothing can be given back while nothing is there, and then only those who were told of pressure
 * want to hear of its end. */
uint64_t memory_deadline(const struct server *server)
{
	const struct memory *memory = &server->memory;
	bool spare = decode_has_spare(server);
	if (memory->eased)
		return 0;
	if (pool_held_bytes(server->pool) == 0 && !memory_is_short(server) && !spare)
		return UINT64_MAX;
	if (memory->vain && pool_purgeable_bytes(server->pool) == 0 && !spare)
		return max_u64(memory->look_ns, memory->looked_ns + VAIN_NS);
	return memory->look_ns;
}

/* What is missing for @bytes. */
static uint64_t missing(struct server *server, uint64_t bytes)
{
	const struct pressure_advice *advice = &server->memory.advice;
	uint64_t wanted;
	look_again(server);
	if (__builtin_add_overflow(bytes, advice->reserve_bytes, &wanted))
		wanted = UINT64_MAX;
	return wanted - min_u64(wanted, advice->headroom_bytes);
}

bool memory_has(struct server *server, uint64_t bytes)
{
	return missing(server, bytes) == 0;
}

bool memory_allows(struct server *server, uint64_t bytes)
{
	return missing(server, bytes) <= pool_purgeable_bytes(server->pool);
}

bool memory_is_short(const struct server *server)
{
	return server->memory.advice.level != MURAL_PRESSURE_NONE || server->memory.owed_bytes > 0;
}

/* A decoder fills memory faster than looks would follow. */
void memory_prepare(struct server *server, uint64_t bytes)
{
	uint64_t short_of = missing(server, bytes);
	if (short_of == 0)
		return;
	server->memory.freed_bytes += pool_shrink(server->pool, short_of, monotonic_ns());
	server->memory.look_ns = 0;
}

void memory_stats(struct server *server, struct mural_stats *stats)
{
	const struct memory *memory = &server->memory;
	struct pressure_facts facts;
	look_again(server);
	pressure_facts(memory->pressure, &facts);
	stats->headroom_bytes = memory->advice.headroom_bytes;
	stats->pressure = memory->advice.level;
	stats->watch_sources = facts.sources | MURAL_WATCH_BUDGET;
	stats->watch_event = facts.last_event;
	stats->watch_event_ms =
		facts.last_event ? (monotonic_ns() - facts.last_event_ns) / 1000000u : 0;
	stats->watch_events = facts.events;
	stats->watch_looks = facts.looks;
	stats->watch_freed_bytes = memory->freed_bytes;
}
