/* The control block of a region, written by an enemy between calls, and the arguments of the calls:
 * the input is a script of fixed records. A call may fail, in time and with an error that the
 * header lists; it may not crash, and what is pinned and whose block nobody has touched keeps its
 * bytes. */
#include "common/ashmem/block.h"
#include "common/ashmem/owner_lock.h"
#include "fuzz.h"

#include <ashmem/ashmem.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
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
	abort();
}

static void expect_answer(long result, long most)
{
	if (result < -1 || result > most)
		abort();
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
	switch (record->op % 16) {
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
