/* A place in a heap, and how it goes over a socket. */
#include "common/memory_base.h"

#include "common/message.h"
#include "common/util.h"

#include <string.h>

/* --- Its life --- */

static bool inside(const struct memory_heap *heap, uint64_t offset, uint64_t size)
{
	uint64_t whole = memory_heap_size(heap);
	return size <= whole && offset <= whole - size;
}

int memory_base_create(
	struct memory_heap *heap, size_t offset, size_t size, struct memory_base **ret)
{
	if (!inside(heap, offset, size))
		return -EINVAL;
	struct memory_base *base = calloc(1, sizeof(*base));
	if (!base)
		return -ENOMEM;
	base->references = 1;
	base->heap = memory_heap_ref(heap);
	base->offset = offset;
	base->size = size;
	*ret = base;
	return 0;
}

struct memory_base *memory_base_ref(struct memory_base *base)
{
	base->references++;
	return base;
}

void memory_base_unref(struct memory_base *base)
{
	if (!base || --base->references > 0)
		return;
	if (base->released)
		base->released(base);
	memory_heap_unref(base->heap);
	free(base);
}

/* --- What it is --- */

struct memory_heap *memory_base_heap(const struct memory_base *base)
{
	return base->heap;
}

size_t memory_base_offset(const struct memory_base *base)
{
	return base->offset;
}

size_t memory_base_size(const struct memory_base *base)
{
	return base->size;
}

void *memory_base_pointer(const struct memory_base *base)
{
	char *heap = memory_heap_base(base->heap);
	return heap ? heap + base->offset : NULL;
}

/* --- Passing it on --- */

struct wire_base {
	uint32_t magic;
	uint32_t flags; /* of the heap: those that bind the receiver */
	uint64_t heap_size, offset, size;
};

#define WIRE_MAGIC 0x6573616du

int memory_base_send(const struct memory_base *base, int socket)
{
	const struct wire_base wire = {
		.magic = WIRE_MAGIC,
		.flags = memory_heap_get_flags(base->heap) & MEMORY_HEAP_READ_ONLY,
		.heap_size = memory_heap_size(base->heap),
		.offset = base->offset,
		.size = base->size,
	};
	CLEANUP(close_p) int fd = memory_heap_share(base->heap);
	if (fd < 0)
		return fd;
	return message_send(socket, &wire, sizeof(wire), &fd, 1);
}

static int import_base(const struct wire_base *wire, int fd, struct memory_base **ret)
{
	struct memory_heap *heap;
	if (wire->heap_size == 0 || wire->heap_size > SIZE_MAX || wire->offset > SIZE_MAX ||
		wire->size > SIZE_MAX)
		return -EBADMSG;
	int r = memory_heap_import(fd, (size_t)wire->heap_size, wire->flags, &heap);
	if (r == 0) {
		r = memory_base_create(heap, (size_t)wire->offset, (size_t)wire->size, ret);
		memory_heap_unref(heap); /* the base has its own */
	}
	return r == -EINVAL || r == -ENOTTY ? -EBADMSG : r;
}

int memory_base_receive(int socket, struct memory_base **ret)
{
	struct wire_base wire;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	ssize_t length = message_receive(socket, &wire, sizeof(wire), fds, &count);
	if (length == 0)
		return -ECONNRESET;
	if (length < 0)
		return length == -EMSGSIZE ? -EPROTO : (int)length;
	int r = -EPROTO;
	if (length == (ssize_t)sizeof(wire) && wire.magic == WIRE_MAGIC && count == 1 &&
		(wire.flags & ~(uint32_t)MEMORY_HEAP_READ_ONLY) == 0)
		r = import_base(&wire, fds[0], ret);
	close_all(fds, count);
	return r;
}
