/* jpeg_means.h - of a progressive JPEG's coefficients libjpeg keeps only the mean of each block.
 *
 * For a picture at 1/8 that is drawn from the first scans. It takes 2 bytes a block instead of 128:
 * 24 megapixels 1.2 MB instead of 75, which would have to be cleared first. */
#ifndef CODEC_JPEG_MEANS_H
#define CODEC_JPEG_MEANS_H

#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

/* Between jpeg_read_header and jpeg_start_decompress. From then on all coefficients but the first
 * of a block are zero whenever they are read, so that no scan may be read that refines them (Ss > 0
 * and Ah > 0): its bits depend on what was kept. */
void jpeg_means_only(j_decompress_ptr cinfo);

/* What the coefficients of that picture then take, in bytes. */
uint64_t jpeg_means_memory(const struct jpeg_decompress_struct *cinfo);

#endif
