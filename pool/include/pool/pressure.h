/* pool/pressure.h - how much memory is left, and how much of the pool should go.
 *
 * Looks at what the machine has (MemAvailable) and at every control group this process lives in
 * that has a limit (v2: the lowest of memory.high and memory.max; v1: memory.limit_in_bytes), its
 * own and all above. The least headroom counts. How soon to look again follows from that headroom
 * and from the fastest growth that is assumed, so that no allocator can eat it between two looks;
 * while there is nothing to give back, looking is pointless and rare.
 *
 * One thread; no call blocks beyond reading small kernel files. A source that disappears is left
 * out, not an error. */
#ifndef POOL_PRESSURE_H
#define POOL_PRESSURE_H

#include <mural/mural_types.h>
#include <stdint.h>

struct pressure;

struct pressure_options {
	const char *root; /* NULL: the machine's own files; a test names a folder that has proc/ and
			     sys/ in it */
	uint64_t growth_bytes_per_s; /* the fastest allocator to be safe from; 0: 4 GiB/s */
};

struct pressure_advice {
	uint64_t headroom_bytes; /* the least of all sources; UINT64_MAX: none can be read */
	uint64_t free_bytes;     /* give back so much now */
	uint64_t next_ns;        /* from now: look again then */
	enum mural_pressure level;
};

/* -ENOMEM. A machine with no source at all is not an error: the advice is then to free nothing. */
int pressure_create(const struct pressure_options *options, struct pressure **ret);
void pressure_destroy(struct pressure *pressure);

/* One look. @purgeable_bytes: what the pool could give back. */
void pressure_look(
	struct pressure *pressure, uint64_t purgeable_bytes, struct pressure_advice *ret);

/* The names of what is watched, for a person: "MemAvailable", "cgroup v1 /a/b" ... NULL past the
 * end. */
const char *pressure_source_name(const struct pressure *pressure, unsigned index);

#endif
