/* producer/team.h - helper threads of a decoder.
 *
 * They are made by trusted code before the sandbox closes, because afterwards no thread can be
 * made, and wait for work. Codecs hand them pieces of the one picture that the process sees; what a
 * helper does is as hostile as what the codec does, and as shut in.
 *
 * One thread hands out work and waits for it. NULL is a team without helpers. */
#ifndef PRODUCER_TEAM_H
#define PRODUCER_TEAM_H

#include "producer/job.h"

#include <stdbool.h>

struct team;

/* A piece of work; lives where its owner put it until team_wait has returned. */
struct team_task {
	void (*run)(void *context);
	void *context;
	struct helper *helper; /* the team's own: who does it; NULL: nobody */
};

/* Starts up to @helpers threads (at most JOB_THREADS_MAX); fewer when the system gives no more.
 * When it returns they run their own code and need nothing more of the system than futex. NULL:
 * none could be had. */
struct team *team_create(unsigned helpers);
/* Ends the threads; no work may be under way. A decoder does not: it ends with its process. */
void team_destroy(struct team *team);

/* How many helpers have nothing to do. */
unsigned team_free(const struct team *team);
/* Gives @task to a free helper. False: there is none, and nothing has happened. */
bool team_start(struct team *team, struct team_task *task);
/* Returns when @task is done; at once when it was not started, or has been waited for. What it
 * wrote is then visible. */
void team_wait(struct team_task *task);

#endif
