/* Starting a producer. The socket listens before the program runs, so that connecting succeeds at
 * once from the backlog.
 *
 * Two forks and a session of its own: nobody gets a SIGCHLD for it later, no terminal's signals
 * reach it. Between fork and exec only what is allowed in a signal handler: the program may have
 * threads. */
#include "spawn.h"

#include "common/message.h"
#include "common/util.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PRODUCER_NAME "mural-producer"
#define EXEC_TIMEOUT_MS 5000

/* Where the started program finds its socket; systemd's number for the first one. */
#define HANDED_FD 3
#define STATUS_FD 4
/* The numbers above, while they are still ours, are kept clear of. */
#define FIRST_FREE_FD 10

extern char **environ;

struct image {
	const char *program;
	char **argv, **envp;
	char *pid_digits; /* inside envp: where LISTEN_PID's number goes; or NULL */
	int handed, status;
	bool keep_stderr;
};

/* ---- finding it ---- */

static char *runnable(const char *path)
{
	return access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
}

/* @other in the folder of the file @path, whose name is cut off. */
static char *runnable_beside(char *path, const char *other)
{
	char *slash = strrchr(path, '/');
	CLEANUP(free_p) char *joined = NULL;
	if (!slash)
		return NULL;
	*slash = '\0';
	return asprintf(&joined, "%s/%s", path, other) < 0 ? NULL : runnable(joined);
}

static char *beside_this_program(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (length <= 0 || (size_t)length >= sizeof(path) - 1)
		return NULL;
	path[length] = '\0';
	return runnable_beside(path, PRODUCER_NAME);
}

/* Installed with this library, which may have been put elsewhere than was thought of when it was
 * built. Only there: linked statically it is the program that is asked about, whose name is what
 * its caller says (the linker's own list has none for it), and in a folder of another name nobody
 * knows what "../bin" is. */
static char *of_this_library(void)
{
	static const char within, folder[] = "/" MURAL_LIBRARY_FOLDER "/libmural.so";
	Dl_info info;
	struct link_map *map = NULL;
	if (!dladdr1(&within, &info, (void **)&map, RTLD_DL_LINKMAP) || map->l_name[0] != '/')
		return NULL;
	CLEANUP(free_p) char *library = realpath(map->l_name, NULL);
	const char *slash = library ? strrchr(library, '/') : NULL;
	size_t before = strlen("/" MURAL_LIBRARY_FOLDER);
	if (!slash || (size_t)(slash - library) < before ||
		strncmp(slash - before, folder, strlen(folder)) != 0)
		return NULL;
	return runnable_beside(library, MURAL_LIBRARY_TO_BIN "/" PRODUCER_NAME);
}

static char *find_program(const char *given)
{
	if (!given)
		given = secure_getenv("MURAL_PRODUCER");
	if (given && *given)
		return runnable(given);
	char *found = beside_this_program();
	if (!found)
		found = of_this_library();
	return found ? found : runnable(MURAL_PRODUCER_PATH);
}

static void free_strings(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

static char **copy_strings(const char *const *strings)
{
	size_t count = 0;
	while (strings[count])
		count++;
	char **copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(strings[i]);
		if (!copy[i]) {
			free_strings(copy);
			return NULL;
		}
	}
	return copy;
}

int spawn_init(struct spawn *spawn, const char *program, const char *const *args)
{
	char **copied = args ? copy_strings(args) : NULL;
	if (args && !copied)
		return -ENOMEM;
	*spawn = (struct spawn){.program = find_program(program), .args = copied};
	return 0;
}

void spawn_fini(struct spawn *spawn)
{
	free(spawn->program);
	free_strings(spawn->args);
	*spawn = (struct spawn){0};
}

/* ---- in the children ---- */

/* SIGUSR1 (throw away what is idle) stays blocked: who sends it to a producer that is not yet ready
 * to take it would kill it; so it is taken a moment later. */
static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t kept;
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action,
			NULL); /* fails for those that cannot be caught: they are as wanted */
	sigemptyset(&kept);
	sigaddset(&kept, SIGUSR1);
	sigprocmask(SIG_SETMASK, &kept, NULL);
}

static void write_pid(char *digits)
{
	char reversed[16];
	size_t count = 0;
	for (unsigned left = (unsigned)getpid(); left > 0 || count == 0; left /= 10)
		reversed[count++] = (char)('0' + left % 10);
	while (count > 0)
		*digits++ = reversed[--count];
	*digits = '\0';
}

static bool arrange_descriptors(const struct image *image)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		return false;
	if (!image->keep_stderr && dup2(null, 2) < 0)
		return false;
	if (dup2(image->handed, HANDED_FD) < 0 || dup3(image->status, STATUS_FD, O_CLOEXEC) < 0)
		return false;
	if (close_range(STATUS_FD + 1, ~0u, 0) < 0) /* before Linux 5.9 */
		for (int fd = STATUS_FD + 1; fd < 65536; fd++)
			close(fd);
	return true;
}

_Noreturn static void run_program(const struct image *image)
{
	int status = image->status;
	if (arrange_descriptors(image)) {
		status = STATUS_FD;
		if (image->pid_digits)
			write_pid(image->pid_digits);
		reset_signals();
		if (chdir("/") == 0) /* not to keep a file system busy for hours */
			execve(image->program, image->argv, image->envp);
	}
	int error = errno;
	ssize_t written = write(status, &error, sizeof(error));
	(void)written; /* nobody is left to be told */
	_exit(127);
}

