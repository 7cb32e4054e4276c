/* jpeg_writer.h - a JPEG in memory, by libjpeg, whose options are the caller's between begin and
 * jpeg_start_compress. */
#ifndef TESTS_CODEC_JPEG_WRITER_H
#define TESTS_CODEC_JPEG_WRITER_H

#include "decode.h"

#include <stdio.h>

#include <jpeglib.h>

struct jpeg_writer {
	struct jpeg_compress_struct cinfo;
	struct jpeg_error_mgr errors;
	unsigned char *data;
	unsigned long size;
};

/* @components of 8 bits a pixel: 1 grey, 3 RGB, 4 CMYK. libjpeg's defaults are set. */
struct jpeg_compress_struct *jpeg_writer_begin(
	struct jpeg_writer *writer, unsigned width, unsigned height, int components);
/* After the last row; the caller frees. */
struct bytes jpeg_writer_end(struct jpeg_writer *writer);

#endif
