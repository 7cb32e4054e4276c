/* team.h - workers that do the same at the same time, each with a core of its own as far as they
 * go.
 *
 * Worker i runs on the i-th core that this program may use, round and round: left to the scheduler,
 * two that are woken by one program may share a core for a good part of a short run. They begin
 * together, when the last of them is awake: a core of a virtual machine that was idle takes up to
 * 2 ms to come back. One thread. */
#ifndef BENCH_TEAM_H
#define BENCH_TEAM_H

#include <stdbool.h>

#define TEAM_MAX 16

/* What a worker does. */
struct team_job {
	/* In the worker's process: what it works on, told apart by @which. Threads: in the caller.
	 */
	void *(*open)(unsigned which);
	void (*close)(void *opened); /* NULL: nothing to do; not called in processes, which end */
	void (*run)(void *opened, int calls);
	int calls; /* of one run: some 15 ms alone */
};

enum team_kind { TEAM_THREADS, TEAM_PROCESSES };

struct team; /* opaque */

/* @same: all work on what 0 stands for, which threads open once. */
struct team *team_start(const struct team_job *job, enum team_kind kind, bool same, unsigned count);
void team_stop(struct team *team);

struct team_pace {
	double rate; /* calls of all together, millions a second: first begin to last end */
	double cpu;  /* processor time of one call, ns, the mean */
	double part; /* of their time in which they had a processor; the rest is others', or waiting
		      */
};

/* The first @count at once. */
struct team_pace team_together(struct team *team, unsigned count);
/* Each of the first @count alone, one after the other: the mean, since cores differ. */
struct team_pace team_alone(struct team *team, unsigned count);

/* Processor time of the whole machine since it started, in ticks. */
struct team_time {
	double all, stolen; /* stolen: a core had work, and the host ran something else */
};
struct team_time team_time(void);

#endif
