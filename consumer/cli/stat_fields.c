/* The statistics as text and as JSON. */
#include "stat_fields.h"

#include "common/size.h"
#include "common/util.h"
#include "common/watch.h"

#include <inttypes.h>
#include <string.h>

enum field_kind {
	FIELD_NUMBER,
	FIELD_HEADROOM,
	FIELD_DRIVER,
	FIELD_PRESSURE,
	FIELD_ORDER,
	FIELD_BOOL,
	FIELD_INSTANCE,
	FIELD_WATCH,
	FIELD_EVENT,
};

struct field {
	const char *name;
	size_t offset, size;
	enum field_kind kind;
};

#define FIELD_AS(member, how)                                                                      \
	{                                                                                          \
#member, offsetof(struct mural_stats, member),                                     \
			sizeof(((struct mural_stats *)NULL)->member), how                          \
	}
#define FIELD(member) FIELD_AS(member, FIELD_NUMBER)

static const struct field fields[] = {
	FIELD(budget_bytes),
	FIELD(used_bytes),
	FIELD(pinned_bytes),
	FIELD(ready_bytes),
	FIELD(idle_bytes),
	FIELD(filling_bytes),
	FIELD(kept_bytes),
	FIELD(overhead_bytes),
	FIELD(allocated_bytes),
	FIELD(purged_bytes),
	FIELD(pinned_bitmaps),
	FIELD(ready_bitmaps),
	FIELD(idle_bitmaps),
	FIELD(filling_bitmaps),
	FIELD(purged_bitmaps),
	FIELD(regions),
	FIELD(readonly_descriptors),
	FIELD(sessions),
	FIELD(waiting_requests),
	FIELD(workers_busy),
	FIELD(workers_max),
	FIELD(requests),
	FIELD(hits),
	FIELD(misses),
	FIELD(joined),
	FIELD(decodes),
	FIELD(decode_failures),
	FIELD(redecodes),
	FIELD(purges),
	FIELD(reuses),
	FIELD(cancelled),
	FIELD(refused_no_room),
	FIELD(refused_quota),
	FIELD(decode_ns),
	FIELD(idle_unpins),
	FIELD(pins_revived),
	FIELD_AS(pressure, FIELD_PRESSURE),
	FIELD_AS(driver, FIELD_DRIVER),
	FIELD_AS(headroom_bytes, FIELD_HEADROOM),
	FIELD(uptime_ms),
	FIELD_AS(instance, FIELD_INSTANCE),
	FIELD(pid),
	FIELD(lost_decoders),
	FIELD_AS(watch_sources, FIELD_WATCH),
	FIELD_AS(watch_event, FIELD_EVENT),
	FIELD(watch_event_ms),
	FIELD(watch_events),
	FIELD(watch_looks),
	FIELD(watch_freed_bytes),
	FIELD(wakeups),
	FIELD(decode_cpu_ns),
	FIELD(redecode_cpu_ns),
	FIELD_AS(order, FIELD_ORDER),
	FIELD_AS(thrashing, FIELD_BOOL),
	FIELD(bounces),
	FIELD(thrash_times),
	FIELD(refused_thrashing),
	FIELD(freed_bytes),
	FIELD(stray_bytes),
	FIELD(decoder_processes),
	FIELD(stray_decoders),
};

const char *stats_driver_name(uint32_t driver)
{
	return driver == 1 ? "memfd" : driver == 2 ? "device" : "unknown";
}

static const char *order_name(uint32_t order)
{
	return order == 0 ? "cost" : order == 1 ? "lru" : "unknown";
}

const char *stats_pressure_name(uint32_t pressure)
{
	static const char *const names[] = {
		[MURAL_PRESSURE_NONE] = "none",
		[MURAL_PRESSURE_MODERATE] = "moderate",
		[MURAL_PRESSURE_CRITICAL] = "critical",
	};
	return pressure < ARRAY_SIZE(names) ? names[pressure] : "unknown";
}

static uint64_t field_value(const struct mural_stats *stats, const struct field *field)
{
	const char *at = (const char *)stats + field->offset;
	uint32_t narrow;
	uint64_t wide;
	if (field->size == sizeof(narrow)) {
		memcpy(&narrow, at, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, at, sizeof(wide));
	return wide;
}

/* A list of names. */
static json_t *watch_json(uint32_t set)
{
	json_t *list = json_array();
	for (uint32_t bit = 1; list && watch_name(bit); bit <<= 1)
		if (set & bit)
			json_array_append_new(list, json_string(watch_name(bit)));
	return list;
}

static json_t *field_json(const struct field *field, uint64_t value)
{
	char text[32];
	const char *name;
	switch (field->kind) {
	case FIELD_DRIVER:
		return json_string(stats_driver_name((uint32_t)value));
	case FIELD_PRESSURE:
		return json_string(stats_pressure_name((uint32_t)value));
	case FIELD_BOOL:
		return json_boolean(value);
	case FIELD_ORDER:
		return json_string(order_name((uint32_t)value));
	case FIELD_INSTANCE: /* too long for the numbers of some readers */
		snprintf(text, sizeof(text), "%016" PRIx64, value);
		return json_string(text);
	case FIELD_WATCH:
		return watch_json((uint32_t)value);
	case FIELD_EVENT:
		name = watch_name((uint32_t)value);
		return name ? json_string(name) : json_null();
	case FIELD_HEADROOM:
		return value == UINT64_MAX ? json_null() : json_integer((json_int_t)value);
	default:
		return json_integer((json_int_t)value);
	}
}

json_t *stats_to_json(const struct mural_stats *stats)
{
	json_t *object = json_object();
	if (!object)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		json_t *value = field_json(&fields[i], field_value(stats, &fields[i]));
		if (json_object_set_new(object, fields[i].name, value) < 0) {
			json_decref(object);
			return NULL;
		}
	}
	return object;
}

