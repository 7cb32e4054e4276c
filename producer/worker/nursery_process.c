/* The nursery process: forks decoders ahead of need. It was started by exec before it held
 * anything, so what a decoder inherits from it is this program's code and one socket. All decoders
 * share its address space layout; what a hostile image could learn of it helps it only inside the
 * sandbox. */
#include "producer/codec.h"
#include "producer/nursery.h"
#include "producer/sandbox.h"

#include "common/message.h"
#include "common/util.h"
#include "decoder_descriptors.h"
#include "descriptors.h"
#include "fork_pace.h"
#include "nursery_protocol.h"
#include "rehearsal.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct child {
	uint64_t id;
	pid_t pid;
	int pidfd, socket; /* the producer's; owned until they are sent, -1 then */
	bool ended;        /* reaped, and not yet reported */
	int status;
	uint64_t cpu_ns;
};

struct home {
	int control, signals, rehearsal; /* owned */
	struct nursery_order order;
	uint64_t last_id;
	struct child *children; /* in the order of their ids */
	size_t count, room;
	struct fork_pace pace;
};

static size_t count_ready(const struct home *home)
{
	size_t ready = 0;
	for (size_t i = 0; i < home->count; i++)
		ready += !home->children[i].ended && home->children[i].id > home->order.taken;
	return ready;
}

/* ---- making children ---- */

static _Noreturn void be_a_decoder(int socket, int rehearsal, pid_t parent)
{
	const int keep[] = {
		STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, DECODER_ANSWER, DECODER_REHEARSAL};
	sigset_t none;
	sigemptyset(&none);
	/* A decoder whose parent has gone already would never get the signal. */
	if (dup2(socket, DECODER_ANSWER) < 0 || dup2(rehearsal, DECODER_REHEARSAL) < 0 ||
		descriptors_keep_only(keep, ARRAY_SIZE(keep)) < 0 ||
		prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
		sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		_exit(1);
	decoder_main(DECODER_ANSWER);
}

static bool make_room(struct home *home)
{
	if (home->count < home->room)
		return true;
	size_t room = home->room * 2 + 8;
	struct child *children = reallocarray(home->children, room, sizeof(*children));
	if (!children)
		return false;
	home->children = children;
	home->room = room;
	return true;
}

static bool fork_one(struct home *home)
{
	int pair[2];
	if (!make_room(home) || message_pair(pair) < 0)
		return false;
	pid_t parent = getpid();
	pid_t pid = sandbox_fork();
	if (pid == 0)
		be_a_decoder(pair[1], home->rehearsal, parent);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return false;
	}
	home->children[home->count++] = (struct child){
		.id = ++home->last_id,
		.pid = pid,
		.pidfd = (int)syscall(SYS_pidfd_open, pid, 0),
		.socket = pair[0],
	};
	if (home->children[home->count - 1].pidfd >= 0)
		return true;
	kill(pid, SIGKILL); /* of no use without; reaped like any other */
	return false;
}

static void fork_ahead(struct home *home)
{
	uint64_t now_ns = monotonic_ns();
	if (!fork_pace_may(&home->pace, now_ns))
		return;
	for (size_t ready = count_ready(home); ready < home->order.ahead; ready++) {
		if (!fork_one(home)) {
			fork_pace_failed(&home->pace, now_ns);
			return;
		}
	}
}

/* ---- telling the producer ---- */

static void forget(struct home *home, size_t index)
{
	struct child *child = &home->children[index];
	close_p(&child->pidfd);
	close_p(&child->socket);
	home->count--;
	for (size_t i = index; i < home->count; i++)
		home->children[i] = home->children[i + 1];
}

static bool announce(const struct home *home, struct child *child)
{
	const struct nursery_report report = {
		.type = NURSERY_READY, .pid = child->pid, .id = child->id};
	const int fds[] = {child->pidfd, child->socket};
	int r = message_send(home->control, &report, sizeof(report), fds, ARRAY_SIZE(fds));
	if (r == -EAGAIN)
		return false;
	if (r < 0) /* too many descriptors under way, or nobody there: this one will not be used */
		kill(child->pid, SIGKILL);
	close_p(&child->pidfd);
	close_p(&child->socket);
	child->pidfd = child->socket = -1;
	return true;
}

