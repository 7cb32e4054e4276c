/* A purgeable file in memory. The region is pinned while an access is under way or purging is not
 * allowed; that rule is kept by settle() alone. */
#include <ashmem/memory_file.h>

#include "common/util.h"

#include <ashmem/ashmem.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

struct memory_file {
	int fd; /* ours */
	char *base;
	size_t length;
	bool owner, writable;

	pthread_mutex_t lock; /* of what follows */
	bool closed; /* or about to be: nobody may begin; fd and base go with the last access */
	pthread_cond_t quiet; /* there are no accesses any more */
	size_t accesses;      /* under way: they copy without the lock */
	bool may_purge;       /* what the owner has allowed */
	bool pinned;          /* what the region is */
	bool purged;          /* a loss was found, and nobody has taken note */
};

/* --- Life --- */

/* Maps a region. Takes @fd only when it succeeds. */
static int file_on(int fd, size_t length, int prot, struct memory_file **ret)
{
	CLEANUP(free_p) struct memory_file *file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->base = ashmem_mmap(NULL, length, prot, MAP_SHARED, fd, 0);
	if (file->base == MAP_FAILED)
		return -errno;
	file->fd = fd;
	file->length = length;
	file->writable = prot & PROT_WRITE;
	file->pinned = true;
	pthread_mutex_init(&file->lock, NULL);
	pthread_cond_init(&file->quiet, NULL);
	*ret = take_ptr(&file);
	return 0;
}

int memory_file_create(const char *name, size_t length, struct memory_file **ret)
{
	if (length == 0)
		return -EINVAL;
	CLEANUP(close_p) int fd = ashmem_create_region(name, length);
	if (fd < 0)
		return -errno;
	int r = file_on(fd, length, PROT_READ | PROT_WRITE, ret);
	if (r < 0)
		return r;
	(*ret)->owner = true;
	take_fd(&fd);
	return 0;
}

int memory_file_open(int fd, size_t length, enum memory_file_mode mode, struct memory_file **ret)
{
	int64_t size = ashmem_get_size_region64(fd);
	if (size < 0)
		return -errno;
	if (length == 0 || length > (uint64_t)size ||
		(mode != MEMORY_FILE_READ && mode != MEMORY_FILE_READ_WRITE))
		return -EINVAL;
	CLEANUP(close_p) int copy = dup_cloexec(fd);
	if (copy < 0)
		return copy;
	int prot = mode == MEMORY_FILE_READ ? PROT_READ : PROT_READ | PROT_WRITE;
	int r = file_on(copy, length, prot, ret);
	if (r == 0)
		take_fd(&copy);
	return r;
}

int memory_file_is(int fd)
{
	if (ashmem_get_size_region64(fd) >= 0)
		return 1;
	return errno == ENOTTY ? 0 : -errno;
}

void memory_file_close(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	bool before = file->closed;
	file->closed = true;
	while (file->accesses > 0)
		pthread_cond_wait(&file->quiet, &file->lock);
	if (!before) {
		ashmem_munmap(file->base, file->length);
		close(file->fd);
	}
	pthread_mutex_unlock(&file->lock);
}

void memory_file_destroy(struct memory_file *file)
{
	if (!file)
		return;
	memory_file_close(file);
	pthread_cond_destroy(&file->quiet);
	pthread_mutex_destroy(&file->lock);
	free(file);
}

/* --- What it is --- */

ssize_t memory_file_length(struct memory_file *file)
{
	return memory_file_fd(file) < 0 ? -EBADF : (ssize_t)file->length;
}

int memory_file_fd(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	int fd = file->closed ? -EBADF : file->fd;
	pthread_mutex_unlock(&file->lock);
	return fd;
}

/* --- Pins --- */

/* Makes the region pinned or unpinned, whichever it has to be now; under the lock. */
static int settle(struct memory_file *file)
{
	bool wanted = file->accesses > 0 || !file->may_purge;
	if (wanted == file->pinned)
		return 0;
	int r = wanted ? ashmem_pin_region(file->fd, 0, 0) : ashmem_unpin_region(file->fd, 0, 0);
	if (r < 0)
		return -errno;
	file->pinned = wanted;
	if (wanted && r == ASHMEM_WAS_PURGED)
		file->purged = true;
	return 0;
}

