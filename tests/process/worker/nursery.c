/* The nursery with the real codecs: the same results as in-process, and nothing lost when processes
 * die. */
#include "jobs.h"
#include "producer/codec.h"

#include "common/util.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MIB ((uint64_t)1 << 20)
#define PROGRAM "test_real_decoder"

/* Large enough that killing its decoder finds it at work. */
#define LARGE_SIDE 2000u

TestSuite(nursery, .timeout = 300);

static struct job probe_job(void)
{
	return (struct job){
		.kind = JOB_PROBE,
		.format = MURAL_FORMAT_ARGB8888,
		.max_pixels = 100 * MIB,
		.memory_bytes = 64 * MIB,
		.cpu_seconds = 60,
		.threads = 1,
	};
}

/* The decode of what a probe found. */
static struct job decode_job(const struct job_result *found, uint64_t offset)
{
	struct job job = probe_job();
	uint64_t size;
	job.kind = JOB_DECODE;
	job.width = found->width;
	job.height = found->height;
	cr_assert(mural_bitmap_layout(job.format, job.width, job.height, &job.stride_bytes, &size));
	cr_assert(page_round_up(size, &job.window_length));
	job.window_offset = offset;
	job.memory_bytes = job_memory_bytes(found, job.threads);
	return job;
}

static int open_asset(const char *name)
{
	CLEANUP(free_p) char *path = test_path(test_source_path("assets/formats"), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	return fd;
}

/* ---- decoding ---- */

static void assert_same_result(
	const struct job_result *a, const struct job_result *b, const char *name)
{
	struct job_result left = *a, right = *b;
	left.decode_ns = right.decode_ns = 0;
	cr_assert_eq(memcmp(&left, &right, sizeof(left)), 0, "%s: (%d, %s) is not (%d, %s)", name,
		left.error, left.text, right.error, right.text);
}

static void assert_same_pixels(
	int memory, const struct job *job, const uint8_t *expected, const char *name)
{
	uint8_t *pixels = mmap(
		NULL, job->window_length, PROT_READ, MAP_SHARED, memory, (off_t)job->window_offset);
	cr_assert_neq(pixels, MAP_FAILED);
	cr_assert_eq(
		memcmp(pixels, expected, (size_t)job->stride_bytes * job->height), 0, "%s", name);
	munmap(pixels, job->window_length);
}

/* Probe and decode there and here. */
static void decodes_as_in_process(struct jobs *jobs, int source, const char *name)
{
	struct job job = probe_job();
	struct job_result here;
	struct outcome outcome;
	jobs_run(jobs, &job, source, -1, &outcome);
	cr_assert(outcome.answered, "%s: signal %d", name, outcome.signal);
	codec_run(source, &job, NULL, &here);
	assert_same_result(&outcome.result, &here, name);
	if (here.error < 0)
		return;

	const uint64_t offset = 2 * page_bytes();
	job = decode_job(&here, offset);
	CLEANUP(close_p) int memory = jobs_file(NULL, offset + job.window_length);
	CLEANUP(free_p) uint8_t *expected = calloc(1, job.window_length);
	jobs_run(jobs, &job, source, memory, &outcome);
	cr_assert(outcome.answered, "%s: signal %d", name, outcome.signal);
	cr_assert_eq(outcome.signal, 0);
	codec_run(source, &job, &(struct codec_place){.pixels = expected, .fd = -1}, &here);
	assert_same_result(&outcome.result, &here, name);
	assert_same_pixels(memory, &job, expected, name);
}

Test(nursery, every_picture_comes_out_as_in_process)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	DIR *folder = opendir(test_source_path("assets/formats"));
	cr_assert(folder);
	unsigned count = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (!strstr(entry->d_name, ".jpg") && !strstr(entry->d_name, ".png"))
			continue;
		CLEANUP(close_p) int source = open_asset(entry->d_name);
		decodes_as_in_process(&jobs, source, entry->d_name);
		count++;
	}
	closedir(folder);
	cr_assert_gt(count, 50);
	jobs_stop(&jobs);
}

