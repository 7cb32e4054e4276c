/* What the producer makes of consumers that speak wrongly, want too much, or die: that session
 * ends, everybody else goes on, and nothing is left behind. Speaks the protocol itself, so that it
 * can say what libmural never would. */
#include "common/protocol.h"
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/pixel.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *folder;
static struct test_process producer;

static void start(void)
{
	static const char *const args[] = {
		"--budget", "64M", "--idle-ms", "50", "--workers", "2", NULL};
	folder = test_folder_create();
	test_producer_start(&producer, folder, args);
}

static void stop(void)
{
	test_process_fini(&producer);
	test_folder_remove(folder);
}

TestSuite(session, .init = start, .fini = stop, .timeout = 120);

/* Everybody else is served as ever. */
static void expect_service(void)
{
	struct peer peer = peer_greet();
	union protocol_any message;
	peer_ask(&peer, 1, "png-rgb8.png", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	peer_leave(&peer);
}

static bool alone(void *watcher)
{
	return peer_stats(watcher).sessions == 1;
}

#define READY_DECODERS 4      /* of two workers */
#define NURSERY_DESCRIPTORS 7 /* three that are standard, its socket, signals, score, rehearsal */

/* Decoders that have answered have gone, others are there instead, and the producer knows: a ready
 * one takes two of its descriptors. */
static bool decoders_are_at_rest(void *watcher)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
	/* What they were lent for small pictures is overhead, besides the slab's control block. */
	if (peer_stats(watcher).overhead_bytes >= UINT64_C(256) << 10)
		return false;
	if (test_count_children(nursery) != READY_DECODERS ||
		test_count_descriptors(nursery) != NURSERY_DESCRIPTORS)
		return false;
	peer_stats(watcher); /* behind what the nursery has said */
	return true;
}

static void wait_for_decoders(struct peer *watcher)
{
	cr_assert(test_until(decoders_are_at_rest, watcher, TEST_TIMEOUT_MS));
}

/* ---- greetings ---- */

Test(session, a_message_before_the_greeting_ends_it)
{
	int fd = peer_connect();
	struct protocol_stat stat = {.head.type = PROTOCOL_STAT};
	peer_send(fd, &stat, sizeof(stat), NULL, 0);
	peer_expect_farewell(fd, -EPROTO);
	close(fd);
	expect_service();
}

Test(session, another_version_is_told_so)
{
	int fd = peer_connect();
	struct protocol_hello greeting = peer_hello();
	greeting.version = PROTOCOL_VERSION + 1;
	peer_send(fd, &greeting, sizeof(greeting), NULL, 0);
	peer_expect_farewell(fd, -EPROTONOSUPPORT);
	close(fd);
}

Test(session, a_second_greeting_ends_it)
{
	struct peer peer = peer_greet();
	struct protocol_hello greeting = peer_hello();
	peer_send(peer.fd, &greeting, sizeof(greeting), NULL, 0);
	peer_expect_farewell(peer.fd, -EPROTO);
	peer_leave(&peer);
}

/* ---- messages that are none ---- */

Test(session, garbage_of_every_length_ends_only_that_session)
{
	unsigned seed = 1;
	for (size_t length = 1; length <= MESSAGE_BYTES_MAX; length += length < 128 ? 1 : 397) {
		unsigned char bytes[MESSAGE_BYTES_MAX];
		for (size_t i = 0; i < length; i++)
			bytes[i] = (unsigned char)rand_r(&seed);
		int fd = peer_connect();
		peer_send(fd, bytes, length, NULL, 0);
		peer_expect_farewell(fd, -EPROTO);
		close(fd);
	}
	expect_service();
}

