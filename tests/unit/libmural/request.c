/* Asking: what is refused here, what the producer is sent, and how a request ends. */
#include "scene.h"

#include "common/util.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int try(struct scene *scene, struct mural_request request)
{
	struct mural_bitmap *bitmap = NULL;
	int r = mural_request(scene->mural, &request, &bitmap);
	if (r < 0)
		cr_assert_null(bitmap, "an output was touched on failure");
	mural_bitmap_unref(bitmap);
	return r;
}

static char *path_in(const struct scene *scene, const char *name)
{
	char *path = NULL;
	cr_assert_gt(asprintf(&path, "%s/%s", scene->fake.folder, name), 0);
	return path;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void expect_text(int fd, const char *text)
{
	char read[64] = "";
	cr_assert_geq(pread(fd, read, sizeof(read) - 1, 0), 0);
	cr_assert_str_eq(read, text);
	close(fd);
}

/* ---- refused here ---- */

static int give_readable(void *user)
{
	(void)user;
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

static int give_unreadable(void *user)
{
	(void)user;
	return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int give_an_error(void *user)
{
	(void)user;
	return -ENOMEDIUM;
}

Test(request, refuses_sources_and_options_that_make_no_sense)
{
	const struct {
		struct mural_request request;
		int error;
	} refusals[] = {
		{{.path = "/nonexistent/a.jpg"}, -ENOENT},
		{{.path = ""}, -ENOENT},
		{{.path = "/tmp"}, -EISDIR},
		{{.path = "/dev/null"}, -EINVAL},
		{{.fd = -1}, -EINVAL},
		{{.fd = 1000}, -EBADF},
		{{.path = "/proc/self/exe", .open = give_readable}, -EINVAL},
		{{.open = give_unreadable}, -EINVAL},
		{{.open = give_an_error}, -ENOMEDIUM},
		{{.path = "/proc/self/exe", .format = 99}, -EINVAL},
		{{.path = "/proc/self/exe", .flags = 1 << 4}, -EINVAL},
		{{.path = "/proc/self/exe", .priority = 3}, -EINVAL},
	};
	struct scene scene;
	scene_connect(&scene);
	int before = count_descriptors();
	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
		cr_assert_eq(try(&scene, refusals[i].request), refusals[i].error, "number %zu", i);
		struct mural_request prefetch = refusals[i].request;
		if (prefetch.priority == 0)
			cr_assert_eq(mural_prefetch(scene.mural, &prefetch, NULL),
				refusals[i].error, "number %zu", i);
	}
	cr_assert_eq(count_descriptors(), before);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

Test(request, refuses_what_is_not_a_file_without_blocking)
{
	struct scene scene;
	scene_connect(&scene);
	CLEANUP(free_p) char *fifo = path_in(&scene, "fifo");
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	cr_assert_eq(try(&scene, (struct mural_request){.path = fifo}), -EINVAL);
	unlink(fifo);
	scene_fini(&scene);
}

Test(request, refuses_descriptors_that_nobody_may_read)
{
	struct scene scene;
	scene_connect(&scene);
	int path_only = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	int write_only = open(scene.fake.folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(path_only, 0);
	cr_assert_geq(write_only, 0);
	cr_assert_eq(try(&scene, (struct mural_request){.fd = path_only}), -EINVAL);
	cr_assert_eq(try(&scene, (struct mural_request){.fd = write_only}), -EINVAL);
	close(path_only);
	close(write_only);
	scene_fini(&scene);
}

Test(request, refuses_more_than_the_producer_allows_at_a_time)
{
	struct scene scene = {0};
	struct mural_bitmap *bitmaps[2];
	uint32_t ticket = 0;
	struct mural_request prefetch = {.path = "/proc/self/exe"};
	fake_init(&scene.fake);
	scene.fake.requests_max = 2;
	scene.mural = fake_connect(&scene.fake);
	scene.region.fd = -1;
	bitmaps[0] = scene_ask(&scene);
	bitmaps[1] = scene_ask(&scene);
	cr_assert_eq(try(&scene, prefetch), -EDQUOT);
	cr_assert_eq(mural_prefetch(scene.mural, &prefetch, NULL), -EDQUOT);
	mural_bitmap_unref(bitmaps[0]);
	cr_assert_eq(mural_prefetch(scene.mural, &prefetch, &ticket), 0);
	cr_assert_eq(try(&scene, prefetch), -EDQUOT);
	cr_assert_eq(mural_prefetch_cancel(scene.mural, ticket), 0);
	cr_assert_eq(try(&scene, prefetch), 0);
	mural_bitmap_unref(bitmaps[1]);
	scene_fini(&scene);
}

Test(request, says_when_there_are_no_descriptors_left)
{
	struct scene scene;
	struct rlimit before, none;
	scene_connect(&scene);
	getrlimit(RLIMIT_NOFILE, &before);
	int next_free = dup(0);
	close(next_free);
	none = (struct rlimit){(rlim_t)next_free, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	int by_path = try(&scene, (struct mural_request){.path = "/proc/self/exe"});
	int by_descriptor = try(&scene, (struct mural_request){.fd = 0});
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(by_path, -EMFILE);
	cr_assert_eq(by_descriptor, -EMFILE);
	scene_fini(&scene);
}

/* ---- what is sent ---- */

Test(request, sends_all_that_was_asked_for)
{
	struct scene scene;
	scene_connect(&scene);
	struct mural_request wanted = {
		.path = "/proc/self/exe",
		.box_width = 640,
		.box_height = 480,
		.format = MURAL_FORMAT_RGB565,
		.flags = MURAL_REQUEST_AS_STORED | MURAL_REQUEST_ALLOW_PARTIAL | MURAL_REQUEST_WAIT,
		.priority = MURAL_PRIORITY_VISIBLE,
	};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	struct protocol_request sent = scene_request(&scene);
	cr_assert_neq(sent.head.serial, 0);
	cr_assert_eq(sent.box_width, 640);
	cr_assert_eq(sent.box_height, 480);
	cr_assert_eq(sent.format, MURAL_FORMAT_RGB565);
	cr_assert_eq(sent.flags, PROTOCOL_AS_STORED | PROTOCOL_ALLOW_PARTIAL | PROTOCOL_WAIT);
	cr_assert_eq(sent.priority, MURAL_PRIORITY_VISIBLE);
	scene_fini(&scene);
}

Test(request, of_a_relative_path_means_the_file_it_named_then)
{
	struct scene scene;
	int fd = -1;
	scene_init(&scene);
	CLEANUP(free_p) char *path = path_in(&scene, "a.jpg");
	write_file(path, "first");
	mural_bitmap_unref(scene.bitmap);
	fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL);
	cr_assert_eq(chdir(scene.fake.folder), 0);
	struct mural_request wanted = {.path = "a.jpg"};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	cr_assert_eq(chdir("/"), 0);
	uint32_t serial = fake_receive(&scene.fake, PROTOCOL_REQUEST, &fd).head.serial;
	expect_text(fd, "first");
	fake_send_failed(&scene.fake, serial, -ENOSPC, MURAL_REASON_NO_ROOM, "");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ENOSPC);
	write_file(path, "second");
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
	fake_receive(&scene.fake, PROTOCOL_REQUEST, &fd);
	expect_text(fd, "second");
	unlink(path);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0, "it is pending: nothing to do");
	scene_fini(&scene);
}

Test(request, of_a_descriptor_keeps_a_duplicate_for_the_next_decode)
{
	struct scene scene;
	int fd = -1;
	scene_connect(&scene);
	int mine = memfd_create("picture", MFD_CLOEXEC);
	cr_assert_eq(write(mine, "memory", 6), 6);
	struct mural_request wanted = {.fd = mine};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	close(mine);
	uint32_t serial = fake_receive(&scene.fake, PROTOCOL_REQUEST, &fd).head.serial;
	expect_text(fd, "memory");
	fake_send_failed(&scene.fake, serial, -ENOSPC, MURAL_REASON_NO_ROOM, "");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ENOSPC);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
	fake_receive(&scene.fake, PROTOCOL_REQUEST, &fd);
	expect_text(fd, "memory");
	scene_fini(&scene);
}

static int give_and_count(void *user)
{
	++*(unsigned *)user;
	return open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
}

Test(request, calls_the_open_function_for_each_decode)
{
	struct scene scene;
	unsigned calls = 0;
	scene_connect(&scene);
	struct mural_request wanted = {.open = give_and_count, .open_user = &calls};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	cr_assert_eq(calls, 1);
	fake_send_failed(
		&scene.fake, scene_request(&scene).head.serial, -ENOSPC, MURAL_REASON_NO_ROOM, "");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ENOSPC);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
	cr_assert_eq(calls, 2);
	scene_fini(&scene);
}

