/* Connects to the server, receives a descriptor, and reads all of the memory file behind it.
 *
 *   client SOCKET
 *
 * cc client.c $(pkg-config --cflags --libs libashmem) */
#include <ashmem/memory_file.h>
#include <ashmem/shared_memory.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "checksum.h"

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int server = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return server;
}

/* As a file, by a stream. The size is the region's own, whatever the server may have said. */
static int read_all(const struct shared_memory *received, uint32_t *ret_sum)
{
	struct memory_file *file;
	struct memory_file_input input;
	unsigned char part[65536];
	ssize_t count;
	uint32_t sum = CHECKSUM_START;
	int r = memory_file_open(shared_memory_fd(received), (size_t)shared_memory_size(received),
		MEMORY_FILE_READ, &file);
	if (r < 0)
		return r;
	memory_file_input_init(&input, file);
	while ((count = memory_file_input_read(&input, part, sizeof(part))) > 0)
		sum = checksum(sum, part, (size_t)count);
	memory_file_destroy(file);
	*ret_sum = sum;
	return (int)count;
}

/* The same memory, mapped: what one does with pixels. */
static int sum_in_place(const struct shared_memory *received, uint32_t *ret_sum)
{
	const void *at;
	int r = shared_memory_map_readonly(received, &at);
	if (r < 0)
		return r;
	*ret_sum = checksum(CHECKSUM_START, at, (size_t)shared_memory_size(received));
	return shared_memory_unmap(at);
}

static int use(const struct shared_memory *received)
{
	uint32_t read = 0, mapped = 0;
	void *writable;
	int r = read_all(received, &read);
	if (r == 0)
		r = sum_in_place(received, &mapped);
	if (r < 0 || read != mapped) {
		fprintf(stderr, "client: can not read it: %s\n", strerror(-r));
		return 1;
	}
	if (shared_memory_map_readwrite(received, &writable) == 0) {
		fprintf(stderr, "client: could write it\n");
		return 1;
	}
	printf("%zd bytes, checksum %08x\n", shared_memory_size(received), read);
	return 0;
}

int main(int argc, char *argv[])
{
	struct shared_memory *received;
	if (argc != 2) {
		fprintf(stderr, "usage: client SOCKET\n");
		return 2;
	}
	int server = connect_to(argv[1]);
	if (server < 0) {
		perror(argv[1]);
		return 1;
	}
	int r = shared_memory_receive(server, &received);
	close(server);
	if (r < 0) {
		fprintf(stderr, "client: received nothing: %s\n", strerror(-r));
		return 1;
	}
	r = use(received);
	shared_memory_destroy(received);
	return r;
}
