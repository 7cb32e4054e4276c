/* The table of pictures to look at. */
#include "pictures.h"

#include <errno.h>
#include <string.h>

#include "files.h"
#include "scenes.h"
#include "write_jpeg.h"

int pictures_write(const char *path, const char *only)
{
	(void)path;
	return only ? -ENOENT : 0;
}
