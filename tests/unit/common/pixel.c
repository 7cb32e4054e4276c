/* Sizes of bitmaps and the box they are fitted into. */
#include <criterion/criterion.h>
#include <mural/pixel.h>

Test(layout, rows_are_rounded_up_to_four_bytes)
{
	uint32_t stride = 0;
	uint64_t size = 0;
	cr_assert(mural_bitmap_layout(MURAL_FORMAT_RGB565, 3, 5, &stride, &size));
	cr_assert_eq(stride, 8);
	cr_assert_eq(size, 40);
}

Test(layout, the_largest_bitmap_does_not_overflow)
{
	uint32_t stride = 0;
	uint64_t size = 0;
	cr_assert(mural_bitmap_layout(
		MURAL_FORMAT_ARGB8888, MURAL_SIDE_MAX, MURAL_SIDE_MAX, &stride, &size));
	cr_assert_eq(size, UINT64_C(65535) * 65535 * 4);
}

Test(layout, refuses_empty_oversized_and_unknown_and_leaves_outputs)
{
	uint32_t stride = 7;
	uint64_t size = 9;
	cr_assert_not(mural_bitmap_layout(MURAL_FORMAT_XRGB8888, 0, 1, &stride, &size));
	cr_assert_not(mural_bitmap_layout(MURAL_FORMAT_XRGB8888, 1, 0, &stride, &size));
	cr_assert_not(
		mural_bitmap_layout(MURAL_FORMAT_XRGB8888, MURAL_SIDE_MAX + 1, 1, &stride, &size));
	cr_assert_not(mural_bitmap_layout(0, 1, 1, &stride, &size));
	cr_assert_not(mural_bitmap_layout(99, 1, 1, &stride, &size));
	cr_assert_eq(stride, 7);
	cr_assert_eq(size, 9);
}

static void expect_fit(uint32_t w, uint32_t h, uint32_t bw, uint32_t bh, uint32_t ew, uint32_t eh)
{
	uint32_t rw = 0, rh = 0;
	mural_fit(w, h, bw, bh, &rw, &rh);
	cr_assert(rw == ew && rh == eh, "%ux%u into %ux%u: %ux%u, not %ux%u", w, h, bw, bh, rw, rh,
		ew, eh);
}

Test(fit, keeps_proportions_and_never_enlarges)
{
	expect_fit(6000, 4000, 1920, 1080, 1620, 1080);
	expect_fit(4000, 6000, 1920, 1080, 720, 1080);
	expect_fit(100, 50, 1920, 1080, 100, 50);
	expect_fit(6000, 4000, 0, 0, 6000, 4000);
	expect_fit(6000, 4000, 300, 0, 300, 200);
	expect_fit(6000, 4000, 0, 200, 300, 200);
}

Test(fit, never_gives_a_side_of_zero_or_one_over_the_box)
{
	expect_fit(65535, 1, 10, 10, 10, 1);
	expect_fit(1, 65535, 10, 10, 1, 10);
	for (uint32_t w = 1; w < 60; w++)
		for (uint32_t h = 1; h < 60; h++)
			for (uint32_t box = 1; box < 20; box++) {
				uint32_t rw = 0, rh = 0;
				mural_fit(w, h, box, box, &rw, &rh);
				cr_assert(rw >= 1 && rh >= 1 && rw <= box && rh <= box && rw <= w &&
					  rh <= h);
			}
}
