/* resident.h - memory as the kernel counts it: PSS shares each page out among those who map it. One
 * thread. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <sys/types.h>

struct resident {
	double all, shared; /* MiB of PSS, and what of it is shared memory (Pss_Shmem) */
};

/* The process, or its processes: with the children that it has. A process that has gone counts
 * nothing. */
struct resident resident_of(pid_t pid);
struct resident resident_of_family(pid_t pid);
struct resident resident_add(struct resident a, struct resident b);

/* MiB of all memfds that the process has open, by their blocks: also what nobody maps. */
double resident_memfds(pid_t pid);

/* The process of the producer that runs in bench_folder. */
pid_t resident_producer(void);

#endif
