/* common/message.h - one datagram with descriptors over a SOCK_SEQPACKET socket.
 *
 * A message is received whole or not at all: one that was cut (MSG_TRUNC) or that lost descriptors
 * (MSG_CTRUNC, which is what happens at the receiver's descriptor limit) is an error, and what did
 * arrive is closed. Received descriptors are close-on-exec. No function blocks on a non-blocking
 * socket. Thread-safe as far as the socket is. */
#ifndef COMMON_MESSAGE_H
#define COMMON_MESSAGE_H

#include <stddef.h>
#include <sys/types.h>

/* The longest message, bytes, and the most descriptors in one. */
#define MESSAGE_BYTES_MAX 4096
#define MESSAGE_FDS_MAX 4

/* Sends one message; borrows @fds.
 * 0; -EAGAIN: the peer's buffer is full (only non-blocking sockets); -EPIPE, -ECONNRESET: the peer
 * is gone (no signal); -ETOOMANYREFS: too many descriptors under way; -EINVAL: too long or too many
 * descriptors. */
int message_send(int socket, const void *data, size_t length, const int *fds, size_t count);

/* Receives one message into @buffer. The caller owns @ret_count descriptors in @fds (room for
 * MESSAGE_FDS_MAX). Returns its length (> 0); 0 at the peer's end; -EAGAIN: nothing there;
 * -EMSGSIZE: longer than @size; -EMFILE: descriptors were lost (MSG_CTRUNC); -EPROTO: more
 * descriptors than a message may carry; or -errno. */
ssize_t message_receive(int socket, void *buffer, size_t size, int *fds, size_t *ret_count);

/* As many as are there, and up to MESSAGE_BATCH_MAX, in one system call: what one message_receive
 * after the other would give, but for the end of it all (-EAGAIN). */
#define MESSAGE_BATCH_MAX 8
struct message_received {
	ssize_t length; /* as message_receive returns; not -EAGAIN */
	size_t bytes;   /* of the message in its buffer, also where only descriptors were lost */
	size_t count;
	int fds[MESSAGE_FDS_MAX]; /* @count of them, the caller's */
};

/* The messages themselves go into @buffers, one behind the other, each of @size bytes of room.
 * Returns how many (> 0); -EAGAIN: nothing there; or -errno. After a length of 0 or less of the
 * last of them there may be more. */
int message_receive_batch(int socket, void *buffers, size_t size,
	struct message_received received[MESSAGE_BATCH_MAX], unsigned most);

/* A connected close-on-exec pair; non-blocking. 0 or -errno. */
int message_pair(int ret_sockets[2]);

#endif
