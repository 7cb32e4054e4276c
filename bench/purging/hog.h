/* hog.h - a program that wants memory: allocates and touches, at a given rate, and writes down when
 * it had how much. The notes lie in memory that it shares with whoever started it, so that they are
 * there also when it is killed. */
#ifndef BENCH_PURGING_HOG_H
#define BENCH_PURGING_HOG_H

#include <stdatomic.h>
#include <stdint.h>

#define HOG_STEPS_MAX 1024u

struct hog_trace {
	_Atomic uint32_t steps;     /* MiB touched so far */
	_Atomic uint32_t done;      /* it has all it wanted */
	uint64_t start_ns;          /* CLOCK_MONOTONIC */
	uint64_t ns[HOG_STEPS_MAX]; /* when it had the first, second … MiB */
};

struct hog_options {
	uint32_t mib;          /* at most HOG_STEPS_MAX */
	uint32_t us_per_mib;   /* 0: as fast as it can */
	const char *read_file; /* read again and again meanwhile, so that page cache fills the
				  memory; NULL: none */
};

/* Memory for a trace, for this process and its children; touched, so that it is this process's.
 * NULL: none to be had. */
struct hog_trace *hog_trace_create(void);
void hog_trace_destroy(struct hog_trace *trace);

/* Runs in a process of its own: allocates, notes, and holds what it has until it is killed. */
_Noreturn void hog_run(const struct hog_options *options, struct hog_trace *trace);

#endif
