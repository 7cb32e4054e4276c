/* ashmem/ashmem.h - all of ashmem: what the driver can do beyond libcutils' calls, and what only
 * this library has.
 *
 * Two drivers give the same answers: the kernel's /dev/ashmem, and memfd, which works on any Linux.
 * A memfd region keeps its state (size, name, mask, the unpinned ranges) in a control block in the
 * same file, from the next 2 MiB boundary behind the data, so that the one descriptor is all a peer
 * needs. What a memfd can not do as the device does:
 *
 *   - A plain mmap, read, write or lseek of the descriptor is not seen by this library: it is not
 *     held to the mask, nor to the size (the file goes on behind the data), and MAP_PRIVATE shows
 *     the data. Use ashmem_mmap, ashmem_read, ashmem_pread and ashmem_lseek, or give away a
 *     descriptor made by ashmem_share_readonly.
 *   - The kernel does not purge by itself: a process that holds regions calls ashmem_shrink, or
 *     starts the shrinker.
 *   - Memory for the data is not promised beforehand: with vm.overcommit_memory=2 and all memory
 *     promised the first touch of a page raises SIGBUS. What the library itself needs is an error
 *     then, ENOMEM. In a full cgroup Linux asks nobody: the OOM killer ends a process of it, inside
 *     a call of this library too.
 *   - A process with a writable descriptor can damage the block. Then calls fail with EBADMSG or
 *     report purged; they never crash, hang or touch memory outside the block.
 *
 * A process may die at any instruction inside any of these calls. If it was just changing the list
 * of ranges, the next caller finds the whole region unpinned and purged: nothing is thrown away,
 * and every pin tells once that the data must be made again.
 *
 * Conventions and common errors are those of <cutils/ashmem.h>: -1 and errno. */
#ifndef ASHMEM_ASHMEM_H
#define ASHMEM_ASHMEM_H

#include <cutils/ashmem.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum ashmem_driver {
	ASHMEM_DRIVER_AUTO = 0, /* the device where there is one and the size fits, else memfd */
	ASHMEM_DRIVER_MEMFD = 1,
	ASHMEM_DRIVER_DEVICE = 2,
};

/* As ashmem_create_region, on a driver of the caller's choice; the environment is not asked.
 * EINVAL: no such driver. */
int ashmem_create_region_on(enum ashmem_driver driver, const char *name, size_t size);

/* A descriptor of the same region through which one can only look: not write, pin, unpin, purge or
 * change the mask (EACCES). Close-on-exec; the caller owns it.
 * memfd: opened again O_RDONLY, and the file's mode becomes 0400, so that another user who is given
 *   it can not reopen it writable; a process of the same user could change the mode back. Mapping
 *   it PROT_WRITE shared gives EACCES.
 * device: a duplicate; the mask alone decides, and any holder can unpin. EPERM: the mask still has
 *   PROT_WRITE or PROT_EXEC (set it to PROT_READ first).
 * EACCES: the region belongs to another user.  ENOENT: memfd, where /proc is not mounted. */
int ashmem_share_readonly(int fd);

/* The size given at creation, in bytes.
 * EOVERFLOW: a program has asked the device itself for more than its own calls can tell. */
int64_t ashmem_get_size_region64(int fd);

/* The name, at most ASHMEM_NAME_LEN bytes with the NUL; ASHMEM_NAME_DEF when it has none.
 * EFAULT: @ret_name is NULL. */
int ashmem_get_name_region(int fd, char *ret_name);

/* Changes the name; only before the first ashmem_mmap (device: mmap). An empty name is no name. On
 * a memfd /proc/PID/maps keeps the name of the creation.
 * EINVAL: it has been mapped.  EFAULT: @name is NULL. */
int ashmem_set_name_region(int fd, const char *name);

/* The protection mask. */
int ashmem_get_prot_region(int fd);

/* ASHMEM_IS_UNPINNED if any page of the range is, else ASHMEM_IS_PINNED.
 * EINVAL: as for ashmem_pin_region. */
int ashmem_get_pin_status_region(int fd, size_t offset, size_t len);

/* Purges everything unpinned: with a memfd region in all memfd regions that this process holds, on
 * the device in all of the machine. Gives the number of unpinned pages that had not been purged
 * before, resident or not.
 * EPERM: device, without CAP_SYS_ADMIN. */
long ashmem_purge_all_caches(int fd);

