/* The producer's side of the nursery: one epoll descriptor over the nursery process, its socket, a
 * timer, and two descriptors for each worker. Events only set flags; settle() then acts on them, so
 * that nothing is freed and no callback runs while a batch of events still points at it. */
#include "producer/nursery.h"

#include "common/message.h"
#include "common/util.h"
#include "nursery_protocol.h"
#include "worker.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

extern char **environ;

/* The descriptor that a nursery process finds its socket at. */
#define CHILD_SOCKET 3

/* A nursery that dies without having had one worker ready is started again later and later. */
#define BACKOFF_FIRST_NS ((uint64_t)10000000)
#define BACKOFF_LAST_NS ((uint64_t)2000000000)
#define STOP_NS ((uint64_t)1000000000)
/* A fork beside a small picture's decode would take from it: the order for the next worker waits
 * for the answer, but not long, and not while few are ready. */
#define ORDER_NS ((uint64_t)1000000)
#define EARLY_MEMORY_MAX ((uint64_t)32 << 20)

struct nursery {
	struct nursery_options options;
	struct nursery_events events;
	int epoll, timer; /* owned */
	/* The process of now; -1, -1 and 0 between two. */
	int control, pidfd; /* owned */
	pid_t pid;
	struct watch control_watch, end_watch, timer_watch;
	bool ended;         /* the process has */
	bool order_unsent;  /* its socket was full: EPOLLOUT is waited for */
	bool ready_arrived; /* available is due */
	bool crowded;       /* is due */
	bool wanting;       /* workers were lost for want of descriptors, and none has come since */
	uint64_t taken;     /* of nursery_order */
	uint64_t order_ns;  /* when it is to be sent at the latest; 0: it has been */
	uint64_t backoff_ns;
	uint64_t restart_ns; /* 0: not due */
	uint64_t timer_ns;   /* what the timer is set to; 0: off */
	/* Ready: oldest first, which is the order of ids. */
	struct worker_list ready, busy;
};

/* ---- the process ---- */

/* Ours, and two more: that all libraries be bound at the start, else every decoder would do it
 * again after its fork; and that the allocator ask for huge pages. A progressive JPEG of 24
 * megapixels needs 72 MB for its coefficients, of which a preview writes a little everywhere: 52 ms
 * with small pages, 24 to 34 with huge ones. Who has set the allocator's variable keeps it. */
