/* Previews by the real producer: a coarse bitmap beside the real one, there before it, the same
 * picture the same way up, and nothing that the real one would be without it. */
#include "common/util.h"
#include "support/process.h"
#include "support/reference.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static char *folder;
static struct test_process producer;
static struct mural *mural, *watcher;

static void start_with(const char *workers)
{
	folder = test_folder_create();
	test_producer_start(&producer, folder,
		(const char *const[]){"--workers", workers, "--budget", "1G", NULL});
	cr_assert_eq(mural_open(NULL, &mural), 0);
	cr_assert_eq(mural_open(NULL, &watcher), 0);
}

static void start(void)
{
	start_with("1");
}

static void start_two(void)
{
	start_with("2");
}

static void stop(void)
{
	mural_close(mural);
	mural_close(watcher);
	test_process_fini(&producer);
	test_folder_remove(folder);
}

TestSuite(preview, .init = start, .fini = stop, .timeout = 240);
TestSuite(preview_beside, .init = start_two, .fini = stop, .timeout = 240);

/* ---- one decoder, held while requests gather ---- */

static struct mural_stats stats(void)
{
	struct mural_stats now;
	cr_assert_eq(mural_stat(watcher, TEST_TIMEOUT_MS, &now), 0);
	return now;
}

static bool is_decoding(void *context)
{
	(void)context;
	return stats().filling_bitmaps > 0;
}

static bool has_begun(void *bitmap)
{
	return is_decoding(NULL) || mural_bitmap_wait(bitmap, 0) == 0;
}

static bool both_wait(void *context)
{
	(void)context;
	return stats().waiting_requests >= 3; /* the decoder's own is one of them */
}

/* The decoder that has computed for some ticks: those that wait for work have not. */
static pid_t busy_decoder(void)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;) {
		char path[64], line[512] = "";
		unsigned long ticks = 0;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		FILE *file = fopen(path, "re");
		if (!file)
			continue;
		const char *state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
		fclose(file);
		if (state &&
			sscanf(state, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu",
				&ticks) == 1 &&
			ticks >= 3)
			return pid;
	}
	return 0;
}

static bool is_busy(void *context)
{
	pid_t *pid = context;
	*pid = busy_decoder();
	return *pid > 0;
}

static void signal_decoders(int signal)
{
	pid_t nursery = test_child_named(producer.pid, "mural-nursery", 0);
	cr_assert_gt(nursery, 0);
	for (pid_t pid = 0; (pid = test_child_named(nursery, "mural-decoder", pid)) > 0;)
		kill(pid, signal);
}

/* ---- asking ---- */

struct order {
	struct mural_bitmap *ready[4];
	unsigned count;
};

static void on_event(struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct order *order = user;
	if (event == MURAL_BITMAP_READY && order->count < ARRAY_SIZE(order->ready))
		order->ready[order->count++] = bitmap;
}

static struct mural_bitmap *ask(
	const char *path, uint32_t flags, uint32_t priority, struct order *order)
{
	struct mural_bitmap *bitmap;
	struct mural_request request = {
		.path = path,
		.flags = flags,
		.priority = priority,
		.on_event = order ? on_event : NULL,
		.user = order,
	};
	cr_assert_eq(mural_request(mural, &request, &bitmap), 0);
	return bitmap;
}

static struct mural_view pin(struct mural_bitmap *bitmap)
{
	struct mural_view view;
	const char *text;
	int r = mural_bitmap_pin_wait(bitmap, TEST_TIMEOUT_MS, &view);
	mural_bitmap_error(bitmap, NULL, &text);
	cr_assert_eq(r, 0, "%d: %s", r, text);
	return view;
}

/* A decode of @path that goes on when its decoder does. On a busy machine it may have ended before
 * we came to stop it: then another. (Asked twice, since the answer that had arrived before the
 * first question may be looked at after it.) */
static struct mural_bitmap *hold(const char *path)
{
	for (;;) {
		struct mural_bitmap *held = ask(path, 0, MURAL_PRIORITY_VISIBLE, NULL);
		cr_assert(test_until(has_begun, held, TEST_TIMEOUT_MS));
		signal_decoders(SIGSTOP);
		if (is_decoding(NULL) && is_decoding(NULL))
			return held;
		signal_decoders(SIGCONT);
		mural_bitmap_unref(held);
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
	}
}

