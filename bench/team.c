/* Workers that wait for a byte, meet, run, and send back when they began and ended. */
#include "team.h"
#include "cores.h"
#include "harness/bench.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct span {
	double start_ns, end_ns, cpu_ns;
};

/* Where they meet. Shared with processes. */
struct gate {
	atomic_uint wanted, arrived, opened; /* opened counts runs */
};

struct worker {
	struct team *team;
	unsigned number, which;
	int go[2], done[2];
	void *opened;
	pthread_t thread;
	pid_t pid;
};

struct team {
	struct team_job job;
	enum team_kind kind;
	bool same;
	unsigned count;
	struct gate *gate;
	struct worker worker[TEAM_MAX];
};

struct team_time team_time(void)
{
	/* user, nice, system, idle, iowait, irq, softirq, steal */
	double ticks[8] = {0};
	struct team_time time = {0};
	FILE *file = fopen("/proc/stat", "re");
	bench_must(file && fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &ticks[0], &ticks[1],
				   &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6],
				   &ticks[7]) == 8,
		"/proc/stat");
	fclose(file);
	for (int i = 0; i < 8; i++)
		time.all += ticks[i];
	time.stolen = ticks[7];
	return time;
}

/* ---- a worker ---- */

/* Returns when all who are wanted have come. Yields: they may share a core. */
static void meet(struct gate *gate)
{
	unsigned run = atomic_load(&gate->opened);
	if (atomic_fetch_add(&gate->arrived, 1) + 1 == atomic_load(&gate->wanted)) {
		atomic_store(&gate->arrived, 0);
		atomic_fetch_add(&gate->opened, 1);
	}
	while (atomic_load(&gate->opened) == run)
		sched_yield();
}

static void work(struct worker *worker)
{
	const struct team_job *job = &worker->team->job;
	char told;
	cores_take(0, worker->number);
	while (read(worker->go[0], &told, 1) == 1) {
		meet(worker->team->gate);
		double cpu = bench_cpu_ns();
		struct span span = {.start_ns = bench_now_ns()};
		job->run(worker->opened, job->calls);
		span.end_ns = bench_now_ns();
		span.cpu_ns = bench_cpu_ns() - cpu;
		bench_must(write(worker->done[1], &span, sizeof(span)) == sizeof(span), "a result");
	}
}

static void *work_in_thread(void *user)
{
	work(user);
	return NULL;
}

static void start_process(struct worker *worker)
{
	worker->pid = fork();
	bench_must(worker->pid >= 0, "fork");
	if (worker->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i <= worker->number; i++)
		close(worker->team->worker[i].go[1]);
	worker->opened = worker->team->job.open(worker->which);
	work(worker);
	_exit(0);
}

static void start_thread(struct worker *worker)
{
	bool opens = !worker->team->same || worker->number == 0;
	worker->opened =
		opens ? worker->team->job.open(worker->which) : worker->team->worker[0].opened;
	bench_must(pthread_create(&worker->thread, NULL, work_in_thread, worker) == 0, "a thread");
}

/* ---- the team ---- */

struct team *team_start(const struct team_job *job, enum team_kind kind, bool same, unsigned count)
{
	struct team *team = calloc(1, sizeof(*team));
	bench_must(team && count <= TEAM_MAX, "a team");
	*team = (struct team){.job = *job, .kind = kind, .same = same, .count = count};
	team->gate = mmap(NULL, sizeof(*team->gate), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_must(team->gate != MAP_FAILED, "mmap");
	for (unsigned i = 0; i < count; i++) {
		struct worker *worker = &team->worker[i];
		*worker = (struct worker){.team = team, .number = i, .which = same ? 0 : i};
		bench_must(pipe(worker->go) == 0 && pipe(worker->done) == 0, "pipes");
		kind == TEAM_THREADS ? start_thread(worker) : start_process(worker);
	}
	return team;
}

void team_stop(struct team *team)
{
	for (unsigned i = 0; i < team->count; i++)
		close(team->worker[i].go[1]); /* ends it */
	for (unsigned i = 0; i < team->count; i++) {
		struct worker *worker = &team->worker[i];
		if (team->kind == TEAM_THREADS)
			pthread_join(worker->thread, NULL);
		else
			waitpid(worker->pid, NULL, 0);
		close(worker->go[0]);
		close(worker->done[0]);
		close(worker->done[1]);
	}
	for (unsigned i = 0; i < team->count && team->job.close; i++) {
		if (team->kind == TEAM_THREADS && (!team->same || i == 0))
			team->job.close(team->worker[i].opened);
	}
	munmap(team->gate, sizeof(*team->gate));
	free(team);
}

/* From when the first began to when the last was done, since spans that do not overlap can not be
 * added. */
static struct team_pace run(struct team *team, unsigned first, unsigned count)
{
	struct span all = {0}, span;
	double calls = (double)count * team->job.calls, wall_ns = 0;
	atomic_store(&team->gate->wanted, count);
	for (unsigned i = first; i < first + count; i++)
		bench_must(write(team->worker[i].go[1], "g", 1) == 1, "starting a worker");
	for (unsigned i = first; i < first + count; i++) {
		bench_must(read(team->worker[i].done[0], &span, sizeof(span)) == sizeof(span),
			"a worker's result");
		if (i == first || span.start_ns < all.start_ns)
			all.start_ns = span.start_ns;
		if (span.end_ns > all.end_ns)
			all.end_ns = span.end_ns;
		all.cpu_ns += span.cpu_ns;
		wall_ns += span.end_ns - span.start_ns;
	}
	return (struct team_pace){calls / (all.end_ns - all.start_ns) * 1e3, all.cpu_ns / calls,
		all.cpu_ns / wall_ns};
}

struct team_pace team_together(struct team *team, unsigned count)
{
	return run(team, 0, count);
}

struct team_pace team_alone(struct team *team, unsigned count)
{
	struct team_pace mean = {0};
	for (unsigned i = 0; i < count; i++) {
		struct team_pace one = run(team, i, 1);
		mean.rate += one.rate / count;
		mean.cpu += one.cpu / count;
		mean.part += one.part / count;
	}
	return mean;
}
