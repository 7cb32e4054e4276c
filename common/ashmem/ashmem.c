/* The public calls on descriptors: each finds the driver, asks it, and turns -errno into libcutils'
 * -1. */
#include "common/ashmem/attachment.h"
#include "common/ashmem/driver.h"

#include "common/util.h"

#include <android/sharedmem.h>
#include <ashmem/ashmem.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const struct ashmem_ops *ashmem_driver_of(int fd, struct stat *ret_st)
{
	if (fstat(fd, ret_st) < 0)
		return NULL;
	if (S_ISREG(ret_st->st_mode))
		return &ashmem_memfd_ops;
	if (ashmem_device_owns(ret_st))
		return &ashmem_device_ops;
	errno = ENOTTY;
	return NULL;
}

static int64_t answer(int64_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

/* --- Creation --- */

static int create_on_best(const char *name, size_t size)
{
	int fd = ashmem_device_ops.create(name, size);
	if (fd == -ENOTSUP || fd == -EACCES || fd == -EPERM || fd == -EFBIG)
		fd = ashmem_memfd_ops.create(name, size);
	return fd;
}

int ashmem_create_region_on(enum ashmem_driver driver, const char *name, size_t size)
{
	switch (driver) {
	case ASHMEM_DRIVER_AUTO:
		return (int)answer(create_on_best(name, size));
	case ASHMEM_DRIVER_MEMFD:
		return (int)answer(ashmem_memfd_ops.create(name, size));
	case ASHMEM_DRIVER_DEVICE:
		return (int)answer(ashmem_device_ops.create(name, size));
	}
	return (int)answer(-EINVAL);
}

int ashmem_create_region(const char *name, size_t size)
{
	const char *wanted = secure_getenv("ASHMEM_DRIVER");
	if (!wanted || strcmp(wanted, "auto") == 0)
		return ashmem_create_region_on(ASHMEM_DRIVER_AUTO, name, size);
	if (strcmp(wanted, "memfd") == 0)
		return ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, name, size);
	if (strcmp(wanted, "device") == 0)
		return ashmem_create_region_on(ASHMEM_DRIVER_DEVICE, name, size);
	return (int)answer(-EINVAL);
}

int ashmem_share_readonly(int fd)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? (int)answer(ops->share_readonly(fd, &st)) : -1;
}

/* --- Attributes --- */

int ashmem_valid(int fd)
{
	int before = errno;
	struct stat st;
	struct ashmem_block block;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	bool valid = ops && (ops != &ashmem_memfd_ops || ashmem_region_peek(fd, &st, &block) == 0);
	errno = before;
	return valid;
}

static int64_t get_size(int fd)
{
	struct stat st;
	uint64_t size = 0;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	int r = ops ? ops->get_size(fd, &st, &size) : -errno;
	return r < 0 ? r : (int64_t)size;
}

int64_t ashmem_get_size_region64(int fd)
{
	return answer(get_size(fd));
}

int ashmem_get_size_region(int fd)
{
	int64_t size = get_size(fd);
	return (int)answer(size > INT_MAX ? -EOVERFLOW : size);
}

int ashmem_get_name_region(int fd, char *ret_name)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	if (!ops)
		return -1;
	return (int)answer(ret_name ? ops->get_name(fd, &st, ret_name) : -EFAULT);
}

int ashmem_set_name_region(int fd, const char *name)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	if (!ops)
		return -1;
	return (int)answer(name ? ops->set_name(fd, &st, name) : -EFAULT);
}

int ashmem_get_prot_region(int fd)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? (int)answer(ops->get_prot(fd, &st)) : -1;
}

int ashmem_set_prot_region(int fd, int prot)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? (int)answer(ops->set_prot(fd, &st, prot)) : -1;
}

/* --- Pin and unpin --- */

static int range_call(int fd, enum range_op op, size_t offset, size_t len)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? (int)answer(ops->range(fd, &st, op, offset, len)) : -1;
}

int ashmem_pin_region(int fd, size_t offset, size_t len)
{
	return range_call(fd, RANGE_PIN, offset, len);
}

int ashmem_unpin_region(int fd, size_t offset, size_t len)
{
	return range_call(fd, RANGE_UNPIN, offset, len);
}

int ashmem_get_pin_status_region(int fd, size_t offset, size_t len)
{
	return range_call(fd, RANGE_STATUS, offset, len);
}

long ashmem_purge_all_caches(int fd)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? answer(ops->purge_all(fd, &st)) : -1;
}

/* --- Mapping, reading, seeking --- */

void *ashmem_mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset)
{
	const struct map_request request = {
		.addr = addr,
		.length = length,
		.prot = prot,
		.flags = flags,
		.offset = offset,
	};
	struct stat st;
	void *at = MAP_FAILED;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	if (ops)
		answer(ops->map(fd, &st, &request, &at));
	return at;
}

int ashmem_munmap(void *addr, size_t length)
{
	if ((uintptr_t)addr % page_bytes() || length == 0)
		return (int)answer(-EINVAL);
	/* First, or another thread's new mapping at this address would be forgotten. */
	attachment_forget_mapping(addr, length);
	return munmap(addr, length);
}

ssize_t ashmem_read(int fd, void *buf, size_t count)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? answer(ops->read(fd, &st, buf, count)) : -1;
}

ssize_t ashmem_pread(int fd, void *buf, size_t count, int64_t offset)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? answer(ops->pread(fd, &st, buf, count, offset)) : -1;
}

int64_t ashmem_lseek(int fd, int64_t offset, int whence)
{
	struct stat st;
	const struct ashmem_ops *ops = ashmem_driver_of(fd, &st);
	return ops ? answer(ops->seek(fd, &st, offset, whence)) : -1;
}

/* --- The NDK's names --- */

int ASharedMemory_create(const char *name, size_t size)
{
	if (size == 0)
		return (int)answer(-EINVAL);
	return ashmem_create_region(name, size);
}

size_t ASharedMemory_getSize(int fd)
{
	int before = errno;
	int64_t size = get_size(fd);
	errno = before;
	return size < 0 ? 0 : (size_t)size;
}

int ASharedMemory_setProt(int fd, int prot)
{
	return ashmem_set_prot_region(fd, prot);
}
