#include "fake_mural.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BITMAPS_MAX 8192

enum fake_state { PENDING, READY, PURGED, ASKING, IDLE, FAILED };

struct mural_bitmap {
	struct fake_file *file;
	struct mural_request request;
	enum fake_state state;
	uint32_t width, height;
	uint32_t *pixels;
	uint32_t refs, pins;
	uint64_t generation, order;
	int error;
};

struct mural {
	struct fake_file files[256];
	size_t file_count;
	struct mural_bitmap *bitmaps[BITMAPS_MAX];
	uint64_t order, generation;
	size_t requests, redecodes, pinned, most_pinned;
	void (*on_event)(struct mural *mural, enum mural_event event, int value, void *user);
	void *user; /* of on_event */
	mural_trim_fn trim;
	void *trim_user;
	mural_stat_fn stat;
	void *stat_user;
};

static struct mural fake;

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fake libmural: %s\n", what);
	abort();
}

struct mural *fake_open(const struct fake_file *files, size_t count)
{
	fake = (struct mural){.file_count = count};
	memcpy(fake.files, files, count * sizeof(*files));
	return &fake;
}

static struct fake_file *find_file(const char *path)
{
	for (size_t i = 0; i < fake.file_count; i++)
		if (strcmp(fake.files[i].path, path) == 0)
			return &fake.files[i];
	return NULL;
}

void fake_change(const char *path, int error, const char *text)
{
	find_file(path)->error = error;
	find_file(path)->text = text;
}

void fake_paint(const char *path, uint32_t colour)
{
	find_file(path)->colour = colour;
}

bool fake_is_clean(void)
{
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		if (fake.bitmaps[i])
			return false;
	return fake.pinned == 0;
}

static struct mural_bitmap *most_urgent(void)
{
	struct mural_bitmap *found = NULL;
	for (size_t i = 0; i < BITMAPS_MAX; i++) {
		struct mural_bitmap *b = fake.bitmaps[i];
		if (!b || b->state != PENDING)
			continue;
		if (!found || b->request.priority > found->request.priority ||
			(b->request.priority == found->request.priority && b->order < found->order))
			found = b;
	}
	return found;
}

static void tell(struct mural_bitmap *b, enum mural_bitmap_event event)
{
	if (b->request.on_event)
		b->request.on_event(b, event, b->request.user);
}

static void fail(struct mural_bitmap *b, int error)
{
	b->state = FAILED;
	b->error = error;
	tell(b, MURAL_BITMAP_FAILED);
}

static bool is_preview(const struct mural_bitmap *b)
{
	return b->request.flags & MURAL_REQUEST_PREVIEW;
}

static void decode(struct mural_bitmap *b)
{
	uint32_t part = is_preview(b) ? 8 : 1;
	mural_fit(b->file->width / part, b->file->height / part, b->request.box_width,
		b->request.box_height, &b->width, &b->height);
	size_t count = (size_t)b->width * b->height;
	free(b->pixels);
	b->pixels = malloc(count * sizeof(*b->pixels));
	for (size_t i = 0; i < count; i++)
		b->pixels[i] = is_preview(b) ? b->file->preview : b->file->colour;
	b->generation = ++fake.generation;
	b->state = READY;
	tell(b, MURAL_BITMAP_READY);
}

bool fake_deliver(void)
{
	struct mural_bitmap *b = most_urgent();
	if (!b)
		return false;
	if (b->file->error)
		fail(b, b->file->error);
	else
		decode(b);
	return true;
}

bool fake_deliver_picture(void)
{
	struct mural_bitmap *found = NULL;
	for (size_t i = 0; i < BITMAPS_MAX; i++) {
		struct mural_bitmap *b = fake.bitmaps[i];
		if (b && b->state == PENDING && !is_preview(b) &&
			(!found || b->request.priority > found->request.priority))
			found = b;
	}
	if (found)
		decode(found);
	return found != NULL;
}

bool fake_deliver_preview(void)
{
	for (size_t i = 0; i < BITMAPS_MAX; i++) {
		struct mural_bitmap *b = fake.bitmaps[i];
		if (!b || b->state != PENDING || !is_preview(b))
			continue;
		decode(b);
		return true;
	}
	return false;
}

