/* A message goes out at once when nothing waits before it; order is kept otherwise. */
#include "outbox.h"

#include <string.h>

struct outgoing {
	struct list link;
	int fd; /* owned; -1: none */
	size_t size;
	unsigned char bytes[];
};

void outbox_init(struct outbox *outbox)
{
	list_init(&outbox->messages);
	outbox->count = 0;
}

static void drop(struct outbox *outbox, struct outgoing *outgoing)
{
	list_remove(&outgoing->link);
	close_p(&outgoing->fd);
	free(outgoing);
	outbox->count--;
}

void outbox_clear(struct outbox *outbox)
{
	list_for_each (link, &outbox->messages)
		drop(outbox, CONTAINER_OF(link, struct outgoing, link));
}

static bool must_wait(int r)
{
	return r == -EAGAIN || r == -ETOOMANYREFS;
}

static int queue(struct outbox *outbox, const void *message, size_t size, int *fd)
{
	if (outbox->count >= OUTBOX_MESSAGES_MAX)
		return -EPIPE;
	struct outgoing *outgoing = malloc(sizeof(*outgoing) + size);
	if (!outgoing)
		return -ENOMEM;
	outgoing->fd = take_fd(fd);
	outgoing->size = size;
	memcpy(outgoing->bytes, message, size);
	list_append(&outbox->messages, &outgoing->link);
	outbox->count++;
	return 1;
}

int outbox_send(struct outbox *outbox, int socket, const void *message, int fd)
{
	CLEANUP(close_p) int owned = fd;
	size_t size = protocol_size(((const struct protocol_head *)message)->type);
	if (list_empty(&outbox->messages)) {
		int r = message_send(socket, message, size, &owned, owned >= 0);
		if (!must_wait(r))
			return r;
	}
	return queue(outbox, message, size, &owned);
}

int outbox_flush(struct outbox *outbox, int socket)
{
	list_for_each (link, &outbox->messages) {
		struct outgoing *outgoing = CONTAINER_OF(link, struct outgoing, link);
		int r = message_send(
			socket, outgoing->bytes, outgoing->size, &outgoing->fd, outgoing->fd >= 0);
		if (must_wait(r))
			return r == -EAGAIN ? 1 : 2;
		if (r < 0)
			return r;
		drop(outbox, outgoing);
	}
	return 0;
}
