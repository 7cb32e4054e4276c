/* What the nursery makes of decoders that an image has taken over. */
#include "jobs.h"

#include "common/util.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MIB ((uint64_t)1 << 20)

static struct jobs jobs;

static void set_up(void)
{
	jobs_start(&jobs, "test_hostile_decoder", 2);
}

static void tear_down(void)
{
	jobs_stop(&jobs);
}

TestSuite(hostile, .init = set_up, .fini = tear_down, .timeout = 300);

static const struct job probe = {.kind = JOB_PROBE, .memory_bytes = 64 * MIB, .cpu_seconds = 60};

/* Runs a probe whose codec behaves like @how, then a good one: nothing may have been lost. */
static struct outcome run(char how)
{
	CLEANUP(close_p) int source = jobs_file(&how, 1);
	CLEANUP(close_p) int good = jobs_file(".", 1);
	struct outcome outcome, next;
	jobs_run(&jobs, &probe, source, -1, &outcome);
	cr_assert_eq(outcome.finished, 1);
	jobs_run(&jobs, &probe, good, -1, &next);
	cr_assert(next.answered);
	cr_assert_eq(next.signal, 0);
	cr_assert_eq(next.result.source_width, 7);
	return outcome;
}

Test(hostile, a_crash_is_reported_by_its_signal)
{
	struct outcome outcome = run('c');
	cr_assert_not(outcome.answered);
#ifdef MURAL_SANITIZED
	cr_assert_neq(outcome.signal, 0); /* the report ends the process */
#else
	cr_assert_eq(outcome.signal, SIGSEGV);
#endif
}

Test(hostile, an_exit_without_an_answer_is_no_answer)
{
	struct outcome outcome = run('e');
	cr_assert_not(outcome.answered);
}

#ifndef MURAL_NO_SANDBOX
#ifndef MURAL_SANITIZED
Test(hostile, opening_a_file_ends_the_decoder)
{
	struct outcome outcome = run('o');
	cr_assert_not(outcome.answered);
	cr_assert_eq(outcome.signal, SIGSYS);
}

Test(hostile, memory_beyond_the_limit_is_refused_and_no_more_than_it_is_given)
{
	struct outcome outcome = run('m');
	cr_assert(outcome.answered);
	cr_assert_geq(outcome.result.memory_bytes, 63 * MIB, "only %llu MiB of the 64 allowed",
		(unsigned long long)(outcome.result.memory_bytes / MIB));
	cr_assert_leq(outcome.result.memory_bytes, 72 * MIB);
}
#endif

Test(hostile, a_descriptor_cannot_be_sent_to_the_producer)
{
	struct outcome outcome = run('d');
	cr_assert_not(outcome.answered);
	cr_assert_eq(outcome.signal, SIGSYS);
}

Test(hostile, too_much_cpu_time_ends_with_sigxcpu)
{
	struct job job = probe;
	job.cpu_seconds = 1;
	CLEANUP(close_p) int source = jobs_file("s", 1);
	struct outcome outcome;
	jobs_run(&jobs, &job, source, -1, &outcome);
	cr_assert_not(outcome.answered);
	cr_assert_eq(outcome.signal, SIGXCPU);
}

/* A hard limit that the producer was started with is a lower one, and says what it is. */
Test(hostile, a_lower_limit_of_cpu_time_ends_with_sigxcpu_too)
{
	const struct rlimit lower = {.rlim_cur = 3, .rlim_max = 3};
	tear_down();
	pid_t pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) { /* not this one, which has done more already under a sanitizer */
		CLEANUP(close_p) int source = jobs_file("s", 1);
		struct outcome outcome;
		setrlimit(RLIMIT_CPU, &lower);
		set_up();
		jobs_run(&jobs, &probe, source, -1, &outcome);
		tear_down();
		_exit(outcome.answered ? 99 : outcome.signal);
	}
	int status = 0;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status), "status %#x", status);
	cr_assert_eq(WEXITSTATUS(status), SIGXCPU);
	set_up();
}
#endif

Test(hostile, a_block_can_grow_without_mremap)
{
	struct outcome outcome = run('r');
	cr_assert(outcome.answered, "ended by signal %d", outcome.signal);
	cr_assert_eq(outcome.result.source_height, 1);
}

