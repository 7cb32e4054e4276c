/* For a build without ISA-L: libpng and zlib do it all. */
#include "png_inflate.h"

bool png_inflate_available(void)
{
	return false;
}

uint64_t png_inflate_memory(void)
{
	return 0;
}

struct png_inflate *png_inflate_open(
	int fd, uint64_t position, uint32_t first_bytes, uint64_t raw_bytes)
{
	(void)fd;
	(void)position;
	(void)first_bytes;
	(void)raw_bytes;
	return NULL;
}

void png_inflate_close(struct png_inflate *inflate)
{
	(void)inflate;
}

ssize_t png_inflate_read(struct png_inflate *inflate, uint8_t *buffer, size_t size)
{
	(void)inflate;
	(void)buffer;
	(void)size;
	return -1;
}

uint64_t png_inflate_end(const struct png_inflate *inflate)
{
	(void)inflate;
	return 0;
}
