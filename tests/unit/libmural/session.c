/* Producers that die, lie, greet wrongly or do not listen; what is pinned over all that. */
#include "scene.h"

#include "common/shared_file.h"
#include "common/util.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

static const uint8_t fill = 0x5a;

static int pin(struct mural_bitmap *bitmap)
{
	struct mural_view view;
	return mural_bitmap_pin(bitmap, &view);
}

/* Dispatches until it has greeted the next producer, which listens already. */
static void let_it_return(struct scene *scene)
{
	struct pollfd poller = {.fd = scene->fake.listener, .events = POLLIN};
	unsigned before = scene->reconnected;
	while (poll(&poller, 1, 0) == 0)
		cr_assert_eq(mural_wait(scene->mural, 60000), 0);
	fake_accept(&scene->fake);
	scene_until(scene, &scene->reconnected, before + 1);
}

/* Dies, with another producer listening already, and lets the consumer greet it. */
static void die_and_return(struct scene *scene)
{
	fake_die(&scene->fake, true);
	let_it_return(scene);
}

/* ---- opening ---- */

struct greeting {
	struct fake fake;
	void (*answer)(struct fake *fake);
};

static void *answer_greeting(void *user)
{
	struct greeting *greeting = user;
	fake_accept_silently(&greeting->fake);
	greeting->answer(&greeting->fake);
	return NULL;
}

/* What mural_open says when its HELLO is answered like this. */
static int open_against(void (*answer)(struct fake *fake))
{
	struct greeting greeting = {.answer = answer};
	struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	struct mural *mural = NULL;
	pthread_t thread;
	fake_init(&greeting.fake);
	int descriptors = count_descriptors();
	pthread_create(&thread, NULL, answer_greeting, &greeting);
	int r = mural_open(&options, &mural);
	pthread_join(thread, NULL);
	if (r == 0)
		mural_close(mural);
	else
		cr_assert_null(mural);
	fake_die(&greeting.fake, true);
	cr_assert_eq(count_descriptors(), descriptors, "a descriptor was left open");
	cr_assert_eq(count_mappings(), 0, "a mapping was left");
	fake_fini(&greeting.fake);
	return r;
}

static void say_farewell(struct fake *fake, int error)
{
	struct protocol_farewell farewell = {.head = {.type = PROTOCOL_FAREWELL}, .error = error};
	fake_send(fake, &farewell, NULL, 0);
}

static void refuse_version(struct fake *fake)
{
	say_farewell(fake, -EPROTONOSUPPORT);
}

static void refuse_user(struct fake *fake)
{
	say_farewell(fake, -EACCES);
}

static void refuse_nonsense(struct fake *fake)
{
	say_farewell(fake, 17);
}

static void greet_in_another_version(struct fake *fake)
{
	fake->version = PROTOCOL_VERSION + 1;
	fake_greet(fake);
}

static void greet_without_requests(struct fake *fake)
{
	fake->requests_max = 0;
	fake_greet(fake);
}

static void say_garbage(struct fake *fake)
{
	send(fake->peer, "garbage", 7, 0);
}

static void answer_before_welcome(struct fake *fake)
{
	fake_send_failed(fake, 1, -EIO, MURAL_REASON_SOURCE, "");
}

static void welcome_with(struct fake *fake, int table_fd, int pins_fd)
{
	struct protocol_welcome welcome = {
		.head = {.type = PROTOCOL_WELCOME},
		.version = PROTOCOL_VERSION,
		.instance = fake->instance,
		.requests_max = 1,
	};
	fake_send(fake, &welcome, (int[]){table_fd, pins_fd}, 2);
	close(table_fd);
	close(pins_fd);
}

static void greet_with_unsealed_tables(struct fake *fake)
{
	int fd = memfd_create("unsealed", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(fd, sizeof(struct board_pins)), 0);
	welcome_with(fake, fd, dup(fd));
}

static void greet_with_short_tables(struct fake *fake)
{
	int fd = shared_file_create("short", 4096);
	welcome_with(fake, fd, dup(fd));
}

static void greet_with_empty_tables(struct fake *fake)
{
	int fd = shared_file_create("empty", sizeof(struct board_pins));
	welcome_with(fake, fd, dup(fd));
}

