/* The machine's own memory. MemAvailable is what is free and the page cache that can be dropped; it
 * does not count unpinned shared memory, so what the pool can give back comes on top. */
#include "source.h"

#include "common/util.h"

bool meminfo_open(const char *root, struct source *source)
{
	source->fds[0] = source_open(root, "proc/meminfo", O_RDONLY);
	return source->fds[0] >= 0;
}

bool meminfo_read(const struct source *source, uint64_t precise_below, struct reading *ret)
{
	char text[4096];
	uint64_t available, unused, total;
	(void)precise_below;
	if (!source_pread(source->fds[0], text, sizeof(text)) ||
		!source_field(text, "MemAvailable:", &available) ||
		!source_field(text, "MemTotal:", &total))
		return false;
	if (!source_field(text, "MemFree:", &unused) || unused > available)
		unused = available;
	*ret = (struct reading){total * 1024, unused * 1024, (available - unused) * 1024};
	return true;
}

void source_add_meminfo(struct source_list *list)
{
	static const struct source_kind kind = {
		.watch = MURAL_WATCH_MEMINFO, .polled = true, .read = meminfo_read};
	if (!(list->wanted & MURAL_WATCH_MEMINFO))
		return;
	struct source *source = source_new(&kind, "MemAvailable");
	if (!source || !meminfo_open(list->root, source)) {
		source_free(source);
		return;
	}
	source_add(list, source);
}
