/* The service example moves buffers that no Binder transaction could, whole, to every client. */
#include "support/process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool listens(void *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return connected;
}

static void start_server(struct test_process *server, char *path, const char *bytes)
{
	const char *const argv[] = {test_program("memory_service_server"), path, bytes, NULL};
	test_process_start(server, -1, argv);
	cr_assert(test_until(listens, path, TEST_TIMEOUT_MS));
}

static void assert_client_says(const char *path, const char *expected)
{
	struct test_process client;
	const char *const argv[] = {test_program("memory_service_client"), path, NULL};
	cr_assert_eq(test_process_run(&client, -1, argv), 0);
	char *out = test_process_out(&client, NULL);
	cr_assert_str_eq(out, expected);
	free(out);
	test_process_fini(&client);
}

struct held {
	pid_t pid;
	int most;
};

static bool holds_no_more(void *context)
{
	const struct held *held = context;
	return test_count_descriptors(held->pid) <= held->most;
}

static void moves(const char *bytes)
{
	char *folder = test_folder_create(), *path = test_path(folder, "service");
	char start[64];
	struct test_process server;
	start_server(&server, path, bytes);
	char *said = test_process_out(&server, NULL);
	snprintf(start, sizeof(start), "%s bytes, checksum ", bytes);
	cr_assert_eq(strncmp(said, start, strlen(start)), 0);
	struct held held = {server.pid, test_count_descriptors(server.pid)};
	for (int i = 0; i < 3; i++)
		assert_client_says(path, said);
	cr_assert(test_until(holds_no_more, &held, TEST_TIMEOUT_MS),
		"the server keeps nothing of a client");
	free(said);
	test_process_fini(&server);
	free(path);
	test_folder_remove(folder);
}

Test(memory_service, moves_eight_mebibytes)
{
	moves("8388608");
}

Test(memory_service, moves_a_size_that_is_no_multiple_of_anything)
{
	moves("1048577");
}

Test(memory_service, without_a_server_there_is_nothing)
{
	char *folder = test_folder_create(), *path = test_path(folder, "service");
	struct test_process client;
	const char *const argv[] = {test_program("memory_service_client"), path, NULL};
	cr_assert_eq(test_process_run(&client, -1, argv), 1);
	test_process_fini(&client);
	free(path);
	test_folder_remove(folder);
}
