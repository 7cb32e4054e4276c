/* What the producer does for everybody: one copy for all, never over its budget, nothing lost when
 * a decoder dies or the machine refuses, what is seen before what is prefetched, and a clean end.
 */
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <mural/pixel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *folder;
static struct test_process producer;

static void start_with(const char *budget, const char *workers, const char *more, const char *value)
{
	const char *const args[] = {
		"--budget", budget, "--idle-ms", "20", "--workers", workers, more, value, NULL};
	folder = test_folder_create();
	test_producer_start(&producer, folder, args);
}

static void stop(void)
{
	test_process_fini(&producer);
	if (folder)
		test_folder_remove(folder);
}

TestSuite(service, .fini = stop, .timeout = 240);

/* A picture that takes a while: 12 MP of PNG. */
static char *large_picture(void)
{
	return test_large_picture(folder, "12", "png");
}

static struct protocol_ready ready(const struct peer *peer, uint32_t serial, const char *name)
{
	peer_ask(peer, serial, name, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(peer, serial);
	cr_assert_eq(message.head.type, PROTOCOL_READY, "%s: %s", name, message.failed.text);
	return message.ready;
}

static void pin(const struct peer *peer, const struct protocol_ready *bitmap)
{
	cr_assert_eq(
		board_pin(peer->table, peer->pins, bitmap->slot, bitmap->generation), BOARD_PINNED);
}

static void unpin(const struct peer *peer, const struct protocol_ready *bitmap)
{
	if (!board_unpin(peer->table, peer->pins, bitmap->slot))
		return;
	struct protocol_slot nudge = {
		.head.type = PROTOCOL_NUDGE,
		.slot = bitmap->slot,
		.generation = bitmap->generation,
	};
	peer_send(peer->fd, &nudge, sizeof(nudge), NULL, 0);
}

/* Uses a bitmap for a moment: until then the producer holds it for us. */
static void glance(const struct peer *peer, struct protocol_ready bitmap)
{
	pin(peer, &bitmap);
	unpin(peer, &bitmap);
}

/* ---- one copy for all ---- */

/* The region's descriptor of the first READY after a request. */
static int region_of(const struct peer *peer, const char *name)
{
	union protocol_any message;
	int region = -1;
	peer_ask(peer, 1, name, 0, MURAL_PRIORITY_VISIBLE);
	do {
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		cr_assert(peer_next(peer->fd, &message, fds, &count));
		if (message.head.type == PROTOCOL_READY && count > 0)
			region = fds[--count];
		close_all(fds, count);
	} while (message.head.type != PROTOCOL_READY);
	cr_assert_geq(region, 0);
	return region;
}

Test(service, two_consumers_get_the_same_memory_and_can_only_read_it)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peers[2] = {peer_greet(), peer_greet()};
	struct stat st[2];
	for (int i = 0; i < 2; i++) {
		int fd = region_of(&peers[i], "jpeg-420.jpg");
		cr_assert_eq(fstat(fd, &st[i]), 0);
		cr_expect_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		cr_expect_eq(
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
		cr_expect_lt(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
		cr_expect_lt(ftruncate(fd, 0), 0);
		cr_expect(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK);
		close(fd);
	}
	cr_assert(st[0].st_ino == st[1].st_ino && st[0].st_dev == st[1].st_dev);
	for (int i = 0; i < 2; i++)
		peer_leave(&peers[i]);
}

/* ---- the budget ---- */

Test(service, what_is_pinned_is_never_taken_and_the_budget_never_exceeded)
{
	start_with("2M", "2", NULL, NULL);
	struct peer a = peer_greet(), b = peer_greet();
	static const char *const names[] = {"jpeg-420.jpg", "jpeg-422.jpg", "jpeg-444.jpg",
		"jpeg-440.jpg", "jpeg-411.jpg", "jpeg-grey.jpg", "jpeg-cmyk.jpg", "jpeg-rgb.jpg",
		"orientation-1.jpg", "orientation-6.jpg"};
	struct protocol_ready held[ARRAY_SIZE(names)];
	size_t count = 0;
	int error = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names) && error == 0; i++) {
		const struct peer *peer =
			i % 2 ? &b : &a; /* two, so that the room ends before a quota does */
		peer_ask(peer, (uint32_t)i + 1, names[i], 0, MURAL_PRIORITY_VISIBLE);
		union protocol_any message = peer_end_of(peer, (uint32_t)i + 1);
		if (message.head.type == PROTOCOL_READY) {
			held[count++] = message.ready;
			pin(peer, &message.ready);
		} else {
			error = message.failed.error;
			cr_expect_eq(message.failed.reason, MURAL_REASON_NO_ROOM, "%s",
				message.failed.text);
		}
		struct mural_stats stats = peer_stats(&a);
		cr_assert_leq(stats.used_bytes, stats.budget_bytes);
		cr_assert_leq(stats.allocated_bytes, stats.used_bytes);
	}
	cr_assert_eq(error, -ENOSPC);
	cr_assert_gt(count, 2);
	peer_purge(&a);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(atomic_load(&a.table->word[held[i].slot]) & ~BOARD_WATCHED,
			board_word(held[i].generation, BOARD_READY), "a purge took what is pinned");
	/* One that waits gets the room of the first that is given up. */
	peer_ask(&a, 100, "jpeg-ycck-444.jpg", PROTOCOL_WAIT, MURAL_PRIORITY_VISIBLE);
	while (!atomic_load(&a.table->waiters))
		peer_stats(&b);
	unpin(&a, &held[0]);
	cr_assert_eq(peer_end_of(&a, 100).head.type, PROTOCOL_READY);
	peer_leave(&a);
	peer_leave(&b);
}

