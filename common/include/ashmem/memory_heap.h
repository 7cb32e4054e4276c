/* ashmem/memory_heap.h - a block of shared memory that is given out in pieces: Android's
 * MemoryHeapBase (memory_heap) and MemoryBase (memory_base). <ashmem/memory_dealer.h> has the
 * dealer that cuts the pieces.
 *
 * A heap is a region with its mapping; a base is a place in it. Both are counted: whoever creates,
 * imports, receives or refs one gives it back by unref. A base keeps its heap.
 *
 * Where this differs from Android:
 *   - A base is checked when it is made: there any offset and size were taken, and only the reader
 *     in another process looked.
 *   - A READ_ONLY heap is passed on by a descriptor that can not write, not by the mask alone, and
 *     is not sealed FUTURE_WRITE: that seal also forbids giving freed pages back.
 *   - Only a region can be imported: a file that its sender could shrink would raise SIGBUS here.
 *
 * 0 (or what the call says) or -errno; outputs are untouched on failure. Any thread; of one object
 * memory_heap_dispose must be the last use beside unref. In a forked child the objects go on,
 * shared with the parent. */
#ifndef ASHMEM_MEMORY_HEAP_H
#define ASHMEM_MEMORY_HEAP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum memory_heap_flags {
	/* Others can only read. create: the creator's own mapping can write. */
	MEMORY_HEAP_READ_ONLY = 1 << 0,
	/* Not mapped in this process: the base is NULL. */
	MEMORY_HEAP_DONT_MAP_LOCALLY = 1 << 1,
	/* On a memfd, also where there is an ashmem device. create only. */
	MEMORY_HEAP_FORCE_MEMFD = 1 << 2,
};

struct memory_heap; /* opaque */

/* A heap of @size bytes, rounded up to the page, zero; @name NULL: "MemoryHeapBase".
 * -EINVAL: @size is 0, an unknown flag.  -EOVERFLOW: it can not be rounded up.  -ENOMEM; errors of
 * ashmem_create_region. */
int memory_heap_create(const char *name, size_t size, unsigned flags, struct memory_heap **ret);

/* A heap on a received descriptor, of which it keeps a duplicate; @fd stays the caller's. Mapped
 * read-only or read-write, as the flags say; @size 0: the whole region. A memfd region imported
 * again with the same size and flags gives the heap that is there already, so that each is mapped
 * once in a process.
 * -EBADF.  -ENOTTY: not a region.  -EBADMSG: one that is damaged.  -EINVAL: @size is more than the
 * region has, or both are 0; an unknown flag, FORCE_MEMFD.  -EPERM, -EACCES: the mask, the
 * descriptor do not allow writing, and READ_ONLY was not given.  -ENOMEM, -EMFILE. */
int memory_heap_import(int fd, size_t size, unsigned flags, struct memory_heap **ret);

struct memory_heap *memory_heap_ref(struct memory_heap *heap); /* gives @heap */
void memory_heap_unref(struct memory_heap *heap);              /* NULL is fine */

/* Where it is mapped, NULL: nowhere; its bytes; its flags. After memory_heap_dispose NULL and 0. */
void *memory_heap_base(const struct memory_heap *heap);
size_t memory_heap_size(const struct memory_heap *heap);
unsigned memory_heap_get_flags(const struct memory_heap *heap);

/* The descriptor, borrowed. -EBADF: disposed of. */
int memory_heap_fd(const struct memory_heap *heap);

/* A descriptor to give away, which the caller owns: READ_ONLY, one that can not write.
 * -EBADF: disposed of.  -EMFILE; errors of ashmem_share_readonly. */
int memory_heap_share(const struct memory_heap *heap);

/* Unmaps it and closes the descriptor now, whoever still has references. Of several threads that do
 * so one does it. */
void memory_heap_dispose(struct memory_heap *heap);

/* --- A place in a heap --- */

struct memory_base; /* opaque */

/* [@offset, @offset + @size) of @heap, of which it takes a reference.
 * -EINVAL: that is not inside the heap.  -ENOMEM. */
int memory_base_create(
	struct memory_heap *heap, size_t offset, size_t size, struct memory_base **ret);

struct memory_base *memory_base_ref(struct memory_base *base); /* gives @base */
void memory_base_unref(struct memory_base *base);              /* NULL is fine */

struct memory_heap *memory_base_heap(const struct memory_base *base); /* borrowed */
size_t memory_base_offset(const struct memory_base *base);
size_t memory_base_size(const struct memory_base *base);

/* Where its first byte is; NULL: the heap is not mapped. */
void *memory_base_pointer(const struct memory_base *base);

/* Passes it on over a SOCK_SEQPACKET Unix socket: the heap's descriptor, and where in it.
 * -EAGAIN: a non-blocking socket is full.  -EPIPE, -ECONNRESET: the peer is gone (no signal).
 * -ETOOMANYREFS.  -EBADF, -ENOTSOCK, -EINVAL, -ENOTCONN: not such a socket.  Errors of
 * memory_heap_share. */
int memory_base_send(const struct memory_base *base, int socket);

/* Receives one. What the sender says is checked against the region itself.
 * -EAGAIN: nothing there yet.  -ECONNRESET: the peer has gone.  -EPROTO: something else was sent.
 * -EBADF, -ENOTSOCK, -ENOTCONN: not such a socket.  -EMFILE: no room for the descriptor.  -EBADMSG:
 * it says what is not so: no region, less memory than said, or a place outside it.  -EPERM,
 * -EACCES: it says read-write, and the region does not allow that.  -ENOMEM. */
int memory_base_receive(int socket, struct memory_base **ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
