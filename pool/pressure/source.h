/* pool/pressure/source.h - one thing that can run short of memory. Each kind of source is a file of
 * its own. */
#ifndef POOL_PRESSURE_SOURCE_H
#define POOL_PRESSURE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOURCES_MAX 32
#define SOURCE_NAME_MAX 192

struct source {
	char name[SOURCE_NAME_MAX];
	int fds[3]; /* kept open: a look is a few preads. Which is which is the kind's own business;
		       -1: none */
	/* Bytes that can still be allocated before this source's limit, and that limit. False: it
	 * can no longer be read.
	 * @precise_below: where it matters, reclaimable page cache is to be taken into account,
	 * which costs more. */
	bool (*read)(const struct source *source, uint64_t precise_below, uint64_t *ret_headroom,
		uint64_t *ret_limit);
};

/* Each adds what it finds below @root to @sources (room for SOURCES_MAX) and returns the new count.
 */
unsigned source_add_meminfo(const char *root, struct source *sources, unsigned count);
unsigned source_add_cgroups(const char *root, struct source *sources, unsigned count);

/* Small kernel files, read from the start each time, NUL-terminated; false on an error or an empty
 * file. */
bool source_pread(int fd, char *text, size_t size);
/* The number after @key at the start of a line. */
bool source_field(const char *text, const char *key, uint64_t *ret);

#endif
