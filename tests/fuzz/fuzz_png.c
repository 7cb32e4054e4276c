/* PNG. Every chunk has a checksum, behind which a fuzzer would find nothing: they are put right
 * first. */
#include "codec_job.h"
#include "fuzz.h"

#include "common/util.h"

#include <string.h>

#define SIGNATURE_BYTES 8u
#define CHUNK_FRAME_BYTES 12u /* length, name and checksum */

static uint32_t get_be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t crc32_of(const uint8_t *data, size_t size)
{
	static uint32_t table[256];
	for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
		table[i] = i;
		for (unsigned bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
	}
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
	return ~crc;
}

static void repair_checksums(uint8_t *png, size_t size)
{
	size_t at = SIGNATURE_BYTES;
	while (at + CHUNK_FRAME_BYTES <= size) {
		size_t length = get_be32(png + at);
		if (length > size - at - CHUNK_FRAME_BYTES)
			return;
		uint32_t crc = crc32_of(png + at + 4, length + 4);
		for (unsigned i = 0; i < 4; i++)
			png[at + 8 + length + i] = (uint8_t)(crc >> (24 - 8 * i));
		at += CHUNK_FRAME_BYTES + length;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || memcmp(data, "\x89PNG", 4) != 0)
		return 0;
	CLEANUP(free_p) uint8_t *png = malloc(size);
	memcpy(png, data, size);
	repair_checksums(png, size);
	codec_job_run(png, size);
	return 0;
}
