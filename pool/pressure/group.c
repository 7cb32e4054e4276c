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

static struct group_numbers *open_numbers(bool v2, const char *folder)
{
	struct group_numbers *numbers = malloc(sizeof(*numbers));
	if (!numbers)
		return NULL;
	*numbers = (struct group_numbers){
		.references = 1,
		.usage = source_open(
			folder, v2 ? "memory.current" : "memory.usage_in_bytes", O_RDONLY),
		.max = source_open(folder, v2 ? "memory.max" : "memory.limit_in_bytes", O_RDONLY),
		.high = v2 ? source_open(folder, "memory.high", O_RDONLY) : -1,
		.stat = source_open(folder, "memory.stat", O_RDONLY),
	};
	return numbers;
}

void group_numbers_unref(struct group_numbers *numbers)
{
	if (!numbers || --numbers->references > 0)
		return;
	close_p(&numbers->usage);
	close_p(&numbers->max);
	close_p(&numbers->high);
	close_p(&numbers->stat);
	free(numbers);
}

struct source *group_source_new(
	const struct source_kind *kind, const char *name, const struct group *group)
{
	struct source *source = source_new(kind, name);
	if (!source)
		return NULL;
	source->numbers = group->numbers;
	source->numbers->references++;
	return source;
}

static void walk_one(const struct mount *mount, const char *folder, const char *name,
	void (*each)(const struct group *, struct source_list *), struct source_list *list)
{
	struct group_numbers *numbers = open_numbers(mount->v2, folder);
	if (numbers && numbers->usage >= 0)
		each(&(struct group){mount->v2, folder, *name ? name : "/", numbers}, list);
	group_numbers_unref(numbers);
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
		walk_one(mount, folder, name, each, list);
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

char *group_text(int fd)
{
	char text[8192];
	return source_pread(fd, text, sizeof(text)) ? strdup(text) : NULL;
}

void group_walk(const char *root, const char *text,
	void (*each)(const struct group *group, struct source_list *list), struct source_list *list)
{
	CLEANUP(free_p) char *lines = strdup(text);
	char *state = NULL;
	if (!lines)
		return;
	for (char *line = strtok_r(lines, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
		walk_line(root, line, each, list);
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
	struct group_numbers *numbers = source->numbers;
	if (!numbers->limit_known) {
		numbers->limit = UINT64_MAX;
		numbers->limit_known = read_limit(numbers->max, &numbers->limit) &&
				       read_limit(numbers->high, &numbers->limit);
	}
	if (numbers->limit_known)
		*ret = numbers->limit;
	return numbers->limit_known;
}

void group_forget_limit(struct source *source)
{
	if (source->numbers)
		source->numbers->limit_known = false;
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
	if (!source_pread(source->numbers->usage, text, sizeof(text)) ||
		!source_field(text, "", &usage))
		return false;
	reading.left = reading.limit > usage ? reading.limit - usage : 0;
	if (reading.left < precise_below)
		reading.cache = min_u64(read_cache(source->numbers->stat), usage);
	*ret = reading;
	return true;
}
