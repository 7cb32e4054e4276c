/* map.h - numbers to pointers: request serials, regions and slots are all found by number. Starts
 * empty when zeroed. */
#ifndef LIBMURAL_MAP_H
#define LIBMURAL_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
	uint64_t key;
	void *value; /* NULL: free */
};

struct map {
	struct map_entry *entries; /* a power of two of them, or NULL */
	size_t capacity, count;
};

/* The value, or NULL. */
void *map_find(const struct map *map, uint64_t key);

/* Adds a key that is not in the map; @value is not NULL. 0 or -ENOMEM. */
int map_insert(struct map *map, uint64_t key, void *value);

/* Takes a key out; unknown ones are fine. */
void map_remove(struct map *map, uint64_t key);

/* Frees the table, and every value with @free_value (may be NULL). */
void map_fini(struct map *map, void (*free_value)(void *value));

#endif