static char **nursery_environment(void)
{
	static const char *const ours[] = {
		"LD_BIND_NOW=1", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"};
	size_t own = getenv("GLIBC_TUNABLES") ? 1 : 2;
	size_t count = 0;
	while (environ[count])
		count++;
	char **variables = calloc(count + own + 1, sizeof(*variables));
	if (!variables)
		return NULL;
	for (size_t i = 0; i < own; i++)
		variables[i] = (char *)(uintptr_t)ours[i];
	memcpy(variables + own, environ, count * sizeof(*variables));
	return variables;
}

static int spawn(const char *program, int socket, pid_t *ret_pid)
{
	char *const argv[] = {(char *)(uintptr_t) "mural-nursery", (char *)(uintptr_t) "--nursery",
		(char *)(uintptr_t) "3", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	CLEANUP(free_p) char **variables = nursery_environment();
	if (!variables || posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	posix_spawnattr_init(&attributes); /* cannot fail */
	/* A session of its own: a terminal's Ctrl-C is for the producer, which ends the nursery
	 * itself. */
	posix_spawnattr_setflags(
		&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSID);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	int r = posix_spawn_file_actions_adddup2(&actions, socket, CHILD_SOCKET);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(
			&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&actions, CHILD_SOCKET + 1);
	if (r == 0)
		r = posix_spawn(ret_pid, program ? program : "/proc/self/exe", &actions,
			&attributes, argv, variables);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static void kill_and_reap(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void watch_for(struct nursery *nursery, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = &nursery->control_watch};
	epoll_ctl(nursery->epoll, EPOLL_CTL_MOD, nursery->control, &event);
}

static void send_order(struct nursery *nursery)
{
	nursery->order_ns = 0;
	if (nursery->control < 0)
		return;
	const struct nursery_order order = {
		.taken = nursery->taken, .ahead = nursery->options.ahead};
	bool unsent = message_send(nursery->control, &order, sizeof(order), NULL, 0) == -EAGAIN;
	if (unsent != nursery->order_unsent)
		watch_for(nursery, unsent ? EPOLLIN | EPOLLOUT : EPOLLIN);
	nursery->order_unsent = unsent;
}

static int start_process(struct nursery *nursery)
{
	int pair[2];
	int r = message_pair(pair);
	if (r < 0)
		return r;
	CLEANUP(close_p) int mine = pair[0];
	CLEANUP(close_p) int other = pair[1];
	pid_t pid = 0;
	r = spawn(nursery->options.program, other, &pid);
	if (r < 0)
		return r;
	CLEANUP(close_p) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	r = pidfd < 0 ? -errno : watch_add(nursery->epoll, pidfd, &nursery->end_watch);
	if (r == 0)
		r = watch_add(nursery->epoll, mine, &nursery->control_watch);
	if (r < 0) {
		kill_and_reap(pid);
		return r;
	}
	nursery->pid = pid;
	nursery->pidfd = take_fd(&pidfd);
	nursery->control = take_fd(&mine);
	nursery->ended = nursery->order_unsent = false;
	nursery->taken = 0;
	nursery->restart_ns = 0;
	send_order(nursery);
	return 0;
}

static void kill_process(struct nursery *nursery)
{
	if (nursery->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, nursery->pidfd, SIGKILL, NULL, 0);
}

static void schedule_start(struct nursery *nursery)
{
	nursery->restart_ns = monotonic_ns() + nursery->backoff_ns;
	nursery->backoff_ns = min_u64(nursery->backoff_ns * 2, BACKOFF_LAST_NS);
}

/* ---- what it reports ---- */

static void take_worker(
	struct nursery *nursery, const struct nursery_report *report, const int fds[2])
{
	struct worker *worker;
	if (worker_create(nursery->epoll, fds, report->id, report->pid, &worker) < 0)
		return; /* its socket is closed: it ends, and another is forked */
	TAILQ_INSERT_TAIL(&nursery->ready, worker, link);
	nursery->ready_arrived = true;
	nursery->wanting = false;
	nursery->backoff_ns = BACKOFF_FIRST_NS;
}

static void note_status(struct worker_list *list, const struct nursery_report *report)
{
	struct worker *worker;
	TAILQ_FOREACH(worker, list, link)
	{
		/* One that is reported already belonged to a nursery before this one, whose ids
		 * began at 1 too. */
		if (worker->id != report->id || worker->pid != report->pid || worker->reported)
			continue;
		worker->reported = true;
		worker->status = report->status;
		worker->cpu_ns = report->cpu_ns;
		if (worker->gone)
			worker->deadline_ns = 0;
		return;
	}
}

/* False: nothing more can come. */
static bool receive_report(struct nursery *nursery)
{
	struct nursery_report report;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	ssize_t length = message_receive(nursery->control, &report, sizeof(report), fds, &count);
	if (length == -EMFILE) { /* the worker sees its socket closed, and ends */
		nursery->crowded = nursery->wanting = true;
		return true;
	}
	if (length <= 0)
		return false;
	if (length == sizeof(report) && report.type == NURSERY_READY && count == 2) {
		take_worker(nursery, &report, fds);
		return true;
	}
	close_all(fds, count);
	if (length == sizeof(report) && report.type == NURSERY_ENDED) {
		note_status(&nursery->busy, &report);
		note_status(&nursery->ready, &report);
	}
	return true;
}

static void on_control(struct watch *watch)
{
	struct nursery *nursery = CONTAINER_OF(watch, struct nursery, control_watch);
	if (nursery->control < 0)
		return;
	while (receive_report(nursery))
		continue;
	if (nursery->order_unsent)
		send_order(nursery);
	char byte;
	if (recv(nursery->control, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		kill_process(nursery); /* it hung up; its end follows */
}

static void on_end(struct watch *watch)
{
	struct nursery *nursery = CONTAINER_OF(watch, struct nursery, end_watch);
	nursery->ended = true;
}

static void on_timer(struct watch *watch)
{
	struct nursery *nursery = CONTAINER_OF(watch, struct nursery, timer_watch);
	uint64_t expirations;
	(void)!read(nursery->timer, &expirations, sizeof(expirations));
	nursery->timer_ns = 0;
}

/* ---- acting on it ---- */

static void forget_process(struct nursery *nursery)
{
	epoll_ctl(nursery->epoll, EPOLL_CTL_DEL, nursery->pidfd, NULL);
	epoll_ctl(nursery->epoll, EPOLL_CTL_DEL, nursery->control, NULL);
	close_p(&nursery->pidfd);
	close_p(&nursery->control);
	nursery->pidfd = nursery->control = -1;
	nursery->pid = 0;
}

/* Its workers die with it; what it has not told of their ends nobody will tell. */
static void bury_process(struct nursery *nursery)
{
	while (receive_report(nursery))
		continue;
	while (waitpid(nursery->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	forget_process(nursery);
	nursery->ended = false;

	struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		worker_kill(worker);
		if (worker->reported)
			continue;
		worker->reported = true;
		worker->status = SIGKILL;
		if (worker->gone)
			worker->deadline_ns = 0;
	}
	while ((worker = TAILQ_FIRST(&nursery->ready))) {
		TAILQ_REMOVE(&nursery->ready, worker, link);
		worker_kill(worker);
		worker_free(worker);
	}
	schedule_start(nursery);
}

static void drop_dead_ready(struct nursery *nursery)
{
	unsigned lost = 0;
	for (struct worker *worker = TAILQ_FIRST(&nursery->ready), *next; worker; worker = next) {
		next = TAILQ_NEXT(worker, link);
		if (!worker->gone && worker->socket >= 0)
			continue;
		TAILQ_REMOVE(&nursery->ready, worker, link);
		worker_kill(worker);
		worker_free(worker);
		lost++;
	}
	if (lost > 0)
		nursery->events.lost(lost, nursery->events.user);
}

/* One that has finished by its answer has as long again to go; then it stays, and is told of until
 * it is let go. */
static void act_on_late_worker(struct nursery *nursery, struct worker *worker, uint64_t now)
{
	worker_kill(worker);
	if (!worker->finished || worker->let_go)
		return;
	worker->deadline_ns = now + WORKER_LATE_NS;
	if (worker->late && nursery->events.stays)
		nursery->events.stays(worker, worker->lent, nursery->events.user);
	worker->late = true;
}

static void act_on_late(struct nursery *nursery, uint64_t now)
{
	struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		if (worker->deadline_ns == 0 || now < worker->deadline_ns)
			continue;
		worker->deadline_ns = 0;
		if (worker->gone)
			kill_process(nursery); /* it does not reap: its death ends the wait */
		else
			act_on_late_worker(nursery, worker, now);
	}
	if (nursery->restart_ns != 0 && now >= nursery->restart_ns && start_process(nursery) < 0)
		schedule_start(nursery);
	if (nursery->order_ns != 0 && now >= nursery->order_ns)
		send_order(nursery);
}

static void call_finished(struct nursery *nursery, struct worker *worker)
{
	/* One that was killed for what it said was not killed by somebody else. */
	bool signaled = WIFSIGNALED(worker->status) && !worker->spoke_nonsense;
	int signal = signaled ? WTERMSIG(worker->status) : 0;
	worker->finished = true;
	nursery->events.finished(worker, worker->job_user, worker->answered,
		worker->answered ? &worker->result : NULL, signal, nursery->events.user);
}

/* Finished by its answer, and still to be buried. */
static bool is_leaving(const struct worker *worker)
{
	return worker->early && worker->answered;
}

static unsigned count_leaving(const struct nursery *nursery)
{
	unsigned leaving = 0;
	const struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		leaving += is_leaving(worker);
	}
	return leaving;
}

/* Those that have answered, and that is enough. They are no longer counted by whoever gave them
 * their jobs: so that pictures which have taken them over can not become many, those that take
 * longest to leave are killed once they are more than there are ready ones. */
static void finish_early(struct nursery *nursery)
{
	struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		if (!is_leaving(worker) || worker->finished)
			continue;
		call_finished(nursery, worker);
		if (nursery->order_ns != 0)
			send_order(nursery);
	}
	unsigned leaving = count_leaving(nursery);
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		if (leaving <= nursery->options.ahead)
			return;
		if (!is_leaving(worker))
			continue;
		worker_kill(worker);
		leaving--;
	}
}

static void bury_workers(struct nursery *nursery)
{
	struct worker_list ended = TAILQ_HEAD_INITIALIZER(ended);
	struct worker *worker, *next;
	for (worker = TAILQ_FIRST(&nursery->busy); worker; worker = next) {
		next = TAILQ_NEXT(worker, link);
		if (!worker_has_ended(worker))
			continue;
		TAILQ_REMOVE(&nursery->busy, worker, link);
		TAILQ_INSERT_TAIL(&ended, worker, link);
	}
	while ((worker = TAILQ_FIRST(&ended))) {
		if (worker->let_go)
			nursery->events.left(worker->job_user, nursery->events.user);
		else if (!worker->finished)
			call_finished(nursery, worker);
		if (worker->lent)
			nursery->events.gone(worker->lent, nursery->events.user);
		TAILQ_REMOVE(&ended, worker, link);
		worker_free(worker);
	}
}

static void set_timer(struct nursery *nursery)
{
	uint64_t next = nursery->restart_ns;
	if (nursery->order_ns != 0 && (next == 0 || nursery->order_ns < next))
		next = nursery->order_ns;
	struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->busy, link)
	{
		if (worker->deadline_ns != 0 && (next == 0 || worker->deadline_ns < next))
			next = worker->deadline_ns;
	}
	if (next == nursery->timer_ns)
		return;
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t)(next / 1000000000),
						.tv_nsec = (long)(next % 1000000000)}};
	timerfd_settime(nursery->timer, TFD_TIMER_ABSTIME, &when, NULL);
	nursery->timer_ns = next;
}

