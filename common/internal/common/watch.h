/* common/watch.h - the names of what memory is watched by (enum mural_watch), as options take them
 * and statistics show them. */
#ifndef COMMON_WATCH_H
#define COMMON_WATCH_H

#include <mural/mural_types.h>
#include <stdbool.h>
#include <stddef.h>

#define WATCH_TEXT_MAX 96

/* The name of one bit: "meminfo", "psi" ...; NULL: no such bit. */
const char *watch_name(uint32_t bit);

/* Reads "all", "none", or names with commas between them. False, output untouched: another word,
 * an empty one, or "none" beside others. The budget is always in the result: it has no switch. */
bool watch_parse(const char *list, uint32_t *ret);

/* "budget, meminfo, cgroup"; "none". Returns @buffer. */
const char *watch_text(uint32_t set, char buffer[WATCH_TEXT_MAX]);

#endif
