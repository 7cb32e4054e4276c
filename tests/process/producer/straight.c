/* Small pictures go straight on from the probe to their pixels in one process: which do, and that
 * whatever happens on the way is what happens to others. */
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static char *folder;
static struct test_process producer;

static void start_program(const char *program, const char *budget, const char *workers)
{
	const char *const args[] = {
		"--budget", budget, "--idle-ms", "20", "--workers", workers, NULL};
	folder = test_folder_create();
	test_producer_start_as(&producer, program, folder, args);
}

static void start(const char *budget, const char *workers)
{
	start_program("mural-producer", budget, workers);
}

static void stop(void)
{
	test_process_fini(&producer);
	if (folder)
		test_folder_remove(folder);
}

TestSuite(straight, .fini = stop, .timeout = 240);

/* The end of whatever request ends next; adds the region's descriptor, if it comes with it, to -1.
 */
static union protocol_any next_end(const struct peer *peer, int *region)
{
	union protocol_any message;
	do {
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(peer->fd, &message, fds, &count), "the session ended");
		if (message.head.type == PROTOCOL_READY && count > 0 && *region < 0)
			*region = fds[--count];
		close_all(fds, count);
	} while (message.head.type != PROTOCOL_READY && message.head.type != PROTOCOL_FAILED);
	return message;
}

/* The end of the request, others' before it are passed over; the region's descriptor if it comes
 * with it, else -1: the caller's. */
static union protocol_any end_of(const struct peer *peer, uint32_t serial, int *ret_region)
{
	union protocol_any message;
	int region = -1;
	do {
		message = next_end(peer, &region);
	} while (message.head.serial != serial);
	if (ret_region)
		*ret_region = region;
	else
		close_p(&region);
	return message;
}

