/* See fork_pace.h. */
#include "fork_pace.h"

#include "common/util.h"

static void forget_pauses(struct fork_pace *pace)
{
	pace->retry_ns = 0;
	pace->pause_ns = FORK_PAUSE_FIRST_NS;
}

void fork_pace_init(struct fork_pace *pace)
{
	pace->early_deaths = 0;
	forget_pauses(pace);
}

bool fork_pace_may(struct fork_pace *pace, uint64_t now_ns)
{
	if (now_ns < pace->retry_ns)
		return false;
	pace->retry_ns = 0;
	return true;
}

void fork_pace_failed(struct fork_pace *pace, uint64_t now_ns)
{
	if (pace->retry_ns != 0)
		return;
	pace->retry_ns = now_ns + pace->pause_ns;
	pace->pause_ns = min_u64(pace->pause_ns * 2, FORK_PAUSE_LAST_NS);
}

/* (Early deaths free processes as well, but what is forked for them dies, too.) */
void fork_pace_ended(struct fork_pace *pace, bool early, uint64_t now_ns)
{
	if (!early && pace->early_deaths <= FORK_EARLY_DEATHS)
		forget_pauses(pace);
	else if (early && ++pace->early_deaths > FORK_EARLY_DEATHS)
		fork_pace_failed(pace, now_ns);
}

void fork_pace_ordered(struct fork_pace *pace)
{
	fork_pace_init(pace);
}
