/* libmural and the real producer: started when needed, shared, purged, killed, and found again. */
#include "common/util.h"
#include "support/process.h"

#include <criterion/criterion.h>
#include <mural/mural.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PICTURE "assets/formats/jpeg-420.jpg"

static char *folder;
static struct mural *mural;
static unsigned reconnected, lost;

static void on_event(struct mural *connection, enum mural_event event, int value, void *user)
{
	(void)connection;
	(void)value;
	(void)user;
	reconnected += event == MURAL_EVENT_RECONNECTED;
	lost += event == MURAL_EVENT_LOST;
}

static struct mural *open_with(unsigned flags)
{
	static const char *const args[] = {
		"--budget", "64M", "--idle-ms", "20", "--workers", "2", NULL};
	struct mural_options options = {
		.flags = flags, .producer_args = args, .on_event = on_event};
	struct mural *opened = NULL;
	cr_assert_eq(mural_open(&options, &opened), 0);
	return opened;
}

static pid_t producer_of(struct mural *connection)
{
	struct mural_stats stats;
	cr_assert_eq(mural_stat(connection, TEST_TIMEOUT_MS, &stats), 0);
	return stats.pid;
}

static void end_process(pid_t pid, int signal)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	cr_assert_geq(pidfd, 0);
	kill(pid, signal);
	cr_assert_eq(poll(&gone, 1, TEST_TIMEOUT_MS), 1, "the producer does not end");
	close(pidfd);
}

static void start(void)
{
	folder = test_folder_create();
	mural = open_with(0);
}

static void stop(void)
{
	pid_t pid = producer_of(mural);
	mural_close(mural);
	end_process(pid, SIGTERM);
	test_folder_remove(folder);
}

TestSuite(shared, .init = start, .fini = stop, .timeout = 120);
TestSuite(starting, .timeout = 120);

/* ---- bitmaps ---- */

static struct mural_bitmap *ask(struct mural *connection, const char *name)
{
	struct mural_bitmap *bitmap = NULL;
	struct mural_request request = {
		.path = test_source_path(name), .priority = MURAL_PRIORITY_VISIBLE};
	cr_assert_eq(mural_request(connection, &request, &bitmap), 0);
	return bitmap;
}

static struct mural_bitmap *get(struct mural *connection, const char *name)
{
	struct mural_bitmap *bitmap = ask(connection, name);
	cr_assert_eq(mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS), 0);
	return bitmap;
}

/* A copy of the pixels, which are pinned for that; NULL: purged. The caller frees it. */
static unsigned char *copy_pixels(struct mural_bitmap *bitmap, size_t *ret_size)
{
	struct mural_view view;
	int r = mural_bitmap_pin_wait(bitmap, TEST_TIMEOUT_MS, &view);
	cr_assert(r == ASHMEM_NOT_PURGED || r == ASHMEM_WAS_PURGED, "pin: %d", r);
	if (r == ASHMEM_WAS_PURGED)
		return NULL;
	*ret_size = (size_t)view.stride_bytes * view.height;
	unsigned char *copy = malloc(*ret_size);
	memcpy(copy, view.pixels, *ret_size);
	cr_assert_eq(mural_bitmap_unpin(bitmap), 0);
	return copy;
}

/* Until the pool has really thrown it away: what was pinned a moment ago may be left out of a
 * purge. */
static void purge(struct mural_bitmap *bitmap)
{
	unsigned char *copy;
	size_t size;
	cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
	while ((copy = copy_pixels(bitmap, &size))) {
		free(copy);
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
	}
}

static void decode_again(struct mural_bitmap *bitmap)
{
	cr_assert_eq(mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE), 0);
	cr_assert_eq(mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS), 0);
}

static void dispatch_until(const unsigned *counter, unsigned value)
{
	while (*counter < value)
		cr_assert_eq(mural_wait(mural, TEST_TIMEOUT_MS), 0);
}

/* ---- how many ---- */

