/* Datagrams with descriptors, one by one and in batches: whole, in order, nothing left open. */
#include "common/message.h"
#include "common/protocol.h"
#include "common/util.h"
#include "support/descriptors.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define SIZE 16

static int ends[2];

static void set_up(void)
{
	cr_assert_eq(message_pair(ends), 0);
}

static void tear_down(void)
{
	close_all(ends, 2);
}

TestSuite(message, .init = set_up, .fini = tear_down, .timeout = 60);

static void send_text(const char *text, int fd)
{
	cr_assert_eq(message_send(ends[0], text, strlen(text), &fd, fd >= 0), 0);
}

struct batch {
	int count;
	char bytes[MESSAGE_BATCH_MAX][SIZE];
	struct message_received received[MESSAGE_BATCH_MAX];
};

static struct batch receive(unsigned most)
{
	struct batch batch = {0};
	batch.count = message_receive_batch(ends[1], batch.bytes, SIZE, batch.received, most);
	return batch;
}

static bool is(const struct batch *batch, int index, const char *text)
{
	size_t length = strlen(text);
	return batch->received[index].length == (ssize_t)length &&
	       memcmp(batch->bytes[index], text, length) == 0;
}

Test(message, all_that_is_there_comes_in_order)
{
	send_text("one", -1);
	send_text("two", STDIN_FILENO);
	send_text("three", -1);
	struct batch batch = receive(MESSAGE_BATCH_MAX);
	cr_assert_eq(batch.count, 3);
	cr_assert(is(&batch, 0, "one") && is(&batch, 1, "two") && is(&batch, 2, "three"));
	cr_assert_eq(batch.received[0].count, 0);
	cr_assert_eq(batch.received[1].count, 1);
	cr_assert_eq(batch.received[2].count, 0);
	struct stat mine, got;
	cr_assert_eq(fstat(STDIN_FILENO, &mine), 0);
	cr_assert_eq(fstat(batch.received[1].fds[0], &got), 0);
	cr_assert(mine.st_ino == got.st_ino && mine.st_dev == got.st_dev);
	cr_assert_neq(fcntl(batch.received[1].fds[0], F_GETFD) & FD_CLOEXEC, 0);
	close(batch.received[1].fds[0]);
	cr_assert_eq(receive(MESSAGE_BATCH_MAX).count, -EAGAIN);
}

Test(message, no_more_than_was_asked_for)
{
	for (int i = 0; i < MESSAGE_BATCH_MAX + 1; i++)
		send_text("x", -1);
	cr_assert_eq(receive(2).count, 2);
	cr_assert_eq(receive(MESSAGE_BATCH_MAX * 2).count, MESSAGE_BATCH_MAX - 1);
	for (int i = 0; i < MESSAGE_BATCH_MAX + 1; i++)
		send_text("y", -1);
	cr_assert_eq(receive(MESSAGE_BATCH_MAX * 2).count, MESSAGE_BATCH_MAX);
	cr_assert_eq(receive(MESSAGE_BATCH_MAX).count, 1);
}

Test(message, one_that_is_too_long_leaves_nothing_open_and_harms_no_other)
{
	int before = count_descriptors();
	send_text("first", -1);
	send_text("this is longer than its place", STDIN_FILENO);
	send_text("last", -1);
	struct batch batch = receive(MESSAGE_BATCH_MAX);
	cr_assert_eq(batch.count, 3);
	cr_assert(is(&batch, 0, "first") && is(&batch, 2, "last"));
	cr_assert_eq(batch.received[1].length, -EMSGSIZE);
	cr_assert_eq(batch.received[1].count, 0);
	cr_assert_eq(count_descriptors(), before);
}

