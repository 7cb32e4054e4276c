/* What benchmarks work on: pictures, a folder with a producer of its own, the programs of this
 * build. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* The producer of the folder; 0: none runs. Asked for what it says of itself: the socket's
 * credentials are those of the program that started it, which may be this one. */
static pid_t producer_pid(void)
{
	pid_t pid = 0;
	FILE *stat = popen("'" BENCH_BIN "/mural' stat --json 2>/dev/null", "re");
	json_t *answer = stat ? json_loadf(stat, 0, NULL) : NULL;
	if (answer)
		pid = (pid_t)json_integer_value(json_object_get(answer, "pid"));
	json_decref(answer);
	if (stat)
		pclose(stat);
	return pid;
}

static void stop_producer(void)
{
	pid_t pid = producer_pid();
	int pidfd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	if (pidfd < 0)
		return;
	kill(pid, SIGTERM);
	if (poll(&gone, 1, STOP_MS) != 1)
		kill(pid, SIGKILL);
	close(pidfd);
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
