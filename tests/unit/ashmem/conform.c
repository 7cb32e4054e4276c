/* Runs every clause of the specification that the library's calls can reach, on the driver that
 * ASHMEM_DRIVER names. */
#include "conform.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *clause;
static int failed;

void check(bool holds, const char *sentence)
{
	printf("%-4s %s %s\n", clause, holds ? "ok  " : "FAIL", sentence);
	failed += !holds;
}

void differs(bool holds, const char *on_the_memfd, const char *on_the_device)
{
	printf("%-4s %s [differs] %s\n", clause, holds ? "ok  " : "FAIL",
		on_memfd() ? on_the_memfd : on_the_device);
	failed += !holds;
}

bool fails(int64_t result, int error)
{
	return result == -1 && errno == error;
}

bool map_fails(void *result, int error)
{
	return result == MAP_FAILED && errno == error;
}

struct space open_space(size_t pages)
{
	struct space space = {.fd = ashmem_create_region("conform", pages * PAGE), .pages = pages};
	space.at = ashmem_mmap(NULL, pages * PAGE, RW, MAP_SHARED, space.fd, 0);
	if (space.fd < 0 || space.at == MAP_FAILED) {
		perror("region");
		exit(1);
	}
	for (size_t page = 0; page < pages; page++)
		fill_page(&space, page, (int)page + 1);
	return space;
}

void close_space(struct space *space)
{
	ashmem_munmap(space->at, space->pages * PAGE);
	close(space->fd);
}

bool page_is(const struct space *space, size_t page, int value)
{
	const unsigned char *at = space->at + page * PAGE;
	for (size_t i = 0; i < PAGE; i++)
		if (at[i] != (unsigned char)value)
			return false;
	return true;
}

void fill_page(const struct space *space, size_t page, int value)
{
	memset(space->at + page * PAGE, value, PAGE);
}

int pin(const struct space *space, size_t page, size_t pages)
{
	return ashmem_pin_region(space->fd, page * PAGE, pages * PAGE);
}

int unpin(const struct space *space, size_t page, size_t pages)
{
	return ashmem_unpin_region(space->fd, page * PAGE, pages * PAGE);
}

int status(const struct space *space, size_t page, size_t pages)
{
	return ashmem_get_pin_status_region(space->fd, page * PAGE, pages * PAGE);
}

long purge(const struct space *space)
{
	return ashmem_purge_all_caches(space->fd);
}

int in_child(int (*part)(const struct space *), const struct space *space)
{
	int how;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0)
		_exit(part(space));
	return child > 0 && waitpid(child, &how, 0) == child && WIFEXITED(how) ? WEXITSTATUS(how)
									       : -1;
}

int pass(int fd)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec data = {&byte, 1};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int ends[2], received = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	if (sendmsg(ends[0], &message, 0) == 1 && recvmsg(ends[1], &message, MSG_CMSG_CLOEXEC) == 1)
		memcpy(&received, CMSG_DATA(&control.head), sizeof(received));
	close(ends[0]);
	close(ends[1]);
	return received;
}

static sigjmp_buf after_fault;

static void on_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

bool faults(volatile unsigned char *at, bool write)
{
	struct sigaction catch = {.sa_handler = on_fault}, bus, segv;
	sigaction(SIGBUS, &catch, &bus);
	sigaction(SIGSEGV, &catch, &segv);
	bool faulted = true;
	if (sigsetjmp(after_fault, 1) == 0) {
		if (write)
			*at = 1;
		else
			(void)*at;
		faulted = false;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);
	return faulted;
}

static void run(const struct clause *clauses)
{
	for (; clauses->id; clauses++) {
		clause = clauses->id;
		clauses->run();
	}
}

int main(void)
{
	run(life_clauses);
	run(map_clauses);
	run(pin_clauses);
	run(share_clauses);
	printf("%s, %d failed\n", on_memfd() ? "memfd" : "device", failed);
	return failed != 0;
}
