/* group.h - a memory control group of a benchmark's own: version 2 where the machine has it, else
 * version 1. Needs root, or a delegated group.
 *
 * 0 or -errno; outputs untouched on failure. One thread. */
#ifndef BENCH_PURGING_GROUP_H
#define BENCH_PURGING_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct group {
	char path[256];
	bool v2;
	int usage_fd, stat_fd; /* owned; read again and again */
};

/* Makes a group below the memory controller's root. @limit_bytes 0: none. @swap: what is in it may
 * be swapped out, as far as there is swap. -ENOTSUP: no memory controller here.  -EACCES, -EROFS,
 * -EPERM: not allowed.  -EEXIST */
int group_create(const char *name, uint64_t limit_bytes, bool swap, struct group *ret);

/* Waits for its processes to have gone (they must be ending), and removes it. */
void group_remove(struct group *group);

/* Moves a process; 0 is the caller. What it starts from then on is in the group, too. */
int group_enter(const struct group *group, pid_t pid);

/* Bytes charged to it. 0 when that can not be read. */
uint64_t group_usage(const struct group *group);

/* From memory.stat, bytes: shared memory, and the page cache that would go before anybody is
 * killed. */
struct group_memory {
	uint64_t shared, inactive_file;
};
struct group_memory group_memory(const struct group *group);

/* Processes of the group that the OOM killer took. */
uint64_t group_oom_kills(const struct group *group);

#endif