static void print_state(
	FILE *file, const char *name, uint64_t bytes, uint32_t bitmaps, const char *meaning)
{
	char size[SIZE_TEXT_MAX];
	fprintf(file, "  %-9s %10s  %6u  %s\n", name, size_text(bytes, size), bitmaps, meaning);
}

static void print_watch(FILE *file, const struct mural_stats *stats)
{
	char sources[WATCH_TEXT_MAX], freed[SIZE_TEXT_MAX];
	fprintf(file, "watched  by %s; %" PRIu64 " looks, %" PRIu64 " events, %s given back\n",
		watch_text(stats->watch_sources, sources), stats->watch_looks, stats->watch_events,
		size_text(stats->watch_freed_bytes, freed));
	if (stats->watch_event)
		fprintf(file, "  last event: %s, %.1f s ago\n",
			watch_text(stats->watch_event, sources),
			(double)stats->watch_event_ms / 1e3);
}

static void print_memory(FILE *file, const struct mural_stats *stats)
{
	char used[SIZE_TEXT_MAX], budget[SIZE_TEXT_MAX], allocated[SIZE_TEXT_MAX],
		size[SIZE_TEXT_MAX];
	fprintf(file, "memory   %s of %s used, %s by the kernel's count, %u regions\n",
		size_text(stats->used_bytes, used), size_text(stats->budget_bytes, budget),
		size_text(stats->allocated_bytes, allocated), stats->regions);
	print_state(
		file, "pinned", stats->pinned_bytes, stats->pinned_bitmaps, "in use by somebody");
	print_state(file, "ready", stats->ready_bytes, stats->ready_bitmaps, "used a moment ago");
	print_state(file, "idle", stats->idle_bytes, stats->idle_bitmaps, "thrown away first");
	print_state(file, "filling", stats->filling_bytes, stats->filling_bitmaps, "being decoded");
	fprintf(file, "  %-9s %10s          empty, kept for reuse\n", "kept",
		size_text(stats->kept_bytes, size));
	fprintf(file, "  %-9s %10s          control blocks, slack\n", "overhead",
		size_text(stats->overhead_bytes, size));
	fprintf(file, "  %-9s %10s  %6u  remembered, decoded again when wanted\n", "purged", "",
		stats->purged_bitmaps);
}

void stats_print(FILE *file, const struct mural_stats *stats)
{
	char headroom[SIZE_TEXT_MAX], purged[SIZE_TEXT_MAX], freed[SIZE_TEXT_MAX];
	uint64_t minutes = stats->uptime_ms / 60000;
	fprintf(file,
		"producer pid %d, up %" PRIu64 ":%02" PRIu64
		" h, %s driver, %u programs connected\n",
		stats->pid, minutes / 60, minutes % 60, stats_driver_name(stats->driver),
		stats->sessions);
	fprintf(file, "pressure %s, %s left on this machine\n",
		stats_pressure_name(stats->pressure),
		stats->headroom_bytes == UINT64_MAX ? "an unknown amount"
						    : size_text(stats->headroom_bytes, headroom));
	print_watch(file, stats);
	print_memory(file, stats);
	fprintf(file,
		"requests %" PRIu64 ": %" PRIu64 " found, %" PRIu64 " decoded for, %" PRIu64
		" shared a decode, %u waiting\n",
		stats->requests, stats->hits, stats->misses, stats->joined,
		stats->waiting_requests);
	fprintf(file,
		"decodes  %" PRIu64 ": %" PRIu64 " again, %" PRIu64
		" failed; %.1f ms each, by %" PRIu64 " processes; %u of %u workers busy\n",
		stats->decodes, stats->redecodes, stats->decode_failures,
		stats->decodes ? (double)stats->decode_ns / 1e6 / (double)stats->decodes : 0.0,
		stats->decoder_processes, stats->workers_busy, stats->workers_max);
	fprintf(file,
		"purges   %" PRIu64 ", %s, by %s; bringing back took %.1f s of processor time\n",
		stats->purges, size_text(stats->purged_bytes, purged), order_name(stats->order),
		(double)stats->redecode_cpu_ns / 1e9);
	fprintf(file,
		"bounces  %" PRIu64 " decodes of what had just gone%s; %" PRIu64
		" prefetches refused\n",
		stats->bounces, stats->thrashing ? ": THRASHING, the budget is too small" : "",
		stats->refused_thrashing);
	if (stats->lost_decoders > 0)
		fprintf(file,
			"memory   ran out: %u decoders that waited for work were killed\n",
			stats->lost_decoders);
	if (stats->stray_decoders > 0)
		fprintf(file,
			"strays   %u decoders that were killed do not end: does a mount not "
			"answer?\n",
			stats->stray_decoders);
	fprintf(file, "kernel   got %s back", size_text(stats->freed_bytes, freed));
	if (stats->stray_bytes > 0)
		fprintf(file, "; %s purged, but alive elsewhere",
			size_text(stats->stray_bytes, purged));
	fputc('\n', file);
	fprintf(file, "idle     %" PRIu64 " unpinned, %" PRIu64 " of them came back intact\n",
		stats->idle_unpins, stats->pins_revived);
	fprintf(file,
		"refused  %" PRIu64 " no room, %" PRIu64 " over quota; %" PRIu64 " cancelled\n",
		stats->refused_no_room, stats->refused_quota, stats->cancelled);
}
