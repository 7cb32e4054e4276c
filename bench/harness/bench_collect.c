/* bench_collect: the harness for drivers that are scripts. Reads lines of tab-separated fields and
 * prints and writes the same report as a program does:
 *
 *   sample  TABLE  SERIES  AT  UNIT  VALUE
 *   ratio   TABLE  NAME    AT  VALUE
 *   goal    TABLE  NAME    most|least  VALUE  [AT]
 *   axis    TABLE  LABEL
 *   check   WHAT   ok|failed
 *   note    TEXT
 *
 * A line that is none of these fails the run: a driver's mistake must not look like a result. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 7

static const char *name = "driver";

static error_t parse(int key, char *text, struct argp_state *state)
{
	if (key != 'n')
		return ARGP_ERR_UNKNOWN;
	(void)state;
	name = text;
	return 0;
}

static bool number(const char *text, double *ret)
{
	char *end;
	double value = strtod(text, &end);
	if (!*text || *end)
		return false;
	*ret = value;
	return true;
}

/* goal TABLE NAME most|least VALUE [AT] */
static bool collect_goal(struct bench *bench, char **field, size_t count)
{
	double value;
	if (count < 5 || count > 6 || !number(field[4], &value))
		return false;
	enum bench_direction direction =
		strcmp(field[3], "least") == 0 ? BENCH_AT_LEAST : BENCH_AT_MOST;
	if (count == 6)
		bench_goal_at(bench, field[1], field[2], field[5], direction, value);
	else
		bench_goal(bench, field[1], field[2], direction, value);
	return true;
}

static bool collect(struct bench *bench, char **field, size_t count)
{
	double value;
	if (count == 6 && strcmp(field[0], "sample") == 0 && number(field[5], &value))
		bench_sample(bench, field[1], field[2], field[3], field[4], value);
	else if (count == 5 && strcmp(field[0], "ratio") == 0 && number(field[4], &value))
		bench_ratio(bench, field[1], field[2], field[3], value);
	else if (count > 0 && strcmp(field[0], "goal") == 0)
		return collect_goal(bench, field, count);
	else if (count == 3 && strcmp(field[0], "axis") == 0)
		bench_axis(bench, field[1], field[2]);
	else if (count == 3 && strcmp(field[0], "check") == 0)
		bench_check(bench, field[1], strcmp(field[2], "ok") == 0);
	else if (count == 2 && strcmp(field[0], "note") == 0)
		bench_note(bench, "%s", field[1]);
	else
		return false;
	return true;
}

static size_t split(char *line, char **ret_fields)
{
	size_t count = 0;
	line[strcspn(line, "\n")] = '\0';
	for (char *field; count < FIELDS && (field = strsep(&line, "\t")) != NULL;)
		ret_fields[count++] = field;
	return count;
}

/* The name is needed before the common options are parsed. */
static void find_name(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i++) {
		if (strcmp(argv[i], "--name") == 0)
			name = argv[i + 1];
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"name", 'n', "NAME", 0, "File the results under NAME", 0}, {0}};
	const struct argp own = {options, parse, NULL, NULL, NULL, NULL, NULL};
	char *line = NULL;
	size_t size = 0;
	find_name(argc, argv);
	struct bench *bench = bench_begin(
		name, "Collects what a driver script measured.", &own, NULL, argc, argv);
	while (getline(&line, &size, stdin) > 0) {
		char *field[FIELDS];
		if (!collect(bench, field, split(line, field)))
			bench_check(bench, "the driver's lines are well formed", false);
	}
	free(line);
	return bench_end(bench);
}
