/* A producer in a control group that runs short: what nobody pins goes before anybody is killed,
 * consumers are told, what is pinned stays, and decoders take turns. */
#include "common/util.h"
#include "support/group.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MIB ((uint64_t)1 << 20)
#define LIMIT (128 * MIB)
#define HOG (100 * MIB)
#define HOG_PAUSE_US 1000

static char *folder;
static struct test_process producer;
static struct test_group group;
static struct mural *mural;

struct levels {
	int now, highest;
	unsigned told;
};

static void on_event(struct mural *connection, enum mural_event event, int value, void *user)
{
	struct levels *levels = user;
	(void)connection;
	if (event != MURAL_EVENT_PRESSURE)
		return;
	levels->told++;
	levels->now = value;
	levels->highest = value > levels->highest ? value : levels->highest;
}

static struct levels levels;

static struct mural *connect_as(struct levels *whose)
{
	struct mural_options options = {
		.flags = MURAL_OPEN_NO_START, .on_event = on_event, .user = whose};
	struct mural *opened = NULL;
	cr_assert_eq(mural_open(&options, &opened), 0);
	return opened;
}

static struct mural_stats stats_now(void)
{
	struct mural_stats stats;
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	return stats;
}

/* A producer that watches by @sources, moved into a group of its own while it runs. */
static void start_against(const char *growth, const char *sources, const char *budget)
{
	const char *driver = getenv("MURAL_TEST_DRIVER"); /* tests/kernel/run_groups.sh */
	const char *const args[] = {"--budget", budget, "--idle-ms", "20", "--workers", "2",
		"--pressure", sources, "--growth", growth, "--driver", driver ? driver : "auto",
		NULL};
#ifdef MURAL_SANITIZED
	cr_skip_test("a sanitizer needs more memory than the group has");
#endif
	if (!test_group_create(&group, LIMIT))
		cr_skip_test(
			"no control group can be made here (not root, or no memory controller)");
	folder = test_folder_create();
	test_producer_start(&producer, folder, args);
	test_group_move(&group, producer.pid);
	mural = connect_as(&levels);
	while (strcmp(sources, "none") != 0 && stats_now().headroom_bytes > LIMIT)
		mural_wait(mural, 10); /* it has not seen yet that it was moved */
}

static void start(const char *sources, const char *budget)
{
	start_against("4G", sources, budget);
}

static void stop(void)
{
	if (!folder)
		return;
	mural_close(mural);
	test_process_signal(&producer, SIGTERM);
	cr_expect(test_process_wait(&producer, TEST_TIMEOUT_MS));
	test_process_fini(&producer);
	test_folder_remove(folder);
	test_group_remove(&group);
}

TestSuite(memory, .fini = stop, .timeout = 240);

/* Pictures of 12 MP, 46 MiB of pixels each. */
static char *large_picture(int number)
{
	char name[32];
	snprintf(name, sizeof(name), "set-%d", number);
	char *place = test_path(folder, name);
	cr_assert_eq(mkdir(place, 0700), 0);
	char *path = test_large_picture(place, "12", "jpeg");
	free(place);
	return path;
}

static struct mural_bitmap *get(const char *path, uint32_t box)
{
	struct mural_bitmap *bitmap = NULL;
	struct mural_request request = {.path = path,
		.priority = MURAL_PRIORITY_VISIBLE,
		.box_width = box,
		.box_height = box};
	cr_assert_eq(mural_request(mural, &request, &bitmap), 0);
	return bitmap;
}

static uint64_t checksum(struct mural_bitmap *bitmap)
{
	struct mural_view view;
	uint64_t sum = 0;
	cr_assert_eq(mural_bitmap_pin_wait(bitmap, TEST_TIMEOUT_MS, &view), ASHMEM_NOT_PURGED);
	const unsigned char *bytes = view.pixels;
	for (size_t i = 0; i < (size_t)view.stride_bytes * view.height; i++)
		sum = sum * 31 + bytes[i];
	mural_bitmap_unpin(bitmap);
	return sum;
}

/* 60 MiB of pixels that nobody pins. */
static void fill_pool(struct mural_bitmap *bitmaps[2], uint64_t sums[2])
{
	char *path = large_picture(0);
	for (int i = 0; i < 2; i++) {
		bitmaps[i] = get(path, i == 0 ? 0 : 2310);
		cr_assert_eq(mural_bitmap_wait(bitmaps[i], TEST_TIMEOUT_MS), 0);
		sums[i] = checksum(bitmaps[i]);
	}
	free(path);
	while (stats_now().idle_bytes < 56 * MIB)
		mural_wait(mural, 10);
}

