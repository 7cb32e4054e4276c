/* Making and importing the two shared tables: sealed before they are mapped, checked before they
 * are believed. */
#include "common/board.h"

#include "common/populate.h"
#include "common/shared_file.h"
#include "common/util.h"

#include <sys/mman.h>
#include <unistd.h>

#define FIRST_SLOTS BOARD_PAGE_SLOTS

/* Slots are given out from the lowest number on. What is asked of the first ones should not wait
 * for page faults; where this fails it does. */
static void fault_in(const void *first, const void *end, int advice)
{
	uintptr_t start = (uintptr_t)first & ~((uintptr_t)page_bytes() - 1);
	madvise((void *)start, (uintptr_t)end - start, advice);
}

static void fault_in_first_pins(struct board_pins *pins)
{
	fault_in(pins, &pins->mark[FIRST_SLOTS / BOARD_PAGE_SLOTS], MADV_POPULATE_WRITE);
	fault_in(pins->slot, &pins->slot[FIRST_SLOTS], MADV_POPULATE_WRITE);
}

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
	fault_in_first_pins(pins);
	*ret_pins = pins;
	return 0;
}

/* What both begin with. */
struct identity {
	uint64_t magic;
	uint32_t version;
	uint32_t slots;
	struct board_instance instance;
};

_Static_assert(offsetof(struct board_table, instance) == offsetof(struct identity, instance) &&
		       offsetof(struct board_head, instance) == offsetof(struct identity, instance),
	"the same fields");

static int check(int fd, size_t size, uint64_t magic, const struct board_instance *instance)
{
	int r = shared_file_check(fd, size);
	if (r < 0)
		return r;
	struct identity found;
	if (pread(fd, &found, sizeof(found), 0) != (ssize_t)sizeof(found))
		return -EBADMSG;
	bool same = found.magic == magic && found.version == BOARD_LAYOUT_VERSION &&
		    found.slots == BOARD_SLOTS && found.instance.high == instance->high &&
		    found.instance.low == instance->low;
	return same ? 0 : -EBADMSG;
}

static int map(int fd, size_t size, int protection, void *at, void **ret_memory)
{
	void *memory = mmap(
		at, size, protection, MAP_SHARED | MAP_NORESERVE | (at ? MAP_FIXED : 0), fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	/* A forked child must not count on its parent's board. */
	if (madvise(memory, size, MADV_DONTFORK) < 0) {
		int r = -errno;
		if (!at)
			munmap(memory, size);
		return r;
	}
	*ret_memory = memory;
	return 0;
}

int board_move_over(void *memory, size_t size, void *at)
{
	if (mremap(memory, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED)
		return 0;
	int r = -errno;
	munmap(memory, size);
	return r;
}

/* Without addresses to map it elsewhere first it is mapped there at once. What else could fail is
 * tried before on its first page: a file that is sealed against writing. */
static int map_at_once(int fd, size_t size, int protection, void *at, void **ret_memory)
{
	void *page = NULL;
	int r = map(fd, page_bytes(), protection, NULL, &page);
	if (r < 0)
		return r;
	munmap(page, page_bytes());
	return map(fd, size, protection, at, ret_memory);
}

static int map_over(int fd, size_t size, int protection, void *at, void **ret_memory)
{
	void *memory = NULL;
	int r = map(fd, size, protection, NULL, &memory);
	if (r == -ENOMEM && at)
		return map_at_once(fd, size, protection, at, ret_memory);
	if (r == 0 && at)
		r = board_move_over(memory, size, at);
	if (r == 0)
		*ret_memory = at ? at : memory;
	return r;
}

int board_import_table(int fd, const struct board_instance *instance, void *at,
	const struct board_table **ret_table)
{
	void *memory = NULL;
	int r = check(fd, sizeof(struct board_table), BOARD_TABLE_MAGIC, instance);
	if (r == 0)
		r = map_over(fd, sizeof(struct board_table), PROT_READ, at, &memory);
	if (r < 0)
		return r;
	*ret_table = memory;
	fault_in((*ret_table)->word, &(*ret_table)->word[FIRST_SLOTS], MADV_POPULATE_READ);
	return 0;
}

int board_import_pins(
	int fd, const struct board_instance *instance, void *at, struct board_pins **ret_pins)
{
	void *memory = NULL;
	int r = check(fd, sizeof(struct board_pins), BOARD_PINS_MAGIC, instance);
	if (r == 0)
		r = map_over(fd, sizeof(struct board_pins), PROT_READ | PROT_WRITE, at, &memory);
	if (r < 0)
		return r;
	*ret_pins = memory;
	fault_in_first_pins(*ret_pins);
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
