/* PNGs large enough for the quick way, with every oddity that a compressed stream and its chunks
 * can have: what plain libpng takes is taken, with its pixels, and what it refuses is refused. */
#include "decode.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SIDE 400u
#define ROW_BYTES (1 + SIDE * 3)
#define RAW_BYTES (SIDE * ROW_BYTES)
#define FILE_MAX ((size_t)2 << 20)

enum oddity {
	PLAIN,
	MANY_CHUNKS,
	EMPTY_CHUNKS,
	CHUNK_BORDERS_EVERYWHERE,
	SMALL_WINDOW,
	LYING_WINDOW,
	DICTIONARY_FLAG,
	BAD_HEADER_CHECK,
	BAD_CHECKSUM,
	NO_CHECKSUM,
	BAD_CRC,
	BAD_LAST_CRC,
	SURPLUS_BYTES,
	SURPLUS_CHUNK,
	SURPLUS_EMPTY_CHUNK,
	TOO_LITTLE_DATA,
	TOO_MUCH_DATA,
	STORED,
	FIXED_CODES,
	FLUSHED,
	TEXT_BETWEEN,
	NO_END,
	BAD_END_CRC,
	BAD_FILTER,
	ODDITIES,
};

static const char *const names[ODDITIES] = {"plain", "many chunks", "empty chunks",
	"chunks of few bytes", "a small window", "a window smaller than its distances",
	"the dictionary flag", "a bad check of the header", "a bad checksum", "no checksum",
	"a bad CRC", "a bad CRC at the end", "bytes behind the stream", "a chunk behind the stream",
	"an empty chunk behind the stream", "too little data", "too much data", "stored blocks",
	"fixed codes", "flushes", "a chunk between", "no end", "a bad CRC of the end",
	"a filter that is none"};

struct file {
	size_t size;
	uint8_t data[FILE_MAX];
};

static void put_32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_chunk(
	struct file *file, const char *name, const uint8_t *data, size_t size, bool bad_crc)
{
	uint8_t *at = file->data + file->size;
	cr_assert_lt(file->size + size + 12, FILE_MAX);
	put_32(at, (uint32_t)size);
	memcpy(at + 4, name, 4);
	if (size > 0)
		memcpy(at + 8, data, size);
	put_32(at + 8 + size, (uint32_t)crc32(0, at + 4, (uInt)size + 4) ^ bad_crc);
	file->size += size + 12;
}

/* Noise that compresses a little, and comes again 20000 bytes later: long distances. */
static void make_rows(uint8_t *raw, enum oddity oddity)
{
	uint32_t state = 1;
	for (size_t i = 0; i < RAW_BYTES + ROW_BYTES; i++) {
		state = state * 1664525u + 1013904223u;
		raw[i] = i >= 20000 && state >> 30 ? raw[i - 20000] : (uint8_t)(state >> 26);
	}
	for (size_t y = 0; y <= SIDE; y++)
		raw[y * ROW_BYTES] = (uint8_t)(y % 5);
	if (oddity == BAD_FILTER)
		raw[200 * ROW_BYTES] = 9;
}

static size_t compress_rows(const uint8_t *raw, enum oddity oddity, uint8_t *ret)
{
	z_stream stream = {0};
	size_t size = RAW_BYTES;
	if (oddity == TOO_LITTLE_DATA)
		size -= 1;
	if (oddity == TOO_MUCH_DATA)
		size += ROW_BYTES;
	cr_assert_eq(deflateInit2(&stream, oddity == STORED ? 0 : 6, Z_DEFLATED,
			     oddity == SMALL_WINDOW ? 12 : 15, 8,
			     oddity == FIXED_CODES ? Z_FIXED : Z_DEFAULT_STRATEGY),
		Z_OK);
	stream.next_out = ret;
	stream.avail_out = FILE_MAX;
	stream.next_in = (Bytef *)(uintptr_t)raw;
	stream.avail_in = oddity == FLUSHED ? 100000 : (uInt)size;
	if (oddity == FLUSHED) {
		cr_assert_eq(deflate(&stream, Z_FULL_FLUSH), Z_OK);
		stream.avail_in = (uInt)size - 100000;
	}
	cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
	size = stream.total_out;
	deflateEnd(&stream);
	return size;
}

static size_t spoil_stream(uint8_t *stream, size_t size, enum oddity oddity)
{
	if (oddity == LYING_WINDOW) { /* 4 KiB; the check made right again */
		stream[0] = 0x48;
		stream[1] = (uint8_t)(31 - (0x4800 % 31));
	}
	if (oddity == DICTIONARY_FLAG) {
		stream[1] = 0x20;
		stream[1] = (uint8_t)(0x20 + 31 - ((0x7800 + 0x20) % 31));
	}
	stream[1] ^= oddity == BAD_HEADER_CHECK;
	stream[size - 1] ^= oddity == BAD_CHECKSUM;
	if (oddity == SURPLUS_BYTES) {
		memset(stream + size, 7, 10);
		size += 10;
	}
	return oddity == NO_CHECKSUM ? size - 4 : size;
}

