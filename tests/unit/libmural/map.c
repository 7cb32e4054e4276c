/* Numbers to pointers: what is put in is found, what is taken out is not, in any order. */
#include "map.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define KEYS 3000

static uint64_t values[KEYS];

Test(map, agrees_with_a_plain_array_over_many_changes)
{
	struct map map = {0};
	bool there[KEYS] = {false};
	srand(1);
	for (int step = 0; step < 100000; step++) {
		size_t key = (size_t)rand() % KEYS;
		cr_assert_eq(map_find(&map, key), there[key] ? &values[key] : NULL);
		if (there[key])
			map_remove(&map, key);
		else
			cr_assert_eq(map_insert(&map, key, &values[key]), 0);
		there[key] = !there[key];
	}
	size_t count = 0;
	for (size_t key = 0; key < KEYS; key++) {
		cr_assert_eq(map_find(&map, key), there[key] ? &values[key] : NULL);
		count += there[key];
	}
	cr_assert_eq(map.count, count);
	map_fini(&map, NULL);
}

Test(map, an_empty_one_finds_and_removes_nothing)
{
	struct map map = {0};
	cr_assert_null(map_find(&map, 0));
	map_remove(&map, 0);
	cr_assert_eq(map_insert(&map, 1, values), 0);
	map_remove(&map, 1);
	cr_assert_null(map_find(&map, 1));
	map_fini(&map, NULL);
}

static unsigned freed;

static void count_freed(void *value)
{
	(void)value;
	freed++;
}

Test(map, gives_every_value_back_at_the_end)
{
	struct map map = {0};
	for (uint64_t key = 0; key < 100; key++)
		cr_assert_eq(map_insert(&map, key << 40, values), 0);
	map_fini(&map, count_freed);
	cr_assert_eq(freed, 100);
}
