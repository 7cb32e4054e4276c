/* Decoders that can not be killed, as one can not that waits for a dead mount: nobody waits for
 * them, or for their places, and what they may write is nobody else's. A debugger holds them at
 * their end here. */
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <mural/pixel.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static char *folder, *large;
static struct test_process producer;

/* One decode at a time. */
static void start(void)
{
	static const char *const args[] = {"--budget", "256M", "--workers", "1", NULL};
	folder = test_folder_create();
	large = test_large_picture(folder, "12", "png");
	test_producer_start(&producer, folder, args);
}

static void stop(void)
{
	test_process_fini(&producer);
	test_folder_remove(folder);
	free(large);
}

TestSuite(strays, .init = start, .fini = stop, .timeout = 240);

static void cancel(const struct peer *peer, uint32_t serial)
{
	struct protocol_cancel message = {.head = {.type = PROTOCOL_CANCEL, .serial = serial}};
	peer_send(peer->fd, &message, sizeof(message), NULL, 0);
	cr_assert_eq(peer_end_of(peer, serial).failed.error, -ECANCELED);
}

/* ---- who is held ---- */

static bool has_open(pid_t pid, const char *wanted)
{
	char path[300], target[512];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *fds = opendir(path);
	bool found = false;
	for (struct dirent *item; fds && !found && (item = readdir(fds));) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, item->d_name);
		ssize_t length = readlink(path, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	if (fds)
		closedir(fds);
	return found;
}

/* Decoders are told of before they have come as far as their names. The first is the next that gets
 * a job. */
static bool finds_all_ready(void *ret_first)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	int named = 0;
	while ((pid = test_child_named(nursery, "mural-decoder", pid)) > 0)
		if (named++ == 0)
			*(pid_t *)ret_first = pid;
	return named == 2;
}

struct search {
	struct peer *watcher;
	pid_t prober; /* who has it open, too, for its header; 0: nobody */
	pid_t pid;
};

/* The one that decodes the large picture. */
static bool finds_the_decoder(void *context)
{
	struct search *search = context;
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	if (peer_stats(search->watcher).filling_bitmaps == 0)
		return false;
	while ((pid = test_child_named(nursery, "mural-decoder", pid)) > 0)
		if (pid != search->prober && has_open(pid, large))
			search->pid = pid;
	return search->pid > 0;
}

static void hold(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXIT) == 0)
		return;
	cr_assert_eq(errno, EPERM);
	cr_skip_test("nobody may be traced here");
}

/* It stands at its end, and SIGKILL changes nothing. */
static void expect_held(pid_t pid)
{
	kill(pid, SIGKILL);
	cr_expect_eq(test_process_state(pid), 't');
}