Test(session, every_message_of_a_wrong_size_or_with_wrong_descriptors_ends_it)
{
	for (uint32_t type = 1; type < 80; type++) {
		size_t right = protocol_size(type);
		for (int variant = 0; variant < 3; variant++) {
			struct peer peer = peer_greet();
			/* One byte more than the largest message: that is what is sent, too. */
			struct {
				union protocol_any any;
				char beyond[8];
			} message = {.any.head = {.type = type, .serial = 1}};
			size_t size = right + (variant == 0) - (variant == 1);
			size_t count = variant == 2 ? protocol_descriptors(type) + 1
						    : protocol_descriptors(type);
			int fds[MESSAGE_FDS_MAX] = {2, 2, 2, 2};
			if (variant == 1 && right <= sizeof(message.any.head))
				size = 1; /* shorter than any message */
			if (size == 0)
				size = sizeof(message.any.head);
			peer_send(peer.fd, &message, size, fds, count);
			peer_expect_farewell(peer.fd, -EPROTO);
			peer_leave(&peer);
		}
	}
	expect_service();
}

Test(session, a_producers_message_from_a_consumer_ends_it)
{
	struct peer peer = peer_greet();
	struct protocol_trimmed message = {.head.type = PROTOCOL_TRIMMED};
	peer_send(peer.fd, &message, sizeof(message), NULL, 0);
	peer_expect_farewell(peer.fd, -EPROTO);
	peer_leave(&peer);
}

/* ---- requests ---- */

Test(session, unknown_formats_flags_and_priorities_are_refused)
{
	struct peer peer = peer_greet();
	union protocol_any message;
	struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = 1},
		.format = MURAL_FORMAT_XRGB8888,
	};
	struct protocol_request wrong[] = {request, request, request};
	wrong[0].format = 77;
	wrong[1].flags = 1u << 31;
	wrong[2].priority = 3;
	int fd = peer_open_picture("png-rgb8.png");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		peer_send(peer.fd, &wrong[i], sizeof(wrong[i]), &fd, 1);
		peer_expect(peer.fd, PROTOCOL_FAILED, &message);
		cr_assert_eq(message.failed.error, -EINVAL);
	}
	close(fd);
	peer_leave(&peer);
}

Test(session, a_number_in_use_ends_it)
{
	struct peer peer = peer_greet();
	for (int i = 0; i < 2; i++)
		peer_ask(&peer, 7, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	/* Either the first was answered before the second came, or the session ends: never two
	 * under one number. */
	int ready = 0;
	while (ready < 2 && peer_next(peer.fd, &message, fds, &count)) {
		close_all(fds, count);
		count = 0;
		if (message.head.type == PROTOCOL_FAREWELL)
			break;
		ready += message.head.type == PROTOCOL_READY;
	}
	cr_assert(message.head.type == PROTOCOL_FAREWELL || ready == 2);
	peer_leave(&peer);
	expect_service();
}

static int refused_with(const int *fd)
{
	struct peer peer = peer_greet();
	union protocol_any message;
	struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = 1},
		.format = MURAL_FORMAT_XRGB8888,
	};
	peer_send(peer.fd, &request, sizeof(request), fd, 1);
	peer_expect(peer.fd, PROTOCOL_FAILED, &message);
	peer_leave(&peer);
	return message.failed.error;
}

Test(session, only_readable_regular_files_are_sources)
{
	int pipes[2];
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	int path = open(test_source_path("assets/formats/png-rgb8.png"), O_PATH | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int empty = memfd_create("empty", MFD_CLOEXEC);
	char *name = test_path(folder, "written");
	int written = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	cr_assert_eq(write(written, "x", 1), 1);
	cr_expect_eq(refused_with(&pipes[0]), -EINVAL);
	cr_expect_eq(refused_with(&path), -EINVAL);
	cr_expect_eq(refused_with(&dir), -EISDIR);
	cr_expect_eq(refused_with(&empty), -ENODATA);
	cr_expect_eq(refused_with(&written), -EINVAL);
	free(name);
}

Test(session, too_many_requests_are_refused_and_the_others_answered)
{
	struct peer peer = peer_greet();
	const uint32_t wanted = peer.welcome.requests_max + 50;
	uint32_t answered = 0, refused = 0;
	/* All of one picture, so that what is measured is the number in flight. The answers are
	 * read only at the end. */
	for (uint32_t i = 1; i <= wanted; i++)
		peer_ask(&peer, i, "jpeg-420.jpg", 0, MURAL_PRIORITY_PREFETCH);
	while (answered + refused < wanted) {
		union protocol_any message;
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(peer.fd, &message, fds, &count));
		close_all(fds, count);
		answered += message.head.type == PROTOCOL_READY;
		if (message.head.type == PROTOCOL_FAILED) {
			cr_assert_eq(message.failed.error, -EDQUOT);
			refused++;
		}
	}
	struct mural_stats stats = peer_stats(&peer);
	cr_assert_eq(stats.refused_quota, refused);
	cr_assert_eq(stats.decodes, 1, "%llu decodes", (unsigned long long)stats.decodes);
	peer_leave(&peer);
}