Test(redecode, of_a_file_that_has_gone_says_so_and_leaves_the_bitmap)
{
	struct scene scene;
	scene_connect(&scene);
	CLEANUP(free_p) char *path = path_in(&scene, "a.jpg");
	write_file(path, "picture");
	struct mural_request wanted = {.path = path};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	scene.region = fake_region(&scene.fake, 4096, 0);
	scene_make_ready(&scene, scene.bitmap, SLOT, 1);
	unlink(path);
	board_set(scene.fake.table, SLOT, 1, BOARD_PURGED);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), -ENOENT);
	struct mural_view view;
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), ASHMEM_WAS_PURGED);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 3), -EINVAL);
	scene_fini(&scene);
}

Test(priority, is_sent_for_a_pending_request_when_it_changes)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	cr_assert_eq(mural_bitmap_set_priority(scene.bitmap, MURAL_PRIORITY_PREFETCH), 0);
	cr_assert(fake_is_quiet(&scene.fake));
	cr_assert_eq(mural_bitmap_set_priority(scene.bitmap, 3), -EINVAL);
	cr_assert_eq(mural_bitmap_set_priority(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	struct protocol_priority sent = fake_receive(&scene.fake, PROTOCOL_PRIORITY, NULL).priority;
	cr_assert_eq(sent.head.serial, serial);
	cr_assert_eq(sent.priority, MURAL_PRIORITY_VISIBLE);
	scene_fini(&scene);
}

/* ---- how it ends ---- */

Test(failure, carries_reason_and_text)
{
	struct scene scene;
	enum mural_reason reason = MURAL_REASON_NONE;
	const char *text = NULL;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	cr_assert_eq(mural_bitmap_error(scene.bitmap, &reason, &text), 0);
	cr_assert_str_eq(text, "");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, 0), 1, "still pending");
	fake_send_failed(&scene.fake, scene_request(&scene).head.serial, -EBADMSG,
		MURAL_REASON_CORRUPT, "bad Huffman code");
	scene_until(&scene, &scene.failed, 1);
	cr_assert_eq(scene.ready, 0);
	cr_assert_eq(mural_bitmap_error(scene.bitmap, &reason, &text), -EBADMSG);
	cr_assert_eq(reason, MURAL_REASON_CORRUPT);
	cr_assert_str_eq(text, "bad Huffman code");
	cr_assert_eq(mural_bitmap_error(scene.bitmap, NULL, NULL), -EBADMSG);
	struct mural_view view;
	cr_assert_eq(mural_bitmap_info(scene.bitmap, &view), -EBADMSG);
	scene_fini(&scene);
}

