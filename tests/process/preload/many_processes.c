/* Programs written against the device that share regions: by fork, over exec, over a socket, and
 * all at the same time. This one knows nothing of libashmem; started with an argument it is the
 * peer that never heard of the region before. */
#define _GNU_SOURCE
#include "device.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_EXEC = 40, SOCKET = 41 }; /* numbers that the peer finds its descriptors at */

static int region(size_t size)
{
	int fd = open("/dev/ashmem", O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0 && ioctl(fd, SET_NAME, "shared") == 0 && ioctl(fd, SET_SIZE, size) == 0);
	return fd;
}

static char *map(int fd, size_t size)
{
	char *at = mmap(NULL, size, RW, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	return at;
}

static int ended_well(pid_t child)
{
	int status;
	return waitpid(child, &status, 0) == child && status == 0;
}

/* Runs @part in a child. */
static void in_child(void (*part)(int fd), int fd)
{
	pid_t child = fork();
	if (child == 0) {
		failures = 0;
		part(fd);
		_exit(failures != 0);
	}
	CHECK(ended_well(child));
}

/* ---- fork ---- */

static void set_another_size(int fd)
{
	CHECK(ioctl(fd, SET_SIZE, (size_t)3 * PAGE) == 0);
}

static void map_first(int fd)
{
	strcpy(map(fd, 3 * PAGE), "from the child");
}

static void purge_and_narrow(int fd)
{
	CHECK(pin_call(fd, UNPIN, PAGE, PAGE) == 0);
	CHECK(ioctl(fd, PURGE_ALL, NULL) == 1);
	CHECK(ioctl(fd, SET_MASK, (unsigned long)PROT_READ) == 0);
}

/* A5, A30, A42, A43 */
static void a_child_shares_everything(void)
{
	int fd = region(PAGE);
	in_child(set_another_size, fd);
	CHECK(ioctl(fd, GET_SIZE, NULL) == 3 * PAGE);
	in_child(map_first, fd);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)PAGE));
	char *at = map(fd, 3 * PAGE);
	CHECK(strcmp(at, "from the child") == 0);
	at[PAGE] = 1;
	in_child(purge_and_narrow, fd);
	CHECK(at[PAGE] == 0 && strcmp(at, "from the child") == 0);
	CHECK(pin_call(fd, PIN, 0, 0) == 1);
	FAILS(EPERM, mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	munmap(at, 3 * PAGE);
	close(fd);
}

/* ---- exec and sockets ---- */

static void send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec iov = {"x", 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	CHECK(sendmsg(socket, &message, 0) == 1);
}

static int receive_descriptor(int socket)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	int fd = -1;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	CHECK(recvmsg(socket, &message, 0) == 1);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	CHECK(header && header->cmsg_type == SCM_RIGHTS);
	if (header)
		memcpy(&fd, CMSG_DATA(header), sizeof(int));
	return fd;
}

/* What the peer does with what it inherited, was sent mapped, and was sent before its first
 * mapping. */
static int be_the_peer(void)
{
	char name[NAME_LENGTH], byte;
	/* A number that was another file's, closed where nobody sees it. */
	FILE *file = fopen("/dev/null", "r");
	CHECK(file != NULL);
	int number = fileno(file);
	CHECK(read(number, &byte, 1) == 0);
	fclose(file);
	int mapped = receive_descriptor(SOCKET), fresh = receive_descriptor(SOCKET);
	CHECK(mapped == number);
	CHECK(ioctl(AT_EXEC, GET_SIZE, NULL) == 2 * PAGE);
	CHECK(ioctl(mapped, GET_SIZE, NULL) == 2 * PAGE && ioctl(fresh, GET_SIZE, NULL) == 5000);
	CHECK(ioctl(mapped, GET_NAME, name) == 0 && strcmp(name, "shared") == 0);
	CHECK(pin_call(mapped, STATUS, PAGE, PAGE) == 0 && pin_call(mapped, STATUS, 0, PAGE) == 1);
	char *a = map(AT_EXEC, 2 * PAGE), *b = map(mapped, 2 * PAGE), *c = map(fresh, 5000);
	CHECK(strcmp(a, "from the parent") == 0 && strcmp(b, "from the parent") == 0);
	CHECK(pin_call(AT_EXEC, PIN, PAGE, PAGE) == 0);
	CHECK(pin_call(mapped, UNPIN, 0, PAGE) == 0);
	strcpy(b, "from the peer");
	strcpy(c, "mapped by the peer");
	fprintf(stderr, "peer: %d not as the device does it\n", failures);
	if (failures == 0)
		raise(SIGKILL); /* however it ends, all stays as it is */
	return 1;
}

