/* A decode ahead that stands still is given up where memory is short, and comes back. How much
 * memory there is says a file of the test's own, mounted over the machine's in a mount namespace of
 * the test's own; and the codec computes for as long as a picture's first byte says so. */
#include "common/util.h"
#include "support/peer.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#define FILE_BYTES (1 << 20) /* a larger file than a probe decodes at once */

static char *folder;
static struct test_process producer;
static int meminfo = -1;

/* As many MiB of 4 GiB are left. Written at once, in place: the producer has the file open. */
static void leave_memory(unsigned mib)
{
	char text[128];
	int length = snprintf(text, sizeof(text),
		"MemTotal:  4194304 kB\nMemFree:  %10u kB\nMemAvailable:  %10u kB\n", mib * 1024,
		mib * 1024);
	cr_assert_eq(pwrite(meminfo, text, (size_t)length, 0), length);
}

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = write(fd, text, strlen(text));
	close_p(&fd);
	if (written != (ssize_t)strlen(text))
		cr_skip_test("no namespace can be set up here: %s", path);
}

/* Root may; others may in a user namespace, where that is allowed. */
static void have_own_mounts(void)
{
	char map[64];
	snprintf(map, sizeof(map), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	if (unshare(CLONE_NEWNS) == 0)
		return;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		cr_skip_test("no mount namespace can be had here");
	write_to("/proc/self/uid_map", map);
}

static void start(void)
{
	static const char *const args[] = {
		"--budget", "256M", "--workers", "1", "--pressure", "meminfo", NULL};
	folder = test_folder_create();
	CLEANUP(free_p) char *path = test_path(folder, "meminfo");
	meminfo = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	leave_memory(3000);
	have_own_mounts();
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(path, "/proc/meminfo", NULL, MS_BIND, NULL) < 0)
		cr_skip_test("nothing can be mounted here");
	test_producer_start_as(&producer, "test_lying_producer", folder, args);
}

static void stop(void)
{
	umount("/proc/meminfo");
	test_process_fini(&producer);
	test_folder_remove(folder);
	close_p(&meminfo);
}

TestSuite(spare, .init = start, .fini = stop, .timeout = 240);

/* A picture whose decode ("s"), or header ("p"), takes until its first byte is another. The caller
 * frees its path. */
static char *endless_picture(const char *name, const char *kind)
{
	char *path = test_path(folder, name);
	CLEANUP(close_p) int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_eq(ftruncate(fd, FILE_BYTES), 0);
	cr_assert_eq(pwrite(fd, kind, 1, 0), 1);
	return path;
}

static void end_picture(const char *path)
{
	CLEANUP(close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, "-", 1, 0), 1);
}

static bool finds_a_halted_decoder(void *ret_pid)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	*(pid_t *)ret_pid = 0;
	while ((pid = test_child_named(nursery, "mural-decoder", pid)) > 0)
		if (test_process_state(pid) == 'T')
			*(pid_t *)ret_pid = pid;
	return *(pid_t *)ret_pid > 0;
}

static bool has_gone(void *pid)
{
	return kill(*(pid_t *)pid, 0) < 0 && errno == ESRCH;
}

/* Decoders are told of before they have come as far as their names. */
struct named {
	int count;
	pid_t newest;
};

static bool are_there(void *context)
{
	struct named *named = context;
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0), pid = 0;
	int count = 0;
	for (; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0; count++)
		named->newest = pid;
	return count == named->count;
}

/* What is asked for ahead, and what is to be seen, whose decode, or header, takes the core. */
struct scene {
	struct peer peer, watcher;
	char *ahead, *seen;
	pid_t halted;
	uint64_t processes;
};

