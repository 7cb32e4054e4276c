/* The pin board: every change of it is marked, and only that. */
#include "common/board.h"

#include "common/populate.h"
#include "common/util.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOT 4711u
#define PAGE (SLOT / BOARD_PAGE_SLOTS)
#define GENERATION 3

static const struct board_instance instance = {.high = 1, .low = 2};
static struct board_table *table;
static struct board_pins *pins;
static int table_fd, pins_fd;

static void init(void)
{
	cr_assert_eq(board_create_table(&instance, &table_fd, &table), 0);
	cr_assert_eq(board_create_pins(&instance, &pins_fd, &pins), 0);
	board_set(table, SLOT, GENERATION, BOARD_READY);
}

static void fini(void)
{
	board_unmap_pins(pins);
	board_unmap_table(table);
	close(pins_fd);
	close(table_fd);
}

TestSuite(board, .init = init, .fini = fini, .timeout = 60);

/* Exactly the slot is marked, and exactly its page flagged; takes both. */
static void expect_marked(const char *what)
{
	for (uint32_t i = 0; i < BOARD_SLOTS / BOARD_FLAG_SLOTS; i++)
		cr_assert_eq(board_take_flags(&pins->head, i),
			i == PAGE / 64 ? UINT64_C(1) << PAGE % 64 : 0, "%s", what);
	cr_assert(board_is_marked(pins, SLOT), "%s", what);
	cr_assert_not(board_is_marked(pins, SLOT + 1));
	cr_assert(board_has_marks(pins, PAGE), "%s", what);
	cr_assert_eq(board_take_marks(pins, PAGE), UINT64_C(1) << SLOT % 64, "%s", what);
	cr_assert_not(board_has_flags(&pins->head, PAGE / 64));
	cr_assert_not(board_has_marks(pins, PAGE));
}

Test(board, each_change_is_marked)
{
	cr_assert_eq(board_pin(table, pins, SLOT, GENERATION), BOARD_PINNED);
	expect_marked("a pin");
	cr_assert_eq(board_pin(table, pins, SLOT, GENERATION), BOARD_PINNED);
	expect_marked("a second pin");
	cr_assert_not(board_unpin(table, pins, SLOT));
	expect_marked("an unpin");
	cr_assert_eq(board_unpin_above(table, pins, SLOT, 0), 0);
	expect_marked("the last unpin");
	board_show(pins, SLOT, true);
	expect_marked("on screen");
	board_show(pins, SLOT, false);
	expect_marked("not on screen");
	cr_assert_eq(board_count(pins, SLOT), 0);
	cr_assert_not(board_is_visible(pins, SLOT));
}

Test(board, what_changes_nothing_is_not_marked)
{
	cr_assert_eq(board_unpin_above(table, pins, SLOT, 0), -EINVAL);
	cr_assert_not(board_has_flags(&pins->head, PAGE / 64));
	cr_assert_not(board_is_marked(pins, SLOT));
}

/* The mark of its count was taken before it was given up: the count of 0 must be marked, too. */
Test(board, a_pin_that_is_given_up_is_marked)
{
	cr_assert_eq(board_pin(table, pins, SLOT, GENERATION + 1), BOARD_CHANGED);
	expect_marked("a pin too late");
	cr_assert_eq(board_pin(table, pins, SLOT, GENERATION), BOARD_PINNED);
	expect_marked("a pin");
	cr_assert_eq(board_drop(pins, SLOT), 1);
	expect_marked("given up");
}

Test(board, a_flag_that_was_taken_alone_is_set_again)
{
	board_show(pins, SLOT, true);
	cr_assert(board_has_flags(&pins->head, PAGE / 64));
	board_take_flags(&pins->head, PAGE / 64);
	board_show(pins, SLOT, false);
	expect_marked("a change of what was marked already");
	board_show(pins, SLOT, true);
	board_take_mark(pins, SLOT);
	board_show(pins, SLOT, false);
	expect_marked("a change of what was flagged already");
}

Test(board, the_last_slot_has_a_mark_and_a_flag)
{
	const uint32_t last = BOARD_SLOTS - 1;
	board_show(pins, last, true);
	cr_assert(board_is_marked(pins, last));
	cr_assert_eq(board_take_flags(&pins->head, BOARD_SLOTS / BOARD_FLAG_SLOTS - 1),
		UINT64_C(1) << 63);
	cr_assert_eq(board_take_marks(pins, last / BOARD_PAGE_SLOTS), UINT64_C(1) << 63);
}

Test(board, flags_whose_marks_are_left_are_set_again)
{
	board_show(pins, SLOT, true);
	uint64_t flags = board_take_flags(&pins->head, PAGE / 64);
	board_flag(&pins->head, PAGE / 64, flags);
	expect_marked("taken, and set again");
}

/* ---- what is mapped at once ---- */

static bool is_mapped(const volatile void *address)
{
	CLEANUP(close_p) int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;
	off_t offset = (off_t)((uintptr_t)address / page_bytes() * sizeof(entry));
	cr_assert_eq(pread(fd, &entry, sizeof(entry), offset), sizeof(entry));
	return entry >> 63;
}

static void skip_without_populate(void)
{
	void *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(page, MAP_FAILED);
	if (madvise(page, 1, MADV_POPULATE_READ) < 0 && errno == EINVAL)
		cr_skip_test("a kernel before 5.14");
	munmap(page, 1);
}

/* Both sides, and no more than that: a board is 64 MiB. */
Test(board, the_first_pin_meets_no_page_fault)
{
	const struct board_table *seen;
	struct board_pins *own;
	skip_without_populate();
	cr_assert(is_mapped(&pins->mark[0]) && is_mapped(&pins->slot[0]), "the producer's");
	cr_assert_eq(board_import_table(table_fd, &instance, NULL, &seen), 0);
	cr_assert_eq(board_import_pins(pins_fd, &instance, NULL, &own), 0);
	cr_assert(is_mapped(&seen->word[0]));
	cr_assert(is_mapped(&own->head.flag[0]) && is_mapped(&own->mark[0]));
	cr_assert(is_mapped(&own->slot[0]));
	cr_assert_not(is_mapped(&own->slot[SLOT]));
	board_unmap_pins(own);
	board_unmap_table(seen);
}
