/* Making and importing the two shared tables: sealed before they are mapped, checked before they
 * are believed. */
#include "common/board.h"

#include "common/shared_file.h"
#include "common/util.h"

#include <string.h>
#include <sys/mman.h>

uint64_t board_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE) / 1000000u;
}

static int create(const char *name, size_t size, int *ret_fd, void **ret_memory)
{
	CLEANUP(close_p) int fd = shared_file_create(name, size);
	if (fd < 0)
		return fd;
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret_fd = take_fd(&fd);
	*ret_memory = memory;
	return 0;
}

int board_create_table(
	const struct board_instance *instance, int *ret_fd, struct board_table **ret_table)
{
	void *memory = NULL;
	int r = create("mural-state", sizeof(struct board_table), ret_fd, &memory);
	if (r < 0)
		return r;
	struct board_table *table = memory;
	table->magic = BOARD_TABLE_MAGIC;
	table->version = BOARD_LAYOUT_VERSION;
	table->slots = BOARD_SLOTS;
	table->instance = *instance;
	*ret_table = table;
	return 0;
}

int board_create_pins(
	const struct board_instance *instance, int *ret_fd, struct board_pins **ret_pins)
{
	void *memory = NULL;
	int r = create("mural-pins", sizeof(struct board_pins), ret_fd, &memory);
	if (r < 0)
		return r;
	struct board_pins *pins = memory;
	pins->head.magic = BOARD_PINS_MAGIC;
	pins->head.version = BOARD_LAYOUT_VERSION;
	pins->head.slots = BOARD_SLOTS;
	pins->head.instance = *instance;
	*ret_pins = pins;
	return 0;
}

static int import(int fd, size_t size, int protection, void **ret_memory)
{
	int r = shared_file_check(fd, size);
	if (r < 0)
		return r;
	void *memory = mmap(NULL, size, protection, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	/* A forked child must not count on its parent's board. */
	if (madvise(memory, size, MADV_DONTFORK) < 0) {
		r = -errno;
		munmap(memory, size);
		return r;
	}
	*ret_memory = memory;
	return 0;
}

static bool same_instance(const struct board_instance *a, const struct board_instance *b)
{
	return a->high == b->high && a->low == b->low;
}

int board_import_table(
	int fd, const struct board_instance *instance, const struct board_table **ret_table)
{
	void *memory = NULL;
	int r = import(fd, sizeof(struct board_table), PROT_READ, &memory);
	if (r < 0)
		return r;
	const struct board_table *table = memory;
	if (table->magic != BOARD_TABLE_MAGIC || table->version != BOARD_LAYOUT_VERSION ||
		table->slots != BOARD_SLOTS || !same_instance(&table->instance, instance)) {
		munmap(memory, sizeof(struct board_table));
		return -EBADMSG;
	}
	*ret_table = table;
	return 0;
}

int board_import_pins(int fd, const struct board_instance *instance, struct board_pins **ret_pins)
{
	void *memory = NULL;
	int r = import(fd, sizeof(struct board_pins), PROT_READ | PROT_WRITE, &memory);
	if (r < 0)
		return r;
	struct board_pins *pins = memory;
	if (pins->head.magic != BOARD_PINS_MAGIC || pins->head.version != BOARD_LAYOUT_VERSION ||
		pins->head.slots != BOARD_SLOTS || !same_instance(&pins->head.instance, instance)) {
		munmap(memory, sizeof(struct board_pins));
		return -EBADMSG;
	}
	*ret_pins = pins;
	return 0;
}

void board_unmap_table(const struct board_table *table)
{
	if (table)
		munmap((void *)(uintptr_t)table, sizeof(*table));
}

void board_unmap_pins(struct board_pins *pins)
{
	if (pins)
		munmap(pins, sizeof(*pins));
}
