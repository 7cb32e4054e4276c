/* A request lives in its bitmap: opened and checked when it is made, numbered when it is sent,
 * forgotten when it ends. */
#include "request.h"

#include "session.h"

#include <stdio.h>
#include <string.h>

/* How often one request is sent: once more after the producer died with it. A picture that kills
 * producers stops there. */
#define SENDS_MAX 2

static const uint32_t request_flags = MURAL_REQUEST_AS_STORED | MURAL_REQUEST_ALLOW_PARTIAL |
				      MURAL_REQUEST_WAIT | MURAL_REQUEST_PREVIEW;

static enum mural_reason reason_of(int error)
{
	switch (error) {
	case -ECONNRESET:
		return MURAL_REASON_GONE;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return MURAL_REASON_MEMORY;
	case -EDQUOT:
		return MURAL_REASON_QUOTA;
	default:
		return MURAL_REASON_SOURCE;
	}
}

/* ---- the books ---- */

static void end_sending(struct mural_bitmap *bitmap)
{
	mural_forget(bitmap->mural, &bitmap->request);
	close_p(&bitmap->opened);
	bitmap->opened = -1;
}

void request_finish(struct mural_bitmap *bitmap)
{
	end_sending(bitmap);
	bitmap->mural->in_flight--;
}

void request_fail(
	struct mural_bitmap *bitmap, int error, enum mural_reason reason, const char *text)
{
	const char *known = strerrordesc_np(-error);
	request_finish(bitmap);
	bitmap->error = error;
	bitmap->reason = reason;
	snprintf(bitmap->text, sizeof(bitmap->text), "%s",
		text    ? text
		: known ? known
			: "unknown error");
	if (bitmap_is_alive(bitmap))
		bitmap_unbind(bitmap); /* a failed bitmap says its error, also when old bytes are
					  still there */
	list_append(&bitmap->mural->ended, &bitmap->ended);
	mural_wake(bitmap->mural);
}

void request_succeed(struct mural_bitmap *bitmap)
{
	request_finish(bitmap);
	bitmap->error = 0;
	list_append(&bitmap->mural->ended, &bitmap->ended);
}

void prefetch_finish(struct mural *mural, struct prefetch *prefetch)
{
	mural_forget(mural, &prefetch->pending);
	list_remove(&prefetch->link);
	free(prefetch);
	mural->in_flight--;
}

static bool is_in_flight(const struct mural_bitmap *bitmap)
{
	return bitmap->state == BITMAP_PENDING && list_empty(&bitmap->ended);
}

/* ---- sending ---- */

static struct protocol_request message_for(const struct wanted *wanted, uint32_t serial)
{
	uint32_t flags =
		(wanted->flags & MURAL_REQUEST_AS_STORED ? PROTOCOL_AS_STORED : 0u) |
		(wanted->flags & MURAL_REQUEST_ALLOW_PARTIAL ? PROTOCOL_ALLOW_PARTIAL : 0u) |
		(wanted->flags & MURAL_REQUEST_WAIT ? PROTOCOL_WAIT : 0u) |
		(wanted->flags & MURAL_REQUEST_PREVIEW ? PROTOCOL_PREVIEW : 0u);
	return (struct protocol_request){
		.head = {.type = PROTOCOL_REQUEST, .serial = serial},
		.flags = flags,
		.format = wanted->format,
		.box_width = wanted->box_width,
		.box_height = wanted->box_height,
		.priority = wanted->priority,
	};
}

/* Sends a request whose source is open. -ENOMEM. */
static int send_request(struct mural_bitmap *bitmap)
{
	struct mural *mural = bitmap->mural;
	int r = mural_number(mural, &bitmap->request);
	if (r < 0)
		return r;
	struct protocol_request message = message_for(&bitmap->wanted, bitmap->request.serial);
	if (bitmap->has_identity) {
		message.flags |= PROTOCOL_EXPECT;
		message.expected = bitmap->identity;
	}
	bitmap->sends++;
	mural_post(mural, &message, take_fd(&bitmap->opened));
	return 0;
}

