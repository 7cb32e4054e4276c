/* The producer's view of one decoder process: two descriptors, and what is known of its end. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "producer/nursery.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/queue.h>

/* What an epoll event leads to. */
struct watch {
	void (*happened)(struct watch *watch);
};

/* Registers for EPOLLIN. 0 or -errno. */
int watch_add(int epoll, int fd, struct watch *watch);

struct worker {
	TAILQ_ENTRY(worker) link; /* in the nursery's ready or busy list */
	uint64_t id;
	pid_t pid;
	int epoll;  /* borrowed from the nursery */
	int pidfd;  /* owned */
	int socket; /* owned; -1 once nothing more can come from it */
	struct watch end, answer;
	void *job_user;
	void *lent; /* NULL: nothing */
	struct job_result result;
	bool early;    /* its answer is enough to be finished, */
	bool finished; /* and it is: only its end is waited for, */
	bool late;     /* in vain for a while: it has been killed */
	bool let_go;   /* nobody waits for it */
	bool answered;
	bool halted;
	bool spoke_nonsense;  /* instead: for that it is killed */
	bool gone;            /* the process and its memory */
	bool reported;        /* the nursery has told how it ended, or can not any more */
	int status;           /* as waitpid gives it; valid once reported, */
	uint64_t cpu_ns;      /* and its processor time, or up to its answer; 0: not known */
	uint64_t deadline_ns; /* what has to happen next is late from then on; 0: nothing is
				 expected */
};

TAILQ_HEAD(worker_list, worker);

/* How long an answered worker may take to end, and the nursery to report an end. Unmapping a large
 * window takes tens of milliseconds; neither is ever waited for, a late one is killed. */
#define WORKER_LATE_NS ((uint64_t)500000000)

/* Takes both descriptors, also on failure. */
int worker_create(int epoll, const int fds[2], uint64_t id, pid_t pid, struct worker **ret);
/* NULL is fine. */
void worker_free(struct worker *worker);

/* It takes no job any more; what it said that was not read is lost. */
void worker_hang_up(struct worker *worker);

/* Nothing of it is missing any more. */
bool worker_has_ended(const struct worker *worker);

#endif
