/* See support.h. */
#include "support.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct pressure *pressure;
uint64_t now_ns = 1000 * SECOND;
static char root[64];

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

void file(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	make_folders(path);
	FILE *stream = fopen(path, "w");
	cr_assert_not_null(stream, "%s", path);
	fputs(text, stream);
	fclose(stream);
}

void number(const char *name, uint64_t value)
{
	char text[32];
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)value);
	file(name, text);
}

/* A machine of 8 GiB. */
void meminfo_with_cache(uint64_t unused, uint64_t cache)
{
	char text[192];
	snprintf(text, sizeof(text),
		"MemTotal:        8388608 kB\nMemFree:         %llu kB\nMemAvailable:    %llu kB\n",
		(unsigned long long)unused / 1024, (unsigned long long)(unused + cache) / 1024);
	file("proc/meminfo", text);
}

void meminfo(uint64_t available)
{
	meminfo_with_cache(available, 0);
}

const char *machine_path(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

void machine_create(void)
{
	snprintf(root, sizeof(root), "/tmp/mural-pressure-XXXXXX");
	cr_assert_not_null(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void machine_remove(void)
{
	pressure_destroy(pressure);
	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

void group_v1(const char *group, uint64_t usage, uint64_t limit, uint64_t inactive_file)
{
	char name[128], text[64];
	snprintf(name, sizeof(name), "sys/fs/cgroup/memory%s/memory.usage_in_bytes", group);
	number(name, usage);
	snprintf(name, sizeof(name), "sys/fs/cgroup/memory%s/memory.limit_in_bytes", group);
	number(name, limit);
	snprintf(name, sizeof(name), "sys/fs/cgroup/memory%s/memory.stat", group);
	snprintf(text, sizeof(text), "cache 5\ninactive_file 1\ntotal_inactive_file %llu\n",
		(unsigned long long)inactive_file);
	file(name, text);
}

void group_v2(const char *group, uint64_t current, const char *max, const char *high)
{
	char name[128];
	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.current", group);
	number(name, current);
	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.max", group);
	file(name, max);
	snprintf(name, sizeof(name), "sys/fs/cgroup%s/memory.high", group);
	file(name, high);
}

void begin_with(uint32_t sources)
{
	const struct pressure_options options = {.root = root, .sources = sources};
	cr_assert_eq(pressure_create(&options, now_ns, &pressure), 0);
}

struct pressure_advice look(void)
{
	struct pressure_advice advice;
	pressure_look(pressure, now_ns, &advice);
	return advice;
}
