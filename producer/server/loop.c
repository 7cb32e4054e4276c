/* The event loop. A watch removed while a batch is being handled must not be called: the batch is
 * kept here and searched. */
#include "loop.h"

#include "common/util.h"

#include <sys/epoll.h>

#define BATCH 64

struct loop {
	int epoll;
	struct epoll_event batch[BATCH];
	int count, next;
};

int loop_create(struct loop **ret)
{
	CLEANUP(free_p) struct loop *loop = calloc(1, sizeof(*loop));
	if (!loop)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	*ret = take_ptr(&loop);
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	close(loop->epoll);
	free(loop);
}

int loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
	void (*ready)(struct loop_watch *watch, uint32_t events))
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	watch->fd = fd;
	watch->ready = ready;
	return 0;
}

int loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = watch};
	return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct loop_watch *watch)
{
	if (watch->fd < 0)
		return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	watch->fd = -1;
	for (int i = loop->next; i < loop->count; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

/* Rounded up: waking before a deadline would spin. */
static int timeout_ms(uint64_t deadline_ns)
{
	if (deadline_ns == UINT64_MAX)
		return -1;
	uint64_t now = monotonic_ns();
	if (deadline_ns <= now)
		return 0;
	uint64_t ms = (deadline_ns - now + 999999) / 1000000;
	return ms > 3600000 ? 3600000 : (int)ms;
}

int loop_run_once(struct loop *loop, uint64_t deadline_ns)
{
	int count = epoll_wait(loop->epoll, loop->batch, BATCH, timeout_ms(deadline_ns));
	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	loop->count = count;
	for (loop->next = 0; loop->next < count;) {
		const struct epoll_event *event = &loop->batch[loop->next++];
		struct loop_watch *watch = event->data.ptr;
		if (watch)
			watch->ready(watch, event->events);
	}
	loop->count = loop->next = 0;
	return 0;
}
