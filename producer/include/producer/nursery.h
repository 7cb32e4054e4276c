/* producer/nursery.h - decoder processes, forked ahead of need by a small process that never held a region, a session or a picture.
 *
 * nursery process:  mural-producer started again (exec) as `--nursery`; it holds one socket to the producer, keeps @ahead children ready, tells the
 *                   producer of each (pid, and two descriptors: a pidfd and the child's socket), reaps them and tells how each ended.
 * decoder process:  waits for one message (a job and its descriptors), maps its own window, closes what it no longer needs, shuts itself
 *                   in, runs the job, answers, exits.
 * When the nursery dies the producer starts another: workers under way end with it (parent-death signal).
 *
 * Everything here is non-blocking and belongs to the producer's event loop: one descriptor to poll, one function to dispatch. 0 or -errno. */
#ifndef PRODUCER_NURSERY_H
#define PRODUCER_NURSERY_H

#include "producer/job.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct nursery;
struct worker;

struct nursery_options {
	const char *program; /* what to exec with --nursery FD; NULL: /proc/self/exe */
	unsigned ahead;      /* children kept ready */
};

struct nursery_events {
	/* A worker that was given a job has gone, its memory with it. @result is valid only when @answered; @signal is the signal that ended
	 * it, 0 for a normal exit. The worker is freed after this call. */
	void (*finished)(struct worker *worker, void *job_user, bool answered, const struct job_result *result, int signal, void *user);
	/* A worker has become ready: queued jobs may start. */
	void (*available)(void *user);
	void *user;
};

int nursery_start(const struct nursery_options *options, const struct nursery_events *events, struct nursery **ret);
/* Kills all workers and the nursery. NULL is fine. */
void nursery_stop(struct nursery *nursery);

/* An epoll descriptor over everything of the nursery. */
int nursery_fd(const struct nursery *nursery);
void nursery_dispatch(struct nursery *nursery);

/* Gives a job to a ready worker; borrows the descriptors (@memory_fd -1 for PROBE). @job_user comes back in finished.
 * -EAGAIN: no worker is ready now (available will be called). */
int nursery_submit(struct nursery *nursery, const struct job *job, int source_fd, int memory_fd, void *job_user, struct worker **ret);

/* Kills a worker (SIGKILL by pidfd); finished follows as usual, with answered false unless it had answered already. */
void worker_kill(struct worker *worker);

/* How many descriptors, ready and busy workers there are (statistics, doctor). */
unsigned nursery_ready(const struct nursery *nursery);

/* ---- the other side: main of `mural-producer --nursery FD` ---- */
int nursery_main(int socket);

/* ---- and of each decoder (called in the forked child; never returns) ---- */
_Noreturn void decoder_main(int socket);

#endif
