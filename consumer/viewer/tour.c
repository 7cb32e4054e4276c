/* What ./run shows where there is no display. */
#include "viewer/headless.h"

#include "viewer/overlay.h"

#include "common/log.h"
#include "common/util.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define STAT_MS 5000

struct step {
	const char *name, *keys, *told;
};

/* 1.3 s: after one second without a pin the pool lets go of a picture. */
static const struct step steps[] = {
	{"open", "info,memory,wait:1300", "the first picture, and its neighbours decoded ahead"},
	{"next", "next,wait:1300", "the next one was there already"},
	{"actual-size", "actual-size", "100 %, by the full size"},
	{"purge", "fit,purge", "everything unpinned thrown away; what is seen came back"},
	{"back", "previous", "the first picture again, decoded anew"},
	{"gallery", "gallery", "thumbnails"},
};

static void print_share(const char *name, uint64_t bytes, uint32_t bitmaps)
{
	char text[32];
	overlay_bytes(bytes, text, sizeof(text));
	printf("  %s %s in %u", name, text, bitmaps);
}

static void print_stats(const struct step *step, const char *path, const struct mural_stats *stats)
{
	char used[32], budget[32];
	overlay_bytes(stats->used_bytes, used, sizeof(used));
	overlay_bytes(stats->budget_bytes, budget, sizeof(budget));
	printf("%-12s %s\n            ", step->name, step->told);
	print_share("pinned", stats->pinned_bytes, stats->pinned_bitmaps);
	print_share("ready", stats->ready_bytes, stats->ready_bitmaps);
	print_share("idle", stats->idle_bytes, stats->idle_bitmaps);
	printf("  used %s of %s\n", used, budget);
	printf("              decodes %llu, again %llu, purges %llu, hits %llu  → %s\n",
		(unsigned long long)stats->decodes, (unsigned long long)stats->redecodes,
		(unsigned long long)stats->purges, (unsigned long long)stats->hits, path);
}

static int take_step(struct app *app, const struct step *step, int number, const char *folder)
{
	char path[4096];
	struct mural_stats stats;
	int played = headless_play(app, step->keys);
	if (played < 0)
		return played;
	snprintf(path, sizeof(path), "%s/%d-%s.png", folder, number, step->name);
	int r = headless_snapshot(app, path);
	if (r != 0)
		return r;
	r = mural_stat(app_mural(app), STAT_MS, &stats);
	if (r < 0)
		return r;
	print_stats(step, path, &stats);
	return played;
}

int tour_run(struct app *app, const char *folder)
{
	if (mkdir(folder, 0777) < 0 && errno != EEXIST) {
		log_line(LOG_ERROR, "%s: %s", folder, strerror(errno));
		return 1;
	}
	int worst = 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int r = take_step(app, &steps[i], (int)i + 1, folder);
		if (r < 0)
			return r;
		worst = r > worst ? r : worst;
	}
	return worst;
}
