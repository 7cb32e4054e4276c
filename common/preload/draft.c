/* The three states of the file: a draft (not sealed, begins with the draft), half settled (not
 * sealed, the draft gone, a control block behind the data), a region (sealed). Settling goes
 * through them in this order, so that whoever finds the second can only go on to the third. */
#include "preload/draft.h"

#include "common/ashmem/block.h"
#include "common/ashmem/memfd.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define DRAFT_MAGIC 0x7466617264687361ull /* "ashdraft" */

/* --- The lock --- */

/* An open file of its own, since the lock of one is not a lock between its duplicates. */
static int open_again(int fd)
{
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int again = open(path, O_RDWR | O_CLOEXEC);
	/* Another user's: without exclusion between those who share this very descriptor. */
	return again < 0 ? dup_cloexec(fd) : again;
}

/* Gives the descriptor that holds it. */
static int draft_lock(int fd)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int again = open_again(fd);
	if (again < 0)
		return again;
	while (fcntl(again, F_OFD_SETLKW, &whole) < 0) {
		int error = errno;
		if (error == EINTR)
			continue;
		close(again);
		return -error;
	}
	return again;
}

/* Not by closing alone: a child forked meanwhile has the descriptor too. */
static void draft_unlock(int lock)
{
	struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
	fcntl(lock, F_OFD_SETLK, &whole);
	close(lock);
}

/* --- What it is --- */

/* -ENOTTY: it is no draft (any more). */
static int load(int fd, struct draft *ret)
{
	struct draft draft;
	ssize_t n = pread(fd, &draft, sizeof(draft), 0);
	if (n < 0)
		return -errno;
	if (n != (ssize_t)sizeof(draft) || draft.magic != DRAFT_MAGIC)
		return -ENOTTY;
	draft.name[sizeof(draft.name) - 1] = '\0';
	draft.mask &= ASHMEM_ALL_PROT;
	*ret = draft;
	return 0;
}

/* Whether somebody who is finishing it has come as far as the control block. */
static bool has_block(int fd, const struct stat *st)
{
	uint64_t offset, magic = 0;
	return ashmem_layout_from_file((uint64_t)st->st_size, &offset) == 0 && offset > 0 &&
	       pread(fd, &magic, sizeof(magic), (off_t)offset) == (ssize_t)sizeof(magic) &&
	       magic == ASHMEM_BLOCK_MAGIC;
}

/* Under the lock, once the draft has gone: another settler may have got no further, or has
 * died. 0: it is a region now, if it is anything of ours. */
static int seal_settled(int fd)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && has_block(fd, &st))
		r = memfd_seal(fd);
	return r == -EPERM ? 0 : r; /* it is sealed already */
}

static void finish(int fd)
{
	struct draft draft;
	int lock = draft_lock(fd);
	if (lock < 0)
		return;
	if (load(lock, &draft) == -ENOTTY)
		seal_settled(lock);
	draft_unlock(lock);
}

enum file_kind draft_classify(int fd)
{
	struct stat st;
	struct draft draft;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return FILE_FOREIGN;
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return FILE_FOREIGN;
	if (!(seals & F_SEAL_SEAL)) {
		if (load(fd, &draft) == 0)
			return FILE_DRAFT;
		if (fstat(fd, &st) < 0 || !has_block(fd, &st))
			return FILE_FOREIGN;
		finish(fd);
	}
	return ashmem_valid(fd) ? FILE_REGION : FILE_FOREIGN;
}

/* --- Before the first mapping --- */

static int draft_write(int fd, const struct draft *draft)
{
	ssize_t n = pwrite(fd, draft, sizeof(*draft), 0);
	return n < 0 ? -errno : n == (ssize_t)sizeof(*draft) ? 0 : -EIO;
}

int draft_open(void)
{
	const struct draft draft = {.magic = DRAFT_MAGIC, .mask = ASHMEM_ALL_PROT};
	CLEANUP(close_p) int fd = memfd_open(NULL);
	if (fd < 0)
		return fd;
	int r = draft_write(fd, &draft);
	return r < 0 ? r : take_fd(&fd);
}

int draft_read(int fd, struct draft *ret)
{
	int r = load(fd, ret);
	if (r == -ENOTTY)
		finish(fd);
	return r;
}

int draft_change(int fd, int (*change)(struct draft *, const void *), const void *argument)
{
	struct draft draft;
	int lock = draft_lock(fd);
	if (lock < 0)
		return lock;
	int r = load(lock, &draft);
	if (r == -ENOTTY)
		seal_settled(lock);
	if (r == 0)
		r = change(&draft, argument);
	if (r == 0)
		r = draft_write(lock, &draft);
	draft_unlock(lock);
	return r;
}

/* --- The first mapping --- */

int draft_check_mapping(const struct draft *draft, size_t length, int prot, int64_t offset)
{
	uint64_t rsize, page = page_bytes();
	if (draft->size == 0 || !round_up_to(draft->size, page, &rsize) || rsize > SIZE_MAX)
		return -EINVAL;
	if (length == 0 || offset < 0 || (uint64_t)offset % page || length > rsize ||
		(uint64_t)offset > rsize - length)
		return -EINVAL;
	if ((uint32_t)prot & ASHMEM_ALL_PROT & ~draft->mask)
		return -EPERM;
	void *at =
		mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	munmap(at, length);
	return 0;
}

/* The draft has to go before the file is sealed: a region's fresh memory is zero. */
static int settle_locked(int fd, const struct draft *draft)
{
	int r = memfd_lay_out(fd, draft->name, draft->size, draft->mask);
	if (r < 0)
		return r == -EFBIG ? -ENOMEM : r;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page_bytes()) < 0)
		return -errno;
	return memfd_seal(fd);
}

int draft_settle(int fd)
{
	struct draft draft;
	int lock = draft_lock(fd);
	if (lock < 0)
		return lock;
	int r = load(lock, &draft);
	if (r == 0)
		r = settle_locked(lock, &draft);
	else if (r == -ENOTTY)
		r = seal_settled(lock);
	draft_unlock(lock);
	return r;
}