/* Opens the source outside the lock: it may be the program's own function. */
static int open_unlocked(struct mural *mural, const struct source *source)
{
	mural_unlock(mural);
	int fd = source_open(source);
	mural_lock(mural);
	return fd;
}

static bool is_waiting(const struct mural_bitmap *bitmap)
{
	return is_in_flight(bitmap) && bitmap->request.serial == 0;
}

/* Sends a request that waited for a session. The lock is let go meanwhile, so all may have changed
 * after opening. */
static void open_and_send(struct mural_bitmap *bitmap)
{
	CLEANUP(close_p)
	int fd = bitmap->opened >= 0 ? take_fd(&bitmap->opened)
				     : open_unlocked(bitmap->mural, &bitmap->source);
	if (!is_waiting(bitmap))
		return;
	int r = fd;
	if (fd >= 0) {
		bitmap->opened = take_fd(&fd);
		r = mural_is_up(bitmap->mural) ? send_request(bitmap) : 0;
	}
	if (r < 0)
		request_fail(bitmap, r, reason_of(r), NULL);
}

static struct mural_bitmap *first_waiting(struct mural *mural)
{
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		if (is_waiting(bitmap))
			return bitmap;
	}
	return NULL;
}

/* More may be in flight than this producer takes, if the one before took more. */
static bool takes_another(const struct mural *mural)
{
	return mural_is_up(mural) && mural->numbered < mural->in_flight_max;
}

void request_send_waiting(struct mural *mural)
{
	struct mural_bitmap *bitmap;
	mural->send_again = false;
	while (takes_another(mural) && (bitmap = first_waiting(mural))) {
		bitmap->refs++; /* the program's own function may drop its reference */
		open_and_send(bitmap);
		mural_unlock(mural);
		mural_bitmap_unref(bitmap);
		mural_lock(mural);
	}
}

/* ---- the ends of sessions ---- */

static void forget_prefetches(struct mural *mural)
{
	list_for_each (link, &mural->prefetches)
		prefetch_finish(mural, CONTAINER_OF(link, struct prefetch, link));
}

void request_session_ended(struct mural *mural, int error)
{
	forget_prefetches(mural);
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		if (!is_in_flight(bitmap))
			continue;
		mural_forget(mural, &bitmap->request);
		if (bitmap->sends >= SENDS_MAX)
			request_fail(bitmap, error, reason_of(error), NULL);
	}
}

void request_was_lost(struct mural_bitmap *bitmap)
{
	mural_forget(bitmap->mural, &bitmap->request);
	bitmap->sends--; /* its picture has harmed nobody */
	bitmap->mural->send_again = true;
}

void request_fail_all(struct mural *mural, int error)
{
	forget_prefetches(mural);
	list_for_each (link, &mural->bitmaps) {
		struct mural_bitmap *bitmap = CONTAINER_OF(link, struct mural_bitmap, link);
		if (is_in_flight(bitmap))
			request_fail(bitmap, error, reason_of(error), NULL);
	}
}

/* ---- what the program calls ---- */

static int check_request(const struct mural_request *request, struct wanted *ret)
{
	uint32_t format = request->format ? request->format : MURAL_FORMAT_XRGB8888;
	if (mural_format_bytes(format) == 0 || (request->flags & ~request_flags) ||
		request->priority > MURAL_PRIORITY_VISIBLE)
		return -EINVAL;
	*ret = (struct wanted){
		.box_width = request->box_width,
		.box_height = request->box_height,
		.format = format,
		.flags = request->flags,
		.priority = request->priority,
	};
	return 0;
}

/* May one more be asked for? Has a producer looked for when there is none. */
static int admit(struct mural *mural)
{
	if (mural->closed)
		return -ESHUTDOWN;
	if (mural->in_flight >= mural->in_flight_max)
		return -EDQUOT;
	session_want(mural);
	return 0;
}

