/* What benchmarks work on: pictures, a folder with a producer of its own, the programs of this
 * build. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_MS 10000

static char *path_of(const char *folder, const char *name)
{
	char *path;
	bench_must(asprintf(&path, "%s/%s", folder, name) >= 0, "memory for a path");
	return path;
}

char *bench_program(const char *name)
{
	return path_of(BENCH_BIN, name);
}

/* ---- pictures ---- */

/* make_assets names its files itself, and tells the name; the file appears under ours when it is
 * whole. */
static void make_picture(
	const char *folder, unsigned megapixels, const char *kind, const char *path)
{
	char *command, line[4096], *scratch = path_of(folder, "making-XXXXXX");
	bench_must(mkdtemp(scratch) != NULL, scratch);
	bench_must(asprintf(&command, "'%s/make_assets' --large '%s' --megapixels %u --kind %s",
			   BENCH_BIN, scratch, megapixels, kind) >= 0,
		"memory for a command");
	FILE *maker = popen(command, "re");
	bench_must(maker && fgets(line, sizeof(line), maker), command);
	line[strcspn(line, "\n")] = '\0';
	bench_must(pclose(maker) == 0, command);
	bench_must(rename(line, path) == 0, path);
	bench_must(rmdir(scratch) == 0, scratch);
	free(command);
	free(scratch);
}

char *bench_picture(unsigned megapixels, const char *kind)
{
	const char *folder = getenv("BENCH_PICTURES");
	char name[64], *path;
	if (!folder || !*folder)
		folder = BENCH_PICTURES;
	bench_must(mkdir(folder, 0755) == 0 || errno == EEXIST, folder);
	snprintf(name, sizeof(name), "%s-%ump.%s", kind, megapixels,
		strcmp(kind, "png") == 0 ? "png" : "jpg");
	path = path_of(folder, name);
	if (access(path, R_OK) != 0)
		make_picture(folder, megapixels, kind, path);
	return path;
}

void bench_copy(const char *from, const char *to)
{
	struct stat st;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bench_must(in >= 0 && out >= 0 && fstat(in, &st) == 0, to);
	for (off_t left = st.st_size; left > 0;) {
		ssize_t moved = copy_file_range(in, NULL, out, NULL, (size_t)left, 0);
		bench_must(moved > 0, "copying");
		left -= moved;
	}
	close(in);
	close(out);
}

/* ---- the folder ---- */

static char *folder_path;
static pid_t folder_owner;

/* Who listens in the folder; 0: nobody. */
static pid_t listener(const char *socket_path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bench_must(fd >= 0, "socket");
	bench_must(strlen(socket_path) < sizeof(address.sun_path), socket_path);
	strcpy(address.sun_path, socket_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

static void stop_producer(void)
{
	char *socket_path = path_of(folder_path, "socket");
	pid_t pid = listener(socket_path);
	free(socket_path);
	if (pid <= 0 || pid == getpid())
		return;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	kill(pid, SIGTERM);
	if (pidfd < 0)
		return;
	if (poll(&gone, 1, STOP_MS) != 1)
		kill(pid, SIGKILL);
	close(pidfd);
	waitpid(pid, NULL, WNOHANG); /* it may be this program's own child */
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	if (getpid() != folder_owner)
		return;
	stop_producer();
	nftw(folder_path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(folder_path);
}

static void point(const char *variable, char *path)
{
	bench_must(setenv(variable, path, 1) == 0, variable);
	free(path);
}

const char *bench_folder(void)
{
	if (folder_path)
		return folder_path;
	const char *parent = getenv("TMPDIR");
	folder_path = path_of(parent && *parent ? parent : "/tmp", "mural-bench-XXXXXX");
	bench_must(mkdtemp(folder_path) != NULL, folder_path);
	folder_owner = getpid();
	point("MURAL_SOCKET", path_of(folder_path, "socket"));
	point("XDG_RUNTIME_DIR", path_of(folder_path, "."));
	point("MURAL_PRODUCER", bench_program("mural-producer"));
	bench_must(atexit(remove_folder) == 0, "atexit");
	return folder_path;
}
