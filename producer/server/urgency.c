/* Being scheduled soon. The event loop sleeps most of the time and then has a few milliseconds of
 * work for which programs die when it comes late: on a machine whose processors are all busy an
 * allocator gets whole slices (3 ms each) while the loop waits for its turn. A short slice lets a
 * sleeper that has used less than its share run as soon as it wakes, and does not enlarge that
 * share, so that it needs no privilege. */
#include "parts.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>

#define SLICE_NS UINT64_C(100000) /* the least that the kernel takes */

/* Kernels before 6.12 ignore the slice. What the loop starts, decoders first of all, is to be
 * scheduled as any other program. */
void urgency_claim(void)
{
	struct sched_attr attr;
	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) < 0 ||
		attr.sched_policy != 0 /* SCHED_OTHER: whoever chose another knows why */)
		return;
	attr.sched_flags |= SCHED_FLAG_RESET_ON_FORK;
	attr.sched_runtime = SLICE_NS;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}
