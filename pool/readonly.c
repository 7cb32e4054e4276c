/* See readonly.h.
 *
 * ashmem_share_readonly looks whether it is a region, whole and sealed, and takes the others' right
 * to open it for writing (mode 0400). All of that is done by us to our own file and can not be
 * undone by who only reads, but the mode, by this very user, who has been able to do as he likes
 * all along: once is enough.
 *
 * All consumers share one open file: its position, its flags and its locks. Nobody uses them: it is
 * there to be mapped. */
#include "readonly.h"

#include "room.h"

#include "common/util.h"

#include <sys/resource.h>

static struct region *of_link(struct list *link)
{
	return CONTAINER_OF(link, struct region, readonly_link);
}

uint32_t readonly_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return (uint32_t)min_u64(limit.rlim_cur / 16, READONLY_MAX);
}

void readonly_close(struct pool *pool, struct region *region)
{
	if (region->readonly_fd < 0)
		return;
	list_remove(&region->readonly_link);
	close(take_fd(&region->readonly_fd));
	pool->readonly_count--;
}

bool readonly_close_all(struct pool *pool)
{
	bool any = pool->readonly_count > 0;
	while (pool->readonly_count > 0)
		readonly_close(pool, of_link(pool->readonly.next));
	return any;
}

static int open_another(struct pool *pool, const struct region *region)
{
	int fd;
	do {
		fd = ashmem_share_readonly(region->fd);
		fd = fd < 0 ? -errno : fd;
	} while ((fd == -EMFILE || fd == -ENFILE) && room_give_up_descriptors(pool, region));
	return fd;
}

int readonly_lend(struct pool *pool, struct region *region, int *ret_fd)
{
	if (region->readonly_fd < 0) {
		int fd = open_another(pool, region);
		if (fd < 0)
			return fd;
		/* (One at least: what is lent is open until the next call.) */
		while (pool->readonly_count > 0 && pool->readonly_count >= pool->readonly_max)
			readonly_close(pool, of_link(pool->readonly.next));
		region->readonly_fd = fd;
		pool->readonly_count++;
	}
	list_remove(&region->readonly_link);
	list_append(&pool->readonly, &region->readonly_link);
	*ret_fd = region->readonly_fd;
	return 0;
}