Test(session, ten_requests_for_one_picture_share_one_decode)
{
	struct peer peers[10];
	union protocol_any message;
	uint64_t region = 0, generation = 0;
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		peers[i] = peer_greet();
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		peer_ask(&peers[i], 1, "jpeg-progressive-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
		peer_expect(peers[i].fd, PROTOCOL_READY, &message);
		if (i > 0)
			cr_assert(message.ready.region == region &&
				  message.ready.generation == generation);
		region = message.ready.region;
		generation = message.ready.generation;
	}
	struct mural_stats stats = peer_stats(&peers[0]);
	cr_assert_eq(stats.decodes, 1);
	cr_assert_eq(stats.requests, 10);
	cr_assert_eq(stats.joined + stats.hits, 9);
	for (size_t i = 0; i < ARRAY_SIZE(peers); i++)
		peer_leave(&peers[i]);
}

Test(session, a_cancelled_request_ends_once_with_ecanceled)
{
	struct peer peer = peer_greet();
	union protocol_any message;
	for (uint32_t serial = 1; serial <= 50; serial++) {
		struct protocol_cancel cancel = {
			.head = {.type = PROTOCOL_CANCEL, .serial = serial}};
		peer_ask(&peer, serial, serial % 2 ? "jpeg-444.jpg" : "png-rgba16.png", 0,
			MURAL_PRIORITY_VISIBLE);
		peer_send(peer.fd, &cancel, sizeof(cancel), NULL, 0);
	}
	unsigned seen[51] = {0};
	for (int ends = 0; ends < 50;) {
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(peer.fd, &message, fds, &count));
		close_all(fds, count);
		if (message.head.type != PROTOCOL_READY && message.head.type != PROTOCOL_FAILED)
			continue;
		if (message.head.type == PROTOCOL_FAILED)
			cr_assert_eq(message.failed.error, -ECANCELED);
		cr_assert_eq(++seen[message.head.serial], 1, "request %u ended twice",
			message.head.serial);
		ends++;
	}
	struct mural_stats stats = peer_stats(&peer);
	cr_assert_eq(stats.waiting_requests, 0);
	peer_leave(&peer);
}

/* ---- pins ---- */

