/* thrash.h - do the same slots bounce (purged, decoded again, purged)?
 *
 * A decode is a bounce when its slot was purged before bytes of one whole budget had been used
 * since (the clock of order.h): a pool of twice the size would still have had it. Bounces are
 * weighed by what they cost, as a share of one processor over the last seconds (half of it
 * forgotten every two). From a quarter on the pool is thrashing; it is until the share has fallen
 * to a tenth. */
#ifndef POOL_THRASH_H
#define POOL_THRASH_H

#include <stdbool.h>
#include <stdint.h>

struct thrash {
	double spent_ns; /* of processors, for bounces; fades */
	uint64_t at_ns;  /* as of then */
	bool on;
	uint64_t bounces, times; /* so many; so often it came on */
};

void thrash_bounce(struct thrash *thrash, uint64_t cost_ns, uint64_t now_ns);
/* Is it so now? */
bool thrash_look(struct thrash *thrash, uint64_t now_ns);

#endif