Test(service, one_consumer_cannot_pin_everything)
{
	start_with("2M", "2", NULL, NULL);
	struct peer greedy = peer_greet(), other = peer_greet();
	static const char *const names[] = {"jpeg-420.jpg", "jpeg-422.jpg", "jpeg-444.jpg",
		"jpeg-440.jpg", "jpeg-411.jpg", "jpeg-grey.jpg", "jpeg-cmyk.jpg", "jpeg-rgb.jpg"};
	union protocol_any message = {0};
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		peer_ask(&greedy, i + 1, names[i], 0, MURAL_PRIORITY_VISIBLE);
		message = peer_end_of(&greedy, i + 1);
		if (message.head.type == PROTOCOL_FAILED)
			break;
		pin(&greedy, &message.ready);
	}
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect(message.failed.error == -EDQUOT || message.failed.error == -ENOSPC, "%d",
		message.failed.error);
	ready(&other, 1, "png-1x1-rgb8.png");
	peer_leave(&greedy);
	peer_leave(&other);
}

Test(service, a_picture_larger_than_the_pool_is_refused_as_such)
{
	start_with("1M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 1);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_assert_eq(message.failed.error, -EFBIG);
	cr_assert_eq(message.failed.reason, MURAL_REASON_TOO_LARGE);
	peer_leave(&peer);
	free(large);
}

/* ---- the kernel's own count ---- */

/* Bytes of all shared memory that a process holds descriptors of, each file once. */
static uint64_t kernel_bytes(pid_t pid)
{
	char path[64];
	ino_t seen[256];
	size_t count = 0;
	uint64_t bytes = 0;
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *fds = opendir(path);
	cr_assert_not_null(fds);
	for (struct dirent *item; (item = readdir(fds));) {
		char link[512], target[256];
		struct stat st;
		snprintf(link, sizeof(link), "%s/%s", path, item->d_name);
		ssize_t length = readlink(link, target, sizeof(target) - 1);
		if (length <= 0 || stat(link, &st) < 0)
			continue;
		target[length] = '\0';
		bool table = strstr(target, "mural-state") || strstr(target, "mural-pins");
		if (strncmp(target, "/memfd:", 7) != 0 || table)
			continue;
		bool again = false;
		for (size_t i = 0; i < count; i++)
			again |= seen[i] == st.st_ino;
		if (again || count == ARRAY_SIZE(seen))
			continue;
		seen[count++] = st.st_ino;
		bytes += (uint64_t)st.st_blocks * 512;
	}
	closedir(fds);
	return bytes;
}

/* One control block and its ranges: a small picture's decoder, which may be there for a moment
 * after its answer, has gone with its memory. */
static bool has_little_overhead(void *peer)
{
	return peer_stats(peer).overhead_bytes <= UINT64_C(256) << 10;
}

Test(service, after_a_purge_the_kernel_holds_only_what_is_pinned)
{
	start_with("256M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	char *large = large_picture();
	struct protocol_ready held = ready(&peer, 1, "jpeg-420.jpg");
	pin(&peer, &held);
	glance(&peer, ready(&peer, 2, large));
	glance(&peer, ready(&peer, 3, "png-rgba8.png"));
	glance(&peer, ready(&peer, 4, "jpeg-444.jpg"));
	cr_assert_gt(kernel_bytes(producer.pid), UINT64_C(40) << 20);
	cr_assert_gt(peer_purge(&peer), UINT64_C(40) << 20);
	cr_assert(test_until(has_little_overhead, &peer, TEST_TIMEOUT_MS));
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.pinned_bitmaps, 1);
	cr_expect_eq(stats.ready_bitmaps + stats.idle_bitmaps + stats.kept_bytes, 0);
	uint64_t kernel = kernel_bytes(producer.pid);
	cr_expect_eq(stats.allocated_bytes, kernel);
	cr_expect_leq(kernel, stats.pinned_bytes + stats.overhead_bytes,
		"%llu bytes left, %llu pinned", (unsigned long long)kernel,
		(unsigned long long)stats.pinned_bytes);
	unpin(&peer, &held);
	peer_leave(&peer);
	free(large);
}

/* Of huge pages and a tail of small ones, of huge pages up to its end, and a small one. */
Test(service, the_kernel_gives_no_more_than_is_charged)
{
	static const char *const names[] = {"assets/pictures/mountains-420.jpg",
		"assets/pictures/planet-rgba8.png", "assets/formats/jpeg-420.jpg"};
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		glance(&peer, ready(&peer, i + 1, test_source_path(names[i])));
		cr_assert(test_until(has_little_overhead, &peer, TEST_TIMEOUT_MS));
		uint64_t kernel = kernel_bytes(producer.pid), used = peer_stats(&peer).used_bytes;
		cr_expect_leq(kernel, used, "%s: %llu bytes, %llu charged", names[i],
			(unsigned long long)kernel, (unsigned long long)used);
	}
	peer_leave(&peer);
}

Test(service, a_signal_purges)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	struct protocol_ready bitmap = ready(&peer, 1, "jpeg-420.jpg");
	glance(&peer, bitmap);
	test_process_signal(&producer, SIGUSR1);
	while (board_word_state(atomic_load(&peer.table->word[bitmap.slot])) != BOARD_PURGED)
		peer_stats(&peer);
	peer_leave(&peer);
}

/* ---- decoders that die ---- */

#define DECODERS_MAX 16

/* Decoders are told of, and given jobs, before they have come as far as their names. */
static bool all_have_names(void *nursery)
{
	int named = 0;
	for (pid_t pid = 0; (pid = test_child_named(*(pid_t *)nursery, "mural-decoder", pid)) > 0;)
		named++;
	return named > 0 && named == test_count_children(*(pid_t *)nursery);
}

