/* pin_ways.h - ways to say "I use this", so that nobody takes it away: what a pin is compared with.
 * Each as a team's job, and good for one thread alone. One thread opens. */
#ifndef BENCH_PIN_WAYS_H
#define BENCH_PIN_WAYS_H

#include "team.h"

#include <mural/mural.h>

/* The picture whose bitmaps are pinned; before any job is opened. A producer runs already. */
void pin_ways_prepare(const char *path);

/* A connection of this process's own. */
struct mural *pin_connect(void);
/* Each @which is a size of its own, and so a bitmap of its own; READY, and pinned once, so that it
 * stays so. */
struct mural_bitmap *pin_ready_bitmap(struct mural *mural, unsigned which);

extern const struct team_job way_pin, /* pin and unpin a ready bitmap */
	way_counter,                  /* the floor: two atomic operations, and nothing else */
	way_mutex,                    /* a robust mutex that processes share */
	way_ofd,      /* a read lock of a file's byte, which the kernel frees when one dies */
	way_producer, /* a message to the producer and its answer (mural_stat) */
	way_echo;     /* the floor of that: to a process that only sends it back */

#endif
