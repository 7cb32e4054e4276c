/* The control block of a region, written by an enemy between calls, and the arguments of the calls:
 * the input is a script of fixed records. A call may fail, in time and with an error that the
 * header lists; it may not crash, and what is pinned and whose block nobody has touched keeps its
 * bytes. */
#include "common/ashmem/block.h"
#include "common/ashmem/owner_lock.h"
#include "fuzz.h"

#include <android/sharedmem.h>
#include <ashmem/ashmem.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define PAGES 32
#define RECORDS_MAX 64

struct record {
	uint8_t op, word;
	uint8_t reserved[6];
	uint64_t x, y;
};

struct prey {
	int fd;
	struct ashmem_handle *handle;
	unsigned char *block;
	size_t block_bytes;
	bool touched; /* the block, by us */
};

static void open_prey(struct prey *prey)
{
	uint64_t offset, bytes;
	ashmem_wait_limit_ns = 1000000;
	*prey = (struct prey){
		.fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "fuzz", PAGES * PAGE)};
	if (prey->fd < 0 || ashmem_attach(prey->fd, &prey->handle) < 0 ||
		ashmem_layout(PAGES * PAGE, &offset, &bytes) < 0)
		abort();
	prey->block_bytes = bytes - offset;
	prey->block = mmap(NULL, prey->block_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, prey->fd,
		(off_t)offset);
	if (prey->block == MAP_FAILED)
		abort();
}

static void close_prey(struct prey *prey)
{
	munmap(prey->block, prey->block_bytes);
	ashmem_detach(prey->handle);
	close(prey->fd);
}

static void expect_listed(long result)
{
	static const int listed[] = {EINVAL, EBADMSG, ETIMEDOUT, EDEADLK, ENOTTY, EPERM, EFAULT,
		ENXIO, EOVERFLOW, ENOMEM};
	if (result != -1)
		return;
	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (errno == listed[i])
			return;
	perror("not listed");
	abort();
}

static void expect_answer(long result, long most)
{
	if (result < -1 || result > most) {
		fprintf(stderr, "%ld is more than %ld\n", result, most);
		abort();
	}
	expect_listed(result);
}

/* The lock words seldom: each costs a wait. */
static void damage(struct prey *prey, const struct record *record)
{
	size_t at = record->word * (size_t)4;
	uint32_t value = (uint32_t)record->x;
	if (at >= offsetof(struct ashmem_block, lock) &&
		at < offsetof(struct ashmem_block, punch_start) && record->y % 16)
		return;
	memcpy(prey->block + at, &value, sizeof(value));
	prey->touched = true;
}

/* A region of any size, on any driver that there may be; a large one is only addresses. */
static void create(const struct record *record)
{
	static const int listed[] = {EINVAL, EFBIG, ENOTSUP, ENOMEM};
	size_t size = record->y % 4 ? record->x >> record->y % 64 : record->x;
	int fd = ashmem_create_region_on((enum ashmem_driver)(record->word % 4), NULL, size);
	if (fd >= 0) {
		if (!ashmem_valid(fd) || ashmem_get_size_region64(fd) != (int64_t)size)
			abort();
		expect_answer(ashmem_unpin_region(fd, 0, 0), 0);
		expect_answer(ashmem_pin_region(fd, 0, 0), 1);
		close(fd);
		return;
	}
	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (errno == listed[i])
			return;
	abort();
}

static void look_at_attributes(struct prey *prey, const struct record *record)
{
	char name[2 * ASHMEM_NAME_LEN];
	memset(name, 1 + record->word % 255, sizeof(name));
	name[record->x % sizeof(name)] = '\0';
	name[sizeof(name) - 1] = '\0';
	expect_answer(ashmem_set_name_region(prey->fd, name), 0);
	/* The block may lie about it, but not beyond what the file's length says. */
	expect_answer(ashmem_get_size_region(prey->fd), (long)ASHMEM_UNIT);
	ashmem_valid(prey->fd);
	ASharedMemory_getSize(prey->fd);
	expect_answer(ASharedMemory_setProt(prey->fd, (int)record->y), 0);
}

/* Not by ashmem_valid: with a damaged block it is none, and the calls through the handle's mapping
 * work all the same. */
static bool is_prey(const struct prey *prey, int fd)
{
	struct stat ours, other;
	return fstat(fd, &other) == 0 && fstat(prey->fd, &ours) == 0 &&
	       ours.st_dev == other.st_dev && ours.st_ino == other.st_ino;
}

