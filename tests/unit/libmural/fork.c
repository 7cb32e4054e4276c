/* A connection belongs to the process that opened it. */
#include "scene.h"

#include "common/util.h"

#include <sys/wait.h>

/* Everything a forked child may try; 0 when all of it was refused. */
static int try_all(struct scene *scene)
{
	struct mural_bitmap *bitmap = scene->bitmap;
	struct mural_request request = {.path = "/proc/self/exe"};
	struct mural_bitmap *other = NULL;
	struct mural_stats stats;
	struct mural_view view;
	const int results[] = {
		mural_fd(scene->mural),
		mural_dispatch(scene->mural),
		mural_wait(scene->mural, 0),
		mural_request(scene->mural, &request, &other),
		mural_prefetch(scene->mural, &request, NULL),
		mural_prefetch_cancel(scene->mural, 1),
		mural_stat(scene->mural, 0, &stats),
		mural_stat_async(scene->mural, (mural_stat_fn)abort, NULL),
		mural_trim(scene->mural, 1, 0, NULL),
		mural_trim_async(scene->mural, 1, (mural_trim_fn)abort, NULL),
		mural_purge(scene->mural, 0, NULL),
		mural_bitmap_wait(bitmap, 0),
		mural_bitmap_redecode(bitmap, 0),
		mural_bitmap_set_priority(bitmap, 0),
		mural_bitmap_cancel(bitmap),
		mural_bitmap_pin(bitmap, &view),
		mural_bitmap_pin_wait(bitmap, 0, &view),
		mural_bitmap_unpin(bitmap),
		mural_bitmap_set_visible(bitmap, 1),
		mural_bitmap_info(bitmap, &view),
		mural_bitmap_error(bitmap, NULL, NULL),
	};
	for (size_t i = 0; i < ARRAY_SIZE(results); i++)
		if (results[i] != -ECHILD)
			return (int)i + 1;
	mural_bitmap_ref(bitmap);
	mural_bitmap_unref(bitmap);
	mural_bitmap_unref(bitmap);
	mural_close(scene->mural);
	return 0;
}

static int run_in_child(int (*function)(struct scene *scene), struct scene *scene)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0)
		_exit(function(scene));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "the child crashed");
	return WEXITSTATUS(status);
}

Test(fork, a_child_is_refused_everywhere_and_touches_nothing)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	cr_assert_eq(run_in_child(try_all, &scene), 0, "this call was not refused");
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	cr_assert(fake_is_quiet(&scene.fake));
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	scene_fini(&scene);
}

/* The board must not even be mapped there. */
static int has_shared_mappings(struct scene *scene)
{
	/* The fake's own mappings are in this process too: the tables (2) and the region (1). */
	(void)scene;
	return count_mappings();
}

Test(fork, a_child_has_neither_board_nor_pixels)
{
	struct scene scene;
	scene_init(&scene);
	int here = count_mappings();
	cr_assert_eq(run_in_child(has_shared_mappings, &scene), here - 3);
	scene_fini(&scene);
}

static int open_its_own(struct scene *scene)
{
	struct fake fake;
	struct mural_view view;
	fake_init(&fake);
	struct mural *mural = fake_connect(&fake);
	if (mural_dispatch(mural) != 0)
		return 100;
	/* Now the process has a mark again, and the parent's connection must still not be taken for
	 * its own. */
	if (mural_bitmap_pin(scene->bitmap, &view) != -ECHILD)
		return 101;
	int r = try_all(scene);
	mural_close(mural);
	fake_fini(&fake);
	return r;
}

Test(fork, a_child_may_open_a_connection_of_its_own)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(run_in_child(open_its_own, &scene), 0);
	cr_assert_eq(mural_dispatch(scene.mural), 0);
	scene_fini(&scene);
}
