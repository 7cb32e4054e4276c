/* EXIF by hand: the tests must not get their orientations from the library that the decoder reads
 * them with. */
#include "exif.h"

#include <string.h>

enum { HEADER = 6, TIFF_HEADER = 8, ENTRY = 12 };
enum { TYPE_ASCII = 2, TYPE_SHORT = 3, TYPE_LONG = 4 };
enum {
	TAG_COMPRESSION = 0x103,
	TAG_ORIENTATION = 0x112,
	TAG_SOFTWARE = 0x131,
	TAG_THUMBNAIL_OFFSET = 0x201,
	TAG_THUMBNAIL_LENGTH = 0x202,
};

static const char software[] = "mural make_assets";

struct exif_writer {
	uint8_t *tiff; /* offsets in EXIF count from here */
	size_t at;
	int big_endian;
};

static void put(struct exif_writer *w, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++) {
		int shift = 8 * (w->big_endian ? bytes - 1 - i : i);
		w->tiff[w->at++] = (uint8_t)(value >> shift);
	}
}

/* A SHORT stands in the first two of the four value bytes, whichever the byte order. */
static void put_entry(
	struct exif_writer *w, unsigned tag, unsigned type, uint32_t count, uint32_t value)
{
	put(w, tag, 2);
	put(w, type, 2);
	put(w, count, 4);
	put(w, value, type == TYPE_SHORT ? 2 : 4);
	if (type == TYPE_SHORT)
		put(w, 0, 2);
}

static size_t directory_size(unsigned entries)
{
	return 2 + entries * ENTRY + 4;
}

static void put_thumbnail(struct exif_writer *w, const struct exif_options *options)
{
	size_t data = w->at + directory_size(4);

	put(w, 4, 2);
	put_entry(w, TAG_COMPRESSION, TYPE_SHORT, 1, 6);
	/* The thumbnail's own orientation: a reader that takes it for the picture's shows the
	 * picture lying down. */
	put_entry(w, TAG_ORIENTATION, TYPE_SHORT, 1, 1);
	put_entry(w, TAG_THUMBNAIL_OFFSET, TYPE_LONG, 1, (uint32_t)data);
	put_entry(w, TAG_THUMBNAIL_LENGTH, TYPE_LONG, 1, (uint32_t)options->thumbnail_size);
	put(w, 0, 4);
	memcpy(w->tiff + w->at, options->thumbnail, options->thumbnail_size);
	w->at += options->thumbnail_size;
}

size_t exif_write(const struct exif_options *options, uint8_t *segment)
{
	struct exif_writer w = {.tiff = segment + HEADER, .big_endian = options->big_endian};
	size_t text = TIFF_HEADER + directory_size(2);
	size_t end = text + sizeof(software);
	size_t total = HEADER + end +
		       (options->thumbnail ? directory_size(4) + options->thumbnail_size : 0);

	if (total > EXIF_LIMIT)
		return 0;
	memcpy(segment, "Exif\0", HEADER);
	put(&w, options->big_endian ? 0x4d4d : 0x4949, 2);
	put(&w, 42, 2);
	put(&w, TIFF_HEADER, 4);
	put(&w, 2, 2);
	put_entry(&w, TAG_ORIENTATION, TYPE_SHORT, 1, options->orientation);
	put_entry(&w, TAG_SOFTWARE, TYPE_ASCII, sizeof(software), (uint32_t)text);
	put(&w, options->thumbnail ? (uint32_t)end : 0, 4);
	memcpy(w.tiff + w.at, software, sizeof(software));
	w.at += sizeof(software);
	if (options->thumbnail)
		put_thumbnail(&w, options);
	return HEADER + w.at;
}