Test(hostile, an_answer_stands_when_the_decoder_then_hangs_and_is_killed)
{
	struct outcome outcome = run('a'); /* returns when it has gone */
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.source_width, 7);
}

/* What they can still do does not matter to their pictures, but they have processors. */
Test(hostile, those_that_stay_after_their_answers_do_not_become_many)
{
	CLEANUP(close_p) int source = jobs_file("a", 1);
	struct job light = probe;
	struct outcome outcome;
	light.memory_bytes = 32 * MIB;
	for (unsigned i = 0; i < 100; i++) {
		jobs_submit(&jobs, &light, source, -1, &outcome);
		cr_assert(jobs_wait_finished(&jobs, &outcome));
		cr_assert(outcome.answered);
	}
	/* (Half a second after its answer each would be killed in any case.) */
	cr_assert_lt(jobs.given - jobs.gone, 50);
	cr_assert(jobs_wait_gone(&jobs));
}

static bool wants_core(void *worker)
{
	return worker_wants_core(worker);
}

static bool wants_none(void *worker)
{
	return !worker_wants_core(worker);
}

Test(hostile, one_that_computes_wants_a_processor_and_one_that_stands_still_does_not)
{
	CLEANUP(close_p) int source = jobs_file("s", 1);
	struct outcome outcome;
	struct worker *worker = jobs_submit(&jobs, &probe, source, -1, &outcome);
	cr_expect(test_until(wants_core, worker, TEST_TIMEOUT_MS));
	worker_halt(worker);
	cr_expect(test_until(wants_none, worker, TEST_TIMEOUT_MS));
	worker_kill(worker);
	cr_assert(jobs_wait_finished(&jobs, &outcome));
}

/* ---- those that can not be killed ---- */

/* Processes that a debugger holds at their end, where a dead mount would hold them, too. */
struct held {
	pid_t pid[64];
	unsigned count;
	bool refused; /* that is not allowed here */
};

static bool is_held(const struct held *held, pid_t pid)
{
	for (unsigned i = 0; i < held->count; i++)
		if (held->pid[i] == pid)
			return true;
	return false;
}

/* Takes hold of each decoder that is there now. False: one has not come as far as its name. */
static bool hold_all(void *context)
{
	struct held *held = context;
	pid_t nursery = nursery_pid(jobs.nursery);
	int named = 0;
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0; named++) {
		if (is_held(held, pid))
			continue;
		if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)PTRACE_O_TRACEEXIT) < 0)
			return held->refused = true;
		cr_assert_lt(held->count, ARRAY_SIZE(held->pid));
		held->pid[held->count++] = pid;
	}
	return named == test_count_children(nursery);
}

static void let_go(const struct held *held)
{
	for (unsigned i = 0; i < held->count; i++) {
		pid_t pid = held->pid[i];
		if (ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0)
			continue;
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL); /* it was not at its end */
		waitpid(pid, NULL, __WALL);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
}

/* Waits until it stands at its end; it has answered then. */
static void wait_for_its_end(pid_t pid)
{
	int status;
	cr_assert_eq(waitpid(pid, &status, __WALL), pid);
	cr_assert_eq(status >> 8, SIGTRAP | PTRACE_EVENT_EXIT << 8);
}

/* Gives the job to a decoder that answers and then stands at its end. */
static bool finishes_though_it_is_held(
	struct held *held, const struct job *job, int source, struct outcome *outcome)
{
	cr_assert(jobs_wait_ready(&jobs, 2));
	cr_assert(test_until(hold_all, held, TEST_TIMEOUT_MS));
	if (held->refused)
		cr_skip_test("nobody may be traced here");
	wait_for_its_end(worker_pid(jobs_submit(&jobs, job, source, -1, outcome)));
	nursery_dispatch(jobs.nursery);
	return outcome->finished == 1;
}

