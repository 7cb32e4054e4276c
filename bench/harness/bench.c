/* A run: its options, and what was measured, in the order in which it came. */
#include "parts.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void bench_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

static char *copy(const char *text)
{
	char *copied = strdup(text);
	bench_must(copied != NULL, "memory for a name");
	return copied;
}

/* Room for one more element. */
static void *grow(void *array, size_t count, size_t size)
{
	array = realloc(array, (count + 1) * size);
	bench_must(array != NULL, "memory for results");
	return array;
}

/* ---- options ---- */

enum { OPTION_QUICK = 0x1000, OPTION_JSON, OPTION_ROUNDS };

struct common_options {
	struct bench *bench;
	void *own_input;
};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct common_options *options = state->input;
	char *end;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options->own_input;
		return 0;
	case OPTION_QUICK:
		options->bench->quick = true;
		return 0;
	case OPTION_JSON:
		options->bench->json = text;
		return 0;
	case OPTION_ROUNDS:
		options->bench->rounds = (unsigned)strtoul(text, &end, 10);
		if (*end || options->bench->rounds == 0 || options->bench->rounds > 1000000)
			argp_error(state, "--rounds: '%s' is not a number from 1 to 1000000", text);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

struct bench *bench_begin(const char *name, const char *doc, const struct argp *own,
	void *own_input, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"quick", OPTION_QUICK, NULL, 0, "Fewer rounds and smaller work", 0},
		{"json", OPTION_JSON, "FILE", 0, "Write every sample to FILE, too", 0},
		{"rounds", OPTION_ROUNDS, "N", 0, "Take N samples of each thing", 0},
		{0},
	};
	const struct argp nothing = {0};
	const struct argp_child children[] = {{own ? own : &nothing, 0, NULL, 0}, {0}};
	const struct argp argp = {
		options, parse, own ? own->args_doc : NULL, doc, children, NULL, NULL};
	struct bench *bench = calloc(1, sizeof(*bench));
	bench_must(bench != NULL, "memory");
	bench->name = copy(name);
	struct common_options common = {bench, own_input};
	argp_parse(&argp, argc, argv, 0, NULL, &common);
	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_print_machine(bench);
	return bench;
}

bool bench_quick(const struct bench *bench)
{
	return bench->quick;
}

unsigned bench_rounds(const struct bench *bench, unsigned full, unsigned quick)
{
	return bench->rounds ? bench->rounds : bench->quick ? quick : full;
}

/* ---- results ---- */

static void add(struct results *results, const char *table, const char *name, const char *at,
	const char *unit, double value)
{
	for (size_t i = 0; i < results->count; i++) {
		struct result *result = &results->result[i];
		if (strcmp(result->name, name) == 0 && strcmp(result->at, at) == 0 &&
			strcmp(result->table, table) == 0) {
			bench_samples_add(&result->samples, value);
			return;
		}
	}
	results->result = grow(results->result, results->count, sizeof(*results->result));
	struct result *result = &results->result[results->count++];
	*result = (struct result){.table = copy(table),
		.name = copy(name),
		.at = copy(at),
		.unit = unit ? copy(unit) : NULL};
	bench_samples_add(&result->samples, value);
}

void bench_sample(struct bench *bench, const char *table, const char *series, const char *at,
	const char *unit, double value)
{
	add(&bench->series, table, series, at, unit, value);
}

void bench_ratio(
	struct bench *bench, const char *table, const char *name, const char *at, double ratio)
{
	add(&bench->ratios, table, name, at, NULL, ratio);
}

void bench_axis(struct bench *bench, const char *table, const char *label)
{
	bench->axes = grow(bench->axes, bench->axis_count, sizeof(*bench->axes));
	bench->axes[bench->axis_count++] = (struct axis){copy(table), copy(label)};
}

static void add_goal(struct bench *bench, const char *table, const char *name, const char *at,
	enum bench_direction direction, double goal)
{
	bench->goals = grow(bench->goals, bench->goal_count, sizeof(*bench->goals));
	bench->goals[bench->goal_count++] =
		(struct goal){copy(table), copy(name), at ? copy(at) : NULL, direction, goal};
}

void bench_goal(struct bench *bench, const char *table, const char *name,
	enum bench_direction direction, double goal)
{
	add_goal(bench, table, name, NULL, direction, goal);
}

void bench_goal_at(struct bench *bench, const char *table, const char *name, const char *at,
	enum bench_direction direction, double goal)
{
	add_goal(bench, table, name, at, direction, goal);
}

