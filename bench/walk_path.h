/* walk_path.h - the walks: who looks at what, one visit after the other. The same in every run. */
#ifndef BENCH_WALK_PATH_H
#define BENCH_WALK_PATH_H

#include <stddef.h>

#define WALK_STEPS_MAX 512
#define WALK_TRIM ((size_t)-1) /* not a visit: memory is short, half of the budget has to go */

struct walk_step {
	size_t item;
	unsigned consumer;
};

struct walk_path {
	struct walk_step step[WALK_STEPS_MAX];
	size_t count;
};

struct walk_kind {
	const char *name, *meaning;
	unsigned consumers;
	void (*draw)(struct walk_path *path, size_t items);
};

extern const struct walk_kind walk_kinds[];
extern const size_t walk_kind_count;

#endif
