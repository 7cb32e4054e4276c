/* The stream in a PNG's IDAT chunks: what is inflated the quick way, zlib inflates to the same
 * bytes. (The other way round nothing is promised: zlib is asked whenever the quick way fails.) */
#include "fuzz.h"
#include "png_inflate.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#define RAW_MAX ((size_t)1 << 20)

static void promise(bool kept)
{
	if (!kept)
		abort();
}

/* One chunk with the right CRC, and the header of another behind it. */
static int file_of(const uint8_t *data, size_t size)
{
	static const uint8_t next[8] = {0, 0, 0, 0, 'I', 'E', 'N', 'D'};
	static int fd = -1;
	uint32_t crc = (uint32_t)crc32(crc32(0, (const Bytef *)"IDAT", 4), data, (uInt)size);
	const uint8_t bytes[4] = {
		(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	promise(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	promise(pwrite(fd, bytes, 4, (off_t)size) == 4);
	promise(pwrite(fd, next, 8, (off_t)size + 4) == 8);
	return fd;
}

/* How many bytes zlib makes of it in the end. False: it refuses. */
static bool by_zlib(const uint8_t *data, size_t size, uint8_t *raw, uLong *ret_bytes)
{
	z_stream stream = {.next_in = (Bytef *)(uintptr_t)data,
		.avail_in = (uInt)size,
		.next_out = raw,
		.avail_out = RAW_MAX};
	promise(inflateInit(&stream) == Z_OK);
	int r = inflate(&stream, Z_FINISH);
	*ret_bytes = stream.total_out;
	inflateEnd(&stream);
	return r == Z_STREAM_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t right[RAW_MAX], quick[RAW_MAX];
	uLong bytes;
	if (!png_inflate_available() || size == 0)
		return 0;
	bool whole = by_zlib(data, size, right, &bytes);
	struct png_inflate *inflate =
		png_inflate_open(file_of(data, size), 0, (uint32_t)size, bytes);
	promise(inflate != NULL);
	size_t done = 0;
	ssize_t got;
	while ((got = png_inflate_read(inflate, quick + done, 1000 + size % 60000)) > 0)
		done += (size_t)got;
	if (got == 0) {
		promise(whole && done == bytes && memcmp(quick, right, done) == 0);
		promise(png_inflate_end(inflate) == size + 4);
	}
	png_inflate_close(inflate);
	return 0;
}
