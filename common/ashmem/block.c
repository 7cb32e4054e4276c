/* Where the control block of a memfd region is, and how one looks at it without trusting it. */
#include "common/ashmem/block.h"

#include "common/util.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* Bytes of nodes for one unit of data, whole pages. */
static uint64_t unit_nodes_bytes(void)
{
	uint64_t page = page_bytes(), bytes = ASHMEM_UNIT / page * sizeof(struct ashmem_node);
	return (bytes + page - 1) / page * page;
}

int ashmem_layout(uint64_t size, uint64_t *ret_block_offset, uint64_t *ret_file_bytes)
{
	uint64_t page = page_bytes();
	if (size > ASHMEM_MAX_PAGES * page)
		return -EFBIG;
	uint64_t units = (size + ASHMEM_UNIT - 1) / ASHMEM_UNIT;
	*ret_block_offset = units * ASHMEM_UNIT;
	*ret_file_bytes = units * (ASHMEM_UNIT + unit_nodes_bytes()) + page;
	return 0;
}

int ashmem_layout_from_file(uint64_t file_bytes, uint64_t *ret_block_offset)
{
	uint64_t page = page_bytes(), per_unit = ASHMEM_UNIT + unit_nodes_bytes();
	if (file_bytes < page || (file_bytes - page) % per_unit != 0)
		return -ENOTTY;
	*ret_block_offset = (file_bytes - page) / per_unit * ASHMEM_UNIT;
	return 0;
}

/* A fault inside a system call is an error of that call. MADV_POPULATE_WRITE, which is made for
 * this, came with Linux 5.14 only. */
int ashmem_make_page(uint32_t *word)
{
	return syscall(SYS_getcpu, word, NULL, NULL) < 0 && errno == EFAULT ? -ENOMEM : 0;
}

/* A file that its peers can not resize: otherwise touching the mapping could raise SIGBUS. */
static int find_block(int fd, const struct stat *st, uint64_t *ret_offset)
{
	if (!S_ISREG(st->st_mode))
		return -ENOTTY;
	int r = ashmem_layout_from_file((uint64_t)st->st_size, ret_offset);
	if (r < 0)
		return r;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return errno == EBADF ? -EBADF : -ENOTTY;
	return (seals & SEALS) == SEALS ? 0 : -ENOTTY;
}

static int check_size(
	uint64_t magic, uint32_t version, uint32_t page_size, uint64_t size, uint64_t file_bytes)
{
	uint64_t offset, bytes;
	if (magic != ASHMEM_BLOCK_MAGIC)
		return -ENOTTY;
	if (version != ASHMEM_BLOCK_VERSION || page_size != page_bytes() ||
		ashmem_layout(size, &offset, &bytes) < 0 || bytes != file_bytes)
		return -EBADMSG;
	return 0;
}

int ashmem_region_map(int fd, const struct stat *st, struct ashmem_region *ret)
{
	uint64_t offset;
	int r = find_block(fd, st, &offset);
	if (r < 0)
		return r;
	uint64_t length = (uint64_t)st->st_size - offset;
	if (length > PTRDIFF_MAX) /* where addresses have 32 bits */
		return -ENOMEM;
	size_t bytes = (size_t)length;
	struct ashmem_block *block =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)offset);
	if (block == MAP_FAILED)
		return errno == EPERM ? -EACCES : -errno; /* sealed against writing by somebody */
	uint64_t size = GET(block->size);
	r = check_size(GET(block->magic), GET(block->version), GET(block->page_size), size,
		(uint64_t)st->st_size);
	if (r < 0) {
		munmap(block, bytes);
		return r;
	}
	*ret = (struct ashmem_region){
		.block = block,
		.nodes = (struct ashmem_node *)(block + 1) - 1,
		.mapped_bytes = bytes,
		.size = size,
		.file_offset = offset,
		.npages = (uint32_t)((size + page_bytes() - 1) / page_bytes()),
		.dev = st->st_dev,
		.ino = st->st_ino,
	};
	return 0;
}

void ashmem_region_unmap(struct ashmem_region *region)
{
	munmap(region->block, region->mapped_bytes);
	region->block = NULL;
}

int ashmem_region_peek(int fd, const struct stat *st, struct ashmem_block *ret)
{
	uint64_t offset;
	struct ashmem_block block;
	int r = find_block(fd, st, &offset);
	if (r < 0)
		return r;
	ssize_t n = pread(fd, &block, sizeof(block), (off_t)offset);
	if (n != (ssize_t)sizeof(block))
		return n < 0 ? -errno : -EBADMSG;
	r = check_size(
		block.magic, block.version, block.page_size, block.size, (uint64_t)st->st_size);
	if (r < 0)
		return r;
	block.name[sizeof(block.name) - 1] = '\0';
	*ret = block;
	return 0;
}
