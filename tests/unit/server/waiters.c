/* Who waits for an entry, and is answered, whatever happens to that: with a nursery that does as it
 * is told. */
#include "decode.h"
#include "worker.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <mural/pixel.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define SIDE 1000u
#define SMALL_BOX 256u
#define LARGE_BOX 4000u /* the bitmap is as large as without a box */
/* A file of this size is not decoded by its probe, so that each step is one job. */
#define FILE_BYTES (1 << 20)

/* ---- a nursery ---- */

enum { JOBS_MAX = 8 };

static struct {
	unsigned given;
	struct entry *entry[JOBS_MAX];
	struct worker worker[JOBS_MAX];
	int refusal;              /* of the next */
	uint64_t cpu_ns, step_ns; /* of each job so far, and more at each look; 0: not known */
	bool crowded;             /* others have all processors */
	uintptr_t first_frame, last_frame;
} nursery;

unsigned __wrap_nursery_ready(const struct nursery *unused);
unsigned __wrap_nursery_ready(const struct nursery *unused)
{
	(void)unused;
	return JOBS_MAX - nursery.given;
}

int __wrap_nursery_submit(struct nursery *unused, const struct job *job, int source_fd,
	int memory_fd, void *job_user, struct worker **ret_worker);
int __wrap_nursery_submit(struct nursery *unused, const struct job *job, int source_fd,
	int memory_fd, void *job_user, struct worker **ret_worker)
{
	(void)unused, (void)job;
	cr_assert_geq(source_fd, 0);
	cr_assert_eq(job_has_window(job), memory_fd >= 0);
	nursery.last_frame = (uintptr_t)__builtin_frame_address(0);
	if (nursery.first_frame == 0)
		nursery.first_frame = nursery.last_frame;
	if (nursery.refusal < 0)
		return nursery.refusal;
	nursery.worker[nursery.given].pidfd = -1;
	nursery.entry[nursery.given] = job_user;
	*ret_worker = &nursery.worker[nursery.given++];
	return 0;
}

uint64_t __wrap_worker_cpu_now(const struct worker *unused);
uint64_t __wrap_worker_cpu_now(const struct worker *unused)
{
	(void)unused;
	return nursery.cpu_ns += nursery.step_ns;
}

bool __wrap_worker_wants_core(const struct worker *unused);
bool __wrap_worker_wants_core(const struct worker *unused)
{
	(void)unused;
	return nursery.crowded;
}

static bool no_loans;

int __real_pool_scratch_of(
	struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret_scratch);
int __wrap_pool_scratch_of(
	struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret_scratch);
int __wrap_pool_scratch_of(
	struct pool *pool, struct pool_slot *slot, struct pool_scratch **ret_scratch)
{
	return no_loans ? -ENOMEM : __real_pool_scratch_of(pool, slot, ret_scratch);
}

/* ---- a server with one session ---- */

static struct server server;
static struct session session;
static int peer, file;

static void start(void)
{
	int pair[2];
	server = (struct server){
		.options = {.budget_bytes = 64 << 20, .workers = 2, .max_pixels = SIDE * SIDE},
		.listen_fd = -1,
		.memory.watch.fd = -1,
	};
	struct list *lists[] = {&server.sessions, &server.trims, &server.roomless, &server.aside,
		&server.running, &server.strays};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		list_init(lists[i]);
	for (unsigned i = 0; i < PRIORITIES * QUEUES; i++)
		list_init(&server.queued[i / QUEUES][i % QUEUES]);
	const struct pool_options options = {
		.budget_bytes = server.options.budget_bytes,
		.keep_bytes = UINT64_MAX,
		.holder_pinned_bytes = UINT64_MAX,
		.events = {.forgotten = decode_slot_forgotten, .user = &server},
	};
	cr_assert_eq(loop_create(&server.loop), 0);
	cr_assert_eq(files_create(&server.files), 0);
	cr_assert_eq(cache_init(&server), 0);
	cr_assert_eq(pool_create(&options, monotonic_ns(), &server.pool), 0);
	cr_assert_eq(memory_start(&server), 0);
	cr_assert_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	peer = pair[1];
	session = (struct session){.server = &server, .fd = pair[0], .pidfd = -1, .socket.fd = -1};
	list_init(&session.unsent);
	cr_assert_eq(hash_init(&session.requests), 0);
	cr_assert_eq(hash_init(&session.regions), 0);
	cr_assert_eq(hash_init(&session.slots), 0);
	int board;
	cr_assert_eq(
		pool_holder_create(server.pool, getuid(), &session, &session.holder, &board), 0);
	server.requests_max = SESSION_REQUESTS_MAX;
	file = memfd_create("picture", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(file, FILE_BYTES), 0);
}