/* @pids: who they were, ended by 0. */
static void kill_all_decoders(pid_t pids[DECODERS_MAX])
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
	unsigned count = 0;
	cr_assert_gt(nursery, 0);
	cr_assert(test_until(all_have_names, &nursery, TEST_TIMEOUT_MS));
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;) {
		kill(pid, SIGKILL);
		cr_assert_lt(count, DECODERS_MAX - 1);
		pids[count++] = pid;
	}
	pids[count] = 0;
}

static bool have_gone(void *pids)
{
	for (const pid_t *pid = pids; *pid; pid++) {
		if (kill(*pid, 0) == 0 || errno != ESRCH)
			return false;
	}
	return true;
}

/* Whoever is killed, and whoever gets the picture then: it comes, or has failed for that, and in
 * the end it comes. */
Test(service, decoders_that_are_killed_at_work_leave_nothing_behind)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(peer_sees_decoding, &watcher, TEST_TIMEOUT_MS));
	kill_all_decoders((pid_t[DECODERS_MAX]){0});
	union protocol_any message = peer_end_of(&peer, 1);
	/* The ready ones were killed, too: one that is dying may still be given a job. */
	for (uint32_t serial = 2; message.head.type != PROTOCOL_READY; serial++) {
		cr_assert_lt(serial, 20, "%s", message.failed.text);
		cr_expect_eq(message.failed.error, -ENOMEM);
		cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
		cr_expect_eq(peer_stats(&peer).filling_bytes, 0);
		peer_ask(&peer, serial, large, 0, MURAL_PRIORITY_VISIBLE);
		message = peer_end_of(&peer, serial);
	}
	peer_leave(&peer);
	peer_leave(&watcher);
	free(large);
}

/* ---- one that dies with a job that it has not looked at ---- */

#define READY_DECODERS 4u /* of two workers */

struct stopped {
	struct peer *watcher;
	pid_t pid[READY_DECODERS]; /* the first is the first that gets a job */
	uint64_t processes;        /* that have had a job */
};

static bool stop_ready(void *context)
{
	struct stopped *stopped = context;
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	for (unsigned i = 0; i < READY_DECODERS; i++) {
		pid = test_child_named(nursery, "mural-decoder", pid);
		if (pid == 0)
			return false;
		stopped->pid[i] = pid;
	}
	for (unsigned i = 0; i < READY_DECODERS; i++)
		kill(stopped->pid[i], SIGSTOP);
	return true;
}

static bool another_has_a_job(void *context)
{
	struct stopped *stopped = context;
	return peer_stats(stopped->watcher).decoder_processes > stopped->processes;
}

/* Request 1, with the first @killed decoders that get its job ended by @signal, when they have it
 * and before they can look. */
static union protocol_any ask_of_mortals(
	struct peer *peer, struct peer *watcher, unsigned killed, int signal)
{
	struct stopped stopped = {.watcher = watcher};
	cr_assert(test_until(stop_ready, &stopped, TEST_TIMEOUT_MS));
	peer_ask(peer, 1, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	for (unsigned i = 0; i < killed; i++) {
		cr_assert(test_until(another_has_a_job, &stopped, TEST_TIMEOUT_MS));
		stopped.processes++;
		if (i + 1 == killed)
			for (unsigned other = killed; other < READY_DECODERS; other++)
				kill(stopped.pid[other], SIGCONT);
		kill(stopped.pid[i], signal);
		kill(stopped.pid[i], SIGCONT); /* for what is not SIGKILL */
	}
	return peer_end_of(peer, 1);
}

Test(service, a_decoder_killed_with_its_job_costs_the_request_nothing)
{
	static const int signals[] = {SIGKILL, SIGTERM};
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		start_with("64M", "2", NULL, NULL);
		struct peer peer = peer_greet(), watcher = peer_greet();
		union protocol_any message = ask_of_mortals(&peer, &watcher, 1, signals[i]);
		cr_expect_eq(message.head.type, PROTOCOL_READY, "signal %d: %s", signals[i],
			message.failed.text);
		struct mural_stats stats = peer_stats(&peer);
		cr_expect_eq(stats.decode_failures, 0);
		cr_expect_eq(stats.decoder_processes, 2);
		peer_leave(&peer);
		peer_leave(&watcher);
		stop();
		folder = NULL;
	}
}

Test(service, a_second_one_fails_it)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	union protocol_any message = ask_of_mortals(&peer, &watcher, 2, SIGKILL);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.error, -ENOMEM);
	cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.decode_failures, 1);
	cr_expect_eq(stats.decoder_processes, 2);
	cr_expect_eq(stats.filling_bytes, 0);
	ready(&peer, 2, "jpeg-420.jpg"); /* and is forgotten with it */
	peer_leave(&peer);
	peer_leave(&watcher);
}

/* What a picture may have done itself is not tried again. */
Test(service, a_crash_is_not_repeated)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	union protocol_any message = ask_of_mortals(&peer, &watcher, 1, SIGSEGV);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.reason, MURAL_REASON_CRASHED, "%s", message.failed.text);
	cr_expect_eq(peer_stats(&peer).decoder_processes, 1);
	peer_leave(&peer);
	peer_leave(&watcher);
}

static bool has_lost_decoders(void *peer)
{
	return peer_stats(peer).lost_decoders > 0;
}

Test(service, decoders_killed_while_they_wait_are_counted_and_nobody_else_minds)
{
	pid_t pids[DECODERS_MAX];
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	ready(&peer, 1, "jpeg-420.jpg");
	cr_expect_eq(peer_stats(&peer).lost_decoders, 0);
	kill_all_decoders(pids);
	cr_assert(test_until(have_gone, pids, TEST_TIMEOUT_MS));
	cr_assert(test_until(has_lost_decoders, &peer, TEST_TIMEOUT_MS));
	ready(&peer, 2, "jpeg-444.jpg");
	cr_expect_eq(peer_stats(&peer).decode_failures, 0);
	peer_leave(&peer);
}

