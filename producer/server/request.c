/* One request, from its message to its one answer.
 *
 * First its source is looked at by a thread (files.h), then it joins a cache entry (decode.c),
 * which answers it. Between the two it may be cancelled, or its session may end; every way out goes
 * through request_free. */
#include "parts.h"

#include <mural/pixel.h>
#include <stdio.h>
#include <string.h>

static uint64_t serial_value(const struct session *session, uint32_t serial)
{
	return hash_bytes(&session->requests, &serial, sizeof(serial));
}

struct request *request_find(const struct session *session, uint32_t serial)
{
	struct hash_node *node = hash_find(&session->requests, serial_value(session, serial));
	for (; node; node = hash_find_next(node)) {
		struct request *request = CONTAINER_OF(node, struct request, in_session);
		if (request->wanted.head.serial == serial)
			return request;
	}
	return NULL;
}

/* @one: 1, or UINT32_MAX to take it back. */
static void count(const struct request *request, uint32_t one)
{
	struct entry *entry = request->entry;
	entry->waiting[request->wanted.priority] += one;
	if (request->wanted.flags & PROTOCOL_WAIT)
		entry->patient += one;
}

void request_wait_for(struct request *request, struct entry *entry)
{
	if (request->entry) {
		list_remove(&request->in_entry);
		count(request, UINT32_MAX);
	}
	request->entry = entry;
	if (entry) {
		list_append(&entry->requests, &request->in_entry);
		count(request, 1);
	}
}

/* The entry it leaves is not told: the caller decides whether that matters. */
static void request_free(struct request *request)
{
	files_forget(request->session->server->files, request->ticket);
	request_wait_for(request, NULL);
	hash_remove(&request->session->requests, &request->in_session);
	free(request);
}

void request_refuse(struct session *session, uint32_t serial, int error, enum mural_reason reason,
	const char *text)
{
	struct protocol_failed failed = {
		.head = {.type = PROTOCOL_FAILED, .serial = serial},
		.error = error,
		.reason = reason,
	};
	snprintf(failed.text, sizeof(failed.text), "%s", text);
	session_send(session, &failed, sizeof(failed), NULL, 0);
}

void request_fail(struct request *request, int error, enum mural_reason reason, const char *text)
{
	struct session *session = request->session;
	uint32_t serial = request->wanted.head.serial;
	struct mural_stats *counters = &session->server->counters;
	counters->cancelled += reason == MURAL_REASON_CANCELLED;
	counters->refused_no_room += reason == MURAL_REASON_NO_ROOM;
	counters->refused_thrashing += reason == MURAL_REASON_THRASHING;
	counters->refused_quota += reason == MURAL_REASON_QUOTA;
	request_free(request);
	request_refuse(session, serial, error, reason, text);
}

void request_ready(struct request *request, struct entry *entry)
{
	const struct pool_bitmap *bitmap = pool_slot_bitmap(entry->slot);
	/* A prefetched bitmap is not held for anybody: it is there when it is wanted, if memory
	 * allows. */
	bool grant = request->wanted.priority > MURAL_PRIORITY_PREFETCH;
	struct protocol_ready ready = {
		.head = {.type = PROTOCOL_READY, .serial = request->wanted.head.serial},
		.format = bitmap->format,
		.width = bitmap->width,
		.height = bitmap->height,
		.stride_bytes = bitmap->stride_bytes,
		.flags = entry->facts.flags,
		.source_width = entry->facts.source_width,
		.source_height = entry->facts.source_height,
		.decode_ns = entry->facts.decode_ns,
		.identity = entry->key.identity,
	};
	int r = session_hand_over(request->session, entry->slot, grant, &ready);
	if (r < 0)
		request_fail(request, r, MURAL_REASON_MEMORY,
			"no descriptor or memory left to hand the bitmap over");
	else
		request_free(request);
}

