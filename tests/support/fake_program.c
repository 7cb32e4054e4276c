/* A program in place of mural-producer: writes down how it was started, greets, and ends with its
 * first session.
 *
 * $FAKE_REPORT: the file to write; one "name value" a line. --crash: ends at once. --session-fd N:
 * serves that session. */
#include "support/fake_producer.h"

#include "common/util.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value ? value : "-";
}

static int count_descriptors(void)
{
	int count = -3; /* ".", ".." and the folder itself */
	DIR *folder = opendir("/proc/self/fd");
	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

static int signals_ignored(void)
{
	int count = 0;
	for (int number = 1; number < 32; number++) {
		struct sigaction action;
		count += sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
	}
	return count;
}

/* A bit each; the first is signal 1's. */
static unsigned signals_blocked(void)
{
	unsigned bits = 0;
	sigset_t blocked;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	for (int number = 1; number < 32; number++)
		bits |= (unsigned)sigismember(&blocked, number) << (number - 1);
	return bits;
}

static void report(int argc, char **argv, int descriptors)
{
	char folder[4096] = "-";
	FILE *file = fopen(environment("FAKE_REPORT"), "we");
	if (!file)
		return;
	fprintf(file, "pid %d\nsession %d\nlisten_pid %s\nlisten_fds %s\n", getpid(), getsid(0),
		environment("LISTEN_PID"), environment("LISTEN_FDS"));
	fprintf(file, "descriptors %d\nfolder %s\nignored %d\nblocked %x\n", descriptors,
		getcwd(folder, sizeof(folder)) ? folder : "-", signals_ignored(),
		signals_blocked());
	for (int i = 1; i < argc; i++)
		fprintf(file, "argument%d %s\n", i, argv[i]);
	fclose(file);
}

static void serve(struct fake *fake)
{
	struct pollfd poller = {.fd = fake->peer, .events = POLLRDHUP};
	poll(&poller, 1, -1);
	fake_die(fake, false);
}

int main(int argc, char **argv)
{
	struct fake fake = {
		.listener = -1,
		.peer = -1,
		.table_fd = -1,
		.pins_fd = -1,
		.requests_max = 64,
		.version = PROTOCOL_VERSION,
	};
	report(argc, argv, count_descriptors());
	if (argc > 1 && strcmp(argv[argc - 1], "--crash") == 0)
		return 1;
	if (argc > 2 && strcmp(argv[1], "--session-fd") == 0) {
		fake.peer = atoi(argv[2]);
		fake_receive(&fake, PROTOCOL_HELLO, NULL);
		fake_greet(&fake);
	} else {
		fake.listener = 3;
		fake_accept(&fake);
	}
	serve(&fake);
	return 0;
}
