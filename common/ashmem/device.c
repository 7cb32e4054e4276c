/* The device driver: /dev/ashmem by ioctl, where the kernel has it. Its sizes and ranges are 32
 * bits wide and wrap; what would wrap is refused here. */
#include "common/ashmem/device_abi.h"
#include "common/ashmem/driver.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* The device's number, once it has been seen: looking for it each time costs more than a pin.
 * Should it ever pass to another device, that one does not know our requests. */
static _Atomic dev_t known_device;

bool ashmem_device_owns(const struct stat *st)
{
	struct stat device;
	if (!S_ISCHR(st->st_mode))
		return false;
	if (st->st_rdev == known_device)
		return true;
	if (stat(ASHMEM_DEVICE_PATH, &device) < 0 || !S_ISCHR(device.st_mode) ||
		device.st_rdev != st->st_rdev)
		return false;
	known_device = device.st_rdev;
	return true;
}

static int open_device(void)
{
	struct stat st;
	int fd = open(ASHMEM_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno == EMFILE || errno == ENFILE || errno == EACCES || errno == EPERM
			       ? -errno
			       : -ENOTSUP;
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
		return fd;
	close(fd);
	return -ENOTSUP;
}

static int set_name(int fd, const char *name)
{
	char kept[ASHMEM_NAME_LEN] = {0};
	memcpy(kept, name, strnlen(name, sizeof(kept) - 1));
	return ioctl(fd, ASHMEM_SET_NAME, kept) < 0 ? -errno : 0;
}

static int device_create(const char *name, size_t size)
{
	if (size > INT_MAX)
		return -EFBIG;
	int fd = open_device();
	if (fd < 0)
		return fd;
	int r = name ? set_name(fd, name) : 0;
	if (r == 0 && ioctl(fd, ASHMEM_SET_SIZE, size) < 0)
		r = -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

static int device_get_size(int fd, const struct stat *st, uint64_t *ret)
{
	(void)st;
	int size = ioctl(fd, ASHMEM_GET_SIZE, NULL);
	if (size == -1)
		return -errno;
	if (size < 0)
		return -EOVERFLOW; /* made by other means: the kernel's answer does not fit its type
				    */
	*ret = (uint64_t)size;
	return 0;
}

static int device_get_name(int fd, const struct stat *st, char ret[ASHMEM_NAME_LEN])
{
	(void)st;
	char name[ASHMEM_NAME_LEN] = {0};
	if (ioctl(fd, ASHMEM_GET_NAME, name) < 0)
		return -errno;
	name[sizeof(name) - 1] = '\0';
	strcpy(ret,
		name[0] ? name
			: ASHMEM_NAME_DEF); /* the Rust driver gives an empty one back as it is */
	return 0;
}

static int device_set_name(int fd, const struct stat *st, const char *name)
{
	(void)st;
	return set_name(fd, name);
}

static int device_get_prot(int fd, const struct stat *st)
{
	(void)st;
	int mask = ioctl(fd, ASHMEM_GET_PROT_MASK, NULL);
	return mask < 0 ? -errno : mask;
}

static int device_set_prot(int fd, const struct stat *st, int prot)
{
	(void)st;
	return ioctl(fd, ASHMEM_SET_PROT_MASK, (unsigned long)(unsigned int)prot) < 0 ? -errno : 0;
}

static int device_share_readonly(int fd, const struct stat *st)
{
	int mask = device_get_prot(fd, st);
	if (mask < 0)
		return mask;
	if (mask & ~PROT_READ)
		return -EPERM;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return copy < 0 ? -errno : copy;
}

/* A length of 0 is the driver's own "to the end", but at the end itself it makes a range before its
 * own start, and over 4 GiB one without end. */
static int check_to_end(int fd, size_t offset)
{
	uint64_t size = 0, page = page_bytes();
	int r = device_get_size(fd, NULL, &size);
	if (r < 0)
		return r;
	return offset < (size + page - 1) / page * page ? 0 : -EINVAL;
}

static int device_range(int fd, const struct stat *st, enum range_op op, size_t offset, size_t len)
{
	static const unsigned long requests[] = {
		[RANGE_PIN] = ASHMEM_PIN,
		[RANGE_UNPIN] = ASHMEM_UNPIN,
		[RANGE_STATUS] = ASHMEM_GET_PIN_STATUS,
	};
	(void)st;
	if (offset > UINT32_MAX || len > UINT32_MAX - offset)
		return -EINVAL;
	int r = len == 0 ? check_to_end(fd, offset) : 0;
	if (r < 0)
		return r;
	struct ashmem_pin pin = {.offset = (uint32_t)offset, .len = (uint32_t)len};
	r = ioctl(fd, requests[op], &pin);
	return r < 0 ? -errno : r;
}

static long device_purge_all(int fd, const struct stat *st)
{
	(void)st;
	int pages = ioctl(fd, ASHMEM_PURGE_ALL_CACHES, NULL);
	return pages < 0 ? -errno : pages;
}

static int device_map(int fd, const struct stat *st, const struct map_request *request, void **ret)
{
	(void)st;
	void *at = mmap(request->addr, request->length, request->prot, request->flags, fd,
		(off_t)request->offset);
	if (at == MAP_FAILED)
		return -errno;
	*ret = at;
	return 0;
}

static ssize_t device_read(int fd, const struct stat *st, void *buf, size_t count)
{
	(void)st;
	ssize_t n = read(fd, buf, count);
	return n < 0 ? -errno : n;
}

static ssize_t device_pread(int fd, const struct stat *st, void *buf, size_t count, int64_t offset)
{
	(void)st;
	ssize_t n = pread(fd, buf, count, (off_t)offset);
	return n < 0 ? -errno : n;
}

static int64_t device_seek(int fd, const struct stat *st, int64_t offset, int whence)
{
	(void)st;
	off_t at = lseek(fd, (off_t)offset, whence);
	return at < 0 ? -errno : at;
}

const struct ashmem_ops ashmem_device_ops = {
	.create = device_create,
	.share_readonly = device_share_readonly,
	.get_size = device_get_size,
	.get_name = device_get_name,
	.set_name = device_set_name,
	.get_prot = device_get_prot,
	.set_prot = device_set_prot,
	.range = device_range,
	.purge_all = device_purge_all,
	.map = device_map,
	.read = device_read,
	.pread = device_pread,
	.seek = device_seek,
};