void fake_deliver_all(void)
{
	while (fake_deliver())
		;
}

static void each(enum fake_state from, void (*act)(struct mural_bitmap *b))
{
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		if (fake.bitmaps[i] && fake.bitmaps[i]->state == from)
			act(fake.bitmaps[i]);
}

static void purge_one(struct mural_bitmap *b)
{
	must(b->pins == 0, "purge of something pinned");
	memset(b->pixels, 0, (size_t)b->width * b->height * sizeof(*b->pixels));
	b->state = PURGED;
}

void fake_purge_wider(uint32_t width)
{
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		if (fake.bitmaps[i] && fake.bitmaps[i]->state == READY &&
			fake.bitmaps[i]->width > width)
			purge_one(fake.bitmaps[i]);
}

void fake_purge(void)
{
	each(READY, purge_one);
	each(IDLE, purge_one);
}

static void idle_one(struct mural_bitmap *b)
{
	b->state = IDLE;
}

void fake_idle(void)
{
	each(READY, idle_one);
}

static void grant_one(struct mural_bitmap *b)
{
	b->state = READY;
	tell(b, MURAL_BITMAP_PINNABLE);
}

void fake_grant(void)
{
	each(ASKING, grant_one);
}

static void lose_one(struct mural_bitmap *b)
{
	fail(b, -ECONNRESET);
}

void fake_lose(void)
{
	each(PENDING, lose_one);
}

static const struct mural_bitmap *find_pending(const char *path, uint32_t box_width)
{
	for (size_t i = 0; i < BITMAPS_MAX; i++) {
		const struct mural_bitmap *b = fake.bitmaps[i];
		if (b && b->state == PENDING && strcmp(b->file->path, path) == 0 &&
			b->request.box_width == box_width)
			return b;
	}
	return NULL;
}

uint32_t fake_priority(const char *path, uint32_t box_width)
{
	const struct mural_bitmap *b = find_pending(path, box_width);
	return b ? b->request.priority : UINT32_MAX;
}

uint32_t fake_flags(const char *path, uint32_t box_width)
{
	const struct mural_bitmap *b = find_pending(path, box_width);
	return b ? b->request.flags : UINT32_MAX;
}

size_t fake_pending(void)
{
	size_t count = 0;
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		count += fake.bitmaps[i] && fake.bitmaps[i]->state == PENDING;
	return count;
}

size_t fake_held(void)
{
	size_t count = 0;
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		count += fake.bitmaps[i] != NULL;
	return count;
}

void fake_press(enum mural_pressure pressure)
{
	fake.on_event(&fake, MURAL_EVENT_PRESSURE, (int)pressure, fake.user);
}

size_t fake_requests(void)
{
	return fake.requests;
}

size_t fake_redecodes(void)
{
	return fake.redecodes;
}

size_t fake_most_pinned(void)
{
	return fake.most_pinned;
}

/* ---- libmural's side ---- */

int mural_request(
	struct mural *mural, const struct mural_request *request, struct mural_bitmap **ret)
{
	struct fake_file *file = find_file(request->path);
	if (!file)
		return -ENOENT;
	if (request->flags & MURAL_REQUEST_PREVIEW && !file->preview)
		return -ENOTSUP;
	mural->requests++;
	for (size_t i = 0; i < BITMAPS_MAX; i++) {
		if (mural->bitmaps[i])
			continue;
		struct mural_bitmap *b = calloc(1, sizeof(*b));
		*b = (struct mural_bitmap){.file = file,
			.request = *request,
			.state = PENDING,
			.refs = 1,
			.order = ++mural->order};
		mural->bitmaps[i] = b;
		*ret = b;
		return 0;
	}
	return -EDQUOT;
}

int mural_bitmap_pin(struct mural_bitmap *b, struct mural_view *ret)
{
	switch (b->state) {
	case PURGED:
		return ASHMEM_WAS_PURGED;
	case IDLE:
		b->state = ASKING;
		return -EAGAIN;
	case PENDING:
	case ASKING:
		return -EAGAIN;
	case FAILED:
		return b->error;
	case READY:
		break;
	}
	b->pins++;
	if (++fake.pinned > fake.most_pinned)
		fake.most_pinned = fake.pinned;
	mural_bitmap_info(b, ret);
	ret->pixels = b->pixels;
	return ASHMEM_NOT_PURGED;
}