Test(session, what_was_never_told_is_purged_to_the_asker)
{
	struct peer owner = peer_greet(), thief = peer_greet();
	union protocol_any message;
	peer_ask(&owner, 1, "png-rgb8.png", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(owner.fd, PROTOCOL_READY, &message);
	struct protocol_slot pin = {
		.head = {.type = PROTOCOL_PIN, .serial = 2},
		.slot = message.ready.slot,
		.generation = message.ready.generation,
	};
	peer_send(thief.fd, &pin, sizeof(pin), NULL, 0);
	peer_expect(thief.fd, PROTOCOL_PIN_ANSWER, &message);
	cr_assert_eq(message.pin_answer.result, PROTOCOL_PIN_PURGED);
	pin.slot = UINT32_MAX;
	peer_send(thief.fd, &pin, sizeof(pin), NULL, 0);
	peer_expect(thief.fd, PROTOCOL_PIN_ANSWER, &message);
	cr_assert_eq(message.pin_answer.result, PROTOCOL_PIN_PURGED);
	peer_leave(&owner);
	peer_leave(&thief);
}

Test(session, giving_back_what_was_not_given_ends_it)
{
	struct peer peer = peer_greet();
	struct protocol_slot release = {.head.type = PROTOCOL_RELEASE, .slot = 12, .told = 1};
	peer_send(peer.fd, &release, sizeof(release), NULL, 0);
	peer_expect_farewell(peer.fd, -EPROTO);
	peer_leave(&peer);
}

Test(session, a_count_that_makes_no_sense_ends_that_session_alone)
{
	struct peer bad = peer_greet(), good = peer_greet();
	union protocol_any message;
	peer_ask(&good, 1, "png-rgb8.png", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(good.fd, PROTOCOL_READY, &message);
	peer_ask(&bad, 1, "png-rgb8.png", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(bad.fd, PROTOCOL_READY, &message);
	/* One unpin too many: the count wraps. */
	atomic_store(&bad.pins->slot[message.ready.slot].pins, UINT32_MAX);
	board_mark(bad.pins, message.ready.slot);
	peer_purge(&good);
	peer_expect_farewell(bad.fd, -EPROTO);
	cr_assert_eq(peer_stats(&good).purged_bitmaps, 0, "its pins count until it has gone");
	peer_leave(&bad);
	expect_service();
	peer_leave(&good);
}

/* The pool looks at a consumer's board while it makes room for that consumer's own request. */
static void expect_end_at_its_own_request(const char *second)
{
	struct peer bad = peer_greet();
	union protocol_any message;
	peer_ask(&bad, 1, "png-rgb8.png", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(bad.fd, PROTOCOL_READY, &message);
	atomic_store(&bad.pins->slot[message.ready.slot].pins, UINT32_MAX);
	board_mark(bad.pins, message.ready.slot);
	peer_ask(&bad, 2, second, 0, MURAL_PRIORITY_VISIBLE);
	peer_expect_farewell(bad.fd, -EPROTO);
	peer_leave(&bad);
	expect_service();
}

Test(session, a_count_that_makes_no_sense_ends_a_session_that_asks_for_more)
{
	expect_end_at_its_own_request("jpeg-420.jpg");
	CLEANUP(free_p) char *large = strdup(test_source_path("assets/pictures/mountains-420.jpg"));
	expect_end_at_its_own_request(large);
}

/* A consumer that pins one bitmap; a child of its own keeps its socket open until @life is closed.
 */
static pid_t holder_process(int life[2])
{
	int pipes[2];
	char byte = 1;
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct peer peer = peer_greet();
		union protocol_any message;
		close(life[1]);
		peer_ask(&peer, 1, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
		peer_expect(peer.fd, PROTOCOL_READY, &message);
		board_pin(peer.table, peer.pins, message.ready.slot, message.ready.generation);
		if (fork() == 0) {
			close(pipes[1]);
			_exit(read(life[0], &byte, 1) != 0);
		}
		if (write(pipes[1], &byte, 1) != 1)
			_exit(1);
		_exit(read(life[0], &byte, 1) != 0);
	}
	close(pipes[1]);
	cr_assert_eq(read(pipes[0], &byte, 1), 1, "the holder did not get its bitmap");
	close(pipes[0]);
	return pid;
}

static bool nothing_pinned(void *context)
{
	return peer_stats(context).pinned_bitmaps == 0;
}

Test(session, a_killed_consumer_holds_nothing_though_its_child_keeps_the_socket)
{
	struct peer watcher = peer_greet();
	int life[2];
	cr_assert_eq(pipe2(life, O_CLOEXEC), 0);
	pid_t pid = holder_process(life);
	cr_assert_eq(peer_stats(&watcher).pinned_bitmaps, 1);
	peer_purge(&watcher);
	cr_assert_eq(peer_stats(&watcher).pinned_bitmaps, 1, "a purge took what is pinned");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert(test_until(nothing_pinned, &watcher, TEST_TIMEOUT_MS), "the dead still pin");
	peer_purge(&watcher);
	struct mural_stats stats = peer_stats(&watcher);
	cr_assert_eq(stats.ready_bitmaps + stats.idle_bitmaps, 0);
	peer_leave(&watcher);
	close_all(life, 2);
}

/* ---- hand-overs ---- */

/* Asks for statistics until they fill the way back, and does not read them. */
static void be_slow(const struct peer *peer, uint32_t questions)
{
	struct protocol_stat stat = {.head = {.type = PROTOCOL_STAT, .serial = 1}};
	for (uint32_t i = 0; i < questions; i++)
		peer_send(peer->fd, &stat, sizeof(stat), NULL, 0);
}

static bool both_were_answered(void *watcher)
{
	return peer_stats(watcher).requests == 2;
}

/* The producer lends the descriptor it keeps; of one that has to wait it needs another. */
Test(session, a_region_handed_over_late_is_handed_over_whole)
{
	enum { QUESTIONS = 1000 };
	struct peer watcher = peer_greet(), slow = peer_greet();
	union protocol_any message;
	struct stat st;
	int fds[MESSAGE_FDS_MAX] = {-1};
	size_t count = 0;
	peer_ask(&watcher, 1, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	peer_expect(watcher.fd, PROTOCOL_READY, &message);
	uint64_t region = message.ready.region;
	cr_assert_eq(peer_stats(&watcher).readonly_descriptors, 1);
	wait_for_decoders(&watcher);
	int before = test_count_descriptors(producer.pid);
	be_slow(&slow, QUESTIONS);
	peer_ask(&slow, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(both_were_answered, &watcher, TEST_TIMEOUT_MS));
	cr_expect_eq(test_count_descriptors(producer.pid), before + 1, "it does not wait");
	for (int i = 0; i < QUESTIONS; i++) {
		cr_assert(peer_next(slow.fd, &message, fds, &count));
		cr_assert_eq(message.head.type, PROTOCOL_STATS);
	}
	cr_assert(peer_next(slow.fd, &message, fds, &count));
	cr_assert_eq(message.head.type, PROTOCOL_READY);
	cr_assert_eq(message.ready.region, region);
	cr_assert_eq(count, 1);
	cr_expect_eq(fstat(fds[0], &st), 0);
	cr_expect_geq((uint64_t)st.st_size, message.handover.region_size);
	close(fds[0]);
	cr_expect_eq(peer_stats(&watcher).readonly_descriptors, 1);
	cr_expect_eq(test_count_descriptors(producer.pid), before);
	peer_leave(&slow);
	peer_leave(&watcher);
}

/* A picture of a region that this consumer knows comes without the descriptor. */
Test(session, a_region_is_handed_over_once_a_session)
{
	struct peer peer = peer_greet();
	union protocol_any message;
	uint64_t region = 0;
	for (uint32_t serial = 1; serial <= 3; serial++) {
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		peer_ask(&peer, serial, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
		cr_assert(peer_next(peer.fd, &message, fds, &count));
		cr_assert_eq(message.head.type, PROTOCOL_READY);
		cr_assert_eq(count, serial == 1);
		cr_assert(serial == 1 || message.ready.region == region);
		region = message.ready.region;
		close_all(fds, count);
	}
	peer_leave(&peer);
}

/* ---- what is left ---- */

Test(session, descriptors_and_mappings_are_back_at_the_start_after_a_hundred_sessions)
{
	struct peer watcher = peer_greet();
	expect_service();
	cr_assert(test_until(alone, &watcher, TEST_TIMEOUT_MS));
	peer_purge(&watcher);
	wait_for_decoders(&watcher);
	int descriptors = test_count_descriptors(producer.pid),
	    mappings = test_count_mappings(producer.pid, "memfd");
	for (int i = 0; i < 100; i++) {
		struct peer peer = peer_greet();
		peer_ask(&peer, 1, i % 2 ? "jpeg-420.jpg" : "png-rgb8.png", 0,
			MURAL_PRIORITY_VISIBLE);
		if (i % 3) {
			union protocol_any message;
			peer_expect(peer.fd, PROTOCOL_READY, &message);
		}
		peer_leave(&peer);
	}
	cr_assert(test_until(alone, &watcher, TEST_TIMEOUT_MS), "sessions are left behind");
	wait_for_decoders(&watcher);
	peer_purge(&watcher);
	cr_expect_leq(test_count_descriptors(producer.pid), descriptors + 2);
	cr_expect_leq(test_count_mappings(producer.pid, "memfd"), mappings + 1);
	peer_leave(&watcher);
}
