/* What a decoder is given: its job, its memory, its limits. */
#include "decode.h"

#define PROBE_TIMEOUT_NS UINT64_C(10000000000)
#define DECODE_TIMEOUT_NS UINT64_C(30000000000)
#define DECODE_NS_PER_PIXEL 2000u /* on top: 48 s more for 24 MP, fifty times what it takes */
#define PROBE_MEMORY ((uint64_t)32 << 20)

static uint64_t decode_timeout_ns(const struct entry *entry)
{
	return DECODE_TIMEOUT_NS + (uint64_t)entry->facts.source_width *
					   entry->facts.source_height * DECODE_NS_PER_PIXEL;
}

int job_submit(struct server *server, struct entry *entry)
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
		.threads = turn_helpers(server, entry),
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
