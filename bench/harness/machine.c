/* What a reader must know of the machine to judge the numbers. */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define HUGE_PAGES "/sys/kernel/mm/transparent_hugepage/"

/* The first line of a file or command without its line end; empty when there is none. */
static void first_line(FILE *file, char *ret, size_t size)
{
	ret[0] = '\0';
	if (file && !fgets(ret, (int)size, file))
		ret[0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

/* "always within_size [advise] never": what stands in brackets. */
static const char *chosen(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	first_line(file, line, size);
	if (file)
		fclose(file);
	char *begin = strchr(line, '['), *end = begin ? strchr(begin, ']') : NULL;
	if (!end)
		return "unknown";
	*end = '\0';
	return begin + 1;
}

/* "model\t\t: 2". */
static void take_field(const char *line, const char *field, char ret[64])
{
	size_t length = strlen(field);
	const char *value = strchr(line, ':');
	if (strncmp(line, field, length) == 0 && line[length] == '\t' && value && value[1])
		snprintf(ret, 64, "%.*s", (int)strcspn(value + 2, "\n"), value + 2);
}

/* The first one's. Virtual machines often have a name for it that says little. */
static void processor(char *ret, size_t size)
{
	char line[512], name[64] = "unknown", family[64] = "?", model[64] = "?";
	FILE *file = fopen("/proc/cpuinfo", "re");
	while (file && fgets(line, sizeof(line), file) && line[0] != '\n') {
		take_field(line, "model name", name);
		take_field(line, "cpu family", family);
		take_field(line, "model\t", model);
	}
	if (file)
		fclose(file);
	snprintf(ret, size, "%s (family %s, model %s)", name, family, model);
}

/* Of the source tree, as it is now; the version where there is none, or no git. */
static void commit(char *ret, size_t size)
{
	FILE *git = popen("git -C '" BENCH_SOURCE "' describe --always --dirty 2>/dev/null", "re");
	first_line(git, ret, size);
	if (git)
		pclose(git);
	if (!ret[0])
		snprintf(ret, size, "%s", MURAL_VERSION);
}

json_t *bench_machine(void)
{
	struct utsname system;
	char model[128], revision[64], shmem[128], anonymous[128], date[32];
	double load[1] = {0};
	time_t now = time(NULL);
	struct tm utc;
	uname(&system);
	processor(model, sizeof(model));
	commit(revision, sizeof(revision));
	if (getloadavg(load, 1) < 1)
		load[0] = 0;
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%MZ", gmtime_r(&now, &utc));
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:f}", "commit", revision,
		"date", date, "kernel", system.release, "processor", model, "cores",
		(json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory MiB",
		(json_int_t)(sysconf(_SC_PHYS_PAGES) / 256), "shared huge pages",
		chosen(HUGE_PAGES "shmem_enabled", shmem, sizeof(shmem)), "huge pages",
		chosen(HUGE_PAGES "enabled", anonymous, sizeof(anonymous)), "load", load[0]);
}