Test(failure, text_that_has_no_end_is_cut)
{
	struct scene scene;
	const char *text = NULL;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	struct protocol_failed failed = {
		.head = {.type = PROTOCOL_FAILED, .serial = scene_request(&scene).head.serial},
		.error = -EBADMSG,
		.reason = MURAL_REASON_CORRUPT,
	};
	memset(failed.text, 'x', sizeof(failed.text));
	fake_send(&scene.fake, &failed, NULL, 0);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -EBADMSG);
	mural_bitmap_error(scene.bitmap, NULL, &text);
	cr_assert_eq(strlen(text), sizeof(failed.text) - 1);
	scene_fini(&scene);
}

Test(failure, of_a_redecode_hides_bytes_that_are_still_there)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
	fake_send_failed(
		&scene.fake, scene_request(&scene).head.serial, -ESTALE, MURAL_REASON_CHANGED, "");
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ESTALE);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), -ESTALE);
	scene_fini(&scene);
}

Test(cancel, is_told_at_the_next_dispatch)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	cr_assert_eq(mural_bitmap_cancel(scene.bitmap), 0);
	cr_assert_eq(scene.failed, 0, "never inside another call");
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_CANCEL, NULL).head.serial, serial);
	cr_assert_eq(mural_wait(scene.mural, -1), 0,
		"the descriptor says that there is something to tell");
	cr_assert_eq(scene.failed, 1);
	cr_assert_eq(mural_bitmap_error(scene.bitmap, NULL, NULL), -ECANCELED);
	cr_assert_eq(mural_bitmap_cancel(scene.bitmap), 0);
	scene_dispatch(&scene);
	cr_assert_eq(scene.failed, 1);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

