/* The synchronous calls are the asynchronous ones and a wait. */
#include "control.h"

#include "session.h"

#define CONTROLS_MAX 64

static struct control *of_link(struct list *link)
{
	return CONTAINER_OF(link, struct control, link);
}

/* ---- the books ---- */

static int send_control(struct mural *mural, struct control *control)
{
	int r = mural_number(mural, &control->pending);
	if (r < 0)
		return r;
	struct protocol_head head = {.type = control->type, .serial = control->pending.serial};
	if (control->type == PROTOCOL_STAT) {
		struct protocol_stat message = {.head = head};
		mural_post(mural, &message, -1);
	} else {
		struct protocol_trim message = {.head = head, .bytes = control->bytes};
		mural_post(mural, &message, -1);
	}
	return 0;
}

void control_finish(struct mural *mural, struct control *control, int error)
{
	control->error = error;
	mural_forget(mural, &control->pending);
	list_remove(&control->link);
	list_append(&mural->finished, &control->link);
	mural_wake(mural);
}

void control_send_waiting(struct mural *mural)
{
	list_for_each (link, &mural->controls) {
		struct control *control = of_link(link);
		int r = control->pending.serial == 0 ? send_control(mural, control) : 0;
		if (r < 0)
			control_finish(mural, control, r);
	}
}

void control_session_ended(struct mural *mural, int error)
{
	list_for_each (link, &mural->controls)
		if (of_link(link)->pending.serial != 0)
			control_finish(mural, of_link(link), error);
}

void control_fail_all(struct mural *mural, int error)
{
	list_for_each (link, &mural->controls)
		control_finish(mural, of_link(link), error);
}

static void drop(struct mural *mural, struct control *control)
{
	mural_forget(mural, &control->pending);
	list_remove(&control->link);
	mural->controls_in_flight--;
	free(control);
}

void control_drop_all(struct mural *mural)
{
	list_for_each (link, &mural->controls)
		drop(mural, of_link(link));
	list_for_each (link, &mural->finished)
		drop(mural, of_link(link));
}

void control_tell(struct mural *mural, struct control *control)
{
	if (control->stat_fn)
		control->stat_fn(mural, control->error,
			control->error == 0 ? &control->stats : NULL, control->user);
	else
		control->trim_fn(mural, control->error, control->freed_bytes, control->user);
	mural_lock(mural);
	drop(mural, control);
	mural_unlock(mural);
}

/* ---- what the program calls ---- */

static int admit(struct mural *mural)
{
	if (mural->closed)
		return -ESHUTDOWN;
	if (mural->controls_in_flight >= CONTROLS_MAX)
		return -EDQUOT;
	session_want(mural);
	return 0;
}

static int begin(struct mural *mural, const struct control *wanted)
{
	int r = admit(mural);
	if (r < 0)
		return r;
	struct control *control = malloc(sizeof(*control));
	if (!control)
		return -ENOMEM;
	*control = *wanted;
	control->pending = (struct pending){.kind = PENDING_CONTROL};
	list_append(&mural->controls, &control->link);
	mural->controls_in_flight++;
	if (!mural_is_up(mural))
		return 0;
	r = send_control(mural, control);
	if (r < 0)
		drop(mural, control);
	return r;
}

static int begin_locking(struct mural *mural, const struct control *wanted)
{
	if (!mural_is_ours(mural))
		return -ECHILD;
	mural_lock(mural);
	int r = begin(mural, wanted);
	mural_unlock(mural);
	return r;
}

int mural_stat_async(struct mural *mural, mural_stat_fn fn, void *user)
{
	struct control wanted = {.type = PROTOCOL_STAT, .stat_fn = fn, .user = user};
	return fn ? begin_locking(mural, &wanted) : -EINVAL;
}

int mural_trim_async(struct mural *mural, uint64_t bytes, mural_trim_fn fn, void *user)
{
	struct control wanted = {
		.type = PROTOCOL_TRIM, .bytes = bytes, .trim_fn = fn, .user = user};
	return fn ? begin_locking(mural, &wanted) : -EINVAL;
}

struct answer {
	bool given;
	int error;
	uint64_t freed_bytes;
	struct mural_stats stats;
};

static void take_stats(struct mural *mural, int error, const struct mural_stats *stats, void *user)
{
	(void)mural;
	struct answer *answer = user;
	answer->given = true;
	answer->error = error;
	if (stats)
		answer->stats = *stats;
}

static void take_freed(struct mural *mural, int error, uint64_t freed_bytes, void *user)
{
	(void)mural;
	struct answer *answer = user;
	answer->given = true;
	answer->error = error;
	answer->freed_bytes = freed_bytes;
}

static void drop_for(struct mural *mural, struct list *list, const void *user)
{
	list_for_each (link, list)
		if (of_link(link)->user == user)
			drop(mural, of_link(link));
}

/* The caller goes away: nobody is to be told any more. */
static void abandon(struct mural *mural, const struct answer *answer)
{
	mural_lock(mural);
	drop_for(mural, &mural->controls, answer);
	drop_for(mural, &mural->finished, answer);
	mural_unlock(mural);
}

static int await(struct mural *mural, int timeout_ms, const struct answer *answer)
{
	uint64_t deadline_ms = deadline_after(timeout_ms);
	while (!answer->given) {
		int r = mural_wait_until(mural, deadline_ms);
		if (answer->given || r == 0 || r == -EINTR || r == -ENOMEM)
			continue;
		abandon(mural, answer);
		return r < 0 ? r : -ETIMEDOUT;
	}
	return answer->error;
}

int mural_stat(struct mural *mural, int timeout_ms, struct mural_stats *ret)
{
	struct answer answer = {0};
	int r = mural_stat_async(mural, take_stats, &answer);
	if (r == 0)
		r = await(mural, timeout_ms, &answer);
	if (r == 0)
		*ret = answer.stats;
	return r;
}

int mural_trim(struct mural *mural, uint64_t bytes, int timeout_ms, uint64_t *ret_freed)
{
	struct answer answer = {0};
	int r = mural_trim_async(mural, bytes, take_freed, &answer);
	if (r == 0)
		r = await(mural, timeout_ms, &answer);
	if (r == 0 && ret_freed)
		*ret_freed = answer.freed_bytes;
	return r;
}

int mural_purge(struct mural *mural, int timeout_ms, uint64_t *ret_freed)
{
	return mural_trim(mural, UINT64_MAX, timeout_ms, ret_freed);
}
