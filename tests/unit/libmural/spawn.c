/* Starting a producer: what it is given, what it is not, where it listens, and who may listen
 * there. */
#include "scene.h"

#include "common/util.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROGRAM MURAL_TEST_BIN "/fake-producer"

/* A folder in which the socket and the report lie. */
struct place {
	char folder[64], socket[80], report[80];
	int old_umask;
};

static void place_init(struct place *place)
{
	strcpy(place->folder, "/tmp/mural-spawn-XXXXXX");
	cr_assert_not_null(mkdtemp(place->folder));
	snprintf(place->socket, sizeof(place->socket), "%s/socket", place->folder);
	snprintf(place->report, sizeof(place->report), "%s/report", place->folder);
	setenv("FAKE_REPORT", place->report, 1);
	unsetenv("MURAL_SOCKET");
	unsetenv("MURAL_PRODUCER");
	setenv("XDG_RUNTIME_DIR", place->folder, 1);
}

static void place_fini(struct place *place)
{
	static const char *const names[] = {"socket", "socket.lock", "report", "mural/socket",
		"mural/socket.lock", "mural", ""};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", place->folder, names[i]);
		remove(path);
	}
}

/* The value of the report's line @name, or NULL; static storage. */
static const char *reported(const struct place *place, const char *name)
{
	static char line[4200];
	size_t length = strlen(name);
	FILE *file = fopen(place->report, "re");
	cr_assert_not_null(file, "the program was not started");
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, name, length) == 0 && line[length] == ' ') {
			fclose(file);
			return line + length + 1;
		}
	}
	fclose(file);
	return NULL;
}

static void expect(const struct place *place, const char *name, const char *value)
{
	const char *found = reported(place, name);
	cr_assert(found && strcmp(found, value) == 0, "%s is %s, not %s", name,
		found ? found : "missing", value);
}

static struct mural *open_at(const struct place *place, unsigned flags, const char *const *args)
{
	struct mural_options options = {
		.flags = flags,
		.socket = place->socket,
		.producer = PROGRAM,
		.producer_args = args,
	};
	struct mural *mural = NULL;
	cr_assert_eq(mural_open(&options, &mural), 0);
	return mural;
}

