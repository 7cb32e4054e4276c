/* Threads for the calls that may block in a source's file system. On a file system of this machine
 * statx does not, nor does close unless it removes the file, and both are made here and now: a
 * thread's waking is what a consumer, which was woken by the answer, would wait behind. One statx
 * then says it all: that the file system is known, what the file is, and whether its close blocks.
 *
 * A ticket is in one of four places: waiting, set aside, running, done; or answered, when no thread
 * had to be asked. The lock guards the first four and nothing else; no system call that could enter
 * a file system is made under it. Threads start on demand: one is enough until it blocks. Those
 * that block on one file system are not all there are: what is asked of it beyond them is set aside
 * until one of them comes back. */
#include "files.h"
#include "local.h"

#include "common/list.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* So many start without thought; beyond that one more each time the oldest ticket has waited
 * FILES_STUCK_NS, which means that the others are blocked. */
#define FILES_THREADS_AT_ONCE 2u
#define FILES_STUCK_NS UINT64_C(20000000)

enum task {
	TASK_IDENTIFY,
	TASK_VERIFY,
	TASK_CLOSE,
};

struct file_ticket {
	struct list node;    /* in waiting, aside, running, done or answered */
	struct list pending; /* loop thread's: tickets that still owe an answer, oldest first */
	enum task task;
	int fd;
	file_fn fn; /* NULL: forgotten; loop thread's alone */
	void *user;
	uint64_t queued_ns, deadline_ns;
	dev_t device;      /* 0: it can not be had */
	enum local learnt; /* of @device; UNKNOWN: to be asked */
	struct file_answer answer;
};

struct files {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list waiting, aside, running, done;
	unsigned threads, idle, queued; /* queued: those that wait */
	unsigned users;                 /* the owner and every thread: the last one frees */
	bool ending;
	int event;
	/* The loop thread's. */
	struct list answered, pending;
	struct local_devices devices;
};

static void unref_and_unlock(struct files *files)
{
	bool last = --files->users == 0;
	pthread_mutex_unlock(&files->lock);
	if (!last)
		return;
	list_for_each (node, &files->done)
		free(list_item(node, struct file_ticket, node));
	pthread_cond_destroy(&files->wake);
	pthread_mutex_destroy(&files->lock);
	close(files->event);
	free(files);
}

/* Seccomp profiles of old containers refuse statx, and say that it is not permitted. */
static int ask(int fd, struct statx *ret)
{
	struct stat file;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, ret) == 0)
		return 0;
	if ((errno != EPERM && errno != ENOSYS) || fstat(fd, &file) < 0)
		return -1;
	*ret = (struct statx){
		.stx_mode = (__u16)file.st_mode,
		.stx_dev_major = major(file.st_dev),
		.stx_dev_minor = minor(file.st_dev),
		.stx_ino = file.st_ino,
		.stx_size = (__u64)file.st_size,
		.stx_mtime = {.tv_sec = file.st_mtim.tv_sec,
			.tv_nsec = (__u32)file.st_mtim.tv_nsec},
		.stx_ctime = {.tv_sec = file.st_ctim.tv_sec,
			.tv_nsec = (__u32)file.st_ctim.tv_nsec},
	};
	return 0;
}

/* @known: what statx says of it, where that is known to be true; NULL: it is asked. */
static void identify(int fd, const struct statx *known, struct file_answer *answer)
{
	answer->reason = MURAL_REASON_SOURCE;
	int flags = fcntl(fd, F_GETFL);
	struct statx file;
	if (known)
		file = *known;
	if (flags < 0 || (!known && ask(fd, &file) < 0)) {
		answer->error = -errno;
	} else if (flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY) {
		answer->error =
			-EINVAL; /* a descriptor that can not read must not become a cache hit */
	} else if (S_ISDIR(file.stx_mode)) {
		answer->error = -EISDIR;
	} else if (!S_ISREG(file.stx_mode)) {
		answer->error = -EINVAL;
	} else if (file.stx_size == 0) {
		answer->error = -ENODATA;
		answer->reason = MURAL_REASON_EMPTY;
	} else {
		answer->error = 0;
		answer->reason = MURAL_REASON_NONE;
		answer->identity = (struct protocol_identity){
			.device = makedev(file.stx_dev_major, file.stx_dev_minor),
			.inode = file.stx_ino,
			.size = (int64_t)file.stx_size,
			.mtime_s = file.stx_mtime.tv_sec,
			.mtime_ns = file.stx_mtime.tv_nsec,
			.ctime_s = file.stx_ctime.tv_sec,
			.ctime_ns = file.stx_ctime.tv_nsec,
		};
	}
}

