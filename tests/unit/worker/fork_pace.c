/* How soon the nursery forks again. */
#include "fork_pace.h"

#include <criterion/criterion.h>

#define NOW UINT64_C(1000000000000)

Test(fork_pace, one_that_can_not_fork_tries_again_later_and_later)
{
	struct fork_pace pace;
	uint64_t now_ns = NOW, pause_ns = FORK_PAUSE_FIRST_NS;
	fork_pace_init(&pace);
	cr_assert(fork_pace_may(&pace, now_ns));
	for (unsigned i = 0; i < 8; i++) {
		fork_pace_failed(&pace, now_ns);
		fork_pace_failed(&pace, now_ns + 1); /* is no failure of its own */
		cr_expect_not(fork_pace_may(&pace, now_ns + pause_ns - 1));
		now_ns += pause_ns;
		cr_expect(fork_pace_may(&pace, now_ns));
		pause_ns = pause_ns * 2 < FORK_PAUSE_LAST_NS ? pause_ns * 2 : FORK_PAUSE_LAST_NS;
	}
}

static void wait_for_long(struct fork_pace *pace)
{
	uint64_t now_ns = NOW;
	fork_pace_init(pace);
	for (unsigned i = 0; i < 8; i++, now_ns += FORK_PAUSE_LAST_NS) {
		cr_assert(fork_pace_may(pace, now_ns));
		fork_pace_failed(pace, now_ns);
	}
}

static void expect_first_pause_next(struct fork_pace *pace)
{
	cr_expect(fork_pace_may(pace, NOW));
	fork_pace_failed(pace, NOW);
	cr_expect(fork_pace_may(pace, NOW + FORK_PAUSE_FIRST_NS));
}

/* Where no more processes are allowed than there are. */
Test(fork_pace, and_at_once_when_one_of_its_own_has_ended)
{
	struct fork_pace pace;
	wait_for_long(&pace);
	cr_assert_not(fork_pace_may(&pace, NOW));
	fork_pace_ended(&pace, false, NOW);
	expect_first_pause_next(&pace);
}

Test(fork_pace, or_when_an_order_comes)
{
	struct fork_pace pace;
	wait_for_long(&pace);
	fork_pace_ordered(&pace);
	expect_first_pause_next(&pace);
}

static void die_early(struct fork_pace *pace, unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		fork_pace_ended(pace, true, NOW);
}

Test(fork_pace, those_that_die_without_a_job_are_replaced_at_once_but_not_for_ever)
{
	struct fork_pace pace;
	fork_pace_init(&pace);
	die_early(&pace, FORK_EARLY_DEATHS);
	cr_expect(fork_pace_may(&pace, NOW));
	die_early(&pace, 1);
	cr_expect_not(fork_pace_may(&pace, NOW));
	fork_pace_ended(&pace, false, NOW); /* one that had a job: that changes nothing for them */
	cr_expect_not(fork_pace_may(&pace, NOW));
	fork_pace_ordered(&pace);
	die_early(&pace, FORK_EARLY_DEATHS);
	cr_expect(fork_pace_may(&pace, NOW));
}

/* Each is a process that is to be had, and none that was forked for it has died. */
Test(fork_pace, a_death_without_a_job_ends_no_pause)
{
	struct fork_pace pace;
	fork_pace_init(&pace);
	fork_pace_failed(&pace, NOW);
	die_early(&pace, 1);
	cr_expect_not(fork_pace_may(&pace, NOW));
}