/* Makes a bitmap's request with an open source, which is taken. */
static int begin(struct mural_bitmap *bitmap, int opened)
{
	bitmap->opened = opened;
	bitmap->sends = 0;
	if (mural_is_up(bitmap->mural)) {
		int r = send_request(bitmap);
		if (r < 0) {
			end_sending(bitmap);
			return r;
		}
	}
	bitmap->state = BITMAP_PENDING;
	bitmap->error = 0;
	bitmap->reason = MURAL_REASON_NONE;
	bitmap->text[0] = '\0';
	bitmap->mural->in_flight++;
	return 0;
}

static int begin_new(struct mural *mural, const struct mural_request *request,
	const struct wanted *wanted, struct source *source, struct mural_bitmap **ret)
{
	CLEANUP(close_p) int opened = source_open(source);
	if (opened < 0)
		return opened;
	mural_lock(mural);
	int r = admit(mural);
	struct mural_bitmap *bitmap = r < 0 ? NULL : bitmap_new(mural, request);
	if (r == 0)
		r = bitmap ? 0 : -ENOMEM;
	if (r == 0) {
		bitmap->wanted = *wanted;
		r = begin(bitmap, take_fd(&opened));
	}
	if (r == 0) {
		bitmap->source = *source;
		list_append(&mural->bitmaps, &bitmap->link);
		mural->refs++;
		*ret = bitmap;
	} else {
		free(bitmap);
	}
	mural_unlock(mural);
	return r;
}

int mural_request(
	struct mural *mural, const struct mural_request *request, struct mural_bitmap **ret)
{
	struct wanted wanted;
	struct source source;
	if (!mural_is_ours(mural))
		return -ECHILD;
	int r = check_request(request, &wanted);
	if (r < 0)
		return r;
	r = source_init(&source, request);
	if (r < 0)
		return r;
	r = begin_new(mural, request, &wanted, &source, ret);
	if (r < 0)
		source_fini(&source);
	return r;
}

/* Under the lock. 0: go on. 1: nothing to do. */
static int check_redecode(struct mural_bitmap *bitmap)
{
	if (bitmap->mural->closed)
		return -ESHUTDOWN;
	if (bitmap->state == BITMAP_PENDING)
		return 1;
	return bitmap_is_pinned(bitmap) ? -EBUSY : 0;
}

int mural_bitmap_redecode(struct mural_bitmap *bitmap, uint32_t priority)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	if (priority > MURAL_PRIORITY_VISIBLE)
		return -EINVAL;
	struct mural *mural = bitmap->mural;
	mural_lock(mural);
	int r = check_redecode(bitmap);
	if (r == 0)
		r = admit(mural);
	if (r == 0) {
		CLEANUP(close_p) int opened = open_unlocked(mural, &bitmap->source);
		r = opened < 0 ? opened : check_redecode(bitmap); /* again: the lock was let go */
		if (r == 0) {
			bitmap->wanted.priority = priority;
			r = begin(bitmap, take_fd(&opened));
		}
	}
	mural_unlock(mural);
	return r < 0 ? r : 0;
}

int mural_bitmap_set_priority(struct mural_bitmap *bitmap, uint32_t priority)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	if (priority > MURAL_PRIORITY_VISIBLE)
		return -EINVAL;
	mural_lock(bitmap->mural);
	if (is_in_flight(bitmap) && bitmap->wanted.priority != priority) {
		bitmap->wanted.priority = priority;
		struct protocol_priority message = {
			.head = {.type = PROTOCOL_PRIORITY, .serial = bitmap->request.serial},
			.priority = priority,
		};
		if (bitmap->request.serial != 0)
			mural_post(bitmap->mural, &message, -1);
	}
	mural_unlock(bitmap->mural);
	return 0;
}