_Noreturn static void run_first_child(const struct image *image)
{
	setsid();
	pid_t second = fork();
	if (second == 0)
		run_program(image);
	if (second < 0) {
		int error = errno;
		ssize_t written = write(image->status, &error, sizeof(error));
		(void)written;
	}
	_exit(0);
}

/* ---- in the parent ---- */

/* 0 once the program runs: its exec has closed the pipe. */
static int await_exec(int status)
{
	struct pollfd poller = {.fd = status, .events = POLLIN};
	int error = 0;
	int r;
	do {
		r = poll(&poller, 1, EXEC_TIMEOUT_MS);
	} while (r < 0 && errno == EINTR);
	if (r <= 0)
		return -ETIMEDOUT;
	return read(status, &error, sizeof(error)) == sizeof(error) ? -error : 0;
}

static int fork_twice(const struct image *image)
{
	sigset_t all, before;
	sigfillset(&all);
	/* A handler of the program must not run in the children. */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t first = fork();
	if (first == 0)
		run_first_child(image);
	int error = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (first < 0)
		return -error;
	while (waitpid(first, NULL, 0) < 0 && errno == EINTR)
		;
	return 0;
}

static int move_up(int fd)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	return moved < 0 ? -errno : moved;
}

static int start(struct image *image, int handed)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	CLEANUP(close_p) int read_end = ends[0];
	CLEANUP(close_p) int write_end = ends[1];
	CLEANUP(close_p) int moved_status = move_up(write_end);
	CLEANUP(close_p) int moved_handed = move_up(handed);
	if (moved_status < 0 || moved_handed < 0)
		return moved_status < 0 ? moved_status : moved_handed;
	image->status = moved_status;
	image->handed = moved_handed;
	image->keep_stderr = secure_getenv("MURAL_LOG") != NULL;
	int r = fork_twice(image);
	if (r < 0)
		return r;
	close(take_fd(&write_end));
	close(take_fd(&moved_status));
	return await_exec(read_end);
}

static size_t count_strings(char *const *strings)
{
	size_t count = 0;
	while (strings && strings[count])
		count++;
	return count;
}

/* Runs the program with its own arguments @own (at most 2, NULL-terminated) before the caller's. */
static int start_with(const struct spawn *spawn, const char *const *own, char **envp,
	char *pid_digits, int handed)
{
	size_t given = count_strings(spawn->args);
	CLEANUP(free_p) char **argv = calloc(given + 4, sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	size_t count = 0;
	argv[count++] = spawn->program;
	while (*own)
		argv[count++] = (char *)(uintptr_t)*own++;
	for (size_t i = 0; i < given; i++)
		argv[count++] = spawn->args[i];
	struct image image = {
		.program = spawn->program, .argv = argv, .envp = envp, .pid_digits = pid_digits};
	return start(&image, handed);
}

/* What systemd would say: one socket, at 3, for the process of this number. The path besides, so
 * that it is removed in the end. */
static int start_listening(const struct spawn *spawn, const struct endpoint *endpoint, int listener)
{
	const char *const own[] = {"--socket", endpoint->address.sun_path, NULL};
	char fds[] = "LISTEN_FDS=1";
	char pid[] = "LISTEN_PID=0000000000";
	CLEANUP(free_p) char **envp = calloc(count_strings(environ) + 3, sizeof(*envp));
	if (!envp)
		return -ENOMEM;
	size_t count = 0;
	for (size_t i = 0; environ[i]; i++)
		if (strncmp(environ[i], "LISTEN_", 7) != 0)
			envp[count++] = environ[i];
	envp[count++] = fds;
	envp[count] = pid;
	return start_with(spawn, own, envp, pid + strlen("LISTEN_PID="), listener);
}

static int start_errno(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE ? error : -ECONNREFUSED;
}

/* With the lock held. */
static int start_at(const struct spawn *spawn, const struct endpoint *endpoint, int *ret_socket)
{
	CLEANUP(close_p) int listener = -1;
	int r = address_connect(endpoint, ret_socket);
	if (r != -ECONNREFUSED)
		return r;
	if (!spawn->program)
		return -ECONNREFUSED;
	r = endpoint_listen(endpoint, &listener);
	if (r < 0)
		return start_errno(r);
	r = start_listening(spawn, endpoint, listener);
	if (r < 0) {
		unlink(endpoint->address.sun_path);
		return start_errno(r);
	}
	return address_connect(endpoint, ret_socket);
}

int spawn_shared(const struct spawn *spawn, const struct endpoint *endpoint, int *ret_socket)
{
	CLEANUP(close_p) int lock = -1;
	int r = endpoint_prepare(endpoint);
	if (r == 0)
		r = endpoint_lock(endpoint, false, &lock);
	if (r == -EAGAIN || r == -EACCES)
		return r;
	if (r < 0)
		return r == -ELOOP ? -EACCES : start_errno(r);
	return start_at(spawn, endpoint, ret_socket);
}

int spawn_private(const struct spawn *spawn, int *ret_socket)
{
	static const char *const own[] = {"--session-fd", "3", NULL};
	int ends[2];
	if (!spawn->program)
		return -ECONNREFUSED;
	int r = message_pair(ends);
	if (r < 0)
		return r;
	CLEANUP(close_p) int ours = ends[0];
	CLEANUP(close_p) int theirs = ends[1];
	r = start_with(spawn, own, environ, NULL, theirs);
	if (r < 0)
		return start_errno(r);
	*ret_socket = take_fd(&ours);
	return 0;
}
