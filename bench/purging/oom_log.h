/* oom_log.h - whom the OOM killer took, and when, by the kernel's log. */
#ifndef BENCH_PURGING_OOM_LOG_H
#define BENCH_PURGING_OOM_LOG_H

#include "group.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct oom_kill {
	pid_t pid;
	char name[32];
	uint64_t ns;            /* CLOCK_MONOTONIC */
	uint64_t victim_bytes;  /* that it had of its own */
	uint64_t private_bytes; /* that all of its group had; 0: the log does not say */
	uint64_t shared_bytes;  /* of shared memory, which is the pool */
};

struct oom_log {
	int fd;                               /* owned; -1: it can not be read here */
	int64_t ahead_ns;                     /* the log's clock, of CLOCK_MONOTONIC */
	uint64_t private_bytes, shared_bytes; /* of the report that is being read */
	bool ours;
};

/* From now on. Writes a line into the log, to learn what its clock says. */
void oom_log_open(struct oom_log *ret);
void oom_log_close(struct oom_log *log);

/* The next one that was taken for want of memory in @group. False: no more so far. Of many at once
 * the kernel does not tell all. */
bool oom_log_next(struct oom_log *log, const struct group *group, struct oom_kill *ret);

#endif
