/* What the tests of the objects share. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

void forbid_descriptors(void)
{
	struct rlimit limit;
	int next = dup(0);
	cr_assert_geq(next, 0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = (rlim_t)next;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

void connect_pair(int sockets[2])
{
	cr_assert_eq(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
}

void send_with(int socket, const void *data, size_t length, const int *fds, size_t count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	cr_assert_leq(count, 4);
	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	}
	cr_assert_eq(sendmsg(socket, &message, 0), (ssize_t)length);
}

void damage(int fd)
{
	/* The version, in the block that begins at the first 2 MiB boundary behind the data. */
	cr_assert_eq(pwrite(fd, "none", 4, ((off_t)2 << 20) + 8), 4);
}

int damaged_region(void)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "test", PAGE);
	damage(fd);
	return fd;
}

int not_a_region(void)
{
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	close(ends[1]);
	return ends[0];
}

int closed_descriptor(void)
{
	int fd = dup(0);
	close(fd);
	return fd;
}

void forbid_addresses(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	cr_assert_not_null(file);
	cr_assert_eq(fscanf(file, "%lu", &pages), 1);
	fclose(file);
	rlim_t most = pages * PAGE + ((rlim_t)64 << 20);
	cr_assert_eq(setrlimit(RLIMIT_AS, &(struct rlimit){most, most}), 0);
}

bool is_on_device(int fd)
{
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	return S_ISCHR(st.st_mode);
}

int share_for_looking(int fd)
{
	if (is_on_device(fd))
		cr_assert_eq(ashmem_set_prot_region(fd, PROT_READ), 0);
	return ashmem_share_readonly(fd);
}

int looking_error(int fd)
{
	return is_on_device(fd) ? -EPERM : -EACCES;
}

static sigjmp_buf faulted;

static void on_fault(int signal)
{
	siglongjmp(faulted, signal);
}

bool faults(volatile unsigned char *at, bool write)
{
	struct sigaction action = {.sa_handler = on_fault}, segv, bus;
	sigaction(SIGSEGV, &action, &segv);
	sigaction(SIGBUS, &action, &bus);
	bool raised = sigsetjmp(faulted, 1) != 0;
	if (!raised && write)
		*at = *at;
	else if (!raised)
		(void)*at;
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return raised;
}

size_t blocks_of(int fd)
{
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	return (size_t)st.st_blocks;
}

void limit_descriptors_under_way(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		cr_skip_test("root is not counted, and can not become anybody else");
	struct rlimit limit = {.rlim_cur = 100, .rlim_max = 100};
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
