/* cgroup v2: memory.events counts what happened to a group at its limits, and a change of it can be
 * waited for. Reaching high or max is what reading a large file does, too: a reason to look. That
 * reclaim found nothing (oom) is not. */
#include "source.h"

#include "common/util.h"

#include <limits.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

enum { LIMITS, OOMS }; /* state[] */

static bool read_counts(const struct source *source, uint64_t *ret_limits, uint64_t *ret_ooms)
{
	char text[512];
	uint64_t high = 0, max = 0, oom = 0, killed = 0;
	if (!source_pread(source->fds[GROUP_CONTROL], text, sizeof(text)))
		return false;
	source_field(text, "high ", &high);
	source_field(text, "max ", &max);
	source_field(text, "oom ", &oom);
	source_field(text, "oom_kill ", &killed);
	*ret_limits = high + max;
	*ret_ooms = oom + killed;
	return true;
}

static enum source_event take(struct source *source, uint64_t now_ns)
{
	char buffer[sizeof(struct inotify_event) + NAME_MAX + 1];
	uint64_t limits, ooms, limit;
	(void)now_ns;
	while (read(source->event_fd, buffer, sizeof(buffer)) > 0) {
	}
	if (!read_counts(source, &limits, &ooms) || !group_limit(source, &limit))
		return EVENT_GONE;
	enum source_event event = ooms != source->state[OOMS]       ? EVENT_STALL
				  : limits != source->state[LIMITS] ? EVENT_LOOK
								    : EVENT_NOTHING;
	source->state[LIMITS] = limits;
	source->state[OOMS] = ooms;
	/* A group without a limit is told of every group below it. */
	return limit == UINT64_MAX ? EVENT_NOTHING : event;
}

/* Waits for the file that is open: its path may be another group's by now. */
static bool wait_for_changes(struct source *source)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", source->fds[GROUP_CONTROL]);
	source->event_fd = source->fds[GROUP_EVENT] = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	return source->event_fd >= 0 && inotify_add_watch(source->event_fd, path, IN_MODIFY) >= 0 &&
	       read_counts(source, &source->state[LIMITS], &source->state[OOMS]);
}

void source_add_events(const struct group *group, struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_EVENTS,
		.read = group_read,
		.event = take,
	};
	char name[SOURCE_NAME_MAX];
	if (!group->v2 || !(list->wanted & MURAL_WATCH_EVENTS))
		return;
	snprintf(name, sizeof(name), "events %.160s", group->name);
	struct source *source = group_source_new(&kind, name, group);
	if (!source ||
		(source->fds[GROUP_CONTROL] =
				source_open(group->folder, "memory.events", O_RDONLY)) < 0 ||
		!wait_for_changes(source)) {
		source_free(source);
		return;
	}
	source->event_mask = EPOLLIN;
	source_add(list, source);
}
