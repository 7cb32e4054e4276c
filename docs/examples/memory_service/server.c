/* Gives every client that connects a buffer of any size, without a copy: it writes the bytes into a
 * memory file once, and hands over a descriptor that can only read.
 *
 *   server SOCKET BYTES
 *
 * Runs until it is killed. SOCKET must not be there yet, and stays.
 *
 * cc server.c $(pkg-config --cflags --libs libashmem) */
#include <ashmem/ashmem.h>
#include <ashmem/memory_file.h>
#include <ashmem/shared_memory.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "checksum.h"

/* Writes through a stream, as one would write a picture or a message as it is made. */
static int fill(struct memory_file *file, size_t bytes)
{
	struct memory_file_output output;
	unsigned char part[4096];
	uint32_t state = 1, sum = CHECKSUM_START;
	memory_file_output_init(&output, file);
	for (size_t done = 0, count; done < bytes; done += count) {
		count = bytes - done < sizeof(part) ? bytes - done : sizeof(part);
		for (size_t i = 0; i < count; i++)
			part[i] = (unsigned char)((state = state * 1664525u + 1013904223u) >> 24);
		sum = checksum(sum, part, count);
		ssize_t r = memory_file_output_write(&output, part, count);
		if (r < 0)
			return (int)r;
	}
	printf("%zu bytes, checksum %08x\n", bytes, sum);
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* Our own mapping can still write. Once the mask says "read", shared_memory_send passes on a
 * descriptor that can not. */
static int close_for_writing(struct memory_file *file, struct shared_memory **ret)
{
	int fd = memory_file_fd(file);
	if (ashmem_set_prot_region(fd, PROT_READ) < 0)
		return -errno;
	return shared_memory_import(fcntl(fd, F_DUPFD_CLOEXEC, 0), ret);
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 8) < 0)
		return -1;
	return listener;
}

static int serve(const char *path, size_t bytes)
{
	struct memory_file *file;
	struct shared_memory *readable;
	int r = memory_file_create("memory service", bytes, &file);
	if (r == 0)
		r = fill(file, bytes);
	if (r == 0)
		r = close_for_writing(file, &readable);
	if (r < 0) {
		fprintf(stderr, "server: no memory file: %s\n", strerror(-r));
		return 1;
	}
	int listener = listen_at(path);
	if (listener < 0) {
		perror(path);
		return 1;
	}
	for (;;) {
		int client = accept(listener, NULL, NULL);
		if (client < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (client < 0) {
			perror("server");
			return 1;
		}
		r = shared_memory_send(readable, client);
		if (r < 0)
			fprintf(stderr, "server: a client got nothing: %s\n", strerror(-r));
		close(client);
	}
}

int main(int argc, char *argv[])
{
	if (argc != 3) {
		fprintf(stderr, "usage: server SOCKET BYTES\n");
		return 2;
	}
	return serve(argv[1], strtoul(argv[2], NULL, 10));
}
