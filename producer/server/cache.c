/* Which bitmap is which file at which size.
 *
 * A request names a file and a box. Once the file's size is known (it was probed before, or is
 * probed now) the box becomes the exact size of the bitmap, so that all boxes that give the same
 * pixels share one entry. What files measure is remembered apart from the entries, for as many
 * files as anybody browses. */
#include "parts.h"

#include <mural/pixel.h>
#include <string.h>

#define PICTURES_MAX 65536u
#define KEY_FLAGS (PROTOCOL_AS_STORED | PROTOCOL_ALLOW_PARTIAL | PROTOCOL_PREVIEW)

/* What a probe found out about a file. */
struct picture {
	struct hash_node node;
	struct list order; /* oldest first */
	struct protocol_identity identity;
	uint32_t flags; /* PROTOCOL_AS_STORED: width and height depend on it */
	uint32_t width, height;
};

int cache_init(struct server *server)
{
	list_init(&server->picture_order);
	int r = hash_init(&server->entries);
	if (r < 0)
		return r;
	return hash_init(&server->pictures);
}

void cache_fini(struct server *server)
{
	for (size_t i = 0; i < server->entries.size && server->entries.buckets; i++)
		while (server->entries.buckets[i])
			cache_forget(server,
				CONTAINER_OF(server->entries.buckets[i], struct entry, node));
	if (server->picture_order.next)
		list_for_each(node, &server->picture_order)
			free(list_item(node, struct picture, order));
	hash_fini(&server->entries);
	hash_fini(&server->pictures);
}

static bool same_identity(const struct protocol_identity *a, const struct protocol_identity *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

_Static_assert(sizeof(struct protocol_identity) == 48, "no padding: compared and hashed as bytes");
_Static_assert(sizeof(struct cache_key) == 72, "no padding: compared and hashed as bytes");

static uint64_t picture_value(
	const struct server *server, const struct protocol_identity *identity, uint32_t flags)
{
	return hash_bytes(&server->pictures, identity, sizeof(*identity)) +
	       (flags & PROTOCOL_AS_STORED);
}

static struct picture *picture_find(
	const struct server *server, const struct protocol_identity *identity, uint32_t flags)
{
	struct hash_node *node =
		hash_find(&server->pictures, picture_value(server, identity, flags));
	for (; node; node = hash_find_next(node)) {
		struct picture *picture = CONTAINER_OF(node, struct picture, node);
		if (same_identity(&picture->identity, identity) &&
			picture->flags == (flags & PROTOCOL_AS_STORED))
			return picture;
	}
	return NULL;
}

/* Forgetting one costs a probe, so no memory is no error. */
static void picture_remember(
	struct server *server, const struct cache_key *key, const struct job_result *facts)
{
	if (picture_find(server, &key->identity, key->flags))
		return;
	struct picture *picture;
	if (server->pictures.count >= PICTURES_MAX) {
		picture = list_item(server->picture_order.next, struct picture, order);
		list_remove(&picture->order);
		hash_remove(&server->pictures, &picture->node);
	} else {
		picture = calloc(1, sizeof(*picture));
		if (!picture)
			return;
		list_init(&picture->order);
	}
	picture->identity = key->identity;
	picture->flags = key->flags & PROTOCOL_AS_STORED;
	picture->width = facts->source_width;
	picture->height = facts->source_height;
	list_append(&server->picture_order, &picture->order);
	hash_insert(&server->pictures, &picture->node,
		picture_value(server, &key->identity, key->flags));
}

static struct entry *entry_find(const struct server *server, const struct cache_key *key)
{
	struct hash_node *node =
		hash_find(&server->entries, hash_bytes(&server->entries, key, sizeof(*key)));
	for (; node; node = hash_find_next(node)) {
		struct entry *entry = CONTAINER_OF(node, struct entry, node);
		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	return NULL;
}

static void entry_file(struct server *server, struct entry *entry)
{
	hash_insert(&server->entries, &entry->node,
		hash_bytes(&server->entries, &entry->key, sizeof(entry->key)));
}

struct entry *cache_entry(struct server *server, const struct protocol_identity *identity,
	const struct protocol_request *wanted)
{
	struct cache_key key = {
		.identity = *identity,
		.format = wanted->format,
		.flags = wanted->flags & KEY_FLAGS,
		.width = wanted->box_width,
		.height = wanted->box_height,
	};
	const struct picture *picture = picture_find(server, identity, wanted->flags);
	/* How large a preview is only its probe can say: it stays under the box. */
	if (picture && !(wanted->flags & PROTOCOL_PREVIEW)) {
		key.exact = 1;
		mural_fit(picture->width, picture->height, wanted->box_width, wanted->box_height,
			&key.width, &key.height);
	}
	struct entry *entry = entry_find(server, &key);
	if (entry)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->server = server;
	entry->key = key;
	entry->box_width = wanted->box_width;
	entry->box_height = wanted->box_height;
	entry->stage = ENTRY_PROBE;
	entry->source_fd = -1;
	list_init(&entry->requests);
	list_init(&entry->queue);
	list_init(&entry->running_node);
	entry_file(server, entry);
	return entry;
}

struct entry *cache_settle(struct server *server, struct entry *entry)
{
	picture_remember(server, &entry->key, &entry->facts);
	if (entry->key.exact || entry->key.flags & PROTOCOL_PREVIEW)
		return entry;
	struct cache_key key = entry->key;
	key.exact = 1;
	key.width = entry->facts.width;
	key.height = entry->facts.height;
	struct entry *there = entry_find(server, &key);
	if (there)
		return there;
	hash_remove(&server->entries, &entry->node);
	entry->key = key;
	entry_file(server, entry);
	return entry;
}

void cache_forget(struct server *server, struct entry *entry)
{
	hash_remove(&server->entries, &entry->node);
	list_remove(&entry->queue);
	list_remove(&entry->running_node);
	files_forget(server->files, entry->ticket);
	files_close(server->files, entry->source_fd);
	free(entry);
}