/* Asks for both while the decoder is held, so that both are known when the next one is chosen. */
static void ask_for_both(const char *path, struct order *order, struct mural_bitmap *ret[2])
{
	char *other = test_large_picture(folder, "24", "q95");
	struct mural_bitmap *held = hold(other);
	ret[1] = ask(path, 0, MURAL_PRIORITY_SOON, order);
	ret[0] = ask(path, MURAL_REQUEST_PREVIEW, MURAL_PRIORITY_VISIBLE, order);
	cr_expect(test_until(both_wait, NULL, TEST_TIMEOUT_MS));
	signal_decoders(SIGCONT);
	cr_assert_eq(mural_bitmap_wait(ret[1], TEST_TIMEOUT_MS), 0);
	mural_bitmap_unref(held);
	free(other);
}

/* ---- looking ---- */

static double mean_difference(
	const struct mural_view *view, const struct reference_picture *picture)
{
	double sum = 0;
	uint64_t count = 0;
	for (uint32_t y = 0; y < view->height; y += 5)
		for (uint32_t x = 0; x < view->width; x += 5) {
			const uint8_t *bgra = (const uint8_t *)view->pixels +
					      (size_t)y * view->stride_bytes + (size_t)x * 4;
			for (unsigned c = 0; c < 3; c++, count++)
				sum += fabs(bgra[2 - c] - reference_area_mean(picture, view->width,
								  view->height, x, y, c));
		}
	return sum / (double)count;
}

static void expect_final(const struct mural_view *view, const char *path)
{
	uint32_t width, height;
	size_t size;
	uint8_t *expected =
		reference_decode(path, MURAL_FORMAT_XRGB8888, false, &width, &height, &size);
	cr_assert_not_null(expected);
	cr_assert_eq(view->width, width);
	cr_assert_eq(view->height, height);
	cr_expect_eq(view->flags & MURAL_BITMAP_PREVIEW, 0);
	cr_expect_eq(memcmp(view->pixels, expected, size), 0, "other pixels");
	free(expected);
}

/* @part: the preview has so many times fewer pixels across; 0: does not matter. */
static void expect_preview_first(const char *path, uint32_t part)
{
	struct reference_picture stored, upright;
	struct mural_bitmap *bitmaps[2];
	struct order order = {.count = 0};
	ask_for_both(path, &order, bitmaps);
	cr_expect_eq(order.count, 2);
	cr_expect_eq(order.ready[0], bitmaps[0], "the preview comes first");
	struct mural_view coarse = pin(bitmaps[0]), final = pin(bitmaps[1]);
	expect_final(&final, path);
	cr_expect(coarse.flags & MURAL_BITMAP_PREVIEW);
	cr_expect_eq(coarse.source_width, final.source_width);
	cr_expect_eq(coarse.source_height, final.source_height);
	cr_expect_lt(coarse.width, final.width);
	cr_expect(part == 0 || coarse.width == (final.width + part - 1) / part, "%u of %u",
		coarse.width, final.width);
	cr_assert(reference_read(path, 8, &stored) && reference_upright(&stored, &upright));
	cr_expect_lt(mean_difference(&coarse, &upright), 12, "another picture");
	reference_free(&stored);
	reference_free(&upright);
	for (int i = 0; i < 2; i++) {
		mural_bitmap_unpin(bitmaps[i]);
		mural_bitmap_unref(bitmaps[i]);
	}
}

Test(preview, the_cameras_thumbnail_comes_first_and_upright)
{
	char *path = strdup(test_source_path("assets/formats/orientation-6-thumbnail.jpg"));
	expect_preview_first(path, 0);
	free(path);
}

Test(preview, the_first_scans_come_first)
{
	char *path = test_large_picture(folder, "6", "progressive");
	expect_preview_first(path, 8);
	free(path);
}

Test(preview, an_eighth_of_a_large_baseline_jpeg_comes_first)
{
	char *path = test_large_picture(folder, "6", "jpeg");
	expect_preview_first(path, 8);
	free(path);
}