static struct protocol_ready thumbnail(const struct peer *peer, uint32_t serial, const char *name)
{
	peer_ask_in_box(peer, serial, name, 256, 256, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = end_of(peer, serial, NULL);
	cr_assert_eq(message.head.type, PROTOCOL_READY, "%s: %s", name, message.failed.text);
	return message.ready;
}

static bool is_lent(void *peer)
{
	struct mural_stats stats = peer_stats(peer);
	return stats.workers_busy > 0 && stats.overhead_bytes > 0 && stats.filling_bytes == 0;
}

#define OVERHEAD_OF_A_SLAB (UINT64_C(256) << 10) /* its control block */

/* Nothing is under way, and nothing is charged that nobody has: no decoder that had a job is there
 * still, with memory that it was lent. */
static bool nothing_is_left(void *peer)
{
	if (peer_stats(peer).workers_busy > 0)
		return false;
	peer_purge(peer);
	struct mural_stats stats = peer_stats(peer);
	return stats.filling_bytes == 0 && stats.kept_bytes == 0 &&
	       (stats.regions == 0 || stats.ready_bytes + stats.pinned_bytes > 0) &&
	       stats.overhead_bytes < OVERHEAD_OF_A_SLAB &&
	       stats.allocated_bytes <= stats.used_bytes;
}

static void expect_nothing_left(struct peer *peer)
{
	bool nothing = test_until(nothing_is_left, peer, TEST_TIMEOUT_MS);
	struct mural_stats stats = peer_stats(peer);
	cr_expect(nothing, "%u busy, %u regions, bytes: filling %llu, kept %llu, overhead %llu",
		stats.workers_busy, stats.regions, (unsigned long long)stats.filling_bytes,
		(unsigned long long)stats.kept_bytes, (unsigned long long)stats.overhead_bytes);
}

/* ---- which ---- */

static unsigned processes_for(const struct peer *peer, const char *name, uint32_t box)
{
	static uint32_t serial = 1000;
	uint64_t before = peer_stats(peer).decoder_processes;
	peer_ask_in_box(peer, ++serial, name, box, box, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = end_of(peer, serial, NULL);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s: %s", name, message.failed.text);
	return (unsigned)(peer_stats(peer).decoder_processes - before);
}

Test(straight, one_process_where_the_box_or_the_file_is_small_and_little_memory_is_needed)
{
	start("256M", "1");
	struct peer peer = peer_greet();
	char *jpeg = test_large_picture(folder, "1", "jpeg"),
	     *progressive = test_large_picture(folder, "4", "progressive"),
	     *png = test_large_picture(folder, "2", "png"),
	     *restart = test_large_picture(folder, "2", "restart");
	cr_expect_eq(processes_for(&peer, jpeg, 256), 1);
	cr_expect_eq(processes_for(&peer, restart, 256), 1, "helpers, if any, would need more");
	cr_expect_eq(processes_for(&peer, png, 200), 1);
	cr_expect_eq(processes_for(&peer, "jpeg-420.jpg", 0), 1, "the file is small");
	cr_expect_eq(processes_for(&peer, "jpeg-444.jpg", 4000), 1, "the file is small");
	cr_expect_eq(processes_for(&peer, progressive, 256), 2, "it needs 12 MiB");
	/* These three are known by now. */
	cr_expect_eq(processes_for(&peer, jpeg, 200), 1);
	cr_expect_eq(processes_for(&peer, jpeg, 0), 2, "it is large");
	cr_expect_eq(processes_for(&peer, png, 0), 2, "it is large");
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.decodes, 9);
	cr_expect_eq(stats.decode_failures, 0);
	peer_leave(&peer);
	free(jpeg);
	free(restart);
	free(progressive);
	free(png);
}

Test(straight, a_large_picture_for_which_there_are_helpers_is_left_to_them)
{
	start("256M", "2");
	struct peer peer = peer_greet();
	char *large = test_large_picture(folder, "4", "jpeg"),
	     *small = test_large_picture(folder, "1", "jpeg");
	cr_expect_eq(processes_for(&peer, large, 256), 2);
	cr_expect_eq(processes_for(&peer, small, 256), 1);
	peer_leave(&peer);
	free(large);
	free(small);
}

/* A copy of the bitmap's rows. */
static uint8_t *pixels_of(const struct protocol_ready *bitmap, int region)
{
	size_t size = (size_t)bitmap->stride_bytes * bitmap->height;
	uint8_t *copy = malloc(size);
	cr_assert_eq(pread(region, copy, size, (off_t)bitmap->offset), (ssize_t)size);
	return copy;
}

static union protocol_any ask_again(
	const struct peer *peer, uint32_t serial, const char *name, uint8_t **ret_pixels)
{
	static int region = -1; /* told once a session */
	int told = -1;
	peer_ask_in_box(peer, serial, name, 40, 40, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = end_of(peer, serial, &told);
	cr_assert_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	if (told >= 0) {
		close_p(&region);
		region = told;
	}
	*ret_pixels = pixels_of(&message.ready, region);
	cr_assert_eq(
		board_pin(peer->table, peer->pins, message.ready.slot, message.ready.generation),
		BOARD_PINNED);
	board_unpin(peer->table, peer->pins, message.ready.slot);
	return message;
}

/* Brought back it is a DECODE, of what is known. */
static void comes_back_the_same(const char *name)
{
	struct peer peer = peer_greet();
	CLEANUP(free_p) uint8_t *straight = NULL;
	CLEANUP(free_p) uint8_t *decoded = NULL;
	struct mural_stats before = peer_stats(&peer);
	struct protocol_ready first = ask_again(&peer, 1, name, &straight).ready;
	cr_expect_eq(peer_stats(&peer).decoder_processes, before.decoder_processes + 1);
	peer_purge(&peer);
	struct protocol_ready again = ask_again(&peer, 2, name, &decoded).ready;
	cr_expect_eq(peer_stats(&peer).redecodes, before.redecodes + 1);
	cr_expect_gt(again.generation, first.generation);
	cr_expect_eq(again.flags, first.flags);
	cr_expect_eq(again.source_width, first.source_width);
	cr_assert_eq(again.width, first.width);
	cr_assert_eq(again.height, first.height);
	size_t size = (size_t)first.stride_bytes * first.height;
	cr_expect_eq(memcmp(straight, decoded, size), 0, "%s", name);
	peer_leave(&peer);
}

Test(straight, the_pixels_are_those_of_a_decode_by_itself)
{
	start("256M", "1");
	comes_back_the_same("jpeg-420.jpg");
	comes_back_the_same("png-rgba8.png");
	comes_back_the_same("orientation-6.jpg");
	comes_back_the_same("jpeg-cmyk.jpg");
}

Test(straight, two_boxes_of_the_same_bitmap_share_it)
{
	start("256M", "1");
	struct peer peer = peer_greet();
	char *path = test_large_picture(folder, "1", "jpeg"); /* 3 : 2 */
	peer_ask_in_box(&peer, 1, path, 256, 256, MURAL_PRIORITY_VISIBLE);
	peer_ask_in_box(&peer, 2, path, 256, 200, MURAL_PRIORITY_VISIBLE);
	/* Which one comes first depends on the threads that look at the files. */
	CLEANUP(close_p) int region = -1;
	union protocol_any first = next_end(&peer, &region), second = next_end(&peer, &region);
	cr_expect_neq(first.head.serial, second.head.serial);
	cr_assert_eq(first.head.type, PROTOCOL_READY);
	cr_assert_eq(second.head.type, PROTOCOL_READY);
	cr_expect_eq(first.ready.slot, second.ready.slot);
	cr_expect_eq(first.ready.generation, second.ready.generation);
	cr_expect_eq(peer_stats(&peer).decodes, 1, "the second bitmap was dropped");
	expect_nothing_left(&peer);
	peer_leave(&peer);
	free(path);
}

/* ---- what may happen on the way ---- */

/* A producer whose only decoder has memory lent, for @ret_peer's request 1 of a picture that takes
 * long: its path, to be freed. */
static char *start_lent(struct peer *ret_peer, struct peer *ret_watcher)
{
	start("256M", "1");
	*ret_peer = peer_greet();
	*ret_watcher = peer_greet();
	char *path = test_large_picture(folder, "12", "png");
	peer_ask_in_box(ret_peer, 1, path, 256, 256, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(is_lent, ret_watcher, TEST_TIMEOUT_MS));
	return path;
}

Test(straight, a_file_that_changes_meanwhile_is_not_cached)
{
	struct peer peer, watcher;
	char *path = start_lent(&peer, &watcher);
	CLEANUP(close_p) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	cr_assert_eq(write(fd, "x", 1), 1);
	union protocol_any message = end_of(&peer, 1, NULL);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.error, -ESTALE);
	cr_expect_eq(message.failed.reason, MURAL_REASON_CHANGED, "%s", message.failed.text);
	cr_expect_eq(peer_stats(&peer).decoder_processes, 1);
	thumbnail(&peer, 2, path);
	peer_leave(&peer);
	peer_leave(&watcher);
	free(path);
}

/* Decoders are given jobs before they have come as far as their names. */
static bool all_have_names(void *nursery)
{
	int named = 0;
	for (pid_t pid = 0; (pid = test_child_named(*(pid_t *)nursery, "mural-decoder", pid)) > 0;)
		named++;
	return named > 0 && named == test_count_children(*(pid_t *)nursery);
}

static void kill_all_decoders(void)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
	cr_assert(test_until(all_have_names, &nursery, TEST_TIMEOUT_MS));
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;)
		kill(pid, SIGKILL);
}