int memory_file_allow_purging(struct memory_file *file, bool allow)
{
	pthread_mutex_lock(&file->lock);
	bool before = file->may_purge;
	int r = file->closed ? -EBADF : file->owner ? 0 : -EPERM;
	if (r == 0) {
		file->may_purge = allow;
		r = settle(file);
		if (r < 0)
			file->may_purge = before;
	}
	pthread_mutex_unlock(&file->lock);
	return r < 0 ? r : before;
}

int memory_file_purged(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	int r = file->closed ? -EBADF : file->purged;
	pthread_mutex_unlock(&file->lock);
	return r;
}

int memory_file_renew(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	int r = file->closed ? -EBADF : 0;
	if (r == 0)
		file->purged = false;
	pthread_mutex_unlock(&file->lock);
	return r;
}

/* An unpin that fails leaves the region pinned, where nothing is lost; the next access tries
 * again. */
static void leave(struct memory_file *file)
{
	file->accesses--;
	settle(file);
	if (file->accesses == 0)
		pthread_cond_broadcast(&file->quiet);
}

static int begin_access(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	int r = file->closed ? -EBADF : 0;
	if (r == 0) {
		file->accesses++;
		r = settle(file);
		if (r == 0 && file->purged)
			r = -ENODATA;
		if (r < 0)
			leave(file);
	}
	pthread_mutex_unlock(&file->lock);
	return r;
}

static void end_access(struct memory_file *file)
{
	pthread_mutex_lock(&file->lock);
	leave(file);
	pthread_mutex_unlock(&file->lock);
}

/* --- Reading and writing --- */

static bool inside(const struct memory_file *file, size_t offset, size_t count)
{
	return count <= file->length && offset <= file->length - count;
}

ssize_t memory_file_read(struct memory_file *file, size_t offset, void *buffer, size_t count)
{
	int r = begin_access(file);
	if (r < 0)
		return r;
	bool good = inside(file, offset, count);
	if (good)
		memcpy(buffer, file->base + offset, count);
	end_access(file);
	return good ? (ssize_t)count : -EINVAL;
}

ssize_t memory_file_write(struct memory_file *file, size_t offset, const void *buffer, size_t count)
{
	int r = begin_access(file);
	if (r < 0)
		return r;
	bool good = file->writable && inside(file, offset, count);
	if (good)
		memcpy(file->base + offset, buffer, count);
	end_access(file);
	if (good)
		return (ssize_t)count;
	return file->writable ? -EINVAL : -EACCES;
}

/* --- Streams --- */

void memory_file_input_init(struct memory_file_input *input, struct memory_file *file)
{
	*input = (struct memory_file_input){.file = file};
}

ssize_t memory_file_input_available(const struct memory_file_input *input)
{
	ssize_t length = memory_file_length(input->file);
	return length < 0 ? length : length - (ssize_t)input->offset;
}

ssize_t memory_file_input_read(struct memory_file_input *input, void *buffer, size_t count)
{
	size_t n = (size_t)min_u64(count, input->file->length - input->offset);
	ssize_t r = memory_file_read(input->file, input->offset, buffer, n);
	if (r > 0)
		input->offset += (size_t)r;
	return r;
}

int memory_file_input_byte(struct memory_file_input *input, uint8_t *ret_byte)
{
	return (int)memory_file_input_read(input, ret_byte, 1);
}

int memory_file_input_skip(struct memory_file_input *input, int64_t distance, int64_t *ret_skipped)
{
	ssize_t left = memory_file_input_available(input);
	if (left < 0)
		return (int)left;
	if (distance > left)
		distance = left;
	if (distance < -(int64_t)input->offset)
		distance = -(int64_t)input->offset;
	input->offset = (size_t)((int64_t)input->offset + distance);
	*ret_skipped = distance;
	return 0;
}

void memory_file_input_mark(struct memory_file_input *input)
{
	input->mark = input->offset;
}

void memory_file_input_reset(struct memory_file_input *input)
{
	input->offset = input->mark;
}

void memory_file_output_init(struct memory_file_output *output, struct memory_file *file)
{
	*output = (struct memory_file_output){.file = file};
}

ssize_t memory_file_output_write(
	struct memory_file_output *output, const void *buffer, size_t count)
{
	ssize_t r = memory_file_write(output->file, output->offset, buffer, count);
	if (r > 0)
		output->offset += (size_t)r;
	return r;
}