int mural_bitmap_unpin(struct mural_bitmap *b)
{
	must(b->pins > 0, "unpin without a pin");
	b->pins--;
	fake.pinned--;
	return 0;
}

int mural_bitmap_info(const struct mural_bitmap *b, struct mural_view *ret)
{
	if (b->state == PENDING && b->generation == 0)
		return -EAGAIN;
	if (b->state == FAILED)
		return b->error;
	*ret = (struct mural_view){
		.width = b->width,
		.height = b->height,
		.stride_bytes = b->width * 4,
		.format = MURAL_FORMAT_ARGB8888,
		.source_width = b->file->width,
		.source_height = b->file->height,
		.generation = b->generation,
		.flags = is_preview(b) ? MURAL_BITMAP_PREVIEW : 0,
	};
	return 0;
}

int mural_bitmap_redecode(struct mural_bitmap *b, uint32_t priority)
{
	must(b->state == PURGED || b->state == FAILED, "redecode of what is there");
	fake.redecodes++;
	b->state = PENDING;
	b->request.priority = priority;
	b->order = ++fake.order;
	return 0;
}

int mural_bitmap_set_priority(struct mural_bitmap *b, uint32_t priority)
{
	b->request.priority = priority;
	return 0;
}

int mural_bitmap_set_visible(struct mural_bitmap *b, int visible)
{
	must(b->refs > 0 && (visible == 0 || visible == 1), "set_visible");
	return 0;
}

int mural_bitmap_error(
	const struct mural_bitmap *b, enum mural_reason *ret_reason, const char **ret_text)
{
	int error = b->state == FAILED ? b->error : 0;
	if (ret_reason)
		*ret_reason = error ? MURAL_REASON_CORRUPT : MURAL_REASON_NONE;
	if (ret_text)
		*ret_text = error && b->file->text ? b->file->text : "";
	return error;
}

void mural_bitmap_unref(struct mural_bitmap *b)
{
	if (!b || --b->refs > 0)
		return;
	must(b->pins == 0, "last reference given back while pinned");
	for (size_t i = 0; i < BITMAPS_MAX; i++)
		if (fake.bitmaps[i] == b)
			fake.bitmaps[i] = NULL;
	free(b->pixels);
	free(b);
}

int mural_open(const struct mural_options *options, struct mural **ret)
{
	fake.on_event = options->on_event;
	fake.user = options->user;
	*ret = &fake;
	return 0;
}

void mural_close(struct mural *mural)
{
	must(fake_is_clean() && mural == &fake, "closed with bitmaps left");
}

int mural_fd(const struct mural *mural)
{
	(void)mural;
	return 0;
}

/* Everything that is due: one decode, and what trim and stat asked. */
int mural_dispatch(struct mural *mural)
{
	static const struct mural_stats stats = {.budget_bytes = 1 << 30};
	mural_stat_fn stat = mural->stat;
	mural_trim_fn trim = mural->trim;
	mural->stat = NULL;
	mural->trim = NULL;
	if (stat)
		stat(mural, 0, &stats, mural->stat_user);
	if (trim) {
		fake_purge();
		trim(mural, 0, 1 << 20, mural->trim_user);
	}
	fake_deliver();
	return 0;
}

int mural_wait(struct mural *mural, int timeout_ms)
{
	(void)timeout_ms;
	return mural_dispatch(mural);
}

int mural_stat_async(struct mural *mural, mural_stat_fn fn, void *user)
{
	mural->stat = fn;
	mural->stat_user = user;
	return 0;
}

int mural_stat(struct mural *mural, int timeout_ms, struct mural_stats *ret)
{
	(void)mural;
	(void)timeout_ms;
	*ret = (struct mural_stats){.budget_bytes = 1 << 30};
	return 0;
}

int mural_trim_async(struct mural *mural, uint64_t bytes, mural_trim_fn fn, void *user)
{
	must(bytes == UINT64_MAX, "the viewer only purges");
	mural->trim = fn;
	mural->trim_user = user;
	return 0;
}
