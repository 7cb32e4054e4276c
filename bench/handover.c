/* Handing a ready bitmap to another process, over its size: how long until the reader has its first
 * byte, and its last (it reads one word of each cache line of the picture, in memory it has not
 * touched before).
 *
 *   mural         connected already; request, wait, pin
 *   socket, pipe  the owner writes the pixels, the reader reads them into memory that is there
 *   memcpy        within one process, between memory that is there
 *   SCM_RIGHTS    a byte there, a descriptor back: the floor; and mapped, to its first and last
 * byte
 *
 * A copy has no first byte of a bitmap before it has the last, so its one time stands for both.
 * What a descriptor takes from its first byte to its last is a reader's first touch of shared
 * memory; its memory is a third copy of the pixels, read as seldom as Mural's: what the copies have
 * just read would be in the caches.
 *
 * Two tables. "hand-over": each way after the milliseconds of the others' copies, both processes
 * asleep meanwhile and their caches full of somebody else's pixels: a picture now and then.
 * "hand-over, warm": each way right after a small hand-over by the same way (a copy of 64 KiB, a
 * descriptor, another bitmap's first byte): one picture after another.
 *
 * Binder stops at 1 MiB - 8 KiB for all transactions of a process together. */
#include "harness/bench.h"

#include <errno.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define COLD "hand-over"
#define WARM "hand-over, warm"
/* Ratios. */
#define SOCKET_FIRST "socket copy / mural, first byte"
#define SOCKET_LAST "socket copy / mural, last byte"
#define FIRST "mural, first byte / SCM_RIGHTS"
#define LAST "mural, last byte / SCM_RIGHTS, mapped and read"
#define TOUCH "mural, first byte to last / SCM_RIGHTS, the same"
#define ROUNDS 15
#define QUICK_ROUNDS 5
#define TIMEOUT_MS 120000
#define CHUNK ((size_t)256 << 10)
#define LINE 64
#define GOALS_BOX 3547 /* 32 MiB */
#define WARM_BYTES ((size_t)64 << 10)
#define WARM_BOX 640 /* the least that has a region of its own, as what is measured has */

/* The owner: a process with a picture's bytes, to copy, and in a memfd. It answers a command byte;
 * a capital asks for the first WARM_BYTES. */
struct owner {
	pid_t pid;
	int socket, pipe; /* the reader's ends */
	size_t bytes;
	uint8_t *there; /* the reader's own memory, for copies; owned */
	uint8_t *source;
};

static void write_all(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t done = write(fd, data, size < CHUNK ? size : CHUNK);
		if (done <= 0)
			_exit(1);
		data += done;
		size -= (size_t)done;
	}
}

static void send_descriptor(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		_exit(1);
}

static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	bench_must(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = -1;
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	bench_must(fd >= 0, "a descriptor");
	return fd;
}

_Noreturn static void own(int socket, int out, int memory, const uint8_t *pixels, size_t bytes)
{
	char command;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(socket, &command, 1) == 1) {
		if (command == 's' || command == 'S')
			write_all(socket, pixels, command == 's' ? bytes : WARM_BYTES);
		else if (command == 'p' || command == 'P')
			write_all(out, pixels, command == 'p' ? bytes : WARM_BYTES);
		else
			send_descriptor(socket, memory);
	}
	_exit(0);
}

static void *map(int fd, size_t bytes, int protection)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE : MAP_SHARED;
	void *at = mmap(NULL, bytes, protection, flags, fd, 0);
	bench_must(at != MAP_FAILED, "mmap");
	return at;
}

static int memory_of(const uint8_t *pixels, size_t bytes)
{
	int memory = memfd_create("bench handover", MFD_CLOEXEC);
	bench_must(memory >= 0 && ftruncate(memory, (off_t)bytes) == 0, "memfd");
	void *at = map(memory, bytes, PROT_READ | PROT_WRITE);
	memcpy(at, pixels, bytes);
	munmap(at, bytes);
	return memory;
}

/* @pixels: what it owns; copied. */
static void start_owner(struct owner *owner, const uint8_t *pixels, size_t bytes)
{
	int pair[2], ends[2], memory = memory_of(pixels, bytes), copied = memory_of(pixels, bytes);
	bench_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	bench_must(pipe(ends) == 0, "pipe");
	owner->bytes = bytes;
	owner->source = map(copied, bytes, PROT_READ);
	owner->there = map(-1, bytes, PROT_READ | PROT_WRITE);
	owner->pid = fork();
	bench_must(owner->pid >= 0, "fork");
	if (owner->pid == 0) {
		close(pair[0]);
		close(ends[0]);
		own(pair[1], ends[1], memory, owner->source, bytes);
	}
	close(pair[1]);
	close(ends[1]);
	close(memory);
	close(copied);
	owner->socket = pair[0];
	owner->pipe = ends[0];
}

