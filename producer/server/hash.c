/* An intrusive hash table with a secret, so that a consumer can not pile its keys into one bucket.
 */
#include "hash.h"

#include "common/util.h"

#include <string.h>
#include <sys/random.h>

#define SIZE_FIRST 256

int hash_init(struct hash *hash)
{
	*hash = (struct hash){.size = SIZE_FIRST};
	hash->buckets = calloc(hash->size, sizeof(*hash->buckets));
	if (!hash->buckets)
		return -ENOMEM;
	if (getrandom(&hash->secret, sizeof(hash->secret), GRND_NONBLOCK) < 0)
		hash->secret = monotonic_ns() * UINT64_C(0x9e3779b97f4a7c15);
	return 0;
}

void hash_fini(struct hash *hash)
{
	free(hash->buckets);
	hash->buckets = NULL;
	hash->count = 0;
}

/* The finaliser of splitmix64: every bit of the input reaches every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t hash_bytes(const struct hash *hash, const void *bytes, size_t size)
{
	const unsigned char *at = bytes;
	uint64_t value = hash->secret ^ size;
	while (size > 0) {
		uint64_t word = 0;
		size_t part = size < sizeof(word) ? size : sizeof(word);
		memcpy(&word, at, part);
		value = mix(value + UINT64_C(0x9e3779b97f4a7c15) + word);
		at += part;
		size -= part;
	}
	return mix(value ^ hash->secret);
}

/* A table that can not grow works on, slower. */
static void grow(struct hash *hash)
{
	size_t size = hash->size * 2;
	struct hash_node **buckets = calloc(size, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < hash->size; i++) {
		struct hash_node *node = hash->buckets[i];
		while (node) {
			struct hash_node *next = node->next;
			node->next = buckets[node->value & (size - 1)];
			buckets[node->value & (size - 1)] = node;
			node = next;
		}
	}
	free(hash->buckets);
	hash->buckets = buckets;
	hash->size = size;
}

void hash_insert(struct hash *hash, struct hash_node *node, uint64_t value)
{
	if (hash->count >= hash->size)
		grow(hash);
	struct hash_node **bucket = &hash->buckets[value & (hash->size - 1)];
	node->value = value;
	node->next = *bucket;
	*bucket = node;
	hash->count++;
}

void hash_remove(struct hash *hash, struct hash_node *node)
{
	struct hash_node **link = &hash->buckets[node->value & (hash->size - 1)];
	while (*link && *link != node)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = node->next;
	node->next = NULL;
	hash->count--;
}

static struct hash_node *with_value(struct hash_node *node, uint64_t value)
{
	while (node && node->value != value)
		node = node->next;
	return node;
}

struct hash_node *hash_find(const struct hash *hash, uint64_t value)
{
	return with_value(hash->buckets[value & (hash->size - 1)], value);
}

struct hash_node *hash_find_next(const struct hash_node *node)
{
	return with_value(node->next, node->value);
}