Test(hostile, those_that_can_not_be_killed_do_not_become_many)
{
	CLEANUP(close_p) int source = jobs_file(".", 1);
	enum { LEAVING_MAX = 2 * 2 };
	struct job light = probe;
	struct outcome outcomes[LEAVING_MAX + 1];
	struct held held = {0};
	light.memory_bytes = 32 * MIB;
	for (unsigned i = 0; i < ARRAY_SIZE(outcomes); i++) {
		cr_assert_eq(finishes_though_it_is_held(&held, &light, source, &outcomes[i]),
			i < LEAVING_MAX, "number %u", i);
	}
	cr_assert_eq(jobs.gone, 0);
	let_go(&held);
	cr_assert(jobs_wait_finished(&jobs, &outcomes[LEAVING_MAX]));
	cr_assert(outcomes[LEAVING_MAX].answered);
	cr_assert(jobs_wait_gone(&jobs));
	jobs_run(&jobs, &light, source, -1, &outcomes[0]);
	cr_assert(outcomes[0].answered);
}

Test(hostile, those_that_stay_are_told_of_until_they_are_let_go_and_counted_then_too)
{
	CLEANUP(close_p) int source = jobs_file(".", 1);
	enum { LEAVING_MAX = 2 * 2 };
	struct job light = probe;
	struct outcome outcomes[LEAVING_MAX + 2];
	struct held held = {0};
	light.memory_bytes = 32 * MIB;
	cr_assert(finishes_though_it_is_held(&held, &light, source, &outcomes[0]));
	cr_assert(jobs_wait_stays(&jobs, 2));
	jobs.lets_go = true;
	cr_assert(jobs_wait_stays(&jobs, 3));
	for (unsigned i = 1; i < LEAVING_MAX; i++)
		cr_assert(finishes_though_it_is_held(&held, &light, source, &outcomes[i]));
	cr_assert(jobs_wait_stays(&jobs, 3 + LEAVING_MAX - 1));
	cr_expect_not(finishes_though_it_is_held(&held, &light, source, &outcomes[LEAVING_MAX]));
	let_go(&held);
	cr_assert(jobs_wait_left(&jobs, LEAVING_MAX));
	cr_assert(jobs_wait_finished(&jobs, &outcomes[LEAVING_MAX]));
	cr_expect_eq(jobs.stays, 3 + LEAVING_MAX - 1);
	cr_expect_eq(jobs.gone, 1, "of those that were not let go");
	held = (struct held){0};
	cr_expect(finishes_though_it_is_held(&held, &light, source, &outcomes[LEAVING_MAX + 1]));
	let_go(&held);
	cr_assert_eq(outcomes[0].finished, 1);
}

/* Its end is nobody's to tell of then. */
Test(hostile, one_that_stays_is_told_of_when_the_nursery_has_died_too)
{
	CLEANUP(close_p) int source = jobs_file(".", 1);
	struct job light = probe;
	struct outcome outcome;
	struct held held = {0};
	light.memory_bytes = 32 * MIB;
	cr_assert(finishes_though_it_is_held(&held, &light, source, &outcome));
	kill(nursery_pid(jobs.nursery), SIGKILL);
	cr_expect(jobs_wait_stays(&jobs, 1));
	let_go(&held);
	cr_assert(jobs_wait_gone(&jobs));
}

/* ---- what they say ---- */

Test(hostile, only_the_first_answer_counts)
{
	struct outcome outcome = run('t');
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.source_width, 7);
}

Test(hostile, an_answer_of_another_size_is_none_and_ends_the_decoder)
{
	struct outcome outcome = run('g');
	cr_assert_not(outcome.answered);
	cr_assert_eq(outcome.signal, 0, "it was killed for that, not by somebody else");
}

Test(hostile, the_text_of_an_answer_always_ends)
{
	struct outcome outcome = run('l');
	cr_assert(outcome.answered);
	cr_assert_eq(strnlen(outcome.result.text, sizeof(outcome.result.text)),
		sizeof(outcome.result.text) - 1);
}

static struct job decode_job(uint64_t offset, uint64_t length)
{
	struct job job = probe;
	job.kind = JOB_DECODE;
	job.window_offset = offset;
	job.window_length = length;
	job.threads = 1;
	return job;
}

Test(hostile, the_answer_of_one_that_has_a_window_stands_when_it_is_killed)
{
	CLEANUP(close_p) int source = jobs_file("a", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, page_bytes());
	struct job job = decode_job(0, page_bytes());
	struct outcome outcome;
	jobs_run(&jobs, &job, source, memory, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.result.source_width, 7);
	cr_assert_eq(outcome.signal, SIGKILL, "it had the window still");
}

