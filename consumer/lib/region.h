/* region.h - the pixels of a pool's region, mapped read-only. One is mapped once a connection,
 * whoever shows its bitmaps. */
#ifndef LIBMURAL_REGION_H
#define LIBMURAL_REGION_H

#include "common/list.h"

struct region {
	uint64_t id;
	uint64_t size; /* bytes that can be read from @memory on */
	const void *
		memory; /* NULL: could not be mapped, @error says why; nothing refers to such a region */
	int error;
	unsigned
		refs; /* bitmaps, and one of the table of the instance until the producer says that it is gone */
	struct list bitmaps;
};

/* Maps @size bytes of a received descriptor (borrowed). The caller owns the one reference. A
 * mapping that the kernel refuses gives a region with its error: the connection can live on.
 * -EPERM: neither an ashmem region nor sealed against shrinking. -EBADMSG: smaller than @size, or
 * empty. -ENOMEM. */
int region_import(uint64_t id, int fd, uint64_t size, struct region **ret);

/* True: @size bytes from @offset on lie inside. */
bool region_holds(const struct region *region, uint64_t offset, uint64_t size);

struct region *region_ref(struct region *region);
void region_unref(struct region *region);

#endif
