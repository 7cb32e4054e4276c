/* Pinning: the board's count, the producer asked, purged bytes, more unpins than pins, two bitmaps of one slot. */
#include "support/fake_producer.h"

#include "common/util.h"

#include <criterion/criterion.h>

#define SLOT 7
#define WIDTH 16
#define HEIGHT 8

struct scene {
	struct fake fake;
	struct mural *mural;
	struct fake_region region;
	struct mural_bitmap *bitmap;
	unsigned ready, failed, pinnable; /* events seen */
};

static void count_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct scene *scene = user;
	(void)bitmap;
	scene->ready += event == MURAL_BITMAP_READY;
	scene->failed += event == MURAL_BITMAP_FAILED;
	scene->pinnable += event == MURAL_BITMAP_PINNABLE;
}

static struct mural_bitmap *ask(struct scene *scene)
{
	struct mural_request request = {.path = "/proc/self/exe", .on_event = count_event, .user = scene};
	struct mural_bitmap *bitmap = NULL;
	cr_assert_eq(mural_request(scene->mural, &request, &bitmap), 0);
	return bitmap;
}

/* A bitmap that is ready in SLOT, generation 1. */
static void scene_init(struct scene *scene)
{
	*scene = (struct scene){0};
	fake_init(&scene->fake);
	scene->mural = fake_connect(&scene->fake);
	scene->bitmap = ask(scene);
	union protocol_any message = fake_receive(&scene->fake, PROTOCOL_REQUEST, NULL);
	scene->region = fake_region(&scene->fake, 4096, 0x5a);
	struct protocol_ready ready = fake_ready(&scene->region, message.head.serial, SLOT, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene->fake, &ready);
	cr_assert_eq(mural_bitmap_wait(scene->bitmap, -1), 0);
}

static void scene_fini(struct scene *scene)
{
	mural_bitmap_unref(scene->bitmap);
	mural_close(scene->mural);
	fake_region_fini(&scene->region);
	fake_fini(&scene->fake);
}

Test(pin, counts_on_the_board_and_shows_the_pixels)
{
	struct scene scene;
	struct mural_view view = {0};
	scene_init(&scene);
	cr_assert_eq(scene.ready, 1);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), ASHMEM_NOT_PURGED);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert_eq(((const unsigned char *)view.pixels)[WIDTH * HEIGHT * 4 - 1], 0x5a);
	cr_assert_eq(view.width, WIDTH);
	cr_assert_eq(view.height, HEIGHT);
	cr_assert_eq(view.stride_bytes, WIDTH * 4);
	cr_assert_eq(view.source_width, WIDTH * 2);
	cr_assert_eq(view.flags, MURAL_BITMAP_SCALED);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0);
	cr_assert(fake_is_quiet(&scene.fake), "a pin of a ready bitmap sends nothing");
	scene_fini(&scene);
}
