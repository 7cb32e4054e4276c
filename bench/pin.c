/* What a pin costs: pin + unpin of a ready bitmap through libmural, beside other ways to say "I use
 * this"; and how it scales over threads and processes, each with a bitmap of its own or all with
 * the same. That it makes no system call is verified by forbidding all (seccomp). */
#include "harness/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <mural/mural.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 21
#define QUICK_ROUNDS 7
#define CALLS 100000
#define SLOW_CALLS 2000
#define SCALING_CALLS 4000000
#define WORKERS_MAX 16
#define TIMEOUT_MS 60000

/* ---- bitmaps ---- */

static struct mural *connect_to_producer(void)
{
	struct mural *mural;
	int r = mural_open(NULL, &mural);
	errno = -r;
	bench_must(r == 0, "a producer");
	return mural;
}

/* Each @which is a size of its own, and so a bitmap of its own. Stays pinned once by nobody. */
static struct mural_bitmap *ready_bitmap(struct mural *mural, const char *path, uint32_t which)
{
	const struct mural_request wanted = {
		.path = path, .box_width = 256 + which, .priority = MURAL_PRIORITY_VISIBLE};
	struct mural_bitmap *bitmap;
	struct mural_view view;
	int r = mural_request(mural, &wanted, &bitmap);
	if (r == 0)
		r = mural_bitmap_wait(bitmap, TIMEOUT_MS);
	if (r == 0)
		r = mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, &view);
	errno = r < 0 ? -r : ETIMEDOUT;
	bench_must(r == 0, path);
	return bitmap; /* pinned: it stays READY however long the others take */
}

static void pin_and_unpin(struct mural_bitmap *bitmap, int count)
{
	struct mural_view view;
	for (int i = 0; i < count; i++) {
		if (mural_bitmap_pin(bitmap, &view) != ASHMEM_NOT_PURGED ||
			mural_bitmap_unpin(bitmap) != 0)
			bench_must(false, "a pin of a ready bitmap");
	}
}

/* ---- one thread, beside others ---- */

static double per_call(double start, int calls)
{
	return (bench_now_ns() - start) / calls;
}

static double time_getppid(void *user)
{
	(void)user;
	double start = bench_now_ns();
	for (int i = 0; i < CALLS; i++)
		getppid();
	return per_call(start, CALLS);
}

static double time_pin(void *user)
{
	double start = bench_now_ns();
	pin_and_unpin(user, CALLS);
	return per_call(start, CALLS);
}

static double time_mutex(void *user)
{
	double start = bench_now_ns();
	for (int i = 0; i < CALLS; i++) {
		pthread_mutex_lock(user);
		pthread_mutex_unlock(user);
	}
	return per_call(start, CALLS);
}

static double time_ofd_lock(void *user)
{
	int fd = *(int *)user;
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
	double start = bench_now_ns();
	for (int i = 0; i < SLOW_CALLS; i++) {
		lock.l_type = F_RDLCK;
		bench_must(fcntl(fd, F_OFD_SETLK, &lock) == 0, "an OFD lock");
		lock.l_type = F_UNLCK;
		bench_must(fcntl(fd, F_OFD_SETLK, &lock) == 0, "an OFD unlock");
	}
	return per_call(start, SLOW_CALLS);
}

/* To another process and back, as a pin by message would be; its unpin needs no answer. */
static double time_message(void *user)
{
	int fd = *(int *)user;
	char message[32] = {0};
	double start = bench_now_ns();
	for (int i = 0; i < SLOW_CALLS; i++)
		bench_must(send(fd, message, sizeof(message), 0) == sizeof(message) &&
				   recv(fd, message, sizeof(message), 0) == sizeof(message),
			"a message and back");
	return per_call(start, SLOW_CALLS);
}

static pid_t start_echo(int *ret_fd)
{
	int pair[2];
	char message[32];
	bench_must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		close(pair[0]);
		while (recv(pair[1], message, sizeof(message), 0) > 0)
			send(pair[1], message, sizeof(message), 0);
		_exit(0);
	}
	close(pair[1]);
	*ret_fd = pair[0];
	return pid;
}

static pthread_mutex_t *robust_mutex(void)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_must(mutex != MAP_FAILED, "mmap");
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(mutex, &attributes);
	return mutex;
}

static void measure_beside(struct bench *bench, struct mural_bitmap *bitmap)
{
	int file = memfd_create("bench pin", MFD_CLOEXEC), echo;
	bench_must(file >= 0, "memfd");
	pid_t pid = start_echo(&echo);
	pthread_mutex_t *mutex = robust_mutex();
	const struct bench_side sides[] = {
		{"getppid", time_getppid, NULL},
		{"mural pin + unpin", time_pin, bitmap},
		{"robust mutex", time_mutex, mutex},
		{"OFD lock + unlock", time_ofd_lock, &file},
		{"message and back", time_message, &echo},
	};
	bench_compare(bench, "pin", "", "ns", sides, sizeof(sides) / sizeof(*sides),
		bench_rounds(bench, ROUNDS, QUICK_ROUNDS));
	bench_goal(bench, "pin", "mural pin + unpin / getppid", BENCH_AT_MOST, 0.3);
	close(echo);
	waitpid(pid, NULL, 0);
	close(file);
	munmap(mutex, 4096);
}

/* ---- no system call ---- */