/* (One that is dying may still be given the job.) */
static bool a_second_has_it_or_had(void *peer)
{
	struct mural_stats stats = peer_stats(peer);
	return stats.decode_failures > 0 || (stats.decoder_processes == 2 && is_lent(peer));
}

Test(straight, two_killed_decoders_fail_their_request_and_give_its_memory_back)
{
	struct peer peer, watcher;
	char *path = start_lent(&peer, &watcher);
	kill_all_decoders();
	cr_assert(test_until(a_second_has_it_or_had, &watcher, TEST_TIMEOUT_MS));
	kill_all_decoders();
	union protocol_any message = end_of(&peer, 1, NULL);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
	expect_nothing_left(&peer);
	/* One that is dying may still be given the next job. */
	for (uint32_t serial = 2; message.head.type != PROTOCOL_READY; serial++) {
		cr_assert_lt(serial, 20, "%s", message.failed.text);
		peer_ask_in_box(&peer, serial, path, 256, 256, MURAL_PRIORITY_VISIBLE);
		message = end_of(&peer, serial, NULL);
	}
	peer_leave(&peer);
	peer_leave(&watcher);
	free(path);
}

/* Whatever they were doing, the memory that they had is nobody's afterwards. */
Test(straight, decoders_that_are_killed_again_and_again_leave_nothing)
{
	enum { ROUNDS = 60 };
	start("64M", "2");
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *path = test_large_picture(folder, "1", "jpeg");
	unsigned ready = 0, failed = 0;
	for (uint32_t serial = 1; serial <= ROUNDS; serial++) {
		/* Another box, another bitmap. */
		peer_ask_in_box(
			&peer, serial, path, 100 + serial, 100 + serial, MURAL_PRIORITY_VISIBLE);
		for (uint32_t i = 0; i < serial % 8; i++)
			peer_stats(&watcher); /* time passes */
		kill_all_decoders();
		union protocol_any message = end_of(&peer, serial, NULL);
		ready += message.head.type == PROTOCOL_READY;
		failed += message.head.type == PROTOCOL_FAILED;
		if (message.head.type == PROTOCOL_READY)
			continue;
		cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
	}
	cr_expect_eq(ready + failed, ROUNDS);
	peer_leave(&peer);
	expect_nothing_left(&watcher);
	peer_leave(&watcher);
	free(path);
}

