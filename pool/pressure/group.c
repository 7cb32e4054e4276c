/* Control groups: which this process is in, and what one uses of what it may.
 *
 * Usage counts page cache that the kernel would drop before it kills anybody: inactive file pages
 * are headroom. Reading them (memory.stat) costs some tens of microseconds, so it is done only
 * where the plain difference is already small. */
#include "source.h"

#include "common/util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct mount {
	bool v2;
	const char *path;
};

static const struct mount mounts[] = {
	{true, "/sys/fs/cgroup"},
	{true, "/sys/fs/cgroup/unified"},
	{false, "/sys/fs/cgroup/memory"},
};

static bool names_memory(const char *controllers)
{
	for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, "memory", 6) == 0 && (at[6] == ',' || at[6] == '\0'))
			return true;
	return false;
}

static void walk_up(const char *root, const struct mount *mount, const char *path,
	void (*each)(const struct group *, struct source_list *), struct source_list *list)
{
	char folder[PATH_MAX];
	int length = snprintf(folder, sizeof(folder), "%s%s", root, mount->path);
	if (length < 0 || (size_t)length + strlen(path) >= sizeof(folder))
		return;
	char *name = folder + length;
	memcpy(name, path, strlen(path) + 1);
	for (;;) {
		each(&(struct group){mount->v2, folder, *name ? name : "/"}, list);
		char *slash = strrchr(name, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}

/* A line is ID:CONTROLLERS:GROUP; no controllers means v2. */
static void walk_line(const char *root, char *line,
	void (*each)(const struct group *, struct source_list *), struct source_list *list)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return;
	*path++ = '\0';
	controllers++;
	bool v2 = *controllers == '\0';
	if (!v2 && !names_memory(controllers))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++)
		if (mounts[i].v2 == v2)
			walk_up(root, &mounts[i], strcmp(path, "/") == 0 ? "" : path, each, list);
}

char *group_text(const char *root)
{
	char text[8192];
	CLEANUP(close_p) int fd = source_open(root, "proc/self/cgroup", O_RDONLY);
	return source_pread(fd, text, sizeof(text)) ? strdup(text) : NULL;
}

void group_walk(const char *root, char **ret_text,
	void (*each)(const struct group *group, struct source_list *list), struct source_list *list)
{
	*ret_text = group_text(root);
	CLEANUP(free_p) char *text = *ret_text ? strdup(*ret_text) : NULL;
	char *state = NULL;
	if (!text)
		return;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		walk_line(root, line, each, list);
}

/* "max", and v1's nearly 2^63, are no limit, nor is a file that the group does not have. */
static bool read_limit(int fd, uint64_t *ret)
{
	char text[64];
	uint64_t limit;
	if (fd < 0 || !source_pread(fd, text, sizeof(text)))
		return fd < 0;
	if (source_field(text, "", &limit) && limit < UINT64_C(1) << 62)
		*ret = min_u64(*ret, limit);
	return true;
}

bool group_open(const struct group *group, struct source *source)
{
	const char *folder = group->folder;
	int *fds = source->fds;
	fds[GROUP_USAGE] = source_open(
		folder, group->v2 ? "memory.current" : "memory.usage_in_bytes", O_RDONLY);
	if (fds[GROUP_USAGE] < 0)
		return false;
	fds[GROUP_LIMIT] =
		source_open(folder, group->v2 ? "memory.max" : "memory.limit_in_bytes", O_RDONLY);
	if (group->v2)
		fds[GROUP_HIGH] = source_open(folder, "memory.high", O_RDONLY);
	fds[GROUP_STAT] = source_open(folder, "memory.stat", O_RDONLY);
	return true;
}

/* v1's memory.stat has the group's own numbers first, then the sums with all below it. */
static uint64_t read_cache(int fd)
{
	char text[8192];
	uint64_t cache;
	if (!source_pread(fd, text, sizeof(text)))
		return 0;
	if (source_field(text, "total_inactive_file ", &cache) ||
		source_field(text, "inactive_file ", &cache))
		return cache;
	return 0;
}

/* memory.high throttles before memory.max kills: the lower of them counts. */
bool group_limit(const struct source *source, uint64_t *ret)
{
	uint64_t limit = UINT64_MAX;
	if (!read_limit(source->fds[GROUP_LIMIT], &limit) ||
		!read_limit(source->fds[GROUP_HIGH], &limit))
		return false;
	*ret = limit;
	return true;
}

/* A group without a limit costs one or two small reads. */
bool group_read(const struct source *source, uint64_t precise_below, struct reading *ret)
{
	char text[64];
	uint64_t usage;
	struct reading reading = {0};
	if (!group_limit(source, &reading.limit))
		return false;
	if (reading.limit == UINT64_MAX) {
		*ret = reading;
		return true;
	}
	if (!source_pread(source->fds[GROUP_USAGE], text, sizeof(text)) ||
		!source_field(text, "", &usage))
		return false;
	reading.left = reading.limit > usage ? reading.limit - usage : 0;
	if (reading.left < precise_below)
		reading.cache = min_u64(read_cache(source->fds[GROUP_STAT]), usage);
	*ret = reading;
	return true;
}