/* A42, A46 */
static void a_peer_needs_nothing_but_the_descriptor(void)
{
	int sockets[2], status = 0;
	int fd = region(2 * PAGE), fresh = region(5000);
	char *at = map(fd, 2 * PAGE);
	strcpy(at, "from the parent");
	CHECK(pin_call(fd, UNPIN, PAGE, PAGE) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(fd, AT_EXEC);
		dup2(sockets[1], SOCKET);
		execl("/proc/self/exe", "many_processes", "peer", (char *)NULL);
		_exit(1);
	}
	send_descriptor(sockets[0], fd);
	send_descriptor(sockets[0], fresh);
	CHECK(waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	CHECK(strcmp(at, "from the peer") == 0);
	CHECK(pin_call(fd, STATUS, 0, PAGE) == 0 && pin_call(fd, STATUS, PAGE, PAGE) == 1);
	FAILS(EINVAL, ioctl(fresh, SET_SIZE, (size_t)PAGE));
	char *late = map(fresh, 5000);
	CHECK(strcmp(late, "mapped by the peer") == 0);
	munmap(late, 5000);
	munmap(at, 2 * PAGE);
	close(fresh);
	close(fd);
	close(sockets[0]);
	close(sockets[1]);
}

/* ---- all at once ---- */

enum { RACERS = 4, ROUNDS = 100 };

/* Each would like another size, and then maps what is there. */
static int race(int fd, int start, int number)
{
	char byte;
	if (read(start, &byte, 1) != 0)
		return 1;
	if (ioctl(fd, SET_SIZE, (size_t)(RACERS + number) * PAGE) < 0 && errno != EINVAL)
		return 4;
	char *at = mmap(NULL, (size_t)RACERS * PAGE, RW, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return 2;
	at[number * PAGE] = (char)(number + 1);
	return pin_call(fd, UNPIN, (uint32_t)number * PAGE, PAGE) == 0 ? 0 : 3;
}

static void one_race(void)
{
	int fd = region((size_t)RACERS * PAGE), start[2], size;
	pid_t racers[RACERS];
	CHECK(pipe(start) == 0);
	for (int i = 0; i < RACERS; i++) {
		racers[i] = fork();
		if (racers[i] == 0) {
			close(start[1]);
			_exit(race(fd, start[0], i));
		}
	}
	close(start[0]);
	close(start[1]); /* and off they go */
	for (int i = 0; i < RACERS; i++)
		CHECK(ended_well(racers[i]));
	size = ioctl(fd, GET_SIZE, NULL);
	CHECK(size >= RACERS * PAGE && size < 2 * RACERS * PAGE && size % PAGE == 0);
	FAILS(EINVAL, ioctl(fd, SET_SIZE, (size_t)PAGE));
	char *at = map(fd, (size_t)RACERS * PAGE);
	for (int i = 0; i < RACERS; i++) {
		CHECK(at[i * PAGE] == i + 1);
		CHECK(at[i * PAGE + 1] == 0);
		CHECK(pin_call(fd, STATUS, (uint32_t)i * PAGE, PAGE) == 0);
	}
	CHECK(pin_call(fd, PIN, 0, 0) == 0);
	munmap(at, (size_t)RACERS * PAGE);
	close(fd);
}

int main(int argc, char *argv[])
{
	struct stat st;
	(void)argv;
	if (stat("/dev/ashmem", &st) < 0 || !S_ISCHR(st.st_mode)) {
		fprintf(stderr, "there is no /dev/ashmem\n");
		return 1;
	}
	if (argc > 1)
		return be_the_peer();
	a_child_shares_everything();
	a_peer_needs_nothing_but_the_descriptor();
	for (int i = 0; i < ROUNDS; i++)
		one_race();
	printf("%d not as the device does it\n", failures);
	return failures != 0;
}