static void run(struct file_ticket *ticket)
{
	if (ticket->task != TASK_CLOSE) {
		identify(ticket->fd, NULL, &ticket->answer);
		if (ticket->learnt == LOCAL_UNKNOWN)
			ticket->learnt = local_ask(ticket->fd);
	}
	if (ticket->task != TASK_IDENTIFY || ticket->answer.error < 0)
		close_p(&ticket->fd);
	else
		ticket->answer.fd = ticket->fd;
}

/* ---- under the lock ---- */

static struct file_ticket *take_first(struct list *tickets)
{
	struct list *first = list_take(tickets);
	return first ? list_item(first, struct file_ticket, node) : NULL;
}

static bool may_run(const struct files *files, dev_t device)
{
	unsigned running = 0;
	list_for_each (node, &files->running)
		running += list_item(node, struct file_ticket, node)->device == device;
	return running < FILES_THREADS_EACH;
}

/* The next to be run; NULL: there is none now. */
static struct file_ticket *begin(struct files *files)
{
	struct file_ticket *ticket;
	while ((ticket = take_first(&files->waiting)) != NULL) {
		bool may = may_run(files, ticket->device);
		files->queued--;
		list_append(may ? &files->running : &files->aside, &ticket->node);
		if (may)
			break;
	}
	return ticket;
}

/* A thread has come back from this file system: it can have one for the next. */
static void try_next(struct files *files, dev_t device)
{
	list_for_each (node, &files->aside) {
		struct file_ticket *ticket = list_item(node, struct file_ticket, node);
		if (ticket->device != device)
			continue;
		ticket->queued_ns = monotonic_ns();
		list_remove(&ticket->node);
		list_append(&files->waiting, &ticket->node);
		files->queued++;
		return;
	}
}

/* NULL: none will come any more. */
static struct file_ticket *wait_for_one(struct files *files)
{
	struct file_ticket *ticket;
	files->idle++;
	while ((ticket = begin(files)) == NULL && !files->ending)
		pthread_cond_wait(&files->wake, &files->lock);
	files->idle--;
	return ticket;
}

static void *thread_main(void *argument)
{
	struct files *files = argument;
	struct file_ticket *ticket;
	pthread_mutex_lock(&files->lock);
	while ((ticket = wait_for_one(files)) != NULL) {
		pthread_mutex_unlock(&files->lock);
		run(ticket);
		pthread_mutex_lock(&files->lock);
		list_remove(&ticket->node);
		try_next(files, ticket->device);
		if (ticket->task == TASK_CLOSE) {
			free(ticket);
			continue;
		}
		if (files->ending) { /* nobody will ask any more */
			if (ticket->answer.fd >= 0)
				close(ticket->answer.fd);
			ticket->answer.fd = -1;
		}
		list_append(&files->done, &ticket->node);
		eventfd_write(files->event, 1);
	}
	files->threads--;
	unref_and_unlock(files);
	return NULL;
}

