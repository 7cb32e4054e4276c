/* common/ashmem/driver.h - what the public calls ask of a driver. Two stand behind it: memfd.c and
 * device.c.
 *
 * Everything returns -errno on failure. @st is the fstat of @fd, by which the driver was chosen. */
#ifndef COMMON_ASHMEM_DRIVER_H
#define COMMON_ASHMEM_DRIVER_H

#include "common/ashmem/block.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum range_op {
	RANGE_PIN,
	RANGE_UNPIN,
	RANGE_STATUS,
};

struct map_request {
	void *addr;
	size_t length;
	int prot, flags;
	int64_t offset;
};

struct ashmem_ops {
	int (*create)(const char *name, size_t size); /* gives the descriptor */
	int (*share_readonly)(int fd, const struct stat *st);

	int (*get_size)(int fd, const struct stat *st, uint64_t *ret);
	int (*get_name)(int fd, const struct stat *st, char ret[ASHMEM_NAME_LEN]);
	int (*set_name)(int fd, const struct stat *st, const char *name);
	int (*get_prot)(int fd, const struct stat *st);
	int (*set_prot)(int fd, const struct stat *st, int prot);

	int (*range)(int fd, const struct stat *st, enum range_op op, size_t offset, size_t len);
	long (*purge_all)(int fd, const struct stat *st);

	int (*map)(int fd, const struct stat *st, const struct map_request *request, void **ret);
	ssize_t (*read)(int fd, const struct stat *st, void *buf, size_t count);
	ssize_t (*pread)(int fd, const struct stat *st, void *buf, size_t count, int64_t offset);
	int64_t (*seek)(int fd, const struct stat *st, int64_t offset, int whence);
};

extern const struct ashmem_ops ashmem_memfd_ops, ashmem_device_ops;

/* Chooses by what kind of file it is; whether it is a region the driver finds out. NULL and errno:
 * EBADF, ENOTTY. */
const struct ashmem_ops *ashmem_driver_of(int fd, struct stat *ret_st);

/* Whether @st is that of an open /dev/ashmem. */
bool ashmem_device_owns(const struct stat *st);

/* Page numbers of a range of bytes as the pin calls take it. -EINVAL. */
int ashmem_check_range(
	uint32_t npages, size_t offset, size_t len, uint32_t *ret_start, uint32_t *ret_end);

/* pin, unpin or status on a mapped block. */
int ashmem_region_op(
	struct ashmem_region *region, int fd, enum range_op op, size_t offset, size_t len);

/* Purges all that this process holds in memfd regions; gives the pages. */
long ashmem_purge_held(void);

#endif
