/* Mapping, reading and seeking in a memfd as the driver does it: within the size and the mask,
 * although the file goes on behind the data and the kernel knows no mask. */
#include "common/ashmem/attachment.h"
#include "common/ashmem/memfd.h"
#include "common/ashmem/ranges.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int memfd_open_readonly(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int readonly = open(path, O_RDONLY | O_CLOEXEC);
	return readonly < 0 ? -errno : readonly;
}

static int check_mapping(const struct ashmem_block *block, const struct map_request *request)
{
	uint64_t page = page_bytes(), rsize = (block->size + page - 1) / page * page;
	uint64_t offset = (uint64_t)request->offset;
	if (request->length == 0 || request->offset < 0 || offset % page)
		return -EINVAL;
	if (request->length > rsize || offset > rsize - request->length)
		return -EINVAL;
	if ((uint32_t)request->prot & ASHMEM_ALL_PROT & ~block->prot_mask)
		return -EPERM;
	return 0;
}

/* Maps through a descriptor that can not write when the mask says so: then mprotect can not raise
 * it. Another user's region can not be opened again; there the mask holds only for the mapping
 * itself. */
static void *map_shared(int fd, const struct map_request *request, bool readonly)
{
	int again = readonly ? memfd_open_readonly(fd) : -1;
	void *at = mmap(request->addr, request->length, request->prot, request->flags,
		again < 0 ? fd : again, (off_t)request->offset);
	int error = errno;
	if (again >= 0)
		close(again);
	errno = error;
	return at;
}

/* From the first mapping on the name stays as it is; a descriptor that can only read can not say
 * so. */
static void fix_name(int fd, const struct stat *st)
{
	struct loan loan;
	if (memfd_borrow(fd, st, &loan) < 0)
		return;
	if (region_lock(loan.region) == 0) {
		PUT(loan.region->block->mapped, 1);
		region_unlock(loan.region);
	}
	memfd_give_back(&loan);
}

int memfd_map(int fd, const struct stat *st, const struct map_request *request, void **ret)
{
	struct ashmem_block block;
	bool private = (request->flags & MAP_TYPE) == MAP_PRIVATE;
	int r = ashmem_region_peek(fd, st, &block);
	if (r == 0)
		r = check_mapping(&block, request);
	if (r < 0)
		return r;
	void *at = private ? mmap(request->addr, request->length, request->prot,
				     request->flags | MAP_ANONYMOUS, -1, 0)
			   : map_shared(fd, request, !(block.prot_mask & PROT_WRITE));
	if (at == MAP_FAILED)
		return -errno;
	attachment_forget_mapping(at, request->length); /* what the user unmapped behind our back */
	struct attachment *attachment;
	if (!private && attachment_get(fd, st, &attachment) == 0)
		attachment_note_mapping(attachment, at, request->length);
	if (!block.mapped)
		fix_name(fd, st);
	*ret = at;
	return 0;
}

ssize_t memfd_pread(int fd, const struct stat *st, void *buf, size_t count, int64_t offset)
{
	uint64_t size;
	int r = memfd_get_size(fd, st, &size);
	if (r < 0)
		return r;
	if (offset < 0)
		return -EINVAL;
	if ((uint64_t)offset >= size)
		return 0;
	if (count > size - (uint64_t)offset)
		count = size - (uint64_t)offset;
	ssize_t n = pread(fd, buf, count, (off_t)offset);
	return n < 0 ? -errno : n;
}

/* Moves the shared position over what will be read, so that no two readers get the same bytes. */
static int reserve(int fd, uint64_t size, size_t count, int64_t *ret_at, size_t *ret_count)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (at < 0)
		return -errno;
	uint64_t left = (uint64_t)at < size ? size - (uint64_t)at : 0;
	size_t n = count < left ? count : (size_t)left;
	if (n > 0 && lseek(fd, at + (off_t)n, SEEK_SET) < 0)
		return -errno;
	*ret_at = at;
	*ret_count = n;
	return 0;
}

/* What could not be read was not passed over, unless somebody has moved on from there. */
static void unreserve(int fd, int64_t reserved_end, int64_t read_end)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (at == (off_t)reserved_end)
		lseek(fd, (off_t)read_end, SEEK_SET);
}

/* With the region's lock; through a read-only descriptor, which can not take it, without. */
static int lock_position(int fd, const struct stat *st, struct loan *loan, bool *ret_locked)
{
	int r = memfd_borrow(fd, st, loan);
	*ret_locked = false;
	if (r < 0)
		return r == -EACCES ? 0 : r;
	r = region_lock(loan->region);
	if (r < 0)
		memfd_give_back(loan);
	*ret_locked = r == 0;
	return r;
}

static void unlock_position(struct loan *loan, bool locked)
{
	if (!locked)
		return;
	region_unlock(loan->region);
	memfd_give_back(loan);
}

ssize_t memfd_read(int fd, const struct stat *st, void *buf, size_t count)
{
	struct loan loan;
	bool locked;
	uint64_t size = 0;
	int64_t at = 0;
	size_t n = 0;
	int r = memfd_get_size(fd, st, &size);
	if (r == 0)
		r = lock_position(fd, st, &loan, &locked);
	if (r < 0)
		return r;
	r = reserve(fd, size, count, &at, &n);
	unlock_position(&loan, locked);
	if (r < 0)
		return r;
	ssize_t got = memfd_pread(fd, st, buf, n, at);
	int64_t done = got < 0 ? 0 : got;
	if (done < (int64_t)n && lock_position(fd, st, &loan, &locked) == 0) {
		unreserve(fd, at + (int64_t)n, at + done);
		unlock_position(&loan, locked);
	}
	return got;
}

static int64_t seek_content(int fd, uint64_t size, int64_t offset, int whence)
{
	if (offset < 0 || (uint64_t)offset >= size)
		return -ENXIO;
	off_t before = lseek(fd, 0, SEEK_CUR), at = lseek(fd, (off_t)offset, whence);
	if (at < 0)
		return -errno;
	if ((uint64_t)at < size)
		return at;
	if (whence == SEEK_HOLE)
		return lseek(fd, (off_t)size, SEEK_SET);
	lseek(fd, before, SEEK_SET); /* that was the control block */
	return -ENXIO;
}

int64_t memfd_seek(int fd, const struct stat *st, int64_t offset, int whence)
{
	uint64_t size;
	int r = memfd_get_size(fd, st, &size);
	if (r < 0)
		return r;
	if (size == 0)
		return -EINVAL;
	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return seek_content(fd, size, offset, whence);
	if (whence == SEEK_END) {
		whence = SEEK_SET;
		if (__builtin_add_overflow(offset, (int64_t)size, &offset))
			return -EINVAL;
	}
	off_t at = lseek(fd, (off_t)offset, whence);
	return at < 0 ? -errno : at;
}