Test(spawn, gives_a_listening_socket_as_systemd_does)
{
	struct place place;
	struct stat st;
	char pid[16], purge_signal[16];
	place_init(&place);
	/* What a socket-activated program may have inherited is not for the producer. */
	setenv("LISTEN_FDS", "7", 1);
	setenv("LISTEN_PID", "1", 1);
	signal(SIGPIPE, SIG_IGN);
	int inherited = open("/dev/null", O_RDONLY); /* not close-on-exec: the careless program's */
	struct mural *mural = open_at(&place, 0, (const char *const[]){"--budget", "1M", NULL});
	expect(&place, "listen_fds", "1");
	snprintf(pid, sizeof(pid), "%s", reported(&place, "pid"));
	expect(&place, "listen_pid", pid);
	expect(&place, "descriptors", "4");
	expect(&place, "folder", "/");
	expect(&place, "ignored", "0");
	snprintf(purge_signal, sizeof(purge_signal), "%x", 1u << (SIGUSR1 - 1));
	expect(&place, "blocked", purge_signal);
	expect(&place, "argument1", "--socket");
	expect(&place, "argument2", place.socket);
	expect(&place, "argument3", "--budget");
	expect(&place, "argument4", "1M");
	cr_assert_eq(stat(place.socket, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	mural_close(mural);
	close(inherited);
	place_fini(&place);
}

Test(spawn, the_producer_is_nobodys_child_here)
{
	struct place place;
	char session[16];
	place_init(&place);
	struct mural *mural = open_at(&place, 0, NULL);
	cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_assert_eq(errno, ECHILD);
	snprintf(session, sizeof(session), "%d", getsid(0));
	cr_assert_str_neq(reported(&place, "session"), session);
	mural_close(mural);
	place_fini(&place);
}

Test(spawn, a_private_producer_serves_one_session_and_leaves_no_socket)
{
	struct place place;
	struct stat st;
	place_init(&place);
	struct mural *mural = open_at(&place, MURAL_OPEN_PRIVATE, NULL);
	expect(&place, "argument1", "--session-fd");
	expect(&place, "listen_fds", "-");
	expect(&place, "descriptors", "4");
	cr_assert_eq(stat(place.socket, &st), -1);
	mural_close(mural);
	place_fini(&place);
}

static int open_with(const char *program, unsigned flags)
{
	struct mural *mural = NULL;
	struct mural_options options = {.producer = program, .flags = flags};
	int descriptors = count_descriptors();
	int r = mural_open(&options, &mural);
	if (r == 0)
		mural_close(mural);
	cr_assert_eq(count_descriptors(), descriptors);
	return r;
}

Test(spawn, a_program_that_does_not_exist_is_refused_and_leaves_no_socket)
{
	struct place place;
	struct stat st;
	char socket[100];
	place_init(&place);
	cr_assert_eq(open_with("/nonexistent/mural-producer", 0), -ECONNREFUSED);
	cr_assert_eq(open_with("/nonexistent/mural-producer", MURAL_OPEN_PRIVATE), -ECONNREFUSED);
	/* It can be run, as far as its mode says, but is no program. */
	int fd = open(place.report, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
	cr_assert_eq(write(fd, "\177ELF", 4), 4);
	close(fd);
	cr_assert_eq(open_with(place.report, 0), -ECONNREFUSED);
	cr_assert_eq(open_with(place.report, MURAL_OPEN_PRIVATE), -ECONNREFUSED);
	snprintf(socket, sizeof(socket), "%s/mural/socket", place.folder);
	cr_assert_eq(stat(socket, &st), -1);
	place_fini(&place);
}

Test(spawn, a_producer_that_ends_at_once_is_given_up)
{
	struct place place;
	struct mural *mural = NULL;
	place_init(&place);
	struct mural_options options = {
		.producer = PROGRAM, .producer_args = (const char *const[]){"--crash", NULL}};
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED);
	options.flags = MURAL_OPEN_PRIVATE;
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED);
	place_fini(&place);
}

Test(spawn, a_stale_socket_is_replaced)
{
	struct place place;
	struct fake fake;
	place_init(&place);
	fake_init(&fake);
	fake_die(&fake, false);
	snprintf(place.socket, sizeof(place.socket), "%s", fake.path);
	mural_close(open_at(&place, 0, NULL));
	fake_fini(&fake);
	place_fini(&place);
}

Test(spawn, the_next_connection_finds_the_one_that_runs)
{
	struct place place;
	struct mural *second = NULL;
	place_init(&place);
	struct mural *first = open_at(&place, 0, NULL);
	unlink(place.report);
	/* It serves one session only: the second waits in its backlog and gets no answer, but no
	 * other producer is started. */
	struct mural_options options = {
		.socket = place.socket, .producer = PROGRAM, .flags = MURAL_OPEN_NO_START};
	mural_close(first);
	cr_assert_eq(mural_open(&options, &second), -ECONNREFUSED);
	cr_assert_eq(access(place.report, F_OK), -1);
	place_fini(&place);
}

struct opener {
	const struct place *place;
	struct mural *mural;
};

static void *open_late(void *user)
{
	struct opener *opener = user;
	opener->mural = open_at(opener->place, 0, NULL);
	return NULL;
}

Test(spawn, waits_for_whoever_is_starting_one)
{
	struct place place;
	struct opener opener = {.place = &place};
	char lock[100];
	pthread_t thread;
	place_init(&place);
	snprintf(lock, sizeof(lock), "%s.lock", place.socket);
	int fd = open(lock, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	pthread_create(&thread, NULL, open_late, &opener);
	usleep(100000);
	cr_assert_eq(access(place.report, F_OK), -1, "started without the lock");
	close(fd);
	pthread_join(thread, NULL);
	expect(&place, "listen_fds", "1");
	mural_close(opener.mural);
	place_fini(&place);
}

/* ---- the place ---- */

Test(address, the_default_folder_is_made_for_us_alone)
{
	struct place place;
	struct stat st;
	char folder[100];
	place_init(&place);
	cr_assert_eq(open_with(PROGRAM, 0), 0);
	snprintf(folder, sizeof(folder), "%s/mural", place.folder);
	cr_assert_eq(stat(folder, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0700);
	place_fini(&place);
}

Test(address, the_environment_names_the_socket)
{
	struct place place;
	place_init(&place);
	setenv("MURAL_SOCKET", place.socket, 1);
	setenv("MURAL_PRODUCER", PROGRAM, 1);
	cr_assert_eq(open_with(NULL, 0), 0);
	cr_assert_eq(access(place.socket, F_OK), 0);
	place_fini(&place);
}

Test(address, a_folder_that_others_may_write_is_refused)
{
	struct place place;
	char folder[100];
	place_init(&place);
	snprintf(folder, sizeof(folder), "%s/mural", place.folder);
	cr_assert_eq(mkdir(folder, 0700), 0);
	cr_assert_eq(chmod(folder, 0777), 0);
	cr_assert_eq(open_with(PROGRAM, 0), -EACCES);
	cr_assert_eq(open_with(PROGRAM, MURAL_OPEN_NO_START), -EACCES);
	place_fini(&place);
}

Test(address, a_lock_that_is_a_link_is_refused)
{
	struct place place;
	char lock[100];
	struct mural *mural = NULL;
	place_init(&place);
	snprintf(lock, sizeof(lock), "%s.lock", place.socket);
	cr_assert_eq(symlink("/tmp/mural-nowhere", lock), 0);
	struct mural_options options = {.socket = place.socket, .producer = PROGRAM};
	cr_assert_eq(mural_open(&options, &mural), -EACCES);
	cr_assert_eq(access("/tmp/mural-nowhere", F_OK), -1);
	place_fini(&place);
}

Test(address, a_relative_path_stays_where_it_was)
{
	struct place place;
	struct mural *mural = NULL;
	place_init(&place);
	cr_assert_eq(chdir(place.folder), 0);
	struct mural_options options = {.socket = "socket", .producer = PROGRAM};
	cr_assert_eq(mural_open(&options, &mural), 0);
	expect(&place, "argument2", place.socket);
	mural_close(mural);
	cr_assert_eq(chdir("/"), 0);
	place_fini(&place);
}

Test(address, a_folder_that_is_a_link_is_refused)
{
	struct place place;
	char folder[100], target[100];
	place_init(&place);
	snprintf(folder, sizeof(folder), "%s/mural", place.folder);
	snprintf(target, sizeof(target), "%s/target", place.folder);
	/* Where it leads is ours and in order: only the link itself is wrong. */
	cr_assert_eq(mkdir(target, 0700), 0);
	cr_assert_eq(symlink(target, folder), 0);
	cr_assert_eq(open_with(PROGRAM, MURAL_OPEN_NO_START), -EACCES);
	cr_assert_eq(open_with(PROGRAM, 0), -EACCES);
	rmdir(target);
	place_fini(&place);
}

Test(address, a_socket_that_is_a_link_or_a_file_is_refused)
{
	struct place place;
	struct mural *mural = NULL;
	place_init(&place);
	struct mural_options options = {.socket = place.socket, .producer = PROGRAM};
	cr_assert_eq(symlink("/nonexistent", place.socket), 0);
	cr_assert_eq(mural_open(&options, &mural), -EACCES);
	unlink(place.socket);
	close(open(place.socket, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	cr_assert_eq(mural_open(&options, &mural), -ECONNREFUSED);
	cr_assert_eq(access(place.socket, F_OK), 0, "a file that is not a socket was removed");
	place_fini(&place);
}

Test(address, another_users_place_is_refused)
{
	struct place place;
	char folder[100];
	if (geteuid() != 0)
		cr_skip("only root can make another user's folder");
	place_init(&place);
	snprintf(folder, sizeof(folder), "%s/mural", place.folder);
	cr_assert_eq(mkdir(folder, 0700), 0);
	cr_assert_eq(chown(folder, 65534, 65534), 0);
	cr_assert_eq(open_with(PROGRAM, 0), -EACCES);
	place_fini(&place);
}

Test(address, another_users_socket_is_refused)
{
	struct fake fake;
	if (geteuid() != 0)
		cr_skip("only root can make another user's socket");
	fake_init(&fake);
	cr_assert_eq(chown(fake.path, 65534, 65534), 0);
	cr_assert_eq(open_with(NULL, MURAL_OPEN_NO_START), -EACCES);
	cr_assert_eq(chown(fake.path, 0, 0), 0);
	cr_assert_eq(chown(fake.folder, 65534, 65534), 0);
	cr_assert_eq(open_with(NULL, MURAL_OPEN_NO_START), -EACCES, "its folder is another user's");
	fake_fini(&fake);
}

/* The listener runs as another user; its socket file is ours. */
Test(address, another_users_producer_is_refused)
{
	struct fake fake;
	int ready[2];
	char byte = 0;
	if (geteuid() != 0)
		cr_skip("only root can become another user");
	fake_init(&fake);
	fake_die(&fake, false);
	cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		cr_assert_eq(chmod(fake.folder, 0777), 0);
		cr_assert_eq(seteuid(65534), 0);
		fake_listen(&fake);
		cr_assert_eq(write(ready[1], "x", 1), 1);
		pause();
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	cr_assert_eq(open_with(NULL, MURAL_OPEN_NO_START), -EACCES, "the socket is another user's");
	cr_assert_eq(chown(fake.path, 0, 0), 0);
	cr_assert_eq(open_with(NULL, MURAL_OPEN_NO_START), -EACCES, "the listener is another user");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	fake_fini(&fake);
}
