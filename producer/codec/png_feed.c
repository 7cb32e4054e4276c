/* Three layers: pieces of inflated rows come through a ring; they become a zlib stream of stored
 * blocks; and that becomes chunks, the first as long as the file's own, of which libpng has seen
 * the length. */
#include "png_feed.h"
#include "png_inflate.h"

#include "common/util.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 65535u
#define PIECE_BYTES ((size_t)2 * BLOCK_BYTES)
#define PIECES 8u
#define CHUNK_BYTES 65536u
#define STREAM_HEADER_BYTES 2u
#define BLOCK_HEADER_BYTES 5u
#define CHECKSUM_BYTES 4u
/* Below this a helper and its memory do not pay. */
#define RAW_BYTES_MIN ((uint64_t)256 << 10)

/* What lies between data: headers, checksums. */
struct framing {
	uint8_t bytes[12];
	size_t size, taken;
};

struct png_feed {
	struct png_inflate *inflate; /* owned; used by the helper while there is one */
	struct team_task task;       /* inflate_ahead, when it is ahead */
	bool ahead;
	/* The ring. The helper fills a piece that is free, the reader empties one that is full. */
	sem_t full, free;
	atomic_bool stop; /* set before the last post of free, and read after waiting for it */
	ssize_t sizes[PIECES];
	/* Only the reader's, from here on. */
	unsigned current; /* the piece under way, of the ring */
	bool holds;       /* it has not been given back yet */
	size_t piece_left, block_left;
	const uint8_t *next;
	uint64_t raw_left;    /* not yet met in a piece */
	uint64_t stream_left; /* of the zlib stream */
	uint32_t chunk_left;
	bool in_chunk;
	bool checked; /* the whole stream was right */
	struct framing block, chunk;
	uint8_t pieces[PIECES][PIECE_BYTES];
};

uint64_t png_feed_memory(void)
{
	return sizeof(struct png_feed) + png_inflate_memory();
}

static uint64_t stream_bytes(uint64_t raw_bytes)
{
	uint64_t blocks = (raw_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
	return STREAM_HEADER_BYTES + raw_bytes + blocks * BLOCK_HEADER_BYTES + CHECKSUM_BYTES;
}

/* (ISA-L counts in 32 bits.) */
bool png_feed_suits(uint64_t raw_bytes, uint32_t first_bytes)
{
	return png_inflate_available() && raw_bytes >= RAW_BYTES_MIN && raw_bytes < INT32_MAX &&
	       first_bytes <= stream_bytes(raw_bytes);
}

/* ---- the ring ---- */

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		continue; /* EINTR */
}

static void inflate_ahead(void *context)
{
	struct png_feed *feed = context;
	for (unsigned i = 0;; i = (i + 1) % PIECES) {
		wait_for(&feed->free);
		if (atomic_load_explicit(&feed->stop, memory_order_relaxed))
			return;
		feed->sizes[i] = png_inflate_read(feed->inflate, feed->pieces[i], PIECE_BYTES);
		bool last = feed->sizes[i] <= 0;
		sem_post(&feed->full);
		if (last)
			return;
	}
}

/* The next piece: its size, 0 at the end, -1 when the data are not right. */
static ssize_t next_piece(struct png_feed *feed)
{
	if (!feed->ahead) {
		feed->next = feed->pieces[0];
		return png_inflate_read(feed->inflate, feed->pieces[0], PIECE_BYTES);
	}
	if (feed->holds) {
		sem_post(&feed->free);
		feed->current = (feed->current + 1) % PIECES;
	}
	wait_for(&feed->full);
	feed->holds = true;
	feed->next = feed->pieces[feed->current];
	return feed->sizes[feed->current];
}

/* ---- the stream ---- */

static void frame(struct framing *framing, const void *bytes, size_t size)
{
	memcpy(framing->bytes + framing->size, bytes, size);
	framing->size += size;
}

static size_t take_framing(struct framing *framing, uint8_t *data, size_t size)
{
	size_t taken = min_u64(size, framing->size - framing->taken);
	memcpy(data, framing->bytes + framing->taken, taken);
	framing->taken += taken;
	if (framing->taken == framing->size)
		framing->taken = framing->size = 0;
	return taken;
}

static void begin_block(struct png_feed *feed)
{
	uint16_t size = (uint16_t)min_u64(feed->piece_left, BLOCK_BYTES);
	uint8_t last = feed->raw_left == 0 && feed->piece_left == size;
	const uint8_t header[BLOCK_HEADER_BYTES] = {
		last, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size, (uint8_t)(~size >> 8)};
	frame(&feed->block, header, sizeof(header));
	feed->block_left = size;
}