static void put_data(struct file *file, const uint8_t *stream, size_t size, enum oddity oddity)
{
	size_t piece = oddity == MANY_CHUNKS || oddity == EMPTY_CHUNKS ? 5000 : size;
	if (oddity == TEXT_BETWEEN || oddity == BAD_CRC)
		piece = size / 2 + 1;
	if (oddity == CHUNK_BORDERS_EVERYWHERE)
		piece = 3;
	for (size_t done = 0; done < size; done += piece) {
		size_t now = min_u64(piece, size - done);
		bool last = done + now == size;
		put_chunk(file, "IDAT", stream + done, now,
			(oddity == BAD_CRC && !last) || (oddity == BAD_LAST_CRC && last));
		if (oddity == EMPTY_CHUNKS && !last)
			put_chunk(file, "IDAT", NULL, 0, false);
		if (oddity == TEXT_BETWEEN && !last)
			put_chunk(file, "tEXt", (const uint8_t *)"a", 1, false);
	}
	if (oddity == SURPLUS_EMPTY_CHUNK)
		put_chunk(file, "IDAT", NULL, 0, false);
	if (oddity == SURPLUS_CHUNK)
		put_chunk(file, "IDAT", stream, 50, false);
}

static void make_file(struct file *file, enum oddity oddity)
{
	static uint8_t raw[RAW_BYTES + ROW_BYTES], stream[FILE_MAX];
	uint8_t header[13] = {[8] = 8, [9] = 2};
	put_32(header, SIDE);
	put_32(header + 4, SIDE);
	make_rows(raw, oddity);
	size_t size = spoil_stream(stream, compress_rows(raw, oddity, stream), oddity);
	memcpy(file->data, "\x89PNG\r\n\x1a\n", 8);
	file->size = 8;
	put_chunk(file, "IHDR", header, sizeof(header), false);
	put_data(file, stream, size, oddity);
	if (oddity != NO_END)
		put_chunk(file, "IEND", NULL, 0, oddity == BAD_END_CRC);
}

/* ---- what libpng makes of it ---- */

struct reader {
	const struct file *file;
	size_t position;
};

static void read_bytes(png_structp png, png_bytep data, size_t size)
{
	struct reader *reader = png_get_io_ptr(png);
	if (size > reader->file->size - reader->position)
		png_error(png, "end");
	memcpy(data, reader->file->data + reader->position, size);
	reader->position += size;
}

static void fail(png_structp png, png_const_charp message)
{
	(void)message;
	png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp message)
{
	(void)png;
	(void)message;
}

static bool plain_libpng(const struct file *file, uint8_t *pixels)
{
	struct reader reader = {.file = file};
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, fail, ignore);
	png_infop info = png_create_info_struct(png);
	bool volatile whole = false;
	if (setjmp(png_jmpbuf(png)) == 0) {
		png_set_read_fn(png, &reader, read_bytes);
		png_set_benign_errors(png, 1);
		png_read_info(png, info);
		png_set_bgr(png);
		png_set_filler(png, 0xff, PNG_FILLER_AFTER);
		for (unsigned y = 0; y < SIDE; y++)
			png_read_row(png, pixels + (size_t)y * SIDE * 4, NULL);
		png_read_end(png, NULL);
		whole = true;
	}
	png_destroy_read_struct(&png, &info, NULL);
	return whole;
}

ParameterizedTestParameters(png_streams, judged_as_libpng_judges)
{
	static int oddities[ODDITIES];
	for (int i = 0; i < ODDITIES; i++)
		oddities[i] = i;
	return cr_make_param_array(int, oddities, ODDITIES);
}

ParameterizedTest(int *oddity, png_streams, judged_as_libpng_judges)
{
	static struct file file;
	static uint8_t right[SIDE * SIDE * 4];
	struct decoded decoded;
	make_file(&file, (enum oddity) * oddity);
	bool whole = plain_libpng(&file, right);
	int r = decode_bytes(file.data, file.size, &(struct request){0}, &decoded);
	cr_expect_eq(r == 0, whole, "%s: %d %s", names[*oddity], r, decoded.result.text);
	if (r == 0)
		cr_expect_eq(memcmp(decoded.pixels, right, sizeof(right)), 0, "%s", names[*oddity]);
	decoded_free(&decoded);
}