/* Only the second table is wrong: the first must not stay mapped. */
static void greet_with_a_file_for_a_board(struct fake *fake)
{
	struct board_table *table = NULL;
	int fd = -1;
	cr_assert_eq(board_create_table(&fake->instance, &fd, &table), 0);
	welcome_with(fake, fd, open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	board_unmap_table(table);
}

static void greet(struct fake *fake)
{
	fake_greet(fake);
}

Test(open, succeeds_and_leaves_nothing_behind)
{
	cr_assert_eq(open_against(greet), 0);
}

Test(open, passes_on_why_it_was_refused)
{
	cr_assert_eq(open_against(refuse_version), -EPROTONOSUPPORT);
	cr_assert_eq(open_against(refuse_user), -EACCES);
	cr_assert_eq(open_against(refuse_nonsense), -EPROTO);
}

Test(open, does_not_believe_a_wrong_greeting)
{
	cr_assert_eq(open_against(greet_in_another_version), -EPROTONOSUPPORT);
	cr_assert_eq(open_against(greet_without_requests), -EPROTO);
	cr_assert_eq(open_against(say_garbage), -EPROTO);
	cr_assert_eq(open_against(answer_before_welcome), -EPROTO);
	cr_assert_eq(open_against(greet_with_unsealed_tables), -EPERM);
	cr_assert_eq(open_against(greet_with_short_tables), -EBADMSG);
	cr_assert_eq(open_against(greet_with_empty_tables), -EBADMSG);
	cr_assert_eq(open_against(greet_with_a_file_for_a_board), -EPERM);
}

Test(open, fails_when_nobody_listens)
{
	struct fake fake;
	struct mural *mural = NULL;
	struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	fake_init(&fake);
	fake_die(&fake, false);
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED, "a socket is left there");
	unlink(fake.path);
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED, "nothing is there");
	cr_assert_null(mural);
	fake_fini(&fake);
}

static void *die_during_greetings(void *user)
{
	struct fake *fake = user;
	for (int i = 0; i < 3; i++) {
		fake_accept_silently(fake);
		fake_die(fake, true);
	}
	return NULL;
}

Test(open, gives_up_on_a_producer_that_always_dies)
{
	struct fake fake;
	struct mural *mural = NULL;
	struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	pthread_t thread;
	fake_init(&fake);
	pthread_create(&thread, NULL, die_during_greetings, &fake);
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED);
	pthread_join(thread, NULL);
	fake_fini(&fake);
}

Test(open, refuses_unknown_flags_and_long_paths)
{
	char path[200];
	struct mural *mural = NULL;
	struct mural_options options = {.flags = 1 << 7};
	cr_assert_eq(mural_open(&options, &mural), -EINVAL);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	options = (struct mural_options){.socket = path};
	cr_assert_eq(mural_open(&options, &mural), -ENAMETOOLONG);
	cr_assert_null(mural);
}

Test(open, says_who_it_is)
{
	struct fake fake;
	struct mural *mural = NULL;
	struct mural_options options = {.name = "a name that is much longer than thirty-one bytes"};
	fake_init(&fake);
	cr_assert_eq(fake_open(&fake, &options, &mural), 0);
	cr_assert_str_eq(fake.hello.name, "a name that is much longer than");
	cr_assert_eq(fake.hello.magic, PROTOCOL_MAGIC);
	cr_assert_eq(fake.hello.version, PROTOCOL_VERSION);
	cr_assert_eq(fake.hello.flags, 0);
	mural_close(mural);
	fake_fini(&fake);
}

/* ---- a producer dies ---- */

Test(death, the_descriptor_stays_the_same_and_the_program_is_told)
{
	struct scene scene;
	scene_init(&scene);
	int fd = mural_fd(scene.mural);
	die_and_return(&scene);
	cr_assert_eq(mural_fd(scene.mural), fd);
	cr_assert_eq(scene.lost, 0);
	scene_fini(&scene);
}

Test(death, what_is_pinned_stays_readable_and_is_unpinned_where_it_was_counted)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	die_and_return(&scene);
	cr_assert_eq(*(const uint8_t *)view.pixels, fill);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), -EBUSY);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 0, "the new board was touched");
	scene_dispatch(&scene);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL);
	scene_fini(&scene);
}

Test(death, what_is_not_pinned_is_purged_after_the_reconnection)
{
	struct scene scene;
	scene_init(&scene);
	fake_die(&scene.fake, true);
	cr_assert_eq(pin(scene.bitmap), 0, "nobody can purge it meanwhile");
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	cr_assert_eq(pin(scene.bitmap), 0, "nobody can purge it meanwhile");
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	fake_accept(&scene.fake);
	scene_until(&scene, &scene.reconnected, 1);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	scene_fini(&scene);
}

