/* One decoder process as the producer sees it. It has ended when three things have come, in any
 * order: the end of the process (only then is its writable mapping gone), the nursery's report of
 * how, and the answer or the lack of one. The end takes 0.2 ms and its report 0.1 more, as long as
 * small pictures take: a job that leaves nothing behind that matters is finished by its answer. */
#include "worker.h"

#include "common/message.h"
#include "common/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

int watch_add(int epoll, int fd, struct watch *watch)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* One that has gone takes none. */
static int send_signal(const struct worker *worker, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, worker->pidfd, signal, NULL, 0);
}

/* Explicitly: epoll forgets a closed descriptor only when its last copy is closed. */
static void close_watched(int epoll, int *fd)
{
	if (*fd < 0)
		return;
	epoll_ctl(epoll, EPOLL_CTL_DEL, *fd, NULL);
	close_p(fd);
	*fd = -1;
}

/* True: an answer of the right shape, the first. Anything else ends the conversation. */
static bool receive_answer(struct worker *worker)
{
	struct job_result result;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	ssize_t length = message_receive(worker->socket, &result, sizeof(result), fds, &count);
	if (length == -EAGAIN)
		return false;
	close_watched(worker->epoll, &worker->socket);
	if (length <= 0)
		return false;
	close_all(fds, count);
	worker->spoke_nonsense = length != sizeof(result) || count != 0;
	if (worker->spoke_nonsense)
		return false;
	result.text[sizeof(result.text) - 1] = '\0';
	worker->result = result;
	return true;
}

/* Of a process that is there (or not reaped yet), and so still has its number. */
uint64_t worker_cpu_now(const struct worker *worker)
{
	clockid_t clock;
	struct timespec time;
	if (clock_getcpuclockid(worker->pid, &clock) != 0 || clock_gettime(clock, &time) < 0 ||
		send_signal(worker, 0) < 0)
		return 0;
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Its state comes after its name, which may hold anything. */
static bool thread_wants_core(int threads, const char *thread)
{
	char path[300], text[512];
	snprintf(path, sizeof(path), "%s/stat", thread);
	CLEANUP(close_p) int fd = openat(threads, path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	const char *name_end = strrchr(text, ')');
	return name_end && strncmp(name_end, ") R", 3) == 0;
}

bool worker_wants_core(const struct worker *worker)
{
	char path[40];
	bool wants = false;
	snprintf(path, sizeof(path), "/proc/%d/task", (int)worker->pid);
	DIR *threads = opendir(path);
	for (struct dirent *thread; threads && !wants && (thread = readdir(threads));)
		wants = thread_wants_core(dirfd(threads), thread->d_name);
	if (threads)
		closedir(threads);
	return wants;
}

static void on_answer(struct watch *watch)
{
	struct worker *worker = CONTAINER_OF(watch, struct worker, answer);
	if (worker->socket < 0)
		return;
	if (receive_answer(worker)) {
		worker->answered = true;
		worker->deadline_ns = monotonic_ns() + WORKER_LATE_NS;
		worker_go_on(worker); /* to its end */
		if (worker->early)
			worker->cpu_ns = worker_cpu_now(worker);
	} else if (worker->socket < 0) {
		worker_kill(worker); /* it hung up, or spoke nonsense */
	}
}

static void on_end(struct watch *watch)
{
	struct worker *worker = CONTAINER_OF(watch, struct worker, end);
	if (worker->gone)
		return;
	worker->gone = true;
	epoll_ctl(worker->epoll, EPOLL_CTL_DEL, worker->pidfd, NULL);
	if (worker->socket >= 0 && receive_answer(worker))
		worker->answered = true;
	close_watched(worker->epoll, &worker->socket);
	worker->deadline_ns = worker->reported ? 0 : monotonic_ns() + WORKER_LATE_NS;
}

int worker_create(int epoll, const int fds[2], uint64_t id, pid_t pid, struct worker **ret)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	if (!worker) {
		close(fds[0]);
		close(fds[1]);
		return -ENOMEM;
	}
	worker->id = id;
	worker->pid = pid;
	worker->epoll = epoll;
	worker->pidfd = fds[0];
	worker->socket = fds[1];
	worker->end.happened = on_end;
	worker->answer.happened = on_answer;
	int r = watch_add(epoll, worker->pidfd, &worker->end);
	if (r == 0)
		r = watch_add(epoll, worker->socket, &worker->answer);
	if (r < 0) {
		worker_free(worker);
		return r;
	}
	*ret = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	close_watched(worker->epoll, &worker->pidfd);
	close_watched(worker->epoll, &worker->socket);
	free(worker);
}

void worker_hang_up(struct worker *worker)
{
	close_watched(worker->epoll, &worker->socket);
}

bool worker_has_ended(const struct worker *worker)
{
	return worker->gone && worker->reported;
}

void worker_lend(struct worker *worker, void *lent)
{
	worker->lent = lent;
}

void worker_kill(struct worker *worker)
{
	send_signal(worker, SIGKILL);
}

void worker_let_go(struct worker *worker, void *job_user)
{
	worker->job_user = job_user;
	worker->lent = NULL;
	worker->finished = worker->let_go = true;
}

void worker_halt(struct worker *worker)
{
	if (worker->answered || worker->halted)
		return;
	worker->halted = true;
	send_signal(worker, SIGSTOP);
}

void worker_go_on(struct worker *worker)
{
	if (!worker->halted)
		return;
	worker->halted = false;
	send_signal(worker, SIGCONT);
}

pid_t worker_pid(const struct worker *worker)
{
	return worker->pid;
}

uint64_t worker_cpu_ns(const struct worker *worker)
{
	return worker->cpu_ns;
}
