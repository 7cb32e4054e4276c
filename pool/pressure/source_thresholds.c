/* cgroup v1: told at once when a group's usage crosses a mark.
 *
 * The marks are where purging begins and three more on the way to the limit, so that an allocator
 * that runs on is met again should the first have come to nothing. They move with the limit. Usage
 * has page cache in it: a group that is full of it crosses no mark any more, and is left to the
 * numbers that are read at every look and to the other events. */
#include "source.h"
#include "v1_event.h"

#include "common/util.h"

#include <stdio.h>
#include <sys/epoll.h>

#define MARKS 4

enum { ARMED_FOR }; /* state[]: the limit, UINT64_MAX: none */

static bool arm(struct source *source, uint64_t limit)
{
	CLEANUP(close_p) int fd = v1_event_fd();
	if (fd < 0)
		return false;
	for (unsigned i = 0; i < MARKS; i++) {
		char mark[32];
		snprintf(mark, sizeof(mark), "%llu",
			(unsigned long long)(limit - low_water(limit) / MARKS * (MARKS - i)));
		if (v1_event_register(
			    source->fds[GROUP_CONTROL], fd, source->numbers->usage, mark) < 0)
			return false;
	}
	close_p(&source->fds[GROUP_EVENT]);
	source->event_fd = source->fds[GROUP_EVENT] = take_fd(&fd);
	return true;
}

static bool follow_limit(struct source *source, uint64_t now_ns)
{
	uint64_t limit;
	(void)now_ns;
	if (!group_limit(source, &limit))
		return false;
	if (limit == source->state[ARMED_FOR])
		return true;
	source->state[ARMED_FOR] = limit;
	if (limit != UINT64_MAX)
		return arm(source, limit);
	close_p(&source->fds[GROUP_EVENT]);
	source->event_fd = source->fds[GROUP_EVENT] = -1;
	return true;
}

static enum source_event take(struct source *source, uint64_t now_ns)
{
	uint64_t limit;
	(void)now_ns;
	if (v1_event_take(source->event_fd) == 0)
		return EVENT_NOTHING;
	/* A group that goes signals each eventfd, too. */
	return group_limit(source, &limit) ? EVENT_LOOK : EVENT_GONE;
}

void source_add_thresholds(const struct group *group, struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_THRESHOLDS,
		.read = group_read,
		.event = take,
		.after = follow_limit,
	};
	char name[SOURCE_NAME_MAX];
	if (group->v2 || !(list->wanted & MURAL_WATCH_THRESHOLDS))
		return;
	snprintf(name, sizeof(name), "thresholds %.160s", group->name);
	struct source *source = group_source_new(&kind, name, group);
	if (!source || (source->fds[GROUP_CONTROL] = source_open(
				group->folder, "cgroup.event_control", O_WRONLY)) < 0) {
		source_free(source);
		return;
	}
	source->event_mask = EPOLLIN;
	source->state[ARMED_FOR] = UINT64_MAX;
	source_add(list, source);
}