Test(death, pressure_ends_with_the_producer_that_told_of_it)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_pressure pressure = {
		.head = {.type = PROTOCOL_PRESSURE}, .level = MURAL_PRESSURE_MODERATE};
	fake_send(&scene.fake, &pressure, NULL, 0);
	scene_until(&scene, &scene.pressure, 1);
	die_and_return(&scene);
	scene_until(&scene, &scene.pressure, 2);
	cr_expect_eq(scene.value, MURAL_PRESSURE_NONE);
	die_and_return(&scene);
	scene_dispatch(&scene);
	cr_expect_eq(scene.pressure, 2, "there was none to end");
	scene_fini(&scene);
}

Test(death, what_was_idle_is_purged_at_once)
{
	struct scene scene;
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_IDLE);
	fake_die(&scene.fake, true);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	scene_fini(&scene);
}

Test(death, the_next_producer_decodes_it_again)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	die_and_return(&scene);
	fake_region_fini(&scene.region);
	scene.region = fake_region(&scene.fake, 4096, 0x33);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	struct protocol_request request = scene_request(&scene);
	cr_assert_eq(
		request.flags, PROTOCOL_EXPECT, "the new producer too must not give other pixels");
	struct protocol_ready ready =
		fake_ready(&scene.region, request.head.serial, SLOT, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), 0);
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), 0);
	cr_assert_eq(*(const uint8_t *)view.pixels, 0x33);
	cr_assert_eq(fake_pins(&scene.fake, SLOT), 1);
	scene_fini(&scene);
}

Test(death, a_producer_that_dropped_the_session_keeps_its_word_until_we_hang_up)
{
	struct scene scene;
	scene_init(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	int old_peer = scene.fake.peer;
	say_farewell(&scene.fake, -EDQUOT);
	shutdown(old_peer, SHUT_WR);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	struct fake next = scene.fake;
	next.table = NULL;
	next.pins = NULL;
	next.table_fd = next.pins_fd = -1;
	fake_accept(&next);
	scene_until(&scene, &scene.reconnected, 1);
	cr_assert_not(fake_is_abandoned(&scene.fake), "the pins on its board still count");
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), 0);
	scene_dispatch(&scene);
	cr_assert(fake_is_abandoned(&scene.fake));
	fake_die(&next, false);
	scene.fake.listener = -1;
	scene_fini(&scene);
}

Test(death, a_pin_that_was_asked_for_is_answered)
{
	struct scene scene;
	scene_init(&scene);
	board_set(scene.fake.table, SLOT, 1, BOARD_IDLE);
	cr_assert_eq(pin(scene.bitmap), -EAGAIN);
	fake_die(&scene.fake, true);
	scene_until(&scene, &scene.pinnable, 1);
	cr_assert_eq(pin(scene.bitmap), ASHMEM_WAS_PURGED);
	scene_fini(&scene);
}

Test(death, a_request_in_flight_is_sent_again_once)
{
	struct scene scene;
	enum mural_reason reason = MURAL_REASON_NONE;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	scene_request(&scene);
	die_and_return(&scene);
	scene_request(&scene);
	cr_assert_eq(scene.failed, 0);
	fake_die(&scene.fake, true);
	scene_until(&scene, &scene.failed, 1);
	cr_assert_eq(mural_bitmap_error(scene.bitmap, &reason, NULL), -ECONNRESET);
	cr_assert_eq(reason, MURAL_REASON_GONE);
	scene_fini(&scene);
}

/* Its picture has nothing to do with it, so there is no limit as after deaths. */
Test(death, a_request_whose_source_was_lost_on_the_way_is_sent_again)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	struct protocol_request message = scene_request(&scene);
	for (int i = 0; i < 5; i++) {
		uint32_t serial = message.head.serial;
		fake_send_failed(&scene.fake, serial, -EAGAIN, MURAL_REASON_MEMORY, "");
		while (fake_is_quiet(&scene.fake))
			cr_assert_eq(mural_wait(scene.mural, 60000), 0);
		message = scene_request(&scene);
		cr_assert_neq(message.head.serial, serial);
	}
	die_and_return(&scene);
	message = scene_request(&scene);
	cr_assert_eq(scene.failed, 0);
	fake_send_failed(&scene.fake, message.head.serial, -EMFILE, MURAL_REASON_MEMORY, "");
	scene_until(&scene, &scene.failed, 1);
	cr_assert_eq(mural_bitmap_error(scene.bitmap, NULL, NULL), -EMFILE);
	scene_fini(&scene);
}