Test(nursery, what_is_no_picture_fails_with_its_reason)
{
	static const struct {
		const char *bytes;
		size_t size;
		uint32_t reason;
	} cases[] = {
		{"not a picture, but a sentence", 29, MURAL_REASON_NOT_IMAGE},
		{"", 0, MURAL_REASON_EMPTY},
		{"\xff\xd8\xff\xe0 and then nothing of use", 29, 0},
		{"\x89PNG\r\n\x1a\n and then nothing of use", 30, 0},
	};
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct job job = probe_job();
		struct outcome outcome;
		CLEANUP(close_p) int source = jobs_file(cases[i].bytes, cases[i].size);
		jobs_run(&jobs, &job, source, -1, &outcome);
		cr_assert(outcome.answered);
		cr_assert_lt(outcome.result.error, 0);
		if (cases[i].reason)
			cr_assert_eq(outcome.result.reason, cases[i].reason);
		decodes_as_in_process(&jobs, source, "garbage");
	}
	jobs_stop(&jobs);
}

Test(nursery, a_folder_as_the_source_fails_with_its_reason)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 1);
	const struct job job = probe_job();
	struct outcome outcome;
	CLEANUP(close_p) int source = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	jobs_run(&jobs, &job, source, -1, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.error, -EISDIR);
	cr_assert_eq(outcome.result.reason, MURAL_REASON_SOURCE);
	jobs_stop(&jobs);
}

/* ---- a large picture ---- */

/* A JPEG of LARGE_SIDE squared, made of an asset by patching the size in its frame header: the rest
 * is filled, which takes as long as pixels do. */
static int open_large(void)
{
	size_t size;
	CLEANUP(free_p) char *path = test_path(test_source_path("assets/formats"), "jpeg-420.jpg");
	CLEANUP(free_p) char *bytes = test_read_file(path, &size);
	for (size_t i = 0; i + 9 < size; i++) {
		if ((uint8_t)bytes[i] != 0xff || (uint8_t)bytes[i + 1] != 0xc0)
			continue;
		bytes[i + 5] = bytes[i + 7] = (char)(LARGE_SIDE >> 8);
		bytes[i + 6] = bytes[i + 8] = (char)(LARGE_SIDE & 0xff);
		return jobs_file(bytes, size);
	}
	cr_assert_fail("no frame header");
	return -1;
}

struct large {
	int source, memory;
	struct job job;
};

static struct large large_create(struct jobs *jobs)
{
	struct large large = {.source = open_large()};
	struct outcome outcome;
	const struct job job = probe_job();
	jobs_run(jobs, &job, large.source, -1, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.error, 0, "%s", outcome.result.text);
	cr_assert_eq(outcome.result.width, LARGE_SIDE);
	large.job = decode_job(&outcome.result, 0);
	large.job.flags = JOB_ALLOW_PARTIAL;
	large.memory = jobs_file(NULL, large.job.window_length);
	return large;
}

static void large_fini(struct large *large)
{
	close(large->source);
	close(large->memory);
}

/* Where huge pages are to be had they are made first and mapped; rows are written where not. */
static void decodes_large(
	struct jobs *jobs, struct large *large, const uint8_t *expected, bool may_collapse)
{
	large->job.flags |= JOB_WRITTEN | JOB_COLLAPSE;
	for (large->job.threads = 0; large->job.threads < 2; large->job.threads++) {
		struct outcome outcome;
		cr_assert_eq(ftruncate(large->memory, 0), 0);
		cr_assert_eq(ftruncate(large->memory, (off_t)large->job.window_length), 0);
		jobs_run(jobs, &large->job, large->source, large->memory, &outcome);
		cr_assert(outcome.answered, "signal %d", outcome.signal);
		cr_assert_eq(outcome.result.error, 0, "%s", outcome.result.text);
		if (!may_collapse)
			cr_assert_eq(outcome.result.collapse, JOB_COLLAPSE_FAILED);
		assert_same_pixels(large->memory, &large->job, expected, "large");
	}
}

Test(nursery, pixels_are_the_same_with_huge_pages_and_where_they_are_refused)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	struct large large = large_create(&jobs);
	CLEANUP(free_p) uint8_t *expected = calloc(1, large.job.window_length);
	struct job_result here;
	codec_run(large.source, &large.job, &(struct codec_place){.pixels = expected, .fd = -1},
		&here);
	cr_assert_eq(here.error, 0, "%s", here.text);
	decodes_large(&jobs, &large, expected, true);
	jobs_stop(&jobs);
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
		cr_skip_test("they can not be refused here");
	jobs_start(&jobs, PROGRAM, 2);
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	decodes_large(&jobs, &large, expected, false);
	large_fini(&large);
	jobs_stop(&jobs);
}