/* Sets up what comes next when block and framing are used up. False: the data are not right. */
static bool advance(struct png_feed *feed)
{
	static const uint8_t nothing[CHECKSUM_BYTES];
	if (feed->piece_left == 0) {
		ssize_t size = next_piece(feed);
		if (size < 0 || (size == 0) != (feed->raw_left == 0))
			return false;
		if (size == 0) {
			feed->checked = true;
			frame(&feed->block, nothing, sizeof(nothing));
			return true;
		}
		feed->piece_left = (size_t)size;
		feed->raw_left -= (size_t)size;
	}
	begin_block(feed);
	return true;
}

static bool read_stream(struct png_feed *feed, uint8_t *data, size_t size)
{
	feed->stream_left -= size;
	while (size > 0) {
		size_t taken;
		if (feed->block.size > 0) {
			taken = take_framing(&feed->block, data, size);
		} else if (feed->block_left > 0) {
			taken = min_u64(size, feed->block_left);
			memcpy(data, feed->next, taken);
			feed->next += taken;
			feed->block_left -= taken;
			feed->piece_left -= taken;
		} else {
			if (!advance(feed))
				return false;
			continue;
		}
		data += taken;
		size -= taken;
	}
	return true;
}

/* ---- the chunks ---- */

static void end_chunk(struct png_feed *feed)
{
	static const uint8_t nothing[4];
	frame(&feed->chunk, nothing, sizeof(nothing));
	feed->in_chunk = feed->stream_left > 0;
	if (!feed->in_chunk)
		return;
	feed->chunk_left = (uint32_t)min_u64(feed->stream_left, CHUNK_BYTES);
	const uint8_t header[8] = {(uint8_t)(feed->chunk_left >> 24),
		(uint8_t)(feed->chunk_left >> 16), (uint8_t)(feed->chunk_left >> 8),
		(uint8_t)feed->chunk_left, 'I', 'D', 'A', 'T'};
	frame(&feed->chunk, header, sizeof(header));
}

bool png_feed_read(struct png_feed *feed, uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t taken;
		if (feed->chunk.size > 0) {
			taken = take_framing(&feed->chunk, data, size);
		} else if (!feed->in_chunk) {
			return false;
		} else {
			taken = min_u64(size, feed->chunk_left);
			if (!read_stream(feed, data, taken))
				return false;
			feed->chunk_left -= (uint32_t)taken;
			if (feed->chunk_left == 0)
				end_chunk(feed);
		}
		data += taken;
		size -= taken;
	}
	return true;
}

bool png_feed_ended(const struct png_feed *feed, uint64_t *ret_position)
{
	if (feed->in_chunk || feed->chunk.size > 0 || !feed->checked)
		return false;
	*ret_position = png_inflate_end(feed->inflate);
	return true;
}

/* ---- from beginning to end ---- */

struct png_feed *png_feed_open(
	int fd, uint64_t position, uint32_t first_bytes, uint64_t raw_bytes, struct team *team)
{
	static const uint8_t header[STREAM_HEADER_BYTES] = {0x78, 0x01};
	struct png_feed *feed = malloc(sizeof(*feed));
	if (!feed)
		return NULL;
	memset(feed, 0, offsetof(struct png_feed, pieces));
	feed->inflate = png_inflate_open(fd, position, first_bytes, raw_bytes);
	if (!feed->inflate) {
		free(feed);
		return NULL;
	}
	feed->raw_left = raw_bytes;
	feed->stream_left = stream_bytes(raw_bytes);
	feed->chunk_left = first_bytes;
	feed->in_chunk = true;
	frame(&feed->block, header, sizeof(header));
	if (first_bytes == 0)
		end_chunk(feed);
	sem_init(&feed->full, 0, 0);
	sem_init(&feed->free, 0, PIECES);
	feed->task = (struct team_task){.run = inflate_ahead, .context = feed};
	feed->ahead = team_start(team, &feed->task);
	return feed;
}

void png_feed_close(struct png_feed *feed)
{
	if (!feed)
		return;
	if (feed->ahead) {
		atomic_store_explicit(&feed->stop, true, memory_order_relaxed);
		sem_post(&feed->free);
		team_wait(&feed->task);
	}
	sem_destroy(&feed->full);
	sem_destroy(&feed->free);
	png_inflate_close(feed->inflate);
	free(feed);
}
