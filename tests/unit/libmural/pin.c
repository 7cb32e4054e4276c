/* Pinning: the board's count, the producer asked, purged bytes, more unpins than pins, two bitmaps
 * of one slot. */
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint8_t fill = 0x5a;

static int pin(struct mural_bitmap *bitmap)
{
	struct mural_view view;
	return mural_bitmap_pin(bitmap, &view);
}

Test(pin, counts_on_the_board_and_shows_the_pixels)
{
	struct scene scene;
	struct mural_view view = {0};
	scene_init(&scene);
	cr_assert_eq(scene.ready, 1);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), ASHMEM_NOT_PURGED);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert_eq(((const uint8_t *)view.pixels)[WIDTH * HEIGHT * 4 - 1], fill);
	cr_assert_eq(view.width, WIDTH);
	cr_assert_eq(view.height, HEIGHT);
	cr_assert_eq(view.stride_bytes, WIDTH * 4);
	cr_assert_eq(view.format, MURAL_FORMAT_XRGB8888);
	cr_assert_eq(view.source_width, WIDTH * 2);
	cr_assert_eq(view.source_height, HEIGHT * 2);
	cr_assert_eq(view.flags, MURAL_BITMAP_SCALED);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	cr_assert(fake_is_quiet(&scene.fake), "a pin of a ready bitmap sends nothing");
	scene_fini(&scene);
}

Test(pin, pixels_are_read_only)
{
	struct scene scene;
	struct mural_view view = {0};
	scene_init(&scene);
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	/* The kernel's way to find out, without a signal. */
	cr_assert_eq(read(zeros, (void *)(uintptr_t)view.pixels, 1), -1);
	cr_assert_eq(errno, EFAULT);
	cr_assert_eq(*(const uint8_t *)view.pixels, fill);
	close(zeros);
	scene_fini(&scene);
}

Test(pin, pins_are_counted)
{
	struct scene scene;
	scene_init(&scene);
	for (uint32_t i = 1; i <= 3; i++) {
		cr_assert_eq(pin(scene.bitmap), 0);
		cr_assert_eq(fake_pins(&scene.fake, SLOT), i);
	}
	for (uint32_t i = 3; i-- > 0;) {
		cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
		cr_assert_eq(fake_pins(&scene.fake, SLOT), i);
	}
	scene_fini(&scene);
}

Test(pin, one_unpin_too_many_is_reported_and_changes_nothing)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	scene_fini(&scene);
}

Test(pin, of_a_pending_bitmap_says_again)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	cr_assert_eq(pin(scene.bitmap), -EAGAIN);
	scene_fini(&scene);
}

Test(pin, of_a_failed_bitmap_gives_its_error)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	fake_send_failed(&scene.fake, scene_request(&scene).head.serial, -EBADMSG,
		MURAL_REASON_TRUNCATED, "cut short");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -EBADMSG);
	cr_assert_eq(pin(scene.bitmap), -EBADMSG);
	scene_fini(&scene);
}

Test(pin, of_purged_bytes_says_so_and_leaves_no_count)
{
	struct scene scene;
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	board_set(scene.fake.table, SLOT, 2, BOARD_FILLING);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	board_set(scene.fake.table, SLOT, 2, BOARD_READY);
	cr_assert_eq(
		pin(scene.bitmap), ASHMEM_WAS_PURGED, "another generation's bytes are not ours");
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	scene_fini(&scene);
}

/* ---- idle bytes ---- */

static struct protocol_slot make_idle_and_pin(struct scene *scene)
{
	board_set(scene->fake.table, SLOT, 1, BOARD_IDLE);
	cr_assert_eq(pin(scene->bitmap), -EAGAIN);
	return fake_receive(&scene->fake, PROTOCOL_PIN, NULL).slot;
}

Test(pin, of_idle_bytes_asks_the_producer_once)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	cr_assert_eq(question.slot, SLOT);
	cr_assert_eq(question.generation, 1);
	cr_assert_eq(pin(scene.bitmap), -EAGAIN);
	cr_assert(fake_is_quiet(&scene.fake));
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	scene_fini(&scene);
}

