/* See group.h. */
#include "group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROOT_V1 "/sys/fs/cgroup/memory"
#define ROOT_V2 "/sys/fs/cgroup"
#define TEXT_MAX 8192

static int open_in(const char *folder, const char *name, int flags)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags | O_CLOEXEC);
}

static int put(const char *folder, const char *name, const char *text)
{
	int fd = open_in(folder, name, O_WRONLY);
	if (fd < 0)
		return -errno;
	ssize_t wrote = write(fd, text, strlen(text));
	int error = wrote < 0 ? -errno : 0;
	close(fd);
	return error;
}

static bool text_of(int fd, char text[TEXT_MAX])
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, TEXT_MAX - 1, 0);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* The number behind "KEY " at the start of a line; 0 when there is none. */
static uint64_t field(const char *text, const char *key)
{
	const size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoull(line + length, NULL, 10);
	}
	return 0;
}

static bool has_memory_v2(void)
{
	char text[TEXT_MAX];
	int fd = open(ROOT_V2 "/cgroup.controllers", O_RDONLY | O_CLOEXEC);
	bool has = text_of(fd, text) && strstr(text, "memory");
	if (fd >= 0)
		close(fd);
	return has;
}

static int set_limit(const struct group *group, uint64_t limit_bytes, bool swap)
{
	char text[32];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)limit_bytes);
	if (group->v2) {
		if (!swap)
			put(group->path, "memory.swap.max", "0"); /* not there without swap */
		return limit_bytes ? put(group->path, "memory.max", text) : 0;
	}
	put(group->path, "memory.swappiness", swap ? "60" : "0");
	return limit_bytes ? put(group->path, "memory.limit_in_bytes", text) : 0;
}

int group_create(const char *name, uint64_t limit_bytes, bool swap, struct group *ret)
{
	struct group group = {.v2 = has_memory_v2(), .usage_fd = -1, .stat_fd = -1};
	const char *root = group.v2 ? ROOT_V2 : ROOT_V1;
	if (!group.v2 && access(ROOT_V1 "/memory.limit_in_bytes", F_OK) != 0 &&
		access(ROOT_V1 "/cgroup.procs", F_OK) != 0)
		return -ENOTSUP;
	if (group.v2)
		put(ROOT_V2, "cgroup.subtree_control", "+memory");
	snprintf(group.path, sizeof(group.path), "%s/%s", root, name);
	if (mkdir(group.path, 0755) < 0)
		return -errno;
	int r = set_limit(&group, limit_bytes, swap);
	group.usage_fd = open_in(
		group.path, group.v2 ? "memory.current" : "memory.usage_in_bytes", O_RDONLY);
	group.stat_fd = open_in(group.path, "memory.stat", O_RDONLY);
	if (r == 0 && (group.usage_fd < 0 || group.stat_fd < 0))
		r = -errno;
	if (r < 0) {
		group_remove(&group);
		return r;
	}
	*ret = group;
	return 0;
}

void group_remove(struct group *group)
{
	if (group->usage_fd >= 0)
		close(group->usage_fd);
	if (group->stat_fd >= 0)
		close(group->stat_fd);
	group->usage_fd = group->stat_fd = -1;
	/* A process that was reaped may stand in the group a moment longer: nothing tells its end.
	 */
	for (int tries = 0; rmdir(group->path) < 0 && errno == EBUSY && tries < 5000; tries++)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

int group_enter(const struct group *group, pid_t pid)
{
	char text[32];
	snprintf(text, sizeof(text), "%d", (int)pid);
	return put(group->path, "cgroup.procs", text);
}

uint64_t group_usage(const struct group *group)
{
	char text[TEXT_MAX];
	return text_of(group->usage_fd, text) ? strtoull(text, NULL, 10) : 0;
}

struct group_memory group_memory(const struct group *group)
{
	char text[TEXT_MAX];
	if (!text_of(group->stat_fd, text))
		return (struct group_memory){0};
	return (struct group_memory){
		.shared = field(text, "shmem"), .inactive_file = field(text, "inactive_file")};
}

uint64_t group_oom_kills(const struct group *group)
{
	char text[TEXT_MAX];
	int fd = open_in(group->path, group->v2 ? "memory.events" : "memory.oom_control", O_RDONLY);
	uint64_t kills = text_of(fd, text) ? field(text, "oom_kill") : 0;
	if (fd >= 0)
		close(fd);
	return kills;
}
