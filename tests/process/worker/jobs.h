/* Jobs for a nursery from a test, and their ends. Whatever cannot be set up aborts the test. */
#ifndef WORKER_JOBS_H
#define WORKER_JOBS_H

#include "producer/nursery.h"

#include <stdbool.h>
#include <stddef.h>

struct outcome {
	unsigned finished; /* how many times it was called */
	bool answered;
	int signal;
	struct job_result result;
};

struct jobs {
	struct nursery *nursery;
	unsigned available, ended, lost, crowded;
	unsigned given, gone; /* jobs, and of them those whose process has gone */
	bool lets_go;         /* of those that stay, as */
	unsigned stays, left;
};

/* Starts @program (a name, as test_program takes it) as the nursery and waits until @ahead workers
 * are ready. */
void jobs_start(struct jobs *jobs, const char *program, unsigned ahead);
void jobs_stop(struct jobs *jobs);

/* Dispatches until at least @count workers are ready; gives up like test_until. */
bool jobs_wait_ready(struct jobs *jobs, unsigned count);
bool jobs_wait_finished(struct jobs *jobs, const struct outcome *outcome);
/* Until no process is left that had a job. */
bool jobs_wait_gone(struct jobs *jobs);
/* Until it has been told so often that a worker stays. */
bool jobs_wait_stays(struct jobs *jobs, unsigned times);
bool jobs_wait_left(struct jobs *jobs, unsigned count);

/* Submits as soon as a worker is ready. */
struct worker *jobs_submit(struct jobs *jobs, const struct job *job, int source_fd, int memory_fd,
	struct outcome *outcome);

/* Submits, and waits for the outcome and for the end of every process that had a job. */
void jobs_run(struct jobs *jobs, const struct job *job, int source_fd, int memory_fd,
	struct outcome *outcome);

/* A memfd with these bytes; -1 for @data NULL: only the size. The caller owns it. */
int jobs_file(const void *data, size_t size);

#endif
