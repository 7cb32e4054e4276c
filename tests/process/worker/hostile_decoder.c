/* A nursery program whose codec does what an image could make it do once it has taken the decoder
 * over: the first byte of the source says what. */
#include "producer/codec.h"
#include "producer/nursery.h"
#include "producer/sandbox.h"

#include "support/wrap_clock.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int answer_fd;

/* The processor's time stands still: huge pages are to be had in no time, if at all. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = __real_clock_gettime(clock, ret);
	if (r == 0 && clock == CLOCK_THREAD_CPUTIME_ID)
		*ret = (struct timespec){0};
	return r;
}

_Noreturn void __wrap_decoder_main(int socket);
_Noreturn void __real_decoder_main(int socket);

void __wrap_decoder_main(int socket)
{
	answer_fd = socket;
	__real_decoder_main(socket);
}

static void hang(void)
{
	static unsigned word;
	for (;;)
		syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL);
}

static void spin(void)
{
	for (volatile unsigned turn = 0;; turn++)
		continue;
}

static void say(const void *data, size_t size)
{
	send(answer_fd, data, size, 0);
}

static void send_a_descriptor(int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	sendmsg(answer_fd, &message, 0);
}

/* How much it gets, in steps of 1 MiB that it also writes to. */
static uint64_t allocate_all(void)
{
	uint64_t got = 0;
	char *block;
	while (got < ((uint64_t)1 << 40) && (block = malloc((size_t)1 << 20))) {
		memset(block, 1, (size_t)1 << 20);
		got += (uint64_t)1 << 20;
	}
	return got;
}

/* A block that grows, as a codec's might: with mremap refused. True: its bytes came along. */
static int grow(void)
{
	unsigned char *block = NULL;
	for (size_t size = 1; size <= (size_t)32 << 20; size *= 2) {
		unsigned char *larger = realloc(block, size);
		if (!larger)
			return 0;
		block = larger;
		block[size - 1] = (unsigned char)(size % 251);
	}
	for (size_t size = 1; size <= (size_t)32 << 20; size *= 2)
		if (block[size - 1] != size % 251)
			return 0;
	free(block);
	return 1;
}

/* Unknown to the compiler, which would refuse to write to a constant address. */
static volatile uintptr_t nowhere = 16;

static void misbehave(char how, int source_fd, const struct job *job,
	const struct codec_place *place, struct job_result *result)
{
	switch (how) {
	case 'c':
		*(volatile char *)nowhere = 0;
		break;
	case 'o':
		syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY);
		break;
	case 'd':
		send_a_descriptor(source_fd);
		break;
	case 's':
		spin();
		break;
	case 'h':
		hang();
		break;
	case 'a': /* answers, and stays */
		say(result, sizeof(*result));
		hang();
		break;
	case 't': /* answers twice; the second time that it was something else */
		say(result, sizeof(*result));
		result->source_width = 99;
		break;
	case 'g': /* too short */
		say(result, 1);
		hang();
		break;
	case 'l': /* every byte set */
		memset(result, 0xff, sizeof(*result));
		break;
	case 'e':
		syscall(SYS_exit_group, 7);
		break;
	case 'x': /* ends one thread of two */
		syscall(SYS_exit, 0);
		break;
	case 'm':
		result->memory_bytes = allocate_all();
		break;
	case 'r':
		result->source_height = (uint32_t)grow();
		break;
	case 'w':
		memset(place->pixels, 'w', (size_t)job->window_length);
		break;
	case 'f': /* writes nothing, and says whether it could write into the file */
		result->source_height = place->fd >= 0;
		break;
	default:
		break;
	}
}

void codec_run(int source_fd, const struct job *job, const struct codec_place *place,
	struct job_result *result)
{
	char how = 0;
	if (pread(source_fd, &how, 1, 0) != 1)
		result->error = -1;
	result->source_width = 7;
	misbehave(how, source_fd, job, place, result);
}

int main(int argc, char **argv)
{
	return argc == 3 && strcmp(argv[1], "--nursery") == 0 && nursery_main(atoi(argv[2])) == 0
		       ? 0
		       : 1;
}