/* Nobody was told, when he asked, that it would be so few. */
Test(death, a_producer_that_takes_fewer_at_a_time_gets_the_rest_later)
{
	struct scene scene;
	enum { MANY = 5, FEW = 2 };
	struct mural_bitmap *bitmaps[MANY];
	scene_connect(&scene);
	for (int i = 0; i < MANY; i++)
		bitmaps[i] = scene_ask(&scene);
	for (int i = 0; i < MANY; i++)
		scene_request(&scene);
	scene.fake.requests_max = FEW;
	die_and_return(&scene);
	struct protocol_request first = scene_request(&scene), next = scene_request(&scene);
	for (int i = FEW; i < MANY; i++) {
		cr_assert(fake_is_quiet(&scene.fake));
		fake_send_failed(&scene.fake, first.head.serial, -EIO, MURAL_REASON_SOURCE, "");
		scene_until(&scene, &scene.failed, (unsigned)i - FEW + 1);
		first = next;
		next = scene_request(&scene);
	}
	for (int i = 0; i < MANY; i++)
		mural_bitmap_unref(bitmaps[i]);
	scene_fini(&scene);
}

Test(death, a_request_of_a_path_that_has_gone_fails_when_it_is_sent_again)
{
	struct scene scene;
	char path[100];
	scene_connect(&scene);
	snprintf(path, sizeof(path), "%s/a.jpg", scene.fake.folder);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	struct mural_request wanted = {.path = path};
	cr_assert_eq(mural_request(scene.mural, &wanted, &scene.bitmap), 0);
	scene_request(&scene);
	unlink(path);
	die_and_return(&scene);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ENOENT);
	scene_fini(&scene);
}

Test(death, requests_made_meanwhile_go_to_the_next_producer)
{
	struct scene scene;
	struct mural_request prefetch = {.path = "/proc/self/exe"};
	scene_connect(&scene);
	fake_die(&scene.fake, true);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	scene.bitmap = scene_ask(&scene);
	cr_assert_eq(mural_bitmap_set_priority(scene.bitmap, MURAL_PRIORITY_VISIBLE), 0);
	cr_assert_eq(
		mural_prefetch(scene.mural, &prefetch, NULL), -ECONNRESET, "a guess is not kept");
	fake_accept(&scene.fake);
	scene_until(&scene, &scene.reconnected, 1);
	cr_assert_eq(scene_request(&scene).priority, MURAL_PRIORITY_VISIBLE);
	scene_fini(&scene);
}

Test(death, a_request_cancelled_meanwhile_is_not_sent)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	scene_request(&scene);
	fake_die(&scene.fake, true);
	cr_assert_eq(mural_wait(scene.mural, -1), 0);
	cr_assert_eq(mural_bitmap_cancel(scene.bitmap), 0);
	fake_accept(&scene.fake);
	scene_until(&scene, &scene.reconnected, 1);
	cr_assert_eq(scene.failed, 1);
	cr_assert(fake_is_quiet(&scene.fake));
	scene_fini(&scene);
}

Test(death, for_good_is_told_and_fails_what_waits)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	fake_die(&scene.fake, false);
	scene_until(&scene, &scene.lost, 1);
	cr_assert_eq(scene.value, -ECONNREFUSED);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ECONNRESET);
	cr_assert_eq(scene.failed, 1);
	scene_fini(&scene);
}

Test(death, after_giving_up_a_request_tries_again)
{
	struct scene scene;
	scene_connect(&scene);
	fake_die(&scene.fake, false);
	scene_until(&scene, &scene.lost, 1);
	scene.bitmap = scene_ask(&scene);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), -ECONNRESET, "still nobody");
	cr_assert_eq(scene.lost, 2);
	fake_listen(&scene.fake);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
	let_it_return(&scene);
	scene_request(&scene);
	scene_fini(&scene);
}

