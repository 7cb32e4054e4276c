/* In a file of its own, since it is libjpeg's inside: jpegint.h, which Debian installs and
 * libjpeg-turbo by itself does not, names this number for those "who might like to know". */
#include "jpeg_decoder.h"

#if __has_include(<jpegint.h>)
#define JPEG_INTERNALS
#include <jpegint.h>

bool jpeg_leftovers_are_known(void)
{
	return true;
}

bool jpeg_has_leftovers(const struct jpeg_decompress_struct *cinfo)
{
	return cinfo->marker->discarded_bytes > 0;
}
#else
bool jpeg_leftovers_are_known(void)
{
	return false;
}

bool jpeg_has_leftovers(const struct jpeg_decompress_struct *cinfo)
{
	(void)cinfo;
	return true;
}
#endif