Test(pin, succeeds_after_the_producer_brought_the_bytes_back)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_READY);
	fake_send_pin_answer(&scene.fake, &question, PROTOCOL_PIN_INTACT);
	scene_until(&scene, &scene.pinnable, 1);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_NOT_PURGED);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	scene_fini(&scene);
}

Test(pin, says_purged_when_the_producer_found_the_bytes_gone)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	fake_send_pin_answer(&scene.fake, &question, PROTOCOL_PIN_PURGED);
	scene_until(&scene, &scene.pinnable, 1);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	scene_fini(&scene);
}

Test(pin, asks_again_when_the_bytes_went_idle_again)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	fake_send_pin_answer(&scene.fake, &question, PROTOCOL_PIN_INTACT);
	scene_until(&scene, &scene.pinnable, 1);
	cr_assert_eq(pin(scene.bitmap), -EAGAIN);
	fake_receive(&scene.fake, PROTOCOL_PIN, NULL);
	scene_fini(&scene);
}

Test(pin, an_answer_for_a_bitmap_that_has_gone_is_ignored)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	fake_send_pin_answer(&scene.fake, &question, PROTOCOL_PIN_INTACT);
	scene_dispatch(&scene);
	cr_assert_eq(scene.pinnable, 0);
	cr_assert_eq(scene.lost + scene.reconnected, 0);
	scene_fini(&scene);
}

Test(pin_wait, waits_for_the_answer)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	struct protocol_slot question = make_idle_and_pin(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_READY);
	fake_send_pin_answer(&scene.fake, &question, PROTOCOL_PIN_INTACT);
	board_set(scene.fake.table, SLOT, 1, BOARD_IDLE);
	cr_assert_eq(mural_bitmap_pin_wait(scene.bitmap, 0, &view), -ETIMEDOUT);
	board_set(scene.fake.table, SLOT, 1, BOARD_READY);
	cr_assert_eq(mural_bitmap_pin_wait(scene.bitmap, -1, &view), ASHMEM_NOT_PURGED);
	scene_fini(&scene);
}

Test(pin_wait, does_not_decode_by_itself)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_pin_wait(scene.bitmap, -1, &view), ASHMEM_WAS_PURGED);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

/* ---- nudges ---- */

Test(unpin, nudges_when_the_slot_is_watched)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	atomic_fetch_or(&scene.fake.table->word[SLOT], BOARD_WATCHED);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert(fake_is_quiet(&scene.fake), "it is still pinned");
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	struct protocol_slot nudge = fake_receive(&scene.fake, PROTOCOL_NUDGE, NULL).slot;
	cr_assert_eq(nudge.slot, SLOT);
	cr_assert_eq(nudge.generation, 1);
	cr_assert_eq(nudge.told, 0);
	scene_fini(&scene);
}

Test(unpin, nudges_while_somebody_waits_for_room)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	atomic_store(&scene.fake.table->waiters, 1);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	fake_receive(&scene.fake, PROTOCOL_NUDGE, NULL);
	scene_fini(&scene);
}

/* ---- what goes with the bitmap ---- */

Test(visible, is_marked_on_the_board_while_the_bitmap_lives)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 1), 0);
	cr_assert_eq(scene.fake.pins->slot[SLOT].visible, 1);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 0), 0);
	cr_assert_eq(scene.fake.pins->slot[SLOT].visible, 0);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 1), 0);
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	cr_assert_eq(scene.fake.pins->slot[SLOT].visible, 0);
	scene_fini(&scene);
}

Test(visible, follows_the_bitmap_to_its_next_slot)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 1), 0);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	scene_make_ready(&scene, scene.bitmap, SLOT + 1, 1);
	cr_assert_eq(scene.fake.pins->slot[SLOT].visible, 0);
	cr_assert_eq(scene.fake.pins->slot[SLOT + 1].visible, 1);
	scene_fini(&scene);
}

