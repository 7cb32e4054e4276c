/* The policy: when to look, and how much should go. */
#include "pool/pressure.h"

#include "common/util.h"
#include "source.h"

#include <string.h>

#define GROWTH_DEFAULT ((uint64_t)4 << 30)
#define NEXT_MIN_NS UINT64_C(2000000)
#define NEXT_MAX_NS UINT64_C(1000000000)
/* Below this much headroom memory is given back: an eighth of the limit, within these bounds. A
 * reaction takes 5 to 31 ms, and an allocator grows by up to 1.6 MiB in each of them. */
#define LOW_SHARE 8
#define LOW_MIN ((uint64_t)32 << 20)
#define LOW_MAX ((uint64_t)256 << 20)
/* Given back is a quarter more than that, so that the next page does not start it again. */
#define SLACK_SHARE 4

struct pressure {
	uint64_t growth;
	unsigned count;
	struct source sources[SOURCES_MAX];
};

int pressure_create(const struct pressure_options *options, struct pressure **ret)
{
	struct pressure *pressure = calloc(1, sizeof(*pressure));
	if (!pressure)
		return -ENOMEM;
	const char *root = options->root ? options->root : "";
	pressure->growth =
		options->growth_bytes_per_s ? options->growth_bytes_per_s : GROWTH_DEFAULT;
	pressure->count = source_add_meminfo(root, pressure->sources, 0);
	pressure->count = source_add_cgroups(root, pressure->sources, pressure->count);
	*ret = pressure;
	return 0;
}

static void source_close(struct source *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(source->fds); i++)
		close_p(&source->fds[i]);
}

void pressure_destroy(struct pressure *pressure)
{
	if (!pressure)
		return;
	for (unsigned i = 0; i < pressure->count; i++)
		source_close(&pressure->sources[i]);
	free(pressure);
}

const char *pressure_source_name(const struct pressure *pressure, unsigned index)
{
	return index < pressure->count ? pressure->sources[index].name : NULL;
}

static uint64_t low_water(uint64_t limit)
{
	return max_u64(LOW_MIN, min_u64(limit / LOW_SHARE, LOW_MAX));
}

static void leave_out(struct pressure *pressure, unsigned index)
{
	source_close(&pressure->sources[index]);
	pressure->count--;
	memmove(&pressure->sources[index], &pressure->sources[index + 1],
		(pressure->count - index) * sizeof(pressure->sources[0]));
}

/* How long the fastest allocator needs from @headroom down to @low. */
static uint64_t time_to(const struct pressure *pressure, uint64_t headroom, uint64_t low)
{
	uint64_t distance = headroom > low ? headroom - low : 0;
	if (distance / pressure->growth > NEXT_MAX_NS / 1000000000u)
		return NEXT_MAX_NS;
	uint64_t ns = distance * 1000 / (pressure->growth / 1000000u + 1);
	return max_u64(NEXT_MIN_NS, min_u64(ns, NEXT_MAX_NS));
}

static enum mural_pressure level_of(uint64_t headroom, uint64_t low)
{
	if (headroom < low / 2)
		return MURAL_PRESSURE_CRITICAL;
	return headroom < low ? MURAL_PRESSURE_MODERATE : MURAL_PRESSURE_NONE;
}

void pressure_look(struct pressure *pressure, uint64_t purgeable_bytes, struct pressure_advice *ret)
{
	struct pressure_advice advice = {.headroom_bytes = UINT64_MAX, .next_ns = NEXT_MAX_NS};
	for (unsigned i = 0; i < pressure->count; i++) {
		const struct source *source = &pressure->sources[i];
		uint64_t headroom, limit;
		if (!source->read(source, 2 * LOW_MAX, &headroom, &limit)) {
			leave_out(pressure, i--);
			continue;
		}
		uint64_t low = low_water(limit);
		enum mural_pressure level = level_of(headroom, low);
		if (level > advice.level)
			advice.level = level;
		if (headroom < low)
			advice.free_bytes =
				max_u64(advice.free_bytes, low + low / SLACK_SHARE - headroom);
		advice.headroom_bytes = min_u64(advice.headroom_bytes, headroom);
		advice.next_ns = min_u64(advice.next_ns, time_to(pressure, headroom, low));
	}
	if (purgeable_bytes == 0)
		advice.next_ns = NEXT_MAX_NS;
	advice.free_bytes = min_u64(advice.free_bytes, purgeable_bytes);
	*ret = advice;
}