static void scene_init(struct scene *scene, const char *kind)
{
	*scene = (struct scene){.peer = peer_greet(),
		.watcher = peer_greet(),
		.ahead = endless_picture("ahead", "s"),
		.seen = endless_picture("seen", kind)};
	cr_assert(test_until(are_there, &(struct named){.count = 2}, TEST_TIMEOUT_MS));
	peer_ask(&scene->peer, 1, scene->ahead, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert(test_until(peer_sees_decoding, &scene->watcher, TEST_TIMEOUT_MS));
	peer_ask(&scene->peer, 2, scene->seen, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert(test_until(finds_a_halted_decoder, &scene->halted, TEST_TIMEOUT_MS));
	do
		scene->processes = peer_stats(&scene->watcher).decoder_processes;
	while (scene->processes < (*kind == 's' ? 4 : 3)); /* two headers, one decode or two */
}

static void scene_fini(struct scene *scene)
{
	peer_leave(&scene->peer);
	peer_leave(&scene->watcher);
	free(scene->ahead);
	free(scene->seen);
}

/* What was asked for ahead has been given up once, and is decoded when the other is there. */
static void expect_it_to_come_back(struct scene *scene, uint64_t processes)
{
	end_picture(scene->seen);
	cr_expect_eq(peer_end_of(&scene->peer, 2).failed.error, -ESTALE, "the file has changed");
	cr_assert(test_until(peer_sees_decoding, &scene->watcher, TEST_TIMEOUT_MS));
	cr_expect_eq(peer_stats(&scene->watcher).decoder_processes, processes);
	end_picture(scene->ahead);
	cr_expect_eq(peer_end_of(&scene->peer, 1).failed.error, -ESTALE);
}

Test(spare, what_stands_still_is_given_up_where_memory_is_short_and_comes_back)
{
	struct scene scene;
	scene_init(&scene, "s");
	leave_memory(200);
	cr_assert(test_until(has_gone, &scene.halted, TEST_TIMEOUT_MS));
	cr_expect_eq(peer_stats(&scene.watcher).pressure, MURAL_PRESSURE_MODERATE);
	cr_expect_eq(peer_stats(&scene.watcher).decoder_processes, scene.processes,
		"it began again at once");
	expect_it_to_come_back(&scene, scene.processes + 1);
	scene_fini(&scene);
}

/* (Beside what decodes it would have no place.) */
Test(spare, and_where_memory_is_there_again_before_the_other_is)
{
	struct scene scene;
	scene_init(&scene, "p");
	leave_memory(200);
	cr_assert(test_until(has_gone, &scene.halted, TEST_TIMEOUT_MS));
	leave_memory(3000);
	cr_assert(test_until(finds_a_halted_decoder, &scene.halted, TEST_TIMEOUT_MS));
	expect_it_to_come_back(&scene, scene.processes + 2);
	scene_fini(&scene);
}

/* ---- what is owed ---- */

struct looks {
	struct peer *watcher;
	uint64_t until;
};

static bool has_looked(void *context)
{
	const struct looks *looks = context;
	return peer_stats(looks->watcher).watch_looks >= looks->until;
}

/* A decoder that waited for work was killed: some memory is to be given back, though there is
 * enough by the numbers. */
Test(spare, what_is_owed_for_an_event_costs_it_once)
{
	struct scene scene;
	struct named named = {.count = 4}; /* two at work, two ready */
	scene_init(&scene, "p");
	cr_assert(test_until(are_there, &named, TEST_TIMEOUT_MS));
	kill(named.newest, SIGKILL);
	cr_assert(test_until(has_gone, &scene.halted, TEST_TIMEOUT_MS));
	cr_assert(test_until(finds_a_halted_decoder, &scene.halted, TEST_TIMEOUT_MS));
	struct looks looks = {
		.watcher = &scene.watcher, .until = peer_stats(&scene.watcher).watch_looks + 5};
	cr_assert(test_until(has_looked, &looks, TEST_TIMEOUT_MS));
	cr_expect_eq(peer_stats(&scene.watcher).pressure, MURAL_PRESSURE_NONE);
	expect_it_to_come_back(&scene, scene.processes + 2);
	scene_fini(&scene);
}
