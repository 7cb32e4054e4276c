/* See walk_set.h. Cost for each byte spans more than two octaves among whole pictures and ten with
 * the thumbnails, as in a folder of anybody's. */
#include "walk_set.h"

#include "harness/bench.h"
#include "walk_producer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every so many get a thumbnail, too. */
enum { THUMBNAIL_EACH = 3, BOX_QUICK = 700, THUMBNAIL = 200 };

static const char *const drawn[] = {"attractor-grey.jpg", "planet-rgba8.png", "aurora-422.jpg",
	"nebula-progressive-444.jpg", "dunes-restart-420.jpg", "map-palette8.png", "julia-cmyk.jpg",
	"forest-orientation-6.jpg", "mandelbrot-444.jpg", "spheres-rgb8.png",
	"sea-progressive-420.jpg", "mountains-420.jpg", "guilloche-palette4-interlaced.png"};
static const char *const kinds[] = {"jpeg", "png", "q95", "progressive", "grey", "restart"};

static void add(struct walk_set *set, char *path, uint32_t box)
{
	bench_must(path != NULL && set->count < WALK_ITEMS_MAX, "room for a picture's path");
	set->item[set->count++] = (struct walk_item){.path = path, .box = box};
}

void walk_set_choose(struct walk_set *set, bool quick)
{
	const size_t count = sizeof(drawn) / sizeof(*drawn), made = sizeof(kinds) / sizeof(*kinds);
	*set = (struct walk_set){0};
	for (size_t i = 0; i < count; i++) {
		char *path = NULL;
		bench_must(asprintf(&path, BENCH_SOURCE "/assets/pictures/%s", drawn[i]) >= 0,
			"memory for a path");
		add(set, path, quick ? BOX_QUICK : 0);
		if (i % THUMBNAIL_EACH == 0)
			add(set, strdup(path), THUMBNAIL);
		if (i % 2 == 0 && i / 2 < made)
			add(set, bench_picture(quick ? 1 : 6, kinds[i / 2]), 0);
	}
}

void walk_set_fini(struct walk_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->item[i].path);
}

struct mural_request walk_request(const struct walk_item *item)
{
	return (struct mural_request){.path = item->path,
		.fd = -1,
		.box_width = item->box,
		.box_height = item->box,
		.priority = MURAL_PRIORITY_VISIBLE};
}

uint64_t walk_summary(const struct mural_view *view)
{
	const unsigned char *pixels = view->pixels;
	uint64_t sum = 14695981039346656037u, size = (uint64_t)view->stride_bytes * view->height;
	for (uint64_t at = 0; at + sizeof(uint32_t) <= size; at += 4096) {
		uint32_t word;
		memcpy(&word, pixels + at, sizeof(word));
		sum = (sum ^ word) * 1099511628211u;
	}
	return sum;
}

/* One decode, the first or a further one. */
static double decode(struct mural *mural, struct mural_bitmap *bitmap)
{
	struct mural_stats before, after;
	bench_must(mural_stat(mural, -1, &before) == 0, "mural_stat");
	bench_must(mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE) == 0 &&
			   mural_bitmap_wait(bitmap, -1) == 0,
		"decoding a picture");
	bench_must(mural_stat(mural, -1, &after) == 0, "mural_stat");
	bench_must(after.decodes == before.decodes + 1, "one decode for one request");
	return (double)(after.decode_cpu_ns - before.decode_cpu_ns);
}

static void note_pixels(struct walk_item *item, struct mural_bitmap *bitmap)
{
	struct mural_view view;
	bench_must(mural_bitmap_pin_wait(bitmap, -1, &view) == ASHMEM_NOT_PURGED, "pinning");
	item->summary = walk_summary(&view);
	mural_bitmap_unpin(bitmap);
}

static void measure(struct mural *mural, struct walk_item *item, unsigned rounds)
{
	struct mural_bitmap *bitmap = NULL;
	struct mural_stats stats;
	struct bench_samples costs = {0};
	struct mural_request wanted = walk_request(item);
	bench_must(
		mural_request(mural, &wanted, &bitmap) == 0 && mural_bitmap_wait(bitmap, -1) == 0,
		item->path);
	for (unsigned i = 0; i < rounds; i++) {
		note_pixels(item, bitmap); /* what was never pinned is held for us */
		bench_must(mural_purge(mural, -1, NULL) == 0, "mural_purge");
		bench_samples_add(&costs, decode(mural, bitmap));
	}
	note_pixels(item, bitmap);
	bench_must(mural_stat(mural, -1, &stats) == 0, "mural_stat");
	item->bytes = stats.pinned_bytes + stats.ready_bytes + stats.idle_bytes;
	item->cost_ns = bench_samples_quantile(&costs, 0.5);
	bench_samples_fini(&costs);
	mural_bitmap_unref(bitmap);
	bench_must(mural_purge(mural, -1, NULL) == 0, "mural_purge");
}

/* All at once, to see what all of it takes with slabs and scratch memory. */
static uint64_t bytes_of_all(struct mural *mural, const struct walk_set *set)
{
	struct mural_bitmap *bitmap[WALK_ITEMS_MAX] = {0};
	struct mural_stats stats;
	for (size_t i = 0; i < set->count; i++) {
		struct mural_request wanted = walk_request(&set->item[i]);
		bench_must(mural_request(mural, &wanted, &bitmap[i]) == 0 &&
				   mural_bitmap_wait(bitmap[i], -1) == 0,
			set->item[i].path);
	}
	bench_must(mural_stat(mural, -1, &stats) == 0, "mural_stat");
	for (size_t i = 0; i < set->count; i++)
		mural_bitmap_unref(bitmap[i]);
	return stats.used_bytes;
}

void walk_set_measure(struct walk_set *set, unsigned rounds)
{
	struct walk_producer producer;
	walk_producer_start(&producer, UINT64_C(4) << 30, "cost", 1);
	set->cost_ns = 0;
	for (size_t i = 0; i < set->count; i++) {
		measure(producer.mural[0], &set->item[i], rounds);
		set->cost_ns += set->item[i].cost_ns;
	}
	set->bytes = bytes_of_all(producer.mural[0], set);
	walk_producer_stop(&producer);
}
