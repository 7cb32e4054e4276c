/* The memfd driver: a sealed memfd with its control block behind the data. */
#include "common/ashmem/driver.h"
#include "common/ashmem/purge.h"
#include "common/ashmem/ranges.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; not yet in Debian 12's headers */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MEMFD_NAME_MAX 249 /* NAME_MAX less the kernel's "memfd:" */
#define ALL_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)

/* --- Creation --- */

static int open_memfd(const char *name)
{
	char shown[MEMFD_NAME_MAX + 1];
	snprintf(shown, sizeof(shown), "%s", name && name[0] ? name : ASHMEM_NAME_DEF);
	int fd = memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

static void store_name(struct ashmem_block *block, const char *name)
{
	char kept[ASHMEM_NAME_LEN] = {0};
	memcpy(kept, name, strnlen(name, sizeof(kept) - 1));
	memcpy(block->name, kept, sizeof(kept));
}

static int write_block(int fd, const char *name, uint64_t size, uint64_t offset)
{
	/* Where shared memory always gets huge pages, this one page must not. */
	struct ashmem_block *block = mmap(
		NULL, ashmem_page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (block == MAP_FAILED)
		return -errno;
	madvise(block, ashmem_page_size(), MADV_NOHUGEPAGE);
	block->version = ASHMEM_BLOCK_VERSION;
	block->page_size = (uint32_t)ashmem_page_size();
	block->size = size;
	block->prot_mask = ALL_PROT;
	block->oldest = UINT64_MAX;
	if (name)
		store_name(block, name);
	if (getrandom(&block->seed, sizeof(block->seed), GRND_NONBLOCK) < 0)
		block->seed = 0; /* early at boot: the treap is then only as deep as an enemy of
				    himself makes it */
	block->magic = ASHMEM_BLOCK_MAGIC;
	munmap(block, ashmem_page_size());
	return 0;
}

static int fill_memfd(int fd, const char *name, size_t size)
{
	uint64_t offset, bytes;
	int r = ashmem_layout(size, &offset, &bytes);
	if (r < 0)
		return r;
	/* Not 0777, or whoever is given a read-only descriptor opens it again for writing. */
	if (fchmod(fd, 0600) < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	r = write_block(fd, name, size, offset);
	if (r < 0)
		return r;
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

static int memfd_region_create(const char *name, size_t size)
{
	int fd = open_memfd(name);
	if (fd < 0)
		return fd;
	int r = fill_memfd(fd, name, size);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int open_readonly(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int readonly = open(path, O_RDONLY | O_CLOEXEC);
	return readonly < 0 ? -errno : readonly;
}

static int memfd_share_readonly(int fd, const struct stat *st)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	if (r < 0)
		return r;
	if (fchmod(fd, 0400) < 0)
		return errno == EPERM ? -EACCES : -errno;
	return open_readonly(fd);
}

/* --- Attributes --- */

static int memfd_get_size(int fd, const struct stat *st, uint64_t *ret)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	if (r == 0)
		*ret = block.size;
	return r;
}

static int memfd_get_name(int fd, const struct stat *st, char ret[ASHMEM_NAME_LEN])
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	if (r == 0)
		strcpy(ret, block.name[0] ? block.name : ASHMEM_NAME_DEF);
	return r;
}

static int memfd_get_prot(int fd, const struct stat *st)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	return r < 0 ? r : (int)(block.prot_mask & ALL_PROT);
}

/* One change of the header under the lock; @change answers 0 or -errno. */
static int with_lock(int fd, const struct stat *st,
	int (*change)(struct ashmem_block *, const void *), const void *arg)
{
	struct ashmem_region region;
	int r = ashmem_region_map(fd, st, &region);
	if (r < 0)
		return r;
	r = region_lock(&region);
	if (r == 0) {
		r = change(region.block, arg);
		int unlocked = region_unlock(&region);
		r = r < 0 ? r : unlocked;
	}
	ashmem_region_unmap(&region);
	return r;
}

static int change_name(struct ashmem_block *block, const void *name)
{
	if (GET(block->mapped))
		return -EINVAL;
	store_name(block, name);
	return 0;
}

static int memfd_set_name(int fd, const struct stat *st, const char *name)
{
	return with_lock(fd, st, change_name, name);
}

static int narrow_mask(struct ashmem_block *block, const void *prot)
{
	uint32_t wanted = *(const uint32_t *)prot;
	if (wanted & ~(GET(block->prot_mask) & ALL_PROT))
		return -EINVAL;
	PUT(block->prot_mask, wanted);
	return 0;
}

static int memfd_set_prot(int fd, const struct stat *st, int prot)
{
	uint32_t wanted = (uint32_t)prot;
	return with_lock(fd, st, narrow_mask, &wanted);
}

/* --- Pin and unpin --- */

int ashmem_check_range(
	uint32_t npages, size_t offset, size_t len, uint32_t *ret_start, uint32_t *ret_end)
{
	uint64_t page = ashmem_page_size(), end = npages * page;
	if (offset % page || len % page || offset >= end || len > end - offset)
		return -EINVAL;
	*ret_start = (uint32_t)(offset / page);
	*ret_end = len ? (uint32_t)((offset + len) / page) : npages;
	return 0;
}

int ashmem_region_op(
	struct ashmem_region *region, int fd, enum range_op op, size_t offset, size_t len)
{
	uint32_t start, end;
	int r = ashmem_check_range(region->npages, offset, len, &start, &end);
	if (r < 0)
		return r;
	r = op == RANGE_PIN ? region_lock_quiet(region, fd, start, end) : region_lock(region);
	if (r < 0)
		return r;
	r = op == RANGE_PIN     ? ranges_pin(region, start, end)
	    : op == RANGE_UNPIN ? ranges_unpin(region, start, end)
				: ranges_status(region, start, end);
	int unlocked = region_unlock(region);
	return r >= 0 && unlocked < 0 ? unlocked : r;
}

static int memfd_range(int fd, const struct stat *st, enum range_op op, size_t offset, size_t len)
{
	struct ashmem_region region;
	int r = ashmem_region_map(fd, st, &region);
	if (r < 0)
		return r;
	r = ashmem_region_op(&region, fd, op, offset, len);
	ashmem_region_unmap(&region);
	return r;
}

static long memfd_purge_all(int fd)
{
	(void)fd;
	return ashmem_purge_held();
}

/* --- Mapping, reading, seeking --- */

static int note_mapped(struct ashmem_block *block, const void *unused)
{
	(void)unused;
	if (!GET(block->mapped))
		PUT(block->mapped, 1);
	return 0;
}

static int check_mapping(const struct ashmem_block *block, const struct map_request *request)
{
	uint64_t page = ashmem_page_size(), rsize = (block->size + page - 1) / page * page;
	uint64_t offset = (uint64_t)request->offset;
	if (request->length == 0 || request->offset < 0 || offset % page)
		return -EINVAL;
	if (request->length > rsize || offset > rsize - request->length)
		return -EINVAL;
	if ((uint32_t)request->prot & ALL_PROT & ~block->prot_mask)
		return -EPERM;
	return 0;
}

/* Maps through a descriptor that can not write when the mask says so: then mprotect can not raise
 * it. Another user's region can not be opened again; there the mask holds only for the mapping
 * itself. */
static void *map_shared(int fd, const struct map_request *request, bool readonly)
{
	int again = readonly ? open_readonly(fd) : -1;
	void *at = mmap(request->addr, request->length, request->prot, request->flags,
		again < 0 ? fd : again, (off_t)request->offset);
	int error = errno;
	if (again >= 0)
		close(again);
	errno = error;
	return at;
}

static int memfd_map(int fd, const struct stat *st, const struct map_request *request, void **ret)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	if (r == 0)
		r = check_mapping(&block, request);
	if (r < 0)
		return r;
	void *at;
	if ((request->flags & MAP_TYPE) == MAP_PRIVATE)
		at = mmap(request->addr, request->length, request->prot,
			request->flags | MAP_ANONYMOUS, -1, 0);
	else
		at = map_shared(fd, request, !(block.prot_mask & PROT_WRITE));
	if (at == MAP_FAILED)
		return -errno;
	if (!block.mapped)
		with_lock(fd, st, note_mapped,
			NULL); /* a reader may map too; it can not fix the name */
	*ret = at;
	return 0;
}

