/* jpeg_source.h - libjpeg reads a struct source: by pread into one buffer, with the end of the file
 * noticed instead of printed. */
#ifndef CODEC_JPEG_SOURCE_H
#define CODEC_JPEG_SOURCE_H

#include "producer/codec.h"

/* jpeglib.h uses size_t and FILE without including what declares them. */
#include <stdio.h>

#include <jpeglib.h>

#define JPEG_BUFFER_BYTES ((size_t)64 << 10)

struct jpeg_source {
	struct jpeg_source_mgr manager; /* first: libjpeg hands it back as cinfo->src */
	struct source *source;          /* borrowed */
	bool ended;              /* libjpeg wanted more than there is; it was given an EOI marker */
	int ended_scan;          /* where the decoder was then: scan (from 1) */
	uint32_t ended_imcu_row; /* and row of MCUs */
	int error;               /* -errno of a read that failed, 0 */
	uint8_t buffer[JPEG_BUFFER_BYTES];
};

/* Makes @jpeg_source what @cinfo reads. */
void jpeg_source_init(
	struct jpeg_source *jpeg_source, struct source *source, j_decompress_ptr cinfo);

/* The next byte, for marker processors. */
uint8_t jpeg_source_byte(j_decompress_ptr cinfo);

#endif
