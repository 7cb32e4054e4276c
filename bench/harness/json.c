/* The report as scripts read it: bench/README.md has its shape. */
#include "parts.h"

#include <math.h>
#include <stdlib.h>

/* A number as a number, so that a plot can have an axis of it. */
static json_t *place(const char *at)
{
	char *end;
	double number = strtod(at, &end);
	return *at && !*end ? json_real(number) : json_string(at);
}

static json_t *common(const struct result *result, const char *name)
{
	const struct bench_samples *samples = &result->samples;
	json_t *raw = json_array();
	for (size_t i = 0; i < samples->count; i++)
		json_array_append_new(raw, json_real(samples->value[i]));
	json_t *entry = json_pack("{s:s, s:s, s:o, s:f, s:f, s:f, s:f, s:o}", "table",
		result->table, name, result->name, "at", place(result->at), "p25",
		bench_samples_quantile(samples, 0.25), "p50", bench_samples_quantile(samples, 0.5),
		"p75", bench_samples_quantile(samples, 0.75), "max",
		bench_samples_quantile(samples, 1), "samples", raw);
	if (bench_samples_have_p99(samples))
		json_object_set_new(entry, "p99", json_real(bench_samples_quantile(samples, 0.99)));
	return entry;
}

static json_t *series(const struct bench *bench)
{
	json_t *list = json_array();
	for (size_t i = 0; i < bench->series.count; i++) {
		const struct result *result = &bench->series.result[i];
		json_t *entry = common(result, "series");
		json_object_set_new(entry, "unit", json_string(result->unit));
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *ratios(const struct bench *bench)
{
	json_t *list = json_array();
	for (size_t i = 0; i < bench->ratios.count; i++) {
		const struct result *result = &bench->ratios.result[i];
		const struct goal *goal = bench_goal_of(bench, result);
		bool less = !goal || goal->direction == BENCH_AT_MOST;
		json_t *entry = common(result, "name");
		json_object_set_new(entry, "better", json_string(less ? "less" : "more"));
		if (goal && !isnan(goal->value))
			json_object_set_new(entry, "goal", json_real(goal->value));
		json_array_append_new(list, entry);
	}
	return list;
}

static json_t *axes(const struct bench *bench)
{
	json_t *of_table = json_object();
	for (size_t i = 0; i < bench->axis_count; i++)
		json_object_set_new(
			of_table, bench->axes[i].table, json_string(bench->axes[i].label));
	return of_table;
}

static json_t *checks(const struct bench *bench)
{
	json_t *list = json_array();
	for (size_t i = 0; i < bench->check_count; i++) {
		const struct check *check = &bench->checks[i];
		json_array_append_new(list, json_pack("{s:s, s:i, s:i, s:b}", "what", check->what,
						    "right", (int)check->right, "wrong",
						    (int)check->wrong, "ok", check->wrong == 0));
	}
	return list;
}

bool bench_write_json(const struct bench *bench)
{
	json_t *notes = json_array();
	for (size_t i = 0; i < bench->note_count; i++)
		json_array_append_new(notes, json_string(bench->notes[i]));
	json_t *report = json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "program",
		bench->name, "quick", bench->quick, "machine", bench_machine(), "axes", axes(bench),
		"series", series(bench), "ratios", ratios(bench), "checks", checks(bench), "notes",
		notes);
	bool written = report && json_dump_file(report, bench->json, JSON_INDENT(1)) == 0;
	json_decref(report);
	return written;
}
