/* The ways themselves. What processes share is made before they are forked. */
#include "pin_ways.h"
#include "harness/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_MS 60000
#define BITMAP_WIDTH 256

/* What one bitmap would have, on pages of its own: no two share a cache line. */
struct shared {
	_Alignas(4096) pthread_mutex_t mutex;
	_Alignas(4096) atomic_long counter;
};

static const char *picture;
static struct shared *shared; /* TEAM_MAX */
static int locked_file = -1;

static void make_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &attributes);
}

void pin_ways_prepare(const char *path)
{
	picture = path;
	shared = mmap(NULL, TEAM_MAX * sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_must(shared != MAP_FAILED, "mmap");
	for (unsigned i = 0; i < TEAM_MAX; i++)
		make_mutex(&shared[i].mutex);
	locked_file = memfd_create("bench pin", MFD_CLOEXEC);
	bench_must(locked_file >= 0, "memfd");
}

/* ---- pins ---- */

struct mural *pin_connect(void)
{
	struct mural *mural;
	int r = mural_open(NULL, &mural);
	errno = -r;
	bench_must(r == 0, "a producer");
	return mural;
}

struct mural_bitmap *pin_ready_bitmap(struct mural *mural, unsigned which)
{
	const struct mural_request wanted = {.path = picture,
		.box_width = BITMAP_WIDTH + which,
		.priority = MURAL_PRIORITY_VISIBLE};
	struct mural_bitmap *bitmap;
	struct mural_view view;
	int r = mural_request(mural, &wanted, &bitmap);
	if (r == 0)
		r = mural_bitmap_wait(bitmap, TIMEOUT_MS);
	if (r == 0)
		r = mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, &view);
	errno = r < 0 ? -r : ETIMEDOUT;
	bench_must(r == 0, picture);
	return bitmap;
}

/* Threads of one process pin by one connection, as a program would. */
static void *open_pin(unsigned which)
{
	static struct mural *mural;
	static pid_t owner;
	if (owner != getpid())
		mural = pin_connect();
	owner = getpid();
	return pin_ready_bitmap(mural, which);
}

static void close_pin(void *opened)
{
	mural_bitmap_unpin(opened);
	mural_bitmap_unref(opened);
}

static void run_pin(void *opened, int calls)
{
	struct mural_view view;
	for (int i = 0; i < calls; i++) {
		if (mural_bitmap_pin(opened, &view) != ASHMEM_NOT_PURGED ||
			mural_bitmap_unpin(opened) != 0)
			bench_must(false, "a pin of a ready bitmap");
	}
}

/* ---- in shared memory ---- */

static void *open_shared(unsigned which)
{
	return &shared[which];
}

static void run_counter(void *opened, int calls)
{
	atomic_long *counter = &((struct shared *)opened)->counter;
	for (int i = 0; i < calls; i++) {
		atomic_fetch_add(counter, 1);
		atomic_fetch_sub(counter, 1);
	}
}

static void run_mutex(void *opened, int calls)
{
	pthread_mutex_t *mutex = &((struct shared *)opened)->mutex;
	for (int i = 0; i < calls; i++) {
		if (pthread_mutex_lock(mutex) != 0 || pthread_mutex_unlock(mutex) != 0)
			bench_must(false, "a robust mutex");
	}
}

/* ---- by the kernel ---- */

struct lock {
	int fd;
	unsigned which;
};

/* Such a lock belongs to an open file: each has one of its own. */
static void *open_ofd(unsigned which)
{
	char path[64];
	struct lock *lock = malloc(sizeof(*lock));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", locked_file);
	bench_must(lock != NULL, "memory");
	*lock = (struct lock){open(path, O_RDWR | O_CLOEXEC), which};
	bench_must(lock->fd >= 0, path);
	return lock;
}

static void close_ofd(void *opened)
{
	close(((struct lock *)opened)->fd);
	free(opened);
}

static void run_ofd(void *opened, int calls)
{
	const struct lock *lock = opened;
	struct flock byte = {.l_whence = SEEK_SET, .l_start = lock->which, .l_len = 1};
	for (int i = 0; i < calls; i++) {
		byte.l_type = F_RDLCK;
		bench_must(fcntl(lock->fd, F_OFD_SETLK, &byte) == 0, "an OFD lock");
		byte.l_type = F_UNLCK;
		bench_must(fcntl(lock->fd, F_OFD_SETLK, &byte) == 0, "an OFD unlock");
	}
}

/* ---- by message: as a pin would be asked for; its unpin needs no answer ---- */

static void *open_producer(unsigned which)
{
	(void)which;
	return pin_connect(); /* one thread at a time may use a connection: each has its own */
}

static void close_producer(void *opened)
{
	mural_close(opened);
}

static void run_producer(void *opened, int calls)
{
	struct mural_stats stats;
	for (int i = 0; i < calls; i++)
		bench_must(mural_stat(opened, TIMEOUT_MS, &stats) == 0, "stat");
}

struct echo {
	int fd;
	pid_t pid;
};

static void *open_echo(unsigned which)
{
	int pair[2];
	char message[32];
	struct echo *echo = malloc(sizeof(*echo));
	(void)which;
	bench_must(echo && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
		"socketpair");
	*echo = (struct echo){pair[0], fork()};
	bench_must(echo->pid >= 0, "fork");
	if (echo->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		while (recv(pair[1], message, sizeof(message), 0) > 0)
			send(pair[1], message, sizeof(message), 0);
		_exit(0);
	}
	close(pair[1]);
	return echo;
}

static void close_echo(void *opened)
{
	struct echo *echo = opened;
	close(echo->fd);
	waitpid(echo->pid, NULL, 0);
	free(echo);
}

static void run_echo(void *opened, int calls)
{
	int fd = ((struct echo *)opened)->fd;
	char message[32] = {0};
	for (int i = 0; i < calls; i++)
		bench_must(send(fd, message, sizeof(message), 0) == sizeof(message) &&
				   recv(fd, message, sizeof(message), 0) == sizeof(message),
			"a message and back");
}

const struct team_job way_pin = {open_pin, close_pin, run_pin, 1000000};
const struct team_job way_counter = {open_shared, NULL, run_counter, 4000000};
const struct team_job way_mutex = {open_shared, NULL, run_mutex, 2000000};
const struct team_job way_ofd = {open_ofd, close_ofd, run_ofd, 12000};
const struct team_job way_producer = {open_producer, close_producer, run_producer, 300};
const struct team_job way_echo = {open_echo, close_echo, run_echo, 300};