static void settle(struct nursery *nursery)
{
	if (nursery->ended)
		bury_process(nursery);
	drop_dead_ready(nursery);
	act_on_late(nursery, monotonic_ns());
	finish_early(nursery);
	bury_workers(nursery);
	if (nursery->crowded) {
		nursery->crowded = false;
		if (nursery->events.crowded && nursery->events.crowded(nursery->events.user))
			nursery_hurry(nursery);
	}
	if (nursery->ready_arrived) {
		nursery->ready_arrived = false;
		nursery->events.available(nursery->events.user);
	}
	set_timer(nursery);
}

void nursery_dispatch(struct nursery *nursery)
{
	struct epoll_event events[64];
	int count = epoll_wait(nursery->epoll, events, ARRAY_SIZE(events), 0);
	for (int i = 0; i < count; i++) {
		struct watch *watch = events[i].data.ptr;
		watch->happened(watch);
	}
	settle(nursery);
}

void nursery_hurry(struct nursery *nursery)
{
	if (nursery->wanting)
		send_order(nursery);
}

/* ---- jobs ---- */

static void order_soon(struct nursery *nursery)
{
	if (nursery_ready(nursery) * 2 < nursery->options.ahead) {
		send_order(nursery);
	} else if (nursery->order_ns == 0) {
		nursery->order_ns = monotonic_ns() + ORDER_NS;
		set_timer(nursery);
	}
}