/* Or the producer would not look there again. */
Test(visible, is_marked_as_a_change_and_so_is_each_pin)
{
	struct scene scene;
	scene_init(&scene);
	board_take_mark(scene.fake.pins, SLOT);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 1), 0);
	cr_assert(board_is_marked(scene.fake.pins, SLOT));
	board_take_mark(scene.fake.pins, SLOT);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert(board_is_marked(scene.fake.pins, SLOT));
	board_take_mark(scene.fake.pins, SLOT);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert(board_is_marked(scene.fake.pins, SLOT));
	scene_fini(&scene);
}

Test(unref, leaves_no_pin_and_releases_the_slot)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_ref(scene.bitmap), scene.bitmap);
	mural_bitmap_unref(scene.bitmap);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 2);
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	struct protocol_slot release = fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot;
	cr_assert_eq(release.slot, SLOT);
	cr_assert_eq(release.told, 1);
	scene_fini(&scene);
}

Test(info, knows_all_but_the_pixels)
{
	struct scene scene;
	struct mural_view info = {.pixels = &scene};
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_info(scene.bitmap, &info), 0);
	cr_assert_null(info.pixels);
	cr_assert_eq(info.width, WIDTH);
	cr_assert_eq(info.source_height, HEIGHT * 2);
	cr_assert_eq(mural_bitmap_user(scene.bitmap), &scene);
	scene_fini(&scene);
}

/* ---- decoded again ---- */

Test(redecode, is_refused_while_pinned)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), -EBUSY);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	scene_fini(&scene);
}

Test(redecode, expects_the_same_file_and_gives_a_new_generation)
{
	struct scene scene;
	struct mural_view before, after;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_info(scene.bitmap, &before), 0);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_SOON), 0);
	cr_assert_eq(pin(scene.bitmap), -EAGAIN);
	cr_assert_eq(mural_bitmap_info(scene.bitmap, &after), -EAGAIN);
	struct protocol_request request = scene_request(&scene);
	cr_assert_eq(request.flags, PROTOCOL_EXPECT);
	cr_assert_eq(request.priority, MURAL_PRIORITY_SOON);
	cr_assert_eq(request.expected.inode, 2);
	cr_assert_eq(request.expected.ctime_ns, 7);
	struct protocol_ready ready =
		fake_ready(&scene.region, request.head.serial, SLOT, 2, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	scene_until(&scene, &scene.ready, 2);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &after), 0);
	cr_assert_neq(before.generation, after.generation);
	cr_assert(fake_is_quiet(&scene.fake), "a slot that is kept is not released");
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.told, 2);
	scene_fini(&scene);
}

Test(redecode, into_another_slot_releases_the_first)
{
	struct scene scene;
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	scene_make_ready(&scene, scene.bitmap, SLOT + 1, 1);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT + 1), 1);
	scene_fini(&scene);
}

Test(redecode, of_a_bitmap_pinned_meanwhile_keeps_it_where_it_is)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	cr_assert_eq(pin(scene.bitmap), 0, "its bytes are there all the time");
	scene_make_ready(&scene, scene.bitmap, SLOT + 1, 1);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT + 1);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	scene_fini(&scene);
}

/* ---- two bitmaps of one slot ---- */

static struct mural_bitmap *ask_for_the_same(struct scene *scene)
{
	struct mural_bitmap *second = scene_ask(scene);
	scene_make_ready(scene, second, SLOT, 1);
	return second;
}

Test(shared_slot, each_bitmap_has_its_own_pins)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = ask_for_the_same(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(second), -EINVAL, "the other one is pinned");
	cr_assert_eq(pin(second), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 2);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL, "the other one is pinned");
	cr_assert_eq(mural_bitmap_redecode(second, 0), -EBUSY);
	cr_assert_eq(mural_bitmap_unpin(second), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0, "the other one's pins are still counted");
	mural_bitmap_unref(second);
	scene_fini(&scene);
}