/* Numbers that are no region, or not open at all. */
static void call_on_another(const struct prey *prey, const struct record *record)
{
	char buffer[ASHMEM_NAME_LEN];
	int fd = (int)record->x;
	struct ashmem_handle *handle;
	if (is_prey(prey, fd))
		return; /* its descriptor or its handle's, by chance */
	if (ashmem_pin_region(fd, record->y, 0) != -1 || ashmem_get_size_region64(fd) != -1 ||
		ashmem_get_name_region(fd, buffer) != -1 || ashmem_share_readonly(fd) != -1 ||
		ashmem_purge_all_caches(fd) != -1 || ashmem_attach(fd, &handle) != -1)
		abort();
	if (errno != EBADF && errno != ENOTTY && errno != EBADMSG)
		abort();
}

static void attach_and_share(struct prey *prey)
{
	struct ashmem_handle *handle;
	int look = ashmem_share_readonly(prey->fd);
	expect_listed(look < 0 ? -1 : 0);
	if (look >= 0) {
		if (ashmem_unpin_region(look, 0, 0) != -1)
			abort();
		close(look);
	}
	if (ashmem_attach(prey->fd, &handle) == 0)
		ashmem_detach(handle);
	else
		expect_listed(-1);
}

static void map_and_unmap(const struct prey *prey, const struct record *record)
{
	size_t length = record->x % 3 ? record->x % (PAGES + 2) * PAGE : record->x;
	void *at = ashmem_mmap(NULL, length, (int)(record->word & 7),
		record->y & 1 ? MAP_SHARED : MAP_PRIVATE, prey->fd,
		(int64_t)(record->y & ~(uint64_t)1));
	if (at == MAP_FAILED)
		expect_listed(-1);
	else
		ashmem_munmap(at, length);
}

static void call(struct prey *prey, const struct record *record)
{
	char buffer[ASHMEM_NAME_LEN + 32];
	size_t freed, x = record->x, y = record->y;
	if (record->word & 1) { /* mostly in range */
		x = x % PAGES * PAGE;
		y = y % (PAGES - x / PAGE + 1) * PAGE;
	}
	switch (record->op % 20) {
	case 0:
		return expect_answer(ashmem_handle_pin(prey->handle, x, y), 1);
	case 1:
		return expect_answer(ashmem_handle_unpin(prey->handle, x, y), 0);
	case 2:
		return expect_answer(ashmem_handle_status(prey->handle, x, y), 1);
	case 3:
		return expect_answer(ashmem_handle_purge(prey->handle, x, y, &freed), 0);
	case 4:
		return expect_answer(ashmem_pin_region(prey->fd, x, y), 1);
	case 5:
		return expect_answer(ashmem_unpin_region(prey->fd, x, y), 0);
	case 6:
		return expect_answer(ashmem_get_pin_status_region(prey->fd, x, y), 1);
	case 7:
		ashmem_shrink(x % (PAGES * PAGE));
		return;
	case 8:
		return expect_listed(ashmem_purge_all_caches(prey->fd));
	case 9:
		return expect_answer(ashmem_set_prot_region(prey->fd, (int)record->x), 0);
	case 10:
		return expect_answer(ashmem_get_prot_region(prey->fd), 7);
	case 11:
		return expect_answer(ashmem_get_name_region(prey->fd, buffer), 0);
	case 12:
		return expect_listed(
			ashmem_pread(prey->fd, buffer, sizeof(buffer), (int64_t)record->x));
	case 13:
		expect_listed(ashmem_lseek(prey->fd, (int64_t)record->x, record->word % 6));
		return expect_listed(ashmem_read(prey->fd, buffer, y % sizeof(buffer)));
	case 14:
		return map_and_unmap(prey, record);
	case 15:
		return create(record);
	case 16:
		return look_at_attributes(prey, record);
	case 17:
		return call_on_another(prey, record);
	case 18:
		return attach_and_share(prey);
	default:
		return damage(prey, record);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct prey prey;
	struct record record;
	open_prey(&prey);
	for (size_t i = 0; i < RECORDS_MAX && (i + 1) * sizeof(record) <= size; i++) {
		memcpy(&record, data + i * sizeof(record), sizeof(record));
		call(&prey, &record);
	}
	if (!prey.touched && (ashmem_handle_pin(prey.handle, 0, 0) < 0 ||
				     ashmem_handle_status(prey.handle, 0, 0) != ASHMEM_IS_PINNED))
		abort();
	close_prey(&prey);
	return 0;
}
