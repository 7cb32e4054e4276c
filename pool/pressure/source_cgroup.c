/* Control groups: this process's own and all above it, each with its usage, its limit and its page
 * cache.
 *
 * Usage counts page cache that the kernel would drop before it kills anybody: inactive file pages
 * are headroom. Reading them (memory.stat) costs some tens of microseconds, so it is done only
 * where the plain difference is already small. */
#include "source.h"

#include "common/util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
	USAGE = 0,
	LIMIT = 1,
	STAT = 2,
};

struct kind {
	const char *label, *mount;
	const char *usage, *limit, *cache; /* cache: the field of memory.stat */
};

/* memory.high throttles before memory.max kills: both are watched, as two sources. */
static const struct kind kinds[] = {
	{"cgroup v2", "/sys/fs/cgroup", "memory.current", "memory.max", "inactive_file "},
	{"cgroup v2 high", "/sys/fs/cgroup", "memory.current", "memory.high", "inactive_file "},
	{"cgroup v2", "/sys/fs/cgroup/unified", "memory.current", "memory.max", "inactive_file "},
	{"cgroup v1", "/sys/fs/cgroup/memory", "memory.usage_in_bytes", "memory.limit_in_bytes",
		"total_inactive_file "},
};

/* "max", and v1's nearly 2^63, are no limit. */
static bool read_number(int fd, uint64_t *ret)
{
	char text[64];
	return source_pread(fd, text, sizeof(text)) && source_field(text, "", ret);
}

static bool is_limit(uint64_t bytes)
{
	return bytes < (UINT64_C(1) << 62);
}

static bool read_group(const struct source *source, uint64_t precise_below, const char *cache_field,
	uint64_t *ret_headroom, uint64_t *ret_limit)
{
	uint64_t usage, limit, cache;
	if (!read_number(source->fds[USAGE], &usage))
		return false;
	if (!read_number(source->fds[LIMIT], &limit) || !is_limit(limit))
		limit = UINT64_MAX; /* taken away while we run: it may come back */
	uint64_t headroom = limit > usage ? limit - usage : 0;
	char text[8192];
	if (headroom < precise_below && source_pread(source->fds[STAT], text, sizeof(text)) &&
		source_field(text, cache_field, &cache))
		headroom += min_u64(cache, usage);
	*ret_headroom = headroom;
	*ret_limit = limit;
	return true;
}

static bool read_v1(
	const struct source *source, uint64_t precise_below, uint64_t *headroom, uint64_t *limit)
{
	return read_group(source, precise_below, "total_inactive_file ", headroom, limit);
}

static bool read_v2(
	const struct source *source, uint64_t precise_below, uint64_t *headroom, uint64_t *limit)
{
	return read_group(source, precise_below, "inactive_file ", headroom, limit);
}

static int open_file(const char *folder, const char *name)
{
	char path[PATH_MAX + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* One group, when it has a limit. */
static unsigned add_group(const struct kind *kind, const char *folder, const char *group,
	struct source *sources, unsigned count)
{
	uint64_t limit;
	if (count == SOURCES_MAX)
		return count;
	struct source source = {
		.fds = {open_file(folder, kind->usage), open_file(folder, kind->limit),
			open_file(folder, "memory.stat")}};
	if (source.fds[USAGE] < 0 || !read_number(source.fds[LIMIT], &limit) || !is_limit(limit)) {
		for (size_t i = 0; i < ARRAY_SIZE(source.fds); i++)
			close_p(&source.fds[i]);
		return count;
	}
	source.read = strstr(kind->usage, "usage_in_bytes") ? read_v1 : read_v2;
	snprintf(source.name, sizeof(source.name), "%s %.160s", kind->label, *group ? group : "/");
	sources[count] = source;
	return count + 1;
}

static unsigned add_up_the_tree(const char *root, const struct kind *kind, const char *group,
	struct source *sources, unsigned count)
{
	char folder[PATH_MAX];
	int mount = snprintf(folder, sizeof(folder), "%s%s", root, kind->mount);
	if (mount < 0 || (size_t)mount + strlen(group) >= sizeof(folder))
		return count;
	memcpy(folder + mount, group, strlen(group) + 1);
	for (;;) {
		count = add_group(kind, folder, folder + mount, sources, count);
		char *slash = strrchr(folder + mount, '/');
		if (!slash)
			return count;
		*slash = '\0';
	}
}

static bool names_memory(const char *controllers)
{
	for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, "memory", 6) == 0 && (at[6] == ',' || at[6] == '\0'))
			return true;
	return false;
}

/* A line is ID:CONTROLLERS:GROUP; no controllers means v2. */
static unsigned add_line(const char *root, char *line, struct source *sources, unsigned count)
{
	char *controllers = strchr(line, ':');
	char *group = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!group)
		return count;
	*group++ = '\0';
	controllers++;
	bool unified = *controllers == '\0';
	if (!unified && !names_memory(controllers))
		return count;
	if (strcmp(group, "/") == 0)
		*group = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (unified == (strcmp(kinds[i].label, "cgroup v1") != 0))
			count = add_up_the_tree(root, &kinds[i], group, sources, count);
	return count;
}

unsigned source_add_cgroups(const char *root, struct source *sources, unsigned count)
{
	char path[PATH_MAX], text[8192];
	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (!source_pread(fd, text, sizeof(text)))
		return count;
	char *state = NULL;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		count = add_line(root, line, sources, count);
	return count;
}
