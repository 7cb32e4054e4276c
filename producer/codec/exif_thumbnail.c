/* The thumbnail is found by hand: two numbers of the second directory are all that is needed, and
 * libexif would copy everything else of the block on the way. Each read is checked against the
 * block's end, and at most one step is made from directory to directory, so that no block can lead
 * in a circle. */
#include "exif_thumbnail.h"

#include <stdbool.h>
#include <string.h>

#define HEADER_BYTES 6u /* "Exif\0\0" */
#define ENTRY_BYTES 12u
#define TAG_OFFSET 0x0201u /* JPEGInterchangeFormat */
#define TAG_LENGTH 0x0202u
#define TYPE_SHORT 3u
#define TYPE_LONG 4u

struct tiff {
	const uint8_t *bytes;
	size_t size;
	bool big_endian;
};

static bool read_16(const struct tiff *tiff, size_t at, uint32_t *ret)
{
	if (at > tiff->size || tiff->size - at < 2)
		return false;
	const uint8_t *b = tiff->bytes + at;
	*ret = tiff->big_endian ? (uint32_t)(b[0] << 8 | b[1]) : (uint32_t)(b[1] << 8 | b[0]);
	return true;
}

static bool read_32(const struct tiff *tiff, size_t at, uint32_t *ret)
{
	uint32_t first, second;
	if (!read_16(tiff, at, &first) || !read_16(tiff, at + 2, &second))
		return false;
	*ret = tiff->big_endian ? first << 16 | second : second << 16 | first;
	return true;
}

/* The one value of an entry that has one. */
static bool read_value(const struct tiff *tiff, size_t entry, uint32_t *ret)
{
	uint32_t type, count;
	if (!read_16(tiff, entry + 2, &type) || !read_32(tiff, entry + 4, &count) || count != 1)
		return false;
	if (type == TYPE_SHORT)
		return read_16(tiff, entry + 8, ret);
	return type == TYPE_LONG && read_32(tiff, entry + 8, ret);
}

/* Where the second directory is; it describes the thumbnail. */
static bool find_second(const struct tiff *tiff, uint32_t *ret)
{
	uint32_t first, count;
	return read_32(tiff, 4, &first) && read_16(tiff, first, &count) &&
	       read_32(tiff, (size_t)first + 2 + (size_t)count * ENTRY_BYTES, ret) && *ret != 0 &&
	       *ret != first;
}

bool exif_thumbnail(const uint8_t *block, size_t size, const uint8_t **ret, size_t *ret_size)
{
	uint32_t second, count, tag, offset = 0, length = 0;
	if (size < HEADER_BYTES + 8 || memcmp(block, "Exif\0", HEADER_BYTES) != 0)
		return false;
	struct tiff tiff = {block + HEADER_BYTES, size - HEADER_BYTES, block[HEADER_BYTES] == 'M'};
	if (!find_second(&tiff, &second) || !read_16(&tiff, second, &count))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		size_t entry = (size_t)second + 2 + (size_t)i * ENTRY_BYTES;
		if (!read_16(&tiff, entry, &tag))
			return false;
		if ((tag == TAG_OFFSET && !read_value(&tiff, entry, &offset)) ||
			(tag == TAG_LENGTH && !read_value(&tiff, entry, &length)))
			return false;
	}
	if (length < 4 || offset > tiff.size || tiff.size - offset < length)
		return false;
	*ret = tiff.bytes + offset;
	*ret_size = length;
	return true;
}
