/* producer/server/hash.h - an intrusive hash table that grows by doubling; what a key is stays with
 * the caller. */
#ifndef PRODUCER_SERVER_HASH_H
#define PRODUCER_SERVER_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_node {
	struct hash_node *next;
	uint64_t value; /* the hash of its key */
};

struct hash {
	struct hash_node **buckets;
	size_t size, count;
	uint64_t secret; /* keys come from consumers: they must not be able to choose a bucket */
};

int hash_init(struct hash *hash);
/* Forgets all nodes; they stay the caller's. */
void hash_fini(struct hash *hash);

/* Mixes bytes into a hash value under the table's secret. */
uint64_t hash_bytes(const struct hash *hash, const void *bytes, size_t size);

void hash_insert(struct hash *hash, struct hash_node *node, uint64_t value);
void hash_remove(struct hash *hash, struct hash_node *node);
/* The first node of that value, and the next one after a node; compare keys yourself. */
struct hash_node *hash_find(const struct hash *hash, uint64_t value);
struct hash_node *hash_find_next(const struct hash_node *node);

#endif
