/* What all kinds of sources share: their life, and reading small kernel files again and again. */
#include "source.h"

#include "common/util.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct source *source_new(const struct source_kind *kind, const char *name)
{
	struct source *source = calloc(1, sizeof(*source));
	if (!source)
		return NULL;
	source->kind = kind;
	snprintf(source->name, sizeof(source->name), "%s", name);
	source->event_fd = source->watched_fd = -1;
	for (size_t i = 0; i < SOURCE_FDS; i++)
		source->fds[i] = -1;
	return source;
}

void source_free(struct source *source)
{
	if (!source)
		return;
	close_all(source->fds, SOURCE_FDS);
	group_numbers_unref(source->numbers);
	free(source);
}

void source_add(struct source_list *list, struct source *source)
{
	if (source && list->count < SOURCES_MAX)
		list->source[list->count++] = source;
	else
		source_free(source);
}

bool source_pread(int fd, char *text, size_t size)
{
	ssize_t got = fd < 0 ? -1 : pread(fd, text, size - 1, 0);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return true;
}

bool source_field(const char *text, const char *key, uint64_t *ret)
{
	const size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0)
			continue;
		char *end;
		unsigned long long value = strtoull(line + length, &end, 10);
		if (end == line + length)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

int source_open(const char *folder, const char *name, int flags)
{
	char path[PATH_MAX + 64];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -1;
	return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}
