/* An event of cgroup v1 is an eventfd, registered by a line "EVENTFD FILE ARGUMENT". Closing the
 * eventfd ends the registration. */
#include "v1_event.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

int v1_event_fd(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int v1_event_register(int control, int eventfd, int watched, const char *argument)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%d %d %s", eventfd, watched, argument);
	return write(control, line, (size_t)length) < 0 ? -errno : 0;
}

unsigned long long v1_event_take(int eventfd)
{
	unsigned long long count = 0;
	return read(eventfd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}
