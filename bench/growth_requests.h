/* growth_requests.h - the part of bench_growth that goes through libmural and a real producer. */
#ifndef BENCH_GROWTH_REQUESTS_H
#define BENCH_GROWTH_REQUESTS_H

#include "harness/bench.h"

/* A request of a ready bitmap and mural_stat, by message: a producer that holds @files pictures for
 * one consumer, and one that holds 100 for 64, beside one that holds 100 for one; in a full run
 * @files for 64, too. Then requests for as many different ready bitmaps, 1 to 1000 in flight.
 * @files: at least 100. */
void measure_producers(struct bench *bench, size_t files, unsigned rounds);

#endif
