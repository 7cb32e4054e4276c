/* ashmem/shared_memory.h - a region as an object: create, protect, map, pass on. Android's
 * SharedMemory.
 *
 * An object owns one descriptor. Mappings live by themselves: they stay valid when the object is
 * closed, and the memory is freed when the last descriptor and the last mapping have gone, in
 * whatever process.
 *
 * 0 (or what the call says) or -errno; outputs are untouched on failure. Different objects are
 * independent; calls on one object may run in several threads, but shared_memory_close and
 * shared_memory_destroy beside none. In a forked child the object and its mappings go on, shared
 * with the parent. After shared_memory_close every call answers -EBADF. Where a call says "errors
 * of ashmem_…" they are those in <cutils/ashmem.h> and <ashmem/ashmem.h>, as -errno. */
#ifndef ASHMEM_SHARED_MEMORY_H
#define ASHMEM_SHARED_MEMORY_H

#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct shared_memory; /* opaque */

/* Makes a region of @size bytes, zero, which may be read, written and executed. @name may be NULL.
 * The caller owns the object.
 * -EINVAL: @size is 0.  -ENOMEM; errors of ashmem_create_region. */
int shared_memory_create(const char *name, size_t size, struct shared_memory **ret);

/* An object on a received descriptor. Takes @fd in every case, also on failure. The size is asked
 * of the region, not of whoever sent it.
 * -EBADF: closed.  -ENOTTY: not a region.  -EINVAL: a region of size 0.  -ENOMEM; errors of
 * ashmem_get_size_region64. */
int shared_memory_import(int fd, struct shared_memory **ret);

/* Closes the descriptor; the mappings stay. Again is fine. */
void shared_memory_close(struct shared_memory *memory);

/* Closes and frees the object. NULL is fine. */
void shared_memory_destroy(struct shared_memory *memory);

/* The size in bytes, as given at creation. */
ssize_t shared_memory_size(const struct shared_memory *memory);

/* The descriptor: borrowed, the object's own. */
int shared_memory_fd(const struct shared_memory *memory);

/* What new mappings may ask for from now on, in all processes: bits of PROT_READ, PROT_WRITE,
 * PROT_EXEC. Mappings that exist keep what they have.
 * -EINVAL: other bits.  -EPERM: it would allow more than before; nothing has changed.  Errors of
 * ashmem_set_prot_region. */
int shared_memory_protect(const struct shared_memory *memory, int prot);

/* A new mapping of [@offset, @offset + @length), to be ended by shared_memory_unmap.
 * -EINVAL: @length is 0, the range is not inside the size, @offset is not a multiple of the page,
 * @prot has other bits than PROT_READ, PROT_WRITE, PROT_EXEC.  -EPERM: more than is allowed.
 * -EACCES: writable, and the descriptor is read-only.  -ENOMEM. */
int shared_memory_map(
	const struct shared_memory *memory, int prot, size_t offset, size_t length, void **ret);

/* The whole of it. Errors as above. */
int shared_memory_map_readonly(const struct shared_memory *memory, const void **ret);
int shared_memory_map_readwrite(const struct shared_memory *memory, void **ret);

/* Ends a mapping, given its address; the object may be gone.
 * -EINVAL: @at was not given by the calls above, or has been unmapped. */
int shared_memory_unmap(const void *at);

/* Passes it on over a Unix socket, in a message of one byte. The receiver asks the region for
 * everything else. If it may no longer be written, what is sent is a read-only descriptor
 * (ashmem_share_readonly), so that a plain mmap is held to that too; only when the region belongs
 * to another user and our descriptor is a writable one, that one goes.
 * -EAGAIN: a non-blocking socket is full.  -EPIPE, -ECONNRESET: the peer is gone (no signal).
 * -ETOOMANYREFS.  -EBADF, -ENOTSOCK, -EINVAL, -ENOTCONN: not such a socket.  Errors of
 * ashmem_share_readonly. */
int shared_memory_send(const struct shared_memory *memory, int socket);

/* Receives it. The caller owns the object.
 * -EAGAIN: nothing there yet.  -ECONNRESET: the peer has gone.  -EPROTO: something else was sent.
 * -EBADF, -ENOTSOCK, -ENOTCONN: not such a socket.  -EMFILE: no room for the descriptor.  Errors
 * of shared_memory_import. */
int shared_memory_receive(int socket, struct shared_memory **ret);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
