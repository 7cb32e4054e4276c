/* See cores.h. */
#include "cores.h"
#include "harness/bench.h"

#include <pthread.h>
#include <sched.h>

static cpu_set_t allowed;

static void ask(void)
{
	bench_must(sched_getaffinity(0, sizeof(allowed), &allowed) == 0, "the cores");
}

static const cpu_set_t *all_cores(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, ask);
	return &allowed;
}

unsigned cores_count(void)
{
	return (unsigned)CPU_COUNT(all_cores());
}

void cores_take(pid_t thread, unsigned number)
{
	unsigned nth = number % cores_count();
	cpu_set_t one;
	CPU_ZERO(&one);
	for (int core = 0; core < CPU_SETSIZE; core++) {
		if (CPU_ISSET(core, all_cores()) && nth-- == 0) {
			CPU_SET(core, &one);
			break;
		}
	}
	bench_must(sched_setaffinity(thread, sizeof(one), &one) == 0, "a core");
}

void cores_leave(pid_t thread)
{
	bench_must(sched_setaffinity(thread, sizeof(allowed), all_cores()) == 0, "the cores");
}
