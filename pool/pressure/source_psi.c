/* Stalls: the share of time in which programs waited for memory (PSI), of the machine and of this
 * process's cgroup v2 groups. A trigger is asked for: a tenth of a second in a second. Who lacks
 * CAP_SYS_RESOURCE may have windows of two seconds only: two tenths in two then.
 *
 * A late supplement: an allocator of anonymous memory without swap stalls nobody before the OOM
 * killer comes. It tells what the numbers can not: that the page cache, which they count as
 * headroom, is being fought for.
 *
 * The kernel may tell of nothing when a trigger is new; so the stall since one to two windows ago,
 * read from the file's own total, decides. */
#include "source.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define NS_PER_US 1000u

static const struct {
	uint64_t stall_us, window_us;
} triggers[] = {
	{100000, 1000000},
	{200000, 2000000},
};

enum { TOTAL_BEFORE, TOTAL_LAST, LAST_NS, TRIGGER }; /* state[] */

static bool read_total(const struct source *source, uint64_t *ret)
{
	char text[256];
	if (!source_pread(source->fds[GROUP_EVENT], text, sizeof(text)))
		return false;
	const char *line = strstr(text, "some ");
	const char *total = line ? strstr(line, "total=") : NULL;
	return total && source_field(total, "total=", ret);
}

/* Remembers the totals of the last two windows. */
static bool pass_time(struct source *source, uint64_t now_ns)
{
	uint64_t *state = source->state;
	uint64_t window_ns = triggers[state[TRIGGER]].window_us * NS_PER_US;
	if (state[LAST_NS] != 0 && now_ns - state[LAST_NS] < window_ns)
		return true;
	uint64_t total;
	if (!read_total(source, &total))
		return false;
	state[TOTAL_BEFORE] = state[LAST_NS] == 0 ? total : state[TOTAL_LAST];
	state[TOTAL_LAST] = total;
	state[LAST_NS] = now_ns;
	return true;
}

static enum source_event take(struct source *source, uint64_t now_ns)
{
	uint64_t *state = source->state;
	uint64_t total, window_ns = triggers[state[TRIGGER]].window_us * NS_PER_US;
	if (!read_total(source, &total))
		return EVENT_GONE;
	/* When nobody has looked since, what is new is not known. */
	if (now_ns - state[LAST_NS] > 2 * window_ns) {
		state[LAST_NS] = 0;
		return pass_time(source, now_ns) ? EVENT_NOTHING : EVENT_GONE;
	}
	if (total - state[TOTAL_BEFORE] < triggers[state[TRIGGER]].stall_us)
		return EVENT_NOTHING;
	state[TOTAL_BEFORE] = state[TOTAL_LAST] = total; /* told once */
	state[LAST_NS] = now_ns;
	return EVENT_STALL;
}

static bool ask(struct source *source)
{
	for (size_t i = 0; i < ARRAY_SIZE(triggers); i++) {
		char text[64];
		int length = snprintf(text, sizeof(text), "some %llu %llu",
			(unsigned long long)triggers[i].stall_us,
			(unsigned long long)triggers[i].window_us);
		if (write(source->fds[GROUP_EVENT], text, (size_t)length + 1) > 0) {
			source->state[TRIGGER] = i;
			if (i > 0)
				strncat(source->name, ", 2 s windows",
					sizeof(source->name) - strlen(source->name) - 1);
			source->event_fd = source->fds[GROUP_EVENT];
			source->event_mask = EPOLLPRI;
			return true;
		}
	}
	return false;
}

/* Takes @source, whose numbers can be read. */
static void add(
	struct source_list *list, struct source *source, const char *folder, const char *file)
{
	source->fds[GROUP_EVENT] = source_open(folder, file, O_RDWR);
	if (source->fds[GROUP_EVENT] < 0 || !ask(source))
		source_free(source);
	else
		source_add(list, source);
}

void source_add_psi(struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_PSI,
		.read = meminfo_read,
		.event = take,
		.after = pass_time,
	};
	if (!(list->wanted & MURAL_WATCH_PSI))
		return;
	struct source *source = source_new(&kind, "stalls");
	if (!source || !meminfo_open(list->root, source)) {
		source_free(source);
		return;
	}
	add(list, source, list->root, "proc/pressure/memory");
}

void source_add_group_psi(const struct group *group, struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_PSI,
		.read = group_read,
		.event = take,
		.after = pass_time,
	};
	char name[SOURCE_NAME_MAX];
	if (!group->v2 || !(list->wanted & MURAL_WATCH_PSI))
		return;
	snprintf(name, sizeof(name), "stalls in %.160s", group->name);
	struct source *source = group_source_new(&kind, name, group);
	if (source)
		add(list, source, group->folder, "memory.pressure");
}