Test(starting, one_program_can_not_have_all_connections)
{
	const struct rlimit few = {
		.rlim_cur = 240, .rlim_max = 240}; /* 40, and 20 of one program */
	enum { MOST = 20 };
	struct mural *opened[MOST], *more = NULL;
	struct mural_options options = {.flags = MURAL_OPEN_NO_START};
	struct test_process producer;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	folder = test_folder_create();
	test_producer_start(&producer, folder, NULL);
	for (unsigned i = 0; i < MOST; i++)
		cr_assert_eq(mural_open(&options, &opened[i]), 0, "%u", i);
	for (unsigned i = 0; i < 2 * MOST; i++) /* those that are refused hold nothing */
		cr_assert_eq(mural_open(&options, &more), -EDQUOT);
	cr_expect_str_neq(mural_open_error_text(-EDQUOT), strerror(EDQUOT), "of disks");
	mural_close(opened[0]);
	int r;
	while ((r = mural_open(&options, &more)) == -EDQUOT)
		; /* it has not seen yet that one has gone */
	cr_expect_eq(r, 0);
	mural_close(more);
	for (unsigned i = 1; i < MOST; i++)
		mural_close(opened[i]);
	test_process_fini(&producer);
	test_folder_remove(folder);
}

/* ---- starting ---- */

Test(starting, two_programs_share_one_producer_that_is_nobodys_child)
{
	folder = test_folder_create();
	struct mural *first = open_with(0);
	struct mural *second = open_with(0);
	pid_t pid = producer_of(first);
	cr_assert_eq(producer_of(second), pid);
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1, "it is our child");
	mural_close(first);
	cr_assert_eq(producer_of(second), pid, "it goes on without the program that started it");
	mural_close(second);
	end_process(pid, SIGTERM);
	CLEANUP(free_p) char *socket = test_path(folder, "socket");
	cr_assert_eq(access(socket, F_OK), -1, "it has left its socket behind");
	test_folder_remove(folder);
}

Test(starting, a_private_producer_is_not_shared_and_ends_with_its_connection)
{
	folder = test_folder_create();
	struct mural *first = open_with(MURAL_OPEN_PRIVATE);
	struct mural *second = open_with(MURAL_OPEN_PRIVATE);
	pid_t pid = producer_of(first);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	cr_assert_neq(producer_of(second), pid);
	struct mural_bitmap *bitmap = get(first, PICTURE);
	mural_bitmap_unref(bitmap);
	mural_close(first);
	cr_assert_eq(poll(&gone, 1, TEST_TIMEOUT_MS), 1, "it goes on");
	close(pidfd);
	mural_close(second);
	test_folder_remove(folder);
}

