/* Starting the real programs from a test. */
#include "support/process.h"

#include "common/protocol.h"
#include "common/util.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

extern char **environ;

#define POLL_MS 2

#define DIE(...)                                                                                   \
	do {                                                                                       \
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                    \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fprintf(stderr, ": %s\n", strerror(errno));                                        \
		abort();                                                                           \
	} while (0)

char *test_path(const char *folder, const char *name)
{
	char *path;
	if (asprintf(&path, "%s/%s", folder, name) < 0)
		DIE("asprintf");
	return path;
}

static void set_path(const char *variable, const char *folder, const char *name)
{
	CLEANUP(free_p) char *path = test_path(folder, name);
	if (setenv(variable, path, 1) < 0)
		DIE("setenv");
}

char *test_folder_create(void)
{
	const char *parent = getenv("TMPDIR");
	char *folder = test_path(parent && *parent ? parent : "/tmp", "mural-test-XXXXXX");
	if (!mkdtemp(folder))
		DIE("mkdtemp %s", folder);
	set_path("MURAL_SOCKET", folder, "socket");
	if (setenv("XDG_RUNTIME_DIR", folder, 1) < 0 ||
		setenv("MURAL_PRODUCER", test_program("mural-producer"), 1) < 0)
		DIE("setenv");
	return folder;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void test_folder_remove(char *folder)
{
	if (!folder)
		return;
	pid_t pid = test_producer_pid(folder);
	if (pid > 0 && pid != getpid()) {
		CLEANUP(close_p) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		kill(pid, SIGTERM);
		struct pollfd gone = {.fd = pidfd, .events = POLLIN};
		if (pidfd >= 0 && poll(&gone, 1, TEST_TIMEOUT_MS) != 1)
			kill(pid, SIGKILL);
	}
	if (nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		DIE("removing %s", folder);
	free(folder);
}

const char *test_program(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", MURAL_TEST_BIN, name);
	return path;
}

const char *test_source_path(const char *name)
{
	static char path[4096];
	snprintf(path, sizeof(path), "%s/%s", MURAL_TEST_SOURCE, name);
	return path;
}

void test_write_file(const char *path, const void *data, size_t size)
{
	CLEANUP(close_p) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		DIE("writing %s", path);
}

static char *read_all(int fd, size_t *ret_size)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		DIE("fstat");
	size_t size = (size_t)st.st_size, done = 0;
	char *data = malloc(size + 1);
	if (!data)
		DIE("malloc");
	while (done < size) {
		ssize_t got = pread(fd, data + done, size - done, (off_t)done);
		if (got <= 0)
			DIE("pread");
		done += (size_t)got;
	}
	data[size] = '\0';
	if (ret_size)
		*ret_size = size;
	return data;
}

char *test_read_file(const char *path, size_t *ret_size)
{
	CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		DIE("opening %s", path);
	return read_all(fd, ret_size);
}

/* Appended to: a program and its children share it. */
static int collector(void)
{
	int fd = memfd_create("test output", MFD_CLOEXEC);
	if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
		DIE("memfd_create");
	return fd;
}

/* In the child, between fork and exec. */
static void become(struct test_process *process, int in, const char *const argv[], pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (in < 0)
		in = open("/dev/null", O_RDONLY);
	if (dup2(in, 0) < 0 || dup2(process->out, 1) < 0 || dup2(process->err, 2) < 0)
		_exit(126);
	execve(argv[0], (char *const *)(uintptr_t)argv, environ);
	_exit(127);
}

void test_process_start_to(struct test_process *process, int in, int out, const char *const argv[])
{
	*process = (struct test_process){.pidfd = -1, .out = out, .err = collector()};
	pid_t parent = getpid();
	process->pid = fork();
	if (process->pid < 0)
		DIE("fork");
	if (process->pid == 0)
		become(process, in, argv, parent);
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	if (process->pidfd < 0)
		DIE("pidfd_open");
}

void test_process_start(struct test_process *process, int in, const char *const argv[])
{
	test_process_start_to(process, in, collector(), argv);
}

bool test_process_wait(struct test_process *process, int timeout_ms)
{
	if (process->ended)
		return true;
	struct pollfd end = {.fd = process->pidfd, .events = POLLIN};
	if (poll(&end, 1, timeout_ms) != 1)
		return false;
	if (waitpid(process->pid, &process->status, 0) != process->pid)
		DIE("waitpid");
	process->ended = true;
	return true;
}

void test_process_signal(struct test_process *process, int signal)
{
	if (!process->ended)
		kill(process->pid, signal);
}

void test_process_fini(struct test_process *process)
{
	test_process_signal(process, SIGKILL);
	test_process_wait(process, TEST_TIMEOUT_MS);
	close_p(&process->pidfd);
	close_p(&process->out);
	close_p(&process->err);
	process->pidfd = process->out = process->err = -1;
}

char *test_process_out(const struct test_process *process, size_t *ret_size)
{
	return read_all(process->out, ret_size);
}

char *test_process_err(const struct test_process *process, size_t *ret_size)
{
	return read_all(process->err, ret_size);
}

int test_process_run(struct test_process *process, int in, const char *const argv[])
{
	test_process_start(process, in, argv);
	if (!test_process_wait(process, TEST_TIMEOUT_MS)) {
		CLEANUP(free_p) char *err = test_process_err(process, NULL);
		fprintf(stderr, "%s %s does not end; it said: %s\n", argv[0],
			argv[1] ? argv[1] : "", err);
		test_process_fini(process);
		abort();
	}
	if (WIFSIGNALED(process->status))
		return 128 + WTERMSIG(process->status);
	return WEXITSTATUS(process->status);
}

char *test_large_picture(const char *folder, const char *megapixels, const char *kind)
{
	struct test_process maker;
	const char *const argv[] = {test_program("make_assets"), "--large", folder, "--megapixels",
		megapixels, "--kind", kind, NULL};
	if (test_process_run(&maker, -1, argv) != 0) {
		fprintf(stderr, "no large picture\n");
		abort();
	}
	char *path = test_process_out(&maker, NULL);
	path[strcspn(path, "\n")] = '\0';
	test_process_fini(&maker);
	return path;
}

/* Connects to the folder's socket; -1: nobody listens. */
static int connect_to(const char *folder)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	if (length < 0 || (size_t)length >= sizeof(address.sun_path))
		return -1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		DIE("socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		close_all(&fd, 1);
	return fd;
}

/* It says so itself: the socket's own credentials name whoever called listen, which is the consumer
 * that started it. */
pid_t test_producer_pid(const char *folder)
{
	CLEANUP(close_p) int fd = connect_to(folder);
	const struct protocol_hello hello = {
		.head.type = PROTOCOL_HELLO,
		.magic = PROTOCOL_MAGIC,
		.version = PROTOCOL_VERSION,
		.name = "test",
	};
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (fd < 0 || message_send(fd, &hello, sizeof(hello), NULL, 0) < 0)
		return 0;
	if (poll(&ready, 1, TEST_TIMEOUT_MS) <= 0 ||
		protocol_receive(fd, &message, fds, &count) <= 0)
		return 0;
	close_all(fds, count);
	return message.head.type == PROTOCOL_WELCOME ? (pid_t)message.welcome.pid : 0;
}

static bool answers(void *folder)
{
	return test_producer_pid(folder) > 0;
}

void test_producer_start(struct test_process *process, const char *folder, const char *const args[])
{
	test_producer_start_as(process, "mural-producer", folder, args);
}

void test_producer_start_as(struct test_process *process, const char *name, const char *folder,
	const char *const args[])
{
	CLEANUP(free_p) char *socket_path = test_path(folder, "socket");
	CLEANUP(free_p) char *program = strdup(test_program(name));
	const char *argv[32] = {program, "--socket", socket_path};
	size_t count = 3;
	for (; args && *args && count < ARRAY_SIZE(argv) - 1; args++)
		argv[count++] = *args;
	test_process_start(process, -1, argv);
	CLEANUP(free_p) char *where = strdup(folder);
	if (!test_until(answers, where, TEST_TIMEOUT_MS)) {
		CLEANUP(free_p) char *err = test_process_err(process, NULL);
		fprintf(stderr, "%s does not answer; it said: %s\n", name, err);
		test_process_fini(process);
		abort();
	}
}

static int count_entries(const char *path)
{
	DIR *folder = opendir(path);
	if (!folder)
		return -1;
	int count = 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

int test_count_descriptors(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	int count = count_entries(path);
	if (count < 0)
		return -1;
	return pid == getpid() ? count - 1 : count; /* without the one that counts */
}

/* Lines of a file in /proc with @part in them. */
static int count_lines(const char *path, const char *part)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	char *line = NULL;
	size_t room = 0;
	int count = 0;
	while (getline(&line, &room, file) > 0)
		count += !part || strstr(line, part);
	free(line);
	fclose(file);
	return count;
}

int test_count_mappings(pid_t pid, const char *part)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return count_lines(path, part);
}

