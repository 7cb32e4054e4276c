#include "viewer/shot.h"

#include "common/util.h"

#include <string.h>

static void fail(struct shot *shot, int error)
{
	shot->state = SHOT_FAILED;
	shot->error = error;
	shot->reason = MURAL_REASON_NONE;
	if (shot->bitmap)
		mural_bitmap_error(shot->bitmap, &shot->reason, NULL);
}

void shot_ask(struct shot *shot, struct mural *mural, const struct shot_wish *wish)
{
	/* Straight alpha also for pictures that have none: the same bitmap then serves all that
	 * this viewer does. */
	struct mural_request request = {
		.path = wish->path,
		.box_width = wish->box_width,
		.box_height = wish->box_height,
		.format = MURAL_FORMAT_ARGB8888,
		.flags = wish->flags,
		.priority = wish->priority,
		.on_event = wish->on_event,
		.user = wish->user,
	};
	*shot = (struct shot){
		.state = SHOT_PENDING,
		.priority = wish->priority,
		.flags = wish->flags,
		.asked_ns = monotonic_ns(),
	};
	int r = mural_request(mural, &request, &shot->bitmap);
	if (r < 0)
		fail(shot, r);
}

void shot_hurry(struct shot *shot, uint32_t priority)
{
	if (shot->state != SHOT_PENDING || shot->priority == priority)
		return;
	mural_bitmap_set_priority(shot->bitmap, priority);
	shot->priority = priority;
}

void shot_drop(struct shot *shot)
{
	mural_bitmap_unref(shot->bitmap);
	*shot = (struct shot){.state = SHOT_ABSENT};
}

void shot_event(struct shot *shot, enum mural_bitmap_event event)
{
	shot->waiting_pin = false;
	switch (event) {
	case MURAL_BITMAP_READY:
		/* A bitmap of a producer that died comes back as READY without having been asked
		 * for. */
		if (shot->state == SHOT_PENDING)
			shot->took_ms = (uint32_t)((monotonic_ns() - shot->asked_ns) / 1000000);
		shot->state = SHOT_READY;
		break;
	case MURAL_BITMAP_FAILED:
		fail(shot, mural_bitmap_error(shot->bitmap, NULL, NULL));
		break;
	case MURAL_BITMAP_PINNABLE:
		break;
	}
}

int shot_try_pin(struct shot *shot, struct mural_view *ret)
{
	int r = mural_bitmap_pin(shot->bitmap, ret);
	if (r == -EAGAIN)
		shot->waiting_pin = true;
	else if (r < 0)
		fail(shot, r);
	return r;
}

int shot_pin(struct shot *shot, uint32_t priority, struct mural_view *ret)
{
	int r = shot_try_pin(shot, ret);
	if (r != ASHMEM_WAS_PURGED)
		return r;
	shot->asked_ns = monotonic_ns();
	shot->again = true;
	shot->priority = priority;
	shot->state = SHOT_PENDING;
	r = mural_bitmap_redecode(shot->bitmap, priority);
	if (r < 0)
		fail(shot, r);
	return r < 0 ? r : 1;
}

struct bitmap shot_pixels(const struct mural_view *pinned)
{
	return (struct bitmap){
		.pixels = pinned->pixels,
		.width = pinned->width,
		.height = pinned->height,
		.stride_bytes = pinned->stride_bytes,
		.alpha = pinned->flags & MURAL_BITMAP_HAS_ALPHA,
	};
}

const char *shot_error_text(const struct shot *shot)
{
	const char *text = "";
	if (shot->bitmap && mural_bitmap_error(shot->bitmap, NULL, &text) < 0 && text[0])
		return text;
	/* Of a request that is well formed: the file is a pipe or a device. */
	return shot->error == -EINVAL ? "not a regular file" : strerror(-shot->error);
}

bool shot_is_lost(const struct shot *shot)
{
	return shot->state == SHOT_FAILED &&
	       (shot->error == -ECONNRESET || shot->error == -ECONNREFUSED ||
		       shot->error == -EDQUOT);
}
