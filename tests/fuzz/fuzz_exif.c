/* EXIF blocks: from the first "Exif" in the input, so that pictures are inputs too. */
#include "exif_orientation.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES_MAX 65533u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *block = memmem(data, size, "Exif\0", 6);
	if (!block)
		return 0;
	size_t length = size - (size_t)(block - data);
	unsigned orientation =
		exif_orientation(block, length < BLOCK_BYTES_MAX ? length : BLOCK_BYTES_MAX);
	if (orientation < 1 || orientation > 8)
		abort();
	return 0;
}
