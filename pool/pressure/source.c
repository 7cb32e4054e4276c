/* Reading small kernel files again and again. */
#include "source.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