Test(straight, a_cancelled_one_is_stopped_and_gives_its_memory_back)
{
	struct peer peer, watcher;
	char *path = start_lent(&peer, &watcher);
	struct protocol_cancel cancel = {.head = {.type = PROTOCOL_CANCEL, .serial = 1}};
	peer_send(peer.fd, &cancel, sizeof(cancel), NULL, 0);
	cr_expect_eq(end_of(&peer, 1, NULL).failed.error, -ECANCELED);
	expect_nothing_left(&peer);
	cr_expect_eq(peer_stats(&peer).decodes, 0);
	cr_expect_eq(peer_stats(&peer).regions, 0);
	peer_leave(&peer);
	peer_leave(&watcher);
	free(path);
}

Test(straight, a_prefetch_gives_way_to_what_is_seen)
{
	start("256M", "1");
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *path = test_large_picture(folder, "12", "png");
	peer_ask_in_box(&peer, 1, path, 256, 256, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(is_lent, &watcher, TEST_TIMEOUT_MS));
	peer_ask_in_box(&peer, 2, "jpeg-420.jpg", 0, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	cr_expect_eq(message.head.serial, 2, "the prefetch came first");
	message = end_of(&peer, 1, NULL);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "the prefetch was lost: %s",
		message.failed.text);
	cr_expect_eq(peer_stats(&peer).decoder_processes, 2, "what it had done was lost");
	peer_leave(&peer);
	peer_leave(&watcher);
	free(path);
}

/* Scratch memory and a slab's control block take the pool whole: the way of all others is tried,
 * which says why not. */
Test(straight, without_room_it_fails_as_any_other_and_waits_as_any_other)
{
	start("1M", "1");
	struct peer peer = peer_greet(), watcher = peer_greet();
	struct protocol_ready held[64];
	static uint32_t count;
	union protocol_any message;
	for (;; count++) {
		peer_ask_in_box(
			&peer, count + 1, "jpeg-420.jpg", 40 + count, 400, MURAL_PRIORITY_VISIBLE);
		message = end_of(&peer, count + 1, NULL);
		if (message.head.type == PROTOCOL_FAILED)
			break;
		cr_assert_lt(count, ARRAY_SIZE(held));
		held[count] = message.ready;
		cr_assert_eq(board_pin(peer.table, peer.pins, message.ready.slot,
				     message.ready.generation),
			BOARD_PINNED);
		struct mural_stats stats = peer_stats(&watcher);
		cr_assert_leq(stats.used_bytes, stats.budget_bytes);
	}
	cr_expect(message.failed.reason == MURAL_REASON_NO_ROOM ||
			  message.failed.reason == MURAL_REASON_QUOTA,
		"%s", message.failed.text);
	cr_assert_gt(count, 1);
	cr_expect_eq(peer_stats(&watcher).filling_bytes, 0);
	peer_leave(&peer);
	peer_leave(&watcher);
}

