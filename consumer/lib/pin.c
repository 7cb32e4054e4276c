/* Using a bitmap: pins, and what can be asked of it without one. */
#include "request.h"
#include "session.h"

/* ---- pinning ---- */

/* The bytes may be there, unpinned: asks the producer, once until it answers. */
static int ask(struct mural_bitmap *bitmap)
{
	struct mural *mural = bitmap->mural;
	if (bitmap->epoch != mural->epoch || !mural_is_up(mural))
		return ASHMEM_WAS_PURGED; /* whoever could bring them back is gone */
	if (bitmap->pin.serial != 0 || !list_empty(&bitmap->pinnable))
		return -EAGAIN;
	int r = mural_number(mural, &bitmap->pin);
	if (r < 0)
		return r;
	mural_post_slot(mural, PROTOCOL_PIN, bitmap->pin.serial, bitmap->slot->number,
		bitmap->generation, 0);
	return -EAGAIN;
}

/* Counts one pin of a bitmap that is not the first of its slot. */
static void count_beside(struct mural_bitmap *bitmap)
{
	struct mural_bitmap *first = bitmap_first(bitmap);
	if (first == bitmap)
		return;
	bitmap->pins++;
	atomic_fetch_add_explicit(&first->binding.others, 1, memory_order_relaxed);
}

static int pin_bound(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	const struct hull *hull = bitmap->epoch->hull;
	switch (board_pin(hull->table, hull->pins, bitmap->slot->number, bitmap->generation)) {
	case BOARD_PINNED:
		count_beside(bitmap);
		*ret = bitmap->binding.view;
		return ASHMEM_NOT_PURGED;
	case BOARD_ASK:
		return bitmap->state == BITMAP_READY ? ask(bitmap) : -EAGAIN;
	default:
		return ASHMEM_WAS_PURGED;
	}
}

/* Nothing can be bound anew while the lock is held, so the answer is the truth. */
static int pin_locked(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	if (bitmap->mural->closed)
		return -ESHUTDOWN;
	int r = bitmap->epoch && bitmap->region ? pin_bound(bitmap, ret) : ASHMEM_WAS_PURGED;
	if (r == ASHMEM_NOT_PURGED || bitmap->state == BITMAP_READY)
		return r;
	return bitmap->state == BITMAP_PENDING ? -EAGAIN : bitmap->error;
}

static int pin_slowly(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	mural_lock(bitmap->mural);
	int r = pin_locked(bitmap, ret);
	mural_unlock(bitmap->mural);
	return r;
}

int mural_bitmap_pin(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	if (!binding_pin(&bitmap->binding))
		return pin_slowly(bitmap, ret);
	*ret = bitmap->binding.view;
	return ASHMEM_NOT_PURGED;
}

int mural_bitmap_pin_wait(struct mural_bitmap *bitmap, int timeout_ms, struct mural_view *ret)
{
	uint64_t deadline_ms = deadline_after(timeout_ms);
	for (;;) {
		int r = mural_bitmap_pin(bitmap, ret);
		if (r != -EAGAIN)
			return r;
		r = mural_wait_until(bitmap->mural, deadline_ms);
		if (r == 1)
			return -ETIMEDOUT;
		if (r < 0 && r != -EINTR && r != -ENOMEM)
			return r;
	}
}

/* ---- unpinning ---- */

static void nudge(struct mural_bitmap *bitmap)
{
	mural_lock(bitmap->mural);
	if (bitmap->epoch && bitmap->epoch->live)
		mural_post_slot(bitmap->mural, PROTOCOL_NUDGE, 0, bitmap->slot->number,
			bitmap->generation, 0);
	mural_unlock(bitmap->mural);
}

/* As board_unpin_above. What binding_unpin has refused may be pinned all the same: it reads how
 * many of the cell's pins are other bitmaps', and then how many there are, and another bitmap's
 * last unpin may come between. Those change only under the lock, so here it is the truth. */
static int unpin_slowly(struct mural_bitmap *bitmap)
{
	mural_lock(bitmap->mural);
	int r = binding_unpin(&bitmap->binding);
	if (r < 0 && bitmap->pins > 0) {
		const struct hull *hull = bitmap->epoch->hull;
		bitmap->pins--;
		atomic_fetch_sub_explicit(
			&bitmap_first(bitmap)->binding.others, 1, memory_order_relaxed);
		r = board_unpin(hull->table, hull->pins, bitmap->slot->number);
	}
	mural_unlock(bitmap->mural);
	return r;
}

int mural_bitmap_unpin(struct mural_bitmap *bitmap)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	int r = binding_unpin(&bitmap->binding);
	if (r < 0)
		r = unpin_slowly(bitmap);
	if (r > 0)
		nudge(bitmap);
	/* seq_cst: after the count; pairs with who retires the epoch, and then reads the counts. */
	if (r >= 0 && atomic_load_explicit(&bitmap->mural->retired_count, memory_order_seq_cst) > 0)
		mural_wake(bitmap->mural); /* the last pin there may have been this one */
	return r < 0 ? r : 0;
}

/* ---- asking ---- */

/* 0: decoded. */
static int outcome(const struct mural_bitmap *bitmap)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	mural_lock(bitmap->mural);
	int r = 0;
	if (bitmap->mural->closed)
		r = -ESHUTDOWN;
	else if (bitmap->state == BITMAP_PENDING)
		r = -EAGAIN;
	else if (bitmap->state == BITMAP_FAILED)
		r = bitmap->error;
	mural_unlock(bitmap->mural);
	return r;
}

int mural_bitmap_wait(struct mural_bitmap *bitmap, int timeout_ms)
{
	uint64_t deadline_ms = deadline_after(timeout_ms);
	for (;;) {
		int r = outcome(bitmap);
		if (r != -EAGAIN)
			return r;
		r = mural_wait_until(bitmap->mural, deadline_ms);
		if (r == 1)
			return 1;
		if (r < 0 && r != -EINTR && r != -ENOMEM)
			return r;
	}
}

int mural_bitmap_set_visible(struct mural_bitmap *bitmap, int visible)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	mural_lock(bitmap->mural);
	bitmap_show(bitmap, visible != 0);
	mural_unlock(bitmap->mural);
	return 0;
}

int mural_bitmap_info(const struct mural_bitmap *bitmap, struct mural_view *ret)
{
	int r = outcome(bitmap);
	if (r < 0)
		return r;
	*ret = bitmap->binding.view;
	ret->pixels = NULL;
	return 0;
}

int mural_bitmap_error(
	const struct mural_bitmap *bitmap, enum mural_reason *ret_reason, const char **ret_text)
{
	if (!process_is(bitmap->process))
		return -ECHILD;
	bool failed = bitmap->state == BITMAP_FAILED;
	if (ret_reason)
		*ret_reason = failed ? bitmap->reason : MURAL_REASON_NONE;
	if (ret_text)
		*ret_text = failed ? bitmap->text : "";
	return failed ? bitmap->error : 0;
}

void *mural_bitmap_user(const struct mural_bitmap *bitmap)
{
	return bitmap->user;
}
