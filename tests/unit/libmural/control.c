/* Statistics and trimming, waiting and not. */
#include "scene.h"

#include "common/util.h"

struct told {
	unsigned times;
	int error;
	uint64_t value;
};

static void on_stat(struct mural *mural, int error, const struct mural_stats *stats, void *user)
{
	struct told *told = user;
	(void)mural;
	told->times++;
	told->error = error;
	cr_assert_eq(stats == NULL, error < 0);
	told->value = stats ? stats->used_bytes : 0;
}

static void on_trim(struct mural *mural, int error, uint64_t freed_bytes, void *user)
{
	struct told *told = user;
	(void)mural;
	told->times++;
	told->error = error;
	told->value = freed_bytes;
}

static void answer_stat(struct scene *scene, uint64_t used_bytes)
{
	uint32_t serial = fake_receive(&scene->fake, PROTOCOL_STAT, NULL).head.serial;
	struct protocol_stats stats = {
		.head = {.type = PROTOCOL_STATS, .serial = serial}, .stats.used_bytes = used_bytes};
	fake_send(&scene->fake, &stats, NULL, 0);
}

static uint64_t answer_trim(struct scene *scene, uint64_t freed_bytes)
{
	struct protocol_trim trim = fake_receive(&scene->fake, PROTOCOL_TRIM, NULL).trim;
	struct protocol_trimmed trimmed = {
		.head = {.type = PROTOCOL_TRIMMED, .serial = trim.head.serial},
		.freed_bytes = freed_bytes,
	};
	fake_send(&scene->fake, &trimmed, NULL, 0);
	return trim.bytes;
}

Test(stat, is_told_from_a_dispatch)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	cr_assert_eq(mural_stat_async(scene.mural, on_stat, &told), 0);
	answer_stat(&scene, 42);
	cr_assert_eq(told.times, 0);
	scene_until(&scene, &told.times, 1);
	cr_assert_eq(told.error, 0);
	cr_assert_eq(told.value, 42);
	scene_fini(&scene);
}

Test(trim, is_told_from_a_dispatch)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	cr_assert_eq(mural_trim_async(scene.mural, 1000, on_trim, &told), 0);
	cr_assert_eq(answer_trim(&scene, 4096), 1000);
	scene_until(&scene, &told.times, 1);
	cr_assert_eq(told.value, 4096);
	scene_fini(&scene);
}

Test(stat, times_out_and_ignores_the_late_answer)
{
	struct scene scene;
	struct mural_stats stats = {.pid = 77};
	uint64_t freed = 77;
	scene_connect(&scene);
	cr_assert_eq(mural_stat(scene.mural, 1, &stats), -ETIMEDOUT);
	cr_assert_eq(mural_trim(scene.mural, 5, 1, &freed), -ETIMEDOUT);
	answer_stat(&scene, 1);
	answer_trim(&scene, 1);
	scene_dispatch(&scene);
	cr_assert_eq(stats.pid, 77);
	cr_assert_eq(freed, 77);
	scene_fini(&scene);
}

/* The producer's side of the calls that wait. */
static void *answer_all(void *user)
{
	struct scene *scene = user;
	answer_stat(scene, 43);
	cr_assert_eq(answer_trim(scene, 4096), 10);
	cr_assert_eq(answer_trim(scene, 8192), UINT64_MAX);
	cr_assert_eq(answer_trim(scene, 1), 20);
	return NULL;
}

Test(stat_trim_purge, wait_for_their_answers)
{
	struct scene scene;
	struct mural_stats stats = {0};
	uint64_t freed = 0;
	pthread_t thread;
	scene_connect(&scene);
	pthread_create(&thread, NULL, answer_all, &scene);
	cr_assert_eq(mural_stat(scene.mural, 60000, &stats), 0);
	cr_assert_eq(stats.used_bytes, 43);
	cr_assert_eq(mural_trim(scene.mural, 10, -1, &freed), 0);
	cr_assert_eq(freed, 4096);
	cr_assert_eq(mural_purge(scene.mural, 60000, &freed), 0);
	cr_assert_eq(freed, 8192);
	cr_assert_eq(mural_trim(scene.mural, 20, -1, NULL), 0);
	pthread_join(thread, NULL);
	scene_fini(&scene);
}

Test(control, answer_of_the_wrong_kind_is_ignored)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	cr_assert_eq(mural_stat_async(scene.mural, on_stat, &told), 0);
	uint32_t serial = fake_receive(&scene.fake, PROTOCOL_STAT, NULL).head.serial;
	struct protocol_trimmed trimmed = {.head = {.type = PROTOCOL_TRIMMED, .serial = serial}};
	fake_send(&scene.fake, &trimmed, NULL, 0);
	scene_dispatch(&scene);
	cr_assert_eq(told.times, 0);
	scene_fini(&scene);
}

Test(control, sixty_four_at_a_time)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	for (int i = 0; i < 64; i++)
		cr_assert_eq(mural_stat_async(scene.mural, on_stat, &told), 0);
	cr_assert_eq(mural_trim_async(scene.mural, 1, on_trim, &told), -EDQUOT);
	answer_stat(&scene, 1);
	scene_until(&scene, &told.times, 1);
	cr_assert_eq(mural_trim_async(scene.mural, 1, on_trim, &told), 0);
	scene_fini(&scene);
	cr_assert_eq(told.times, 1, "a closed connection tells nothing");
}

Test(control, fails_when_the_producer_dies)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	cr_assert_eq(mural_stat_async(scene.mural, on_stat, &told), 0);
	cr_assert_eq(mural_trim_async(scene.mural, 1, on_trim, &told), 0);
	fake_die(&scene.fake, true);
	scene_until(&scene, &told.times, 2);
	cr_assert_eq(told.error, -ECONNRESET);
	scene_fini(&scene);
}

Test(control, asked_while_there_is_no_producer_goes_to_the_next_one)
{
	struct scene scene;
	struct told told = {0};
	scene_connect(&scene);
	fake_die(&scene.fake, true);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	cr_assert_eq(mural_stat_async(scene.mural, on_stat, &told), 0);
	fake_accept(&scene.fake);
	scene_until(&scene, &scene.reconnected, 1);
	answer_stat(&scene, 9);
	scene_until(&scene, &told.times, 1);
	cr_assert_eq(told.value, 9);
	scene_fini(&scene);
}

Test(pressure, is_told)
{
	struct scene scene;
	scene_connect(&scene);
	struct protocol_pressure pressure = {
		.head = {.type = PROTOCOL_PRESSURE}, .level = MURAL_PRESSURE_CRITICAL};
	fake_send(&scene.fake, &pressure, NULL, 0);
	scene_until(&scene, &scene.pressure, 1);
	cr_assert_eq(scene.value, MURAL_PRESSURE_CRITICAL);
	scene_fini(&scene);
}