Test(death, again_and_again_ends_in_giving_up)
{
	struct scene scene;
	unsigned sessions = 0;
	scene_connect(&scene);
	fake_die(&scene.fake, true);
	while (scene.lost == 0) {
		struct pollfd poller = {.fd = scene.fake.listener, .events = POLLIN};
		if (poll(&poller, 1, 0) == 1) {
			fake_accept(&scene.fake);
			fake_die(&scene.fake, true);
			sessions++;
		}
		cr_assert_eq(mural_wait(scene.mural, 60000), 0);
	}
	cr_assert_leq(sessions, 6, "a program that kills its producers must not spin");
	cr_assert_geq(sessions, 2);
	scene_fini(&scene);
}

Test(death, many_leave_nothing_behind)
{
	struct scene scene;
	scene_connect(&scene);
	scene.bitmap = scene_ask(&scene);
	scene_request(&scene);
	int descriptors = 0, mappings = 0;
	for (int i = 0; i < 5; i++) {
		die_and_return(&scene);
		struct fake_region region = fake_region(&scene.fake, 4096, 0);
		if (i > 0)
			cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), 0);
		struct protocol_ready ready = fake_ready(
			&region, scene_request(&scene).head.serial, SLOT, 1, WIDTH, HEIGHT);
		fake_send_ready(&scene.fake, &ready);
		cr_assert_eq(mural_bitmap_wait(scene.bitmap, -1), 0);
		fake_region_fini(&region);
		if (i == 0)
			descriptors = count_descriptors();
		if (i == 3) /* hulls that rest: from now on there is one for the next session */
			mappings = count_mappings();
	}
	cr_assert_eq(count_descriptors(), descriptors);
	cr_assert_eq(count_mappings(), mappings);
	scene_fini(&scene);
}

/* ---- a producer lies ---- */

/* The session ends, and nothing that was pinned is harmed. */
static void expect_the_session_to_end(struct scene *scene, const char *why)
{
	struct mural_view view;
	cr_assert_eq(mural_bitmap_pin(scene->bitmap, &view), 0);
	cr_assert_eq(mural_wait(scene->mural, 60000), 0);
	scene_dispatch(scene);
	struct pollfd poller = {.fd = scene->fake.listener, .events = POLLIN};
	cr_assert_eq(poll(&poller, 1, 60000), 1, "%s: the session goes on", why);
	cr_assert_eq(*(const uint8_t *)view.pixels, fill);
}

/* Sends a READY that @spoil has made wrong, for a second bitmap. */
static void lie_about_a_bitmap(const char *why, void (*spoil)(struct protocol_ready *ready))
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = scene_ask(&scene);
	struct protocol_ready ready = fake_ready(
		&scene.region, scene_request(&scene).head.serial, SLOT + 1, 1, WIDTH, HEIGHT);
	spoil(&ready);
	fake_send(&scene.fake, &ready, NULL, 0);
	expect_the_session_to_end(&scene, why);
	mural_bitmap_unref(second);
	scene_fini(&scene);
}

static void spoil_slot(struct protocol_ready *ready)
{
	ready->slot = BOARD_SLOTS;
}
static void spoil_region(struct protocol_ready *ready)
{
	ready->region = 99;
}
static void spoil_offset(struct protocol_ready *ready)
{
	ready->offset = 4096 - WIDTH * HEIGHT * 4 + 4;
}
static void wrap_offset(struct protocol_ready *ready)
{
	ready->offset = UINT64_MAX - 3;
}
static void misalign_offset(struct protocol_ready *ready)
{
	ready->offset = 2;
}
static void spoil_stride(struct protocol_ready *ready)
{
	ready->stride_bytes += 4;
}
static void spoil_format(struct protocol_ready *ready)
{
	ready->format = 77;
}
static void give_another_format(struct protocol_ready *ready)
{
	ready->format = MURAL_FORMAT_ARGB8888;
}
static void spoil_width(struct protocol_ready *ready)
{
	ready->width = 0;
}
static void enlarge(struct protocol_ready *ready)
{
	ready->width = 1024;
	ready->stride_bytes = 4096;
}
static void spoil_generation(struct protocol_ready *ready)
{
	ready->generation = 0;
}
static void spoil_flags(struct protocol_ready *ready)
{
	ready->flags = 1 << 9;
}

Test(lie, about_a_bitmap_ends_the_session)
{
	lie_about_a_bitmap("slot", spoil_slot);
	lie_about_a_bitmap("region", spoil_region);
	lie_about_a_bitmap("offset", spoil_offset);
	lie_about_a_bitmap("offset that wraps", wrap_offset);
	lie_about_a_bitmap("offset between pixels", misalign_offset);
	lie_about_a_bitmap("stride", spoil_stride);
	lie_about_a_bitmap("format", spoil_format);
	lie_about_a_bitmap("another format", give_another_format);
	lie_about_a_bitmap("width", spoil_width);
	lie_about_a_bitmap("larger than the region", enlarge);
	lie_about_a_bitmap("generation", spoil_generation);
	lie_about_a_bitmap("flags", spoil_flags);
}