Test(nursery, a_decode_over_its_memory_limit_says_so)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	struct large large = large_create(&jobs);
	struct outcome outcome;
	large.job.memory_bytes = 1000;
	jobs_run(&jobs, &large.job, large.source, large.memory, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.error, -ENOMEM);
	cr_assert_eq(outcome.result.reason, MURAL_REASON_MEMORY);
	large_fini(&large);
	jobs_stop(&jobs);
}

/* ---- deaths ---- */

Test(nursery, a_worker_killed_at_any_moment_finishes_once)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	struct large large = large_create(&jobs);
	unsigned killed = 0;
	srand(1);
	for (unsigned turn = 0; turn < 60; turn++) {
		struct outcome outcome;
		struct worker *worker =
			jobs_submit(&jobs, &large.job, large.source, large.memory, &outcome);
		const struct timespec moment = {.tv_nsec = rand() % 8000000};
		nanosleep(&moment, NULL);
		worker_kill(worker);
		cr_assert(jobs_wait_finished(&jobs, &outcome));
		cr_assert_eq(outcome.finished, 1);
		if (outcome.answered)
			cr_assert_eq(outcome.result.error, 0, "%s", outcome.result.text);
		else
			cr_assert_eq(outcome.signal, SIGKILL);
		killed += !outcome.answered;
	}
	cr_assert_gt(killed, 0);
	cr_assert_eq(jobs.ended, 61); /* with the probe */
	large_fini(&large);
	jobs_stop(&jobs);
}

static bool is_halted_or_has_ended(void *pid)
{
	char state = test_process_state(*(pid_t *)pid);
	return state == 'T' || state == 'Z' || state == 'X' || state == 0;
}

Test(nursery, a_worker_halted_at_any_moment_goes_on_and_finishes)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	struct large large = large_create(&jobs);
	unsigned halted = 0;
	srand(1);
	for (unsigned turn = 0; turn < 60; turn++) {
		struct outcome outcome;
		struct worker *worker =
			jobs_submit(&jobs, &large.job, large.source, large.memory, &outcome);
		pid_t pid = worker_pid(worker);
		const struct timespec moment = {.tv_nsec = rand() % 8000000};
		nanosleep(&moment, NULL);
		worker_halt(worker);
		cr_assert(test_until(is_halted_or_has_ended, &pid, TEST_TIMEOUT_MS));
		halted += test_process_state(pid) == 'T';
		worker_go_on(worker);
		cr_assert(jobs_wait_finished(&jobs, &outcome));
		cr_assert(outcome.answered);
		cr_assert_eq(outcome.result.error, 0, "%s", outcome.result.text);
		cr_assert_eq(outcome.signal, 0);
	}
	cr_assert_gt(halted, 0);
	large_fini(&large);
	jobs_stop(&jobs);
}

Test(nursery, a_halted_worker_can_be_killed)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 1);
	struct large large = large_create(&jobs);
	struct outcome outcome;
	struct worker *worker =
		jobs_submit(&jobs, &large.job, large.source, large.memory, &outcome);
	pid_t pid = worker_pid(worker);
	worker_halt(worker);
	cr_assert(test_until(is_halted_or_has_ended, &pid, TEST_TIMEOUT_MS));
	cr_assert_eq(test_process_state(pid), 'T');
	worker_kill(worker);
	cr_assert(jobs_wait_finished(&jobs, &outcome));
	cr_expect_not(outcome.answered);
	cr_expect_eq(outcome.signal, SIGKILL);
	large_fini(&large);
	jobs_stop(&jobs);
}

static size_t list_children(pid_t pid, pid_t *ret_pids, size_t room)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *file = fopen(path, "re");
	cr_assert(file);
	size_t count = 0;
	while (count < room && fscanf(file, "%d", &ret_pids[count]) == 1)
		count++;
	fclose(file);
	return count;
}

/* Stops all that are ready: a job that one of them gets is still there when somebody looks. */
static size_t stop_ready(struct jobs *jobs, pid_t *ret_pids, size_t room)
{
	size_t count = list_children(nursery_pid(jobs->nursery), ret_pids, room);
	for (size_t i = 0; i < count; i++)
		kill(ret_pids[i], SIGSTOP);
	return count;
}

