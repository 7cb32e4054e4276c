/* outbox.h - messages that the socket has no room for, with the descriptors that go with them. */
#ifndef LIBMURAL_OUTBOX_H
#define LIBMURAL_OUTBOX_H

#include "common/list.h"
#include "common/protocol.h"

struct outbox {
	struct list messages;
	size_t count;
};

/* More than this unsent: the producer does not read, and counts as gone. */
#define OUTBOX_MESSAGES_MAX 65536
/* More than this unsent: what may be lost is not queued any more. */
#define OUTBOX_BUSY 1024

void outbox_init(struct outbox *outbox);

/* Forgets everything, closing the descriptors. */
void outbox_clear(struct outbox *outbox);

/* Sends a message of a known type, or queues it. Takes @fd (-1: none) in every case.
 * 0: sent. 1: queued: outbox_flush when the socket is writable. -ENOMEM, -EPIPE, -ECONNRESET, … */
int outbox_send(struct outbox *outbox, int socket, const void *message, int fd);

/* Sends what is queued. 0: all. 1: the socket is full. 2: too many descriptors are under way: again
 * after a while. -errno. */
int outbox_flush(struct outbox *outbox, int socket);

#endif
