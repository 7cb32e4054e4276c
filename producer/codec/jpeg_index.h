/* jpeg_index.h - where the scans of a progressive JPEG are in its file, and which of them need
 * which, so that they can be read in another order, and several at once.
 *
 * Only files that are in order all through are indexed: every scan refines what the scans before it
 * brought, the last bits of all coefficients come, and an EOI marker is there. */
#ifndef CODEC_JPEG_INDEX_H
#define CODEC_JPEG_INDEX_H

#include "jpeg_source.h"

/* What is read of a file, from its byte @begin up to @end. */
struct jpeg_piece {
	uint64_t begin, end;
};

#define JPEG_INDEX_SCANS_MAX 64u /* encoders write about ten */
#define JPEG_INDEX_TABLES_MAX 128u

struct jpeg_scan {
	struct jpeg_piece piece; /* its SOS marker and its data */
	unsigned tables;         /* how many of the index's are before it */
	uint64_t needs; /* a bit for each scan that is to come before it, row by row: those of the
			   same components' means, or of their other coefficients */
	uint64_t rest;  /* bytes that hang on it: its own, and those of the longest line of scans
			   that need one another after it */
};

struct jpeg_index {
	struct jpeg_piece header; /* up to the first scan */
	struct jpeg_piece end;    /* the EOI marker */
	unsigned scan_count, table_count;
	struct jpeg_scan scans[JPEG_INDEX_SCANS_MAX];
	struct jpeg_piece
		tables[JPEG_INDEX_TABLES_MAX]; /* Huffman tables, those of the header too */
};

/* @cinfo has read the header of the file @fd. False: the file does not suit, or can not be read;
 * nothing is said of what is wrong. The first scan brings the means of all components. */
bool jpeg_index_read(struct jpeg_index *index, const struct jpeg_decompress_struct *cinfo, int fd);

#endif