Test(nursery, a_nursery_that_dies_takes_its_workers_along_and_is_replaced)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 3);
	struct large large = large_create(&jobs);
	for (unsigned turn = 0; turn < 5; turn++) {
		struct outcome outcomes[2], after;
		pid_t pids[8];
		cr_assert(jobs_wait_ready(&jobs, 3));
		cr_assert_geq(stop_ready(&jobs, pids, ARRAY_SIZE(pids)), 3);
		for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
			jobs_submit(&jobs, &large.job, large.source, large.memory, &outcomes[i]);
		pid_t nursery = nursery_pid(jobs.nursery);
		cr_assert_gt(nursery, 0);
		kill(nursery, SIGKILL);
		for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
			cr_assert(jobs_wait_finished(&jobs, &outcomes[i]));
			cr_assert_eq(outcomes[i].finished, 1);
			cr_assert_eq(outcomes[i].signal, SIGKILL);
			cr_assert_not(outcomes[i].answered);
		}
		jobs_run(&jobs, &large.job, large.source, large.memory, &after);
		cr_assert(after.answered);
		cr_assert_neq(nursery_pid(jobs.nursery), nursery);
	}
	large_fini(&large);
	jobs_stop(&jobs);
}

Test(nursery, one_that_stops_reaping_is_replaced)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	struct outcome outcome;
	pid_t nursery = nursery_pid(jobs.nursery);
	kill(nursery, SIGSTOP);
	jobs_run(&jobs, &job, source, -1, &outcome);
	cr_assert(outcome.answered);
	decodes_as_in_process(&jobs, source, "png-rgb8.png");
	cr_assert_neq(nursery_pid(jobs.nursery), nursery);
	jobs_stop(&jobs);
}

/* The children of a process, at most @room of them. */
static bool is_decoder(void *pid)
{
	char path[64], name[32] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)*(pid_t *)pid);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
	       strcmp(name, "mural-decoder\n") == 0;
}

struct family {
	pid_t nursery, worker;
};

/* A producer with a busy worker; both its processes are stopped, so that they can not see it end.
 */
static _Noreturn void be_a_producer(int tell)
{
	struct jobs jobs;
	struct outcome outcome;
	const struct job job = probe_job();
	jobs_start(&jobs, PROGRAM, 1);
	struct family family = {.nursery = nursery_pid(jobs.nursery)};
	/* A busy one that has come as far as its own code. */
	pid_t children[1];
	list_children(family.nursery, children, 1);
	if (!test_until(is_decoder, &children[0], TEST_TIMEOUT_MS))
		_exit(1);
	stop_ready(&jobs, children, 1);
	family.worker =
		worker_pid(jobs_submit(&jobs, &job, open_asset("png-rgb8.png"), -1, &outcome));
	kill(family.nursery, SIGSTOP);
	(void)!write(tell, &family, sizeof(family));
	for (;;)
		pause();
}

static bool ends(int pidfd)
{
	struct pollfd polled = {.fd = pidfd, .events = POLLIN};
	return poll(&polled, 1, TEST_TIMEOUT_MS) == 1;
}

Test(nursery, a_producer_that_dies_takes_all_its_processes_along)
{
	int told[2];
	struct family family;
	cr_assert_eq(pipe(told), 0);
	pid_t producer = fork();
	cr_assert_geq(producer, 0);
	if (producer == 0)
		be_a_producer(told[1]);
	cr_assert_eq(read(told[0], &family, sizeof(family)), sizeof(family));
	CLEANUP(close_p) int nursery = (int)syscall(SYS_pidfd_open, family.nursery, 0);
	CLEANUP(close_p) int worker = (int)syscall(SYS_pidfd_open, family.worker, 0);
	cr_assert(nursery >= 0 && worker >= 0);
	kill(producer, SIGKILL);
	cr_assert(ends(nursery));
	cr_assert(ends(worker));
	waitpid(producer, NULL, 0);
	close(told[0]);
	close(told[1]);
}

/* By descriptor: on a busy machine the number may be another process's by now. */
static bool has_gone(void *pidfd)
{
	return syscall(SYS_pidfd_send_signal, *(int *)pidfd, 0, NULL, 0) < 0 && errno == ESRCH;
}