int test_count_children(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return -1;
	int count = 0;
	for (int child; fscanf(file, "%d", &child) == 1;)
		count++;
	fclose(file);
	return count;
}

int test_count_threads(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return count_entries(path);
}

char test_process_state(pid_t pid)
{
	char path[64], state = 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	FILE *file = fopen(path, "re");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state;
}

pid_t test_child_named(pid_t parent, const char *name, pid_t after)
{
	pid_t found = 0;
	char path[64], text[512];
	DIR *processes = opendir("/proc");
	if (!processes)
		DIE("opening /proc");
	for (struct dirent *item; (item = readdir(processes));) {
		pid_t pid = (pid_t)strtol(item->d_name, NULL, 10), of = 0;
		char comm[64] = "";
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		int fd = pid > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		close_p(&fd);
		if (length <= 0)
			continue;
		text[length] = '\0';
		if (sscanf(text, "%*d (%63[^)]) %*c %d", comm, &of) == 2 && of == parent &&
			strcmp(comm, name) == 0 && pid > after && (found == 0 || pid < found))
			found = pid;
	}
	closedir(processes);
	return found;
}

bool test_until(bool (*is)(void *context), void *context, int timeout_ms)
{
	uint64_t end = monotonic_ns() + (uint64_t)timeout_ms * 1000000u;
	while (!is(context)) {
		if (monotonic_ns() > end)
			return false;
		poll(NULL, 0, POLL_MS);
	}
	return true;
}