Test(hostile, the_answer_is_enough_of_one_that_has_scratch_memory_alone)
{
	CLEANUP(close_p) int source = jobs_file("a", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, page_bytes());
	struct job job = decode_job(0, page_bytes());
	struct outcome outcome;
	job.flags = JOB_SCRATCH;
	job.threads = 0;
	job.memory_bytes = 32 * MIB;
	jobs_submit(&jobs, &job, source, memory, &outcome);
	cr_assert(jobs_wait_finished(&jobs, &outcome));
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.signal, 0);
	cr_assert_eq(jobs.gone, 0);
	cr_assert(jobs_wait_gone(&jobs));
	cr_assert_eq(outcome.finished, 1);
}

/* What stays is counted by nobody: it may not have much. */
static void expect_to_wait_for_its_end(unsigned threads, uint64_t memory)
{
	CLEANUP(close_p) int source = jobs_file("a", 1);
	CLEANUP(close_p) int window = jobs_file(NULL, page_bytes());
	struct job job = decode_job(0, page_bytes());
	struct outcome outcome;
	job.flags = JOB_SCRATCH;
	job.threads = threads;
	job.memory_bytes = memory;
	jobs_run(&jobs, &job, source, window, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(outcome.signal, SIGKILL, "%u threads, %llu bytes", threads,
		(unsigned long long)memory);
}

Test(hostile, the_answer_of_one_that_may_take_much_is_not_enough)
{
	expect_to_wait_for_its_end(1, 32 * MIB);
	expect_to_wait_for_its_end(0, 33 * MIB);
}

Test(hostile, a_main_thread_that_ends_alone_can_still_be_killed)
{
	CLEANUP(close_p) int source = jobs_file("x", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, 64 * MIB);
	struct job job = decode_job(0, 64 * MIB);
	struct outcome outcome;
	worker_kill(jobs_submit(&jobs, &job, source, memory, &outcome));
	cr_assert(jobs_wait_finished(&jobs, &outcome));
	cr_assert_not(outcome.answered);
}

static bool all_bytes_are(
	const unsigned char *bytes, uint64_t from, uint64_t to, unsigned char value)
{
	for (uint64_t i = from; i < to; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

/* Small, and large enough for huge pages and the thread that makes pages ahead; at an offset that
 * no huge page begins at. */
static void writes_its_window_alone(uint64_t offset, uint64_t length)
{
	uint64_t size = offset + length + MIB;
	CLEANUP(close_p) int source = jobs_file("w", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, size);
	struct job job = decode_job(offset, length);
	struct outcome outcome;
	jobs_run(&jobs, &job, source, memory, &outcome);
	cr_assert(outcome.answered);
	unsigned char *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, memory, 0);
	cr_assert_neq(bytes, MAP_FAILED);
	cr_assert(all_bytes_are(bytes, 0, offset, 0));
	cr_assert(all_bytes_are(bytes, offset, offset + length, 'w'));
	cr_assert(all_bytes_are(bytes, offset + length, size, 0));
	munmap(bytes, size);
}

Test(hostile, a_window_is_written_and_nothing_beside_it)
{
	const uint64_t page = page_bytes();
	writes_its_window_alone(page, 2 * page);
	writes_its_window_alone(0, 2 * MIB);
	writes_its_window_alone(3 * page, 5 * MIB);
}

Test(hostile, a_window_that_is_not_whole_pages_is_refused_with_a_reason)
{
	const uint64_t page = page_bytes();
	const uint64_t windows[][2] = {
		{100, 2 * page}, {0, 100}, {page, 0}, {0, UINT64_MAX - page + 1}};
	CLEANUP(close_p) int source = jobs_file("w", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, MIB);
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct job job = decode_job(windows[i][0], windows[i][1]);
		struct outcome outcome;
		jobs_run(&jobs, &job, source, memory, &outcome);
		cr_assert(outcome.answered);
		cr_assert_eq(outcome.result.error, -EINVAL);
		cr_assert_eq(outcome.result.reason, MURAL_REASON_MEMORY);
	}
}

/* ---- memory that is made first ---- */

/* Huge pages, and a tail of small ones. */
#define MADE_BYTES (5 * MIB + page_bytes())

struct made {
	uint32_t collapse;
	bool file;      /* the codec was given it, to write rows into */
	uint64_t bytes; /* that were there in the end, of which the codec wrote none */
};

static struct made make(uint32_t flags)
{
	CLEANUP(close_p) int source = jobs_file("f", 1);
	CLEANUP(close_p) int memory = jobs_file(NULL, 16 * MIB);
	struct job job = decode_job(0, MADE_BYTES);
	struct outcome outcome;
	struct stat st;
	job.flags = flags;
	jobs_run(&jobs, &job, source, memory, &outcome);
	cr_assert(outcome.answered);
	cr_assert_eq(fstat(memory, &st), 0);
	return (struct made){
		.collapse = outcome.result.collapse,
		.file = outcome.result.source_height,
		.bytes = (uint64_t)st.st_blocks * 512,
	};
}

Test(hostile, a_window_that_is_written_has_no_memory_before)
{
	struct made made = make(JOB_WRITTEN);
	cr_expect_eq(made.collapse, JOB_COLLAPSE_NONE);
	cr_expect(made.file);
	cr_expect_eq(made.bytes, 0);
}

Test(hostile, a_window_of_huge_pages_is_there_before_the_codec_comes)
{
	struct made made = make(JOB_WRITTEN | JOB_COLLAPSE);
	cr_assert_neq(made.collapse, JOB_COLLAPSE_NONE);
	if (made.collapse == JOB_COLLAPSE_FAILED)
		cr_skip_test("no huge pages are to be had");
	cr_expect_not(made.file, "what is there is mapped");
	cr_expect_eq(made.bytes, MADE_BYTES);
}

Test(hostile, where_huge_pages_are_refused_the_codec_writes_into_the_file)
{
	tear_down();
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0)
		cr_skip_test("they can not be refused here");
	set_up();
	prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
	struct made made = make(JOB_WRITTEN | JOB_COLLAPSE);
	cr_expect_eq(made.collapse, JOB_COLLAPSE_FAILED);
	cr_expect(made.file);
	cr_expect_leq(made.bytes, page_bytes(), "what was touched first");
}