static void stop_owner(struct owner *owner)
{
	close(owner->socket);
	close(owner->pipe);
	waitpid(owner->pid, NULL, 0);
	munmap(owner->there, owner->bytes);
	munmap(owner->source, owner->bytes);
}

/* ---- reading ---- */

/* One word a line: what the reader touches. Every way must give the same sum. */
static uint64_t read_lines(const void *pixels, size_t bytes)
{
	uint64_t sum = 0;
	for (size_t at = 0; at + sizeof(uint64_t) <= bytes; at += LINE)
		sum += *(const volatile uint64_t *)((const char *)pixels + at);
	return sum;
}

static double since_us(double start)
{
	return (bench_now_ns() - start) / 1e3;
}

static double copy_by(struct owner *owner, char command, int fd, size_t bytes)
{
	double start = bench_now_ns();
	bench_must(write(owner->socket, &command, 1) == 1, "asking");
	for (size_t done = 0; done < bytes;) {
		size_t left = bytes - done;
		ssize_t got = read(fd, owner->there + done, left < CHUNK ? left : CHUNK);
		bench_must(got > 0, "copying");
		done += (size_t)got;
	}
	return since_us(start);
}

static double copy_in_process(struct owner *owner, size_t bytes)
{
	double start = bench_now_ns();
	memcpy(owner->there, owner->source, bytes);
	return since_us(start);
}

/* What the reader has when, us. */
struct arrival {
	double descriptor, first, last;
};

/* Of @bytes each line is read; its sum. */
static uint64_t pass_descriptor(struct owner *owner, size_t bytes, struct arrival *ret)
{
	double start = bench_now_ns();
	bench_must(write(owner->socket, "d", 1) == 1, "asking");
	int fd = receive_descriptor(owner->socket);
	ret->descriptor = since_us(start);
	void *pixels = map(fd, owner->bytes, PROT_READ);
	(void)*(const volatile uint8_t *)pixels;
	ret->first = since_us(start);
	uint64_t sum = read_lines(pixels, bytes);
	ret->last = since_us(start);
	munmap(pixels, owner->bytes);
	close(fd);
	return sum;
}

static struct mural *connect_to_producer(void)
{
	struct mural *mural;
	int r = mural_open(NULL, &mural);
	errno = -r;
	bench_must(r == 0, "a producer");
	return mural;
}

static struct mural_bitmap *get(
	struct mural *mural, const char *path, uint32_t box, struct mural_view *ret)
{
	const struct mural_request wanted = {
		.path = path, .box_width = box, .priority = MURAL_PRIORITY_VISIBLE};
	struct mural_bitmap *bitmap;
	int r = mural_request(mural, &wanted, &bitmap);
	if (r == 0)
		r = mural_bitmap_wait(bitmap, TIMEOUT_MS);
	if (r == 0)
		r = mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, ret);
	errno = r < 0 ? -r : ETIMEDOUT;
	bench_must(r == 0, path);
	return bitmap;
}

static void let_go(struct mural_bitmap *bitmap)
{
	mural_bitmap_unpin(bitmap);
	mural_bitmap_unref(bitmap);
}

/* What is handed over: the picture at @path that fits into @box, @bytes of it. */
struct scene {
	const char *path;
	uint32_t box;
	size_t bytes;
	const char *at;
};

/* A connection of its own each time, so that the region is not known yet. It is made before: what
 * is measured is the hand-over to a program that runs. */
static uint64_t by_mural(const struct scene *scene, bool warm, struct arrival *ret)
{
	struct mural *mural = connect_to_producer();
	struct mural_view view;
	struct mural_bitmap *other = NULL;
	if (warm) {
		other = get(mural, scene->path, WARM_BOX, &view);
		(void)*(const volatile uint8_t *)view.pixels;
	}
	double start = bench_now_ns();
	struct mural_bitmap *bitmap = get(mural, scene->path, scene->box, &view);
	(void)*(const volatile uint8_t *)view.pixels;
	ret->first = since_us(start);
	uint64_t sum = read_lines(view.pixels, scene->bytes);
	ret->last = since_us(start);
	let_go(bitmap);
	if (other)
		let_go(other);
	mural_close(mural);
	return sum;
}

/* ---- one size ---- */

/* What each way took in one round, us. */
struct times {
	struct arrival mural, passed;
	double socket, pipe, memcpied;
};