Test(starting, many_at_once_start_one)
{
	enum { COUNT = 6 };
	int pipe_ends[2];
	pid_t pids[COUNT];
	folder = test_folder_create();
	cr_assert_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	for (int i = 0; i < COUNT; i++) {
		if (fork() != 0)
			continue;
		struct mural *mine = open_with(0);
		pid_t pid = producer_of(mine);
		_exit(write(pipe_ends[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	for (int i = 0; i < COUNT; i++) {
		cr_assert_eq(read(pipe_ends[0], &pids[i], sizeof(pid_t)), sizeof(pid_t));
		cr_assert_eq(pids[i], pids[0], "two producers were started");
	}
	while (wait(NULL) > 0)
		;
	end_process(pids[0], SIGTERM);
	test_folder_remove(folder);
}

/* ---- sharing ---- */

Test(shared, equal_requests_share_one_decode_and_are_given_back_one_by_one)
{
	enum { COUNT = 10 };
	struct mural_bitmap *bitmaps[COUNT];
	struct mural_stats stats;
	for (int i = 0; i < COUNT; i++)
		bitmaps[i] = ask(mural, PICTURE);
	for (int i = 0; i < COUNT; i++)
		cr_assert_eq(mural_bitmap_wait(bitmaps[i], TEST_TIMEOUT_MS), 0);
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	cr_assert_eq(stats.decodes, 1);
	for (int i = 0; i < COUNT; i++) {
		struct mural_view view;
		cr_assert_eq(mural_bitmap_pin_wait(bitmaps[i], TEST_TIMEOUT_MS, &view),
			ASHMEM_NOT_PURGED);
		mural_bitmap_unref(bitmaps[i]);
	}
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	cr_assert_eq(reconnected, 0, "the producer dropped the session");
	cr_assert_eq(stats.pinned_bitmaps, 0, "a pin was left behind");
}

Test(shared, what_is_idle_comes_back_unharmed)
{
	struct mural_stats stats = {0};
	struct mural_bitmap *bitmap = get(mural, PICTURE);
	size_t size = 0, again_size = 0;
	CLEANUP(free_p) unsigned char *pixels = copy_pixels(bitmap, &size);
	while (stats.idle_bitmaps == 0)
		cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	CLEANUP(free_p) unsigned char *again = copy_pixels(bitmap, &again_size);
	cr_assert_not_null(again);
	cr_assert_eq(again_size, size);
	cr_assert_eq(memcmp(pixels, again, size), 0);
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	cr_assert_geq(stats.pins_revived, 1);
	mural_bitmap_unref(bitmap);
}

Test(shared, what_was_purged_is_decoded_to_the_same_bytes)
{
	struct mural_view before, after;
	struct mural_bitmap *bitmap = get(mural, PICTURE);
	size_t size = 0, again_size = 0;
	CLEANUP(free_p) unsigned char *pixels = copy_pixels(bitmap, &size);
	cr_assert_eq(mural_bitmap_info(bitmap, &before), 0);
	purge(bitmap);
	decode_again(bitmap);
	CLEANUP(free_p) unsigned char *again = copy_pixels(bitmap, &again_size);
	cr_assert_not_null(again);
	cr_assert_eq(mural_bitmap_info(bitmap, &after), 0);
	cr_assert_neq(before.generation, after.generation);
	cr_assert_eq(again_size, size);
	cr_assert_eq(memcmp(pixels, again, size), 0);
	mural_bitmap_unref(bitmap);
}

Test(shared, purge_is_told_to_every_holder)
{
	struct mural *other = open_with(0);
	struct mural_bitmap *mine = get(mural, PICTURE);
	struct mural_bitmap *its = get(other, PICTURE);
	struct mural_view view;
	purge(mine);
	decode_again(mine);
	cr_assert_eq(mural_bitmap_pin_wait(its, TEST_TIMEOUT_MS, &view), ASHMEM_WAS_PURGED);
	decode_again(its);
	cr_assert_eq(mural_bitmap_pin_wait(its, TEST_TIMEOUT_MS, &view), ASHMEM_NOT_PURGED);
	mural_bitmap_unref(mine);
	mural_bitmap_unref(its);
	mural_close(other);
}

Test(shared, what_is_pinned_is_not_purged)
{
	struct mural_bitmap *bitmap = get(mural, PICTURE);
	struct mural_view view;
	size_t size = 0;
	CLEANUP(free_p) unsigned char *pixels = copy_pixels(bitmap, &size);
	cr_assert_eq(mural_bitmap_pin_wait(bitmap, TEST_TIMEOUT_MS, &view), 0);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
	cr_assert_eq(memcmp(view.pixels, pixels, size), 0);
	cr_assert_eq(mural_bitmap_unpin(bitmap), 0);
	mural_bitmap_unref(bitmap);
}

/* ---- failures ---- */

static void copy_file(const char *from, const char *to)
{
	size_t size;
	CLEANUP(free_p) char *data = test_read_file(from, &size);
	test_write_file(to, data, size);
}

Test(shared, a_file_that_changed_is_stale_not_another_picture)
{
	enum mural_reason reason;
	const char *text;
	CLEANUP(free_p) char *path = test_path(folder, "a.jpg");
	copy_file(test_source_path(PICTURE), path);
	struct mural_bitmap *bitmap = NULL;
	struct mural_request request = {.path = path};
	cr_assert_eq(mural_request(mural, &request, &bitmap), 0);
	cr_assert_eq(mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS), 0);
	purge(bitmap);
	copy_file(test_source_path("assets/formats/jpeg-444.jpg"), path);
	cr_assert_eq(mural_bitmap_redecode(bitmap, 0), 0);
	cr_assert_eq(mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS), -ESTALE);
	cr_assert_eq(mural_bitmap_error(bitmap, &reason, &text), -ESTALE);
	cr_assert_eq(reason, MURAL_REASON_CHANGED);
	cr_assert_gt(strlen(text), 0);
	mural_bitmap_unref(bitmap);
}

/* Until the pool says that it does; 0: the machine is too busy with others for that. */
static bool make_it_thrash(void)
{
	enum { PICTURES = 4, ROUNDS = 400 };
	static const char *const names[PICTURES] = {"assets/pictures/spheres-rgb8.png",
		"assets/pictures/nebula-progressive-444.jpg", "assets/pictures/planet-rgba8.png",
		"assets/pictures/guilloche-palette4-interlaced.png"};
	struct mural_bitmap *bitmap[PICTURES];
	struct mural_stats stats = {0};
	for (int i = 0; i < PICTURES; i++)
		bitmap[i] = get(mural, names[i]);
	for (int round = 0; round < ROUNDS && !stats.thrashing; round++) {
		purge(bitmap[round % PICTURES]);
		decode_again(bitmap[round % PICTURES]);
		cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	}
	for (int i = 0; i < PICTURES; i++)
		mural_bitmap_unref(bitmap[i]);
	return stats.thrashing;
}

Test(shared, while_the_same_pictures_go_and_come_back_none_is_fetched_ahead)
{
	if (!make_it_thrash())
		cr_skip("decoders get too little of this machine now");
	struct mural_bitmap *ahead = NULL;
	struct mural_request request = {.path = test_source_path("assets/formats/png-rgba8.png"),
		.priority = MURAL_PRIORITY_PREFETCH};
	enum mural_reason reason;
	struct mural_stats stats;
	cr_assert_eq(mural_request(mural, &request, &ahead), 0);
	cr_assert_eq(mural_bitmap_wait(ahead, TEST_TIMEOUT_MS), -ENOSPC);
	cr_assert_eq(mural_bitmap_error(ahead, &reason, NULL), -ENOSPC);
	cr_expect_eq(reason, MURAL_REASON_THRASHING);
	mural_bitmap_unref(ahead);
	mural_bitmap_unref(get(mural, "assets/formats/png-rgba8.png"));
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	cr_expect_eq(stats.refused_thrashing, 1);
	cr_expect_gt(stats.bounces, 0);
}

/* Also what has been decoded again for others. */
static void purge_all(void)
{
	struct mural_stats stats = {.ready_bitmaps = 1};
	while (stats.ready_bitmaps + stats.idle_bitmaps > 0) {
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
		cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	}
}

static struct mural_stats stats_now(void)
{
	struct mural_stats stats;
	cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	return stats;
}

/* Two that may soon be wanted: the second is held back for five times as long as a decoder worked
 * on the first, while all decoders are free, and what somebody looks at gets one at once. False: it
 * took too long to look at that, since others keep the processors busy. */
static bool is_held_back(struct mural_bitmap *soon[2], struct mural_bitmap *visible)
{
	purge_all();
	uint64_t before_ns = stats_now().redecode_cpu_ns, start_ns = monotonic_ns();
	for (int i = 0; i < 2; i++)
		cr_assert_eq(mural_bitmap_redecode(soon[i], MURAL_PRIORITY_SOON), 0);
	cr_assert_eq(mural_bitmap_wait(soon[0], TEST_TIMEOUT_MS), 0);
	uint64_t cost_ns = stats_now().redecode_cpu_ns - before_ns;
	decode_again(visible);
	struct mural_stats stats = stats_now();
	bool tells = stats.thrashing && monotonic_ns() - start_ns < cost_ns * 7 / 2;
	if (tells) {
		cr_expect_eq(stats.waiting_requests, 1, "the second was not held back");
		cr_expect_eq(stats.workers_busy, 0, "%u decoders are at work", stats.workers_busy);
	}
	cr_assert_eq(mural_bitmap_wait(soon[1], TEST_TIMEOUT_MS), 0, "it is never forgotten");
	return tells;
}

Test(shared, while_it_thrashes_only_what_is_visible_comes_back_at_once)
{
	enum { ROUNDS = 12 };
	static const char *const names[] = {"assets/pictures/spheres-rgb8.png",
		"assets/pictures/planet-rgba8.png", "assets/formats/jpeg-420.jpg"};
	struct mural_bitmap *bitmap[ARRAY_SIZE(names)];
	bool told = false;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		bitmap[i] = get(mural, names[i]);
	for (int round = 0; round < ROUNDS && !told; round++)
		told = make_it_thrash() && is_held_back(bitmap, bitmap[2]);
	if (!told)
		cr_skip("decoders get too little of this machine now");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		mural_bitmap_unref(bitmap[i]);
}

Test(shared, each_bad_file_has_its_reason)
{
	static const struct {
		const char *text;
		int error;
		enum mural_reason reason;
	} files[] = {
		{"", -ENODATA, MURAL_REASON_EMPTY},
		{"not a picture at all", -ENOEXEC, MURAL_REASON_NOT_IMAGE},
	};
	CLEANUP(free_p) char *path = test_path(folder, "bad");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		enum mural_reason reason;
		struct mural_bitmap *bitmap = NULL;
		struct mural_request request = {.path = path};
		test_write_file(path, files[i].text, strlen(files[i].text));
		cr_assert_eq(mural_request(mural, &request, &bitmap), 0);
		cr_assert_eq(mural_bitmap_wait(bitmap, TEST_TIMEOUT_MS), files[i].error);
		mural_bitmap_error(bitmap, &reason, NULL);
		cr_assert_eq(reason, files[i].reason);
		mural_bitmap_unref(bitmap);
	}
}

/* ---- a producer that dies ---- */

Test(shared, the_pictures_come_back_after_the_producer_was_killed)
{
	struct mural_bitmap *pinned = get(mural, PICTURE);
	struct mural_bitmap *other = get(mural, "assets/formats/png-rgb8.png");
	struct mural_view view;
	size_t size = 0, again_size = 0, other_size = 0;
	CLEANUP(free_p) unsigned char *pixels = copy_pixels(pinned, &size);
	CLEANUP(free_p) unsigned char *others = copy_pixels(other, &other_size);
	cr_assert_eq(mural_bitmap_pin_wait(pinned, TEST_TIMEOUT_MS, &view), 0);
	end_process(producer_of(mural), SIGKILL);
	struct mural_bitmap *in_flight = ask(mural, "assets/formats/jpeg-444.jpg");
	dispatch_until(&reconnected, 1);
	cr_assert_eq(memcmp(view.pixels, pixels, size), 0, "what is pinned stays");
	cr_assert_eq(mural_bitmap_wait(in_flight, TEST_TIMEOUT_MS), 0);
	cr_assert_eq(mural_bitmap_unpin(pinned), 0);
	cr_assert_eq(mural_bitmap_pin_wait(other, TEST_TIMEOUT_MS, &view), ASHMEM_WAS_PURGED);
	decode_again(other);
	CLEANUP(free_p) unsigned char *again = copy_pixels(other, &again_size);
	cr_assert_not_null(again);
	cr_assert_eq(again_size, other_size);
	cr_assert_eq(memcmp(again, others, other_size), 0);
	cr_assert_eq(lost, 0);
	mural_bitmap_unref(pinned);
	mural_bitmap_unref(other);
	mural_bitmap_unref(in_flight);
}

Test(shared, deaths_leave_no_descriptors_and_mappings)
{
	int descriptors = 0, mappings = 0;
	for (unsigned i = 0; i < 4; i++) {
		struct mural_bitmap *bitmap = get(mural, PICTURE);
		end_process(producer_of(mural), SIGKILL);
		dispatch_until(&reconnected, i + 1);
		mural_bitmap_unref(bitmap);
		(void)producer_of(mural);
		if (i == 0) {
			descriptors = test_count_descriptors(getpid());
			mappings = test_count_mappings(getpid(), "memfd:");
		}
	}
	cr_assert_eq(test_count_descriptors(getpid()), descriptors);
	cr_assert_eq(test_count_mappings(getpid(), "memfd:"), mappings);
}

/* ---- everything at once ---- */

static const char *const pictures[] = {
	"assets/formats/jpeg-420.jpg",
	"assets/formats/jpeg-444.jpg",
	"assets/formats/jpeg-cmyk.jpg",
	"assets/formats/jpeg-progressive-420.jpg",
	"assets/formats/png-rgb8.png",
	"assets/formats/png-palette4-trns.png",
};

/* One step of a program that cannot make up its mind. */
static void step(struct mural_bitmap **bitmap, unsigned number)
{
	struct mural_view view;
	struct mural_request request = {
		.path = test_source_path(pictures[number % ARRAY_SIZE(pictures)]),
		.box_width = number % 3 * 16,
	};
	switch (*bitmap ? (unsigned)rand() % 8 : 0) {
	case 0:
		mural_bitmap_unref(*bitmap);
		*bitmap = NULL;
		cr_assert_eq(mural_request(mural, &request, bitmap), 0);
		break;
	case 1:
		cr_assert_eq(mural_bitmap_cancel(*bitmap), 0);
		break;
	case 2:
		cr_assert_eq(mural_prefetch(mural, &request, NULL), 0);
		break;
	case 3:
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
		break;
	case 4:
		cr_assert_eq(mural_bitmap_set_priority(*bitmap, number % 3), 0);
		break;
	default:
		if (mural_bitmap_pin_wait(*bitmap, (int)number % 4, &view) == ASHMEM_WAS_PURGED)
			cr_assert_eq(mural_bitmap_redecode(*bitmap, number % 3), 0);
		break;
	}
}

Test(shared, a_program_that_changes_its_mind_all_the_time_is_served)
{
	enum { BITMAPS = 24, STEPS = 3000 };
	struct mural_bitmap *bitmaps[BITMAPS] = {NULL};
	struct mural_stats stats;
	int descriptors = test_count_descriptors(getpid());
	srand(1);
	for (unsigned i = 0; i < STEPS; i++) {
		step(&bitmaps[(unsigned)rand() % BITMAPS], (unsigned)rand());
		cr_assert_eq(mural_dispatch(mural), 0);
	}
	for (int i = 0; i < BITMAPS; i++)
		mural_bitmap_unref(bitmaps[i]);
	do
		cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	while (stats.waiting_requests > 0);
	cr_assert_eq(reconnected + lost, 0, "the producer dropped the session");
	cr_assert_eq(stats.pinned_bitmaps, 0);
	cr_assert_eq(test_count_descriptors(getpid()), descriptors);
}

/* ---- threads against real purges ---- */

struct pinning {
	struct mural_bitmap *bitmap;
	const unsigned char *pixels;
	size_t size;
	atomic_bool stop;
	atomic_uint pins, wrong;
};

static void *pin_all_the_time(void *user)
{
	struct pinning *pinning = user;
	struct mural_view view;
	while (!atomic_load(&pinning->stop)) {
		if (mural_bitmap_pin(pinning->bitmap, &view) != ASHMEM_NOT_PURGED) {
			sched_yield();
			continue;
		}
		atomic_fetch_add(
			&pinning->wrong, memcmp(view.pixels, pinning->pixels, pinning->size) != 0);
		atomic_fetch_add(&pinning->pins, 1);
		mural_bitmap_unpin(pinning->bitmap);
		usleep(atomic_load(&pinning->pins) % 64 == 0 ? 1000 : 0);
	}
	return NULL;
}

Test(shared, no_pin_ever_shows_other_bytes_while_the_pool_purges)
{
	struct pinning pinning = {.bitmap = get(mural, PICTURE)};
	struct mural_stats stats = {0};
	pthread_t threads[2];
	CLEANUP(free_p) unsigned char *pixels = copy_pixels(pinning.bitmap, &pinning.size);
	pinning.pixels = pixels;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, pin_all_the_time, &pinning);
	while (stats.redecodes < 100 || atomic_load(&pinning.pins) <= 100) {
		struct mural_view view;
		cr_assert_eq(mural_purge(mural, TEST_TIMEOUT_MS, NULL), 0);
		int r = mural_bitmap_pin_wait(pinning.bitmap, TEST_TIMEOUT_MS, &view);
		if (r == ASHMEM_NOT_PURGED)
			mural_bitmap_unpin(pinning.bitmap);
		else
			decode_again(pinning.bitmap);
		cr_assert_eq(mural_stat(mural, TEST_TIMEOUT_MS, &stats), 0);
	}
	atomic_store(&pinning.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(atomic_load(&pinning.wrong), 0);
	mural_bitmap_unref(pinning.bitmap);
}
