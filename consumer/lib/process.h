/* process.h - is this still the process that opened the connection? Asked by every call, so it
 * costs two loads.
 *
 * A page that the kernel wipes at fork holds the mark of this process: a child reads 0 there, and
 * once it has opened a connection of its own, a mark that differs from its parent's. */
#ifndef LIBMURAL_PROCESS_H
#define LIBMURAL_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

extern _Atomic(_Atomic uint64_t *) process_page;

/* The mark of the calling process, never 0; made at the first call. The page stays for the life of
 * the process. 0 or -errno. */
int process_mark(uint64_t *ret_mark);

static inline bool process_is(uint64_t mark)
{
	/* relaxed: the page was published before whoever asks got its connection. */
	return atomic_load_explicit(atomic_load_explicit(&process_page, memory_order_relaxed),
		       memory_order_relaxed) == mark;
}

#endif
