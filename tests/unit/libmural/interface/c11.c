/* The public headers alone, as strict C11, each first in its file's turn. */
#include <mural/pixel.h>

#include <mural/mural_types.h>

#include <mural/mural.h>

int main(void)
{
	_Static_assert(ASHMEM_NOT_PURGED == 0 && ASHMEM_WAS_PURGED == 1, "ashmem's own values");
	return mural_format_bytes(MURAL_FORMAT_ARGB8888) == 4 ? 0 : 1;
}
