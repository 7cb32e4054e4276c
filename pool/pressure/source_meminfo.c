/* The machine's own memory: MemAvailable. It does not count unpinned shared memory, so what the
 * pool can give back comes on top. */
#include "source.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

static bool read_meminfo(const struct source *source, uint64_t precise_below,
	uint64_t *ret_headroom, uint64_t *ret_limit)
{
	char text[4096];
	uint64_t available, total;
	(void)precise_below;
	if (!source_pread(source->fds[0], text, sizeof(text)) ||
		!source_field(text, "MemAvailable:", &available) ||
		!source_field(text, "MemTotal:", &total))
		return false;
	*ret_headroom = available * 1024;
	*ret_limit = total * 1024;
	return true;
}

unsigned source_add_meminfo(const char *root, struct source *sources, unsigned count)
{
	char path[PATH_MAX];
	if (count == SOURCES_MAX ||
		snprintf(path, sizeof(path), "%s/proc/meminfo", root) >= (int)sizeof(path))
		return count;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return count;
	sources[count] =
		(struct source){.name = "MemAvailable", .fds = {fd, -1, -1}, .read = read_meminfo};
	return count + 1;
}