static void stop(void)
{
	struct request *request;
	server.ending = true;
	for (uint32_t serial = 0; session.requests.count > 0; serial++)
		if ((request = request_find(&session, serial)))
			request_discard(request);
	cache_fini(&server);
	list_for_each (node, &server.strays)
		job_left(list_item(node, struct stray, node), &server);
	files_destroy(server.files);
	memory_stop(&server);
	pool_destroy(server.pool);
	loop_destroy(server.loop);
	hash_fini(&session.requests);
	close_p(&session.fd);
	close_p(&peer);
	close_p(&file);
}

TestSuite(waiters, .init = start, .fini = stop, .timeout = 60);

static void have_another_file(void)
{
	close_p(&file);
	file = memfd_create("another picture", MFD_CLOEXEC);
	cr_assert_eq(ftruncate(file, FILE_BYTES), 0);
}

/* Until all that was asked of files is answered. */
static void settle(void)
{
	while (files_deadline(server.files) != UINT64_MAX) {
		struct pollfd polled = {.fd = files_fd(server.files), .events = POLLIN};
		files_answer(server.files);
		if (files_deadline(server.files) != UINT64_MAX)
			poll(&polled, 1, 10);
		files_dispatch(server.files, monotonic_ns());
	}
}

static void ask(uint32_t serial, uint32_t box, uint32_t priority)
{
	const struct protocol_request wanted = {
		.head = {.type = PROTOCOL_REQUEST, .serial = serial},
		.format = MURAL_FORMAT_XRGB8888,
		.priority = priority,
		.box_width = box,
		.box_height = box,
	};
	request_start(&session, &wanted, dup_cloexec(file));
	settle();
}

/* That job's end, as with a picture of SIDE * SIDE. */
static void finish_with(unsigned job, uint64_t memory_bytes)
{
	const struct job_result result = {
		.source_width = SIDE,
		.source_height = SIDE,
		.width = SIDE,
		.height = SIDE,
		.memory_bytes = memory_bytes,
	};
	cr_assert_lt(job, nursery.given);
	decode_finished(&nursery.worker[job], nursery.entry[job], true, &result, 0, &server);
	settle();
}

/* As with a picture that turns out to be small, and is still to be decoded. */
static void finish_small(unsigned job)
{
	const struct job_result result = {.source_width = SMALL_BOX,
		.source_height = SMALL_BOX,
		.width = SMALL_BOX,
		.height = SMALL_BOX};
	cr_assert_lt(job, nursery.given);
	decode_finished(&nursery.worker[job], nursery.entry[job], true, &result, 0, &server);
	settle();
}

static void finish(unsigned job)
{
	finish_with(job, 1 << 20);
}

