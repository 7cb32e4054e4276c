#include "viewer/keys.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct key_case {
	char name[24];
	enum action action;
};

/* What users of other viewers press. */
ParameterizedTestParameters(keys, do_what_people_expect)
{
	static struct key_case cases[] = {
		{"Right", ACTION_RIGHT},
		{"Left", ACTION_LEFT},
		{"Space", ACTION_NEXT},
		{" ", ACTION_NEXT},
		{"BackSpace", ACTION_PREVIOUS},
		{"n", ACTION_NEXT},
		{"b", ACTION_PREVIOUS},
		{"PgDn", ACTION_PAGE_DOWN},
		{"PageUp", ACTION_PAGE_UP},
		{"g", ACTION_FIRST},
		{"G", ACTION_LAST},
		{"Home", ACTION_FIRST},
		{"End", ACTION_LAST},
		{"+", ACTION_ZOOM_IN},
		{"-", ACTION_ZOOM_OUT},
		{"=", ACTION_ACTUAL_SIZE},
		{"1", ACTION_ACTUAL_SIZE},
		{"w", ACTION_FIT},
		{"f", ACTION_FULLSCREEN},
		{"F11", ACTION_FULLSCREEN},
		{"h", ACTION_PAN_LEFT},
		{"j", ACTION_PAN_DOWN},
		{"k", ACTION_PAN_UP},
		{"l", ACTION_PAN_RIGHT},
		{"<", ACTION_ROTATE_LEFT},
		{">", ACTION_ROTATE_RIGHT},
		{"|", ACTION_FLIP_HORIZONTAL},
		{"_", ACTION_FLIP_VERTICAL},
		{"Enter", ACTION_GALLERY},
		{"Return", ACTION_GALLERY},
		{"s", ACTION_SLIDESHOW},
		{"i", ACTION_INFO},
		{"m", ACTION_MEMORY},
		{"p", ACTION_PURGE},
		{"?", ACTION_HELP},
		{"q", ACTION_QUIT},
		{"Escape", ACTION_BACK},
		{"next", ACTION_NEXT},
		{"purge", ACTION_PURGE},
		{"", ACTION_NONE},
		{"nonsense", ACTION_NONE},
		{"N", ACTION_NONE},
	};
	return cr_make_param_array(struct key_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct key_case *c, keys, do_what_people_expect)
{
	cr_expect_eq(keys_action(c->name), c->action, "%s", c->name);
}

Test(keys, no_key_does_two_things)
{
	size_t count;
	const struct action_info *table = keys_table(&count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < KEYS_MAX && table[i].keys[k]; k++)
			cr_expect_eq(keys_action(table[i].keys[k]), table[i].action, "%s",
				table[i].keys[k]);
}

Test(keys, every_action_has_a_name_a_key_and_help)
{
	size_t count;
	const struct action_info *table = keys_table(&count);
	for (size_t i = 0; i < count; i++) {
		cr_expect_eq(keys_action(table[i].name), table[i].action, "%s", table[i].name);
		cr_expect_not_null(table[i].keys[0]);
		cr_expect_gt(strlen(table[i].help), 0);
	}
}