Test(cancel, that_crosses_the_answer_gives_the_slot_back)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	scene.region = fake_region(&scene.fake, 4096, 0);
	struct protocol_ready ready = fake_ready(&scene.region, serial, SLOT, 5, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	cr_assert_eq(mural_bitmap_cancel(scene.bitmap), 0);
	scene_until(&scene, &scene.failed, 1);
	fake_receive(&scene.fake, PROTOCOL_CANCEL, NULL);
	struct protocol_slot release = fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot;
	cr_assert_eq(release.slot, SLOT);
	cr_assert_eq(release.told, 1);
	cr_assert_eq(scene.ready, 0);
	scene_fini(&scene);
}

/* The region's descriptor comes once: it must not get lost with a bitmap that nobody wants. */
Test(cancel, that_crosses_a_hand_over_keeps_the_region)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	struct mural_bitmap *first = scene_ask(&scene), *second = scene_ask(&scene);
	struct fake_region region = fake_region(&scene.fake, 4096, 0x77);
	struct protocol_ready ready =
		fake_ready(&region, scene_request(&scene).head.serial, SLOT + 1, 2, WIDTH, HEIGHT);
	uint32_t serial = scene_request(&scene).head.serial;
	cr_assert_eq(mural_bitmap_cancel(first), 0);
	fake_send_ready(&scene.fake, &ready);
	ready = fake_ready(&region, serial, SLOT + 2, 3, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	cr_assert_eq(mural_bitmap_wait(second, -1), 0);
	cr_assert_eq(mural_bitmap_pin(second, &view), 0);
	cr_assert_eq(*(const uint8_t *)view.pixels, 0x77);
	fake_receive(&scene.fake, PROTOCOL_CANCEL, NULL);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT + 1);
	mural_bitmap_unref(first);
	mural_bitmap_unref(second);
	fake_region_fini(&region);
	scene_fini(&scene);
}

Test(cancel, that_crosses_the_answer_for_a_slot_in_use_counts_it)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	mural_bitmap_unref(second);
	fake_receive(&scene.fake, PROTOCOL_CANCEL, NULL);
	struct protocol_ready ready = fake_ready(&scene.region, serial, SLOT, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	scene_dispatch(&scene);
	cr_assert(fake_is_quiet(&scene.fake), "the first bitmap still holds the slot");
	mural_bitmap_unref(scene.bitmap);
	scene.bitmap = NULL;
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.told, 2);
	scene_fini(&scene);
}

/* ---- prefetches ---- */