Test(message, descriptors_that_could_not_be_had_are_told_of_each)
{
	struct rlimit before, none;
	send_text("one", STDIN_FILENO);
	send_text("two", -1);
	send_text("three", STDIN_FILENO);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(0);
	close(next);
	none = (struct rlimit){(rlim_t)next + 1, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	struct batch batch = receive(MESSAGE_BATCH_MAX);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(batch.count, 3);
	cr_assert(is(&batch, 0, "one") && is(&batch, 1, "two"));
	cr_assert_eq(batch.received[0].count, 1);
	cr_assert_eq(batch.received[2].length, -EMFILE);
	close(batch.received[0].fds[0]);
}

/* What it says can be answered all the same. */
Test(message, one_that_lost_its_descriptor_is_there_itself)
{
	struct protocol_request request = {.head = {.type = PROTOCOL_REQUEST, .serial = 8}};
	struct protocol_stat stat = {.head = {.type = PROTOCOL_STAT, .serial = 9}};
	union protocol_any messages[MESSAGE_BATCH_MAX];
	struct message_received received[MESSAGE_BATCH_MAX];
	const int fd = STDIN_FILENO;
	struct rlimit before, none;
	cr_assert_eq(message_send(ends[0], &request, sizeof(request), &fd, 1), 0);
	cr_assert_eq(message_send(ends[0], &request, sizeof(request) - 1, &fd, 1), 0);
	cr_assert_eq(message_send(ends[0], &stat, sizeof(stat), &fd, 1), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){3, before.rlim_max};
	setrlimit(RLIMIT_NOFILE, &none);
	int count = protocol_receive_batch(ends[1], messages, received, MESSAGE_BATCH_MAX);
	setrlimit(RLIMIT_NOFILE, &before);
	cr_assert_eq(count, 3);
	cr_assert_eq(received[0].length, -EMFILE);
	cr_assert_eq(received[0].count, 0);
	cr_assert_eq(messages[0].head.serial, 8);
	cr_assert_eq(received[1].length, -EPROTO, "of no known size");
	cr_assert_eq(received[2].length, -EPROTO, "of a type that brings none");
}

Test(message, the_end_comes_after_the_last)
{
	send_text("last", -1);
	close(ends[0]);
	ends[0] = -1;
	struct batch batch = receive(MESSAGE_BATCH_MAX);
	cr_assert_gt(batch.count, 1);
	cr_assert(is(&batch, 0, "last"));
	cr_assert_eq(batch.received[1].length, 0);
	cr_assert_eq(batch.received[1].count, 0);
}

/* ---- with the protocol's shapes ---- */

Test(message, what_is_no_message_of_the_protocol_is_told_in_its_place)
{
	struct protocol_stat stat = {.head = {.type = PROTOCOL_STAT, .serial = 7}};
	struct protocol_request request = {.head = {.type = PROTOCOL_REQUEST, .serial = 8}};
	union protocol_any messages[MESSAGE_BATCH_MAX];
	struct message_received received[MESSAGE_BATCH_MAX];
	const int fd = STDIN_FILENO;
	int before = count_descriptors();
	cr_assert_eq(message_send(ends[0], &stat, sizeof(stat), NULL, 0), 0);
	cr_assert_eq(message_send(ends[0], &stat, sizeof(stat), &fd, 1), 0);
	cr_assert_eq(message_send(ends[0], &request, sizeof(request), NULL, 0), 0);
	cr_assert_eq(message_send(ends[0], &request, sizeof(request) - 1, &fd, 1), 0);
	cr_assert_eq(message_send(ends[0], &request, sizeof(request), &fd, 1), 0);
	cr_assert_eq(protocol_receive_batch(ends[1], messages, received, MESSAGE_BATCH_MAX), 5);
	cr_assert_eq(received[0].length, sizeof(stat));
	cr_assert_eq(messages[0].head.serial, 7);
	for (int i = 1; i < 4; i++) {
		cr_assert_eq(received[i].length, -EPROTO, "message %d", i);
		cr_assert_eq(received[i].count, 0);
	}
	cr_assert_eq(received[4].length, sizeof(request));
	cr_assert_eq(messages[4].head.serial, 8);
	cr_assert_eq(received[4].count, 1);
	close(received[4].fds[0]);
	cr_assert_eq(count_descriptors(), before);
}