Test(nursery, ready_workers_that_die_are_replaced_and_get_no_job)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 3);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	int before = test_count_descriptors(getpid());
	for (unsigned turn = 0; turn < 3; turn++) {
		pid_t pids[8];
		size_t count = list_children(nursery_pid(jobs.nursery), pids, ARRAY_SIZE(pids));
		cr_assert_geq(count, 3);
		int fds[ARRAY_SIZE(pids)];
		for (size_t i = 0; i < count; i++) {
			fds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
			cr_assert_geq(fds[i], 0);
			kill(pids[i], SIGKILL);
		}
		struct outcome outcome;
		jobs_run(&jobs, &job, source, -1, &outcome); /* perhaps one that is dying */
		cr_assert_eq(outcome.finished, 1);
		for (size_t i = 0; i < count; i++)
			cr_assert(test_until(has_gone, &fds[i], TEST_TIMEOUT_MS));
		close_all(fds, count);
		nursery_dispatch(jobs.nursery);
		cr_assert(jobs_wait_ready(&jobs, 3));
		jobs_run(&jobs, &job, source, -1, &outcome);
		cr_assert(outcome.answered);
		cr_assert(jobs_wait_ready(&jobs, 3));
		cr_assert_eq(test_count_descriptors(getpid()), before);
	}
	jobs_stop(&jobs);
}

Test(nursery, ready_workers_that_die_are_told_of_and_those_with_a_job_are_not)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 3);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	struct outcome outcome = {0};
	worker_kill(jobs_submit(&jobs, &job, source, -1, &outcome));
	cr_assert(jobs_wait_finished(&jobs, &outcome));
	cr_assert(jobs_wait_ready(&jobs, 3));
	cr_assert_eq(jobs.lost, 0);
	pid_t pids[8];
	size_t count = list_children(nursery_pid(jobs.nursery), pids, ARRAY_SIZE(pids));
	cr_assert_geq(count, 3);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(close_p) int fd = (int)syscall(SYS_pidfd_open, pids[i], 0);
		kill(pids[i], SIGKILL);
		cr_assert(test_until(has_gone, &fd, TEST_TIMEOUT_MS));
	}
	nursery_dispatch(jobs.nursery);
	cr_assert(jobs_wait_ready(&jobs, 3));
	cr_assert_eq(jobs.lost, count);
	jobs_stop(&jobs);
}

Test(nursery, workers_found_dead_by_a_job_are_not_ready_any_more)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	pid_t pids[4];
	size_t count = list_children(nursery_pid(jobs.nursery), pids, ARRAY_SIZE(pids));
	for (size_t i = 0; i < count; i++) {
		CLEANUP(close_p) int fd = (int)syscall(SYS_pidfd_open, pids[i], 0);
		kill(pids[i], SIGKILL);
		cr_assert(test_until(has_gone, &fd, TEST_TIMEOUT_MS));
	}
	/* Nothing was dispatched: the nursery has not heard of it. */
	struct outcome outcome = {0};
	struct worker *worker;
	cr_assert_eq(nursery_submit(jobs.nursery, &job, source, -1, &outcome, &worker), -EAGAIN);
	cr_assert_eq(nursery_ready(jobs.nursery), 0);
	jobs_run(&jobs, &job, source, -1, &outcome);
	cr_assert(outcome.answered);
	jobs_stop(&jobs);
}

Test(nursery, a_program_that_ends_at_once_is_started_again_ever_more_slowly)
{
	const struct nursery_options options = {.program = "/bin/true", .ahead = 1};
	const struct nursery_events events = {0};
	struct nursery *nursery;
	cr_assert_eq(nursery_start(&options, &events, &nursery), 0);
	unsigned starts = 0;
	pid_t last = 0;
	for (uint64_t end = monotonic_ns() + 500000000; monotonic_ns() < end;) {
		struct pollfd polled = {.fd = nursery_fd(nursery), .events = POLLIN};
		poll(&polled, 1, 20);
		nursery_dispatch(nursery);
		pid_t now = nursery_pid(nursery);
		starts += now != 0 && now != last;
		last = now != 0 ? now : last;
	}
	cr_assert_gt(starts, 1);
	cr_assert_lt(starts, 12);
	nursery_stop(nursery);
}

Test(nursery, a_program_that_is_not_there_is_an_error)
{
	const struct nursery_options options = {.program = "/nowhere/mural-producer", .ahead = 1};
	const struct nursery_events events = {0};
	struct nursery *nursery = NULL;
	int before = test_count_descriptors(getpid());
	cr_assert_eq(nursery_start(&options, &events, &nursery), -ENOENT);
	cr_assert_null(nursery);
	cr_assert_eq(test_count_descriptors(getpid()), before);
}

/* ---- nothing piles up ---- */

struct holdings {
	pid_t pid;
	int descriptors, children;
};