/* The next message, and its descriptors closed. */
static union protocol_any next(void)
{
	union protocol_any message;
	struct iovec data = {.iov_base = &message, .iov_len = sizeof(message)};
	char control[CMSG_SPACE(sizeof(int) * 4)];
	struct msghdr head = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	cr_assert_gt(
		recvmsg(peer, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 0, "nobody was answered");
	struct cmsghdr *rights = CMSG_FIRSTHDR(&head);
	if (rights)
		close(*(int *)(void *)CMSG_DATA(rights));
	return message;
}

static void expect_failed(uint32_t serial, int error, enum mural_reason reason)
{
	union protocol_any message = next();
	cr_assert_eq(message.head.type, PROTOCOL_FAILED);
	cr_expect_eq(message.head.serial, serial);
	cr_expect_eq(message.failed.error, error);
	cr_expect_eq(message.failed.reason, reason, "%s", message.failed.text);
}

/* ---- how urgent it is ---- */

Test(waiters, an_entry_is_as_urgent_as_the_most_urgent_of_them)
{
	ask(1, 0, MURAL_PRIORITY_PREFETCH);
	const struct entry *entry = nursery.entry[0];
	cr_expect_eq(entry->priority, MURAL_PRIORITY_PREFETCH);
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	ask(3, 0, MURAL_PRIORITY_SOON);
	cr_expect_eq(entry->priority, MURAL_PRIORITY_VISIBLE);
	request_set_priority(request_find(&session, 2), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(entry->priority, MURAL_PRIORITY_SOON);
	request_cancel(request_find(&session, 3));
	cr_expect_eq(entry->priority, MURAL_PRIORITY_PREFETCH);
	request_set_priority(request_find(&session, 1), MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(entry->priority, MURAL_PRIORITY_VISIBLE);
	request_discard(request_find(&session, 1));
	cr_expect_eq(entry->priority, MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(nursery.given, 1);
}

/* ---- two boxes, one bitmap ---- */

/* A bitmap that nobody knows, in memory that has been purged by somebody else, as the kernel does
 * with the device's. */
static void have_it_purged_behind_our_back(void)
{
	int fd;
	uint64_t offset, length;
	struct entry *entry = nursery.entry[0];
	struct pool_slot *slot = entry->slot;
	cr_assert_eq(pool_release(server.pool, slot, session.holder), 0);
	pool_nudge(server.pool, slot, monotonic_ns());
	pool_tick(server.pool, UINT64_MAX / 2);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	pool_window(slot, &fd, &offset, &length);
	cr_assert_gt(ashmem_purge_all_caches(fd), 0);
}

/* A decoder that can not be had fails all who moved there, each once. */
Test(waiters, those_that_move_to_an_entry_that_fails_at_once_are_all_told)
{
	ask(1, 0, MURAL_PRIORITY_PREFETCH);
	ask(2, LARGE_BOX, MURAL_PRIORITY_PREFETCH); /* is probed, too */
	ask(3, LARGE_BOX, MURAL_PRIORITY_PREFETCH);
	cr_assert_eq(nursery.given, 2);
	finish(0);
	cr_assert_eq(nursery.given, 3);
	finish(2);
	cr_assert_eq(next().head.type, PROTOCOL_HANDOVER);
	have_it_purged_behind_our_back();
	nursery.refusal = -ETOOMANYREFS;
	finish(1);
	expect_failed(2, -ETOOMANYREFS, MURAL_REASON_MEMORY);
	expect_failed(3, -ETOOMANYREFS, MURAL_REASON_MEMORY);
	cr_expect_eq(session.requests.count, 0);
	cr_expect_eq(server.entries.count, 0);
}

/* ---- many ---- */

/* Each that fails makes room for the next to be tried; and there may be thousands. */
Test(waiters, those_that_fail_one_after_the_other_are_no_tower_of_calls)
{
	enum { MANY = 50 };
	nursery.given = JOBS_MAX; /* none is ready */
	for (uint32_t i = 1; i <= MANY; i++) {
		have_another_file();
		ask(i, 0, MURAL_PRIORITY_PREFETCH);
	}
	nursery.given = 0;
	nursery.refusal = -ETOOMANYREFS;
	decode_schedule(&server);
	for (uint32_t i = 1; i <= MANY; i++)
		expect_failed(i, -ETOOMANYREFS, MURAL_REASON_MEMORY);
	cr_expect_eq(nursery.first_frame, nursery.last_frame);
}

/* ---- memory ---- */

/* So many MiB of 1 GiB are left from now on, of which the last 64 are not to be taken. */
static void have_memory(unsigned mib)
{
	char root[] = "/tmp/mural-waiters-XXXXXX", path[64], text[128];
	cr_assert_not_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/proc", root);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/proc/meminfo", root);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int length = snprintf(
		text, sizeof(text), "MemTotal: 1048576 kB\nMemAvailable: %u kB\n", mib * 1024);
	cr_assert_eq(write(fd, text, (size_t)length), length);
	close(fd);
	const struct pressure_options options = {.root = root, .sources = MURAL_WATCH_MEMINFO};
	pressure_destroy(server.memory.pressure);
	cr_assert_eq(pressure_create(&options, monotonic_ns(), &server.memory.pressure), 0);
	server.memory.looked_ns = 0;
	unlink(path); /* it is open */
	snprintf(path, sizeof(path), "%s/proc", root);
	rmdir(path);
	rmdir(root);
}

/* The place of a bitmap of 4 MB. */
static int reserve(struct pool_slot **ret_slot)
{
	struct pool_bitmap bitmap = {
		.format = MURAL_FORMAT_XRGB8888, .width = SIDE, .height = SIDE};
	mural_bitmap_layout(bitmap.format, bitmap.width, bitmap.height, &bitmap.stride_bytes,
		&bitmap.size_bytes);
	return pool_reserve(server.pool, &bitmap, getuid(), NULL, monotonic_ns(), ret_slot);
}

/* Nobody but the test has anything to do with what it is full of. */
static void have_a_full_pool(void)
{
	struct pool_slot *slot;
	while (reserve(&slot) == 0)
		continue;
}

/* An idle one that nobody knows. */
static struct pool_slot *have_an_idle_one(void)
{
	struct pool_slot *slot = NULL;
	uint64_t now_ns = monotonic_ns();
	cr_assert_eq(reserve(&slot), 0);
	cr_assert_eq(pool_publish(server.pool, slot, 1, false, now_ns), 0);
	pool_tick(server.pool, UINT64_MAX / 2);
	cr_assert_eq(pool_slot_state(slot), BOARD_IDLE);
	return slot;
}

/* A decode ahead stands still, beside the header of what is to be seen. With its decode each may
 * take 5 MB. */
static struct entry *have_one_stand_still(void)
{
	server.options.workers = 1;
	ask(1, 0, MURAL_PRIORITY_PREFETCH);
	finish(0);
	struct entry *ahead = nursery.entry[1];
	have_another_file();
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	cr_assert_eq(nursery.given, 3);
	cr_assert_neq(ahead->halted_ns, 0);
	return ahead;
}

Test(waiters, half_a_picture_goes_before_whole_ones)
{
	struct pool_slot *idle = have_an_idle_one();
	struct entry *ahead = have_one_stand_still();
	have_memory(64 + 8); /* for one of them */
	finish(2);
	cr_expect_eq(ahead->kill, ENTRY_KILLED_UNWANTED);
	cr_expect_eq(nursery.given, 4, "there is enough without what it may yet take");
	cr_expect_eq(pool_slot_state(idle), BOARD_IDLE);
}

Test(waiters, and_has_a_moment_to_go_for_that)
{
	struct pool_slot *idle = have_an_idle_one();
	struct entry *ahead = have_one_stand_still();
	have_memory(64 + 2); /* for none, but what is idle would do */
	finish(2);
	cr_expect_eq(ahead->kill, ENTRY_KILLED_UNWANTED);
	cr_expect_eq(nursery.given, 3);
	have_memory(64 + 6); /* what it had is there */
	decode_finished(&nursery.worker[1], ahead, false, NULL, SIGKILL, &server);
	cr_expect_eq(nursery.given, 4);
	cr_expect_eq(pool_slot_state(idle), BOARD_IDLE);
}

Test(waiters, what_is_idle_goes_when_there_is_nothing_else)
{
	have_an_idle_one();
	struct entry *ahead = have_one_stand_still();
	have_memory(64 + 2);
	finish(2);
	decode_finished(&nursery.worker[1], ahead, false, NULL, SIGKILL, &server);
	cr_expect_eq(nursery.given, 4);
	cr_expect_eq(pool_purgeable_bytes(server.pool), 0);
}

/* It would be given up for what waits, and start again, and so on. */
Test(waiters, nothing_ahead_starts_while_what_is_more_urgent_waits_for_memory)
{
	server.options.max_pixels = UINT64_C(256) << 20;
	ask(1, 0, MURAL_PRIORITY_SOON);
	finish(0);
	have_another_file();
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	have_another_file();
	ask(3, 0, MURAL_PRIORITY_PREFETCH);
	cr_assert_eq(nursery.given, 4);
	have_memory(64 + 300);
	finish_with(2, UINT64_C(600) << 20);
	finish(3);
	cr_expect_eq(nursery.given, 4);
}

/* Without it a decoder that does not go would have its slot. */
Test(waiters, are_told_when_its_scratch_memory_can_not_be_lent)
{
	ask(1, SMALL_BOX, MURAL_PRIORITY_VISIBLE);
	no_loans = true;
	finish_small(0);
	expect_failed(1, -ENOMEM, MURAL_REASON_MEMORY);
	cr_expect_eq(nursery.given, 1);
	no_loans = false;
	ask(2, SMALL_BOX, MURAL_PRIORITY_VISIBLE);
	finish_small(1);
	cr_expect_eq(nursery.given, 3);
}

/* ---- files that do not come ---- */

static uint64_t passed_ns;

static void look_after(uint64_t ns)
{
	passed_ns += ns;
	decode_tick(&server, monotonic_ns() + passed_ns);
}

static void let_time_pass(void)
{
	for (unsigned i = 0; i < 50; i++)
		look_after(UINT64_C(25000000));
	settle();
}

/* From now on no decoder gets anything to do. */
static void have_a_dead_mount(void)
{
	server.options.workers = 1;
	nursery.cpu_ns = 1;
}

static void lies_on_another_file_system(unsigned job)
{
	nursery.entry[job]->key.identity.device++;
}

static void ask_for_another(uint32_t serial, uint32_t box)
{
	have_another_file();
	ask(serial, box, MURAL_PRIORITY_VISIBLE);
}

Test(waiters, do_not_wait_for_a_header_that_does_not_come)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	lies_on_another_file_system(0);
	ask_for_another(2, 0);
	cr_assert_eq(nursery.given, 1);
	let_time_pass();
	cr_expect_eq(nursery.given, 2);
}

Test(waiters, nor_for_pixels_that_do_not_come)
{
	have_a_dead_mount();
	ask(1, SMALL_BOX, MURAL_PRIORITY_VISIBLE);
	cr_assert_not_null(nursery.entry[0]->scratch, "it goes straight on");
	lies_on_another_file_system(0);
	ask_for_another(2, SMALL_BOX);
	cr_assert_eq(nursery.given, 1);
	let_time_pass();
	cr_expect_eq(nursery.given, 2);
}

/* Each may take 404 MiB. */
static void have_two_large_ones_and_memory(unsigned mib)
{
	have_a_dead_mount();
	server.options.max_pixels = UINT64_C(256) << 20;
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	finish_with(0, UINT64_C(400) << 20);
	lies_on_another_file_system(1);
	ask_for_another(2, 0);
	have_memory(mib);
	finish_with(2, UINT64_C(400) << 20);
	cr_assert_eq(nursery.given, 3);
	let_time_pass();
}

/* There is not enough for both, but one always may. */
Test(waiters, nor_for_those_of_a_large_picture)
{
	have_two_large_ones_and_memory(700);
	cr_expect_eq(nursery.given, 4);
}

/* It may be for that that nothing happens. */
Test(waiters, but_do_where_memory_is_short)
{
	have_two_large_ones_and_memory(16);
	cr_expect_eq(nursery.given, 3);
}

/* When the files come, all that hang go on at once. */
Test(waiters, and_no_more_than_one_more_starts_without_memory)
{
	have_two_large_ones_and_memory(700);
	server.options.workers = 3;
	ask_for_another(3, 0);
	finish_with(4, UINT64_C(400) << 20);
	let_time_pass();
	cr_assert(nursery.entry[1]->hangs && nursery.entry[3]->hangs);
	cr_expect_eq(nursery.given, 5);
}

Test(waiters, wait_for_what_takes_its_time)
{
	have_a_dead_mount();
	nursery.step_ns = 25000000;
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	lies_on_another_file_system(0);
	ask_for_another(2, 0);
	let_time_pass();
	cr_expect_eq(nursery.given, 1);
}

Test(waiters, and_for_what_gets_no_processor)
{
	have_a_dead_mount();
	nursery.crowded = true;
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	lies_on_another_file_system(0);
	ask_for_another(2, 0);
	let_time_pass();
	cr_expect_eq(nursery.given, 1);
}

/* As in a group that is frozen: nobody has looked meanwhile. */
Test(waiters, and_for_what_stood_still_with_the_producer)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	lies_on_another_file_system(0);
	ask_for_another(2, 0);
	look_after(UINT64_C(25000000));
	look_after(UINT64_C(25000000));
	look_after(UINT64_C(5000000000));
	cr_expect_eq(nursery.given, 1);
}

/* One more would have the same fate. */
Test(waiters, on_the_same_file_system_wait_until_one_of_those_that_hang_ends)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	ask_for_another(2, 0);
	ask_for_another(3, 0);
	let_time_pass();
	cr_expect_eq(nursery.given, 1);
	request_cancel(request_find(&session, 2));
	decode_finished(&nursery.worker[0], nursery.entry[0], false, NULL, SIGSEGV, &server);
	cr_expect_eq(nursery.given, 2);
	cr_expect_eq(request_find(&session, 3)->entry, nursery.entry[1]);
}

