/* Handles: a mapped control block, so that the usual pin and unpin need no system call. */
#include "common/ashmem/attachment.h"
#include "common/ashmem/driver.h"
#include "common/ashmem/purge.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct ashmem_handle {
	const struct ashmem_ops *ops;
	int fd;                        /* ours */
	struct attachment *attachment; /* memfd: the mapped block; device: NULL */
	uint64_t rounded_size;         /* device: it can no longer change */
};

static int answer(int r)
{
	if (r >= 0)
		return r;
	errno = -r;
	return -1;
}

/* The device pins nothing before the first mapping. */
static int touch_device(struct ashmem_handle *handle, const struct stat *st)
{
	uint64_t size = 0;
	size_t page = page_bytes();
	void *at = mmap(NULL, page, PROT_NONE, MAP_SHARED, handle->fd, 0);
	if (at == MAP_FAILED)
		return -errno;
	munmap(at, page);
	int r = handle->ops->get_size(handle->fd, st, &size);
	handle->rounded_size = (size + page - 1) / page * page;
	return r;
}

static int bind_region(struct ashmem_handle *handle, int fd)
{
	struct stat st;
	int r;
	handle->ops = ashmem_driver_of(fd, &st);
	if (!handle->ops)
		return -errno;
	handle->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (handle->fd < 0)
		return -errno;
	if (handle->ops == &ashmem_device_ops)
		r = touch_device(handle, &st);
	else
		r = attachment_get(handle->fd, &st, &handle->attachment);
	if (r == 0 && handle->attachment && handle->attachment->region.npages == 0) {
		attachment_put(handle->attachment);
		r = -EINVAL;
	}
	if (r < 0)
		close(handle->fd);
	return r;
}

int ashmem_attach(int fd, struct ashmem_handle **ret)
{
	struct ashmem_handle *handle = calloc(1, sizeof(*handle));
	if (!handle)
		return answer(-ENOMEM);
	int r = bind_region(handle, fd);
	if (r < 0) {
		free(handle);
		return answer(r);
	}
	*ret = handle;
	return 0;
}

void ashmem_detach(struct ashmem_handle *handle)
{
	if (!handle)
		return;
	if (handle->attachment)
		attachment_put(handle->attachment);
	close(handle->fd);
	free(handle);
}

static int handle_op(struct ashmem_handle *handle, enum range_op op, size_t offset, size_t len)
{
	if (handle->attachment)
		return answer(
			ashmem_region_op(&handle->attachment->region, handle->fd, op, offset, len));
	if (len == 0 && offset < handle->rounded_size && handle->rounded_size <= SIZE_MAX)
		len = (size_t)handle->rounded_size - offset; /* saves the driver asking for it */
	return answer(handle->ops->range(handle->fd, NULL, op, offset, len));
}

int ashmem_handle_pin(struct ashmem_handle *handle, size_t offset, size_t len)
{
	return handle_op(handle, RANGE_PIN, offset, len);
}

int ashmem_handle_unpin(struct ashmem_handle *handle, size_t offset, size_t len)
{
	return handle_op(handle, RANGE_UNPIN, offset, len);
}

int ashmem_handle_status(struct ashmem_handle *handle, size_t offset, size_t len)
{
	return handle_op(handle, RANGE_STATUS, offset, len);
}

int ashmem_handle_purge(struct ashmem_handle *handle, size_t offset, size_t len, size_t *ret_freed)
{
	struct stat before, after;
	struct page_range range;
	uint32_t start, end;
	if (!handle->attachment)
		return answer(-ENOTSUP);
	struct ashmem_region *region = &handle->attachment->region;
	int r = ashmem_check_range(region->npages, offset, len, &start, &end);
	if (r < 0)
		return answer(r);
	if (fstat(handle->fd, &before) < 0)
		return -1;
	uint64_t most = 0;
	while (start < end &&
		(r = region_purge_inside(region, handle->fd, start, end, &range)) > 0) {
		most += (range.end - range.start) * (uint64_t)page_bytes();
		start = range.end;
	}
	if (fstat(handle->fd, &after) < 0)
		return -1;
	/* Others may fault pages in meanwhile, or free some. */
	uint64_t freed = after.st_blocks < before.st_blocks
				 ? (uint64_t)(before.st_blocks - after.st_blocks) * 512
				 : 0;
	*ret_freed = (size_t)min_u64(SIZE_MAX, min_u64(freed, most));
	return answer(r < 0 ? r : 0);
}
