/* Making and ending a connection, and the few things that all parts need from it. */
#include "connection.h"

#include "bitmap.h"
#include "control.h"
#include "request.h"
#include "session.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define OPEN_TIMEOUT_MS 10000

static const unsigned open_flags = MURAL_OPEN_PRIVATE | MURAL_OPEN_NO_START;

/* ---- for all parts ---- */

void mural_wake(struct mural *mural)
{
	eventfd_write(mural->wake, 1);
}

static bool is_counted(const struct pending *pending)
{
	return pending->kind == PENDING_REQUEST || pending->kind == PENDING_PREFETCH;
}

int mural_number(struct mural *mural, struct pending *pending)
{
	uint32_t serial = mural->last_serial;
	do {
		serial++;
	} while (serial == 0 || map_find(&mural->serials, serial));
	int r = map_insert(&mural->serials, serial, pending);
	if (r < 0)
		return r;
	mural->last_serial = serial;
	pending->serial = serial;
	mural->numbered += is_counted(pending);
	return 0;
}

void mural_forget(struct mural *mural, struct pending *pending)
{
	if (pending->serial == 0)
		return;
	map_remove(&mural->serials, pending->serial);
	pending->serial = 0;
	if (!is_counted(pending))
		return;
	mural->send_again |= mural->in_flight > mural->numbered;
	mural->numbered--;
}

void mural_post(struct mural *mural, const void *message, int fd)
{
	if (!mural_is_up(mural) || mural->link.broken < 0) {
		close_p(&fd);
		return;
	}
	int r = outbox_send(&mural->outbox, mural->link.socket, message, fd);
	if (r == 1 && mural->outbox.count == 1)
		session_flush(mural); /* has the socket watched for room */
	if (r < 0) {
		mural->link.broken = r;
		mural_wake(mural);
	}
}

void mural_post_slot(struct mural *mural, enum protocol_type type, uint32_t serial, uint32_t slot,
	uint64_t generation, uint32_t told)
{
	struct protocol_slot message = {
		.head = {.type = type, .serial = serial},
		.slot = slot,
		.told = told,
		.generation = generation,
	};
	if (type == PROTOCOL_NUDGE && mural->outbox.count >= OUTBOX_BUSY)
		return; /* a lost nudge only delays */
	mural_post(mural, &message, -1);
}

/* ---- making ---- */

static void init_lists(struct mural *mural)
{
	list_init(&mural->retired);
	list_init(&mural->hulls);
	list_init(&mural->bitmaps);
	list_init(&mural->prefetches);
	list_init(&mural->ended);
	list_init(&mural->pinnable);
	list_init(&mural->controls);
	list_init(&mural->finished);
	outbox_init(&mural->outbox);
}

static int watch(const struct mural *mural, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(mural->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int make_descriptors(struct mural *mural)
{
	mural->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (mural->epoll < 0)
		return -errno;
	mural->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mural->wake < 0)
		return -errno;
	mural->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (mural->timer < 0)
		return -errno;
	int r = watch(mural, mural->wake);
	return r < 0 ? r : watch(mural, mural->timer);
}

static int take_options(struct mural *mural, const struct mural_options *options)
{
	const char *name = options->name ? options->name : program_invocation_short_name;
	if (options->flags & ~open_flags)
		return -EINVAL;
	mural->flags = options->flags;
	mural->on_event = options->on_event;
	mural->user = options->user;
	strncpy(mural->name, name, sizeof(mural->name) - 1);
	int r = options->flags & MURAL_OPEN_PRIVATE
			? 0
			: address_resolve(options->socket, &mural->endpoint);
	if (r == 0)
		r = process_mark(&mural->process);
	if (r == 0)
		r = spawn_init(&mural->spawn, options->producer, options->producer_args);
	return r;
}

static void free_mural(struct mural *mural)
{
	list_for_each (link, &mural->hulls)
		hull_free(CONTAINER_OF(link, struct hull, link));
	spawn_fini(&mural->spawn);
	map_fini(&mural->serials, NULL);
	close_p(&mural->epoll);
	close_p(&mural->wake);
	close_p(&mural->timer);
	pthread_mutex_destroy(&mural->lock);
	free(mural);
}

void mural_unref_unlock(struct mural *mural)
{
	bool last = --mural->refs == 0;
	mural_unlock(mural);
	if (last)
		free_mural(mural);
}

static int make(const struct mural_options *options, struct mural **ret)
{
	struct mural *mural = calloc(1, sizeof(*mural));
	if (!mural)
		return -ENOMEM;
	mural->epoll = mural->wake = mural->timer = mural->link.socket = -1;
	mural->refs = 1;
	mural->pressure = -1;
	pthread_mutex_init(&mural->lock, NULL);
	init_lists(mural);
	int r = take_options(mural, options);
	if (r == 0)
		r = make_descriptors(mural);
	if (r < 0) {
		free_mural(mural);
		return r;
	}
	*ret = mural;
	return 0;
}

/* Connects for the first time: as every other time, but the program waits for it. */
static int connect_first(struct mural *mural)
{
	uint64_t deadline_ms = deadline_after(OPEN_TIMEOUT_MS);
	mural->opening = true;
	mural_lock(mural);
	session_attempt(mural);
	mural_unlock(mural);
	while (mural->link.state == LINK_RETRY || mural->link.state == LINK_HELLO) {
		int r = mural_wait_until(mural, deadline_ms);
		if (r == 1)
			return -ETIMEDOUT;
		if (r < 0 && r != -EINTR)
			return r;
	}
	mural->opening = false;
	if (mural_is_up(mural))
		return 0;
	return mural->open_result == -ECONNRESET ? -ECONNREFUSED : mural->open_result;
}

int mural_open(const struct mural_options *options, struct mural **ret)
{
	static const struct mural_options none = {0};
	struct mural *mural = NULL;
	int r = make(options ? options : &none, &mural);
	if (r < 0)
		return r;
	r = connect_first(mural);
	if (r < 0) {
		mural_close(mural);
		return r;
	}
	*ret = mural;
	return 0;
}

/* ---- ending ---- */

static void let_bitmaps_go(struct mural *mural)
{
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		bitmap_abandon(bitmap);
		mural_forget(mural, &bitmap->request);
		mural_forget(mural, &bitmap->pin);
		close_p(&bitmap->opened);
		bitmap->opened = -1;
		list_remove(&bitmap->ended);
		list_remove(&bitmap->pinnable);
	}
}

static void let_session_go(struct mural *mural)
{
	if (mural->link.state == LINK_HELLO)
		close(mural->link.socket);
	mural->link.state = LINK_DOWN;
	outbox_clear(&mural->outbox);
	if (mural->epoch)
		mural->epoch->live = false;
}

void mural_close(struct mural *mural)
{
	if (!mural || !mural_is_ours(mural))
		return;
	mural_lock(mural);
	mural->closed = true;
	let_session_go(mural);
	let_bitmaps_go(mural);
	control_drop_all(mural);
	list_for_each (link, &mural->prefetches)
		prefetch_finish(mural, CONTAINER_OF(link, struct prefetch, link));
	epoch_free(mural->epoch, &mural->hulls);
	mural->epoch = NULL;
	session_sweep(mural);
	mural_unref_unlock(mural);
}

int mural_fd(const struct mural *mural)
{
	return mural_is_ours(mural) ? mural->epoll : -ECHILD;
}
