/* png_inflate.h - inflates the IDAT chunks of a PNG by ISA-L, which takes a third of zlib's time.
 *
 * Strict: whatever is not just as it should be is refused without a reason, and is then for libpng
 * and zlib to judge. That is: each chunk's CRC, a window of 32 KiB without a dictionary, exactly
 * as many bytes as the picture has, the stream's Adler-32, nothing behind it. */
#ifndef CODEC_PNG_INFLATE_H
#define CODEC_PNG_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct png_inflate;

/* False in a build without the library. */
bool png_inflate_available(void);
/* What it allocates, bytes. */
uint64_t png_inflate_memory(void);

/* @position: of the data of the first IDAT chunk, of @first_bytes bytes, in @fd (borrowed).
 * @raw_bytes: the picture's. NULL: no memory. */
struct png_inflate *png_inflate_open(
	int fd, uint64_t position, uint32_t first_bytes, uint64_t raw_bytes);
void png_inflate_close(struct png_inflate *inflate);

/* Fills @buffer, with less than @size bytes only at the end. 0: all of it came, and all was right.
 * -1: not so. */
ssize_t png_inflate_read(struct png_inflate *inflate, uint8_t *buffer, size_t size);

/* After 0: where the chunk behind the last IDAT begins. */
uint64_t png_inflate_end(const struct png_inflate *inflate);

#endif