/* A picture that nobody uses, and all decoders killed; what then becomes of it. */
static enum board_state after_a_loss(struct peer *peer)
{
	pid_t pids[DECODERS_MAX];
	struct protocol_ready bitmap = ready(peer, 1, "jpeg-420.jpg");
	glance(peer, bitmap);
	kill_all_decoders(pids);
	cr_assert(test_until(has_lost_decoders, peer, TEST_TIMEOUT_MS));
	peer_stats(peer); /* behind whatever the loss led to */
	return board_word_state(atomic_load(&peer->table->word[bitmap.slot]));
}

Test(service, memory_is_given_back_when_waiting_decoders_are_killed)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	cr_expect_eq(after_a_loss(&peer), BOARD_PURGED);
	peer_leave(&peer);
}

Test(service, but_not_when_no_pressure_is_to_be_watched)
{
	start_with("64M", "2", "--pressure", "none");
	struct peer peer = peer_greet();
	cr_expect_neq(after_a_loss(&peer), BOARD_PURGED);
	peer_leave(&peer);
}

Test(service, a_killed_nursery_is_replaced)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	ready(&peer, 1, "jpeg-420.jpg");
	kill(test_child_named(producer.pid, "mural-nursery", 0), SIGKILL);
	ready(&peer, 2, "jpeg-444.jpg");
	peer_leave(&peer);
}

struct nth_process {
	struct peer *watcher;
	uint64_t nth;
};

static bool nth_process_decodes(void *context)
{
	const struct nth_process *process = context;
	struct mural_stats stats = peer_stats(process->watcher);
	return stats.filling_bitmaps > 0 && stats.decoder_processes == process->nth;
}

/* Its decoders die with it, by nobody's fault: but a picture that does that each time must end. */
Test(service, a_picture_that_loses_its_nursery_twice_fails)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	/* The first reads its header. */
	for (uint64_t nth = 2; nth <= 3; nth++) {
		struct nth_process process = {&watcher, nth};
		cr_assert(test_until(nth_process_decodes, &process, TEST_TIMEOUT_MS));
		kill(test_child_named(producer.pid, "mural-nursery", 0), SIGKILL);
	}
	union protocol_any message = peer_end_of(&peer, 1);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
	cr_expect_eq(peer_stats(&peer).filling_bytes, 0);
	ready(&peer, 2, large);
	peer_leave(&peer);
	peer_leave(&watcher);
	free(large);
}

/* ---- a control group that is too small ---- */

static bool write_text(const char *folder_path, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder_path, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
	close_p(&fd);
	return written == (ssize_t)strlen(text);
}

static bool move_into(const char *group, pid_t pid)
{
	char text[32];
	snprintf(text, sizeof(text), "%d", (int)pid);
	return write_text(group, "cgroup.procs", text);
}

/* A group of @limit bytes with the producer and all its processes in it; false where none can be
 * made. */
static bool confine_producer(char group[256], const char *limit)
{
	static const struct {
		const char *mount, *file;
	} kinds[] = {
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(group, 256, "%s/mural-test-%d", kinds[i].mount, (int)getpid());
		if (mkdir(group, 0700) < 0)
			continue;
		if (write_text(group, kinds[i].file, limit) && move_into(group, producer.pid)) {
			pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
			move_into(group, nursery);
			for (pid_t pid = 0;
				(pid = test_child_named(nursery, "mural-decoder", pid)) > 0;)
				move_into(group, pid);
			return true;
		}
		rmdir(group);
	}
	return false;
}

Test(service, the_oom_killer_takes_the_decoder_and_nothing_else)
{
	char group[256];
	start_with("1G", "1", NULL, NULL);
#ifdef MURAL_SANITIZED
	cr_skip_test("a sanitizer needs more memory than the group has");
#endif
	char *large = large_picture();
	if (!confine_producer(group, "33554432")) {
		free(large);
		cr_skip_test(
			"no control group can be made here (not root, or no memory controller)");
	}
	struct peer peer = peer_greet();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE); /* 48 MB into 32 */
	union protocol_any message = peer_end_of(&peer, 1);
	cr_expect_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.failed.reason, MURAL_REASON_KILLED, "%s", message.failed.text);
	/* Until the pages are given back a decoder that was ready may be taken as well. */
	for (uint32_t serial = 2; message.head.type != PROTOCOL_READY; serial++) {
		cr_assert_lt(serial, 20, "%s", message.failed.text);
		peer_ask(&peer, serial, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
		message = peer_end_of(&peer, serial);
	}
	peer_leave(&peer);
	test_process_signal(&producer, SIGTERM);
	cr_expect(test_process_wait(&producer, TEST_TIMEOUT_MS));
	rmdir(group);
	free(large);
}

/* ---- a machine that refuses ---- */

/* The producer's limits, as an administrator may set them while it runs. */
static struct rlimit limit_producer(int resource, rlim_t value)
{
	struct rlimit before, now;
	cr_assert_eq(prlimit(producer.pid, resource, NULL, &before), 0);
	now = before;
	now.rlim_cur = value;
	cr_assert_eq(prlimit(producer.pid, resource, &now, NULL), 0);
	return before;
}

static void expect_refusal_and_recovery(int resource, rlim_t value)
{
	struct peer peer = peer_greet();
	ready(&peer, 1, "png-1x1-rgb8.png");
	peer_purge(&peer); /* what is kept would do for the next */
	struct rlimit before = limit_producer(resource, value);
	peer_ask(&peer, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 2);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED, "a limit of %llu changed nothing",
		(unsigned long long)value);
	cr_expect_eq(message.failed.reason, MURAL_REASON_MEMORY, "%s", message.failed.text);
	cr_assert_eq(prlimit(producer.pid, resource, &before, NULL), 0);
	ready(&peer, 3, "jpeg-420.jpg");
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.filling_bytes, 0);
	cr_expect_geq(stats.used_bytes, stats.allocated_bytes);
	peer_leave(&peer);
}

