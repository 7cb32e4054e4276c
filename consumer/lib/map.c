/* Open addressing with linear probing; removing shifts back what follows, so that there are no
 * tombstones to collect. */
#include "map.h"

#include "common/util.h"

static size_t home(const struct map *map, uint64_t key)
{
	/* Fibonacci hashing: consecutive numbers, the usual case, spread over the table. */
	return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (map->capacity - 1);
}

static size_t next(const struct map *map, size_t index)
{
	return (index + 1) & (map->capacity - 1);
}

void *map_find(const struct map *map, uint64_t key)
{
	if (map->count == 0)
		return NULL;
	for (size_t i = home(map, key); map->entries[i].value; i = next(map, i))
		if (map->entries[i].key == key)
			return map->entries[i].value;
	return NULL;
}

static void place(struct map *map, uint64_t key, void *value)
{
	size_t i = home(map, key);
	while (map->entries[i].value)
		i = next(map, i);
	map->entries[i] = (struct map_entry){.key = key, .value = value};
	map->count++;
}

static int grow(struct map *map)
{
	struct map larger = {.capacity = map->capacity ? map->capacity * 2 : 16};
	larger.entries = calloc(larger.capacity, sizeof(*larger.entries));
	if (!larger.entries)
		return -ENOMEM;
	for (size_t i = 0; i < map->capacity; i++)
		if (map->entries[i].value)
			place(&larger, map->entries[i].key, map->entries[i].value);
	free(map->entries);
	*map = larger;
	return 0;
}

int map_insert(struct map *map, uint64_t key, void *value)
{
	if (4 * (map->count + 1) > 3 * map->capacity) {
		int r = grow(map);
		if (r < 0)
			return r;
	}
	place(map, key, value);
	return 0;
}

static void remove_at(struct map *map, size_t hole)
{
	for (size_t i = next(map, hole); map->entries[i].value; i = next(map, i)) {
		size_t wanted = home(map, map->entries[i].key);
		/* May move to the hole when its home is not (cyclically) after the hole. */
		if (((i - wanted) & (map->capacity - 1)) >= ((i - hole) & (map->capacity - 1))) {
			map->entries[hole] = map->entries[i];
			hole = i;
		}
	}
	map->entries[hole].value = NULL;
	map->count--;
}

void map_remove(struct map *map, uint64_t key)
{
	if (map->count == 0)
		return;
	for (size_t i = home(map, key); map->entries[i].value; i = next(map, i))
		if (map->entries[i].key == key) {
			remove_at(map, i);
			return;
		}
}

void map_fini(struct map *map, void (*free_value)(void *value))
{
	for (size_t i = 0; free_value && i < map->capacity; i++)
		if (map->entries[i].value)
			free_value(map->entries[i].value);
	free(map->entries);
	*map = (struct map){0};
}
