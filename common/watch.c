/* One table of names for the option, the text and the JSON. */
#include "common/watch.h"

#include "common/util.h"

#include <stdio.h>
#include <string.h>

/* In the order in which they are shown and trusted. */
static const char *const names[] = {
	"budget",
	"meminfo",
	"cgroup",
	"thresholds",
	"pressure-level",
	"events",
	"psi",
};

static const uint32_t all = (1u << ARRAY_SIZE(names)) - 1;

const char *watch_name(uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (bit == 1u << i)
			return names[i];
	return NULL;
}

static uint32_t find(const char *word, size_t length)
{
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == length && memcmp(names[i], word, length) == 0)
			return 1u << i;
	return 0;
}

bool watch_parse(const char *list, uint32_t *ret)
{
	uint32_t set = MURAL_WATCH_BUDGET;
	if (strcmp(list, "all") == 0 || strcmp(list, "none") == 0) {
		*ret = *list == 'a' ? all : set;
		return true;
	}
	for (const char *word = list;; word++) {
		size_t length = strcspn(word, ",");
		uint32_t bit = find(word, length);
		if (bit == 0)
			return false;
		set |= bit;
		word += length;
		if (*word == '\0')
			break;
	}
	*ret = set;
	return true;
}

const char *watch_text(uint32_t set, char buffer[WATCH_TEXT_MAX])
{
	size_t length = 0;
	snprintf(buffer, WATCH_TEXT_MAX, "none");
	for (size_t i = 0; i < ARRAY_SIZE(names) && length < WATCH_TEXT_MAX; i++)
		if (set & 1u << i)
			length += (size_t)snprintf(buffer + length, WATCH_TEXT_MAX - length, "%s%s",
				length ? ", " : "", names[i]);
	return buffer;
}
