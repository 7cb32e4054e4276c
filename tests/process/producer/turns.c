/* Whoever's turn it is: whatever is asked for, hurried, cancelled and killed, each request ends,
 * and no decoder is left standing. */
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/pixel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { LIVE_MAX = 40, STEPS = 150 };

static char *folder;
static struct test_process producer;
static struct {
	const char *megapixels, *kind;
	char *path;
} pictures[] = {{"12", "png", NULL}, {"12", "progressive", NULL}, {"12", "jpeg", NULL},
	{"6", "restart", NULL}};

static void stop(void)
{
	test_process_fini(&producer);
	if (folder)
		test_folder_remove(folder);
}

TestSuite(turns, .fini = stop, .timeout = 240);

/* A session with what it has asked for. */
struct client {
	struct peer peer;
	uint32_t last, live[LIVE_MAX];
	unsigned count, ready;
};

static unsigned any_of(unsigned count)
{
	return (unsigned)rand() % count;
}

static void ask(struct client *client)
{
	static const uint32_t boxes[] = {0, 256, 900, 2500};
	static const uint32_t flags[] = {0, 0, PROTOCOL_WAIT, PROTOCOL_WAIT, PROTOCOL_PREVIEW};
	struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = ++client->last},
		.format = MURAL_FORMAT_XRGB8888,
		.priority = any_of(3),
		.flags = flags[any_of(ARRAY_SIZE(flags))],
		.box_width = boxes[any_of(ARRAY_SIZE(boxes))],
	};
	request.box_width += request.box_width > 0 ? any_of(20) : 0;
	request.box_height = request.box_width;
	int fd = peer_open_picture(pictures[any_of(ARRAY_SIZE(pictures))].path);
	peer_send(client->peer.fd, &request, sizeof(request), &fd, 1);
	close(fd);
	client->live[client->count++] = client->last;
}

static void hurry(const struct client *client)
{
	struct protocol_priority now = {
		.head = {.type = PROTOCOL_PRIORITY, .serial = client->live[any_of(client->count)]},
		.priority = any_of(3),
	};
	peer_send(client->peer.fd, &now, sizeof(now), NULL, 0);
}

static void cancel(const struct client *client)
{
	struct protocol_cancel message = {
		.head = {.type = PROTOCOL_CANCEL, .serial = client->live[any_of(client->count)]}};
	peer_send(client->peer.fd, &message, sizeof(message), NULL, 0);
}

static void kill_one(void)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	for (unsigned i = any_of(6); nursery > 0 && i > 0; i--)
		pid = test_child_named(nursery, "mural-decoder", pid);
	if (pid > 0)
		kill(pid, SIGKILL);
	else if (nursery > 0 && any_of(4) == 0)
		kill(nursery, SIGKILL);
}

/* Else the producer holds it for us. */
static void glance(const struct peer *peer, const struct protocol_ready *bitmap)
{
	if (board_pin(peer->table, peer->pins, bitmap->slot, bitmap->generation) == BOARD_PINNED)
		board_unpin(peer->table, peer->pins, bitmap->slot);
	struct protocol_slot nudge = {.head.type = PROTOCOL_NUDGE,
		.slot = bitmap->slot,
		.generation = bitmap->generation};
	peer_send(peer->fd, &nudge, sizeof(nudge), NULL, 0);
}

static void note_end(struct client *client, const union protocol_any *message)
{
	for (unsigned i = 0; i < client->count; i++) {
		if (client->live[i] != message->head.serial)
			continue;
		client->live[i] = client->live[--client->count];
		client->ready += message->head.type == PROTOCOL_READY;
		return;
	}
	cr_assert_fail("request %u ended twice", message->head.serial);
}

static void listen_for(struct client *client, int ms)
{
	struct pollfd polled = {.fd = client->peer.fd, .events = POLLIN};
	while (poll(&polled, 1, ms) > 0) {
		union protocol_any message;
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(client->peer.fd, &message, fds, &count), "the session ended");
		close_all(fds, count);
		if (message.head.type == PROTOCOL_READY)
			glance(&client->peer, &message.ready);
		if (message.head.type == PROTOCOL_READY || message.head.type == PROTOCOL_FAILED)
			note_end(client, &message);
		ms = 0;
	}
}

static void do_something(struct client *client)
{
	unsigned what = any_of(100);
	if (client->count == 0 || (what < 60 && client->count < LIVE_MAX))
		ask(client);
	else if (what < 80)
		hurry(client);
	else if (what < 92)
		cancel(client);
	else if (what < 98)
		kill_one();
	else if (what == 99) {
		peer_leave(&client->peer);
		client->peer = peer_greet();
		client->count = 0;
	}
}

static void live_through(const char *budget, const char *workers, unsigned seed)
{
	const char *const args[] = {
		"--budget", budget, "--idle-ms", "20", "--workers", workers, NULL};
	folder = test_folder_create();
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++)
		pictures[i].path =
			test_large_picture(folder, pictures[i].megapixels, pictures[i].kind);
	test_producer_start(&producer, folder, args);
	struct client client = {.peer = peer_greet()};
	srand(seed);
	for (unsigned step = 0; step < STEPS; step++) {
		do_something(&client);
		listen_for(&client, any_of(12));
	}
	uint64_t until = monotonic_ns() + UINT64_C(60000000000);
	while (client.count > 0 && monotonic_ns() < until)
		listen_for(&client, 100);
	cr_expect_eq(client.count, 0, "%u requests do not end (seed %u)", client.count, seed);
	cr_expect_gt(client.ready, 0);
	peer_leave(&client.peer);
	struct peer watcher = peer_greet();
	struct mural_stats stats;
	do
		stats = peer_stats(&watcher);
	while ((stats.filling_bytes > 0 || stats.workers_busy > 0) && monotonic_ns() < until);
	cr_expect_eq(stats.filling_bytes, 0);
	cr_expect_eq(stats.workers_busy, 0);
	peer_leave(&watcher);
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++)
		free(pictures[i].path);
}

Test(turns, each_request_ends_with_one_decoder)
{
	live_through("128M", "1", 1);
}

Test(turns, and_with_two_and_little_room)
{
	live_through("64M", "2", 2);
}

Test(turns, and_with_more)
{
	live_through("256M", "4", 3);
}
