/* The dealer beside a model that is too simple to be wrong: a map of units. */
#include <ashmem/memory_dealer.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNIT ((size_t)MEMORY_DEALER_UNIT)
#define PAGE ((size_t)getpagesize())

static struct memory_dealer *dealer_of(size_t size)
{
	struct memory_dealer *dealer = NULL;
	cr_assert_eq(memory_dealer_create(size, &dealer), 0);
	return dealer;
}

static size_t take(struct memory_dealer *dealer, size_t size, unsigned flags)
{
	size_t offset = SIZE_MAX;
	cr_assert_eq(memory_dealer_allocate(dealer, size, flags, &offset), 0);
	return offset;
}

static void give(struct memory_dealer *dealer, size_t offset)
{
	cr_assert_eq(memory_dealer_free(dealer, offset), 0);
}

Test(dealer, rounds_its_size_to_pages)
{
	struct memory_dealer *dealer = dealer_of(1);
	cr_assert_eq(memory_dealer_capacity(dealer), PAGE);
	cr_assert_eq(memory_dealer_largest(dealer), PAGE);
	memory_dealer_destroy(dealer);
}

Test(dealer, refuses_no_size_and_a_size_that_does_not_fit)
{
	struct memory_dealer *dealer = NULL;
	cr_assert_eq(memory_dealer_create(0, &dealer), -EINVAL);
	cr_assert_eq(memory_dealer_create(SIZE_MAX, &dealer), -EOVERFLOW);
	cr_assert_null(dealer);
	memory_dealer_destroy(NULL);
}

Test(dealer, refuses_to_allocate_nothing)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t offset = 77;
	cr_assert_eq(memory_dealer_allocate(dealer, 0, 0, &offset), -EINVAL);
	cr_assert_eq(memory_dealer_allocate(dealer, 1, 2, &offset), -EINVAL);
	cr_assert_eq(offset, 77);
	memory_dealer_destroy(dealer);
}

Test(dealer, rounds_pieces_to_units)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	cr_assert_eq(take(dealer, 1, 0), 0);
	cr_assert_eq(take(dealer, UNIT + 1, 0), UNIT);
	cr_assert_eq(take(dealer, 1, 0), 3 * UNIT);
	cr_assert_eq(memory_dealer_size(dealer, UNIT), 2 * UNIT);
	cr_assert_eq(memory_dealer_used(dealer), 4 * UNIT);
	memory_dealer_destroy(dealer);
}

Test(dealer, says_when_there_is_no_room)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t offset = 77;
	cr_assert_eq(memory_dealer_allocate(dealer, PAGE + 1, 0, &offset), -ENOMEM);
	cr_assert_eq(memory_dealer_allocate(dealer, SIZE_MAX, 0, &offset), -ENOMEM);
	take(dealer, PAGE, 0);
	cr_assert_eq(memory_dealer_allocate(dealer, 1, 0, &offset), -ENOMEM);
	cr_assert_eq(memory_dealer_largest(dealer), 0);
	cr_assert_eq(offset, 77);
	memory_dealer_destroy(dealer);
}

/* Holes of 4, 2, 3, 2 units, each behind a unit that is taken. */
static void make_holes(struct memory_dealer *dealer, size_t hole[4])
{
	static const size_t units[4] = {4, 2, 3, 2};
	for (int i = 0; i < 4; i++) {
		take(dealer, UNIT, 0);
		hole[i] = take(dealer, units[i] * UNIT, 0);
	}
	take(dealer, memory_dealer_largest(dealer), 0);
	for (int i = 0; i < 4; i++)
		give(dealer, hole[i]);
}

Test(dealer, takes_the_smallest_piece_that_fits)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t hole[4];
	make_holes(dealer, hole);
	cr_assert_eq(take(dealer, 3 * UNIT, 0), hole[2]);
	memory_dealer_destroy(dealer);
}

Test(dealer, takes_the_lowest_address_among_equals)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t hole[4];
	make_holes(dealer, hole);
	cr_assert_eq(take(dealer, 2 * UNIT, 0), hole[1]);
	cr_assert_eq(take(dealer, 2 * UNIT, 0), hole[3]);
	cr_assert_eq(take(dealer, 2 * UNIT, 0), hole[2]);
	memory_dealer_destroy(dealer);
}

Test(dealer, merges_with_both_neighbours)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t a = take(dealer, 10 * UNIT, 0), b = take(dealer, 20 * UNIT, 0),
	       c = take(dealer, 30 * UNIT, 0);
	take(dealer, memory_dealer_largest(dealer), 0);
	give(dealer, a);
	give(dealer, c);
	cr_assert_eq(memory_dealer_free_pieces(dealer), 2);
	give(dealer, b);
	cr_assert_eq(memory_dealer_free_pieces(dealer), 1);
	cr_assert_eq(memory_dealer_largest(dealer), 60 * UNIT);
	memory_dealer_destroy(dealer);
}

Test(dealer, does_not_know_what_it_did_not_give_out)
{
	struct memory_dealer *dealer = dealer_of(PAGE);
	size_t a = take(dealer, 2 * UNIT, 0);
	cr_assert_eq(memory_dealer_free(dealer, a + UNIT), -ENOENT);
	cr_assert_eq(memory_dealer_free(dealer, 10 * PAGE), -ENOENT);
	give(dealer, a);
	cr_assert_eq(memory_dealer_free(dealer, a), -ENOENT);
	cr_assert_eq(memory_dealer_size(dealer, a), 0);
	memory_dealer_destroy(dealer);
}

