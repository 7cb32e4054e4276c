/* A region as an object. The mappings stand in a list of the process, not of the object, because
 * they outlive it. */
#include <ashmem/shared_memory.h>

#include "common/message.h"
#include "common/object_lock.h"
#include "common/pass_on.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <sys/mman.h>

#define ALL_PROT (PROT_READ | PROT_WRITE | PROT_EXEC)

struct shared_memory {
	int fd; /* ours; -1 once closed */
	size_t size;
};

struct mapping {
	struct mapping *next;
	void *at;
	size_t length;
};

static struct mapping *mappings; /* under object_lock; youngest first */

/* --- The object --- */

int shared_memory_import(int fd, struct shared_memory **ret)
{
	CLEANUP(close_p) int owned = fd;
	int64_t size = ashmem_get_size_region64(fd);
	if (size < 0)
		return -errno;
	if (size == 0)
		return -EINVAL;
	if ((uint64_t)size > SIZE_MAX)
		return -ENOMEM;
	struct shared_memory *memory = malloc(sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	*memory = (struct shared_memory){.fd = take_fd(&owned), .size = (size_t)size};
	*ret = memory;
	return 0;
}

int shared_memory_create(const char *name, size_t size, struct shared_memory **ret)
{
	if (size == 0)
		return -EINVAL;
	int fd = ashmem_create_region(name, size);
	return fd < 0 ? -errno : shared_memory_import(fd, ret);
}

void shared_memory_close(struct shared_memory *memory)
{
	close_p(&memory->fd);
	memory->fd = -1;
}

void shared_memory_destroy(struct shared_memory *memory)
{
	if (!memory)
		return;
	shared_memory_close(memory);
	free(memory);
}

ssize_t shared_memory_size(const struct shared_memory *memory)
{
	return memory->fd < 0 ? -EBADF : (ssize_t)memory->size;
}

int shared_memory_fd(const struct shared_memory *memory)
{
	return memory->fd < 0 ? -EBADF : memory->fd;
}

int shared_memory_protect(const struct shared_memory *memory, int prot)
{
	if (memory->fd < 0)
		return -EBADF;
	if (prot & ~ALL_PROT)
		return -EINVAL;
	if (ashmem_set_prot_region(memory->fd, prot) == 0)
		return 0;
	return errno == EINVAL ? -EPERM : -errno;
}

/* --- Mappings --- */

int shared_memory_map(
	const struct shared_memory *memory, int prot, size_t offset, size_t length, void **ret)
{
	if (memory->fd < 0)
		return -EBADF;
	if (length == 0 || length > memory->size || offset > memory->size - length ||
		(prot & ~ALL_PROT))
		return -EINVAL;
	CLEANUP(free_p) struct mapping *mapping = malloc(sizeof(*mapping));
	if (!mapping)
		return -ENOMEM;
	void *at = ashmem_mmap(NULL, length, prot, MAP_SHARED, memory->fd, (int64_t)offset);
	if (at == MAP_FAILED)
		return -errno;
	object_lock();
	*mapping = (struct mapping){.next = mappings, .at = at, .length = length};
	mappings = take_ptr(&mapping);
	object_unlock();
	*ret = at;
	return 0;
}

int shared_memory_map_readonly(const struct shared_memory *memory, const void **ret)
{
	void *at;
	int r = shared_memory_map(memory, PROT_READ, 0, memory->size, &at);
	if (r == 0)
		*ret = at;
	return r;
}

int shared_memory_map_readwrite(const struct shared_memory *memory, void **ret)
{
	return shared_memory_map(memory, PROT_READ | PROT_WRITE, 0, memory->size, ret);
}

int shared_memory_unmap(const void *at)
{
	object_lock();
	struct mapping **link = &mappings;
	while (*link && (*link)->at != at)
		link = &(*link)->next;
	CLEANUP(free_p) struct mapping *found = *link;
	if (found)
		*link = found->next;
	object_unlock();
	if (!found)
		return -EINVAL;
	return ashmem_munmap(found->at, found->length) < 0 ? -errno : 0;
}

/* --- Passing it on --- */

int shared_memory_send(const struct shared_memory *memory, int socket)
{
	if (memory->fd < 0)
		return -EBADF;
	int mask = ashmem_get_prot_region(memory->fd);
	if (mask < 0)
		return -errno;
	bool writable = mask & PROT_WRITE;
	CLEANUP(close_p) int fd = writable ? dup_cloexec(memory->fd) : pass_on_readonly(memory->fd);
	if (fd < 0)
		return fd;
	return message_send(socket, "", 1, &fd, 1);
}

int shared_memory_receive(int socket, struct shared_memory **ret)
{
	char byte;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	ssize_t length = message_receive(socket, &byte, sizeof(byte), fds, &count);
	if (length == 0)
		return -ECONNRESET;
	if (length < 0)
		return length == -EMSGSIZE ? -EPROTO : (int)length;
	if (count != 1) {
		close_all(fds, count);
		return -EPROTO;
	}
	return shared_memory_import(fds[0], ret);
}
