/* The rules for what may follow what are libjpeg's, which warns where they are broken, but only
 * when it reads scans in their order. */
#include "jpeg_index.h"

#include "jpeg_scanner.h"

#include "common/util.h"

#include <stdlib.h>
#include <string.h>

#define MARKER_BYTES 2

enum {
	MARKER_SOF2 = 0xc2,
	MARKER_DHT = 0xc4,
	MARKER_SOI = 0xd8,
	MARKER_SOS = 0xda,
	MARKER_DQT = 0xdb,
	MARKER_DRI = 0xdd,
	MARKER_APP15 = 0xef,
	MARKER_COM = 0xfe,
};

struct indexing {
	struct jpeg_index *index;
	const struct jpeg_decompress_struct *cinfo;
	struct jpeg_scanner scanner;
	/* Of each component's coefficients: how many low bits are still to come (-1: all). */
	int8_t missing[MAX_COMPS_IN_SCAN][DCTSIZE2];
	/* Which scans brought its means, and which others. A damaged scan may bring coefficients
	 * beyond its last, and libjpeg does not say so: they are not told apart further. */
	uint64_t means[MAX_COMPS_IN_SCAN], others[MAX_COMPS_IN_SCAN];
};

/* What an SOS segment says. */
struct scan_header {
	int count, components[MAX_COMPS_IN_SCAN];
	int first, last; /* coefficients, in the order of the file */
	int high, low;   /* low bits of them that are missing before and after it */
};

/* -1: the end of the file. */
static int read_two_bytes(struct jpeg_scanner *scanner)
{
	int high = jpeg_scanner_byte(scanner), low = jpeg_scanner_byte(scanner);
	return high < 0 || low < 0 ? -1 : high << 8 | low;
}

/* The first that has it; -1. */
static int component_of_id(const struct jpeg_decompress_struct *cinfo, int id)
{
	for (int i = 0; i < cinfo->num_components; i++)
		if (cinfo->comp_info[i].component_id == id)
			return i;
	return -1;
}

static bool read_scan_header(struct indexing *indexing, struct scan_header *ret)
{
	struct jpeg_scanner *scanner = &indexing->scanner;
	int length = read_two_bytes(scanner);
	ret->count = jpeg_scanner_byte(scanner);
	if (ret->count < 1 || ret->count > MAX_COMPS_IN_SCAN || length != 6 + 2 * ret->count)
		return false;
	for (int i = 0; i < ret->count; i++) {
		int id = jpeg_scanner_byte(scanner);
		ret->components[i] = component_of_id(indexing->cinfo, id);
		/* In their order, as the standard wants it: each of them once. */
		if (ret->components[i] < 0 || jpeg_scanner_byte(scanner) < 0 ||
			(i > 0 && ret->components[i] <= ret->components[i - 1]))
			return false;
	}
	ret->first = jpeg_scanner_byte(scanner);
	ret->last = jpeg_scanner_byte(scanner);
	int bits = jpeg_scanner_byte(scanner);
	ret->high = bits >> 4;
	ret->low = bits & 15;
	return bits >= 0 && ret->first >= 0 && ret->last >= ret->first && ret->last < DCTSIZE2;
}

/* False: it does not go on from what there is. */
static bool note_scan(struct indexing *indexing, const struct scan_header *header)
{
	unsigned number = indexing->index->scan_count;
	struct jpeg_scan *scan = &indexing->index->scans[number];
	bool means = header->first == 0 && header->last == 0;
	if (number == 0 && (!means || header->count != indexing->cinfo->num_components))
		return false;
	for (int i = 0; i < header->count; i++) {
		int component = header->components[i];
		int8_t *missing = indexing->missing[component];
		uint64_t *brought =
			means ? &indexing->means[component] : &indexing->others[component];
		if ((header->first == 0 && !means) ||
			(header->first > 0 && (missing[0] < 0 || header->count > 1)))
			return false;
		for (int k = header->first; k <= header->last; k++) {
			if (header->high != (missing[k] < 0 ? 0 : missing[k]))
				return false;
			missing[k] = (int8_t)header->low;
		}
		scan->needs |= *brought;
		*brought |= UINT64_C(1) << number;
	}
	return true;
}

