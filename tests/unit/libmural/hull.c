/* Where sessions' boards are mapped: never where a thread that is late could still write to the one
 * before, and yet not in more and more places. */
#include "hull.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SLOT = 7, SESSIONS = 40 };

/* A kernel that allows no more memory to be committed, and finds that out when what was there has
 * gone: Linux 6.1 with vm.overcommit_memory at 2. */
static bool full;

void *__real_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap64(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!full || !(flags & MAP_PRIVATE) || !(protection & PROT_WRITE))
		return __real_mmap64(at, size, protection, flags, fd, offset);
	if (flags & MAP_FIXED)
		munmap(at, size);
	errno = ENOMEM;
	return MAP_FAILED;
}

static struct list spare;

static void set_up(void)
{
	list_init(&spare);
}

static void tear_down(void)
{
	struct list *link;
	while ((link = list_take(&spare)))
		hull_free(CONTAINER_OF(link, struct hull, link));
}

TestSuite(hull, .init = set_up, .fini = tear_down, .timeout = 60);

struct tables {
	struct board_instance instance;
	int table_fd, pins_fd;
};

static struct tables make_tables(uint64_t number)
{
	struct tables tables = {.instance.low = number};
	struct board_table *table = NULL;
	struct board_pins *pins = NULL;
	cr_assert_eq(board_create_table(&tables.instance, &tables.table_fd, &table), 0);
	cr_assert_eq(board_create_pins(&tables.instance, &tables.pins_fd, &pins), 0);
	board_unmap_table(table);
	board_unmap_pins(pins);
	return tables;
}

static struct hull *fill_with(const struct tables *tables)
{
	struct hull *hull = NULL;
	cr_assert_eq(
		hull_fill(&spare, tables->table_fd, tables->pins_fd, &tables->instance, &hull), 0);
	cr_assert_eq(hull->pins->head.instance.low, tables->instance.low);
	cr_assert_eq(hull->table->instance.low, tables->instance.low);
	close(tables->table_fd);
	close(tables->pins_fd);
	return hull;
}

/* A session's hull. */
static struct hull *fill(uint64_t number)
{
	struct tables tables = make_tables(number);
	return fill_with(&tables);
}

/* A pin that found its bitmap gone had counted itself, and the session ended before it took that
 * back. The next ones have nothing to do with it. */
Test(hull, a_pin_that_is_taken_back_late_meets_no_other_board)
{
	struct hull *hull = fill(1);
	struct board_pins *late = hull->pins;
	atomic_fetch_add(&late->slot[SLOT].pins, 1);
	hull_empty(hull, &spare);
	for (uint64_t next = 2; next < 1 + HULLS_RESTING; next++) {
		hull = fill(next);
		atomic_fetch_add(&hull->pins->slot[SLOT].pins, 1); /* somebody's */
		board_drop(late, SLOT);
		cr_assert_eq(board_count(hull->pins, SLOT), 1, "session %d", (int)next);
		hull_empty(hull, &spare);
	}
}

Test(hull, a_hull_that_has_rested_is_used_again)
{
	const void *places[SESSIONS];
	unsigned known = 0;
	for (uint64_t number = 1; number <= SESSIONS; number++) {
		struct hull *hull = fill(number);
		unsigned i = 0;
		while (i < known && places[i] != hull->pins)
			i++;
		if (i == known)
			places[known++] = hull->pins;
		hull_empty(hull, &spare);
	}
	cr_assert_eq(known, HULLS_RESTING);
}

/* May take so many bytes of addresses more than it has. */
static void limit_addresses(uint64_t bytes)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "re");
	cr_assert(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	struct rlimit limit;
	cr_assert_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = pages * (rlim_t)page_bytes() + bytes;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

/* A program that has them for one session goes on, however often producers die. */
Test(hull, where_addresses_are_few_the_one_that_has_rested_longest_is_used)
{
	struct tables tables[SESSIONS];
	for (uint64_t i = 0; i < SESSIONS; i++)
		tables[i] = make_tables(1 + i);
	struct hull *hull = fill_with(&tables[0]);
	const void *place = hull->pins;
	limit_addresses(sizeof(struct board_pins) / 2);
	for (uint64_t i = 1; i < SESSIONS; i++) {
		hull_empty(hull, &spare);
		hull = fill_with(&tables[i]);
		cr_assert_eq(hull->pins, place);
	}
	hull_empty(hull, &spare);
}

/* It meets the table that was there, which nobody looks at. */
Test(hull, a_late_pin_finds_memory_where_no_more_can_be_had)
{
	struct hull *hull = fill(1);
	struct board_pins *late = hull->pins;
	atomic_fetch_add(&late->slot[SLOT].pins, 1);
	full = true;
	hull_empty(hull, &spare);
	full = false;
	board_drop(late, SLOT);
	cr_expect_eq(atomic_load(&hull->table->word[SLOT]), 0);
}

/* The board of @tables with other seals. */
static int sealed_against_writing(const struct tables *tables)
{
	char head[4096];
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	cr_assert_eq(ftruncate(fd, sizeof(struct board_pins)), 0);
	cr_assert_eq(pread(tables->pins_fd, head, sizeof(head), 0), sizeof(head));
	cr_assert_eq(pwrite(fd, head, sizeof(head), 0), sizeof(head));
	int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

Test(hull, a_late_pin_finds_memory_where_a_board_that_can_not_be_mapped_was_to_come)
{
	for (uint64_t number = 1; number <= HULLS_RESTING; number++)
		hull_empty(fill(number), &spare);
	struct board_pins *late = CONTAINER_OF(spare.next, struct hull, link)->pins;
	struct tables tables = make_tables(HULLS_RESTING + 1);
	struct hull *hull = NULL;
	int fd = sealed_against_writing(&tables);
	cr_assert_eq(hull_fill(&spare, tables.table_fd, fd, &tables.instance, &hull), -EPERM);
	board_drop(late, SLOT);
	close(fd);
	close(tables.table_fd);
	close(tables.pins_fd);
}

Test(hull, what_is_not_a_board_is_refused_and_takes_no_hull)
{
	struct tables tables = make_tables(1);
	struct hull *hull = NULL;
	const struct board_instance other = {.low = 2};
	cr_assert_eq(hull_fill(&spare, tables.pins_fd, tables.pins_fd, &tables.instance, &hull),
		-EBADMSG);
	cr_assert_eq(hull_fill(&spare, tables.table_fd, tables.table_fd, &tables.instance, &hull),
		-EBADMSG);
	cr_assert_eq(hull_fill(&spare, tables.table_fd, tables.pins_fd, &other, &hull), -EBADMSG);
	cr_assert_null(hull);
	cr_assert(list_empty(&spare));
	close(tables.table_fd);
	close(tables.pins_fd);
}
