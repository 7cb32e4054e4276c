/* parts.h - what the files of the harness share. */
#ifndef BENCH_HARNESS_PARTS_H
#define BENCH_HARNESS_PARTS_H

#include "bench.h"

#include <jansson.h>

struct result {
	char *table, *name, *at, *unit; /* unit is NULL for a ratio */
	struct bench_samples samples;
};

struct results {
	struct result *result;
	size_t count;
};

struct goal {
	char *table, *name, *at; /* at NULL: any place */
	enum bench_direction direction;
	double value; /* NAN: only the direction is said */
};

struct axis {
	char *table, *label;
};

struct check {
	char *what;
	unsigned right, wrong;
};

struct bench {
	char *name;
	bool quick;
	const char *json; /* a file's path; NULL: none */
	unsigned rounds;  /* 0: not given */
	struct results series, ratios;
	struct goal *goals;
	size_t goal_count;
	struct axis *axes;
	size_t axis_count;
	struct check *checks;
	size_t check_count;
	char **notes;
	size_t note_count;
};

/* NULL: none. */
const struct goal *bench_goal_of(const struct bench *bench, const struct result *ratio);

/* The machine as the report shows it: kernel, processor, cores, memory, huge pages, load, commit.
 * The caller owns the reference. */
json_t *bench_machine(void);

void bench_print_machine(const struct bench *bench);
void bench_print_results(const struct bench *bench);

/* False: it could not be written. */
bool bench_write_json(const struct bench *bench);

#endif
