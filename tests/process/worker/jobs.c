/* Jobs for a nursery from a test, and their ends. */
#include "jobs.h"

#include "common/util.h"
#include "support/process.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static void on_finished(struct worker *worker, void *job_user, bool answered,
	const struct job_result *result, int signal, void *user)
{
	struct jobs *jobs = user;
	struct outcome *outcome = job_user;
	(void)worker;
	jobs->ended++;
	outcome->finished++;
	outcome->answered = answered;
	outcome->signal = signal;
	if (answered)
		outcome->result = *result;
}

static void on_gone(void *lent, void *user)
{
	if (lent != user)
		abort();
	((struct jobs *)user)->gone++;
}

static void on_stays(struct worker *worker, void *lent, void *user)
{
	struct jobs *jobs = user;
	if (lent != user)
		abort();
	jobs->stays++;
	if (jobs->lets_go)
		worker_let_go(worker, jobs);
}

static void on_left(void *job_user, void *user)
{
	if (job_user != user)
		abort();
	((struct jobs *)user)->left++;
}

static void on_lost(unsigned count, void *user)
{
	((struct jobs *)user)->lost += count;
}

static void on_available(void *user)
{
	((struct jobs *)user)->available++;
}

static void die(const char *what)
{
	perror(what);
	abort();
}

static bool dispatch_until(
	struct jobs *jobs, bool (*is)(struct jobs *, const void *), const void *context)
{
	uint64_t until = monotonic_ns() + (uint64_t)TEST_TIMEOUT_MS * 1000000;
	while (!is(jobs, context)) {
		uint64_t now = monotonic_ns();
		if (now >= until)
			return false;
		struct pollfd polled = {.fd = nursery_fd(jobs->nursery), .events = POLLIN};
		poll(&polled, 1, (int)((until - now) / 1000000 + 1));
		nursery_dispatch(jobs->nursery);
	}
	return true;
}

static bool enough_ready(struct jobs *jobs, const void *count)
{
	return nursery_ready(jobs->nursery) >= *(const unsigned *)count;
}

static bool all_have_gone(struct jobs *jobs, const void *unused)
{
	(void)unused;
	return jobs->gone == jobs->given;
}

static bool has_stayed(struct jobs *jobs, const void *times)
{
	return jobs->stays >= *(const unsigned *)times;
}

static bool have_left(struct jobs *jobs, const void *count)
{
	return jobs->left >= *(const unsigned *)count;
}

static bool has_finished(struct jobs *jobs, const void *outcome)
{
	(void)jobs;
	return ((const struct outcome *)outcome)->finished > 0;
}

bool jobs_wait_ready(struct jobs *jobs, unsigned count)
{
	return dispatch_until(jobs, enough_ready, &count);
}

bool jobs_wait_finished(struct jobs *jobs, const struct outcome *outcome)
{
	return dispatch_until(jobs, has_finished, outcome);
}

bool jobs_wait_gone(struct jobs *jobs)
{
	return dispatch_until(jobs, all_have_gone, NULL);
}

bool jobs_wait_stays(struct jobs *jobs, unsigned times)
{
	return dispatch_until(jobs, has_stayed, &times);
}

bool jobs_wait_left(struct jobs *jobs, unsigned count)
{
	return dispatch_until(jobs, have_left, &count);
}

static bool on_crowded(void *user)
{
	struct jobs *jobs = user;
	jobs->crowded++;
	return false;
}

void jobs_start(struct jobs *jobs, const char *program, unsigned ahead)
{
	*jobs = (struct jobs){0};
	const struct nursery_options options = {.program = test_program(program), .ahead = ahead};
	const struct nursery_events events = {.finished = on_finished,
		.gone = on_gone,
		.stays = on_stays,
		.left = on_left,
		.available = on_available,
		.lost = on_lost,
		.crowded = on_crowded,
		.user = jobs};
	int r = nursery_start(&options, &events, &jobs->nursery);
	if (r < 0) {
		errno = -r;
		die("nursery_start");
	}
	if (!jobs_wait_ready(jobs, ahead))
		die("no worker becomes ready");
}

void jobs_stop(struct jobs *jobs)
{
	nursery_stop(jobs->nursery);
	jobs->nursery = NULL;
}

struct worker *jobs_submit(struct jobs *jobs, const struct job *job, int source_fd, int memory_fd,
	struct outcome *outcome)
{
	struct worker *worker;
	int r;
	*outcome = (struct outcome){0};
	while ((r = nursery_submit(jobs->nursery, job, source_fd, memory_fd, outcome, &worker)) ==
		-EAGAIN)
		if (!jobs_wait_ready(jobs, 1))
			die("no worker becomes ready");
	if (r < 0) {
		errno = -r;
		die("nursery_submit");
	}
	worker_lend(worker, jobs);
	jobs->given++;
	return worker;
}

void jobs_run(struct jobs *jobs, const struct job *job, int source_fd, int memory_fd,
	struct outcome *outcome)
{
	jobs_submit(jobs, job, source_fd, memory_fd, outcome);
	if (!jobs_wait_finished(jobs, outcome) || !jobs_wait_gone(jobs))
		die("a job does not finish");
}

int jobs_file(const void *data, size_t size)
{
	int fd = memfd_create("mural-test", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("memfd");
	if (data && pwrite(fd, data, size, 0) != (ssize_t)size)
		die("pwrite");
	return fd;
}
