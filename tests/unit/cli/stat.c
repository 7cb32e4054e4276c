/* What `mural stat` says only where there is something the matter. */
#include "stat_fields.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <string.h>

/* The caller frees it. */
static char *printed(const struct mural_stats *stats)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);
	stats_print(file, stats);
	fclose(file);
	return text;
}

Test(stat, decoders_that_do_not_end_are_counted_where_there_are_some)
{
	struct mural_stats stats = {.readonly_descriptors = 9};
	CLEANUP(free_p) char *none = printed(&stats);
	cr_expect_null(strstr(none, "do not end"), "%s", none);
	stats.stray_decoders = 3;
	CLEANUP(free_p) char *some = printed(&stats);
	cr_expect_not_null(strstr(some, "3 decoders that were killed do not end"), "%s", some);
	json_t *object = stats_to_json(&stats);
	cr_expect_eq(json_integer_value(json_object_get(object, "stray_decoders")), 3);
	cr_expect_eq(json_integer_value(json_object_get(object, "readonly_descriptors")), 9);
	json_decref(object);
}
