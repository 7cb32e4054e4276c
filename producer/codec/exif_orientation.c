/* Orientation by libexif. It copies the data of every entry, and entries of a crafted block may all
 * name the same bytes: an allocator with an allowance keeps 64 KiB of EXIF from becoming tens of
 * MiB of heap. */
#include "exif_orientation.h"

#include <libexif/exif-data.h>
#include <stddef.h>
#include <stdlib.h>

/* libexif's allocator callbacks carry no user pointer. Each block is charged with a header of 16
 * bytes, which keeps its size. */
static _Thread_local size_t allowance;

union block_header {
	size_t size;
	max_align_t align;
};

static void *limited_realloc(void *block, ExifLong size)
{
	union block_header *header = block ? (union block_header *)block - 1 : NULL;
	size_t old = header ? header->size : 0;
	size_t wanted = sizeof(*header) + size;
	if (wanted > allowance + old)
		return NULL;
	union block_header *moved = realloc(header, wanted);
	if (!moved)
		return NULL;
	allowance = allowance + old - wanted;
	moved->size = wanted;
	return moved + 1;
}

static void *limited_alloc(ExifLong size)
{
	size_t wanted = sizeof(union block_header) + size;
	if (wanted > allowance)
		return NULL;
	union block_header *header = calloc(1, wanted);
	if (!header)
		return NULL;
	allowance -= wanted;
	header->size = wanted;
	return header + 1;
}

static void limited_free(void *block)
{
	if (!block)
		return;
	union block_header *header = (union block_header *)block - 1;
	allowance += header->size;
	free(header);
}

static unsigned orientation_of_entry(const ExifEntry *entry, ExifByteOrder order)
{
	if (!entry || !entry->data || entry->components < 1)
		return 1;
	unsigned value = 0;
	if (entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
		value = exif_get_short(entry->data, order);
	else if (entry->format == EXIF_FORMAT_LONG && entry->size >= 4)
		value = exif_get_long(entry->data, order);
	return value >= 1 && value <= 8 ? value : 1;
}

static unsigned orientation_of_data(ExifData *data, const uint8_t *block, size_t size)
{
	/* As it stands in the file: libexif would otherwise add and convert entries to make the
	 * block valid. */
	exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
	exif_data_load_data(data, block, (unsigned)size);
	ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
	return orientation_of_entry(entry, exif_data_get_byte_order(data));
}

unsigned exif_orientation(const uint8_t *block, size_t size)
{
	unsigned orientation = 1;
	allowance = EXIF_MEMORY_BYTES;
	ExifMem *memory = exif_mem_new(limited_alloc, limited_realloc, limited_free);
	ExifData *data = memory ? exif_data_new_mem(memory) : NULL;
	if (data)
		orientation = orientation_of_data(data, block, size);
	exif_data_unref(data);
	exif_mem_unref(memory);
	return orientation;
}