/* The region is as it should be, the bitmap in it is not. */
Test(lie, about_a_bitmap_handed_over_with_its_region_ends_the_session)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = scene_ask(&scene);
	struct fake_region region = fake_region(&scene.fake, 4096, 0);
	struct protocol_ready ready =
		fake_ready(&region, scene_request(&scene).head.serial, SLOT + 1, 1, WIDTH, HEIGHT);
	int descriptors = count_descriptors();
	enlarge(&ready);
	fake_send_ready(&scene.fake, &ready);
	expect_the_session_to_end(&scene, "larger than its region");
	cr_assert_leq(count_descriptors(), descriptors + 1, "the region's was left open");
	mural_bitmap_unref(second);
	fake_region_fini(&region);
	scene_fini(&scene);
}

static void send_region(struct fake *fake, uint64_t id, uint64_t size, int fd)
{
	const struct fake_region region = {.id = id, .size = size};
	struct protocol_ready ready = fake_ready(&region, 0, SLOT + 1, 1, WIDTH, HEIGHT);
	struct protocol_handover handover = fake_handover(&region, &ready);
	fake_send(fake, &handover, &fd, 1);
	close(fd);
}

Test(lie, about_a_region_ends_the_session)
{
	struct scene scene;
	scene_init(&scene);
	int unsealed = memfd_create("unsealed", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(unsealed, 4096), 0);
	send_region(&scene.fake, 50, 4096, unsealed);
	expect_the_session_to_end(&scene, "unsealed");
	scene_fini(&scene);

	scene_init(&scene);
	send_region(&scene.fake, 50, 8192, shared_file_create("short", 4096));
	expect_the_session_to_end(&scene, "shorter than it says");
	scene_fini(&scene);

	scene_init(&scene);
	send_region(&scene.fake, 50, 0, shared_file_create("empty", 4096));
	expect_the_session_to_end(&scene, "empty");
	scene_fini(&scene);

	scene_init(&scene);
	send_region(&scene.fake, scene.region.id, 4096, shared_file_create("twice", 4096));
	expect_the_session_to_end(&scene, "the same twice");
	scene_fini(&scene);

	scene_init(&scene);
	send_region(&scene.fake, 50, 4096, open("/dev/zero", O_RDONLY | O_CLOEXEC));
	expect_the_session_to_end(&scene, "another device");
	scene_fini(&scene);

	scene_init(&scene);
	struct fake_region unknown = {.id = 50};
	fake_region_gone(&scene.fake, &unknown);
	expect_the_session_to_end(&scene, "unknown");
	scene_fini(&scene);
}

static void garble(const char *why, const void *bytes, size_t size, int fd)
{
	struct scene scene;
	scene_init(&scene);
	int descriptors = count_descriptors();
	cr_assert_eq(message_send(scene.fake.peer, bytes, size, &fd, fd >= 0), 0);
	expect_the_session_to_end(&scene, why);
	cr_assert_leq(count_descriptors(), descriptors + 1, "%s: a descriptor was left open", why);
	scene_fini(&scene);
}

