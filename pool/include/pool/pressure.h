/* pool/pressure.h - how much memory is left, and how much of the pool should go.
 *
 * Sources (enum mural_watch), each found at the start where the machine has it:
 *   meminfo         MemAvailable
 *   cgroup          usage and limit of this process's control group and of all above it (v2: the
 *                   lower of memory.high and memory.max; v1: memory.limit_in_bytes)
 *   thresholds      cgroup v1: told when usage crosses a mark
 *   pressure-level  cgroup v1: told how hard reclaim is
 *   events          cgroup v2: memory.events
 *   psi             told of stalls, of the machine and of this process's cgroup v2 groups
 *
 * The first two are numbers, read at every look. How soon to look again follows from the least
 * headroom and from the fastest growth that is assumed, so that no allocator can eat it between two
 * looks. The others are events: one of them wakes its group's (psi of the machine: meminfo's)
 * numbers until all is well there, whether these are watched by themselves or not.
 *
 * How much: LOW is an eighth of the limit, at least 48 and at most 256 MiB, and never more than
 * half of it. With less than LOW left, memory is to be given back until LOW and a quarter are left,
 * so that the next page does not start it again. Page cache that can be dropped counts as left; but
 * when an event says that dropping it goes badly only half of it does (pressure-level medium), or
 * nothing (critical, oom, psi), for one look: what is missing by that reckoning is given back once
 * for each such event.
 *
 * A source that disappears is left out, not an error. A process that is moved to another group is
 * followed, and a limit that comes, changes or goes is seen, within a second.
 *
 * One thread; no call blocks beyond reading small kernel files. Time (CLOCK_MONOTONIC, ns) comes
 * from the caller. */
#ifndef POOL_PRESSURE_H
#define POOL_PRESSURE_H

#include <mural/mural_types.h>
#include <stdbool.h>
#include <stdint.h>

struct pressure;

struct pressure_options {
	const char *root; /* NULL: the machine's own files; a test names a folder that has proc/ and
			     sys/ in it */
	uint32_t sources; /* enum mural_watch: what may be watched */
	uint64_t growth_bytes_per_s; /* the fastest allocator to be safe from; 0: 4 GiB/s */
};

struct pressure_advice {
	uint64_t headroom_bytes; /* the least of all sources; UINT64_MAX: none has been read */
	uint64_t reserve_bytes;  /* of that, do not take this much: the next step is critical */
	uint64_t free_bytes;     /* give back so much now; the next look says how much is left to */
	uint64_t event_bytes;    /* give back so much for an event, whatever later looks say */
	uint64_t next_ns;        /* from now: look again then; UINT64_MAX: nothing is watched */
	enum mural_pressure level; /* goes up at once, and down after a second of less */
};

struct pressure_facts {
	uint32_t sources;       /* enum mural_watch: what is watched now */
	uint32_t last_event;    /* the source of the last event; 0: none yet */
	uint64_t last_event_ns; /* when */
	uint64_t events, looks;
};

/* -ENOMEM, -EMFILE. A machine with no source at all is not an error: the advice is then to free
 * nothing. */
int pressure_create(const struct pressure_options *options, uint64_t now_ns, struct pressure **ret);
void pressure_destroy(struct pressure *pressure);

/* Becomes readable when a source has something to tell; borrowed. */
int pressure_fd(const struct pressure *pressure);
/* Takes what they tell. True: look now. */
bool pressure_dispatch(struct pressure *pressure, uint64_t now_ns);

/* One look. */
void pressure_look(struct pressure *pressure, uint64_t now_ns, struct pressure_advice *ret);

void pressure_facts(const struct pressure *pressure, struct pressure_facts *ret);
/* The names of what is watched, for a person: "MemAvailable", "cgroup v1 /a/b" ... NULL past the
 * end. */
const char *pressure_source_name(const struct pressure *pressure, unsigned index);

#endif
