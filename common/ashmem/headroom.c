/* Memory left: MemAvailable, and in both versions of cgroup the limit less the usage, where the
 * page cache that nobody has used lately counts as free. A limit anywhere above us binds us too. */
#include "common/ashmem/headroom.h"

#include "common/util.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define ROOM 8192

struct version {
	const char *mount, *limit, *usage, *cache;
};

static const struct version v2 = {
	"/sys/fs/cgroup", "memory.max", "memory.current", "\ninactive_file "};
static const struct version v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
	"memory.usage_in_bytes", "\ntotal_inactive_file "};

/* The text begins with a newline, so that a key can be sought at the beginning of its line. */
static bool read_text(const char *path, char text[ROOM])
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text + 1, ROOM - 2);
	if (n <= 0)
		return false;
	text[0] = '\n';
	text[n + 1] = '\0';
	return true;
}

static bool number_after(const char *text, const char *key, uint64_t *ret)
{
	const char *at = strstr(text, key);
	unsigned long long value;
	if (!at || sscanf(at + strlen(key), "%llu", &value) !=
			   1) /* "max" is no number, and no limit */
		return false;
	*ret = value;
	return true;
}

static bool read_number(const char *folder, const char *file, const char *key, uint64_t *ret)
{
	char path[PATH_MAX], text[ROOM];
	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path))
		return false;
	return read_text(path, text) && number_after(text, key, ret);
}

static uint64_t left_in_group(const struct version *version, const char *folder)
{
	uint64_t limit, usage, cache = 0;
	if (!read_number(folder, version->limit, "\n", &limit) ||
		!read_number(folder, version->usage, "\n", &usage))
		return UINT64_MAX;
	read_number(folder, "memory.stat", version->cache, &cache);
	usage -= min_u64(cache, usage);
	return limit > usage ? limit - usage : 0;
}

/* From our own group up to the root. Inside a container the path may begin above what is mounted:
 * folders that are not there say nothing. */
static uint64_t left_on_the_way_up(const struct version *version, const char *path)
{
	char folder[PATH_MAX];
	uint64_t least = UINT64_MAX;
	size_t mount = strlen(version->mount);
	if (snprintf(folder, sizeof(folder), "%s%s", version->mount, path) >= (int)sizeof(folder))
		return least;
	for (;;) {
		least = min_u64(least, left_in_group(version, folder));
		char *last = strrchr(folder + mount, '/');
		if (!last)
			return least;
		*last = '\0';
	}
}

/* Lines are "number:controllers:path"; version 2 has number 0 and no controllers. */
static uint64_t left_in_groups(void)
{
	char text[ROOM];
	uint64_t least = UINT64_MAX;
	if (!read_text("/proc/self/cgroup", text))
		return least;
	char *rest = text, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *controllers = strchr(line, ':'),
		     *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (strcmp(controllers, ":") == 0)
			least = min_u64(least, left_on_the_way_up(&v2, path));
		else if (strstr(controllers, "memory"))
			least = min_u64(least, left_on_the_way_up(&v1, path));
	}
	return least;
}

uint64_t memory_headroom(void)
{
	uint64_t kib, least = left_in_groups();
	if (read_number("/proc", "meminfo", "\nMemAvailable:", &kib))
		least = min_u64(least, kib * 1024);
	return least;
}