static ssize_t memfd_pread(int fd, const struct stat *st, void *buf, size_t count, int64_t offset)
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

static ssize_t memfd_read(int fd, const struct stat *st, void *buf, size_t count)
{
	struct ashmem_region region;
	int64_t at;
	size_t n;
	uint64_t size;
	int r = ashmem_region_map(fd, st, &region);
	if (r == -EACCES) {
		r = memfd_get_size(fd, st, &size);
		if (r == 0)
			r = reserve(fd, size, count, &at, &n);
	} else if (r == 0) {
		size = region.size;
		r = region_lock(&region);
		if (r == 0) {
			r = reserve(fd, size, count, &at, &n);
			region_unlock(&region);
		}
		ashmem_region_unmap(&region);
	}
	return r < 0 ? r : memfd_pread(fd, st, buf, n, at);
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

static int64_t memfd_seek(int fd, const struct stat *st, int64_t offset, int whence)
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

const struct ashmem_ops ashmem_memfd_ops = {
	.create = memfd_region_create,
	.share_readonly = memfd_share_readonly,
	.get_size = memfd_get_size,
	.get_name = memfd_get_name,
	.set_name = memfd_set_name,
	.get_prot = memfd_get_prot,
	.set_prot = memfd_set_prot,
	.range = memfd_range,
	.purge_all = memfd_purge_all,
	.map = memfd_map,
	.read = memfd_read,
	.pread = memfd_pread,
	.seek = memfd_seek,
};
