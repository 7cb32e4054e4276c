/* One datagram with descriptors over a SOCK_SEQPACKET socket; sizes and losses are checked here and
 * nowhere else. */
#include "common/message.h"

#include "common/util.h"

#include <string.h>
#include <sys/socket.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
};

int message_send(int socket, const void *data, size_t length, const int *fds, size_t count)
{
	if (length == 0 || length > MESSAGE_BYTES_MAX || count > MESSAGE_FDS_MAX)
		return -EINVAL;
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = length};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	if (count > 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
	}
	ssize_t sent;
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == length ? 0 : -EPIPE;
}

/* Collects what arrived, so that it can be handed over or closed. */
static size_t take_received(struct msghdr *message, int *fds)
{
	size_t count = 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
		header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
			if (count < MESSAGE_FDS_MAX)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

/* Where the kernel puts one message. */
struct place {
	union control control;
	struct iovec iov;
};

static struct msghdr header_for(struct place *place, void *buffer, size_t size)
{
	place->iov = (struct iovec){.iov_base = buffer, .iov_len = size};
	return (struct msghdr){
		.msg_iov = &place->iov,
		.msg_iovlen = 1,
		.msg_control = place->control.bytes,
		.msg_controllen = sizeof(place->control.bytes),
	};
}

/* What message_receive says of it, which was @length bytes long for the kernel. */
static ssize_t judge(struct msghdr *message, ssize_t length, int *fds, size_t *ret_count)
{
	int received[MESSAGE_FDS_MAX];
	size_t count = take_received(message, received);
	int error = 0;
	if (message->msg_flags & MSG_TRUNC)
		error = -EMSGSIZE;
	else if (message->msg_flags &
		 MSG_CTRUNC) /* a full array means too many were sent, else our limit was hit */
		error = count == MESSAGE_FDS_MAX ? -EPROTO : -EMFILE;
	if (error < 0 ||
		length == 0) { /* an empty datagram looks like the end, and is treated as it */
		close_all(received, count);
		return error;
	}
	memcpy(fds, received, count * sizeof(int));
	*ret_count = count;
	return length;
}

ssize_t message_receive(int socket, void *buffer, size_t size, int *fds, size_t *ret_count)
{
	struct place place;
	struct msghdr message = header_for(&place, buffer, size);
	ssize_t length;
	do {
		length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	return judge(&message, length, fds, ret_count);
}

int message_receive_batch(int socket, void *buffers, size_t size,
	struct message_received received[MESSAGE_BATCH_MAX], unsigned most)
{
	struct place places[MESSAGE_BATCH_MAX];
	struct mmsghdr messages[MESSAGE_BATCH_MAX];
	most = (unsigned)min_u64(most, MESSAGE_BATCH_MAX);
	for (unsigned i = 0; i < most; i++)
		messages[i] = (struct mmsghdr){
			.msg_hdr = header_for(&places[i], (char *)buffers + i * size, size)};
	int taken;
	do {
		taken = recvmmsg(socket, messages, most, MSG_CMSG_CLOEXEC, NULL);
	} while (taken < 0 && errno == EINTR);
	if (taken < 0)
		return -errno;
	for (int i = 0; i < taken; i++) {
		received[i].count = 0;
		received[i].bytes = messages[i].msg_len;
		received[i].length = judge(&messages[i].msg_hdr, messages[i].msg_len,
			received[i].fds, &received[i].count);
	}
	return taken;
}

int message_pair(int ret_sockets[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_sockets) < 0)
		return -errno;
	return 0;
}