Test(lie, garbage_ends_the_session)
{
	static unsigned char large[MESSAGE_BYTES_MAX];
	uint32_t unknown[2] = {1000, 0};
	struct protocol_hello hello = {.head = {.type = PROTOCOL_HELLO}};
	struct protocol_ready ready = {.head = {.type = PROTOCOL_READY}};
	struct protocol_handover handover = {
		.ready.head = {.type = PROTOCOL_HANDOVER}, .region_size = 4096};
	struct protocol_welcome welcome = {
		.head = {.type = PROTOCOL_WELCOME}, .version = PROTOCOL_VERSION};
	struct protocol_failed failed = {.head = {.type = PROTOCOL_FAILED}, .error = 5};
	struct protocol_failed reason = {
		.head = {.type = PROTOCOL_FAILED}, .error = -5, .reason = 1000};
	struct protocol_pin_answer slot = {
		.head = {.type = PROTOCOL_PIN_ANSWER}, .slot = BOARD_SLOTS};
	struct protocol_pin_answer result = {.head = {.type = PROTOCOL_PIN_ANSWER}, .result = 2};
	struct protocol_pressure pressure = {.head = {.type = PROTOCOL_PRESSURE}, .level = 3};
	garble("one byte", "x", 1, -1);
	garble("unknown type", unknown, sizeof(unknown), -1);
	garble("too large", large, sizeof(large), -1);
	garble("a consumer's message", &hello, sizeof(hello), -1);
	garble("cut short", &ready, sizeof(ready) - 8, -1);
	garble("a descriptor too many", &ready, sizeof(ready), STDIN_FILENO);
	garble("no descriptor", &handover, sizeof(handover), -1);
	garble("a welcome without tables", &welcome, sizeof(welcome), -1);
	garble("failed without an error", &failed, sizeof(failed), -1);
	garble("failed for no known reason", &reason, sizeof(reason), -1);
	garble("a pin of no slot", &slot, sizeof(slot), -1);
	garble("a pin that is neither", &result, sizeof(result), -1);
	garble("pressure of no level", &pressure, sizeof(pressure), -1);
}

Test(lie, a_second_welcome_ends_the_session)
{
	struct scene scene;
	scene_init(&scene);
	fake_greet(&scene.fake);
	expect_the_session_to_end(&scene, "a second welcome");
	scene_fini(&scene);
}

Test(lie, about_an_unknown_request_is_only_checked)
{
	struct scene scene;
	scene_init(&scene);
	struct protocol_ready ready = fake_ready(&scene.region, 4711, SLOT + 1, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	fake_send_failed(&scene.fake, 4711, -EIO, MURAL_REASON_SOURCE, "");
	scene_dispatch(&scene);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT + 1);
	scene_fini(&scene);
}

