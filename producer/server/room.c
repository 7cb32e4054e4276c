/* Room for an entry: taken when its turn has come, or waited for. */
#include "decode.h"

#include <mural/pixel.h>
#include <string.h>

uint64_t decode_bitmap_bytes(const struct entry *entry)
{
	uint32_t stride;
	uint64_t bytes = UINT64_MAX;
	mural_bitmap_layout(
		entry->key.format, entry->facts.width, entry->facts.height, &stride, &bytes);
	return bytes;
}

/* Once: where that is not enough others have pinned it, and prefetches go on in the rest. */
static void take_room_of_prefetches(struct server *server, struct entry *entry)
{
	if (entry->priority < MURAL_PRIORITY_VISIBLE || entry->has_taken_room)
		return;
	entry->has_taken_room = true;
	turn_take_room(server, decode_bitmap_bytes(entry));
}

void room_wait(struct server *server, struct entry *entry)
{
	list_remove(&entry->queue);
	entry->stage = ENTRY_ROOM;
	take_room_of_prefetches(server, entry);
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

static const char *no_room_text(const struct server *server)
{
	bool held = hung_filling(server) > 0;
	list_for_each (node, &server->strays)
		held |= list_item(node, struct stray, node)->scratch != NULL;
	return held ? "no room: what is not pinned is held by decoders that do not end"
		    : "no room: everything in the pool is pinned";
}

static void fail_impatient(const struct server *server, struct entry *entry)
{
	const char *text = no_room_text(server);
	list_for_each (node, &entry->requests) {
		struct request *request = list_item(node, struct request, in_entry);
		if (!(request->wanted.flags & PROTOCOL_WAIT))
			request_fail(request, -ENOSPC, MURAL_REASON_NO_ROOM, text);
	}
}

/* @scratch: where the bitmap lies already; or NULL. */
static int reserve(struct server *server, struct entry *entry, struct pool_scratch *scratch)
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
	uid_t uid = first->session->uid;
	int r = scratch ? pool_reserve_decoded(
				  server->pool, &bitmap, scratch, uid, holder, now, &entry->slot)
			: pool_reserve(server->pool, &bitmap, uid, holder, now, &entry->slot);
	if (r == 0)
		pool_slot_set_user(entry->slot, entry);
	return r;
}

bool room_is_unwelcome(struct server *server, const struct entry *entry)
{
	return entry->priority == MURAL_PRIORITY_PREFETCH &&
	       pool_is_thrashing(server->pool, monotonic_ns());
}

/* A limit on the size of files gives the same error, but has nothing to do with the pool. */
static bool is_too_large(const struct server *server, const struct entry *entry)
{
	uint64_t bytes = decode_bitmap_bytes(entry);
	return bytes > server->options.budget_bytes / 2 || bytes > PTRDIFF_MAX / 2;
}

int room_take(struct server *server, struct entry *entry)
{
	if (room_is_unwelcome(server, entry)) {
		decode_fail(server, entry, -ENOSPC, MURAL_REASON_THRASHING,
			"not fetched ahead: what is wanted does not fit");
		return 0;
	}
	int r = reserve(server, entry, NULL);
	while (r == -EDQUOT) {
		/* Whose quota it is decides who fails; the others go on. */
		request_fail(list_item(entry->requests.next, struct request, in_entry), -EDQUOT,
			MURAL_REASON_QUOTA, "too much pinned by this program");
		if (list_empty(&entry->requests)) {
			decode_retire(server, entry);
			return 0;
		}
		r = reserve(server, entry, NULL);
	}
	if (r == 0) {
		server->filling++;
		return 1;
	}
	if (r == -ENOSPC) {
		take_room_of_prefetches(server, entry);
		/* What is being decoded can be given up soon; pins, and decoders that hang, can
		 * last for ever. */
		if (server->filling == hung_filling(server))
			fail_impatient(server, entry);
		if (list_empty(&entry->requests))
			decode_retire(server, entry);
		else
			room_wait(server, entry);
	} else if (r == -EFBIG && is_too_large(server, entry)) {
		decode_fail(server, entry, -EFBIG, MURAL_REASON_TOO_LARGE,
			"larger than the whole pool");
	} else {
		decode_fail(server, entry, r, MURAL_REASON_MEMORY, strerror(-r));
	}
	return 0;
}

bool room_take_decoded(struct server *server, struct entry *entry, struct pool_scratch *scratch)
{
	/* Whoever waits for room comes first, and what is unwelcome is told so in its turn. */
	if (!list_empty(&server->roomless) || room_is_unwelcome(server, entry) ||
		reserve(server, entry, scratch) < 0)
		return false;
	server->filling++;
	return true;
}

void decode_room(struct server *server)
{
	if (!list_empty(&server->roomless)) {
		list_for_each (node, &server->roomless) {
			struct entry *entry = list_item(node, struct entry, queue);
			entry->stage = ENTRY_DECODE;
			decode_enqueue(server, entry);
		}
		pool_set_waiters(server->pool, false);
	}
	decode_schedule(server);
}