/* It closes and reaps a moment after it has told. */
static bool holds_no_more_than(void *context)
{
	const struct holdings *most = context;
	return test_count_descriptors(most->pid) <= most->descriptors &&
	       test_count_children(most->pid) <= most->children;
}

Test(nursery, two_hundred_jobs_leave_what_there_was)
{
	struct jobs jobs;
	int before = test_count_descriptors(getpid());
	jobs_start(&jobs, PROGRAM, 2);
	CLEANUP(close_p) int source = open_asset("jpeg-progressive-420.jpg");
	pid_t nursery = nursery_pid(jobs.nursery);
	decodes_as_in_process(&jobs, source, "first");
	cr_assert(jobs_wait_ready(&jobs, 2));
	int mine = test_count_descriptors(getpid());
	struct holdings its = {nursery, test_count_descriptors(nursery), 2};
	int mappings = test_count_mappings(getpid(), NULL);
	for (unsigned turn = 0; turn < 100; turn++)
		decodes_as_in_process(&jobs, source, "again");
	cr_assert(jobs_wait_ready(&jobs, 2));
	cr_assert_eq(nursery_pid(jobs.nursery), nursery);
	cr_assert_eq(test_count_descriptors(getpid()), mine);
	cr_assert(test_until(holds_no_more_than, &its, TEST_TIMEOUT_MS));
	cr_assert_leq(
		test_count_mappings(getpid(), NULL), mappings + 2); /* the heap may have grown */
	jobs_stop(&jobs);
	cr_assert_eq(test_count_descriptors(getpid()), before + 1); /* the source */
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_assert_eq(errno, ECHILD);
}

Test(nursery, stopping_ends_busy_and_ready_workers)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	struct large large = large_create(&jobs);
	cr_assert(jobs_wait_ready(&jobs, 2));
	struct outcome outcome;
	pid_t pids[8];
	cr_assert_eq(stop_ready(&jobs, pids, ARRAY_SIZE(pids)), 2);
	jobs_submit(&jobs, &large.job, large.source, large.memory, &outcome);
	cr_assert(jobs_wait_ready(&jobs, 2));
	size_t count = list_children(nursery_pid(jobs.nursery), pids, ARRAY_SIZE(pids));
	cr_assert_eq(count, 3);
	jobs_stop(&jobs);
	cr_assert_eq(outcome.finished, 0);
	for (size_t i = 0; i < count; i++)
		cr_assert(kill(pids[i], 0) < 0 && errno == ESRCH);
	large_fini(&large);
}

static bool crowded(void *context)
{
	struct jobs *jobs = context;
	nursery_dispatch(jobs->nursery);
	return jobs->crowded > 0;
}

Test(nursery, it_survives_a_producer_without_descriptors)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	struct outcome outcomes[2];
	struct rlimit usual, none;
	getrlimit(RLIMIT_NOFILE, &usual);
	none = usual;
	none.rlim_cur = 3; /* what is open stays usable */
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		jobs_submit(&jobs, &job, source, -1, &outcomes[i]);
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		cr_assert(jobs_wait_finished(&jobs, &outcomes[i]));
		cr_assert(outcomes[i].answered);
	}
	pid_t nursery = nursery_pid(jobs.nursery);
	cr_assert_eq(nursery_ready(jobs.nursery), 0);
	cr_assert(test_until(crowded, &jobs, TEST_TIMEOUT_MS), "nobody is told of it");
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	decodes_as_in_process(&jobs, source, "png-rgb8.png");
	cr_assert_eq(nursery_pid(jobs.nursery), nursery);
	jobs_stop(&jobs);
}

/* Each 100 ms it would be 25 times. */
Test(nursery, and_forks_ever_more_slowly_until_there_are_some)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 1);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	const struct job job = probe_job();
	struct outcome outcome;
	struct rlimit usual, none;
	getrlimit(RLIMIT_NOFILE, &usual);
	none = usual;
	none.rlim_cur = 3;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	jobs_submit(&jobs, &job, source, -1, &outcome);
	for (uint64_t end = monotonic_ns() + 2000000000; monotonic_ns() < end;) {
		struct pollfd polled = {.fd = nursery_fd(jobs.nursery), .events = POLLIN};
		poll(&polled, 1, 20);
		nursery_dispatch(jobs.nursery);
	}
	cr_expect_gt(jobs.crowded, 1);
	cr_expect_lt(jobs.crowded, 13, "%u times", jobs.crowded);
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	nursery_hurry(jobs.nursery);
	cr_expect(jobs_wait_ready(&jobs, 1));
	jobs_stop(&jobs);
}

