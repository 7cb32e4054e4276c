/* The life of a connection over the lives of producers. See session.h for the states. */
#include "session.h"

#include "bitmap.h"
#include "control.h"
#include "request.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#define HELLO_TIMEOUT_MS 10000
/* Somebody else is starting a producer, or its backlog is full: look again soon, for as long as a
 * greeting may take. */
#define BUSY_DELAY_MS 10
#define BUSY_MAX (HELLO_TIMEOUT_MS / BUSY_DELAY_MS)
/* Descriptors under way are too many: nothing tells when there are fewer. */
#define CROWDED_DELAY_MS 10
/* 20, 40, 80 ... 640 ms between attempts. */
#define FIRST_DELAY_MS 20
#define FAILURES_MAX 6
#define FAILURES_OPENING_MAX 3
/* After giving up, a request tries twice more, and not at once. */
#define FAILURES_WHEN_WANTED (FAILURES_MAX - 2)
#define WANTED_DELAY_MS 500
/* A session that lived as long as this was a good one. */
#define GOOD_SESSION_MS 5000

static void set_timer(struct mural *mural, uint64_t delay_ms)
{
	struct itimerspec spec = {.it_value = {
					  .tv_sec = (time_t)(delay_ms / 1000),
					  .tv_nsec = (long)(delay_ms % 1000) * 1000000,
				  }};
	timerfd_settime(mural->timer, 0, &spec, NULL);
}

static void stop_timer(struct mural *mural)
{
	set_timer(mural, 0);
}

static void retry_in(struct mural *mural, uint64_t delay_ms)
{
	mural->link.state = LINK_RETRY;
	set_timer(mural, delay_ms > 0 ? delay_ms : 1);
}

static void give_up(struct mural *mural, int error)
{
	int request_error = error == -EMFILE || error == -ENOMEM ? error : -ECONNRESET;
	mural->link.state = LINK_DOWN;
	mural->open_result = error;
	stop_timer(mural);
	request_fail_all(mural, request_error);
	control_fail_all(mural, request_error);
	if (!mural->opening)
		mural->lost = error;
	mural_wake(mural);
}

/* No use to try again soon? */
static bool is_final(const struct mural *mural, int error)
{
	if (error == -EACCES || error == -EPROTONOSUPPORT || error == -ENAMETOOLONG)
		return true;
	return mural->opening && error != -ECONNRESET;
}

static void attempt_failed(struct mural *mural, int error)
{
	unsigned limit = mural->opening ? FAILURES_OPENING_MAX : FAILURES_MAX;
	mural->link.failures++;
	if (is_final(mural, error) || mural->link.failures >= limit)
		give_up(mural, error);
	else
		retry_in(mural, (uint64_t)FIRST_DELAY_MS << (mural->link.failures - 1));
}

static void busy(struct mural *mural)
{
	if (++mural->link.busy > BUSY_MAX)
		attempt_failed(mural, -ETIMEDOUT);
	else
		retry_in(mural, BUSY_DELAY_MS);
}

/* ---- connecting ---- */

static int find_producer(struct mural *mural, int *ret_socket)
{
	if (mural->flags & MURAL_OPEN_PRIVATE)
		return spawn_private(&mural->spawn, ret_socket);
	int r = address_connect(&mural->endpoint, ret_socket);
	if (r != -ECONNREFUSED || (mural->flags & MURAL_OPEN_NO_START))
		return r;
	return spawn_shared(&mural->spawn, &mural->endpoint, ret_socket);
}

static int watch(struct mural *mural, int socket)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
	return epoll_ctl(mural->epoll, EPOLL_CTL_ADD, socket, &event) < 0 ? -errno : 0;
}

static int greet(struct mural *mural, int socket)
{
	struct protocol_hello hello = {
		.head = {.type = PROTOCOL_HELLO},
		.magic = PROTOCOL_MAGIC,
		.version = PROTOCOL_VERSION,
	};
	memcpy(hello.name, mural->name, sizeof(hello.name));
	int r = watch(mural, socket);
	if (r == 0)
		r = message_send(socket, &hello, sizeof(hello), NULL, 0);
	/* An end that came meanwhile may have left a word of farewell: it is read first. */
	return r == -EPIPE ? 0 : r;
}

static void stop_watching(struct mural *mural)
{
	epoll_ctl(mural->epoll, EPOLL_CTL_DEL, mural->link.socket, NULL);
	mural->link.socket = -1;
	mural->link.want_write = false;
	mural->link.broken = 0;
	outbox_clear(&mural->outbox);
}

void session_attempt(struct mural *mural)
{
	CLEANUP(close_p) int socket = -1;
	mural->link.tried_ms = board_now_ms();
	int r = find_producer(mural, &socket);
	if (r == -EAGAIN) {
		busy(mural);
		return;
	}
	mural->link.busy = 0;
	if (r == 0)
		r = greet(mural, socket);
	if (r < 0) {
		attempt_failed(mural, r);
		return;
	}
	mural->link.socket = take_fd(&socket);
	mural->link.state = LINK_HELLO;
	mural->link.broken = 0;
	set_timer(mural, HELLO_TIMEOUT_MS);
}