/* What is finished by its answer leaves uncounted: a picture that takes much is not. Nor is any
 * while twice as many are leaving as are kept ready: killed they were when there were half as many,
 * so that the kernel holds them (closing a file on a dead mount), and those who come after them may
 * end there as well. Whoever gives jobs counts them again then, and so they stay few. */
static bool leaves_early(const struct nursery *nursery, const struct job *job)
{
	bool light = job->threads == 0 && job->memory_bytes <= EARLY_MEMORY_MAX;
	bool alone = !job_has_window(job) || job->flags & JOB_SCRATCH;
	return light && alone && count_leaving(nursery) < 2 * nursery->options.ahead;
}

int nursery_submit(struct nursery *nursery, const struct job *job, int source_fd, int memory_fd,
	void *job_user, struct worker **ret_worker)
{
	if (source_fd < 0 || job_has_window(job) != (memory_fd >= 0))
		return -EINVAL;
	const int fds[] = {source_fd, memory_fd};
	struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->ready, link)
	{
		if (worker->gone || worker->socket < 0)
			continue;
		int r = message_send(
			worker->socket, job, sizeof(*job), fds, memory_fd >= 0 ? 2 : 1);
		if (r == -EPIPE || r == -ECONNRESET) {
			worker_hang_up(worker); /* it died just now: it is not ready any more */
			continue;
		}
		if (r < 0)
			return r == -EAGAIN ? -ENOBUFS : r;
		worker->job_user = job_user;
		worker->early = leaves_early(nursery, job);
		TAILQ_REMOVE(&nursery->ready, worker, link);
		TAILQ_INSERT_TAIL(&nursery->busy, worker, link);
		nursery->taken = worker->id;
		order_soon(nursery);
		*ret_worker = worker;
		return 0;
	}
	return -EAGAIN;
}

