/* mural_dispatch: what has arrived is acted on under the lock, then told outside it, so that
 * callbacks may call everything. */
#include "control.h"
#include "receive.h"
#include "request.h"
#include "session.h"

#include <limits.h>
#include <sys/epoll.h>

/* A producer that talks without end does not keep the program from its other work. */
#define MESSAGES_A_DISPATCH 256

/* ---- telling ---- */

static void tell_event(struct mural *mural, enum mural_event event, int value)
{
	if (mural->on_event)
		mural->on_event(mural, event, value, mural->user);
}

static void tell_events(struct mural *mural)
{
	mural_lock(mural);
	int lost = mural->lost;
	bool reconnected = mural->reconnected;
	int pressure = mural->pressure;
	mural->lost = 0;
	mural->reconnected = false;
	mural->pressure = -1;
	if (pressure >= 0)
		mural->told_pressure = (enum mural_pressure)pressure;
	mural_unlock(mural);
	if (lost < 0)
		tell_event(mural, MURAL_EVENT_LOST, lost);
	if (reconnected)
		tell_event(mural, MURAL_EVENT_RECONNECTED, 0);
	if (pressure >= 0)
		tell_event(mural, MURAL_EVENT_PRESSURE, pressure);
}

/* The reference keeps the bitmap alive over its own callback. */
static void tell_bitmap(struct mural_bitmap *bitmap, enum mural_bitmap_event event)
{
	if (bitmap->on_event)
		bitmap->on_event(bitmap, event, bitmap->user);
	mural_bitmap_unref(bitmap);
}

static size_t length_of(struct list *list)
{
	size_t length = 0;
	list_for_each (link, list)
		length++;
	return length;
}

static struct mural_bitmap *take_ended(struct mural *mural)
{
	mural_lock(mural);
	struct list *link = list_take(&mural->ended);
	struct mural_bitmap *bitmap = link ? CONTAINER_OF(link, struct mural_bitmap, ended) : NULL;
	if (bitmap) {
		bitmap->state = bitmap->error == 0 ? BITMAP_READY : BITMAP_FAILED;
		bitmap->refs++;
	}
	mural_unlock(mural);
	return bitmap;
}

static struct mural_bitmap *take_pinnable(struct mural *mural)
{
	mural_lock(mural);
	struct list *link = list_take(&mural->pinnable);
	struct mural_bitmap *bitmap =
		link ? CONTAINER_OF(link, struct mural_bitmap, pinnable) : NULL;
	if (bitmap)
		bitmap->refs++;
	mural_unlock(mural);
	return bitmap;
}

static struct control *take_finished(struct mural *mural)
{
	mural_lock(mural);
	struct list *link = list_take(&mural->finished);
	mural_unlock(mural);
	return link ? CONTAINER_OF(link, struct control, link) : NULL;
}

/* Tells what stands in the lists now; what callbacks add is for the next dispatch. */
static void tell(struct mural *mural)
{
	struct mural_bitmap *bitmap;
	struct control *control;
	mural_lock(mural);
	size_t ended = length_of(&mural->ended);
	size_t pinnable = length_of(&mural->pinnable);
	size_t finished = length_of(&mural->finished);
	mural_unlock(mural);
	tell_events(mural);
	while (ended-- > 0 && (bitmap = take_ended(mural)))
		tell_bitmap(bitmap,
			bitmap->state == BITMAP_READY ? MURAL_BITMAP_READY : MURAL_BITMAP_FAILED);
	while (pinnable-- > 0 && (bitmap = take_pinnable(mural)))
		tell_bitmap(bitmap, MURAL_BITMAP_PINNABLE);
	while (finished-- > 0 && (control = take_finished(mural)))
		control_tell(mural, control);
}

/* ---- acting ---- */

/* What the connection's descriptors have to say. */
struct news {
	bool rung, timed;
	bool arrived; /* at the socket, or the end of it */
};

/* Asking the one descriptor that has all of them saves trying each: 1, or 0 when @timeout_ms have
 * passed. -EINTR. */
static int look(const struct mural *mural, int timeout_ms, struct news *ret)
{
	struct epoll_event events[3]; /* wake, timer, socket */
	int count = epoll_wait(mural->epoll, events, ARRAY_SIZE(events), timeout_ms);
	if (count < 0)
		return -errno;
	struct news news = {0};
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == mural->wake)
			news.rung = true;
		else if (events[i].data.fd == mural->timer)
			news.timed = true;
		else
			news.arrived = true;
	}
	*ret = news;
	return count > 0;
}

static bool was_rung(int fd)
{
	uint64_t count;
	return read(fd, &count, sizeof(count)) == sizeof(count);
}

/* True: a message was taken, and there may be more. */
static bool take_message(struct mural *mural, bool arrived, int *error)
{
	bool was_up = mural_is_up(mural);
	int r = mural->link.broken;
	if (r == 0)
		r = arrived && mural->link.socket >= 0 ? receive_one(mural) : 0;
	if (r == -ENOMEM)
		*error = r;
	if (r < 0)
		session_end(mural, r);
	bool begun = !was_up && mural_is_up(mural);
	if (begun || mural->send_again)
		request_send_waiting(mural);
	if (begun)
		control_send_waiting(mural);
	return r > 0;
}

static int act(struct mural *mural, const struct news *news, unsigned messages)
{
	int error = 0;
	bool more = true;
	mural_lock(mural);
	if (news->rung && was_rung(mural->wake))
		session_sweep(mural);
	if (news->timed && was_rung(mural->timer))
		session_timer(mural);
	if (mural_is_up(mural) && mural->outbox.count > 0)
		session_flush(mural);
	mural_unlock(mural);
	for (unsigned i = 0; more && i < messages; i++) {
		mural_lock(mural);
		more = take_message(mural, news->arrived, &error);
		mural_unlock(mural);
		tell(mural);
	}
	return error;
}

int mural_dispatch(struct mural *mural)
{
	struct news news = {0};
	if (!mural_is_ours(mural))
		return -ECHILD;
	if (look(mural, 0, &news) < 0) /* (Interrupted: the descriptor stays readable.) */
		return 0;
	return act(mural, &news, MESSAGES_A_DISPATCH);
}

/* ---- waiting ---- */

uint64_t deadline_after(int timeout_ms)
{
	return timeout_ms < 0 ? UINT64_MAX : monotonic_ns() / 1000000u + (uint64_t)timeout_ms;
}

static int left_until(uint64_t deadline_ms)
{
	uint64_t now_ms = monotonic_ns() / 1000000u;
	if (deadline_ms == UINT64_MAX)
		return -1;
	if (deadline_ms <= now_ms)
		return 0;
	return deadline_ms - now_ms > INT_MAX ? INT_MAX : (int)(deadline_ms - now_ms);
}

static int wait_and_act(struct mural *mural, uint64_t deadline_ms, unsigned messages)
{
	struct news news;
	if (!mural_is_ours(mural))
		return -ECHILD;
	int r = look(mural, left_until(deadline_ms), &news);
	if (r < 0)
		return r;
	return r == 0 ? 1 : act(mural, &news, messages);
}

/* One message: it may be what is waited for, and to find out that there is no other takes a system
 * call that would stand in front of the pixels. */
int mural_wait_until(struct mural *mural, uint64_t deadline_ms)
{
	return wait_and_act(mural, deadline_ms, 1);
}

int mural_wait(struct mural *mural, int timeout_ms)
{
	return wait_and_act(mural, deadline_after(timeout_ms), MESSAGES_A_DISPATCH);
}
