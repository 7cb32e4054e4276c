/* huge.h - which regions get huge pages, and how.
 *
 * Where the system gives them to shared memory (shmem_enabled) they come with the first touch.
 * Where it does not, MADV_COLLAPSE makes them (common/collapse.h); it is left alone for a while
 * after it has failed, or took too long. */
#ifndef POOL_HUGE_H
#define POOL_HUGE_H

#include <stdbool.h>
#include <stdint.h>

struct huge {
	uint64_t from;  /* regions over this size get them at the first touch; UINT64_MAX: none */
	bool collapses; /* none do, but they can be made */
	uint64_t again_ns; /* not before; 0: at any time */
	uint64_t pause_ns; /* the last pause; a failure doubles it, a success halves it */
};

/* By what the system says now. @collapse: regions are memfds, which may be collapsed. */
void huge_init(struct huge *huge, bool collapse);

/* What a region for @bytes takes: whole pages, or whole huge pages where it will be made of such.
 * False: nobody could map it (with 32-bit addresses: 2 GiB). */
bool huge_round(const struct huge *huge, uint64_t bytes, uint64_t *ret);

/* Is a region of @capacity bytes, whose memory is not there, better made by MADV_COLLAPSE now? */
bool huge_may_collapse(const struct huge *huge, uint64_t capacity, uint64_t now_ns);
/* It was made: or not, or too slowly; what fails during a pause does not make it longer. */
void huge_collapsed(struct huge *huge, bool good, uint64_t now_ns);

#endif