/* mmap with the rules of the driver: @length at most the size rounded up to the page; nothing
 * outside the mask, not even by mprotect later; MAP_PRIVATE gives fresh zero memory that has
 * nothing to do with the region's data. While a region is mapped by this call the calls that take
 * the descriptor cost one fstat each. Fails with MAP_FAILED.
 * EPERM: @prot is not within the mask.  EACCES: writable on a read-only descriptor.
 * EINVAL: length 0, longer than the region, or (memfd) reaching behind its end; unaligned offset; a
 * region of size 0.
 * memfd: mprotect is not held back for PROT_READ, PROT_EXEC and private memory, and for PROT_WRITE
 * neither if the region belongs to another user or /proc is not mounted. */
void *ashmem_mmap(void *addr, size_t length, int prot, int flags, int fd, int64_t offset);

/* munmap of what ashmem_mmap gave, or a part. Of a mapping removed by munmap itself the library
 * does not hear; it may keep the region until ashmem_mmap is given the address again.
 * EINVAL: @addr is not a multiple of the page, @length is 0. */
int ashmem_munmap(void *addr, size_t length);

/* read that ends at the region's size: 0 there. The position is shared by all duplicates of the
 * descriptor, and moves on before the bytes are copied. If that fails it goes back, unless somebody
 * else has moved it meanwhile: then those bytes are passed over (memfd). Through a read-only
 * descriptor of a memfd two processes that read at the same time may be given the same bytes.
 * EFAULT: @buf is not writable. */
ssize_t ashmem_read(int fd, void *buf, size_t count);

/* The same at @offset. memfd: the position stays as it is.
 * EINVAL: @offset is negative.  EFAULT: as above. */
ssize_t ashmem_pread(int fd, void *buf, size_t count, int64_t offset);

/* lseek against the region's size; SEEK_DATA and SEEK_HOLE tell which pages exist.
 * EINVAL: negative result, unknown @whence, size 0.
 * ENXIO: SEEK_DATA or SEEK_HOLE at or behind the end; no data from there on. */
int64_t ashmem_lseek(int fd, int64_t offset, int whence);

/* Purges unpinned ranges, the one unpinned longest ago first, in the memfd regions that this
 * process holds writable descriptors of, until at least @bytes have been given back to the system;
 * whole ranges, and not one more than needed. Gives the bytes freed: less than @bytes when nothing
 * purgeable is left. Never fails; a region that is damaged or in use too long is left out. Regions
 * are found through /proc/self/fd (without /proc none is), so nothing is kept open for it. On the
 * device the kernel does this. */
size_t ashmem_shrink(size_t bytes);

/* --- A shrinker for programs that want one --- */

struct ashmem_shrinker; /* opaque */

/* Starts a thread that watches how much memory is left, in the system and in each cgroup (v1 or v2)
 * this process is in, whichever is least. Below @low_bytes it calls ashmem_shrink until @high_bytes
 * are left; it looks the more often the nearer it is, every 2 to 500 ms. It does not exist in a
 * forked child. The thread blocks all signals.
 * EINVAL: @low_bytes is above @high_bytes.  EAGAIN: no thread can be made. */
int ashmem_shrinker_start(size_t low_bytes, size_t high_bytes, struct ashmem_shrinker **ret);

/* Bytes it has freed so far. Any thread. */
size_t ashmem_shrinker_freed(const struct ashmem_shrinker *shrinker);

/* Ends the thread and waits for it. NULL is fine. */
void ashmem_shrinker_stop(struct ashmem_shrinker *shrinker);

/* --- Handles: without system calls --- */

struct ashmem_handle; /* opaque; may be used by several threads, and after fork in the child too */

/* Maps the region's control block (of the data nothing) and keeps a duplicate of @fd, so that the
 * region lives until ashmem_detach. The calls below then cost no system call while nobody else is
 * just inside one on the same region (memfd; on the device each is one ioctl). device: maps and
 * unmaps one page, since pinning there begins with the first mapping.
 * EINVAL: size 0. */
int ashmem_attach(int fd, struct ashmem_handle **ret);

/* No other thread may be using it. NULL is fine. */
void ashmem_detach(struct ashmem_handle *handle);

/* As the calls on a descriptor, with the same results. Errors of ashmem_pin_region. */
int ashmem_handle_pin(struct ashmem_handle *handle, size_t offset, size_t len);
int ashmem_handle_unpin(struct ashmem_handle *handle, size_t offset, size_t len);
int ashmem_handle_status(struct ashmem_handle *handle, size_t offset, size_t len);

/* Purges the unpinned ranges that lie wholly inside [@offset, @offset + @len), in pieces of at most
 * 4 MiB; calls on other pages of the region go on meanwhile. *@ret_freed is what the system got
 * back, in bytes, also when a purge fails half-way.
 * EINVAL: as for ashmem_pin_region.  ENOTSUP: device. */
int ashmem_handle_purge(struct ashmem_handle *handle, size_t offset, size_t len, size_t *ret_freed);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