Test(waiters, or_has_gone_on)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	ask_for_another(2, 0);
	let_time_pass();
	cr_assert_not(list_empty(&server.aside));
	nursery.step_ns = 25000000;
	let_time_pass();
	finish(0);
	cr_expect_eq(nursery.given, 3, "one decodes, the other's header is read");
}

/* It may be another server's, or in a cache. */
Test(waiters, but_not_for_what_is_less_urgent)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_PREFETCH);
	ask_for_another(2, 0);
	let_time_pass();
	cr_expect_eq(nursery.given, 2);
}

Test(waiters, or_has_become_that)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	have_another_file();
	ask(2, 0, MURAL_PRIORITY_SOON);
	let_time_pass();
	cr_assert_not(list_empty(&server.aside));
	request_set_priority(request_find(&session, 1), MURAL_PRIORITY_PREFETCH);
	cr_expect_eq(nursery.given, 2);
}

/* (But a moment for what only takes its time.) */
Test(waiters, for_room_do_not_wait_for_what_hangs)
{
	have_a_dead_mount();
	server.options.workers = 2;
	ask(1, SMALL_BOX, MURAL_PRIORITY_VISIBLE);
	have_a_full_pool();
	ask_for_another(2, 0);
	finish(1);
	cr_assert_not(list_empty(&server.roomless));
	let_time_pass();
	expect_failed(2, -ENOSPC, MURAL_REASON_NO_ROOM);
}