Test(prefetch, is_decoded_and_given_back)
{
	struct scene scene;
	uint32_t ticket = 0;
	scene_connect(&scene);
	struct mural_request wanted = {
		.path = "/proc/self/exe", .priority = MURAL_PRIORITY_VISIBLE};
	cr_assert_eq(mural_prefetch(scene.mural, &wanted, &ticket), 0);
	struct protocol_request sent = scene_request(&scene);
	cr_assert_eq(sent.priority, MURAL_PRIORITY_PREFETCH);
	scene.region = fake_region(&scene.fake, 4096, 0);
	struct protocol_ready ready =
		fake_ready(&scene.region, sent.head.serial, SLOT, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	scene_dispatch(&scene);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT);
	cr_assert_eq(mural_prefetch_cancel(scene.mural, ticket), 0);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

Test(prefetch, can_be_given_up)
{
	struct scene scene;
	uint32_t ticket = 0;
	scene_connect(&scene);
	struct mural_request wanted = {.path = "/proc/self/exe"};
	cr_assert_eq(mural_prefetch(scene.mural, &wanted, &ticket), 0);
	uint32_t serial = scene_request(&scene).head.serial;
	cr_assert_eq(mural_prefetch_cancel(scene.mural, ticket), 0);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_CANCEL, NULL).head.serial, serial);
	fake_send_failed(&scene.fake, serial, -ECANCELED, MURAL_REASON_CANCELLED, "");
	scene_dispatch(&scene);
	cr_assert_eq(mural_prefetch_cancel(scene.mural, 4711), 0);
	cr_assert_eq(scene.lost + scene.reconnected, 0);
	scene_fini(&scene);
}

Test(prefetch, a_request_is_not_cancelled_by_a_ticket)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	cr_assert_eq(mural_prefetch_cancel(scene.mural, serial), 0);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

/* ---- callbacks ---- */

static void ask_again_and_leave(
	struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct scene *scene = user;
	cr_assert_eq(event, MURAL_BITMAP_FAILED);
	scene->failed++;
	scene->bitmap = scene_ask(scene);
	mural_bitmap_unref(bitmap);
}

Test(callback, may_ask_and_unref)
{
	struct scene scene;
	struct mural_bitmap *first = NULL;
	scene_connect(&scene);
	struct mural_request wanted = {
		.path = "/proc/self/exe", .on_event = ask_again_and_leave, .user = &scene};
	cr_assert_eq(mural_request(scene.mural, &wanted, &first), 0);
	fake_send_failed(
		&scene.fake, scene_request(&scene).head.serial, -ENOSPC, MURAL_REASON_NO_ROOM, "");
	scene_until(&scene, &scene.failed, 1);
	scene_request(&scene);
	scene_fini(&scene);
}

static void wait_for_the_other(
	struct mural_bitmap *bitmap, enum mural_bitmap_event event, void *user)
{
	struct scene *scene = user;
	(void)bitmap;
	scene->failed += event == MURAL_BITMAP_FAILED;
	cr_assert_eq(mural_bitmap_wait(scene->bitmap, -1), -EBADMSG);
}

Test(callback, may_wait_for_another_bitmap)
{
	struct scene scene;
	struct mural_bitmap *first = NULL;
	scene_connect(&scene);
	struct mural_request wanted = {
		.path = "/proc/self/exe", .on_event = wait_for_the_other, .user = &scene};
	cr_assert_eq(mural_request(scene.mural, &wanted, &first), 0);
	scene.bitmap = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	fake_send_failed(&scene.fake, serial, -ENOSPC, MURAL_REASON_NO_ROOM, "");
	fake_send_failed(
		&scene.fake, scene_request(&scene).head.serial, -EBADMSG, MURAL_REASON_CORRUPT, "");
	scene_until(&scene, &scene.failed, 2);
	mural_bitmap_unref(first);
	scene_fini(&scene);
}

Test(reason, errors_of_opening_have_their_own_words)
{
	static const int errors[] = {
		-ECONNREFUSED, -EPROTONOSUPPORT, -EACCES, -ETIMEDOUT, -ENAMETOOLONG};
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		cr_expect_str_neq(mural_open_error_text(errors[i]), strerror(-errors[i]));
	cr_expect_str_eq(mural_open_error_text(-ENOMEM), strerror(ENOMEM));
}

Test(reason, each_has_its_own_words)
{
	for (int i = 0; i <= MURAL_REASON_NO_PREVIEW; i++) {
		cr_assert_not_null(mural_reason_text((enum mural_reason)i));
		for (int k = 0; k < i; k++)
			cr_assert_str_neq(mural_reason_text((enum mural_reason)i),
				mural_reason_text((enum mural_reason)k));
	}
	cr_assert_not_null(mural_reason_text((enum mural_reason)99));
}