/* Says what has not been said yet, as far as the producer takes it. True: all of it. */
static bool report(struct home *home)
{
	for (size_t i = 0; i < home->count;) {
		struct child *child = &home->children[i];
		if (!child->ended) {
			if (child->socket >= 0 && child->pidfd >= 0 && !announce(home, child))
				return false;
			i++;
			continue;
		}
		const struct nursery_report ended = {.type = NURSERY_ENDED,
			.pid = child->pid,
			.id = child->id,
			.status = child->status,
			.cpu_ns = child->cpu_ns};
		if (message_send(home->control, &ended, sizeof(ended), NULL, 0) == -EAGAIN)
			return false;
		forget(home, i);
	}
	return true;
}

/* ---- what happens ---- */

static uint64_t cpu_ns_of(const struct rusage *usage)
{
	return ((uint64_t)usage->ru_utime.tv_sec + (uint64_t)usage->ru_stime.tv_sec) * 1000000000u +
	       ((uint64_t)usage->ru_utime.tv_usec + (uint64_t)usage->ru_stime.tv_usec) * 1000u;
}

static void note_end(struct home *home, pid_t pid, int status, const struct rusage *usage)
{
	for (size_t i = 0; i < home->count; i++) {
		struct child *child = &home->children[i];
		if (child->pid != pid || child->ended)
			continue;
		child->ended = true;
		child->status = status;
		child->cpu_ns = cpu_ns_of(usage);
		fork_pace_ended(&home->pace, child->id > home->order.taken, monotonic_ns());
		return;
	}
}

static void reap(struct home *home)
{
	struct signalfd_siginfo ignored;
	while (read(home->signals, &ignored, sizeof(ignored)) > 0)
		continue;
	int status;
	pid_t pid;
	struct rusage usage;
	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0)
		note_end(home, pid, status, &usage);
}

/* False: the producer has gone. */
static bool take_orders(struct home *home)
{
	for (;;) {
		struct nursery_order order;
		int fds[MESSAGE_FDS_MAX];
		size_t count = 0;
		ssize_t length = message_receive(home->control, &order, sizeof(order), fds, &count);
		if (length == -EAGAIN)
			return true;
		if (length <= 0)
			return false;
		close_all(fds, count);
		if (length != sizeof(order))
			continue;
		home->order = order;
		fork_pace_ordered(&home->pace);
	}
}

static int wait_ms(const struct home *home)
{
	uint64_t retry_ns = home->pace.retry_ns, now = monotonic_ns();
	if (retry_ns == 0)
		return -1;
	return retry_ns <= now ? 0 : (int)((retry_ns - now) / 1000000 + 1);
}

static _Noreturn void end_all(struct home *home)
{
	for (size_t i = 0; i < home->count; i++)
		if (!home->children[i].ended)
			kill(home->children[i].pid, SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		continue;
	_exit(0);
}

static int set_up(struct home *home)
{
	sigset_t child_ended;
	sigemptyset(&child_ended);
	sigaddset(&child_ended, SIGCHLD);
	prctl(PR_SET_NAME, "mural-nursery");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		sigprocmask(SIG_SETMASK, &child_ended, NULL) < 0)
		return -errno;
	home->signals = signalfd(-1, &child_ended, SFD_NONBLOCK | SFD_CLOEXEC);
	if (home->signals < 0 || chdir("/") < 0) /* no folder is kept busy */
		return -errno;
	home->rehearsal = rehearsal_file();
	if (home->rehearsal < 0)
		return home->rehearsal;
	/* Only a saving: where it fails each decoder tries by itself, and answers why not. */
	sandbox_set_up(&decoder_descriptors);
	codec_prepare_thread();
	return 0;
}

int nursery_main(int socket)
{
	struct home home = {.control = socket};
	int r = set_up(&home);
	if (r < 0)
		return r;
	fork_pace_init(&home.pace);
	for (;;) {
		fork_ahead(&home);
		bool all_said = report(&home);
		struct pollfd polled[] = {
			{.fd = home.control, .events = (short)(POLLIN | (all_said ? 0 : POLLOUT))},
			{.fd = home.signals, .events = POLLIN},
		};
		if (poll(polled, ARRAY_SIZE(polled), wait_ms(&home)) < 0 && errno != EINTR)
			return -errno;
		if (!take_orders(&home))
			end_all(&home);
		reap(&home);
	}
}