static void check_no_system_call(struct bench *bench, const char *path)
{
	int status;
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		struct mural_bitmap *bitmap = ready_bitmap(connect_to_producer(), path, 0);
		pin_and_unpin(bitmap, 1);
		/* From here on anything but read, write and exit is SIGKILL. */
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(2);
		pin_and_unpin(bitmap, 1000);
		syscall(SYS_exit, 0);
	}
	bench_must(waitpid(pid, &status, 0) == pid, "waitpid");
	bench_check(bench, "pin and unpin make no system call",
		WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- many threads, many processes ---- */

struct span {
	double start_ns, end_ns;
};

/* One that pins when told: a byte in, the span it took out. */
struct worker {
	int go[2], done[2];
	struct mural_bitmap *bitmap;
};

static void work(struct worker *worker)
{
	char told;
	while (read(worker->go[0], &told, 1) == 1) {
		struct span span = {.start_ns = bench_now_ns()};
		pin_and_unpin(worker->bitmap, SCALING_CALLS);
		span.end_ns = bench_now_ns();
		bench_must(write(worker->done[1], &span, sizeof(span)) == sizeof(span), "a result");
	}
}

static void *work_in_thread(void *user)
{
	work(user);
	return NULL;
}

/* Pins a second of the first @count workers together, in millions: from when the first began to
 * when the last was done, since spans that do not overlap can not be added. */
static double together(struct worker *workers, int count)
{
	struct span all = {0}, span;
	for (int i = 0; i < count; i++)
		bench_must(write(workers[i].go[1], "g", 1) == 1, "starting a worker");
	for (int i = 0; i < count; i++) {
		bench_must(read(workers[i].done[0], &span, sizeof(span)) == sizeof(span),
			"a worker's result");
		if (i == 0 || span.start_ns < all.start_ns)
			all.start_ns = span.start_ns;
		if (span.end_ns > all.end_ns)
			all.end_ns = span.end_ns;
	}
	return count * (double)SCALING_CALLS / (all.end_ns - all.start_ns) * 1e3;
}

static void scale(struct bench *bench, const char *series, struct worker *workers, int most)
{
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	char name[96], at[16];
	snprintf(name, sizeof(name), "%s / one", series);
	together(workers, most);
	for (int count = 1; count <= most; count *= 2) {
		snprintf(at, sizeof(at), "%d", count);
		for (unsigned i = 0; i < rounds; i++) {
			double one = together(workers, 1), rate = together(workers, count);
			bench_sample(bench, "scaling", series, at, "M/s", rate);
			if (count > 1)
				bench_ratio(bench, "scaling", name, at, rate / one);
		}
	}
}

static void open_pipes(struct worker *worker)
{
	bench_must(pipe(worker->go) == 0 && pipe(worker->done) == 0, "pipes");
}

static void scale_threads(struct bench *bench, struct mural *mural, const char *path, bool same)
{
	struct worker workers[8];
	pthread_t thread[8];
	struct mural_bitmap *shared = same ? ready_bitmap(mural, path, 9) : NULL;
	for (uint32_t i = 0; i < 8; i++) {
		open_pipes(&workers[i]);
		workers[i].bitmap = same ? shared : ready_bitmap(mural, path, i + 1);
		bench_must(pthread_create(&thread[i], NULL, work_in_thread, &workers[i]) == 0,
			"a thread");
	}
	scale(bench, same ? "threads, same bitmap" : "threads, own bitmaps", workers, 8);
	for (int i = 0; i < 8; i++) {
		close(workers[i].go[1]); /* ends it */
		pthread_join(thread[i], NULL);
		close(workers[i].go[0]);
		close(workers[i].done[0]);
		close(workers[i].done[1]);
		if (!same || i == 0) {
			mural_bitmap_unpin(workers[i].bitmap);
			mural_bitmap_unref(workers[i].bitmap);
		}
	}
}

static void scale_processes(struct bench *bench, const char *path)
{
	struct worker workers[WORKERS_MAX];
	pid_t pid[WORKERS_MAX];
	for (int i = 0; i < WORKERS_MAX; i++) {
		open_pipes(&workers[i]);
		pid[i] = fork();
		bench_must(pid[i] >= 0, "fork");
		if (pid[i] > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int other = 0; other <= i; other++)
			close(workers[other].go[1]);
		workers[i].bitmap = ready_bitmap(connect_to_producer(), path, 0);
		work(&workers[i]);
		_exit(0);
	}
	scale(bench, "processes, same bitmap", workers, WORKERS_MAX);
	for (int i = 0; i < WORKERS_MAX; i++)
		close(workers[i].go[1]);
	for (int i = 0; i < WORKERS_MAX; i++)
		waitpid(pid[i], NULL, 0);
}

int main(int argc, char **argv)
{
	struct bench *bench = bench_begin("pin",
		"Pin and unpin of a ready bitmap, beside other ways.", NULL, NULL, argc, argv);
	char *path = bench_picture(1, "jpeg");
	bench_folder();
	struct mural *mural = connect_to_producer();
	struct mural_bitmap *bitmap = ready_bitmap(mural, path, 0);
	check_no_system_call(bench, path);
	measure_beside(bench, bitmap);
	scale_threads(bench, mural, path, false);
	scale_threads(bench, mural, path, true);
	scale_processes(bench, path);
	bench_goal(bench, "scaling", "threads, own bitmaps / one", BENCH_AT_LEAST, 1.9);
	bench_better(bench, "scaling", "threads, same bitmap / one", BENCH_AT_LEAST);
	bench_goal(bench, "scaling", "processes, same bitmap / one", BENCH_AT_LEAST, 1.9);
	mural_bitmap_unref(bitmap);
	mural_close(mural);
	free(path);
	return bench_end(bench);
}
