/* walk_set.h - the pictures that the walks go over, what each takes, and what each costs. */
#ifndef BENCH_WALK_SET_H
#define BENCH_WALK_SET_H

#include <mural/mural.h>
#include <stdbool.h>
#include <stddef.h>

#define WALK_ITEMS_MAX 64

struct walk_item {
	char *path; /* owned */
	uint32_t box;
	uint64_t bytes;   /* what it takes of the budget */
	double cost_ns;   /* processor time of a decode: the one table by which orders are judged */
	uint64_t summary; /* of its pixels */
};

struct walk_set {
	struct walk_item item[WALK_ITEMS_MAX];
	size_t count;
	uint64_t bytes; /* the least budget that holds all of it, overhead included */
	double cost_ns; /* of decoding all of it once */
};

/* Pictures of every kind, mixed: JPEG of several kinds and PNG, at the size they have or fitted
 * into a box, and thumbnails. Small ones when @quick. */
void walk_set_choose(struct walk_set *set, bool quick);
/* Decodes each @rounds times alone, in a producer of its own, and notes bytes, cost (the median)
 * and pixels. Ends the program when one can not be decoded. */
void walk_set_measure(struct walk_set *set, unsigned rounds);
void walk_set_fini(struct walk_set *set);

struct mural_request walk_request(const struct walk_item *item);
/* A word of each page. */
uint64_t walk_summary(const struct mural_view *view);

#endif