/* After an SOS marker. The marker behind the scan's data, -1. */
static int read_scan(struct indexing *indexing)
{
	struct jpeg_index *index = indexing->index;
	struct jpeg_scanner *scanner = &indexing->scanner;
	struct scan_header header;
	if (index->scan_count == JPEG_INDEX_SCANS_MAX)
		return -1;
	struct jpeg_scan *scan = &index->scans[index->scan_count];
	*scan = (struct jpeg_scan){.tables = index->table_count};
	scan->piece.begin = jpeg_scanner_position(scanner) - MARKER_BYTES;
	if (index->scan_count == 0)
		index->header.end = scan->piece.begin;
	if (!read_scan_header(indexing, &header) || !note_scan(indexing, &header))
		return -1;
	int marker = jpeg_scanner_marker(scanner);
	while (marker >= JPEG_RST0 && marker < JPEG_RST0 + 8)
		marker = jpeg_scanner_marker(scanner);
	scan->piece.end = jpeg_scanner_position(scanner) - MARKER_BYTES;
	index->scan_count++;
	return marker;
}

/* What changes between scans what libjpeg makes of them; Huffman tables do, too, and are kept. */
static bool suits(const struct jpeg_index *index, int marker)
{
	if (marker == MARKER_DHT)
		return index->table_count < JPEG_INDEX_TABLES_MAX;
	if (marker == MARKER_DQT || marker == MARKER_DRI || marker == MARKER_SOF2)
		return index->scan_count == 0;
	return marker == MARKER_COM || (marker >= JPEG_APP0 && marker <= MARKER_APP15);
}

/* After another segment's marker. The marker behind it, -1. */
static int read_segment(struct indexing *indexing, int marker)
{
	struct jpeg_index *index = indexing->index;
	struct jpeg_scanner *scanner = &indexing->scanner;
	uint64_t begin = jpeg_scanner_position(scanner) - MARKER_BYTES;
	if (!suits(index, marker))
		return -1;
	int length = read_two_bytes(scanner);
	if (length < 2 || !jpeg_scanner_skip(scanner, (size_t)length - 2))
		return -1;
	if (marker == MARKER_DHT)
		index->tables[index->table_count++] =
			(struct jpeg_piece){begin, jpeg_scanner_position(scanner)};
	/* Nothing may be between segments: libjpeg would say so. */
	if (jpeg_scanner_byte(scanner) != 0xff)
		return -1;
	int next = jpeg_scanner_byte(scanner);
	while (next == 0xff)
		next = jpeg_scanner_byte(scanner);
	return next;
}

static bool all_has_come(const struct indexing *indexing)
{
	for (int i = 0; i < indexing->cinfo->num_components; i++)
		for (int k = 0; k < DCTSIZE2; k++)
			if (indexing->missing[i][k] != 0)
				return false;
	return indexing->index->scan_count > 0;
}

static void weigh(struct jpeg_index *index)
{
	for (unsigned i = index->scan_count; i-- > 0;) {
		struct jpeg_scan *scan = &index->scans[i];
		uint64_t longest = 0;
		for (unsigned later = i + 1; later < index->scan_count; later++)
			if (index->scans[later].needs >> i & 1)
				longest = max_u64(longest, index->scans[later].rest);
		scan->rest = scan->piece.end - scan->piece.begin + longest;
	}
}

static bool read_all(struct indexing *indexing)
{
	struct jpeg_scanner *scanner = &indexing->scanner;
	if (jpeg_scanner_byte(scanner) != 0xff || jpeg_scanner_byte(scanner) != MARKER_SOI)
		return false;
	int marker = jpeg_scanner_marker(scanner);
	while (marker > 0 && marker != JPEG_EOI)
		marker =
			marker == MARKER_SOS ? read_scan(indexing) : read_segment(indexing, marker);
	indexing->index->end.end = jpeg_scanner_position(scanner);
	indexing->index->end.begin = indexing->index->end.end - MARKER_BYTES;
	return marker == JPEG_EOI && all_has_come(indexing);
}

bool jpeg_index_read(struct jpeg_index *index, const struct jpeg_decompress_struct *cinfo, int fd)
{
	CLEANUP(free_p) struct indexing *indexing = calloc(1, sizeof(*indexing));
	if (!indexing || cinfo->num_components > MAX_COMPS_IN_SCAN)
		return false;
	for (int i = 0; i < cinfo->num_components; i++)
		if (component_of_id(cinfo, cinfo->comp_info[i].component_id) != i)
			return false;
	*index = (struct jpeg_index){0};
	indexing->index = index;
	indexing->cinfo = cinfo;
	memset(indexing->missing, -1, sizeof(indexing->missing));
	jpeg_scanner_init(&indexing->scanner, fd, 0);
	if (!read_all(indexing))
		return false;
	weigh(index);
	return true;
}
