/* See scene.h. */
#include "scene.h"

#include "common/util.h"

#include <poll.h>
#include <stdio.h>

static void count_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct scene *scene = user;
	(void)bitmap;
	scene->ready += event == MURAL_BITMAP_READY;
	scene->failed += event == MURAL_BITMAP_FAILED;
	scene->pinnable += event == MURAL_BITMAP_PINNABLE;
}

static void count_connection_event(
	struct mural *mural, enum mural_event event, int value, void *user)
{
	struct scene *scene = user;
	(void)mural;
	scene->reconnected += event == MURAL_EVENT_RECONNECTED;
	scene->lost += event == MURAL_EVENT_LOST;
	scene->pressure += event == MURAL_EVENT_PRESSURE;
	scene->value = value;
}

void scene_connect(struct scene *scene)
{
	*scene = (struct scene){.region.fd = -1};
	struct mural_options options = {.on_event = count_connection_event, .user = scene};
	fake_init(&scene->fake);
	cr_assert_eq(fake_open(&scene->fake, &options, &scene->mural), 0);
}

struct mural_bitmap *scene_ask(struct scene *scene)
{
	struct mural_request request = {
		.path = "/proc/self/exe", .on_event = count_event, .user = scene};
	struct mural_bitmap *bitmap = NULL;
	cr_assert_eq(mural_request(scene->mural, &request, &bitmap), 0);
	return bitmap;
}

struct protocol_request scene_request(struct scene *scene)
{
	return fake_receive(&scene->fake, PROTOCOL_REQUEST, NULL).request;
}

void scene_make_ready(
	struct scene *scene, struct mural_bitmap *bitmap, uint32_t slot, uint64_t generation)
{
	struct protocol_request request = scene_request(scene);
	struct protocol_ready ready =
		fake_ready(&scene->region, request.head.serial, slot, generation, WIDTH, HEIGHT);
	fake_send_ready(&scene->fake, &ready);
	cr_assert_eq(mural_bitmap_wait(bitmap, -1), 0);
}

void scene_init(struct scene *scene)
{
	scene_connect(scene);
	scene->bitmap = scene_ask(scene);
	scene->region = fake_region(&scene->fake, 4096, 0x5a);
	scene_make_ready(scene, scene->bitmap, SLOT, 1);
}

void scene_fini(struct scene *scene)
{
	mural_bitmap_unref(scene->bitmap);
	mural_close(scene->mural);
	if (scene->region.fd >= 0)
		fake_region_fini(&scene->region);
	fake_fini(&scene->fake);
}

void scene_until(struct scene *scene, const unsigned *counter, unsigned value)
{
	while (*counter < value)
		cr_assert_eq(mural_wait(scene->mural, 60000), 0, "nothing happens any more");
	cr_assert_eq(*counter, value);
}

void scene_dispatch(struct scene *scene)
{
	struct pollfd poller = {.fd = mural_fd(scene->mural), .events = POLLIN};
	while (poll(&poller, 1, 0) == 1)
		cr_assert_eq(mural_dispatch(scene->mural), 0);
}

/* Shared memory only: the heap's mappings come and go as they like. */
int count_mappings(void)
{
	char line[512];
	int count = 0;
	FILE *file = fopen("/proc/self/maps", "re");
	while (fgets(line, sizeof(line), file))
		count += strstr(line, "memfd:") != NULL;
	fclose(file);
	return count;
}