static int end_of_hog(void)
{
	int status = -1;
	pid_t hog = test_group_hog(&group, HOG, HOG_PAUSE_US, false);
	cr_assert_eq(waitpid(hog, &status, 0), hog);
	return status;
}

static void survives(const char *sources)
{
	struct mural_bitmap *bitmaps[2];
	uint64_t sums[2];
	start(sources, "96M");
	fill_pool(bitmaps, sums);
	int status = end_of_hog();
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the allocator: status %x",
		(unsigned)status);
	struct mural_stats stats = stats_now();
	cr_expect_gt(stats.watch_freed_bytes, 0);
	for (int i = 0; i < 2; i++) {
		int r = mural_bitmap_redecode(bitmaps[i], MURAL_PRIORITY_VISIBLE);
		cr_assert_eq(r, 0);
		cr_assert_eq(mural_bitmap_wait(bitmaps[i], TEST_TIMEOUT_MS), 0);
		cr_expect_eq(checksum(bitmaps[i]), sums[i]);
		mural_bitmap_unref(bitmaps[i]);
	}
}

Test(memory, with_all_sources_nobody_is_killed)
{
	survives("all");
}

Test(memory, with_the_groups_numbers_alone_nobody_is_killed)
{
	survives("cgroup");
}

Test(memory, with_thresholds_alone_nobody_is_killed)
{
	struct test_group probe;
	if (test_group_create(&probe, LIMIT))
		test_group_remove(&probe);
	if (probe.v2)
		cr_skip_test("control groups of version 2 have no thresholds");
	survives("thresholds");
	struct mural_stats stats = stats_now();
	cr_expect_eq(stats.watch_sources, MURAL_WATCH_BUDGET | MURAL_WATCH_THRESHOLDS);
	cr_expect_eq(stats.watch_event, MURAL_WATCH_THRESHOLDS);
}

/* What the tests above would look like if nothing was done. */
Test(memory, without_any_source_the_allocator_is_killed)
{
	struct mural_bitmap *bitmaps[2];
	uint64_t sums[2];
	start("none", "96M");
	fill_pool(bitmaps, sums);
	int status = end_of_hog();
	cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	cr_expect_eq(stats_now().watch_freed_bytes, 0);
	for (int i = 0; i < 2; i++)
		mural_bitmap_unref(bitmaps[i]);
}

/* By the kernel, not by the pool: st_blocks of the regions, and what the group is charged for. */
Test(memory, what_is_said_to_be_freed_is_charged_to_the_group_no_more)
{
	struct mural_bitmap *bitmaps[2];
	uint64_t sums[2], freed = 0;
	start("none", "96M");
	fill_pool(bitmaps, sums);
	uint64_t before = test_group_shared(&group), blocks = stats_now().allocated_bytes;
	cr_assert_eq(mural_trim(mural, MIB, TEST_TIMEOUT_MS, &freed), 0);
	uint64_t after = test_group_shared(&group);
	cr_expect_gt(freed, 10 * MIB);
	/* The control block's pages go as well, and are not told of. */
	cr_expect_geq(blocks - stats_now().allocated_bytes, freed);
	cr_expect_leq(blocks - stats_now().allocated_bytes, freed + MIB / 4);
	cr_expect_geq(before, after + freed - MIB / 4);
	cr_expect_leq(before, after + freed + MIB / 4);
	for (int i = 0; i < 2; i++)
		mural_bitmap_unref(bitmaps[i]);
}

/* What `mural stat` says to a person. */
static char *stat_text(void)
{
	struct test_process command;
	const char *const args[] = {test_program("mural"), "stat", NULL};
	cr_assert_eq(test_process_run(&command, -1, args), 0);
	char *text = test_process_out(&command, NULL);
	test_process_fini(&command);
	return text;
}

static void expect_told(uint64_t freed_bytes)
{
	CLEANUP(free_p) char *text = stat_text();
	const char *watched = strstr(text, "\nwatched  by ");
	char line[256] = "", given_back[64];
	cr_assert(watched, "%s", text);
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(watched + 1, "\n"), watched + 1);
	snprintf(given_back, sizeof(given_back), ", %.1f MiB given back",
		(double)freed_bytes / (double)MIB);
	cr_expect(strstr(line, given_back), "no \"%s\" in: %s", given_back, line);
	cr_expect(strstr(line, " cgroup,"), "%s", line);
	cr_expect(strstr(line, group.v2 ? " events," : " thresholds,"), "%s", line);
}

