/* fork_pace.h - when the nursery may fork again: later and later while there is no process or no
 * descriptor to be had, or while children keep dying before they get a job, as they do when the
 * producer has no descriptor for them. Until something has changed: a child that had a job has
 * ended, and its process is to be had; or an order has come. Nanoseconds of the caller's clock. */
#ifndef WORKER_FORK_PACE_H
#define WORKER_FORK_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define FORK_PAUSE_FIRST_NS UINT64_C(100000000)
#define FORK_PAUSE_LAST_NS UINT64_C(1600000000)
/* So many early deaths are bad luck, or workers that were quicker than the order that says they
 * were taken. */
#define FORK_EARLY_DEATHS 4u

struct fork_pace {
	uint64_t retry_ns;     /* no fork before; 0: at once */
	uint64_t pause_ns;     /* the next one's length */
	unsigned early_deaths; /* since the last order */
};

void fork_pace_init(struct fork_pace *pace);

/* May it fork now? Once the pause is over it is forgotten. */
bool fork_pace_may(struct fork_pace *pace, uint64_t now_ns);

void fork_pace_failed(struct fork_pace *pace, uint64_t now_ns);
void fork_pace_ended(struct fork_pace *pace, bool early, uint64_t now_ns);
void fork_pace_ordered(struct fork_pace *pace);

#endif
