/* Everything from the producer is checked, though it is trusted more than anybody else: a wrong
 * number here would be a wild pointer in every program that shows pictures. What does not hold ends
 * the session as if the producer had died. */
#include "receive.h"

#include "control.h"
#include "request.h"
#include "session.h"

#include <string.h>

static const uint32_t bitmap_flags =
	MURAL_BITMAP_PARTIAL | MURAL_BITMAP_HAS_ALPHA | MURAL_BITMAP_SCALED | MURAL_BITMAP_PREVIEW;

static struct pending *find(const struct mural *mural, uint32_t serial, enum pending_kind kind)
{
	struct pending *pending = map_find(&mural->serials, serial);
	return pending && pending->kind == kind ? pending : NULL;
}

static struct mural_bitmap *find_request(const struct mural *mural, uint32_t serial)
{
	struct pending *pending = find(mural, serial, PENDING_REQUEST);
	return pending ? CONTAINER_OF(pending, struct mural_bitmap, request) : NULL;
}

static struct prefetch *find_prefetch(const struct mural *mural, uint32_t serial)
{
	struct pending *pending = find(mural, serial, PENDING_PREFETCH);
	return pending ? CONTAINER_OF(pending, struct prefetch, pending) : NULL;
}

static struct control *find_control(
	const struct mural *mural, uint32_t serial, enum protocol_type type)
{
	struct pending *pending = find(mural, serial, PENDING_CONTROL);
	struct control *control = pending ? CONTAINER_OF(pending, struct control, pending) : NULL;
	return control && control->type == type ? control : NULL;
}

/* ---- regions ---- */

static int on_region_gone(struct mural *mural, const struct protocol_region_gone *message)
{
	struct region *region = map_find(&mural->epoch->regions, message->region);
	if (!region)
		return -EPROTO;
	list_for_each (link, &region->bitmaps)
		bitmap_drop_region(CONTAINER_OF(link, struct mural_bitmap, region_link));
	epoch_forget_region(mural->epoch, region);
	return 0;
}

/* ---- answers to requests ---- */

static bool is_sane(const struct protocol_ready *ready, const struct region *region)
{
	uint32_t stride = 0;
	uint64_t size = 0;
	if (!mural_bitmap_layout(ready->format, ready->width, ready->height, &stride, &size))
		return false;
	return ready->slot < BOARD_SLOTS && ready->generation > 0 &&
	       ready->generation <= BOARD_GENERATION_MAX && ready->stride_bytes == stride &&
	       ready->offset % sizeof(uint32_t) == 0 && (ready->flags & ~bitmap_flags) == 0 &&
	       region && region_holds(region, ready->offset, size);
}

static void take_ready(
	struct mural_bitmap *bitmap, const struct protocol_ready *ready, struct region *region)
{
	int r = region->memory ? bitmap_bind(bitmap, ready, region) : region->error;
	if (r < 0) {
		bitmap_refuse(bitmap->mural, ready);
		request_fail(bitmap, r, MURAL_REASON_MEMORY, NULL);
		return;
	}
	if (!bitmap->has_identity) {
		bitmap->identity = ready->identity;
		bitmap->has_identity = true;
	}
	request_succeed(bitmap);
}

static int on_ready(struct mural *mural, const struct protocol_ready *ready)
{
	struct region *region = map_find(&mural->epoch->regions, ready->region);
	struct mural_bitmap *bitmap = find_request(mural, ready->head.serial);
	struct prefetch *prefetch = find_prefetch(mural, ready->head.serial);
	if (!is_sane(ready, region) || (bitmap && ready->format != bitmap->wanted.format))
		return -EPROTO;
	if (bitmap) {
		take_ready(bitmap, ready, region);
		return 0;
	}
	if (prefetch)
		prefetch_finish(mural, prefetch);
	bitmap_refuse(mural, ready); /* it was cancelled, or is not to be kept */
	return 0;
}

/* The same, with a region that is not known yet. */
static int on_handover(struct mural *mural, const struct protocol_handover *handover, int fd)
{
	int r = epoch_add_region(mural->epoch, handover->ready.region, handover->region_size, fd);
	return r < 0 ? r : on_ready(mural, &handover->ready);
}

