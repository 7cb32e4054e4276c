#include "jpeg_scanner.h"

#include <string.h>

void jpeg_scanner_init(struct jpeg_scanner *scanner, int fd, uint64_t position)
{
	scanner->source = (struct source){.fd = fd, .position = position};
	scanner->size = scanner->at = 0;
}

uint64_t jpeg_scanner_position(const struct jpeg_scanner *scanner)
{
	return scanner->source.position - (scanner->size - scanner->at);
}

int jpeg_scanner_byte(struct jpeg_scanner *scanner)
{
	if (scanner->at == scanner->size) {
		int64_t got =
			source_read(&scanner->source, scanner->buffer, sizeof(scanner->buffer));
		scanner->at = 0;
		scanner->size = got > 0 ? (size_t)got : 0;
		if (got <= 0)
			return -1;
	}
	return scanner->buffer[scanner->at++];
}

/* Up to and with the next 0xff. */
static bool pass_to_ff(struct jpeg_scanner *scanner)
{
	for (;;) {
		const uint8_t *from = scanner->buffer + scanner->at;
		const uint8_t *found = memchr(from, 0xff, scanner->size - scanner->at);
		if (found) {
			scanner->at = (size_t)(found - scanner->buffer) + 1;
			return true;
		}
		scanner->at = scanner->size;
		int byte = jpeg_scanner_byte(scanner);
		if (byte < 0)
			return false;
		if (byte == 0xff)
			return true;
	}
}

int jpeg_scanner_marker(struct jpeg_scanner *scanner)
{
	for (;;) {
		if (!pass_to_ff(scanner))
			return -1;
		int byte = jpeg_scanner_byte(scanner);
		while (byte == 0xff)
			byte = jpeg_scanner_byte(scanner);
		if (byte != 0) /* 0: a data byte that is 0xff */
			return byte;
	}
}

bool jpeg_scanner_skip(struct jpeg_scanner *scanner, size_t count)
{
	for (; count > 0; count--)
		if (jpeg_scanner_byte(scanner) < 0)
			return false;
	return true;
}