/* It is killed, however long its file does not come, and has a moment to go. */
Test(waiters, for_room_have_that_of_what_is_ahead_and_hangs)
{
	have_a_dead_mount();
	ask(1, 0, MURAL_PRIORITY_PREFETCH);
	finish(0);
	struct entry *ahead = nursery.entry[1];
	lies_on_another_file_system(1);
	have_another_file();
	ask(2, 0, MURAL_PRIORITY_PREFETCH);
	finish(2);
	have_a_full_pool();
	let_time_pass();
	expect_failed(2, -ENOSPC, MURAL_REASON_NO_ROOM);
	ask_for_another(3, 0);
	finish(3);
	cr_assert_eq(ahead->kill, ENTRY_KILLED_UNWANTED);
	decode_finished(&nursery.worker[1], ahead, false, NULL, SIGKILL, &server);
	cr_assert_eq(nursery.given, 5);
	cr_expect_eq(request_find(&session, 3)->entry, nursery.entry[4]);
}

/* ---- decoders that do not go ---- */

static void stay_beyond_its_time(void)
{
	struct entry *entry = nursery.entry[0];
	decode_tick(&server, entry->deadline_ns);
	cr_assert_eq(entry->kill, ENTRY_KILLED_LATE);
	cr_assert_eq(session.requests.count, 1, "it has a moment to go");
	decode_tick(&server, entry->deadline_ns);
}

