/* common/ashmem/memfd.h - what the two files of the memfd driver share. */
#ifndef COMMON_ASHMEM_MEMFD_H
#define COMMON_ASHMEM_MEMFD_H

#include "common/ashmem/driver.h"

#define ASHMEM_ALL_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)

struct attachment;

/* An empty memfd that is no region yet: close-on-exec, not sealed, for nobody but its user. */
int memfd_open(const char *name);

/* Gives it a region's length and control block. Until it is sealed it is no region. -EFBIG. */
int memfd_lay_out(int fd, const char *name, uint64_t size, uint32_t mask);
int memfd_seal(int fd);

/* The control block of a descriptor, for one call. */
struct loan {
	struct ashmem_region *region;
	struct attachment *attachment; /* NULL: mapped for this call */
	struct ashmem_region mapped;
};

int memfd_borrow(int fd, const struct stat *st, struct loan *loan);
void memfd_give_back(struct loan *loan);

/* The same file, opened again without the right to write; -errno. */
int memfd_open_readonly(int fd);

int memfd_get_size(int fd, const struct stat *st, uint64_t *ret);
int memfd_map(int fd, const struct stat *st, const struct map_request *request, void **ret);
ssize_t memfd_read(int fd, const struct stat *st, void *buf, size_t count);
ssize_t memfd_pread(int fd, const struct stat *st, void *buf, size_t count, int64_t offset);
int64_t memfd_seek(int fd, const struct stat *st, int64_t offset, int whence);

#endif