Test(shared_slot, is_released_with_its_last_bitmap)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = ask_for_the_same(&scene);
	cr_assert_eq(pin(second), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert(fake_is_quiet(&scene.fake));
	/* The second is the first now. */
	cr_assert_eq(pin(second), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 2);
	cr_assert_eq(mural_bitmap_unpin(second), 0);
	cr_assert_eq(mural_bitmap_unpin(second), 0);
	cr_assert_eq(mural_bitmap_unpin(second), -EINVAL);
	mural_bitmap_unref(second);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.told, 2);
	scene_fini(&scene);
}

Test(shared_slot, the_second_takes_its_own_pins_with_it)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = ask_for_the_same(&scene);
	cr_assert_eq(pin(second), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	mural_bitmap_unref(second);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL);
	scene_fini(&scene);
}

/* ---- regions ---- */

Test(region, that_is_gone_is_unmapped_at_once_when_nothing_is_pinned)
{
	struct scene scene;
	scene_init(&scene);
	int before = count_mappings();
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	fake_region_gone(&scene.fake, &scene.region);
	scene_dispatch(&scene);
	cr_assert_eq(count_mappings(), before - 1);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	cr_assert(fake_is_quiet(&scene.fake), "the slot stays known: it remembers what was purged");
	scene_fini(&scene);
}

Test(region, that_is_gone_stays_mapped_while_pinned)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	fake_region_gone(&scene.fake, &scene.region);
	scene_dispatch(&scene);
	cr_assert_eq(*(const uint8_t *)view.pixels, fill);
	scene_fini(&scene);
}

Test(region, two_mebibytes_and_more_lie_on_a_huge_page)
{
	struct scene scene;
	struct mural_view view;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	scene.region = fake_region(&scene.fake, (4u << 20) + 4096, fill);
	scene_make_ready(&scene, scene.bitmap, SLOT, 1);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	cr_assert_eq((uintptr_t)view.pixels % (2u << 20), 0);
	scene_fini(&scene);
}

static void expect_on_huge_pages(const struct mural_view *view, unsigned char value, size_t size)
{
	const unsigned char *pixels = view->pixels;
	cr_assert_eq((uintptr_t)pixels % (2u << 20), 0);
	for (size_t at = 0; at < size; at += 4096)
		cr_assert_eq(pixels[at], value, "byte %zu", at);
}

/* Each below the one before, while that space is free; elsewhere when it is not. (The first one's
 * place is the kernel's.) */
Test(region, each_of_several_lies_on_a_huge_page_and_over_no_other)
{
	enum { REGIONS = 6, BYTES = (2 << 20) + 4096 };
	struct scene scene;
	struct mural_bitmap *bitmap[REGIONS];
	struct fake_region region[REGIONS];
	struct mural_view view[REGIONS];
	void *obstacle = NULL;
	scene_init(&scene);
	for (uint32_t i = 0; i < REGIONS; i++) {
		bitmap[i] = scene_ask(&scene);
		region[i] = fake_region(&scene.fake, BYTES, (unsigned char)(i + 1));
		struct protocol_ready ready = fake_ready(&region[i],
			scene_request(&scene).head.serial, SLOT + 1 + i, 1, WIDTH, HEIGHT);
		fake_send_ready(&scene.fake, &ready);
		cr_assert_eq(mural_bitmap_wait(bitmap[i], -1), 0);
		cr_assert_eq(mural_bitmap_pin(bitmap[i], &view[i]), 0);
		if (i == 2) { /* somebody else's, where the next would go */
			char *below = (char *)(uintptr_t)view[i].pixels - (4 << 20);
			obstacle = mmap(below, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			cr_assert_eq(obstacle, below);
		}
	}
	cr_assert_eq(*(const volatile unsigned char *)obstacle, 0);
	for (uint32_t i = 0; i < REGIONS; i++)
		expect_on_huge_pages(&view[i], (unsigned char)(i + 1), BYTES);
	for (uint32_t i = 0; i < REGIONS; i++) {
		mural_bitmap_unref(bitmap[i]);
		fake_region_fini(&region[i]);
	}
	munmap(obstacle, 4096);
	scene_fini(&scene);
}
