/* walk_producer.h - a producer of this build for one walk, and the consumers connected to it. */
#ifndef BENCH_WALK_PRODUCER_H
#define BENCH_WALK_PRODUCER_H

#include <mural/mural.h>
#include <sys/types.h>

#define WALK_CONSUMERS_MAX 2

/* Bitmaps go idle after so long, instead of a second: walks go faster than people. */
#define WALK_IDLE_MS "4"

struct walk_producer {
	struct mural *mural[WALK_CONSUMERS_MAX];
	unsigned consumers;
	pid_t pid;
};

/* @order: what --order gets. Ends the program when it can not be had. */
void walk_producer_start(struct walk_producer *producer, uint64_t budget_bytes, const char *order,
	unsigned consumers);
void walk_producer_stop(struct walk_producer *producer);

#endif
