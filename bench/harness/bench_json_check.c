/* bench_json_check FILE…: is it the report that bench/README.md describes, and was everything
 * right? For the smoke tests: a plot or a comparison that finds nothing in it would only stay
 * empty. */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>

static bool complain(const char *what)
{
	fprintf(stderr, "wrong: %s\n", what);
	return false;
}

static bool is_text(const json_t *object, const char *key)
{
	return json_is_string(json_object_get(object, key)) || complain(key);
}

static bool is_number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return (json_is_number(value) && isfinite(json_number_value(value))) || complain(key);
}

static bool samples_are_right(const json_t *entry)
{
	const json_t *samples = json_object_get(entry, "samples"), *sample;
	size_t i;
	json_array_foreach(samples, i, sample)
	{
		if (!json_is_number(sample) || !isfinite(json_number_value(sample)))
			return complain("a sample");
	}
	return json_array_size(samples) > 0 || complain("no samples");
}

static bool entry_is_right(const json_t *entry, const char *name, const char *kind)
{
	const json_t *at = json_object_get(entry, "at");
	return is_text(entry, "table") && is_text(entry, name) && is_text(entry, kind) &&
	       (json_is_number(at) || json_is_string(at) || complain("at")) &&
	       is_number(entry, "p50") && is_number(entry, "max") && samples_are_right(entry) &&
	       (json_array_size(json_object_get(entry, "samples")) < 100 ||
		       is_number(entry, "p99"));
}

static bool list_is_right(
	const json_t *report, const char *list, const char *name, const char *kind)
{
	const json_t *entries = json_object_get(report, list), *entry;
	size_t i;
	json_array_foreach(entries, i, entry)
	{
		if (!entry_is_right(entry, name, kind))
			return complain(list);
	}
	return json_is_array(entries) || complain(list);
}

static bool all_verified(const json_t *report)
{
	const json_t *check;
	size_t i;
	json_array_foreach(json_object_get(report, "checks"), i, check)
	{
		if (!json_is_true(json_object_get(check, "ok")))
			return complain(json_string_value(json_object_get(check, "what")));
	}
	return true;
}

static bool is_right(const json_t *report)
{
	const json_t *machine = json_object_get(report, "machine");
	return is_text(report, "program") && is_text(machine, "kernel") &&
	       is_text(machine, "commit") && is_number(machine, "cores") &&
	       (json_array_size(json_object_get(report, "series")) > 0 || complain("empty")) &&
	       list_is_right(report, "series", "series", "unit") &&
	       list_is_right(report, "ratios", "name", "better") && all_verified(report);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		json_error_t error;
		json_t *report = json_load_file(argv[i], 0, &error);
		bool right = report ? is_right(report) : complain(error.text);
		json_decref(report);
		if (!right) {
			fprintf(stderr, "%s is not a report\n", argv[i]);
			return 1;
		}
	}
	return argc < 2;
}
