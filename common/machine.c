/* How much memory there is: MemTotal, and the limits of the control groups up the tree. */
#include "common/machine.h"

#include "common/util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* A file of at most a page, NUL-terminated; false when it can not be read. */
static bool read_small(const char *path, char *text, size_t size)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, text, size - 1);
	if (got < 0)
		return false;
	text[got] = '\0';
	return true;
}

uint64_t machine_memory_bytes(void)
{
	char text[4096];
	unsigned long long kib;
	if (!read_small("/proc/meminfo", text, sizeof(text)))
		return UINT64_MAX;
	const char *line = strstr(text, "MemTotal:");
	if (!line || sscanf(line, "MemTotal: %llu kB", &kib) != 1)
		return UINT64_MAX;
	return (uint64_t)kib * 1024;
}

/* "max" and v1's "no limit" (a number near 2^63) are no limits. */
static uint64_t read_limit(const char *path)
{
	char text[64];
	char *end;
	if (!read_small(path, text, sizeof(text)))
		return UINT64_MAX;
	errno = 0;
	unsigned long long limit = strtoull(text, &end, 10);
	if (errno != 0 || end == text || limit >= (1ULL << 62))
		return UINT64_MAX;
	return limit;
}

/* The lowest of @file in @mount/@group and all folders above. */
static uint64_t lowest_up(const char *mount, const char *group, const char *file)
{
	char folder[PATH_MAX];
	uint64_t lowest = UINT64_MAX;
	int length = snprintf(folder, sizeof(folder), "%s%s", mount, group);
	if (length < 0 || (size_t)length >= sizeof(folder))
		return lowest;
	while (strlen(folder) >= strlen(mount)) {
		char path[PATH_MAX + 64];
		snprintf(path, sizeof(path), "%s/%s", folder, file);
		lowest = min_u64(lowest, read_limit(path));
		char *slash = strrchr(folder, '/');
		if (!slash || slash == folder)
			break;
		*slash = '\0';
	}
	return lowest;
}

/* True when @wanted is one of the comma-separated @controllers. */
static bool names(const char *controllers, const char *wanted)
{
	const size_t length = strlen(wanted);
	for (const char *at = controllers; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
		if (strncmp(at, wanted, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

uint64_t machine_cgroup_limit_bytes(void)
{
	char text[8192];
	uint64_t lowest = UINT64_MAX;
	if (!read_small("/proc/self/cgroup", text, sizeof(text)))
		return lowest;
	char *state = NULL;
	for (char *line = strtok_r(text, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *controllers = strchr(line, ':');
		char *group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = '\0';
		controllers++;
		if (*controllers == '\0') {
			lowest = min_u64(lowest, lowest_up("/sys/fs/cgroup", group, "memory.max"));
			lowest = min_u64(lowest, lowest_up("/sys/fs/cgroup", group, "memory.high"));
		} else if (names(controllers, "memory")) {
			lowest = min_u64(lowest,
				lowest_up("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
		}
	}
	return lowest;
}
