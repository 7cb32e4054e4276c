/* cores.h - where a thread runs, for measurements that its place would decide.
 *
 * Two processes that wake each other take 30 us or 80 of a virtual machine, by whether the
 * scheduler has them on one core or on two. A call that fails ends the program. Any thread. */
#ifndef BENCH_CORES_H
#define BENCH_CORES_H

#include <sys/types.h>

/* Cores that this program might use when it first asked. */
unsigned cores_count(void);

/* From here on @thread (0: the caller; a process: its main thread) runs on the @number'th of them
 * alone, counted round and round, and so does what it starts. */
void cores_take(pid_t thread, unsigned number);

/* … and on any of them again. */
void cores_leave(pid_t thread);

#endif
