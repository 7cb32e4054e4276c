/* IDAT chunks are read through one buffer and inflated where they lie in it. */
#include "png_inflate.h"

#include "producer/codec.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#define BUFFER_BYTES ((size_t)64 << 10)

struct png_inflate {
	struct source source;
	uint64_t raw_left;
	uint32_t chunk_left; /* of the data of this IDAT, not yet taken */
	uint32_t crc;        /* of what was taken of it */
	bool behind;         /* the chunk that was met is no IDAT */
	bool failed, finished;
	uint64_t end;
	size_t buffered, taken; /* of buffer */
	struct inflate_state state;
	uint8_t buffer[BUFFER_BYTES];
};

bool png_inflate_available(void)
{
	return true;
}

uint64_t png_inflate_memory(void)
{
	return sizeof(struct png_inflate);
}

static bool fill(struct png_inflate *inflate)
{
	int64_t got = source_read(&inflate->source, inflate->buffer, sizeof(inflate->buffer));
	inflate->taken = 0;
	inflate->buffered = got > 0 ? (size_t)got : 0;
	return got > 0;
}

/* Bytes that belong to no chunk's data. */
static bool take(struct png_inflate *inflate, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (inflate->taken == inflate->buffered && !fill(inflate))
			return false;
		bytes[i] = inflate->buffer[inflate->taken++];
	}
	return true;
}

static uint32_t big_endian(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static void begin_chunk(struct png_inflate *inflate, uint32_t bytes)
{
	static uint8_t name[4] = {'I', 'D', 'A', 'T'};
	inflate->chunk_left = bytes;
	inflate->crc = crc32_gzip_refl(0, name, sizeof(name));
}

/* Ends the chunk, and begins the next when it is one of ours. */
static bool next_chunk(struct png_inflate *inflate)
{
	uint8_t bytes[12]; /* a CRC, a length, a name */
	if (!take(inflate, bytes, sizeof(bytes)) || big_endian(bytes) != inflate->crc)
		return false;
	if (memcmp(bytes + 8, "IDAT", 4) == 0) {
		begin_chunk(inflate, big_endian(bytes + 4));
		return inflate->chunk_left <= INT32_MAX;
	}
	inflate->behind = true;
	inflate->end = inflate->source.position - (inflate->buffered - inflate->taken) - 8;
	return true;
}

/* The next data of the chunks, as many as there are in one place. 0: there are no more, or they can
 * not be had. */
static size_t take_data(struct png_inflate *inflate, uint8_t **ret)
{
	while (inflate->chunk_left == 0)
		if (inflate->behind || !next_chunk(inflate))
			return 0;
	if (inflate->behind || (inflate->taken == inflate->buffered && !fill(inflate)))
		return 0;
	size_t size = min_u64(inflate->chunk_left, inflate->buffered - inflate->taken);
	*ret = inflate->buffer + inflate->taken;
	inflate->crc = crc32_gzip_refl(inflate->crc, *ret, size);
	inflate->taken += size;
	inflate->chunk_left -= (uint32_t)size;
	return size;
}

static bool feed(struct png_inflate *inflate)
{
	size_t size = take_data(inflate, &inflate->state.next_in);
	inflate->state.avail_in = (uint32_t)size;
	return size > 0;
}

/* zlib takes a distance over a smaller window for damage, ISA-L does not: only the largest window
 * means the same to both. */
static bool take_stream_header(struct png_inflate *inflate)
{
	uint8_t header[2];
	for (size_t i = 0; i < sizeof(header); i++) {
		if (inflate->state.avail_in == 0 && !feed(inflate))
			return false;
		header[i] = *inflate->state.next_in++;
		inflate->state.avail_in--;
	}
	return header[0] == 0x78 && (header[1] & 0x20) == 0 &&
	       (header[0] << 8 | header[1]) % 31 == 0;
}

struct png_inflate *png_inflate_open(
	int fd, uint64_t position, uint32_t first_bytes, uint64_t raw_bytes)
{
	struct png_inflate *inflate = malloc(sizeof(*inflate));
	if (!inflate)
		return NULL;
	memset(inflate, 0, offsetof(struct png_inflate, state));
	inflate->source = (struct source){.fd = fd, .position = position};
	inflate->raw_left = raw_bytes;
	begin_chunk(inflate, first_bytes);
	isal_inflate_init(&inflate->state);
	inflate->state.crc_flag = ISAL_ZLIB_NO_HDR_VER;
	inflate->state.avail_in = 0;
	inflate->failed = !take_stream_header(inflate);
	return inflate;
}

void png_inflate_close(struct png_inflate *inflate)
{
	free(inflate);
}

/* The stream has ended: nothing may follow it. */
static bool ends_well(struct png_inflate *inflate)
{
	return inflate->raw_left == 0 && inflate->state.avail_in == 0 &&
	       inflate->state.read_in_length < 8 && inflate->chunk_left == 0 &&
	       next_chunk(inflate) && inflate->behind;
}

static bool stream_has_ended(const struct png_inflate *inflate)
{
	return inflate->state.block_state == ISAL_BLOCK_FINISH;
}

/* Inflates until the buffer is full or the stream has ended. ISA-L takes all its input and puts
 * some aside, so that it is asked for what it has before it is given more. */
static bool inflate_some(struct png_inflate *inflate, uint8_t *buffer, size_t size)
{
	struct inflate_state *state = &inflate->state;
	state->next_out = buffer;
	state->avail_out = (uint32_t)size;
	while (!stream_has_ended(inflate) && state->avail_out > 0) {
		uint32_t room = state->avail_out;
		if (isal_inflate(state) != ISAL_DECOMP_OK)
			return false;
		bool came = state->avail_out < room || stream_has_ended(inflate);
		if (!came && (state->avail_in > 0 || !feed(inflate)))
			return false;
	}
	return true;
}

/* Only the checksum may be left of a stream that gave all its bytes. */
static bool finish(struct png_inflate *inflate)
{
	uint8_t surplus;
	if (!inflate_some(inflate, &surplus, sizeof(surplus)) || inflate->state.avail_out == 0)
		return false;
	return stream_has_ended(inflate) && ends_well(inflate);
}

ssize_t png_inflate_read(struct png_inflate *inflate, uint8_t *buffer, size_t size)
{
	if (inflate->failed || inflate->finished)
		return inflate->failed ? -1 : 0;
	if (inflate->raw_left == 0) {
		inflate->finished = finish(inflate);
		inflate->failed = !inflate->finished;
		return inflate->failed ? -1 : 0;
	}
	size = min_u64(size, inflate->raw_left);
	if (!inflate_some(inflate, buffer, size) || inflate->state.avail_out > 0) {
		inflate->failed = true;
		return -1;
	}
	inflate->raw_left -= size;
	return (ssize_t)size;
}

uint64_t png_inflate_end(const struct png_inflate *inflate)
{
	return inflate->end;
}