void bench_better(
	struct bench *bench, const char *table, const char *name, enum bench_direction direction)
{
	bench_goal(bench, table, name, direction, NAN);
}

const struct goal *bench_goal_of(const struct bench *bench, const struct result *ratio)
{
	const struct goal *of_any_place = NULL;
	for (size_t i = 0; i < bench->goal_count; i++) {
		const struct goal *goal = &bench->goals[i];
		if (strcmp(goal->table, ratio->table) != 0 || strcmp(goal->name, ratio->name) != 0)
			continue;
		if (goal->at && strcmp(goal->at, ratio->at) == 0)
			return goal;
		if (!goal->at && !of_any_place)
			of_any_place = goal;
	}
	return of_any_place;
}

void bench_check(struct bench *bench, const char *what, bool ok)
{
	size_t i = 0;
	while (i < bench->check_count && strcmp(bench->checks[i].what, what) != 0)
		i++;
	if (i == bench->check_count) {
		bench->checks = grow(bench->checks, i, sizeof(*bench->checks));
		bench->checks[bench->check_count++] = (struct check){.what = copy(what)};
	}
	*(ok ? &bench->checks[i].right : &bench->checks[i].wrong) += 1;
}

void bench_note(struct bench *bench, const char *format, ...)
{
	char *text;
	va_list arguments;
	va_start(arguments, format);
	bench_must(vasprintf(&text, format, arguments) >= 0, "memory for a note");
	va_end(arguments);
	bench->notes = grow(bench->notes, bench->note_count, sizeof(*bench->notes));
	bench->notes[bench->note_count++] = text;
}

/* ---- the end ---- */

static void fini_results(struct results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		struct result *result = &results->result[i];
		free(result->table);
		free(result->name);
		free(result->at);
		free(result->unit);
		bench_samples_fini(&result->samples);
	}
	free(results->result);
}

static void destroy(struct bench *bench)
{
	fini_results(&bench->series);
	fini_results(&bench->ratios);
	for (size_t i = 0; i < bench->goal_count; i++) {
		free(bench->goals[i].table);
		free(bench->goals[i].name);
		free(bench->goals[i].at);
	}
	for (size_t i = 0; i < bench->axis_count; i++) {
		free(bench->axes[i].table);
		free(bench->axes[i].label);
	}
	for (size_t i = 0; i < bench->check_count; i++)
		free(bench->checks[i].what);
	for (size_t i = 0; i < bench->note_count; i++)
		free(bench->notes[i]);
	free(bench->goals);
	free(bench->axes);
	free(bench->checks);
	free(bench->notes);
	free(bench->name);
	free(bench);
}

int bench_end(struct bench *bench)
{
	int status = 0;
	bench_print_results(bench);
	for (size_t i = 0; i < bench->check_count; i++)
		status |= bench->checks[i].wrong > 0;
	if (bench->json && !bench_write_json(bench)) {
		fprintf(stderr, "%s: cannot write %s\n", bench->name, bench->json);
		status = 1;
	}
	destroy(bench);
	return status;
}

void bench_skip(struct bench *bench, const char *why)
{
	printf("%s: skipped: %s\n", bench->name, why);
	destroy(bench);
	exit(77);
}

/* ---- measuring ---- */

static double clock_now(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

double bench_now_ns(void)
{
	return clock_now(CLOCK_MONOTONIC);
}

double bench_cpu_ns(void)
{
	return clock_now(CLOCK_THREAD_CPUTIME_ID);
}

static double measured(const struct bench_side *side)
{
	double value = side->measure(side->user);
	bench_must(value >= 0, side->series);
	return value;
}

void bench_compare(struct bench *bench, const char *table, const char *at, const char *unit,
	const struct bench_side *sides, size_t count, unsigned rounds)
{
	for (size_t i = 0; i < count; i++)
		measured(&sides[i]); /* warms up: caches, page tables, the processor's clock */
	for (unsigned round = 0; round < rounds; round++) {
		double first = 0;
		for (size_t i = 0; i < count; i++) {
			char name[160];
			double value = measured(&sides[i]);
			bench_sample(bench, table, sides[i].series, at, unit, value);
			if (i == 0) {
				first = value;
				continue;
			}
			snprintf(name, sizeof(name), "%s / %s", sides[i].series, sides[0].series);
			if (first > 0)
				bench_ratio(bench, table, name, at, value / first);
		}
	}
}