Test(service, shared_memory_that_can_not_be_made_large_fails_the_request)
{
	start_with("64M", "1", NULL, NULL);
	expect_refusal_and_recovery(RLIMIT_FSIZE, 4096); /* ftruncate: EFBIG */
}

Test(service, shared_memory_that_can_not_be_mapped_fails_the_request)
{
	start_with("64M", "1", NULL, NULL);
	expect_refusal_and_recovery(RLIMIT_AS, 4096); /* mmap: ENOMEM */
}

/* The producer may open so many more than it has open now. */
static struct rlimit allow_more(unsigned more)
{
	struct stat st;
	for (rlim_t next = 0;; next++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)producer.pid, (int)next);
		if (lstat(path, &st) < 0 && more-- == 0)
			return limit_producer(RLIMIT_NOFILE, next);
	}
}

static struct rlimit allow_no_more(void)
{
	return allow_more(0);
}

static bool has_two_sessions(void *peer)
{
	return peer_stats(peer).sessions == 2;
}

/* Some bitmaps with a region each, of which the producer keeps a descriptor for the next consumer;
 * pinned, so that they are no room for anybody. */
static void have_descriptors_kept(const struct peer *peer)
{
	static const char *const names[] = {"mandelbrot-444.jpg", "mountains-420.jpg",
		"planet-rgba8.png", "aurora-422.jpg", "dunes-restart-420.jpg",
		"attractor-grey.jpg"};
	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		snprintf(path, sizeof(path), "assets/pictures/%s", names[i]);
		struct protocol_ready bitmap = ready(peer, 100 + i, test_source_path(path));
		pin(peer, &bitmap);
	}
	cr_assert_eq(peer_stats(peer).readonly_descriptors, ARRAY_SIZE(names));
}

Test(service, a_request_is_worth_more_than_kept_descriptors)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	have_descriptors_kept(&peer);
	uint64_t requests = peer_stats(&peer).requests;
	struct rlimit before = allow_no_more();
	/* It is lost on its way, since nobody can know of it before; and then there is room. */
	peer_ask(&peer, 1, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, 1);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_assert_eq(message.failed.error, -EAGAIN);
	ready(&peer, 1, "jpeg-420.jpg");
	cr_expect_eq(peer_stats(&peer).requests, requests + 1, "it counts twice");
	cr_assert_eq(prlimit(producer.pid, RLIMIT_NOFILE, &before, NULL), 0);
	peer_leave(&peer);
}

/* A box in which the picture keeps its size: only its header tells that this is the same bitmap. */
static void ask_in_a_box(const struct peer *peer, uint32_t serial, const char *name)
{
	peer_ask_in_box(peer, serial, name, 10000, 10000, MURAL_PRIORITY_VISIBLE);
}

/* Two boxes, one bitmap, which has been there and gone when the second header is read. */
Test(service, a_purged_bitmap_under_another_box_comes_back)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	struct stopped stopped = {.watcher = &peer};
	cr_assert(test_until(stop_ready, &stopped, TEST_TIMEOUT_MS));
	stopped.processes = peer_stats(&peer).decoder_processes;
	peer_ask(&peer, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(another_has_a_job, &stopped, TEST_TIMEOUT_MS));
	stopped.processes++;
	ask_in_a_box(&peer, 3, "jpeg-420.jpg");
	cr_assert(test_until(another_has_a_job, &stopped, TEST_TIMEOUT_MS));
	kill(stopped.pid[0], SIGCONT);
	glance(&peer, peer_end_of(&peer, 2).ready);
	peer_purge(&peer);
	for (unsigned i = 1; i < READY_DECODERS; i++)
		kill(stopped.pid[i], SIGCONT);
	union protocol_any message = peer_end_of(&peer, 3);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "%s", message.failed.text);
	peer_leave(&peer);
}