/* ---- what is refused ---- */

Test(hostile, a_job_and_its_descriptors_must_agree)
{
	CLEANUP(close_p) int source = jobs_file("w", 1);
	struct job job = decode_job(0, 8192);
	struct worker *worker;
	cr_assert_eq(nursery_submit(jobs.nursery, &job, source, -1, NULL, &worker), -EINVAL);
	cr_assert_eq(nursery_submit(jobs.nursery, &probe, source, source, NULL, &worker), -EINVAL);
	cr_assert_eq(nursery_submit(jobs.nursery, &probe, -1, -1, NULL, &worker), -EINVAL);
}

#ifndef MURAL_NO_SANDBOX
static char *read_proc(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	char *text = calloc(1, 4096);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(text && fd >= 0 && read(fd, text, 4095) > 0, "%s", path);
	return text;
}

static bool is_shut_in(void *context)
{
	char *status = read_proc(*(pid_t *)context, "status");
	bool is = strstr(status, "Seccomp:\t2") != NULL;
	free(status);
	return is;
}

Test(hostile, a_decoder_is_shut_in_as_promised)
{
	CLEANUP(close_p) int source = jobs_file("h", 1);
	struct outcome outcome;
	struct worker *worker = jobs_submit(&jobs, &probe, source, -1, &outcome);
	pid_t pid = worker_pid(worker);
	cr_assert(test_until(is_shut_in, &pid, TEST_TIMEOUT_MS));

	CLEANUP(free_p) char *status = read_proc(pid, "status");
	CLEANUP(free_p) char *score = read_proc(pid, "oom_score_adj");
	cr_assert(strstr(status, "Name:\tmural-decoder"));
	cr_assert(strstr(status, "NoNewPrivs:\t1"));
	cr_assert_str_eq(score, "1000\n");
#ifndef MURAL_SANITIZED
	if (geteuid() == 0) /* the others may not look: it is not dumpable */
		cr_assert_eq(test_count_descriptors(pid), 2);
	else
		cr_assert_eq(test_count_descriptors(pid), -1);
#endif
	worker_kill(worker);
	cr_assert(jobs_wait_finished(&jobs, &outcome));
	cr_assert_not(outcome.answered);
	cr_assert_eq(outcome.signal, SIGKILL);
}
#endif