/* Called with the lock held. */
static int start_thread(struct files *files)
{
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	/* Signals are for the event loop. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_t thread;
	int r = pthread_create(&thread, &attributes, thread_main, files);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (r != 0)
		return -r;
	files->threads++;
	files->users++;
	return 0;
}

int files_create(struct files **ret)
{
	struct files *files = calloc(1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	files->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (files->event < 0) {
		int r = -errno;
		free(files);
		return r;
	}
	pthread_mutex_init(&files->lock, NULL);
	pthread_cond_init(&files->wake, NULL);
	list_init(&files->waiting);
	list_init(&files->aside);
	list_init(&files->running);
	list_init(&files->done);
	list_init(&files->answered);
	list_init(&files->pending);
	files->users = 1;
	*ret = files;
	return 0;
}

static void drop_all(struct list *tickets)
{
	list_for_each (node, tickets) {
		struct file_ticket *ticket = list_item(node, struct file_ticket, node);
		list_remove(node);
		if (ticket->answer.fd >= 0)
			close(ticket->answer.fd);
		free(ticket);
	}
}

void files_destroy(struct files *files)
{
	if (!files)
		return;
	drop_all(&files->answered);
	pthread_mutex_lock(&files->lock);
	files->ending = true;
	drop_all(&files->done);
	pthread_cond_broadcast(&files->wake);
	unref_and_unlock(files);
}

int files_fd(const struct files *files)
{
	return files->event;
}

/* One answer to its asker, or to nobody. */
static void deliver(struct files *files, struct file_ticket *ticket)
{
	list_remove(&ticket->pending);
	if (ticket->device != 0)
		local_learn(&files->devices, ticket->device, ticket->learnt);
	if (!ticket->fn) {
		if (ticket->answer.fd >= 0)
			files_close(files, ticket->answer.fd);
		free(ticket);
		return;
	}
	file_fn fn = ticket->fn;
	void *user = ticket->user;
	struct file_answer answer = ticket->answer;
	free(ticket);
	fn(user, &answer);
}

static struct file_ticket *take_done(struct files *files)
{
	pthread_mutex_lock(&files->lock);
	struct file_ticket *ticket = take_first(&files->done);
	pthread_mutex_unlock(&files->lock);
	return ticket;
}

static void help_the_stuck(struct files *files, uint64_t now_ns)
{
	pthread_mutex_lock(&files->lock);
	if (files->queued > 0 && files->threads < FILES_THREADS_MAX) {
		struct file_ticket *oldest =
			list_item(files->waiting.next, struct file_ticket, node);
		if (oldest->queued_ns + FILES_STUCK_NS <= now_ns) {
			oldest->queued_ns = now_ns; /* the next thread comes after another while */
			(void)start_thread(files);
		}
	}
	pthread_mutex_unlock(&files->lock);
}

void files_answer(struct files *files)
{
	struct file_ticket *ticket;
	while ((ticket = take_first(&files->answered)) != NULL)
		deliver(files, ticket);
}

void files_dispatch(struct files *files, uint64_t now_ns)
{
	help_the_stuck(files, now_ns);
	eventfd_t ignored;
	eventfd_read(files->event, &ignored);
	struct file_ticket *ticket;
	files_answer(files);
	while ((ticket = take_done(files)) != NULL)
		deliver(files, ticket);
	static const struct file_answer late = {
		.error = -ETIMEDOUT, .reason = MURAL_REASON_TIMEOUT, .fd = -1};
	while (!list_empty(&files->pending)) {
		ticket = list_item(files->pending.next, struct file_ticket, pending);
		if (ticket->deadline_ns > now_ns)
			break;
		file_fn fn = ticket->fn;
		void *user = ticket->user;
		ticket->fn = NULL; /* its thread may still come back */
		list_remove(&ticket->pending);
		if (fn)
			fn(user, &late);
	}
}

uint64_t files_deadline(struct files *files)
{
	uint64_t deadline = UINT64_MAX;
	if (!list_empty(&files->answered))
		return 0;
	if (!list_empty(&files->pending))
		deadline = list_item(files->pending.next, struct file_ticket, pending)->deadline_ns;
	pthread_mutex_lock(&files->lock);
	if (files->queued > 0 && files->threads < FILES_THREADS_MAX) {
		const struct file_ticket *oldest =
			list_item(files->waiting.next, struct file_ticket, node);
		deadline = min_u64(deadline, oldest->queued_ns + FILES_STUCK_NS);
	}
	pthread_mutex_unlock(&files->lock);
	return deadline;
}

/* On the loop's thread, but answered as if it had been another: after the caller has gone on. */
static void run_now(struct files *files, struct file_ticket *ticket, const struct local_file *file)
{
	identify(ticket->fd, &file->facts, &ticket->answer);
	ticket->answer.fd = ticket->fd;
	ticket->answer.closes_at_once = file->has_name;
	if (ticket->task == TASK_VERIFY || ticket->answer.error < 0) {
		files_done(files, &ticket->answer);
		ticket->answer.fd = -1;
	}
	list_append(&files->answered, &ticket->node);
}

static int run_in_thread(struct files *files, struct file_ticket *ticket)
{
	int r = 0;
	pthread_mutex_lock(&files->lock);
	if (files->threads < FILES_THREADS_AT_ONCE && files->queued >= files->idle)
		r = start_thread(files);
	if (r < 0 && files->threads == 0) {
		pthread_mutex_unlock(&files->lock);
		return -EAGAIN;
	}
	list_append(&files->waiting, &ticket->node);
	files->queued++;
	pthread_cond_signal(&files->wake);
	pthread_mutex_unlock(&files->lock);
	return 0;
}

/* Where nothing is known yet, the thread asks, and the answer tells. */
static bool answers_at_once(struct files *files, struct file_ticket *ticket)
{
	struct local_file file;
	local_look(&files->devices, ticket->fd, &file);
	ticket->device = file.device;
	ticket->learnt = file.local;
	if (ticket->task == TASK_CLOSE || file.local != LOCAL_YES)
		return false;
	run_now(files, ticket, &file);
	return true;
}

static int submit(struct files *files, enum task task, int fd, file_fn fn, void *user,
	uint64_t now_ns, struct file_ticket **ret)
{
	struct file_ticket *ticket = calloc(1, sizeof(*ticket));
	if (!ticket) {
		close(fd); /* may block; there is no memory to do better */
		return -ENOMEM;
	}
	*ticket = (struct file_ticket){
		.task = task,
		.fd = fd,
		.fn = fn,
		.user = user,
		.queued_ns = now_ns,
		.deadline_ns = now_ns + FILES_TIMEOUT_NS,
		.answer = {.fd = -1},
	};
	list_init(&ticket->node);
	list_init(&ticket->pending);
	bool answered = answers_at_once(files, ticket);
	if (!answered && run_in_thread(files, ticket) < 0) {
		close(fd);
		free(ticket);
		return -EAGAIN;
	}
	if (task != TASK_CLOSE)
		list_append(&files->pending, &ticket->pending);
	if (ret)
		*ret = ticket;
	return 0;
}

int files_identify(struct files *files, int fd, file_fn fn, void *user, uint64_t now_ns,
	struct file_ticket **ret)
{
	return submit(files, TASK_IDENTIFY, fd, fn, user, now_ns, ret);
}

int files_verify(struct files *files, int fd, file_fn fn, void *user, uint64_t now_ns,
	struct file_ticket **ret)
{
	return submit(files, TASK_VERIFY, fd, fn, user, now_ns, ret);
}

/* (A name may go the very moment after the look: then the loop waits for the file's end.) */
void files_done(struct files *files, const struct file_answer *answer)
{
	if (answer->closes_at_once)
		close(answer->fd);
	else
		files_close(files, answer->fd);
}

void files_close(struct files *files, int fd)
{
	struct local_file file;
	if (fd < 0)
		return;
	local_look(&files->devices, fd, &file);
	if (file.local == LOCAL_YES && file.has_name)
		close(fd);
	else
		submit(files, TASK_CLOSE, fd, NULL, NULL, monotonic_ns(), NULL);
}

void files_forget(struct files *files, struct file_ticket *ticket)
{
	(void)files;
	if (ticket)
		ticket->fn = NULL;
}