Test(limits, a_region_whose_descriptor_was_lost_ends_the_session)
{
	struct scene scene;
	struct rlimit before, none;
	scene_init(&scene);
	struct fake_region region = fake_region(&scene.fake, 4096, 0);
	struct protocol_ready ready = fake_ready(&region, 0, SLOT + 1, 1, WIDTH, HEIGHT);
	fake_send_ready(&scene.fake, &ready);
	getrlimit(RLIMIT_NOFILE, &before);
	int next_free = dup(0);
	close(next_free);
	none = (struct rlimit){(rlim_t)next_free, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	int r = mural_dispatch(scene.mural);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(r, 0);
	let_it_return(&scene);
	fake_region_fini(&region);
	scene_fini(&scene);
}

Test(limits, a_region_that_cannot_be_mapped_fails_its_bitmap_only)
{
	struct scene scene;
	struct rlimit before, tight;
	scene_init(&scene);
	scene.ready = 0;
	struct mural_bitmap *second = scene_ask(&scene);
	uint32_t serial = scene_request(&scene).head.serial;
	struct fake_region region = {
		.id = 50, .size = SIZE_MAX > UINT32_MAX ? UINT64_C(1) << 46 : UINT64_C(3) << 30};
	int fd = shared_file_create("immense", (size_t)region.size);
	struct protocol_ready ready = fake_ready(&region, serial, SLOT + 1, 1, WIDTH, HEIGHT);
	struct protocol_handover handover = fake_handover(&region, &ready);
	fake_send(&scene.fake, &handover, &fd, 1);
	close(fd);
	getrlimit(RLIMIT_AS, &before);
	tight = (struct rlimit){(rlim_t)1 << 45, before.rlim_max};
	setrlimit(RLIMIT_AS, &tight);
	int r = mural_bitmap_wait(second, -1);
	setrlimit(RLIMIT_AS, &before);
	cr_assert_eq(r, -ENOMEM);
	cr_assert_eq(fake_receive(&scene.fake, PROTOCOL_RELEASE, NULL).slot.slot, SLOT + 1);
	cr_assert_eq(pin(scene.bitmap), 0);
	mural_bitmap_unref(second);
	scene_fini(&scene);
}

/* ---- a producer is slow ---- */

Test(slow, a_producer_that_does_not_read_gets_all_of_it_later_in_order)
{
	enum { COUNT = 400 };
	static struct mural_bitmap *bitmaps[COUNT];
	struct scene scene = {0};
	int small = 1;
	fake_init(&scene.fake);
	scene.region.fd = -1;
	scene.fake.requests_max = COUNT;
	scene.mural = fake_connect(&scene.fake);
	int descriptors = count_descriptors();
	setsockopt(scene.fake.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (int i = 0; i < COUNT; i++) {
		struct mural_request wanted = {
			.path = "/proc/self/exe", .box_width = (uint32_t)i + 1};
		if (i ==
			COUNT - 1) { /* there is room for the last one, but others wait before it */
			cr_assert_gt(count_descriptors(), descriptors, "nothing had to wait");
			for (uint32_t first = 1; first <= 50; first++)
				cr_assert_eq(scene_request(&scene).box_width, first);
		}
		cr_assert_eq(mural_request(scene.mural, &wanted, &bitmaps[i]), 0);
	}
	for (int i = 50; i < COUNT; i++) {
		cr_assert_eq(scene_request(&scene).box_width, (uint32_t)i + 1);
		cr_assert_eq(mural_dispatch(scene.mural), 0);
	}
	cr_assert_eq(count_descriptors(), descriptors);
	cr_assert_eq(mural_wait(scene.mural, 0), 1, "the socket is watched for room no longer");
	for (int i = 0; i < COUNT; i++)
		mural_bitmap_unref(bitmaps[i]);
	scene_fini(&scene);
}

Test(slow, what_waits_is_closed_with_the_connection)
{
	enum { COUNT = 400 };
	static struct mural_bitmap *bitmaps[COUNT];
	struct scene scene = {0};
	fake_init(&scene.fake);
	scene.region.fd = -1;
	scene.fake.requests_max = COUNT;
	int descriptors = count_descriptors();
	scene.mural = fake_connect(&scene.fake);
	for (int i = 0; i < COUNT; i++) {
		struct mural_request wanted = {.path = "/proc/self/exe"};
		cr_assert_eq(mural_request(scene.mural, &wanted, &bitmaps[i]), 0);
	}
	mural_close(scene.mural);
	scene.mural = NULL;
	for (int i = 0; i < COUNT; i++)
		mural_bitmap_unref(bitmaps[i]);
	fake_die(&scene.fake, true);
	cr_assert_eq(count_descriptors(), descriptors);
	scene_fini(&scene);
}

/* ---- the end ---- */

Test(close, makes_bitmaps_dead)
{
	struct scene scene;
	struct mural_view view;
	scene_init(&scene);
	struct mural_bitmap *pending = scene_ask(&scene);
	cr_assert_eq(pin(scene.bitmap), 0);
	mural_close(scene.mural);
	scene.mural = NULL;
	cr_assert_eq(mural_bitmap_pin(scene.bitmap, &view), -ESHUTDOWN);
	cr_assert_eq(mural_bitmap_unpin(scene.bitmap), -EINVAL);
	cr_assert_eq(mural_bitmap_wait(scene.bitmap, 0), -ESHUTDOWN);
	cr_assert_eq(mural_bitmap_pin_wait(pending, 0, &view), -ESHUTDOWN);
	cr_assert_eq(mural_bitmap_redecode(scene.bitmap, 0), -ESHUTDOWN);
	cr_assert_eq(mural_bitmap_info(scene.bitmap, &view), -ESHUTDOWN);
	cr_assert_eq(mural_bitmap_cancel(pending), 0);
	cr_assert_eq(mural_bitmap_set_visible(scene.bitmap, 1), 0);
	while (!fake_is_abandoned(&scene.fake)) {
		char message[MESSAGE_BYTES_MAX];
		cr_assert_gt(recv(scene.fake.peer, message, sizeof(message), 0), 0);
	}
	mural_bitmap_unref(pending);
	scene_fini(&scene);
}

Test(close, leaves_nothing_behind)
{
	struct scene scene;
	scene_init(&scene);
	struct mural_bitmap *second = scene_ask(&scene);
	struct mural_request prefetch = {.path = "/proc/self/exe"};
	cr_assert_eq(mural_prefetch(scene.mural, &prefetch, NULL), 0);
	cr_assert_eq(pin(scene.bitmap), 0);
	cr_assert_eq(mural_bitmap_cancel(second), 0);
	mural_close(scene.mural);
	scene.mural = NULL;
	mural_bitmap_unref(scene.bitmap);
	mural_bitmap_unref(second);
	scene.bitmap = NULL;
	fake_die(&scene.fake, false);
	fake_region_fini(&scene.region);
	scene.region.fd = -1;
	cr_assert_eq(count_mappings(), 0);
	scene_fini(&scene);
	mural_close(NULL);
	mural_bitmap_unref(NULL);
}