Test(dealer, page_aligned_pieces_leave_their_lead_free)
{
	struct memory_dealer *dealer = dealer_of(4 * PAGE);
	cr_assert_eq(take(dealer, UNIT, 0), 0);
	cr_assert_eq(take(dealer, PAGE, MEMORY_DEALER_PAGE_ALIGNED), PAGE);
	cr_assert_eq(memory_dealer_free_pieces(dealer), 2);
	cr_assert_eq(
		take(dealer, PAGE - UNIT, 0), UNIT, "the lead is given out like any other piece");
	cr_assert_eq(take(dealer, 2 * PAGE, MEMORY_DEALER_PAGE_ALIGNED), 2 * PAGE);
	memory_dealer_destroy(dealer);
}

Test(dealer, a_piece_too_small_behind_its_lead_is_passed_over)
{
	struct memory_dealer *dealer = dealer_of(4 * PAGE);
	size_t a = take(dealer, PAGE + UNIT, 0), b = take(dealer, PAGE + UNIT, 0);
	take(dealer, UNIT, 0);
	give(dealer, b);
	size_t offset = 77;
	/* b's place has room for a page, but not from a page boundary on; the end has. */
	cr_assert_eq(memory_dealer_allocate(dealer, PAGE, MEMORY_DEALER_PAGE_ALIGNED, &offset), 0);
	cr_assert_eq(offset, 3 * PAGE);
	give(dealer, a);
	cr_assert_eq(take(dealer, 2 * PAGE, MEMORY_DEALER_PAGE_ALIGNED), 0);
	memory_dealer_destroy(dealer);
}

/* ---- the model ---- */

enum { MODEL_UNITS = 2048 }; /* 64 KiB: whole pages of any machine */

struct model {
	uint16_t owner[MODEL_UNITS]; /* 0: free */
};

/* By the clause: smallest run of free units that holds @units behind its lead; the first of equals.
 */
static size_t model_place(const struct model *model, size_t units, bool aligned)
{
	size_t best = SIZE_MAX, best_run = SIZE_MAX;
	for (size_t i = 0; i < MODEL_UNITS;) {
		size_t end = i;
		while (end < MODEL_UNITS && model->owner[end] == 0)
			end++;
		size_t skip = aligned ? -i % (PAGE / UNIT) : 0;
		if (end - i >= units + skip && end - i < best_run) {
			best = i + skip;
			best_run = end - i;
		}
		i = end + 1;
	}
	return best;
}

static void fill(struct model *model, size_t at, size_t units, uint16_t owner)
{
	for (size_t i = 0; i < units; i++)
		model->owner[at + i] = owner;
}

Test(dealer, agrees_with_the_model_over_random_operations, .timeout = 60)
{
	struct memory_dealer *dealer = dealer_of(MODEL_UNITS * UNIT);
	struct model model = {0};
	size_t at[200] = {0}, units[200] = {0};
	srand(7);
	for (int step = 0; step < 40000; step++) {
		int i = rand() % 200;
		if (units[i] > 0) {
			give(dealer, at[i] * UNIT);
			fill(&model, at[i], units[i], 0);
			units[i] = 0;
			continue;
		}
		size_t want = (size_t)(rand() % (rand() % 4 == 0 ? 200 : 12)) + 1, offset = 0;
		bool aligned = rand() % 5 == 0;
		size_t expected = model_place(&model, want, aligned);
		int r = memory_dealer_allocate(
			dealer, want * UNIT, aligned ? MEMORY_DEALER_PAGE_ALIGNED : 0, &offset);
		cr_assert_eq(r, expected == SIZE_MAX ? -ENOMEM : 0);
		if (r < 0)
			continue;
		cr_assert_eq(offset, expected * UNIT);
		fill(&model, expected, want, 1);
		at[i] = expected;
		units[i] = want;
	}
	memory_dealer_destroy(dealer);
}

static void add_up(size_t offset, size_t size, void *user)
{
	(void)offset;
	*(size_t *)user += size;
}

Test(dealer, a_hundred_thousand_pieces_come_and_go, .timeout = 60)
{
	enum { PIECES = 100000 };
	struct memory_dealer *dealer = dealer_of(PIECES * 2 * UNIT);
	size_t *at = calloc(PIECES, sizeof(*at));
	for (size_t i = 0; i < PIECES; i++)
		at[i] = take(dealer, (i % 2 + 1) * UNIT, 0);
	for (size_t i = 0; i < PIECES; i += 2)
		give(dealer, at[i]);
	size_t sum = 0;
	memory_dealer_each_free(dealer, add_up, &sum);
	cr_assert_eq(sum, memory_dealer_capacity(dealer) - memory_dealer_used(dealer));
	for (size_t i = 0; i < PIECES; i += 2)
		at[i] = take(dealer, UNIT, 0);
	for (size_t i = 0; i < PIECES; i++)
		give(dealer, at[i]);
	cr_assert_eq(memory_dealer_largest(dealer), memory_dealer_capacity(dealer));
	free(at);
	memory_dealer_destroy(dealer);
}
