/* The policy: when to look, and how much should go. */
#include "pool/pressure.h"

#include "common/util.h"
#include "source.h"

#include <string.h>
#include <sys/epoll.h>

#define GROWTH_DEFAULT ((uint64_t)4 << 30)
#define NEXT_MIN_NS UINT64_C(2000000)
#define NEXT_MAX_NS UINT64_C(1000000000)
#define LEVEL_HOLD_NS UINT64_C(1000000000)
#define FOLLOW_NS UINT64_C(1000000000)
/* A reaction takes 5 to 31 ms, and an allocator in a group grows by up to 1.6 MiB in each of them.
 */
#define LOW_SHARE 8
#define LOW_MIN ((uint64_t)48 << 20)
#define LOW_MAX ((uint64_t)256 << 20)
#define SLACK_SHARE 4
#define EVENTS_A_TURN 16

struct pressure {
	struct source_list sources;
	int groups_fd; /* /proc/self/cgroup; -1: there is none */
	char *groups;  /* what it said when they were found; NULL: nothing */
	uint64_t followed_ns;
	uint64_t growth;
	int epoll;
	enum mural_pressure level;
	uint64_t level_ns; /* when there was last reason for it */
	struct pressure_facts facts;
};

uint64_t low_water(uint64_t limit)
{
	return min_u64(max_u64(LOW_MIN, min_u64(limit / LOW_SHARE, LOW_MAX)), limit / 2);
}

/* ---- what is watched ---- */

static void leave_out(struct pressure *pressure, unsigned index)
{
	struct source_list *list = &pressure->sources;
	source_free(list->source[index]); /* its descriptors leave the epoll set by being closed */
	list->count--;
	memmove(&list->source[index], &list->source[index + 1],
		(list->count - index) * sizeof(list->source[0]));
}

static void add_group(const struct group *group, struct source_list *list)
{
	static void (*const add[])(const struct group *, struct source_list *) = {
		source_add_group,
		source_add_thresholds,
		source_add_pressure_level,
		source_add_events,
		source_add_group_psi,
	};
	for (size_t i = 0; i < ARRAY_SIZE(add); i++)
		add[i](group, list);
}

/* What a source waits for stands in the epoll set. */
static void watch_events(struct pressure *pressure, struct source *source)
{
	if (source->event_fd == source->watched_fd)
		return;
	struct epoll_event event = {.events = source->event_mask, .data.ptr = source};
	if (source->event_fd < 0 ||
		epoll_ctl(pressure->epoll, EPOLL_CTL_ADD, source->event_fd, &event) == 0)
		source->watched_fd = source->event_fd;
}

/* All are read at the first look: what is past its mark already is told by no event. */
static void find_sources(struct pressure *pressure, uint64_t now_ns)
{
	struct source_list *list = &pressure->sources;
	while (list->count > 0)
		leave_out(pressure, list->count - 1);
	free(pressure->groups);
	pressure->groups = group_text(pressure->groups_fd);
	source_add_meminfo(list);
	source_add_psi(list);
	if (pressure->groups)
		group_walk(list->root, pressure->groups, add_group, list);
	for (unsigned i = 0; i < list->count; i++) {
		list->source[i]->awake = true;
		watch_events(pressure, list->source[i]);
	}
	pressure->followed_ns = now_ns;
}

/* Has this process been moved to other groups? */
static void follow_groups(struct pressure *pressure, uint64_t now_ns)
{
	if (now_ns - pressure->followed_ns < FOLLOW_NS)
		return;
	pressure->followed_ns = now_ns;
	CLEANUP(free_p) char *now = group_text(pressure->groups_fd);
	if (now && (!pressure->groups || strcmp(now, pressure->groups) != 0))
		find_sources(pressure, now_ns);
}

int pressure_create(const struct pressure_options *options, uint64_t now_ns, struct pressure **ret)
{
	struct pressure *pressure = calloc(1, sizeof(*pressure));
	if (!pressure)
		return -ENOMEM;
	pressure->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (pressure->epoll < 0) {
		int r = -errno;
		free(pressure);
		return r;
	}
	pressure->sources.root = options->root ? options->root : "";
	pressure->sources.wanted = options->sources;
	pressure->groups_fd = source_open(pressure->sources.root, "proc/self/cgroup", O_RDONLY);
	pressure->growth =
		options->growth_bytes_per_s ? options->growth_bytes_per_s : GROWTH_DEFAULT;
	find_sources(pressure, now_ns);
	*ret = pressure;
	return 0;
}

void pressure_destroy(struct pressure *pressure)
{
	if (!pressure)
		return;
	while (pressure->sources.count > 0)
		leave_out(pressure, pressure->sources.count - 1);
	close_p(&pressure->groups_fd);
	close(pressure->epoll);
	free(pressure->groups);
	free(pressure);
}

const char *pressure_source_name(const struct pressure *pressure, unsigned index)
{
	return index < pressure->sources.count ? pressure->sources.source[index]->name : NULL;
}

void pressure_facts(const struct pressure *pressure, struct pressure_facts *ret)
{
	*ret = pressure->facts;
	ret->sources = 0;
	for (unsigned i = 0; i < pressure->sources.count; i++)
		ret->sources |= pressure->sources.source[i]->kind->watch;
}

/* The limits are read anew, but once for all. */
static void forget_limits(struct pressure *pressure)
{
	for (unsigned i = 0; i < pressure->sources.count; i++)
		group_forget_limit(pressure->sources.source[i]);
}

/* ---- events ---- */

int pressure_fd(const struct pressure *pressure)
{
	return pressure->epoll;
}

/* A stall's trigger tells of an event once, to the first that polls it. Who waits for the
 * descriptor of our epoll set has polled it, and the set finds nothing any more: so triggers are
 * always asked; they go by numbers of their own. */