static void post_cancel(struct mural *mural, uint32_t serial)
{
	struct protocol_cancel message = {.head = {.type = PROTOCOL_CANCEL, .serial = serial}};
	if (serial != 0)
		mural_post(mural, &message, -1);
}

int mural_bitmap_cancel(struct mural_bitmap *bitmap)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	mural_lock(bitmap->mural);
	if (is_in_flight(bitmap)) {
		post_cancel(bitmap->mural, bitmap->request.serial);
		request_fail(bitmap, -ECANCELED, MURAL_REASON_CANCELLED, NULL);
	}
	mural_unlock(bitmap->mural);
	return 0;
}

/* ---- references: here, because the last one ends a request ---- */

struct mural_bitmap *mural_bitmap_ref(struct mural_bitmap *bitmap)
{
	if (process_is(bitmap->process))
		bitmap->refs++;
	return bitmap;
}

static void free_bitmap(struct mural_bitmap *bitmap)
{
	source_fini(&bitmap->source);
	free(bitmap);
}

void mural_bitmap_unref(struct mural_bitmap *bitmap)
{
	if (!bitmap || !process_is(bitmap->process) || --bitmap->refs > 0)
		return;
	struct mural *mural = bitmap->mural;
	mural_lock(mural);
	if (is_in_flight(bitmap)) {
		post_cancel(mural, bitmap->request.serial);
		request_finish(bitmap);
	}
	mural_forget(mural, &bitmap->pin);
	list_remove(&bitmap->ended);
	list_remove(&bitmap->pinnable);
	list_remove(&bitmap->link);
	bitmap_abandon(bitmap);
	session_sweep(mural);
	mural_unref_unlock(mural);
	free_bitmap(bitmap);
}

/* ---- prefetches ---- */

static int send_prefetch(
	struct mural *mural, const struct wanted *wanted, int *opened, uint32_t *ret_ticket)
{
	int r = admit(mural);
	if (r < 0)
		return r;
	if (!mural_is_up(mural))
		return -ECONNRESET; /* a guess is not worth keeping until there is a producer */
	struct prefetch *prefetch = calloc(1, sizeof(*prefetch));
	if (!prefetch)
		return -ENOMEM;
	prefetch->pending.kind = PENDING_PREFETCH;
	r = mural_number(mural, &prefetch->pending);
	if (r < 0) {
		free(prefetch);
		return r;
	}
	struct protocol_request message = message_for(wanted, prefetch->pending.serial);
	list_append(&mural->prefetches, &prefetch->link);
	mural->in_flight++;
	*ret_ticket = prefetch->pending.serial;
	mural_post(mural, &message, take_fd(opened));
	return 0;
}

int mural_prefetch(struct mural *mural, const struct mural_request *request, uint32_t *ret_ticket)
{
	struct wanted wanted;
	struct source source;
	uint32_t ticket = 0;
	if (!mural_is_ours(mural))
		return -ECHILD;
	int r = check_request(request, &wanted);
	if (r < 0)
		return r;
	wanted.priority = MURAL_PRIORITY_PREFETCH;
	r = source_init(&source, request);
	if (r < 0)
		return r;
	CLEANUP(close_p) int opened = source_open(&source);
	source_fini(&source);
	if (opened < 0)
		return opened;
	mural_lock(mural);
	r = send_prefetch(mural, &wanted, &opened, &ticket);
	mural_unlock(mural);
	if (r == 0 && ret_ticket)
		*ret_ticket = ticket;
	return r;
}

int mural_prefetch_cancel(struct mural *mural, uint32_t ticket)
{
	if (!mural_is_ours(mural))
		return -ECHILD;
	mural_lock(mural);
	struct pending *pending = map_find(&mural->serials, ticket);
	if (pending && pending->kind == PENDING_PREFETCH) {
		post_cancel(mural, ticket);
		prefetch_finish(mural, CONTAINER_OF(pending, struct prefetch, pending));
	}
	mural_unlock(mural);
	return 0;
}
