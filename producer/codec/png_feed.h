/* png_feed.h - what libpng is given to read in place of a PNG's IDAT chunks: the same bytes,
 * inflated already and wrapped as stored deflate blocks, which zlib only copies. A helper, when
 * there is a free one, inflates ahead, and makes the pages of the bitmap as it goes.
 *
 * libpng must be told to ignore the CRCs of these chunks and the stream's Adler-32: those of the
 * file have been checked instead. */
#ifndef CODEC_PNG_FEED_H
#define CODEC_PNG_FEED_H

#include "producer/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct png_feed;

/* What it allocates, bytes. */
uint64_t png_feed_memory(void);
/* Is it worth it, and can it be done, for so many bytes of filtered rows, in a first chunk of so
 * many? */
bool png_feed_suits(uint64_t raw_bytes, uint32_t first_bytes);

/* As png_inflate_open. @team: a helper of it inflates ahead, if one is free. NULL: no memory. */
struct png_feed *png_feed_open(
	int fd, uint64_t position, uint32_t first_bytes, uint64_t raw_bytes, struct team *team);
/* NULL is fine. */
void png_feed_close(struct png_feed *feed);

/* The next @size bytes, from the data of the first chunk to the CRC of the last. False: the file's
 * chunks are not in order. */
bool png_feed_read(struct png_feed *feed, uint8_t *data, size_t size);
/* All has been read, all was right, and the file goes on at *ret_position. */
bool png_feed_ended(const struct png_feed *feed, uint64_t *ret_position);

#endif
