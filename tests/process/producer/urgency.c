/* The event loop is scheduled soon, so that it can give memory back in time on a busy machine; what
 * it starts is scheduled as anybody is. */
#include "support/process.h"

#include <criterion/criterion.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sched_attr scheduling_of(pid_t pid)
{
	struct sched_attr attr = {0};
	cr_assert_eq(syscall(SYS_sched_getattr, pid, &attr, sizeof(attr), 0), 0);
	return attr;
}

static bool has_nursery(void *context)
{
	const struct test_process *producer = context;
	return test_child_named(producer->pid, "mural-nursery", 0) != 0;
}

Test(urgency, a_producer_takes_short_slices_and_its_nursery_does_not, .timeout = 120)
{
	struct test_process producer;
	struct sched_attr own = scheduling_of(0);
	if (own.sched_policy != 0)
		cr_skip_test("this test is scheduled by another policy than SCHED_OTHER");
	char *folder = test_folder_create();
	test_producer_start(&producer, folder, NULL);
	cr_assert(test_until(has_nursery, &producer, TEST_TIMEOUT_MS));
	struct sched_attr loop = scheduling_of(producer.pid);
	struct sched_attr nursery =
		scheduling_of(test_child_named(producer.pid, "mural-nursery", 0));
	test_process_fini(&producer);
	test_folder_remove(folder);

	cr_expect_eq(loop.sched_flags & 1u, 1u, "reset on fork");
	cr_expect_eq(nursery.sched_runtime, own.sched_runtime);
	if (own.sched_runtime == 0)
		cr_skip_test("the kernel knows no slices of a program's own (before 6.12)");
	cr_expect_eq(loop.sched_runtime, 100000u);
	cr_expect_lt(loop.sched_runtime, own.sched_runtime);
}
