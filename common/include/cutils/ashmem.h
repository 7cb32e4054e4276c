/* cutils/ashmem.h - libcutils' ashmem calls, under their own names, for code ported from Android.
 *
 * A region is memory behind a descriptor that can be mapped, passed on, and *unpinned*: unpinned
 * pages may be thrown away when memory is short, and the next pin tells. Whoever holds the
 * descriptor (by fork, dup or SCM_RIGHTS) shares size, data, protection mask and pin state; pins
 * are not counted and have no owner.
 *
 * Every call returns -1 and sets errno on failure, and then has changed nothing. Errors common to
 * all calls on a region:
 *   EBADF      the descriptor is closed
 *   ENOTTY     it is not an ashmem region
 *   EACCES     it is read-only (ashmem_share_readonly) and the call would have to write the
 *              region's state, as even a look at the pins does
 *   EBADMSG    the region's control block has been damaged by somebody who can write it
 *   ETIMEDOUT  a living process has held the region's lock, or has been purging these pages, for
 *              5 seconds
 *   EDEADLK    called from a signal handler that interrupted such a call on the same region
 *   ENOMEM     for a mapping, for what the library allocates, or for a page that the region's list
 *              of unpinned ranges needs
 *   EMFILE     there is no descriptor left, if the call has to make one
 * All calls may be used from several threads and processes at a time. <ashmem/ashmem.h> has what
 * goes beyond libcutils. */
#ifndef CUTILS_ASHMEM_H
#define CUTILS_ASHMEM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define ASHMEM_NAME_LEN 256          /* bytes kept of a name, with the NUL */
#define ASHMEM_NAME_DEF "dev/ashmem" /* what a region without a name answers */

/* ashmem_pin_region: have pages of the range been thrown away since they were unpinned? */
#define ASHMEM_NOT_PURGED 0
#define ASHMEM_WAS_PURGED 1

/* ashmem_get_pin_status_region: is a page of the range unpinned? */
#define ASHMEM_IS_UNPINNED 0
#define ASHMEM_IS_PINNED 1

/* Whether @fd is an ashmem region of this library or of the device: 1 or 0, never an error. */
int ashmem_valid(int fd);

/* Makes a region of @size bytes, pinned, zero, with protection mask PROT_READ|PROT_WRITE|PROT_EXEC,
 * and gives its descriptor, which is close-on-exec. @name may be NULL; of a longer one the first
 * 255 bytes are kept. Size 0 gives a region that can neither be mapped nor pinned. ASHMEM_DRIVER in
 * the environment (auto, memfd, device) chooses the driver.
 * EFBIG: more than the driver can count (memfd: 2^32 - 2 pages, or RLIMIT_FSIZE less 1 % and 2 MiB;
 * device, when asked for by name: 2 GiB - 1).  ENOTSUP: the driver asked for is not on this
 * machine. EACCES: device, asked for by name: this user may not open it.  EINVAL: ASHMEM_DRIVER has
 * another value. */
int ashmem_create_region(const char *name, size_t size);

/* Restricts what later mappings may ask for. Bits can only be taken away; mappings that exist keep
 * what they have.
 * EINVAL: @prot has a bit that the mask has not. */
int ashmem_set_prot_region(int fd, int prot);

/* Pins [@offset, @offset + @len); @len 0 means to the end. Gives ASHMEM_NOT_PURGED: the bytes are
 * those that were there at the unpin; or ASHMEM_WAS_PURGED: at least one page is lost and reads
 * zero. It is told once, to the first that asks. Waits for a purge of these pages, if one is under
 * way.
 * EINVAL: not multiples of the page, or not inside the size rounded up to the page, or @offset is
 * at that end. */
int ashmem_pin_region(int fd, size_t offset, size_t len);

/* Lets the range be purged under memory pressure; until then its bytes stay as they are. Returns 0.
 * EINVAL: as for ashmem_pin_region. */
int ashmem_unpin_region(int fd, size_t offset, size_t len);

/* The size given at creation. EOVERFLOW: it is over INT_MAX; ashmem_get_size_region64 tells it. */
int ashmem_get_size_region(int fd);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
