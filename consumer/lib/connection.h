/* connection.h - struct mural: one consumer's connection, over the deaths of producers.
 *
 * The lock guards everything below but what says otherwise. Calls of the program take it for their
 * whole body; callbacks, the sources' open functions and waiting happen outside it. Pins take it
 * only on their slow path. A function that ends in _locked, and all of request.h, session.h and
 * bitmap.h that says so, are called with it held. */
#ifndef LIBMURAL_CONNECTION_H
#define LIBMURAL_CONNECTION_H

#include "address.h"
#include "epoch.h"
#include "outbox.h"
#include "process.h"
#include "spawn.h"

#include <mural/mural.h>
#include <pthread.h>

enum link_state {
	LINK_DOWN = 0,  /* given up; the next request tries again */
	LINK_RETRY = 1, /* the timer says when to try next */
	LINK_HELLO = 2, /* connected; WELCOME is awaited until the timer ends */
	LINK_UP = 3,
};

struct link {
	enum link_state state;
	int socket; /* in LINK_HELLO owned here; in LINK_UP the epoch's; otherwise -1 */
	int broken; /* -errno of a failed send: the next dispatch takes the session down; 0: none */
	bool want_write;   /* EPOLLOUT is asked for */
	unsigned failures; /* attempts in a row, and sessions that ended soon */
	unsigned busy;     /* times in a row that somebody else was at it */
	uint64_t up_ms;    /* when the session began */
	uint64_t tried_ms; /* when the last attempt was made */
};

/* What a serial stands for. */
enum pending_kind {
	PENDING_REQUEST,  /* in a mural_bitmap: READY or FAILED */
	PENDING_PIN,      /* in a mural_bitmap: PIN_ANSWER */
	PENDING_PREFETCH, /* in a struct prefetch */
	PENDING_CONTROL,  /* in a struct control: STATS, TRIMMED */
};

struct pending {
	enum pending_kind kind;
	uint32_t serial; /* 0: not in the table */
};

struct mural {
	/* ---- set once ---- */
	uint64_t process; /* its mark (process.h) */
	int epoll, wake, timer;
	unsigned flags;
	char name[32];
	struct endpoint endpoint;
	struct spawn spawn;
	void (*on_event)(struct mural *mural, enum mural_event event, int value, void *user);
	void *user;

	_Atomic uint32_t retired_count; /* epochs in @retired; read by unpins without the lock */

	pthread_mutex_t lock;
	unsigned refs; /* the program's until mural_close, and one a bitmap */
	bool closed;
	bool opening;    /* mural_open is under way: no events, and attempts end sooner */
	int open_result; /* the error that ended the last attempts */

	struct link link;
	struct epoch *
		epoch; /* of the running session or, until there is another, of the last one; NULL before the first */
	struct list retired; /* epochs that ended but have bitmaps bound */
	struct list hulls;   /* spare ones */
	struct outbox outbox;
	struct map serials; /* serial: struct pending */
	uint32_t last_serial;
	uint32_t in_flight, in_flight_max; /* requests and prefetches */
	uint32_t numbered;                 /* of these, those that the producer has */
	bool send_again;                   /* one that waits may be sent */
	uint32_t controls_in_flight;
	uint64_t generations; /* given to views so far */

	struct list bitmaps; /* all that exist */
	struct list prefetches;
	struct list ended;    /* bitmaps whose request has ended, to be told */
	struct list pinnable; /* bitmaps whose pin was answered, to be told */
	struct list controls; /* in flight, sent or not */
	struct list finished; /* controls to be told */

	/* ---- events to be told ---- */
	bool reconnected;
	int lost;     /* -errno; 0: none */
	int pressure; /* enum mural_pressure; -1: nothing to tell */
	enum mural_pressure told_pressure;
};

static inline bool mural_is_ours(const struct mural *mural)
{
	return process_is(mural->process);
}

static inline void mural_lock(struct mural *mural)
{
	pthread_mutex_lock(&mural->lock);
}

static inline void mural_unlock(struct mural *mural)
{
	pthread_mutex_unlock(&mural->lock);
}

static inline bool mural_is_up(const struct mural *mural)
{
	return mural->link.state == LINK_UP;
}

/* ---- with the lock held ---- */

/* Has mural_dispatch run soon. */
void mural_wake(struct mural *mural);

/* Gives @pending a number and notes it. -ENOMEM. */
int mural_number(struct mural *mural, struct pending *pending);
/* Forgets the number; fine without one. */
void mural_forget(struct mural *mural, struct pending *pending);

/* Sends or queues a message to the running session; takes @fd (-1: none). What goes wrong ends the
 * session at the next dispatch. */
void mural_post(struct mural *mural, const void *message, int fd);

/* A RELEASE, NUDGE or PIN. Nothing is sent when the session has ended. */
void mural_post_slot(struct mural *mural, enum protocol_type type, uint32_t serial, uint32_t slot,
	uint64_t generation, uint32_t told);

/* Drops a reference; the last one frees it all. Ends with the lock not held. */
void mural_unref_unlock(struct mural *mural);

/* Waits until something arrives or @deadline_ms (deadline_after), and acts on one message. Without
 * the lock.
 * 0; 1: timed out; -EINTR, -ENOMEM, -ECHILD. */
int mural_wait_until(struct mural *mural, uint64_t deadline_ms);

/* The moment @timeout_ms from now, milliseconds of CLOCK_MONOTONIC; UINT64_MAX, never, for a
 * negative one. */
uint64_t deadline_after(int timeout_ms);

#endif