Test(waiters, are_told_when_its_decoder_takes_too_long_and_does_not_go)
{
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	stay_beyond_its_time();
	expect_failed(1, -ETIMEDOUT, MURAL_REASON_TIMEOUT);
	cr_expect(list_empty(&server.running), "it has its place no more");
	cr_expect_eq(server.entries.count, 0);
	cr_expect_eq(decode_deadline(&server), UINT64_MAX);
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(nursery.given, 2, "the same picture gets another");
}

static struct mural_stats stats_now(void)
{
	struct mural_stats stats;
	server_stats(&server, &stats);
	return stats;
}

static struct stray *first_stray(void)
{
	cr_assert_not(list_empty(&server.strays));
	return list_item(server.strays.next, struct stray, node);
}

Test(waiters, for_room_are_told_that_one_which_has_answered_does_not_go)
{
	ask(1, SMALL_BOX, MURAL_PRIORITY_VISIBLE);
	struct worker *worker = &nursery.worker[0];
	have_a_full_pool();
	request_cancel(request_find(&session, 1));
	expect_failed(1, -ECANCELED, MURAL_REASON_CANCELLED);
	finish_small(0);
	ask_for_another(2, 0);
	finish(1);
	cr_assert_not(list_empty(&server.roomless), "it may go soon");
	job_stays(worker, worker->lent, &server);
	union protocol_any message = next();
	cr_assert_eq(message.head.serial, 2);
	cr_expect_eq(message.failed.reason, MURAL_REASON_NO_ROOM);
	cr_expect_str_eq(message.failed.text,
		"no room: what is not pinned is held by decoders that do not end");
	cr_expect_eq(stats_now().stray_decoders, 1);
	cr_expect_eq(server.filling, 0);
	job_left(first_stray(), &server);
	cr_expect_eq(stats_now().stray_decoders, 0);
	ask_for_another(3, 0);
	finish(2);
	cr_expect_str_eq(next().failed.text, "no room: everything in the pool is pinned");
}

/* As many as there are workers. */
static void have_one_that_has_not_gone_for_long(void)
{
	server.options.workers = 1;
	ask(1, 0, MURAL_PRIORITY_VISIBLE);
	stay_beyond_its_time();
	expect_failed(1, -ETIMEDOUT, MURAL_REASON_TIMEOUT);
	first_stray()->since_ns = 0;
}

/* One more would have the same fate. */
Test(waiters, are_told_at_once_where_decoders_have_not_gone_for_long)
{
	have_one_that_has_not_gone_for_long();
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	expect_failed(2, -ETIMEDOUT, MURAL_REASON_TIMEOUT);
	cr_expect_eq(nursery.given, 1);
	first_stray()->device++; /* another file system */
	ask(3, 0, MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(nursery.given, 2);
}

Test(waiters, and_no_more_when_these_have_gone)
{
	have_one_that_has_not_gone_for_long();
	job_left(first_stray(), &server);
	ask(2, 0, MURAL_PRIORITY_VISIBLE);
	cr_expect_eq(nursery.given, 2);
}
