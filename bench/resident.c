/* Reads smaps_rollup, and the blocks of open memfds. */
#include "resident.h"
#include "harness/bench.h"

#include <dirent.h>
#include <mural/mural.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMFDS_MAX 4096
#define TIMEOUT_MS 120000

struct resident resident_add(struct resident a, struct resident b)
{
	return (struct resident){a.all + b.all, a.shared + b.shared};
}

struct resident resident_of(pid_t pid)
{
	char path[64], line[256];
	struct resident resident = {0};
	double kib;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Pss: %lf", &kib) == 1)
			resident.all = kib / 1024;
		else if (sscanf(line, "Pss_Shmem: %lf", &kib) == 1)
			resident.shared = kib / 1024;
	}
	if (file)
		fclose(file);
	return resident;
}

struct resident resident_of_family(pid_t pid)
{
	char path[64];
	int child;
	struct resident sum = resident_of(pid);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	FILE *file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		sum = resident_add(sum, resident_of_family(child));
	if (file)
		fclose(file);
	return sum;
}

/* Is it a memfd that was not counted yet? One can be open more than once. */
static bool is_new_memfd(const char *path, struct stat *ret, ino_t *seen, size_t *count)
{
	char target[256] = "";
	if (readlink(path, target, sizeof(target) - 1) < 0 ||
		strncmp(target, "/memfd:", strlen("/memfd:")) != 0 || stat(path, ret) != 0)
		return false;
	for (size_t i = 0; i < *count; i++) {
		if (seen[i] == ret->st_ino)
			return false;
	}
	bench_must(*count < MEMFDS_MAX, "counting memfds");
	seen[(*count)++] = ret->st_ino;
	return true;
}

double resident_memfds(pid_t pid)
{
	char folder[64], path[512];
	ino_t seen[MEMFDS_MAX];
	size_t count = 0;
	double bytes = 0;
	struct stat st;
	snprintf(folder, sizeof(folder), "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(folder);
	bench_must(dir != NULL, folder);
	for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (is_new_memfd(path, &st, seen, &count))
			bytes += (double)st.st_blocks * 512;
	}
	closedir(dir);
	return bytes / (1 << 20);
}

pid_t resident_producer(void)
{
	const struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	struct mural *mural;
	struct mural_stats stats;
	bench_must(mural_open(&options, &mural) == 0, "the producer");
	bench_must(mural_stat(mural, TIMEOUT_MS, &stats) == 0, "stat");
	mural_close(mural);
	return (pid_t)stats.pid;
}
