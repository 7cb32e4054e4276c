/* Memory, and what limits it. */
#include "doctor.h"

#include "common/machine.h"
#include "common/size.h"
#include "common/util.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define DESCRIPTORS_ENOUGH                                                                         \
	4096 /* a large bitmap is one; a viewer on a few thousand pictures stays below */

/* A line of /proc/meminfo, bytes; 0: not there. */
static uint64_t meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = 0;
	size_t length = strlen(name);
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, name, length) == 0 &&
			sscanf(line + length, ": %" SCNu64, &kib) == 1)
			break;
	}
	fclose(file);
	return kib * 1024;
}

void check_memory(const struct doctor *doctor, struct finding *finding)
{
	char total[SIZE_TEXT_MAX], available[SIZE_TEXT_MAX], budget[SIZE_TEXT_MAX];
	uint64_t all = machine_memory_bytes();
	bool swap = meminfo("SwapTotal") > 0;
	(void)doctor;
	finding_set(finding, FINDING_OK,
		"%s, %s of it available, %s; a quarter, %s, is the pool's largest default budget",
		size_text(all, total), size_text(meminfo("MemAvailable"), available),
		swap ? "with swap" : "no swap", size_text(all / 4, budget));
}

/* ---- cgroups ---- */

struct cgroup {
	int version; /* 0: no memory controller found */
	char path[512];
	uint64_t limit, used; /* limit UINT64_MAX: none */
};

/* The process's place in the memory controller, from lines "N:memory:/path" (version 1) and
 * "0::/path" (version 2). */
static void find_cgroup(pid_t pid, struct cgroup *ret)
{
	char name[64], line[600];
	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	FILE *file = fopen(name, "re");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		bool is_v1 = strcmp(controllers + 1, "memory") == 0;
		if (!is_v1 && (controllers[1] != '\0' || ret->version == 1))
			continue;
		ret->version = is_v1 ? 1 : 2;
		snprintf(
			ret->path, sizeof(ret->path), "%.500s", strcmp(path, "/") == 0 ? "" : path);
	}
	fclose(file);
}

static uint64_t cgroup_number(
	const struct cgroup *cgroup, const char *path, const char *name, uint64_t otherwise)
{
	char file[1024], line[64];
	uint64_t value;
	snprintf(file, sizeof(file), "/sys/fs/cgroup%s%s/%s", cgroup->version == 1 ? "/memory" : "",
		path, name);
	if (!read_line(file, line, sizeof(line)) || sscanf(line, "%" SCNu64, &value) != 1)
		return otherwise; /* also "max" */
	return value;
}

/* The tightest limit on the way up; and what its group uses. */
static void read_limits(struct cgroup *cgroup)
{
	bool is_v1 = cgroup->version == 1;
	char path[512];
	snprintf(path, sizeof(path), "%s", cgroup->path);
	cgroup->limit = UINT64_MAX;
	for (;;) {
		uint64_t limit = cgroup_number(
			cgroup, path, is_v1 ? "memory.limit_in_bytes" : "memory.max", UINT64_MAX);
		if (!is_v1)
			limit = min_u64(
				limit, cgroup_number(cgroup, path, "memory.high", UINT64_MAX));
		if (limit < cgroup->limit) {
			cgroup->limit = limit;
			cgroup->used = cgroup_number(cgroup, path,
				is_v1 ? "memory.usage_in_bytes" : "memory.current", 0);
		}
		char *slash = strrchr(path, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	/* Version 1 says "no limit" by a number near 2^63. */
	if (cgroup->limit > UINT64_C(1) << 62)
		cgroup->limit = UINT64_MAX;
}

void check_cgroup(const struct doctor *doctor, struct finding *finding)
{
	struct cgroup cgroup = {0};
	char limit[SIZE_TEXT_MAX], used[SIZE_TEXT_MAX];
	bool producer = doctor->connected == 0;
	const char *whose = producer ? "the producer's" : "this shell's";
	find_cgroup(producer ? doctor->stats.pid : getpid(), &cgroup);
	if (cgroup.version == 0) {
		finding_set(finding, FINDING_OK,
			"no memory controller: the machine's memory is the only limit");
		return;
	}
	read_limits(&cgroup);
	if (cgroup.limit == UINT64_MAX)
		finding_set(finding, FINDING_OK, "version %d, %s group %s has no memory limit",
			cgroup.version, whose, cgroup.path[0] ? cgroup.path : "/");
	else
		finding_set(finding, FINDING_OK,
			"version %d, %s group may use %s and uses %s; half is the largest default "
			"budget",
			cgroup.version, whose, size_text(cgroup.limit, limit),
			size_text(cgroup.used, used));
}

void check_descriptors(const struct doctor *doctor, struct finding *finding)
{
	struct rlimit limit;
	(void)doctor;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
		finding_set(finding, FINDING_NOTE, "the limit cannot be read: %s", strerror(errno));
		return;
	}
	bool enough = limit.rlim_max >= DESCRIPTORS_ENOUGH;
	finding_set(finding, enough ? FINDING_OK : FINDING_NOTE,
		"%" PRIu64 " at first, %" PRIu64
		" at most; the producer raises its own to the most",
		(uint64_t)limit.rlim_cur, (uint64_t)limit.rlim_max);
	if (!enough)
		finding_advise(finding,
			"each large bitmap takes one: raise it to %d or more (limits.conf: nofile; "
			"systemd: LimitNOFILE=)",
			DESCRIPTORS_ENOUGH);
}
