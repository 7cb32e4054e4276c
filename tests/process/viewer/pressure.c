/* The real viewer and the real producer, in a control group whose limit this test moves: what the
 * viewer asks for while memory is short, by the pool's own numbers. */
#include "support/group.h"
#include "support/process.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define MIB ((uint64_t)1 << 20)
#define BALLAST (200 * MIB) /* so that the low-water mark is 48 MiB whatever the pool holds */
#define MODERATE (38 * MIB) /* left of the limit: below 48 */
#define CRITICAL (16 * MIB) /* below 24 */
#define PLENTY (1024 * MIB)
#define LOOKED_AHEAD 2 /* of the first picture: there are two ahead and none behind */

static struct scene {
	char *folder;
	struct test_group group;
	struct test_process producer;
	pid_t ballast;
	struct mural *mural;
} scene;

static bool is_full(void *context)
{
	(void)context;
	return test_group_usage(&scene.group) >= BALLAST;
}

static void setup(void)
{
	scene.folder = test_folder_create();
	if (!test_group_create(&scene.group, BALLAST + PLENTY))
		cr_skip_test("no control group with a memory limit can be made here");
	test_producer_start(&scene.producer, scene.folder, NULL);
	test_group_move(&scene.group, scene.producer.pid);
	scene.ballast = test_group_hog(&scene.group, BALLAST, 0, true);
	cr_assert(test_until(is_full, NULL, TEST_TIMEOUT_MS));
	cr_assert_eq(
		mural_open(&(struct mural_options){.flags = MURAL_OPEN_NO_START}, &scene.mural), 0);
}

static void teardown(void)
{
	mural_close(scene.mural);
	if (scene.ballast > 0) {
		kill(scene.ballast, SIGKILL);
		waitpid(scene.ballast, NULL, 0);
	}
	if (scene.producer.pid > 0)
		test_process_fini(&scene.producer);
	test_group_remove(&scene.group);
	test_folder_remove(scene.folder);
}

TestSuite(pressure, .init = setup, .fini = teardown, .timeout = 300);

static struct mural_stats stats(void)
{
	struct mural_stats now;
	cr_assert_eq(mural_stat(scene.mural, TEST_TIMEOUT_MS, &now), 0);
	return now;
}

static bool pressure_is(void *context)
{
	return stats().pressure == *(enum mural_pressure *)context;
}

static void leave(uint64_t bytes, enum mural_pressure expected)
{
	cr_assert(test_group_limit(&scene.group, test_group_usage(&scene.group) + bytes));
	cr_assert(test_until(pressure_is, &expected, TEST_TIMEOUT_MS), "pressure %u, not %u",
		stats().pressure, expected);
}

static bool exists(void *path)
{
	return access(path, F_OK) == 0;
}

static bool has_decoded(void *number)
{
	return stats().decodes >= *(uint64_t *)number;
}

static bool has_requested(void *number)
{
	return stats().requests >= *(uint64_t *)number;
}

/* Pictures smaller than the window, which have no other size. At its first rest it writes a
 * snapshot, and then it stays. */
static void look_at_pictures(struct test_process *viewer, char *at_rest)
{
	char keys[4096], *program = strdup(test_program("mural-viewer"));
	snprintf(keys, sizeof(keys), "wait,snapshot:%s,wait:600000", at_rest);
	const char *argv[] = {program, "--headless", "--size", "320x200", "--keys", keys,
		test_source_path("assets/formats"), NULL};
	test_process_start(viewer, -1, argv);
	cr_assert(test_until(exists, at_rest, TEST_TIMEOUT_MS));
	free(program);
}

Test(pressure, the_viewer_looks_ahead_only_when_there_is_memory_for_it)
{
	struct test_process viewer;
	char *at_rest = test_path(scene.folder, "rest.png");
	leave(MODERATE, MURAL_PRESSURE_MODERATE);
	look_at_pictures(&viewer, at_rest);
	cr_expect_eq(stats().decodes, 1, "only what is seen");
	leave(PLENTY, MURAL_PRESSURE_NONE);
	uint64_t all = 1 + LOOKED_AHEAD;
	cr_expect(test_until(has_decoded, &all, TEST_TIMEOUT_MS), "it goes on by itself");

	/* What it gave back it has to ask for. */
	leave(CRITICAL, MURAL_PRESSURE_CRITICAL);
	uint64_t requests = stats().requests;
	leave(PLENTY, MURAL_PRESSURE_NONE);
	requests += LOOKED_AHEAD;
	cr_expect(test_until(has_requested, &requests, TEST_TIMEOUT_MS),
		"it had kept what is not on the screen");
	cr_expect_not(viewer.ended);
	test_process_fini(&viewer);
	free(at_rest);
}

Test(pressure, without_it_the_viewer_looks_ahead)
{
	struct test_process viewer;
	char *at_rest = test_path(scene.folder, "rest.png");
	look_at_pictures(&viewer, at_rest);
	cr_expect_eq(stats().decodes, 1 + LOOKED_AHEAD);
	test_process_fini(&viewer);
	free(at_rest);
}
