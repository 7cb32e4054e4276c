/* scene.h - a producer, in a control group of its own where one can be made, its pool filled with
 * pictures whose pixels are known: most of them idle, some pinned by this process, which stands
 * outside the group and so is there to look at what is left, whoever dies inside.
 *
 * What can not be set up ends the benchmark. One scene at a time, one thread. */
#ifndef BENCH_PURGING_SCENE_H
#define BENCH_PURGING_SCENE_H

#include "group.h"

#include <mural/mural.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct scene_class {
	unsigned count;
	uint32_t width, height;
};

struct scene_options {
	const char *pressure;              /* the producer's --pressure; NULL: its default */
	const char *budget;                /* the producer's --budget */
	bool grouped;                      /* in a group of its own (scene_possible) */
	uint64_t limit_bytes;              /* of the group; 0: none */
	bool swap;                         /* the group may use it */
	const struct scene_class *classes; /* ended by a count of 0; kept by the caller */
	unsigned pinned; /* the first so many pictures are pinned, the rest idle */
};

struct scene_picture {
	uint32_t width, height;
	struct mural_bitmap *bitmap;
	struct mural_view view; /* while it is pinned for good */
};

struct scene {
	struct scene_options options;
	struct group group;
	pid_t producer;
	int producer_pidfd;
	struct mural *mural;
	struct scene_picture *picture; /* the pinned ones first */
	unsigned count;
	enum mural_pressure told; /* by the producer, last */
};

/* Can a group be made here? Otherwise why not. */
bool scene_possible(const char **ret_why);

/* Returns when all of it is decoded, and idle what is to be. */
void scene_open(const struct scene_options *options, struct scene *ret);
void scene_close(struct scene *scene);

/* Decodes what was purged again, and returns when it is idle. */
void scene_refill(struct scene *scene);

/* False: the producer does not answer. */
bool scene_stats(struct scene *scene, struct mural_stats *ret);

bool scene_producer_lives(const struct scene *scene);

/* Bytes of the pinned pictures that are not as they were decoded. */
uint64_t scene_pinned_damage(const struct scene *scene);

/* Pins each of the others that is still there, and compares it; bytes that differ. */
uint64_t scene_intact_damage(struct scene *scene);

#endif