Test(service, where_few_descriptors_are_allowed_a_session_may_have_fewer_requests)
{
	const struct rlimit few = {.rlim_cur = 200, .rlim_max = 200};
	enum { MOST = 50 };
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	struct stopped stopped = {.watcher = &peer};
	cr_assert_eq(peer.welcome.requests_max, MOST);
	cr_assert(test_until(stop_ready, &stopped, TEST_TIMEOUT_MS)); /* all wait for the first */
	for (uint32_t serial = 1; serial <= MOST + 10; serial++)
		peer_ask(&peer, serial, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message = peer_end_of(&peer, MOST + 10);
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_assert_eq(message.failed.error, -EDQUOT);
	peer_leave(&peer);
}

/* Another user's program that takes all connections that it gets, until the pipe @end is closed.
 * How many that were comes through @ret. */
static pid_t take_all_connections_as(uid_t uid, const int end[2], int ret)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	unsigned taken = 0;
	char byte;
	close(end[1]);
	if (setresuid(uid, uid, uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(1);
	for (;;) {
		int fd = peer_connect();
		struct protocol_hello hello = peer_hello();
		union protocol_any message;
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		peer_send(fd, &hello, sizeof(hello), NULL, 0);
		if (!peer_next(fd, &message, fds, &count) || message.head.type != PROTOCOL_WELCOME)
			break;
		close_all(fds, count);
		taken++;
	}
	_exit(write(ret, &taken, sizeof(taken)) < 0 || read(end[0], &byte, 1) != 0);
}

/* Of 40 connections each of two users may have 20, and one program half of these. */
Test(service, no_user_can_have_all_connections)
{
	enum { OTHER = 65534, SHARE = 10 };
	const struct rlimit few = {.rlim_cur = 240, .rlim_max = 240};
	pid_t pids[4];
	int ends[2], rets[2];
	unsigned taken = 0;
	if (geteuid() != 0)
		cr_skip_test("only root can be another user");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_with("64M", "1", "--allow-uid", "65534");
	cr_assert_eq(chmod(folder, 0711), 0);
	cr_assert_eq(chmod(getenv("MURAL_SOCKET"), 0666), 0);
	cr_assert(pipe2(ends, O_CLOEXEC) == 0 && pipe2(rets, O_CLOEXEC) == 0);
	for (unsigned i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = take_all_connections_as(OTHER, ends, rets[1]);
		cr_assert_eq(read(rets[0], &taken, sizeof(taken)), sizeof(taken));
		cr_expect_eq(taken, i < 2 ? SHARE : 0, "%u: %u", i, taken);
	}
	struct peer peer = peer_greet();
	ready(&peer, 1, "jpeg-420.jpg");
	peer_leave(&peer);
	close(ends[1]);
	for (unsigned i = 0; i < ARRAY_SIZE(pids); i++)
		cr_expect_eq(waitpid(pids[i], NULL, 0), pids[i]);
}

/* Those that are refused and do not go would be all that may be open. */
Test(service, connections_that_are_refused_do_not_stay)
{
	const struct rlimit few = {.rlim_cur = 240, .rlim_max = 240};
	enum { MANY = 115 };
	int fds[MANY], end[2], ret[2];
	unsigned taken = 0;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_with("64M", "1", NULL, NULL);
	for (unsigned i = 0; i < MANY; i++)
		fds[i] = peer_connect();
	cr_assert(pipe2(end, O_CLOEXEC) == 0 && pipe2(ret, O_CLOEXEC) == 0);
	pid_t another = take_all_connections_as(geteuid(), end, ret[1]);
	cr_assert_eq(read(ret[0], &taken, sizeof(taken)), sizeof(taken));
	cr_expect_gt(taken, 0, "there is no place for another program");
	close_all(end, 2);
	cr_expect_eq(waitpid(another, NULL, 0), another);
	close_all(ret, 2);
	close_all(fds, MANY);
}

/* The ready decoders of a machine with many processors would be all that may be open. */
Test(service, where_few_descriptors_are_allowed_there_are_fewer_decoders)
{
	const struct rlimit few = {.rlim_cur = 128, .rlim_max = 128};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_with("64M", "64", NULL, NULL);
	struct peer peer = peer_greet();
	cr_expect_eq(peer_stats(&peer).workers_max, 8);
	ready(&peer, 1, "jpeg-420.jpg");
	peer_leave(&peer);
}

/* Its own descriptor and its pidfd are the last: the next look for a connection finds none, and not
 * because there is no place for it. */
Test(service, nothing_is_given_up_for_a_connection_that_nobody_made)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	have_descriptors_kept(&peer);
	uint32_t kept = peer_stats(&peer).readonly_descriptors;
	struct rlimit before = allow_more(2);
	CLEANUP(close_p) int next = peer_connect();
	cr_assert(test_until(has_two_sessions, &peer, TEST_TIMEOUT_MS));
	cr_expect_eq(peer_stats(&peer).readonly_descriptors, kept);
	cr_assert_eq(prlimit(producer.pid, RLIMIT_NOFILE, &before, NULL), 0);
	peer_leave(&peer);
}

Test(service, a_session_is_worth_more_than_kept_descriptors)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	have_descriptors_kept(&peer);
	struct rlimit before = allow_no_more();
	struct peer next = peer_greet();
	cr_expect_eq(peer_stats(&next).readonly_descriptors, 0);
	cr_assert_eq(prlimit(producer.pid, RLIMIT_NOFILE, &before, NULL), 0);
	peer_leave(&next);
	peer_leave(&peer);
}

Test(service, without_any_descriptor_requests_fail_and_their_session_goes_on)
{
	start_with("64M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	union protocol_any message;
	uint32_t serial = 1;
	ready(&peer, serial, "png-1x1-rgb8.png");
	struct rlimit before = limit_producer(RLIMIT_NOFILE, 3);
	do { /* it gives up what it can */
		cr_assert_lt(++serial, 100);
		peer_ask(&peer, serial, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
		message = peer_end_of(&peer, serial);
		cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	} while (message.failed.error == -EAGAIN);
	cr_assert_eq(message.failed.error, -EMFILE);
	cr_expect_eq(message.failed.reason, MURAL_REASON_MEMORY);
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.readonly_descriptors, 0);
	cr_expect_eq(stats.kept_bytes, 0);
	cr_assert_eq(prlimit(producer.pid, RLIMIT_NOFILE, &before, NULL), 0);
	ready(&peer, ++serial, "jpeg-420.jpg");
	peer_leave(&peer);
}

/* ---- order ---- */

Test(service, what_is_seen_takes_the_decoder_from_a_prefetch)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(peer_sees_decoding, &watcher, TEST_TIMEOUT_MS));
	peer_ask(&peer, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	cr_expect_eq(message.head.serial, 2, "the prefetch came first");
	message = peer_end_of(&peer, 1);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "the prefetch was lost: %s",
		message.failed.text);
	peer_leave(&peer);
	peer_leave(&watcher);
	free(large);
}

static bool finds_a_decoder_of_two_threads(void *ret_pid)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	while ((pid = test_child_named(nursery, "mural-decoder", pid)) > 0)
		if (test_count_threads(pid) == 2)
			*(pid_t *)ret_pid = pid;
	return *(pid_t *)ret_pid > 0;
}

