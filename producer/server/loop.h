/* producer/server/loop.h - the event loop: one epoll descriptor, one thread, no locks. */
#ifndef PRODUCER_SERVER_LOOP_H
#define PRODUCER_SERVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A descriptor that is watched. Lives in its owner's struct; the descriptor stays the owner's. */
struct loop_watch {
	int fd; /* -1: not watched */
	void (*ready)(struct loop_watch *watch, uint32_t events);
};

int loop_create(struct loop **ret);
void loop_destroy(struct loop *loop);

/* Watches @fd for @events (EPOLLIN …; hang-ups are always told). 0 or -errno. */
int loop_add(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
	void (*ready)(struct loop_watch *watch, uint32_t events));
int loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Not told again after this, not even of what has already been collected. Nothing for one that is
 * not watched. */
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Waits until @deadline_ns (UINT64_MAX: for ever) and calls what is ready. 0 or -errno. */
int loop_run_once(struct loop *loop, uint64_t deadline_ns);

#endif