Test(nursery, it_comes_back_when_it_dies_while_there_are_no_descriptors)
{
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 1);
	CLEANUP(close_p) int source = open_asset("png-rgb8.png");
	struct rlimit usual, none;
	getrlimit(RLIMIT_NOFILE, &usual);
	none = usual;
	none.rlim_cur = 3;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	kill(nursery_pid(jobs.nursery), SIGKILL);
	while (nursery_pid(jobs.nursery) != 0) {
		struct pollfd polled = {.fd = nursery_fd(jobs.nursery), .events = POLLIN};
		poll(&polled, 1, TEST_TIMEOUT_MS);
		nursery_dispatch(jobs.nursery);
	}
	/* Long enough for tries that fail. */
	for (uint64_t end = monotonic_ns() + 100000000; monotonic_ns() < end;) {
		struct pollfd polled = {.fd = nursery_fd(jobs.nursery), .events = POLLIN};
		poll(&polled, 1, 20);
		nursery_dispatch(jobs.nursery);
		cr_assert_eq(nursery_pid(jobs.nursery), 0);
	}
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &usual), 0);
	decodes_as_in_process(&jobs, source, "png-rgb8.png");
	jobs_stop(&jobs);
}

/* ---- who runs it ---- */

Test(nursery, an_unprivileged_user_decodes_as_well)
{
	if (geteuid() != 0)
		cr_skip_test("all other tests here run as such a user already");
	CLEANUP(close_p) int source = open_asset("jpeg-420.jpg");
	cr_assert_eq(setresgid(65534, 65534, 65534), 0);
	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	if (access(test_program(PROGRAM), X_OK) < 0)
		cr_skip_test("another user cannot reach the build folder");
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	decodes_as_in_process(&jobs, source, "jpeg-420.jpg");
	jobs_stop(&jobs);
}

/* Two decoders and no more, beside us and the nursery: each is replaced when it has gone. */
Test(nursery, where_no_more_processes_are_allowed_they_come_one_after_the_other)
{
	enum { OTHER = 54321 };
	if (geteuid() != 0)
		cr_skip_test("only root can be a user who has no other processes");
	CLEANUP(close_p) int source = open_asset("jpeg-420.jpg");
	const struct rlimit few = {.rlim_cur = 5, .rlim_max = 5}; /* of threads */
	cr_assert_eq(setrlimit(RLIMIT_NPROC, &few), 0);
	cr_assert_eq(setresgid(OTHER, OTHER, OTHER), 0);
	cr_assert_eq(setresuid(OTHER, OTHER, OTHER), 0);
	if (access(test_program(PROGRAM), X_OK) < 0)
		cr_skip_test("another user cannot reach the build folder");
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	for (unsigned i = 0; i < 20; i++)
		decodes_as_in_process(&jobs, source, "jpeg-420.jpg");
	jobs_stop(&jobs);
}

/* What an administrator allows at the most holds, and is no reason to refuse pictures. */
Test(nursery, under_lower_hard_limits_it_decodes_as_well)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t hard;
	} limits[] = {
		{RLIMIT_CPU, 30},
		{RLIMIT_FSIZE, 16 * MIB},
		{RLIMIT_NOFILE, 64},
		{RLIMIT_CORE, 4096},
		{RLIMIT_MEMLOCK, 4096},
		{RLIMIT_STACK, 8 * MIB},
#ifndef MURAL_SANITIZED /* which reserves terabytes */
		{RLIMIT_AS, 200 * MIB},
#endif
	};
	CLEANUP(close_p) int source = open_asset("jpeg-420.jpg");
	if (geteuid() == 0) { /* who may raise limits */
		cr_assert_eq(setresgid(65534, 65534, 65534), 0);
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	}
	if (access(test_program(PROGRAM), X_OK) < 0)
		cr_skip_test("another user cannot reach the build folder");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit lower = {.rlim_cur = limits[i].hard, .rlim_max = limits[i].hard};
		cr_assert_eq(setrlimit(limits[i].what, &lower), 0);
	}
	struct jobs jobs;
	jobs_start(&jobs, PROGRAM, 2);
	decodes_as_in_process(&jobs, source, "jpeg-420.jpg");
	jobs_stop(&jobs);
}