static int on_failed(struct mural *mural, const struct protocol_failed *failed)
{
	struct mural_bitmap *bitmap = find_request(mural, failed->head.serial);
	struct prefetch *prefetch = find_prefetch(mural, failed->head.serial);
	char text[sizeof(failed->text)];
	if (failed->error >= 0 || failed->error < -4095 || failed->reason > MURAL_REASON_NO_PREVIEW)
		return -EPROTO;
	memcpy(text, failed->text, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	if (bitmap && failed->error == -EAGAIN)
		request_was_lost(bitmap);
	else if (bitmap)
		request_fail(bitmap, failed->error, (enum mural_reason)failed->reason,
			text[0] ? text : NULL);
	else if (prefetch)
		prefetch_finish(mural, prefetch);
	return 0;
}

/* ---- the rest ---- */

static int on_pin_answer(struct mural *mural, const struct protocol_pin_answer *answer)
{
	struct pending *pending = find(mural, answer->head.serial, PENDING_PIN);
	if (answer->slot >= BOARD_SLOTS || answer->result > PROTOCOL_PIN_PURGED)
		return -EPROTO;
	if (!pending) /* the bitmap has gone meanwhile, and its slot was released with it */
		return 0;
	struct mural_bitmap *bitmap = CONTAINER_OF(pending, struct mural_bitmap, pin);
	mural_forget(mural, &bitmap->pin);
	list_append(&mural->pinnable, &bitmap->pinnable);
	return 0;
}

static int on_stats(struct mural *mural, const struct protocol_stats *message)
{
	struct control *control = find_control(mural, message->head.serial, PROTOCOL_STAT);
	if (control) {
		control->stats = message->stats;
		control_finish(mural, control, 0);
	}
	return 0;
}

static int on_trimmed(struct mural *mural, const struct protocol_trimmed *message)
{
	struct control *control = find_control(mural, message->head.serial, PROTOCOL_TRIM);
	if (control) {
		control->freed_bytes = message->freed_bytes;
		control_finish(mural, control, 0);
	}
	return 0;
}

static int on_pressure(struct mural *mural, const struct protocol_pressure *message)
{
	if (message->level > MURAL_PRESSURE_CRITICAL)
		return -EPROTO;
	mural->pressure = (int)message->level;
	return 0;
}

static int on_farewell(const struct protocol_farewell *farewell)
{
	return farewell->error < 0 && farewell->error >= -4095 ? farewell->error : -EPROTO;
}

static int act(struct mural *mural, const union protocol_any *message, const int *fds)
{
	if (message->head.type == PROTOCOL_WELCOME)
		return session_welcome(mural, &message->welcome, fds);
	if (message->head.type == PROTOCOL_FAREWELL)
		return on_farewell(&message->farewell);
	if (!mural_is_up(mural))
		return -EPROTO;
	switch (message->head.type) {
	case PROTOCOL_HANDOVER:
		return on_handover(mural, &message->handover, fds[0]);
	case PROTOCOL_REGION_GONE:
		return on_region_gone(mural, &message->region_gone);
	case PROTOCOL_READY:
		return on_ready(mural, &message->ready);
	case PROTOCOL_FAILED:
		return on_failed(mural, &message->failed);
	case PROTOCOL_PIN_ANSWER:
		return on_pin_answer(mural, &message->pin_answer);
	case PROTOCOL_STATS:
		return on_stats(mural, &message->stats);
	case PROTOCOL_TRIMMED:
		return on_trimmed(mural, &message->trimmed);
	case PROTOCOL_PRESSURE:
		return on_pressure(mural, &message->pressure);
	default:
		return -EPROTO;
	}
}

int receive_one(struct mural *mural)
{
	union protocol_any message;
	int fds[MESSAGE_FDS_MAX];
	size_t count = 0;
	ssize_t length = protocol_receive(mural->link.socket, &message, fds, &count);
	if (length == -EAGAIN)
		return 0;
	if (length <= 0)
		return length == 0 ? -ECONNRESET : (int)length;
	int r = act(mural, &message, fds);
	close_all(fds, count);
	return r < 0 ? r : 1;
}