static void let_go(pid_t pid)
{
	int status;
	cr_assert_eq(waitpid(pid, &status, __WALL), pid);
	cr_assert_eq(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
	cr_assert_eq(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}

static bool nothing_is_left(void *peer)
{
	peer_purge(peer);
	struct mural_stats stats = peer_stats(peer);
	return stats.workers_busy == 0 && stats.stray_decoders == 0 && stats.allocated_bytes == 0 &&
	       stats.used_bytes == 0;
}

/* ---- what becomes of their pictures, and of others ---- */

/* A large picture that is cancelled while it is decoded, and whose decoder does not go. */
static pid_t leave_one(const struct peer *peer, struct peer *watcher, bool is_known)
{
	struct search search = {.watcher = watcher};
	if (!is_known)
		cr_assert(test_until(finds_all_ready, &search.prober, TEST_TIMEOUT_MS));
	peer_ask(peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(finds_the_decoder, &search, TEST_TIMEOUT_MS));
	hold(search.pid);
	cancel(peer, 1);
	return search.pid;
}

static void comes_though_one_does_not_go(const char *name)
{
	struct peer peer = peer_greet(), watcher = peer_greet();
	pid_t held = leave_one(&peer, &watcher, false);
	peer_ask(&peer, 2, name, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 2);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	expect_held(held);
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.workers_busy, 0, "it takes a place");
	cr_expect_eq(stats.stray_decoders, 1);
	cr_expect_eq(stats.filling_bytes, 0);
	cr_expect_geq(stats.overhead_bytes, UINT64_C(12000000) * 4, "it may write there still");
	let_go(held);
	peer_leave(&peer);
	cr_expect(test_until(nothing_is_left, &watcher, TEST_TIMEOUT_MS));
	peer_leave(&watcher);
}

Test(strays, the_same_picture_is_decoded_by_another)
{
	comes_though_one_does_not_go(large);
}

Test(strays, another_picture_gets_the_place)
{
	CLEANUP(free_p) char *other = test_large_picture(folder, "12", "jpeg");
	comes_though_one_does_not_go(other);
}

/* A bitmap that is known keeps its number: who holds it is told of the new one. */
Test(strays, and_so_is_one_that_was_purged)
{
	struct peer peer = peer_greet(), watcher = peer_greet();
	peer_ask(&peer, 10, large, 0, MURAL_PRIORITY_PREFETCH);
	union protocol_any first = peer_end_of(&peer, 10);
	cr_assert_eq(first.head.type, PROTOCOL_READY);
	peer_purge(&peer);
	pid_t held = leave_one(&peer, &watcher, true);
	peer_ask(&peer, 2, large, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 2);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	cr_expect_eq(message.ready.slot, first.ready.slot);
	cr_expect_gt(message.ready.generation, first.ready.generation);
	expect_held(held);
	let_go(held);
	peer_leave(&peer);
	peer_leave(&watcher);
}

static bool one_is_counted(void *peer)
{
	return peer_stats(peer).stray_decoders == 1;
}

/* A small picture's: it comes all the same. */
Test(strays, one_that_has_answered_is_counted_when_it_does_not_go)
{
	pid_t held = 0;
	struct peer peer = peer_greet(), watcher = peer_greet();
	cr_assert(test_until(finds_all_ready, &held, TEST_TIMEOUT_MS));
	hold(held);
	peer_ask(&peer, 1, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 1);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	cr_expect(test_until(one_is_counted, &watcher, TEST_TIMEOUT_MS));
	let_go(held);
	peer_leave(&peer);
	cr_expect(test_until(nothing_is_left, &watcher, TEST_TIMEOUT_MS));
	peer_leave(&watcher);
}

/* ---- who waits for one ---- */

/* (It is the time limit of a header, ten seconds, that this takes.) */
Test(strays, who_waits_for_one_is_told_that_it_takes_too_long)
{
	pid_t held = 0;
	struct peer peer = peer_greet();
	cr_assert(test_until(finds_all_ready, &held, TEST_TIMEOUT_MS));
	hold(held);
	kill(held, SIGSTOP);
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 1);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.error, -ETIMEDOUT);
	cr_expect_eq(message.failed.reason, MURAL_REASON_TIMEOUT, "%s", message.failed.text);
	cr_expect_eq(peer_stats(&peer).decode_failures, 1);
	peer_ask(&peer, 2, large, 0, MURAL_PRIORITY_VISIBLE);
	message = peer_end_of(&peer, 2);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	expect_held(held);
	ptrace(PTRACE_DETACH, held, NULL, NULL);
	peer_leave(&peer);
}

/* ---- who does not wait for one ---- */

static void ask_for(const struct peer *peer, uint32_t serial, int fd)
{
	struct protocol_request request = {
		.head = {.type = PROTOCOL_REQUEST, .serial = serial},
		.format = MURAL_FORMAT_XRGB8888,
		.priority = MURAL_PRIORITY_VISIBLE,
	};
	peer_send(peer->fd, &request, sizeof(request), &fd, 1);
	close(fd);
}

/* On another file system than the folder. */
static int copy_in_memory(const char *picture)
{
	size_t size;
	CLEANUP(free_p) char *bytes = test_read_file(picture, &size);
	int fd = memfd_create("picture", MFD_CLOEXEC);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	return fd;
}

/* Small, so that it has the only decoder's place from the beginning, and for 42 seconds. */
Test(strays, others_do_not_wait_for_one_whose_file_does_not_come)
{
	CLEANUP(free_p) char *kept = test_path(test_source_path("assets/formats"), "jpeg-420.jpg");
	CLEANUP(free_p) char *on_disk = test_path(folder, "small.jpg");
	size_t size;
	CLEANUP(free_p) char *bytes = test_read_file(kept, &size);
	test_write_file(on_disk, bytes, size);
	pid_t halted = 0;
	struct peer peer = peer_greet();
	cr_assert(test_until(finds_all_ready, &halted, TEST_TIMEOUT_MS));
	kill(halted, SIGSTOP);
	peer_ask(&peer, 1, on_disk, 0, MURAL_PRIORITY_VISIBLE);
	ask_for(&peer, 2, copy_in_memory(kept));
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	do {
		cr_assert(peer_next(peer.fd, &message, fds, &count));
		close_all(fds, count);
	} while (message.head.serial == 0);
	cr_expect_eq(message.head.serial, 2, "it waited");
	kill(halted, SIGCONT);
	message = peer_end_of(&peer, 1);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	peer_leave(&peer);
}
