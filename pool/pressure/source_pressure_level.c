/* cgroup v1: memory.pressure_level tells how hard reclaim in a group is. "low" is any reclaim at
 * all and only a reason to look; at "medium" less than half of what was looked at could be freed;
 * at "critical" next to nothing could. Each level has an eventfd, one epoll descriptor stands for
 * all of them. */
#include "source.h"
#include "v1_event.h"

#include "common/util.h"

#include <stdio.h>
#include <sys/epoll.h>

/* (Without "hierarchy" a listener further down would swallow them.) */
static const struct {
	const char *argument;
	enum source_event says;
} levels[] = {
	{"critical,hierarchy", EVENT_STALL},
	{"medium,hierarchy", EVENT_HARD},
	{"low,hierarchy", EVENT_LOOK},
};

_Static_assert(GROUP_OTHERS + ARRAY_SIZE(levels) <= SOURCE_FDS, "a descriptor for each");

/* A level tells all below it, too. A group that goes signals each, which is no pressure. */
static enum source_event take(struct source *source, uint64_t now_ns)
{
	enum source_event highest = EVENT_NOTHING;
	uint64_t limit;
	(void)now_ns;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (v1_event_take(source->fds[GROUP_OTHERS + i]) > 0 && levels[i].says > highest)
			highest = levels[i].says;
	return group_limit(source, &limit) ? highest : EVENT_GONE;
}

static bool ask(struct source *source)
{
	int *fds = source->fds;
	source->event_fd = fds[GROUP_EVENT] = epoll_create1(EPOLL_CLOEXEC);
	if (source->event_fd < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
		int fd = fds[GROUP_OTHERS + i] = v1_event_fd();
		if (fd < 0 ||
			epoll_ctl(source->event_fd, EPOLL_CTL_ADD, fd,
				&(struct epoll_event){.events = EPOLLIN}) < 0 ||
			v1_event_register(
				fds[GROUP_CONTROL], fd, fds[GROUP_WATCHED], levels[i].argument) < 0)
			return false;
	}
	return true;
}

/* Only a group with a limit is listened to: others are told of every group below them. */
static bool follow_limit(struct source *source, uint64_t now_ns)
{
	uint64_t limit;
	(void)now_ns;
	if (!group_limit(source, &limit))
		return false;
	bool limited = limit != UINT64_MAX;
	if (limited == (source->event_fd >= 0))
		return true;
	if (limited)
		return ask(source);
	close_all(&source->fds[GROUP_OTHERS], ARRAY_SIZE(levels));
	close_all(&source->fds[GROUP_EVENT], 1);
	source->event_fd = -1;
	return true;
}

void source_add_pressure_level(const struct group *group, struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_PRESSURE_LEVEL,
		.read = group_read,
		.event = take,
		.after = follow_limit,
	};
	char name[SOURCE_NAME_MAX];
	if (group->v2 || !(list->wanted & MURAL_WATCH_PRESSURE_LEVEL))
		return;
	snprintf(name, sizeof(name), "pressure level %.160s", group->name);
	struct source *source = group_source_new(&kind, name, group);
	if (!source)
		return;
	int *fds = source->fds;
	fds[GROUP_CONTROL] = source_open(group->folder, "cgroup.event_control", O_WRONLY);
	fds[GROUP_WATCHED] = source_open(group->folder, "memory.pressure_level", O_RDONLY);
	if (fds[GROUP_CONTROL] < 0 || fds[GROUP_WATCHED] < 0) {
		source_free(source);
		return;
	}
	source->event_mask = EPOLLIN;
	source_add(list, source);
}