static bool is_halted(void *pid)
{
	return test_process_state(*(pid_t *)pid) == 'T';
}

static bool finds_a_halted_decoder(void *ret_pid)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	while ((pid = test_child_named(nursery, "mural-decoder", pid)) > 0)
		if (is_halted(&pid))
			*(pid_t *)ret_pid = pid;
	return *(pid_t *)ret_pid > 0;
}

/* Request 1, a prefetch with a core for each of its threads, and then 2, to be seen. The decoder of
 * the first. */
static pid_t ask_ahead_and_then_to_see(const struct peer *peer)
{
	CLEANUP(free_p) char *ahead = test_large_picture(folder, "24", "progressive");
	CLEANUP(free_p) char *seen = large_picture();
	pid_t decoder = 0;
	peer_ask(peer, 1, ahead, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(finds_a_decoder_of_two_threads, &decoder, TEST_TIMEOUT_MS));
	peer_ask(peer, 2, seen, 0, MURAL_PRIORITY_VISIBLE);
	return decoder;
}

Test(service, a_prefetch_has_all_cores_until_something_is_to_be_seen_and_goes_on_afterwards)
{
	start_with("512M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	pid_t decoder = ask_ahead_and_then_to_see(&peer);
	cr_assert(test_until(is_halted, &decoder, TEST_TIMEOUT_MS));
	union protocol_any message;
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	cr_expect_eq(message.head.serial, 2, "the prefetch came first");
	message = peer_end_of(&peer, 1);
	cr_expect_eq(message.head.type, PROTOCOL_READY, "the prefetch was lost: %s",
		message.failed.text);
	cr_expect_eq(peer_stats(&peer).decoder_processes, 4, "what it had done was lost");
	peer_leave(&peer);
}

/* A debugger holds it at its end, where a dead mount would hold it, too. */
Test(service, a_prefetch_does_not_stand_still_for_one_that_can_not_be_killed, .timeout = 60)
{
	start_with("512M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	pid_t decoder = ask_ahead_and_then_to_see(&peer), held = 0;
	do
		finds_a_decoder_of_two_threads(&held);
	while (held == decoder);
	if (ptrace(PTRACE_SEIZE, held, NULL, (void *)PTRACE_O_TRACEEXIT) < 0) {
		cr_assert_eq(errno, EPERM);
		cr_skip_test("nobody may be traced here");
	}
	cr_assert(test_until(is_halted, &decoder, TEST_TIMEOUT_MS));
	struct protocol_cancel cancel = {.head = {.type = PROTOCOL_CANCEL, .serial = 2}};
	peer_send(peer.fd, &cancel, sizeof(cancel), NULL, 0);
	cr_assert_eq(peer_end_of(&peer, 2).failed.error, -ECANCELED);
	cr_expect_eq(peer_end_of(&peer, 1).head.type, PROTOCOL_READY);
	cr_expect_eq(waitpid(held, NULL, __WALL), held);
	ptrace(PTRACE_DETACH, held, NULL, NULL);
	peer_leave(&peer);
}

/* One that gets a job and then does nothing: so does one whose file lies on a dead mount. */
Test(service, a_prefetch_does_not_stand_still_for_one_that_waits_for_its_file)
{
	start_with("512M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	CLEANUP(free_p) char *ahead = test_large_picture(folder, "24", "progressive");
	pid_t decoder = 0, nursery = test_child_named(producer.pid, "mural-nursery", 0);
	peer_ask(&peer, 1, ahead, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(finds_a_decoder_of_two_threads, &decoder, TEST_TIMEOUT_MS));
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;)
		if (pid != decoder)
			kill(pid, SIGSTOP);
	peer_ask(&peer, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	cr_expect_eq(message.head.serial, 1);
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;)
		kill(pid, SIGCONT);
	cr_expect_eq(peer_end_of(&peer, 2).head.type, PROTOCOL_READY);
	peer_leave(&peer);
}

static bool has_gone(void *pid)
{
	return kill(*(pid_t *)pid, 0) < 0 && errno == ESRCH;
}

Test(service, a_halted_decoder_ends_with_a_killed_producer)
{
	start_with("512M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	pid_t decoder = ask_ahead_and_then_to_see(&peer);
	cr_assert(test_until(is_halted, &decoder, TEST_TIMEOUT_MS));
	kill(producer.pid, SIGKILL);
	cr_expect(test_until(has_gone, &decoder, TEST_TIMEOUT_MS));
	peer_leave(&peer);
}

Test(service, a_halted_prefetch_goes_on_when_it_is_what_is_to_be_seen)
{
	start_with("512M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	char *ahead = test_large_picture(folder, "24", "progressive"), *seen = large_picture();
	peer_ask(&peer, 1, ahead, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(peer_sees_decoding, &peer, TEST_TIMEOUT_MS));
	pid_t decoder = 0;
	peer_ask(&peer, 2, seen, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(finds_a_halted_decoder, &decoder, TEST_TIMEOUT_MS));
	struct protocol_priority now = {
		.head = {.type = PROTOCOL_PRIORITY, .serial = 1},
		.priority = MURAL_PRIORITY_VISIBLE,
	};
	peer_send(peer.fd, &now, sizeof(now), NULL, 0);
	peer_stats(&peer); /* it has heard of it */
	cr_expect_not(is_halted(&decoder));
	cr_expect_eq(peer_end_of(&peer, 1).head.type, PROTOCOL_READY);
	peer_leave(&peer);
	free(ahead);
	free(seen);
}

/* A prefetch that fills most of the pool, and the path of another picture as large. */
static char *have_the_pool_filled(struct peer *peer, uint32_t flags)
{
	char *ahead = large_picture(), *seen = test_large_picture(folder, "12", "progressive");
	peer_ask(peer, 1, ahead, flags, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(peer_sees_decoding, peer, TEST_TIMEOUT_MS));
	free(ahead);
	return seen;
}

Test(service, what_is_seen_takes_the_room_from_a_prefetch)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	char *seen = have_the_pool_filled(&peer, PROTOCOL_WAIT);
	peer_ask(&peer, 2, seen, 0, MURAL_PRIORITY_VISIBLE);
	union protocol_any message;
	peer_expect(peer.fd, PROTOCOL_READY, &message);
	cr_assert_eq(message.head.serial, 2, "the prefetch came first");
	glance(&peer, message.ready);
	cr_expect_eq(peer_end_of(&peer, 1).head.type, PROTOCOL_READY);
	peer_leave(&peer);
	free(seen);
}

Test(service, a_prefetch_that_becomes_visible_keeps_its_decoder)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet(), watcher = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(peer_sees_decoding, &watcher, TEST_TIMEOUT_MS));
	struct protocol_priority now = {
		.head = {.type = PROTOCOL_PRIORITY, .serial = 1},
		.priority = MURAL_PRIORITY_VISIBLE,
	};
	peer_send(peer.fd, &now, sizeof(now), NULL, 0);
	peer_ask(&peer, 2, "jpeg-420.jpg", 0, MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(peer_end_of(&peer, 1).head.type, PROTOCOL_READY);
	cr_expect_eq(peer_end_of(&peer, 2).head.type, PROTOCOL_READY);
	struct mural_stats stats = peer_stats(&watcher);
	cr_expect_eq(stats.decodes, 2, "%llu decodes", (unsigned long long)stats.decodes);
	peer_leave(&peer);
	peer_leave(&watcher);
	free(large);
}

Test(service, a_cancelled_decode_is_stopped)
{
	start_with("256M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	char *large = large_picture();
	peer_ask(&peer, 1, large, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(peer_sees_decoding, &peer, TEST_TIMEOUT_MS));
	struct protocol_cancel cancel = {.head = {.type = PROTOCOL_CANCEL, .serial = 1}};
	peer_send(peer.fd, &cancel, sizeof(cancel), NULL, 0);
	cr_expect_eq(peer_end_of(&peer, 1).failed.error, -ECANCELED);
	while (peer_stats(&peer).workers_busy > 0)
		;
	struct mural_stats stats = peer_stats(&peer);
	cr_expect_eq(stats.decodes, 0);
	cr_expect_eq(stats.filling_bytes, 0);
	peer_leave(&peer);
	free(large);
}

/* ---- the end ---- */

Test(service, sigterm_ends_it_cleanly_and_mapped_pixels_stay_readable)
{
	start_with("64M", "2", NULL, NULL);
	struct peer peer = peer_greet();
	int region = region_of(&peer, "jpeg-420.jpg");
	const unsigned char *pixels = mmap(NULL, 65536, PROT_READ, MAP_SHARED, region, 0);
	cr_assert_neq(pixels, MAP_FAILED);
	unsigned before = 0, after = 0;
	for (size_t i = 0; i < 65536; i++)
		before = before * 31 + pixels[i];
	test_process_signal(&producer, SIGTERM);
	cr_assert(test_process_wait(&producer, TEST_TIMEOUT_MS));
	cr_expect_eq(producer.status, 0);
	cr_expect_neq(access(getenv("MURAL_SOCKET"), F_OK), 0, "its socket is still there");
	for (size_t i = 0; i < 65536; i++)
		after = after * 31 + pixels[i];
	cr_expect_eq(before, after);
	close(region);
	peer_leave(&peer);
}

Test(service, sigterm_ends_it_cleanly_while_it_decodes)
{
	start_with("512M", "1", NULL, NULL);
	struct peer peer = peer_greet();
	char *picture = test_large_picture(folder, "24", "progressive");
	peer_ask(&peer, 1, picture, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(peer_sees_decoding, &peer, TEST_TIMEOUT_MS));
	test_process_signal(&producer, SIGTERM);
	cr_assert(test_process_wait(&producer, TEST_TIMEOUT_MS));
	cr_expect_eq(producer.status, 0);
	peer_leave(&peer);
	free(picture);
}

Test(service, it_ends_by_itself_when_nobody_needs_it)
{
	start_with("64M", "2", "--idle-exit", "1");
	struct peer peer = peer_greet();
	ready(&peer, 1, "jpeg-420.jpg");
	peer_leave(&peer);
	cr_assert(test_process_wait(&producer, TEST_TIMEOUT_MS));
	cr_expect_eq(producer.status, 0);
	cr_expect_neq(access(getenv("MURAL_SOCKET"), F_OK), 0, "its socket is still there");
}

Test(service, it_ends_by_itself_when_its_folder_is_gone)
{
	start_with("64M", "2", "--idle-exit", "1");
	char away[PATH_MAX];
	snprintf(away, sizeof(away), "%s-away", folder);
	cr_assert_eq(rename(folder, away), 0);
	bool ended = test_process_wait(&producer, TEST_TIMEOUT_MS);
	cr_assert_eq(rename(away, folder), 0); /* for the fixture */
	cr_assert(ended);
	cr_expect_eq(producer.status, 0);
}

Test(service, a_second_producer_is_refused)
{
	start_with("64M", "1", NULL, NULL);
	struct test_process second;
	const char *const args[] = {test_program("mural-producer"), NULL};
	cr_expect_eq(test_process_run(&second, -1, args), 1);
	char *said = test_process_err(&second, NULL);
	cr_expect_not_null(strstr(said, "a producer listens there already"), "%s", said);
	free(said);
	test_process_fini(&second);
	struct peer peer = peer_greet();
	ready(&peer, 1, "jpeg-420.jpg");
	peer_leave(&peer);
}
