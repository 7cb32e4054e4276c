/* See group.h. */
#include "support/group.h"

#include "common/util.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define MIB ((size_t)1 << 20)

static bool write_text(const struct test_group *group, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", group->folder, file);
	CLEANUP(close_p) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

bool test_group_limit(const struct test_group *group, uint64_t limit_bytes)
{
	char text[32];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)limit_bytes);
	return write_text(group, group->v2 ? "memory.max" : "memory.limit_in_bytes", text);
}

bool test_group_create(struct test_group *group, uint64_t limit_bytes)
{
	static const char *const mounts[] = {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"};
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		group->v2 = i == 1;
		snprintf(group->folder, sizeof(group->folder), "%s/mural-test-%d", mounts[i],
			(int)getpid());
		if (mkdir(group->folder, 0700) < 0)
			continue;
		/* With swap nobody would be killed at the limit. Not there where there is none. */
		write_text(group, group->v2 ? "memory.swap.max" : "memory.swappiness", "0");
		if (test_group_limit(group, limit_bytes))
			return true;
		rmdir(group->folder);
	}
	return false;
}

void test_group_remove(const struct test_group *group)
{
	rmdir(group->folder);
}

uint64_t test_group_usage(const struct test_group *group)
{
	char path[512], text[32] = "";
	snprintf(path, sizeof(path), "%s/%s", group->folder,
		group->v2 ? "memory.current" : "memory.usage_in_bytes");
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ? 0 : strtoull(text, NULL, 10);
}

uint64_t test_group_shared(const struct test_group *group)
{
	char path[512], name[64];
	unsigned long long value, shared = 0;
	snprintf(path, sizeof(path), "%s/memory.stat", group->folder);
	FILE *file = fopen(path, "re");
	while (file && fscanf(file, "%63s %llu", name, &value) == 2)
		if (strcmp(name, "shmem") == 0)
			shared = value;
	if (file)
		fclose(file);
	return shared;
}

void test_group_move(const struct test_group *group, pid_t pid)
{
	char path[64], text[32], children[4096] = "";
	snprintf(text, sizeof(text), "%d", (int)pid);
	write_text(group, "cgroup.procs", text);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, children, sizeof(children) - 1) <= 0)
		return;
	char *state = NULL;
	for (char *child = strtok_r(children, " ", &state); child;
		child = strtok_r(NULL, " ", &state))
		test_group_move(group, (pid_t)atoi(child));
}

__attribute__((noreturn)) static void allocate(
	const struct test_group *group, uint64_t bytes, unsigned pause_us, bool hold)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!write_text(group, "cgroup.procs", "0"))
		_exit(1);
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	for (uint64_t done = 0; done < bytes; done += MIB) {
		memset(memory + done, 1, min_u64(MIB, bytes - done));
		usleep(pause_us);
	}
	while (hold)
		pause();
	_exit(0);
}

pid_t test_group_hog(const struct test_group *group, uint64_t bytes, unsigned pause_us, bool hold)
{
	pid_t pid = fork();
	if (pid == 0)
		allocate(group, bytes, pause_us, hold);
	return pid;
}