/* All ways must read the same. */
static bool round_of(struct owner *owner, const struct scene *scene, bool warm, struct times *ret)
{
	struct arrival small;
	if (warm)
		copy_by(owner, 'S', owner->socket, WARM_BYTES);
	ret->socket = copy_by(owner, 's', owner->socket, owner->bytes);
	uint64_t copied = read_lines(owner->there, owner->bytes);
	uint64_t shared = by_mural(scene, warm, &ret->mural);
	if (warm)
		pass_descriptor(owner, LINE, &small);
	uint64_t passed = pass_descriptor(owner, owner->bytes, &ret->passed);
	if (warm)
		copy_by(owner, 'P', owner->pipe, WARM_BYTES);
	ret->pipe = copy_by(owner, 'p', owner->pipe, owner->bytes);
	if (warm)
		copy_in_process(owner, WARM_BYTES);
	ret->memcpied = copy_in_process(owner, owner->bytes);
	return shared == copied && passed == copied;
}

static void take_samples(
	struct bench *bench, const char *table, const char *at, const struct times *times)
{
	const struct {
		const char *series;
		double us;
	} rows[] = {
		{"mural, first byte", times->mural.first},
		{"mural, last byte", times->mural.last},
		{"Unix socket copy", times->socket},
		{"pipe copy", times->pipe},
		{"memcpy", times->memcpied},
		{"SCM_RIGHTS alone", times->passed.descriptor},
		{"SCM_RIGHTS, mapped and read", times->passed.last},
	};
	const struct arrival *mural = &times->mural, *passed = &times->passed;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		bench_sample(bench, table, rows[i].series, at, "us", rows[i].us);
	bench_ratio(bench, table, SOCKET_FIRST, at, times->socket / mural->first);
	bench_ratio(bench, table, SOCKET_LAST, at, times->socket / mural->last);
	bench_ratio(bench, table, FIRST, at, mural->first / passed->descriptor);
	bench_ratio(bench, table, LAST, at, mural->last / passed->last);
	bench_ratio(bench, table, TOUCH, at,
		(mural->last - mural->first) / (passed->last - passed->first));
}

static void measure_table(struct bench *bench, struct owner *owner, const struct scene *scene,
	const char *table, bool warm)
{
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	for (unsigned i = 0; i <= rounds; i++) { /* the first is thrown away */
		struct times times;
		bench_check(bench, "every way gives the same bytes",
			round_of(owner, scene, warm, &times));
		if (i > 0)
			take_samples(bench, table, scene->at, &times);
	}
}

/* @at: where 32 MiB are. */
static void set_goals(struct bench *bench, const char *table, const char *at)
{
	bench_better(bench, table, SOCKET_FIRST, BENCH_AT_LEAST);
	bench_goal_at(bench, table, SOCKET_FIRST, at, BENCH_AT_LEAST, 100);
	bench_better(bench, table, SOCKET_LAST, BENCH_AT_LEAST);
	bench_goal(bench, table, FIRST, BENCH_AT_MOST, 3);
	bench_goal_at(bench, table, TOUCH, at, BENCH_AT_MOST, 1);
}

static void measure(struct bench *bench, const char *path, uint32_t box)
{
	char at[32];
	struct owner owner;
	struct mural_view view;
	struct mural *mural = connect_to_producer();
	/* Both stay pinned, and so ready. */
	struct mural_bitmap *small = get(mural, path, WARM_BOX, &view);
	struct mural_bitmap *bitmap = get(mural, path, box, &view);
	const struct scene scene = {path, box, (size_t)view.stride_bytes * view.height, at};
	start_owner(&owner, view.pixels, scene.bytes);
	snprintf(at, sizeof(at), "%.4g", (double)scene.bytes / (1 << 20));
	measure_table(bench, &owner, &scene, COLD, false);
	measure_table(bench, &owner, &scene, WARM, true);
	if (box == GOALS_BOX) {
		set_goals(bench, COLD, at);
		set_goals(bench, WARM, at);
	}
	stop_owner(&owner);
	let_go(bitmap);
	let_go(small);
	mural_close(mural);
}

int main(int argc, char **argv)
{
	/* Widths of a 3:2 picture of 64 KiB, 256 KiB, 1, 4, 8, 32 and 128 MiB. */
	static const uint32_t boxes[] = {157, 314, 627, 1254, 1774, GOALS_BOX, 7095};
	struct bench *bench = bench_begin("handover",
		"A ready bitmap to another process, to the first and the last byte.", NULL, NULL,
		argc, argv);
	char *path = bench_picture(40, "jpeg");
	bench_folder();
	size_t count = sizeof(boxes) / sizeof(*boxes);
	for (size_t i = 0; i < count; i++) {
		if (!bench_quick(bench) || i % 2 == 1 || i == 0)
			measure(bench, path, boxes[i]);
	}
	bench_axis(bench, COLD, "size, MiB");
	bench_axis(bench, WARM, "size, MiB");
	bench_note(bench, "Binder ends at 1 MiB.");
	free(path);
	return bench_end(bench);
}
