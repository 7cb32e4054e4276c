/* Before and after: the right pixels, and what a producer holds when nobody wants anything. */
#include "soak.h"

#include "common/util.h"
#include "support/checksum.h"
#include "support/process.h"
#include "support/reference.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

/* The C library keeps a few more mappings once it has been busy. */
#define MAPPINGS_MORE 16

static const uint32_t boxes[] = {0, 640, 160};

/* By libjpeg and libpng alone. */
static bool reference_sum(struct soak_kind *kind)
{
	size_t size;
	struct mural_view view = {0};
	CLEANUP(free_p)
	uint8_t *pixels = reference_decode(
		kind->path, MURAL_FORMAT_XRGB8888, false, &view.width, &view.height, &size);
	if (!pixels)
		return false;
	view.pixels = pixels;
	view.stride_bytes = (uint32_t)(size / view.height);
	kind->sum = test_checksum(&view);
	return true;
}

static bool first_sum(struct mural *mural, struct soak_kind *kind)
{
	struct mural_bitmap *bitmap = NULL;
	struct mural_view view;
	const struct mural_request request = {.path = kind->path,
		.box_width = kind->box,
		.box_height = kind->box,
		.priority = MURAL_PRIORITY_VISIBLE};
	bool done = mural_request(mural, &request, &bitmap) == 0 &&
		    mural_bitmap_wait(bitmap, SOAK_WAIT_MS) == 0 &&
		    mural_bitmap_pin_wait(bitmap, SOAK_WAIT_MS, &view) == ASHMEM_NOT_PURGED;
	if (done)
		kind->sum = test_checksum(&view);
	mural_bitmap_unref(bitmap);
	return done;
}

bool soak_learn_pictures(struct soak *soak)
{
	struct soak_shared *shared = soak->shared;
	struct mural *mural = NULL;
	glob_t found;
	if (glob(test_source_path("assets/pictures/*.[jp][pn]g"), 0, NULL, &found) != 0 ||
		soak_open(NULL, NULL, &mural) != 0)
		return false;
	bool known = true;
	for (size_t i = 0; i < found.gl_pathc * ARRAY_SIZE(boxes) && i < SOAK_KINDS_MAX; i++) {
		struct soak_kind *kind = &shared->kind[shared->kinds++];
		const char *path = found.gl_pathv[i / ARRAY_SIZE(boxes)];
		snprintf(kind->path, sizeof(kind->path), "%s", path);
		kind->box = boxes[i % ARRAY_SIZE(boxes)];
		known = known && (kind->box == 0 ? reference_sum(kind) : first_sum(mural, kind));
	}
	globfree(&found);
	mural_close(mural);
	return known && shared->kinds > 0;
}

/* ---- at rest ---- */

struct look {
	struct mural *mural;
	const struct soak_rest *wanted;
	struct soak_rest *rest;
};

/* What was pinned a moment ago is left out of a purge, decoders are made ready again: hence again
 * and again. */
static bool is_at_rest(void *context)
{
	struct look *look = context;
	struct soak_rest *rest = look->rest;
	const struct soak_rest *wanted = look->wanted;
	struct mural_stats stats;
	if (mural_purge(look->mural, SOAK_WAIT_MS, NULL) != 0 ||
		mural_stat(look->mural, SOAK_WAIT_MS, &stats) != 0)
		return false;
	*rest = (struct soak_rest){
		.regions = stats.regions,
		.used_bytes = stats.used_bytes - stats.overhead_bytes,
		.allocated_bytes = stats.allocated_bytes,
		.descriptors = test_count_descriptors(stats.pid),
		.mappings = test_count_mappings(stats.pid, NULL),
		.children = test_count_children(stats.pid),
	};
	if (stats.regions != 0 || stats.sessions != 1 || stats.workers_busy != 0 ||
		rest->used_bytes != 0 || rest->allocated_bytes != 0)
		return false;
	return !wanted ||
	       (rest->descriptors <= wanted->descriptors && rest->children <= wanted->children);
}

bool soak_rest(const struct soak_rest *wanted, struct soak_rest *ret)
{
	struct look look = {.wanted = wanted, .rest = ret};
	if (soak_open(NULL, NULL, &look.mural) != 0)
		return false;
	bool rests = test_until(is_at_rest, &look, SOAK_WAIT_MS / 4);
	mural_close(look.mural);
	return rests;
}
