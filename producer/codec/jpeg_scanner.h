/* jpeg_scanner.h - looks for the markers of a JPEG without decoding anything. */
#ifndef CODEC_JPEG_SCANNER_H
#define CODEC_JPEG_SCANNER_H

#include "jpeg_source.h"

struct jpeg_scanner {
	struct source source;
	size_t size, at;
	uint8_t buffer[JPEG_BUFFER_BYTES];
};

/* @fd is borrowed. */
void jpeg_scanner_init(struct jpeg_scanner *scanner, int fd, uint64_t position);
/* Where the next byte is. */
uint64_t jpeg_scanner_position(const struct jpeg_scanner *scanner);
/* -1: the end of the file. */
int jpeg_scanner_byte(struct jpeg_scanner *scanner);
/* Passes over entropy-coded data up to and with the next marker, and gives its code; -1. */
int jpeg_scanner_marker(struct jpeg_scanner *scanner);
/* False: the file ends before. */
bool jpeg_scanner_skip(struct jpeg_scanner *scanner, size_t count);

#endif