static enum source_event take_event(struct source *source, uint64_t now_ns)
{
	uint32_t signalled = source->signalled;
	source->signalled = 0;
	if (signalled & (EPOLLERR | EPOLLHUP)) /* its group has gone */
		return EVENT_GONE;
	if (!signalled && source->event_mask != EPOLLPRI)
		return EVENT_NOTHING;
	return source->kind->event(source, now_ns);
}

bool pressure_dispatch(struct pressure *pressure, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_A_TURN];
	struct source_list *list = &pressure->sources;
	bool look = false;
	forget_limits(pressure);
	int count = epoll_wait(pressure->epoll, events, EVENTS_A_TURN, 0);
	for (int i = 0; i < count; i++)
		((struct source *)events[i].data.ptr)->signalled = events[i].events;
	for (unsigned i = 0; i < list->count;) {
		struct source *source = list->source[i];
		enum source_event event = take_event(source, now_ns);
		if (event == EVENT_GONE) {
			leave_out(pressure, i);
			continue;
		}
		i++;
		if (event == EVENT_NOTHING)
			continue;
		source->awake = look = true;
		if (event > source->told)
			source->told = event;
		pressure->facts.events++;
		pressure->facts.last_event = source->kind->watch;
		pressure->facts.last_event_ns = now_ns;
	}
	return look;
}

/* ---- a look ---- */

/* How long the fastest allocator needs from @headroom down to @low. */
static uint64_t time_to(const struct pressure *pressure, uint64_t headroom, uint64_t low)
{
	uint64_t distance = headroom > low ? headroom - low : 0;
	if (distance / pressure->growth > NEXT_MAX_NS / 1000000000u)
		return NEXT_MAX_NS;
	uint64_t ns = distance * 1000 / (pressure->growth / 1000000u + 1);
	return max_u64(NEXT_MIN_NS, min_u64(ns, NEXT_MAX_NS));
}

/* A level is left a quarter above where it begins. */
static enum mural_pressure level_of(enum mural_pressure before, uint64_t headroom, uint64_t low)
{
	uint64_t critical = low / 2;
	if (before == MURAL_PRESSURE_CRITICAL)
		critical += critical / SLACK_SHARE;
	if (headroom < critical)
		return MURAL_PRESSURE_CRITICAL;
	if (before != MURAL_PRESSURE_NONE)
		low += low / SLACK_SHARE;
	return headroom < low ? MURAL_PRESSURE_MODERATE : MURAL_PRESSURE_NONE;
}

static uint64_t share_of_cache(enum source_event told, uint64_t cache)
{
	return told == EVENT_STALL ? 0 : told == EVENT_HARD ? cache / 2 : cache;
}

static uint64_t missing(uint64_t left, uint64_t low)
{
	uint64_t stop = low + low / SLACK_SHARE;
	return left < stop ? stop - left : 0;
}

static void judge(struct pressure *pressure, struct source *source, const struct reading *reading,
	struct pressure_advice *advice)
{
	uint64_t low = low_water(reading->limit);
	uint64_t headroom = reading->left + reading->cache;
	uint64_t by_event = reading->left + share_of_cache(source->told, reading->cache);
	source->level = level_of(source->level, headroom, low);
	if (source->level != MURAL_PRESSURE_NONE)
		advice->free_bytes = max_u64(advice->free_bytes, missing(headroom, low));
	if (by_event < low && by_event < headroom)
		advice->event_bytes = max_u64(advice->event_bytes, missing(by_event, low));
	enum mural_pressure level = level_of(source->level, by_event, low);
	if (level > advice->level)
		advice->level = level;
	if (headroom < advice->headroom_bytes) {
		advice->headroom_bytes = headroom;
		advice->reserve_bytes = low / 2;
	}
	advice->next_ns = min_u64(advice->next_ns, time_to(pressure, headroom, low));
}

/* False: leave it out. */
static bool look_at(struct pressure *pressure, struct source *source, uint64_t now_ns,
	struct pressure_advice *advice)
{
	struct reading reading;
	if (source->kind->polled || source->awake) {
		if (!source->kind->read(source, 2 * LOW_MAX, &reading))
			return false;
		if (reading.limit == UINT64_MAX)
			source->level = MURAL_PRESSURE_NONE;
		else
			judge(pressure, source, &reading, advice);
		source->awake = source->level != MURAL_PRESSURE_NONE;
		source->told = EVENT_NOTHING;
	}
	if (source->kind->after && !source->kind->after(source, now_ns))
		return false;
	watch_events(pressure, source);
	return true;
}

static void hold_level(struct pressure *pressure, uint64_t now_ns, struct pressure_advice *advice)
{
	if (advice->level >= pressure->level || now_ns - pressure->level_ns >= LEVEL_HOLD_NS) {
		pressure->level = advice->level;
		pressure->level_ns = now_ns;
	}
	advice->level = pressure->level;
}

void pressure_look(struct pressure *pressure, uint64_t now_ns, struct pressure_advice *ret)
{
	struct pressure_advice advice = {.headroom_bytes = UINT64_MAX, .next_ns = NEXT_MAX_NS};
	struct source_list *list = &pressure->sources;
	if (list->wanted & ~(uint32_t)MURAL_WATCH_BUDGET)
		follow_groups(pressure, now_ns);
	else
		advice.next_ns = UINT64_MAX;
	forget_limits(pressure);
	pressure->facts.looks++;
	for (unsigned i = 0; i < list->count;) {
		if (look_at(pressure, list->source[i], now_ns, &advice))
			i++;
		else
			leave_out(pressure, i);
	}
	hold_level(pressure, now_ns, &advice);
	*ret = advice;
}
