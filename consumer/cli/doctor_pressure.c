/* What memory can be watched by: as the producer that runs has found it, or as this machine offers
 * it. */
#include "doctor.h"

#include "common/util.h"
#include "common/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void tell_running(const struct mural_stats *stats, struct finding *finding)
{
	char sources[WATCH_TEXT_MAX], last[WATCH_TEXT_MAX];
	bool numbers = stats->watch_sources & (MURAL_WATCH_MEMINFO | MURAL_WATCH_CGROUP);
	watch_text(stats->watch_sources, sources);
	if (stats->watch_event)
		finding_set(finding, FINDING_OK,
			"the producer watches %s; %" PRIu64 " events, the last (%s) %.1f s ago",
			sources, stats->watch_events, watch_text(stats->watch_event, last),
			(double)stats->watch_event_ms / 1e3);
	else
		finding_set(finding, FINDING_OK, "the producer watches %s; no event yet", sources);
	if (numbers)
		return;
	finding->state = FINDING_NOTE;
	finding_advise(finding,
		"it sees no numbers of memory: start it without --pressure, or give it /proc");
}

/* Which windows the kernel gives us: 1, 2 seconds; 0: none. */
static int stall_window(void)
{
	static const char *const triggers[] = {"some 100000 1000000", "some 200000 2000000"};
	for (int i = 0; i < 2; i++) {
		CLEANUP(close_p)
		int fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && write(fd, triggers[i], strlen(triggers[i]) + 1) > 0)
			return i + 1;
	}
	return 0;
}

void check_pressure(const struct doctor *doctor, struct finding *finding)
{
	if (doctor->connected == 0) {
		tell_running(&doctor->stats, finding);
		return;
	}
	int window = stall_window();
	if (window > 0) {
		finding_set(finding, FINDING_OK,
			"the kernel tells of stalls within %d s%s; start a producer to see what "
			"else it watches",
			window, window == 2 ? " (within 1 s only to CAP_SYS_RESOURCE)" : "");
		return;
	}
	finding_set(finding, FINDING_NOTE,
		"no stall information (/proc/pressure/memory): memory is watched by its numbers "
		"and its control groups");
	finding_advise(finding, "boot with psi=1, where the kernel has CONFIG_PSI");
}
