/* readonly.h - what consumers are given of a region: a descriptor that can only read, kept for the
 * next of them.
 *
 * To open one takes as long as all else of a hand-over, most of it in the kernel's /proc. So it is
 * kept with its region; at most so many, beside the regions' own: the one lent longest ago goes
 * first, and all of them when descriptors run out. */
#ifndef POOL_READONLY_H
#define POOL_READONLY_H

#include "region.h"

/* The most that are kept: a sixteenth of the descriptors that this process may have now, and no
 * more than this. */
#define READONLY_MAX 256u
uint32_t readonly_limit(void);

/* Lends the region's; valid until the pool is next called. -EMFILE, -ENFILE, … */
int readonly_lend(struct pool *pool, struct region *region, int *ret_fd);

/* Closes the region's; fine without one. */
void readonly_close(struct pool *pool, struct region *region);

/* Closes all of them. False: there was none. */
bool readonly_close_all(struct pool *pool);

#endif
