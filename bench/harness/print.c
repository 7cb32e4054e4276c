/* The report as a person reads it in a terminal. */
#include "parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void bench_print_machine(const struct bench *bench)
{
	json_t *machine = bench_machine();
	const char *key;
	json_t *value;
	printf("%s%s", bench->name, bench->quick ? ", quick" : "");
	json_object_foreach(machine, key, value)
	{
		if (json_is_string(value))
			printf("%s%s %s", ", ", key, json_string_value(value));
		else
			printf(", %s %g", key, json_number_value(value));
	}
	putchar('\n');
	json_decref(machine);
}

/* Columns as wide as the table's longest entries. */
static int widest(const struct results *results, const char *table, bool of_at)
{
	size_t width = 4;
	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->result[i];
		size_t length = strlen(of_at ? result->at : result->name);
		if (strcmp(result->table, table) == 0 && length > width)
			width = length;
	}
	return (int)width;
}

static bool is_first_of_table(const struct results *results, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcmp(results->result[i].table, results->result[at].table) == 0)
			return false;
	}
	return true;
}

static void print_p99(const struct bench_samples *samples)
{
	if (bench_samples_have_p99(samples))
		printf(" %12.6g", bench_samples_quantile(samples, 0.99));
	else
		printf(" %12s", "-");
}

static void print_series(const struct bench *bench, const char *table)
{
	const struct results *results = &bench->series;
	int name = widest(results, table, false), at = widest(results, table, true);
	printf("\n%s\n  %-*s  %-*s %12s %12s %12s %12s\n", table, name, "", at, "", "p50", "p99",
		"max", "samples");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->result[i];
		if (strcmp(result->table, table) != 0)
			continue;
		printf("  %-*s  %-*s %12.6g", name, result->name, at, result->at,
			bench_samples_quantile(&result->samples, 0.5));
		print_p99(&result->samples);
		printf(" %12.6g %12zu  %s\n", bench_samples_quantile(&result->samples, 1),
			result->samples.count, result->unit);
	}
}

static void print_goal(const struct goal *goal, double median)
{
	if (!goal || isnan(goal->value))
		return;
	bool most = goal->direction == BENCH_AT_MOST;
	bool met = most ? median <= goal->value : median >= goal->value;
	printf("  %s %g: %s", most ? "at most" : "at least", goal->value, met ? "yes" : "NO");
}

static void print_ratios(const struct bench *bench, const char *table)
{
	const struct results *results = &bench->ratios;
	int name = widest(results, table, false), at = widest(results, table, true);
	printf("\n%s: ratios of pairs\n  %-*s  %-*s %10s %10s %10s\n", table, name, "", at, "",
		"median", "p25", "p75");
	for (size_t i = 0; i < results->count; i++) {
		const struct result *result = &results->result[i];
		if (strcmp(result->table, table) != 0)
			continue;
		double median = bench_samples_quantile(&result->samples, 0.5);
		printf("  %-*s  %-*s %10.4g %10.4g %10.4g", name, result->name, at, result->at,
			median, bench_samples_quantile(&result->samples, 0.25),
			bench_samples_quantile(&result->samples, 0.75));
		print_goal(bench_goal_of(bench, result), median);
		putchar('\n');
	}
}

void bench_print_results(const struct bench *bench)
{
	for (size_t i = 0; i < bench->series.count; i++) {
		if (is_first_of_table(&bench->series, i))
			print_series(bench, bench->series.result[i].table);
	}
	for (size_t i = 0; i < bench->ratios.count; i++) {
		if (is_first_of_table(&bench->ratios, i))
			print_ratios(bench, bench->ratios.result[i].table);
	}
	if (bench->check_count > 0 || bench->note_count > 0)
		putchar('\n');
	for (size_t i = 0; i < bench->check_count; i++) {
		const struct check *check = &bench->checks[i];
		printf("verified: %s: %u of %u%s\n", check->what, check->right,
			check->right + check->wrong, check->wrong ? "  FAILED" : "");
	}
	for (size_t i = 0; i < bench->note_count; i++)
		printf("%s\n", bench->notes[i]);
}