Test(preview, a_picture_that_has_none_comes_all_the_same)
{
	char *path = strdup(test_source_path("assets/formats/jpeg-420.jpg"));
	struct mural_bitmap *coarse =
		ask(path, MURAL_REQUEST_PREVIEW, MURAL_PRIORITY_VISIBLE, NULL);
	struct mural_bitmap *final = ask(path, 0, MURAL_PRIORITY_VISIBLE, NULL);
	cr_expect_eq(mural_bitmap_wait(coarse, TEST_TIMEOUT_MS), -ENOTSUP);
	struct mural_view view = pin(final);
	expect_final(&view, path);
	mural_bitmap_unpin(final);
	mural_bitmap_unref(final);
	mural_bitmap_unref(coarse);
	free(path);
}

/* ---- helpers ---- */

enum { DECODERS = 3 };

/* The decoders that have no job yet, in the order in which they get one. */
static bool find_decoders(void *context)
{
	pid_t *pids = context, nursery = test_child_named(producer.pid, "mural-nursery", 0);
	for (int i = 0; i < DECODERS; i++) {
		pids[i] = test_child_named(nursery, "mural-decoder", i > 0 ? pids[i - 1] : 0);
		if (pids[i] == 0)
			return false;
	}
	return true;
}

static bool have_jobs(void *context)
{
	return stats().workers_busy == *(uint32_t *)context;
}

struct threads {
	pid_t pid;
	int count; /* the most that were seen */
};

/* Have they been seen, or can they be seen no more? */
static bool seen_or_gone(void *context)
{
	struct threads *threads = context;
	int count = test_count_threads(threads->pid);
	if (count < 0)
		return true;
	threads->count = (int)max_u64((uint64_t)threads->count, (uint64_t)count);
	return threads->count > 1;
}

/* Nearly every picture is asked for with its preview; most have none. */
Test(preview_beside, looking_for_one_takes_no_helper_from_the_picture)
{
	char *path = test_large_picture(folder, "24", "q95");
	pid_t pids[DECODERS];
	uint32_t busy = 1;
	cr_assert(test_until(find_decoders, pids, TEST_TIMEOUT_MS));
	signal_decoders(SIGSTOP);
	struct mural_bitmap *final = ask(path, 0, MURAL_PRIORITY_VISIBLE, NULL);
	cr_assert(test_until(have_jobs, &busy, TEST_TIMEOUT_MS));
	busy = 2;
	struct mural_bitmap *coarse =
		ask(path, MURAL_REQUEST_PREVIEW, MURAL_PRIORITY_VISIBLE, NULL);
	cr_assert(test_until(have_jobs, &busy, TEST_TIMEOUT_MS));

	kill(pids[0], SIGCONT); /* the picture is found to be large, the preview still looked for */
	cr_assert(test_until(is_decoding, NULL, TEST_TIMEOUT_MS));
	struct threads threads = {.pid = pids[2]};
	kill(pids[2], SIGCONT);
	cr_assert(test_until(seen_or_gone, &threads, TEST_TIMEOUT_MS));
	cr_expect_gt(threads.count, 1, "one thread only");

	kill(pids[1], SIGCONT);
	mural_bitmap_unref(coarse);
	mural_bitmap_unref(final);
	free(path);
}

Test(preview, waits_for_no_decoder)
{
	char *slow = test_large_picture(folder, "24", "q95"), *path = test_large_picture(folder, "6", "progressive");
	pid_t decoder = 0;
	struct mural_bitmap *held = ask(slow, 0, MURAL_PRIORITY_VISIBLE, NULL);
	cr_assert(test_until(is_busy, &decoder, TEST_TIMEOUT_MS));
	cr_assert_eq(kill(decoder, SIGSTOP), 0); /* the only one that may decode */
	struct mural_bitmap *final = ask(path, 0, MURAL_PRIORITY_VISIBLE, NULL);
	struct mural_bitmap *coarse =
		ask(path, MURAL_REQUEST_PREVIEW, MURAL_PRIORITY_VISIBLE, NULL);
	cr_expect_eq(mural_bitmap_wait(coarse, TEST_TIMEOUT_MS), 0);
	cr_expect_eq(mural_bitmap_wait(final, 0), 1, "pictures wait");
	kill(decoder, SIGCONT);
	cr_expect_eq(mural_bitmap_wait(final, TEST_TIMEOUT_MS), 0);
	mural_bitmap_unref(held);
	mural_bitmap_unref(final);
	mural_bitmap_unref(coarse);
	free(slow);
	free(path);
}
