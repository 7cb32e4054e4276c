/* support/group.h - a control group of a test's own with a memory limit, and an allocator in it. */
#ifndef SUPPORT_GROUP_H
#define SUPPORT_GROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct test_group {
	char folder[256];
	bool v2;
};

/* Without swap, also where the machine has some. False: none can be made here (not root, or no
 * memory controller). */
bool test_group_create(struct test_group *group, uint64_t limit_bytes);
/* All processes in it must have ended. */
void test_group_remove(const struct test_group *group);
bool test_group_limit(const struct test_group *group, uint64_t limit_bytes);
uint64_t test_group_usage(const struct test_group *group);
/* Bytes of shared memory of that. */
uint64_t test_group_shared(const struct test_group *group);
/* Moves a process and all its descendants, as they are now. */
void test_group_move(const struct test_group *group, pid_t pid);

/* Starts a process in the group that allocates @bytes, a MiB at a time, each @pause_us after the
 * one before, and then ends with 0, or, when @hold, is only killed. The memory is its own. */
pid_t test_group_hog(const struct test_group *group, uint64_t bytes, unsigned pause_us, bool hold);

#endif
