/* producer/nursery.h - decoder processes, forked ahead of need by a small process that never held a
 * region, a session or a picture.
 *
 * The nursery process is mural-producer started again (exec) as `--nursery FD`. It holds one socket
 * to the producer, keeps @ahead children ready, tells the producer of each (pid, and two
 * descriptors: a pidfd and the child's socket), reaps them and tells how each ended.
 *
 * A decoder process waits for one message (a job and its descriptors), maps its own window, closes
 * what it no longer needs, shuts itself in, runs the job, answers, exits.
 *
 * When the nursery dies the producer starts another: workers under way end with it (parent-death
 * signal).
 *
 * Everything here is non-blocking and belongs to the producer's event loop: one descriptor to poll,
 * one function to dispatch. nursery_start and nursery_dispatch must be called by one thread that
 * lives as long as the nursery: the nursery process dies with the thread that started it. SIGCHLD
 * must not be ignored and its children not be reaped by waitpid(-1). 0 or -errno. */
#ifndef PRODUCER_NURSERY_H
#define PRODUCER_NURSERY_H

#include "producer/job.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nursery;
struct worker;

struct nursery_options {
	/* What to exec with --nursery FD; NULL: /proc/self/exe. Must stay valid. */
	const char *program;
	unsigned ahead; /* children kept ready; 0 counts as 1 */
};

/* Called from nursery_dispatch only. They may submit and kill, but not stop the nursery. */
struct nursery_events {
	/* A worker that was given a job has gone, its memory with it; or, if it has no window but
	 * JOB_SCRATCH, no threads, and at most 32 MiB besides, has answered (but not while there
	 * are twice @ahead that have answered and do not go). Called exactly once for each job that
	 * was submitted (unless the nursery is stopped before). @result is valid only when
	 * @answered. It is hostile: one message of the right size, its text terminated, and not
	 * more. @signal is the signal that ended the process, 0 for an exit, where it has
	 * not ended, or where it was killed for an answer of the wrong shape: SIGXCPU is too much
	 * CPU time, SIGSYS a forbidden call, SIGKILL worker_kill, the OOM killer or the nursery's
	 * death. A signal after the answer does not take it back (a worker that answers and does
	 * not end is killed). The worker is not the caller's after this call. */
	void (*finished)(struct worker *worker, void *job_user, bool answered,
		const struct job_result *result, int signal, void *user);
	/* The process that had this (worker_lend) has gone; after finished. */
	void (*gone)(void *lent, void *user);
	/* A worker that has finished by its answer was killed half a second later, and has not gone
	 * in another: it may be let go. Else it is told of again. May be NULL. */
	void (*stays)(struct worker *worker, void *lent, void *user);
	/* A worker that was let go has gone. */
	void (*left)(void *job_user, void *user);
	/* Workers have become ready: queued jobs may start. */
	void (*available)(void *user);
	/* @count workers that were ready are dead, and others on their way. Nobody but the OOM
	 * killer, for which they volunteer, does that to them: memory has run out. */
	void (*lost)(unsigned count, void *user);
	/* A worker was ready, but there was no descriptor left for it. True: now there is, and
	 * another is to come at once; else it comes later, and later each time. May be NULL. */
	bool (*crowded)(void *user);
	void *user;
};

/* Starts the nursery process; workers become available a little later. Copies both structs.
 * -EMFILE, -ENOMEM, -EAGAIN (no process), -ENOENT, -EACCES (@program can not be executed). */
int nursery_start(const struct nursery_options *options, const struct nursery_events *events,
	struct nursery **ret);
/* Kills all workers and the nursery, and waits (at most a second) until they are gone; finished is
 * not called any more. NULL is fine. */
void nursery_stop(struct nursery *nursery);

/* An epoll descriptor over everything of the nursery. Owned by the nursery. */
int nursery_fd(const struct nursery *nursery);
void nursery_dispatch(struct nursery *nursery);

/* Gives a job to a ready worker; borrows the descriptors (@memory_fd -1 for a job without a
 * window).
 * @job_user comes back in finished. @ret_worker is valid until then. -EAGAIN: no worker is ready
 * now (available will be called).  -EINVAL: a window without memory, or memory without a window.
 * -ETOOMANYREFS, -ENOMEM, -ENOBUFS: the descriptors can not be sent now; the worker stays ready. */
int nursery_submit(struct nursery *nursery, const struct job *job, int source_fd, int memory_fd,
	void *job_user, struct worker **ret_worker);

/* What becomes free when the worker's process has gone; at most one, before finished. */
void worker_lend(struct worker *worker, void *lent);

/* Kills a worker (SIGKILL by pidfd); finished follows as usual, with answered false unless it had
 * answered already. */
void worker_kill(struct worker *worker);

/* Nobody waits any more for a worker that has been killed and does not go: instead of finished, if
 * it has not been called, and gone it is `left` that follows, with @job_user. */
void worker_let_go(struct worker *worker, void *job_user);

/* Stops a worker where it is (SIGSTOP by pidfd), with what it has, and lets it go on. One that has
 * answered is not stopped, or goes on: it is about to leave. */
void worker_halt(struct worker *worker);
void worker_go_on(struct worker *worker);

pid_t worker_pid(const struct worker *worker);

/* Within finished: the processor time of the whole process up to then, by the kernel's count. 0:
 * unknown. */
uint64_t worker_cpu_ns(const struct worker *worker);

/* The same, of a worker that has not finished. */
uint64_t worker_cpu_now(const struct worker *worker);
/* Does one of its threads run, or would if there was a processor for it? */
bool worker_wants_core(const struct worker *worker);

/* Descriptors have become free: those who were lost for want of them are to come at once. */
void nursery_hurry(struct nursery *nursery);

/* How many workers are ready for a job. */
unsigned nursery_ready(const struct nursery *nursery);
/* The nursery process; 0: it has died and the next one is not there yet. */
pid_t nursery_pid(const struct nursery *nursery);

/* ---- the other side: main of `mural-producer --nursery FD` ---- */

/* Takes @socket. Does not return before the end of the process, except with -errno when it can not
 * work at all. */
int nursery_main(int socket);

/* ---- and of each decoder (called in the forked child) ---- */
_Noreturn void decoder_main(int socket);

#endif
