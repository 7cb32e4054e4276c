/* exif_thumbnail.h - the small JPEG that cameras put into their pictures' EXIF block. */
#ifndef CODEC_EXIF_THUMBNAIL_H
#define CODEC_EXIF_THUMBNAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds it in a block ("Exif\0\0" and a TIFF structure). True: @ret points into @block, all of
 * @ret_size bytes lie in it, and nothing is known of what they are. */
bool exif_thumbnail(const uint8_t *block, size_t size, const uint8_t **ret, size_t *ret_size);

#endif
