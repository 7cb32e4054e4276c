/* What the producer and its nursery process say to each other. Both are this program: nothing here
 * is hostile. */
#ifndef WORKER_NURSERY_PROTOCOL_H
#define WORKER_NURSERY_PROTOCOL_H

#include <stdint.h>

/* Producer to nursery. Each one replaces what was said before, so a late one loses nothing; and the
 * nursery tries at once what it could not do before (fork_pace.h). */
struct nursery_order {
	uint64_t taken; /* workers up to this id have a job, or are gone: they no longer count as
			   ready */
	uint32_t ahead; /* how many to keep ready */
	uint32_t reserved;
};

enum nursery_report_type {
	NURSERY_READY =
		1, /* + 2 descriptors: the worker's pidfd, the producer's end of its socket */
	NURSERY_ENDED = 2,
};

/* Nursery to producer. Ids count up from 1 in each nursery process; workers are reported READY in
 * that order. */
struct nursery_report {
	uint32_t type;
	int32_t pid;
	uint64_t id;
	int32_t status; /* ENDED: as waitpid gives it, */
	uint32_t reserved;
	uint64_t cpu_ns; /* and the processor time that it took */
};

#endif