/* ---- life ---- */

static int set_up(struct nursery *nursery)
{
	nursery->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (nursery->epoll < 0)
		return -errno;
	nursery->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (nursery->timer < 0)
		return -errno;
	int r = watch_add(nursery->epoll, nursery->timer, &nursery->timer_watch);
	return r < 0 ? r : start_process(nursery);
}

int nursery_start(const struct nursery_options *options, const struct nursery_events *events,
	struct nursery **ret)
{
	struct nursery *nursery = calloc(1, sizeof(*nursery));
	if (!nursery)
		return -ENOMEM;
	nursery->options = *options;
	nursery->options.ahead = options->ahead > 0 ? options->ahead : 1;
	nursery->events = *events;
	nursery->epoll = nursery->timer = nursery->control = nursery->pidfd = -1;
	nursery->control_watch.happened = on_control;
	nursery->end_watch.happened = on_end;
	nursery->timer_watch.happened = on_timer;
	nursery->backoff_ns = BACKOFF_FIRST_NS;
	TAILQ_INIT(&nursery->ready);
	TAILQ_INIT(&nursery->busy);
	int r = set_up(nursery);
	if (r < 0) {
		nursery_stop(nursery);
		return r;
	}
	*ret = nursery;
	return 0;
}

static void wait_readable(int fd, uint64_t until)
{
	struct pollfd polled = {.fd = fd, .events = POLLIN};
	uint64_t now;
	while ((now = monotonic_ns()) < until)
		if (poll(&polled, 1, (int)((until - now) / 1000000 + 1)) != -1 || errno != EINTR)
			return;
}

static void stop_workers(struct worker_list *list, uint64_t until)
{
	struct worker *worker;
	TAILQ_FOREACH(worker, list, link)
	{
		worker_kill(worker);
	}
	while ((worker = TAILQ_FIRST(list))) {
		wait_readable(worker->pidfd, until);
		TAILQ_REMOVE(list, worker, link);
		worker_free(worker);
	}
}

/* The nursery is asked by the hang-up to end, so that it reaps its children itself. */
static void stop_process(struct nursery *nursery, uint64_t until)
{
	if (nursery->pid == 0)
		return;
	shutdown(nursery->control, SHUT_RDWR);
	wait_readable(nursery->pidfd, until);
	kill_and_reap(nursery->pid);
	forget_process(nursery);
}

void nursery_stop(struct nursery *nursery)
{
	if (!nursery)
		return;
	uint64_t until = monotonic_ns() + STOP_NS;
	stop_workers(&nursery->ready, until);
	stop_workers(&nursery->busy, until);
	stop_process(nursery, until);
	close_p(&nursery->timer);
	close_p(&nursery->epoll);
	free(nursery);
}

int nursery_fd(const struct nursery *nursery)
{
	return nursery->epoll;
}

unsigned nursery_ready(const struct nursery *nursery)
{
	unsigned ready = 0;
	const struct worker *worker;
	TAILQ_FOREACH(worker, &nursery->ready, link)
	{
		ready += !worker->gone && worker->socket >= 0;
	}
	return ready;
}

pid_t nursery_pid(const struct nursery *nursery)
{
	return nursery->pid;
}
