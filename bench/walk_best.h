/* walk_best.h - what a walk would cost if the future were known. */
#ifndef BENCH_WALK_BEST_H
#define BENCH_WALK_BEST_H

#include "walk_path.h"
#include "walk_set.h"

/* No order can bring back for less: the optimum when parts of a picture may be kept, too (which is
 * a linear program; with whole pictures only it is NP-hard). ns of the set's cost table. */
double walk_best_bound(
	const struct walk_set *set, const struct walk_path *path, uint64_t budget_bytes);

/* What one that knows the future pays: Belady's rule by cost. Of what is there that goes which has
 * the least cost for each byte, over how far off its next visit is. */
double walk_best_belady(
	const struct walk_set *set, const struct walk_path *path, uint64_t budget_bytes);

#endif
