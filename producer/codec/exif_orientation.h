/* exif_orientation.h - one number out of an EXIF block. */
#ifndef CODEC_EXIF_ORIENTATION_H
#define CODEC_EXIF_ORIENTATION_H

#include <stddef.h>
#include <stdint.h>

/* The most memory, bytes, that exif_orientation takes while it runs, whatever the block says. */
#define EXIF_MEMORY_BYTES ((size_t)1 << 20)

/* The orientation, 1 to 8, of an EXIF block: "Exif\0\0" and a TIFF structure. 1 when it has none,
 * is damaged, or says something else. One call at a time in a thread. */
unsigned exif_orientation(const uint8_t *block, size_t size);

#endif
