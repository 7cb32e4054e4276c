/* The names of what memory is watched by. */
#include "common/watch.h"

#include "common/util.h"

#include <criterion/criterion.h>

Test(watch, all_and_none_are_all_and_the_budget)
{
	uint32_t set = 0;
	cr_assert(watch_parse("all", &set));
	cr_expect_eq(set, 2 * MURAL_WATCH_PSI - 1);
	cr_assert(watch_parse("none", &set));
	cr_expect_eq(set, MURAL_WATCH_BUDGET);
}

Test(watch, a_list_is_the_sum_of_its_names)
{
	uint32_t set = 0;
	cr_assert(watch_parse("psi,pressure-level", &set));
	cr_expect_eq(set, MURAL_WATCH_BUDGET | MURAL_WATCH_PSI | MURAL_WATCH_PRESSURE_LEVEL);
}

Test(watch, another_word_is_refused)
{
	static const char *const wrong[] = {"", ",", "psi,", ",psi", "psi,,cgroup", "ps", "psii",
		"none,psi", "all,psi", "budget", "PSI"};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint32_t set = 77;
		cr_expect_not(watch_parse(wrong[i], &set), "'%s'", wrong[i]);
		cr_expect_eq(set, 77);
	}
}

Test(watch, every_set_has_a_text_that_fits)
{
	char text[WATCH_TEXT_MAX];
	cr_expect_str_eq(watch_text(0, text), "none");
	cr_expect_str_eq(watch_text(UINT32_MAX, text),
		"budget, meminfo, cgroup, thresholds, pressure-level, events, psi");
}
