/* ashmem/memory_file.h - a file of fixed length that is memory, and may be purged: Android's
 * MemoryFile.
 *
 * It is read and written at offsets, or by streams with a position of their own. Once its owner has
 * allowed purging, it is pinned only while a read or write is under way, and its contents may be
 * thrown away between them. Where Android's class has known faults, this one does the right thing:
 *
 *   - A loss is told until somebody has taken note of it. There the exception comes once, leaves
 *     the region pinned, and the next read succeeds and gives zeros. Here every read and write
 *     answers -ENODATA until memory_file_renew.
 *   - A loss found while purging is being forbidden is kept, and told in the same way. There it is
 *     dropped.
 *   - Two threads' accesses never unpin each other's: the first that begins pins, the last that
 *     ends unpins.
 *   - The byte 0xff does not look like the end of a stream, and a stream can not be skipped to a
 *     place before its beginning.
 *
 * Lengths are 64-bit. 0 (or what the call says) or -errno; outputs are untouched on failure. Calls
 * on one file may run in several threads, memory_file_close too (it waits for accesses under way);
 * only memory_file_destroy may run beside none. A stream belongs to one thread at a time. After
 * memory_file_close every call on the file or its streams answers -EBADF. In a forked child the
 * memory is shared with the parent, pins included: purging must then be allowed in neither or
 * coordinated by the two. */
#ifndef ASHMEM_MEMORY_FILE_H
#define ASHMEM_MEMORY_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct memory_file; /* opaque */

/* A new file of @length zero bytes; @name may be NULL. It is not purgeable at first. The caller
 * owns it, and owns the region: it may allow purging.
 * -EINVAL: @length is 0.  -ENOMEM; errors of ashmem_create_region. */
int memory_file_create(const char *name, size_t length, struct memory_file **ret);

enum memory_file_mode {
	MEMORY_FILE_READ = 0,
	MEMORY_FILE_READ_WRITE = 1,
};

/* A file on the first @length bytes of a received descriptor, of which it keeps a duplicate; @fd
 * stays the caller's. It does not own the region, so it never pins: what it reads while the owner
 * allows purging may be zeros.
 * -EINVAL: @length is 0 or more than the region has; no such mode.  -EBADF.  -ENOTTY: not a region.
 * -EBADMSG: one that is damaged.  -EPERM: the region's mask does not allow @mode.  -EACCES: the
 * descriptor is read-only.  -ENOMEM, -EMFILE. */
int memory_file_open(int fd, size_t length, enum memory_file_mode mode, struct memory_file **ret);

/* Whether @fd is a region: 1 or 0. Errors of ashmem_get_size_region64 but that. */
int memory_file_is(int fd);

/* Unmaps it and closes its descriptor. Again is fine. */
void memory_file_close(struct memory_file *file);

/* Closes and frees it. NULL is fine. Its streams must not be used any more. */
void memory_file_destroy(struct memory_file *file);

ssize_t memory_file_length(struct memory_file *file);

/* The descriptor, to be handed on: borrowed, the file's own. */
int memory_file_fd(struct memory_file *file);

/* Allows or forbids that the contents are thrown away while nobody reads or writes. Gives what was
 * so before: 1 allowed, 0 not. That something has been lost meanwhile is told by
 * memory_file_purged, and by the next read or write. -EPERM: the file does not own its region.
 * Errors of ashmem_pin_region; then nothing has changed. */
int memory_file_allow_purging(struct memory_file *file, bool allow);

/* Whether a loss has been found of which nobody has taken note: 1 or 0. Looks at no memory: a loss
 * is found by a read, a write, or when purging is forbidden. */
int memory_file_purged(struct memory_file *file);

/* Takes note of a loss: from now on what was lost reads as zeros. To fill the file again, forbid
 * purging first. */
int memory_file_renew(struct memory_file *file);

/* Copies @count bytes at @offset; gives @count.
 * -EINVAL: [@offset, @offset + @count) is not inside the file.  -ENODATA: contents have been
 * purged.  Errors of ashmem_pin_region. */
ssize_t memory_file_read(struct memory_file *file, size_t offset, void *buffer, size_t count);

/* The same the other way; all or nothing. Errors as above.  -EACCES: opened MEMORY_FILE_READ. */
ssize_t memory_file_write(
	struct memory_file *file, size_t offset, const void *buffer, size_t count);

/* --- Streams: in the caller's storage, nothing to free; the file must outlive them --- */

struct memory_file_input {
	struct memory_file *file;
	size_t offset, mark;
};

void memory_file_input_init(struct memory_file_input *input, struct memory_file *file);

/* Bytes up to the end. */
ssize_t memory_file_input_available(const struct memory_file_input *input);

/* Reads at most @count bytes: as many as there are up to the end. Gives their number, 0 at the end.
 * Errors of memory_file_read; then the position stays. */
ssize_t memory_file_input_read(struct memory_file_input *input, void *buffer, size_t count);

/* One byte: 1 and *@ret_byte, 0 at the end. Errors as above. */
int memory_file_input_byte(struct memory_file_input *input, uint8_t *ret_byte);

/* Moves on by @distance bytes, back if it is negative, but neither over the end nor before the
 * beginning; gives how far it went. */
int memory_file_input_skip(struct memory_file_input *input, int64_t distance, int64_t *ret_skipped);

/* Remembers the position, at first the beginning; goes back there. */
void memory_file_input_mark(struct memory_file_input *input);
void memory_file_input_reset(struct memory_file_input *input);

struct memory_file_output {
	struct memory_file *file;
	size_t offset;
};

void memory_file_output_init(struct memory_file_output *output, struct memory_file *file);

/* Writes @count bytes where the last write ended, all or nothing; gives @count. Errors of
 * memory_file_write, -EINVAL when they do not fit; then the position stays. */
ssize_t memory_file_output_write(
	struct memory_file_output *output, const void *buffer, size_t count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
