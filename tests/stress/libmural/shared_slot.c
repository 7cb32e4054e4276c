/* Two bitmaps of one slot are counted in one cell, and pinned and unpinned by threads of their own:
 * each unpin has to find its pin, and none may be left. One thread each: a second pin would hide
 * it. */
#include "support/fake_producer.h"

#include "common/util.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BITMAPS 2
#define PINS 3000000
#define SLOT 3
#define GENERATION 1
#define WIDTH 16
#define HEIGHT 16

static struct mural_bitmap *bitmap[BITMAPS];
static atomic_uint refused;

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "shared_slot: %s\n", what);
	abort();
}

static void *consume(void *user)
{
	struct mural_bitmap *mine = *(struct mural_bitmap **)user;
	struct mural_view view;
	for (unsigned i = 0; i < PINS; i++) {
		must(mural_bitmap_pin(mine, &view) == ASHMEM_NOT_PURGED, "it was not ready");
		if (mural_bitmap_unpin(mine) != 0)
			atomic_fetch_add(&refused, 1);
	}
	return NULL;
}

static void make_ready(
	struct fake *fake, struct mural *mural, const struct fake_region *region, unsigned which)
{
	struct mural_request request = {.path = "/proc/self/exe"};
	must(mural_request(mural, &request, &bitmap[which]) == 0, "no request");
	union protocol_any asked = fake_receive(fake, PROTOCOL_REQUEST, NULL);
	struct protocol_ready ready =
		fake_ready(region, asked.head.serial, SLOT, GENERATION, WIDTH, HEIGHT);
	fake_send_ready(fake, &ready);
	must(mural_bitmap_wait(bitmap[which], -1) == 0, "no bitmap");
}

int main(void)
{
	struct fake fake;
	pthread_t threads[BITMAPS];
	fake_init(&fake);
	struct mural *mural = fake_connect(&fake);
	struct fake_region region = fake_region(&fake, WIDTH * HEIGHT * 4, 1);
	for (unsigned i = 0; i < BITMAPS; i++)
		make_ready(&fake, mural, &region, i);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, consume, &bitmap[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	unsigned left = fake_pins(&fake, SLOT);
	for (unsigned i = 0; i < BITMAPS; i++)
		mural_bitmap_unref(bitmap[i]);
	mural_close(mural);
	fake_region_fini(&region);
	fake_fini(&fake);
	printf("%u unpins refused, %u pins left, of %u\n", atomic_load(&refused), left,
		PINS * (unsigned)ARRAY_SIZE(threads));
	return atomic_load(&refused) != 0 || left != 0;
}