Test(memory, what_is_pinned_stays_and_no_more_goes_than_is_missing)
{
	struct mural_bitmap *bitmaps[2];
	struct mural_view view;
	uint64_t sums[2];
	start("all", "96M");
	fill_pool(bitmaps, sums);
	cr_assert_eq(mural_bitmap_pin_wait(bitmaps[0], TEST_TIMEOUT_MS, &view), ASHMEM_NOT_PURGED);
	pid_t hog = test_group_hog(&group, 40 * MIB, HOG_PAUSE_US, true);
	while (stats_now().purged_bitmaps == 0)
		mural_wait(mural, 10);
	struct mural_stats stats = stats_now();
	cr_expect_gt(stats.watch_freed_bytes, 0);
	cr_expect_eq(stats.pinned_bitmaps, 1);
	cr_expect_leq(stats.watch_freed_bytes, 18 * MIB, "the smaller of the two");
	cr_expect_eq(checksum(bitmaps[0]), sums[0]);
	expect_told(stats.watch_freed_bytes);
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	mural_bitmap_unpin(bitmaps[0]);
	for (int i = 0; i < 2; i++)
		mural_bitmap_unref(bitmaps[i]);
}

Test(memory, consumers_are_told_of_pressure_and_of_its_end)
{
	struct mural_bitmap *bitmaps[2];
	uint64_t sums[2];
	start("all", "96M");
	fill_pool(bitmaps, sums);
	levels = (struct levels){0};
	pid_t hog = test_group_hog(&group, 112 * MIB, HOG_PAUSE_US, true);
	while (levels.now == MURAL_PRESSURE_NONE)
		cr_assert_geq(mural_wait(mural, TEST_TIMEOUT_MS), 0);
	struct levels late = {0};
	struct mural *newcomer = connect_as(&late);
	while (late.told == 0)
		cr_assert_eq(mural_wait(newcomer, TEST_TIMEOUT_MS), 0, "was not told");
	cr_expect_neq(late.highest, MURAL_PRESSURE_NONE);
	kill(hog, SIGKILL);
	waitpid(hog, NULL, 0);
	while (levels.now != MURAL_PRESSURE_NONE || late.now != MURAL_PRESSURE_NONE) {
		mural_wait(mural, 10);
		mural_wait(newcomer, 10);
	}
	mural_close(newcomer);
	for (int i = 0; i < 2; i++)
		mural_bitmap_unref(bitmaps[i]);
}

static void narrow(uint64_t limit)
{
	cr_assert(test_group_limit(&group, limit));
	while (stats_now().headroom_bytes > limit)
		mural_wait(mural, 10);
}

/* 46 MiB each: with one there enough is free, but not for a second. */
Test(memory, what_a_decoder_will_take_goes_before_it_starts)
{
	enum { PICTURES = 6 };
	char *paths[PICTURES];
	start_against("1M", "cgroup", "1G"); /* looks are far between */
	for (int i = 0; i < PICTURES; i++)
		paths[i] = large_picture(i);
	narrow(92 * MIB);
	for (int i = 0; i < PICTURES; i++) {
		struct mural_bitmap *bitmap = get(paths[i], 0);
		int r = mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS);
		cr_assert_eq(r, 0, "picture %d: %d", i, r);
		checksum(bitmap);
		mural_bitmap_unref(bitmap);
		free(paths[i]);
	}
	cr_expect_eq(stats_now().decoder_processes, 2 * PICTURES, "one was killed and came again");
}

/* 46 MiB each, and some must stay free. */
Test(memory, decoders_take_turns_where_two_do_not_fit)
{
	struct mural_bitmap *bitmaps[2];
	uint64_t sums[2];
	uint32_t most = 0;
	start("all", "1G");
	narrow(104 * MIB);
	for (int i = 0; i < 2; i++) {
		char *path = large_picture(i);
		bitmaps[i] = get(path, 0);
		cr_assert_eq(mural_bitmap_wait(bitmaps[i], TEST_TIMEOUT_MS), 0);
		sums[i] = checksum(bitmaps[i]);
		free(path);
	}
	while (stats_now().purged_bitmaps < 2)
		mural_purge(mural, TEST_TIMEOUT_MS, NULL);
	/* Now that their sizes are known, who is busy decodes. */
	for (int i = 0; i < 2; i++)
		cr_assert_eq(mural_bitmap_redecode(bitmaps[i], MURAL_PRIORITY_VISIBLE), 0);
	for (int i = 0; i < 2; i++) {
		int r;
		while ((r = mural_bitmap_wait(bitmaps[i], 1)) == 1)
			most = (uint32_t)max_u64(most, stats_now().workers_busy);
		cr_assert_eq(r, 0, "picture %d: %d", i, r);
	}
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(checksum(bitmaps[i]), sums[i]);
		mural_bitmap_unref(bitmaps[i]);
	}
	cr_expect_eq(most, 1, "%u at once", most);
}