void session_want(struct mural *mural)
{
	if (mural->link.state != LINK_DOWN)
		return;
	uint64_t since = board_now_ms() - mural->link.tried_ms;
	mural->link.failures = FAILURES_WHEN_WANTED;
	retry_in(mural, since < WANTED_DELAY_MS ? WANTED_DELAY_MS - since : 0);
}

void session_timer(struct mural *mural)
{
	if (mural->link.state == LINK_RETRY)
		session_attempt(mural);
	else if (mural->link.state == LINK_HELLO)
		session_end(mural, -ETIMEDOUT);
	else if (mural->link.state == LINK_UP)
		session_flush(mural);
}

/* ---- up ---- */

/* What is not pinned there is let go of; the rest follows when it is unpinned. */
static void retire(struct mural *mural)
{
	if (!mural->epoch)
		return;
	list_append(&mural->retired, &mural->epoch->link);
	atomic_fetch_add(&mural->retired_count, 1);
	mural->epoch = NULL;
	session_sweep(mural);
}

static void unbind_retired(struct mural *mural)
{
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		if (bitmap->epoch != mural->epoch)
			bitmap_unbind(bitmap);
	}
}

void session_sweep(struct mural *mural)
{
	if (list_empty(&mural->retired))
		return;
	unbind_retired(mural);
	list_for_each (link, &mural->retired) {
		struct epoch *epoch = CONTAINER_OF(link, struct epoch, link);
		if (epoch->bound > 0)
			continue;
		epoch_free(epoch, &mural->hulls);
		atomic_fetch_sub(&mural->retired_count, 1);
	}
}

int session_welcome(struct mural *mural, const struct protocol_welcome *welcome, const int *fds)
{
	struct epoch *epoch = NULL;
	if (mural->link.state != LINK_HELLO || welcome->requests_max == 0)
		return -EPROTO;
	if (welcome->version != PROTOCOL_VERSION)
		return -EPROTONOSUPPORT;
	int r = epoch_create(
		&mural->hulls, fds[0], fds[1], &welcome->instance, mural->link.socket, &epoch);
	if (r < 0)
		return r;
	mural->reconnected = !mural->opening;
	/* What the one before said is void; this one tells of pressure only where there is some. */
	if (mural->told_pressure != MURAL_PRESSURE_NONE)
		mural->pressure = MURAL_PRESSURE_NONE;
	retire(mural);
	mural->epoch = epoch;
	mural->link.state = LINK_UP;
	mural->link.up_ms = board_now_ms();
	mural->in_flight_max = welcome->requests_max;
	stop_timer(mural);
	return 0;
}

void session_flush(struct mural *mural)
{
	int r = outbox_flush(&mural->outbox, mural->link.socket);
	bool want_write = r == 1;
	if (r == 2)
		set_timer(mural, CROWDED_DELAY_MS);
	if (r < 0) {
		mural->link.broken = r;
		mural_wake(mural);
	}
	if (want_write == mural->link.want_write)
		return;
	struct epoll_event event = {
		.events = EPOLLIN | (want_write ? EPOLLOUT : 0u), .data.fd = mural->link.socket};
	if (epoll_ctl(mural->epoll, EPOLL_CTL_MOD, mural->link.socket, &event) == 0)
		mural->link.want_write = want_write;
}

/* ---- down ---- */

/* Whoever waits for a pin's answer pins again, and is told that it is purged. */
static void end_pins(struct mural *mural)
{
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		if (bitmap->pin.serial == 0)
			continue;
		mural_forget(mural, &bitmap->pin);
		list_append(&mural->pinnable, &bitmap->pinnable);
	}
}

static void end_session(struct mural *mural, int error)
{
	/* The socket stays with the epoch: see epoch.h. */
	stop_watching(mural);
	mural->epoch->live = false;
	stop_timer(mural);
	if (board_now_ms() - mural->link.up_ms >= GOOD_SESSION_MS)
		mural->link.failures = 0;
	mural->link.state = LINK_RETRY;
	end_pins(mural);
	request_session_ended(mural, error == -EMFILE ? error : -ECONNRESET);
	control_session_ended(mural, -ECONNRESET);
	if (mural->link.failures > 0) {
		attempt_failed(mural, error);
		return;
	}
	mural->link.failures = 1;
	session_attempt(mural);
}

static void end_greeting(struct mural *mural, int error)
{
	int socket = mural->link.socket;
	stop_watching(mural);
	close(socket);
	attempt_failed(mural, error);
}

void session_end(struct mural *mural, int error)
{
	if (mural->link.state == LINK_UP)
		end_session(mural, error);
	else if (mural->link.state == LINK_HELLO)
		end_greeting(mural, error);
}