static void leave_entry(struct request *request)
{
	struct server *server = request->session->server;
	struct entry *entry = request->entry;
	request_wait_for(request, NULL);
	if (entry)
		decode_reconsider(server, entry);
}

void request_discard(struct request *request)
{
	leave_entry(request);
	request_free(request);
}

void request_cancel(struct request *request)
{
	leave_entry(request);
	request_fail(request, -ECANCELED, MURAL_REASON_CANCELLED, "cancelled");
}

void request_set_priority(struct request *request, uint32_t priority)
{
	if (priority >= PRIORITIES) {
		session_drop(request->session, -EPROTO, "an unknown priority");
		return;
	}
	if (request->entry)
		count(request, UINT32_MAX);
	request->wanted.priority = priority;
	if (!request->entry)
		return;
	count(request, 1);
	decode_reconsider(request->session->server, request->entry);
}

static bool well_formed(const struct protocol_request *wanted)
{
	return (wanted->flags & ~(uint32_t)PROTOCOL_FLAGS_ALL) == 0 &&
	       wanted->priority < PRIORITIES && mural_format_bytes(wanted->format) != 0;
}

static const char *source_text(const struct file_answer *answer)
{
	switch (answer->error) {
	case -ENODATA:
		return "the file is empty";
	case -EISDIR:
		return "it is a folder";
	case -EINVAL:
		return "not a regular file that can be read";
	case -ETIMEDOUT:
		return "its file system does not answer";
	default:
		return strerror(-answer->error);
	}
}

static void on_identified(void *user, const struct file_answer *answer)
{
	struct request *request = user;
	struct server *server = request->session->server;
	request->ticket = NULL;
	if (answer->error < 0) {
		request_fail(request, answer->error, answer->reason, source_text(answer));
		return;
	}
	if (request->wanted.flags & PROTOCOL_EXPECT &&
		memcmp(&request->wanted.expected, &answer->identity, sizeof(answer->identity)) !=
			0) {
		files_done(server->files, answer);
		request_fail(request, -ESTALE, MURAL_REASON_CHANGED,
			"the file has changed since it was decoded");
		return;
	}
	struct entry *entry = cache_entry(server, &answer->identity, &request->wanted);
	if (!entry) {
		files_done(server->files, answer);
		request_fail(request, -ENOMEM, MURAL_REASON_MEMORY, "no memory");
		return;
	}
	if (!decode_want(server, entry, request, answer->fd))
		files_done(server->files, answer);
}

void request_start(struct session *session, const struct protocol_request *wanted, int fd)
{
	struct server *server = session->server;
	uint32_t serial = wanted->head.serial;
	if (fd != -EAGAIN) /* that one comes again */
		server->counters.requests++;
	if (fd < 0) {
		request_refuse(session, serial, fd, MURAL_REASON_MEMORY,
			"the producer has no descriptor left");
		return;
	}
	if (!well_formed(wanted)) {
		files_close(server->files, fd);
		request_refuse(session, serial, -EINVAL, MURAL_REASON_NONE,
			"unknown format, flag or priority");
		return;
	}
	if (session->requests.count >= server->requests_max) {
		files_close(server->files, fd);
		server->counters.refused_quota++;
		request_refuse(session, serial, -EDQUOT, MURAL_REASON_QUOTA,
			"too many requests in flight");
		return;
	}
	struct request *request = calloc(1, sizeof(*request));
	if (!request) {
		files_close(server->files, fd);
		request_refuse(session, serial, -ENOMEM, MURAL_REASON_MEMORY, "no memory");
		return;
	}
	request->session = session;
	request->wanted = *wanted;
	list_init(&request->in_entry);
	hash_insert(&session->requests, &request->in_session, serial_value(session, serial));
	int r = files_identify(
		server->files, fd, on_identified, request, monotonic_ns(), &request->ticket);
	if (r < 0)
		request_fail(request, r, MURAL_REASON_MEMORY, "no thread to look at the file");
}
