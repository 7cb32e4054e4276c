/* The memfd driver: a sealed memfd with its control block behind the data. */
#include "common/ashmem/memfd.h"
#include "common/ashmem/attachment.h"
#include "common/ashmem/driver.h"
#include "common/ashmem/purge.h"
#include "common/ashmem/ranges.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL /* Linux 6.3; not yet in Debian 12's headers */
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define MEMFD_NAME_MAX 249 /* NAME_MAX less the kernel's "memfd:" */

/* --- Creation --- */

int memfd_open(const char *name)
{
	char shown[MEMFD_NAME_MAX + 1];
	snprintf(shown, sizeof(shown), "%s", name && name[0] ? name : ASHMEM_NAME_DEF);
	int fd = memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(shown, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno == ENOSPC ? -ENOMEM : -errno; /* no memory for the inode */
	/* Not 0777, or whoever is given a read-only descriptor opens it again for writing. */
	if (fchmod(fd, 0600) < 0) {
		int error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static void store_name(struct ashmem_block *block, const char *name)
{
	char kept[ASHMEM_NAME_LEN] = {0};
	memcpy(kept, name, strnlen(name, sizeof(kept) - 1));
	memcpy(block->name, kept, sizeof(kept));
}

static int write_block(int fd, const char *name, uint64_t size, uint32_t mask, uint64_t offset)
{
	/* Where shared memory always gets huge pages, this one page must not. */
	struct ashmem_block *block =
		mmap(NULL, page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (block == MAP_FAILED)
		return -errno;
	madvise(block, page_bytes(), MADV_NOHUGEPAGE);
	int r = ashmem_make_page(&block->version);
	if (r < 0) {
		munmap(block, page_bytes());
		return r;
	}
	block->version = ASHMEM_BLOCK_VERSION;
	block->page_size = (uint32_t)page_bytes();
	block->size = size;
	block->prot_mask = mask;
	block->oldest = UINT64_MAX;
	if (name)
		store_name(block, name);
	if (getrandom(&block->seed, sizeof(block->seed), GRND_NONBLOCK) < 0)
		block->seed = 0; /* early at boot: the treap is then only as deep as an enemy of
				    himself makes it */
	block->magic = ASHMEM_BLOCK_MAGIC;
	munmap(block, page_bytes());
	return 0;
}

/* Or ftruncate raises SIGXFSZ. */
static bool may_be_so_long(uint64_t bytes)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_FSIZE, &limit) < 0 || bytes <= limit.rlim_cur;
}

int memfd_lay_out(int fd, const char *name, uint64_t size, uint32_t mask)
{
	uint64_t offset, bytes;
	int r = ashmem_layout(size, &offset, &bytes);
	if (r < 0)
		return r;
	if (!may_be_so_long(bytes))
		return -EFBIG;
	if (ftruncate(fd, (off_t)bytes) < 0)
		return -errno;
	return write_block(fd, name, size, mask, offset);
}

int memfd_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

static int fill_memfd(int fd, const char *name, size_t size)
{
	int r = memfd_lay_out(fd, name, size, ASHMEM_ALL_PROT);
	return r < 0 ? r : memfd_seal(fd);
}

static int memfd_region_create(const char *name, size_t size)
{
	int fd = memfd_open(name);
	if (fd < 0)
		return fd;
	int r = fill_memfd(fd, name, size);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int memfd_share_readonly(int fd, const struct stat *st)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	if (r < 0)
		return r;
	if (fchmod(fd, 0400) < 0)
		return errno == EPERM ? -EACCES : -errno;
	return memfd_open_readonly(fd);
}

/* --- The block of a descriptor, for one call --- */

int memfd_borrow(int fd, const struct stat *st, struct loan *loan)
{
	int r = 0;
	loan->attachment = attachment_find(fd, st);
	if (loan->attachment) {
		loan->region = &loan->attachment->region;
	} else {
		loan->region = &loan->mapped;
		r = ashmem_region_map(fd, st, &loan->mapped);
	}
	return r;
}

void memfd_give_back(struct loan *loan)
{
	if (loan->attachment)
		attachment_put(loan->attachment);
	else
		ashmem_region_unmap(&loan->mapped);
}

/* --- Attributes --- */

int memfd_get_size(int fd, const struct stat *st, uint64_t *ret)
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
	return r < 0 ? r : (int)(block.prot_mask & ASHMEM_ALL_PROT);
}

/* One change of the header under the lock; @change answers 0 or -errno. */
static int with_lock(int fd, const struct stat *st,
	int (*change)(struct ashmem_block *, const void *), const void *arg)
{
	struct loan loan;
	int r = memfd_borrow(fd, st, &loan);
	if (r < 0)
		return r;
	r = region_lock(loan.region);
	if (r == 0) {
		r = change(loan.region->block, arg);
		int unlocked = region_unlock(loan.region);
		r = r < 0 ? r : unlocked;
	}
	memfd_give_back(&loan);
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
	if (wanted & ~(GET(block->prot_mask) & ASHMEM_ALL_PROT))
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
	uint64_t page = page_bytes(), end = npages * page;
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
	struct loan loan;
	int r = memfd_borrow(fd, st, &loan);
	if (r < 0)
		return r;
	r = ashmem_region_op(loan.region, fd, op, offset, len);
	memfd_give_back(&loan);
	return r;
}

static long memfd_purge_all(int fd, const struct stat *st)
{
	struct ashmem_block block;
	int r = ashmem_region_peek(fd, st, &block);
	return r < 0 ? r : ashmem_purge_held();
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
