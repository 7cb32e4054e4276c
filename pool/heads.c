/* See heads.h. */
#include "heads.h"

#include "common/util.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int add_block(struct heads *heads)
{
	char **larger = reallocarray(heads->block, heads->blocks + 1, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	heads->block = larger;
	heads->page = page_bytes();
	void *block = mmap(NULL, HEADS_BLOCK * heads->page, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block == MAP_FAILED)
		return -errno;
	heads->block[heads->blocks++] = block;
	return 0;
}

/* Where the kernel has no memory for what it puts in a place it may have emptied that already: then
 * it would give it to somebody else, whom the next board that comes here would meet. */
static void hold_place(void *at, size_t size)
{
	mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
		-1, 0);
}

int heads_map(struct heads *heads, uint32_t index, int fd)
{
	while (index / HEADS_BLOCK >= heads->blocks) {
		int r = add_block(heads);
		if (r < 0)
			return r;
	}
	void *at = heads_at(heads, index);
	if (mmap(at, heads->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
		    0) != MAP_FAILED)
		return 0;
	int r = -errno;
	hold_place(at, heads->page);
	return r;
}

void heads_unmap(struct heads *heads, uint32_t index)
{
	/* Not munmap: the place must stay ours. Where this fails, as at the limit of mappings, that
	 * board's memory lives until the next one comes here. */
	void *at = heads_at(heads, index);
	if (mmap(at, heads->page, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		hold_place(at, heads->page);
}

void heads_fini(struct heads *heads)
{
	for (uint32_t i = 0; i < heads->blocks; i++)
		munmap(heads->block[i], HEADS_BLOCK * heads->page);
	free(heads->block);
	*heads = (struct heads){0};
}
