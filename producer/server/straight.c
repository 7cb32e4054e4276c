/* Pictures that go straight on from their probe to their pixels, in one process. For a small bitmap
 * the second process costs as much as decoding it.
 *
 * What the decoder may take must be known before it starts, and so before anybody knows the
 * picture: a window for the largest bitmap that it may turn out to be, and limits that most
 * pictures keep within. One that needs more is left with its facts, and goes on as any other. */
#include "decode.h"

#include <mural/pixel.h>

/* Baseline JPEGs of any size and PNGs take 2 MiB for a small bitmap, a progressive JPEG of a
 * little less than one megapixel 4. */
#define STRAIGHT_MEMORY ((uint64_t)4 << 20)
/* Above it a process is less than a hundredth of the decode. */
#define STRAIGHT_PIXELS ((uint64_t)16 << 20)
/* Below it helper threads have nothing to do: when there are some, larger ones are theirs. */
#define ALONE_PIXELS ((uint64_t)1 << 20)
/* Where the box does not say that the bitmap is small, the file may. */
#define SMALL_FILE_BYTES ((int64_t)256 << 10)

static bool is_small(uint32_t format, uint32_t width, uint32_t height, uint64_t *ret_bytes)
{
	uint32_t stride;
	return width > 0 && height > 0 &&
	       mural_bitmap_layout(format, width, height, &stride, ret_bytes) &&
	       *ret_bytes < POOL_LARGE_BYTES;
}

uint64_t straight_window(const struct entry *entry)
{
	const struct cache_key *key = &entry->key;
	uint64_t bytes = 0;
	/* The look for a preview finds none as a rule, and takes no decoder's place for that. */
	if (key->flags & PROTOCOL_PREVIEW)
		return 0;
	if (is_small(key->format, key->width, key->height, &bytes))
		return bytes;
	if (!key->exact && key->identity.size <= SMALL_FILE_BYTES)
		return POOL_LARGE_BYTES - page_bytes();
	return 0;
}

bool straight_is_wanted(const struct server *server, const struct entry *entry)
{
	/* Memory that somebody waits for is not lent. */
	return entry->stage == ENTRY_PROBE && entry->straight_bytes > 0 &&
	       list_empty(&server->roomless);
}

uint64_t straight_bytes(const struct entry *entry)
{
	return entry->straight_bytes + STRAIGHT_MEMORY;
}

bool straight_lend(struct server *server, struct entry *entry)
{
	const struct request *first = list_item(entry->requests.next, struct request, in_entry);
	if (room_is_unwelcome(server, entry) ||
		pool_scratch_lend(server->pool, entry->straight_bytes, first->session->uid,
			monotonic_ns(), &entry->scratch) < 0)
		return false;
	server->filling++;
	return true;
}

void straight_collect(struct server *server, struct pool_scratch *scratch)
{
	if (!scratch)
		return;
	server->filling--;
	pool_scratch_give_back(server->pool, scratch);
}

void decode_gone(void *scratch, void *user)
{
	struct server *server = user;
	straight_collect(server, scratch);
	/* It may be the room that somebody waits for. */
	if (!server->ending && !list_empty(&server->roomless))
		decode_room(server);
}

int straight_limit(const struct server *server, const struct entry *entry, struct job *job)
{
	int memory;
	uint64_t length;
	pool_scratch_window(entry->scratch, &memory, &length);
	page_round_up(entry->straight_bytes, &job->window_length);
	job->memory_bytes = STRAIGHT_MEMORY;
	job->go_on_pixels = turn_free_cores(server, entry) > 0 ? ALONE_PIXELS : STRAIGHT_PIXELS;
	return memory;
}