/* ---- decoders that lie ---- */

static union protocol_any lie(const struct peer *peer, uint32_t serial, char what, uint32_t box)
{
	char name[512], text[2] = {what, '\0'};
	snprintf(name, sizeof(name), "%s/lie-%c-%u", folder, what, serial);
	test_write_file(name, text, 1);
	peer_ask_in_box(peer, serial, name, box, box, MURAL_PRIORITY_VISIBLE);
	return end_of(peer, serial, NULL);
}

Test(straight, what_a_decoder_says_of_its_bitmap_is_not_believed)
{
	start_program("test_lying_producer", "64M", "1");
	struct peer peer = peer_greet(), watcher = peer_greet();
	/* It tells the truth. */
	cr_expect_eq(lie(&peer, 1, 't', 64).head.type, PROTOCOL_READY);
	cr_expect_eq(peer_stats(&watcher).decoder_processes, 1);
	/* Larger than what it was lent: then there is a decode for it, with memory of its size. */
	cr_expect_eq(lie(&peer, 2, 'l', 0).head.type, PROTOCOL_READY);
	cr_expect_eq(peer_stats(&watcher).decoder_processes, 3);
	/* Of no size, and of one that is not the box's. */
	cr_expect_eq(lie(&peer, 3, 'z', 64).failed.reason, MURAL_REASON_CRASHED);
	cr_expect_eq(lie(&peer, 4, 'b', 64).failed.reason, MURAL_REASON_CRASHED);
	/* It has decoded, though it was given nothing to decode into. */
	cr_expect_eq(peer_stats(&watcher).decoder_processes, 5);
	cr_expect_eq(lie(&peer, 5, 't', 2000).head.type, PROTOCOL_READY);
	/* It lacks memory, it says: alone it has more. */
	uint64_t before = peer_stats(&watcher).decoder_processes;
	cr_expect_eq(lie(&peer, 6, 'm', 64).failed.reason, MURAL_REASON_MEMORY);
	cr_expect_eq(peer_stats(&watcher).decoder_processes, before + 2);
	/* It fails with pixels. */
	cr_expect_eq(lie(&peer, 7, 'f', 64).failed.reason, MURAL_REASON_CORRUPT);
	peer_leave(&peer);
	expect_nothing_left(&watcher);
	peer_leave(&watcher);
}

/* 16 bytes for each pixel that a picture may have, and 64 MiB, whatever they are for. */
Test(straight, nor_is_what_its_helpers_need)
{
	const uint64_t most = ((uint64_t)64 << 20) + 16 * UINT64_C(1000000);
	const char *const args[] = {
		"--budget", "64M", "--workers", "4", "--max-pixels", "1000000", NULL};
	folder = test_folder_create();
	test_producer_start_as(&producer, "test_lying_producer", folder, args);
	struct peer peer = peer_greet();
	union protocol_any message = lie(&peer, 1, 'h', 0);
	unsigned threads = 0;
	unsigned long long memory_bytes = 0;
	cr_assert_eq(message.failed.reason, MURAL_REASON_MEMORY, "%s", message.failed.text);
	cr_assert_eq(sscanf(message.failed.text, "%u %llu", &threads, &memory_bytes), 2);
	cr_expect_eq(threads, 3); /* and the caller: --workers */
	cr_expect_leq(memory_bytes, most);
	peer_leave(&peer);
}
