/* A control group's usage against its limits, read at every look. A group without a limit is kept:
 * one may come. */
#include "source.h"

#include <stdio.h>

void source_add_group(const struct group *group, struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_CGROUP, .polled = true, .read = group_read};
	if (!(list->wanted & MURAL_WATCH_CGROUP))
		return;
	char name[SOURCE_NAME_MAX];
	snprintf(name, sizeof(name), "cgroup %s %.160s", group->v2 ? "v2" : "v1", group->name);
	source_add(list, group_source_new(&kind, name, group));
}
