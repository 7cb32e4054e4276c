/* A consumer by hand: the protocol itself, so that a test can say what libmural never would. */
#include "support/peer.h"

#include "common/endpoint.h"
#include "common/util.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/pixel.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

int peer_connect(void)
{
	struct endpoint endpoint;
	int fd = -1;
	cr_assert_eq(endpoint_resolve(NULL, &endpoint), 0);
	cr_assert_eq(endpoint_connect(&endpoint, &fd), 0);
	return fd;
}

/* The next message of any type, or false at the end of the session. */
bool peer_next(int fd, union protocol_any *message, int fds[MESSAGE_FDS_MAX], size_t *count)
{
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		cr_assert_gt(poll(&ready, 1, TEST_TIMEOUT_MS), 0, "the producer says nothing");
		ssize_t length = protocol_receive(fd, message, fds, count);
		if (length == -EAGAIN)
			continue;
		cr_assert(length >= 0 || length == -ECONNRESET, "received: %s",
			strerror((int)-length));
		if (length > 0 && message->head.type == PROTOCOL_HANDOVER)
			message->head.type = PROTOCOL_READY;
		return length > 0;
	}
}

/* The next message of @type; descriptors of others are closed. */
void peer_expect(int fd, uint32_t type, union protocol_any *message)
{
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	do {
		count = 0;
		cr_assert(peer_next(fd, message, fds, &count),
			"the session ended before message %u", type);
		close_all(fds, count);
	} while (message->head.type != type);
}

union protocol_any peer_end_of(const struct peer *peer, uint32_t serial)
{
	union protocol_any message;
	for (;;) {
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(peer->fd, &message, fds, &count), "the session ended");
		close_all(fds, count);
		if ((message.head.type == PROTOCOL_READY || message.head.type == PROTOCOL_FAILED) &&
			message.head.serial == serial)
			return message;
	}
}

void peer_expect_farewell(int fd, int error)
{
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	peer_expect(fd, PROTOCOL_FAREWELL, &message);
	cr_assert_eq(message.farewell.error, error, "farewell with %d: %s", message.farewell.error,
		message.farewell.reason);
	cr_assert_not(peer_next(fd, &message, fds, &count), "something came after the farewell");
}

void peer_send(int fd, const void *message, size_t size, const int *fds, size_t count)
{
	int r;
	while ((r = message_send(fd, message, size, fds, count)) == -EAGAIN) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		poll(&ready, 1, TEST_TIMEOUT_MS);
	}
	cr_assert_eq(r, 0, "send: %s", strerror(-r));
}

struct protocol_hello peer_hello(void)
{
	return (struct protocol_hello){
		.head.type = PROTOCOL_HELLO,
		.magic = PROTOCOL_MAGIC,
		.version = PROTOCOL_VERSION,
		.name = "test",
	};
}

struct peer peer_greet(void)
{
	struct peer peer = {.fd = peer_connect()};
	struct protocol_hello greeting = peer_hello();
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	peer_send(peer.fd, &greeting, sizeof(greeting), NULL, 0);
	cr_assert(peer_next(peer.fd, &message, fds, &count));
	cr_assert_eq(message.head.type, PROTOCOL_WELCOME);
	peer.welcome = message.welcome;
	cr_assert_eq(board_import_table(fds[0], &peer.welcome.instance, NULL, &peer.table), 0);
	cr_assert_eq(board_import_pins(fds[1], &peer.welcome.instance, NULL, &peer.pins), 0);
	close_all(fds, count);
	return peer;
}

void peer_leave(struct peer *peer)
{
	close(peer->fd);
	board_unmap_table(peer->table);
	board_unmap_pins(peer->pins);
}

int peer_open_picture(const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "assets/formats/%s", name);
	int fd = open(*name == '/' ? name : test_source_path(path), O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", name);
	return fd;
}

static void ask(const struct peer *peer, const char *name, const struct protocol_request *request)
{
	int fd = peer_open_picture(name);
	peer_send(peer->fd, request, sizeof(*request), &fd, 1);
	close(fd);
}

void peer_ask(const struct peer *peer, uint32_t serial, const char *name, uint32_t flags,
	uint32_t priority)
{
	const struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = serial},
		.flags = flags,
		.format = MURAL_FORMAT_XRGB8888,
		.priority = priority,
	};
	ask(peer, name, &request);
}

void peer_ask_in_box(const struct peer *peer, uint32_t serial, const char *name, uint32_t box_width,
	uint32_t box_height, uint32_t priority)
{
	const struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = serial},
		.format = MURAL_FORMAT_XRGB8888,
		.priority = priority,
		.box_width = box_width,
		.box_height = box_height,
	};
	ask(peer, name, &request);
}

struct mural_stats peer_stats(const struct peer *peer)
{
	struct protocol_stat stat = {.head = {.type = PROTOCOL_STAT, .serial = 1u << 30}};
	union protocol_any message;
	peer_send(peer->fd, &stat, sizeof(stat), NULL, 0);
	peer_expect(peer->fd, PROTOCOL_STATS, &message);
	return message.stats.stats;
}

bool peer_sees_decoding(void *peer)
{
	return peer_stats(peer).filling_bitmaps > 0;
}

uint64_t peer_purge(const struct peer *peer)
{
	struct protocol_trim trim = {
		.head = {.type = PROTOCOL_TRIM, .serial = 1u << 29}, .bytes = UINT64_MAX};
	union protocol_any message;
	peer_send(peer->fd, &trim, sizeof(trim), NULL, 0);
	peer_expect(peer->fd, PROTOCOL_TRIMMED, &message);
	return message.trimmed.freed_bytes;
}
