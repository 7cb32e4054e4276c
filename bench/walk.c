/* How a pool behaves under a working set that does not fit: scripted walks over real pictures, with
 * the real producer and libmural's consumers, by cost, by last use, and without ever unpinning;
 * beside what would be possible if the future were known.
 *
 * Orders are judged by what they decode again, priced by one table of processor times that is
 * measured first: the same decode may take a third longer a second later. What the decoders really
 * took is printed as well. */
#include "harness/bench.h"
#include "walk_best.h"
#include "walk_path.h"
#include "walk_producer.h"
#include "walk_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long a picture is looked at. */
#define DWELL_NS 1000000

static const unsigned budgets[] = {25, 50, 75, 100};

enum order { ORDER_COST, ORDER_LRU, ORDER_NEVER, ORDERS };
static const char *const order_names[] = {"cost", "lru", "never unpinned"};

struct outcome {
	unsigned visits, misses; /* first visits */
	unsigned found, again;   /* further ones: still there; purged, so decoded again */
	unsigned refused;        /* no room: not shown at all */
	double again_ns;         /* of the cost table */
	double cpu_ns;           /* as the kernel counted it for the decoders of those */
	struct bench_samples wait_ms;
	uint64_t purged_bytes, peak_bytes;
};

struct walker {
	struct bench *bench;
	const struct walk_set *set;
	struct walk_producer producer;
	struct mural_bitmap *bitmap[WALK_CONSUMERS_MAX][WALK_ITEMS_MAX];
	bool pinned[WALK_CONSUMERS_MAX][WALK_ITEMS_MAX];
	bool known[WALK_ITEMS_MAX]; /* decoded once, for anybody */
	enum order order;
	struct outcome *outcome;
};

static bool is_refusal(int r)
{
	return r == -ENOSPC || r == -EDQUOT;
}

/* Until it is pinned. 0; a refusal. */
static int get(struct walker *walker, const struct walk_step *step, struct mural_view *view)
{
	struct mural_bitmap **bitmap = &walker->bitmap[step->consumer][step->item];
	struct mural_request wanted = walk_request(&walker->set->item[step->item]);
	int r = 0;
	if (!*bitmap) {
		bench_must(
			mural_request(walker->producer.mural[step->consumer], &wanted, bitmap) == 0,
			"mural_request");
		r = mural_bitmap_wait(*bitmap, -1);
	}
	while (r == 0 && (r = mural_bitmap_pin_wait(*bitmap, -1, view)) == ASHMEM_WAS_PURGED) {
		r = mural_bitmap_redecode(*bitmap, MURAL_PRIORITY_VISIBLE);
		if (r == 0)
			r = mural_bitmap_wait(*bitmap, -1);
	}
	if (is_refusal(r)) {
		mural_bitmap_unref(*bitmap);
		*bitmap = NULL;
		return r;
	}
	bench_must(r == 0, walker->set->item[step->item].path);
	return 0;
}

static uint64_t decodes_of(struct walker *walker, uint64_t *ret_redecode_cpu)
{
	struct mural_stats stats;
	bench_must(mural_stat(walker->producer.mural[0], -1, &stats) == 0, "mural_stat");
	*ret_redecode_cpu = stats.decode_cpu_ns;
	walker->outcome->purged_bytes = stats.purged_bytes;
	if (stats.used_bytes > walker->outcome->peak_bytes)
		walker->outcome->peak_bytes = stats.used_bytes;
	return stats.decodes;
}

static void count(struct walker *walker, size_t item, bool decoded, double cpu_ns)
{
	struct outcome *outcome = walker->outcome;
	if (!walker->known[item]) {
		outcome->misses++;
	} else if (decoded) {
		outcome->again++;
		outcome->again_ns += walker->set->item[item].cost_ns;
		outcome->cpu_ns += cpu_ns;
	} else {
		outcome->found++;
	}
	walker->known[item] = true;
}

static void look_at(struct walker *walker, const struct walk_step *step)
{
	static const struct timespec dwell = {.tv_nsec = DWELL_NS};
	struct outcome *outcome = walker->outcome;
	struct mural_view view;
	uint64_t cpu_before, cpu_after, before = decodes_of(walker, &cpu_before);
	double start = bench_now_ns();
	outcome->visits++;
	if (walker->pinned[step->consumer][step->item]) { /* never unpinned: it is simply there */
		bench_samples_add(&outcome->wait_ms, 0);
		outcome->found++;
		nanosleep(&dwell, NULL);
		return;
	}
	if (get(walker, step, &view) < 0) {
		outcome->refused++;
		return;
	}
	bench_samples_add(&outcome->wait_ms, (bench_now_ns() - start) / 1e6);
	bench_check(walker->bench, "pixels",
		walk_summary(&view) == walker->set->item[step->item].summary);
	nanosleep(&dwell, NULL);
	if (walker->order == ORDER_NEVER)
		walker->pinned[step->consumer][step->item] = true;
	else
		mural_bitmap_unpin(walker->bitmap[step->consumer][step->item]);
	uint64_t after = decodes_of(walker, &cpu_after);
	count(walker, step->item, after > before, (double)(cpu_after - cpu_before));
}

static void walk(struct walker *walker, const struct walk_kind *kind, const struct walk_path *path,
	uint64_t budget)
{
	walk_producer_start(&walker->producer, budget, walker->order == ORDER_LRU ? "lru" : "cost",
		kind->consumers);
	for (size_t i = 0; i < path->count; i++) {
		if (path->step[i].item != WALK_TRIM)
			look_at(walker, &path->step[i]);
		else
			bench_must(mural_trim(walker->producer.mural[0], budget / 2, -1, NULL) == 0,
				"mural_trim");
	}
	bench_check(walker->bench, "within the budget", walker->outcome->peak_bytes <= budget);
	for (unsigned c = 0; c < kind->consumers; c++)
		for (size_t i = 0; i < walker->set->count; i++)
			mural_bitmap_unref(walker->bitmap[c][i]);
	walk_producer_stop(&walker->producer);
}

/* ---- the report ---- */

static void report_waits(struct bench *bench, const char *kind, const char *at, const char *name,
	const struct outcome *outcome)
{
	char table[64];
	snprintf(table, sizeof(table), "%s: waiting for a picture", kind);
	for (size_t i = 0; i < outcome->wait_ms.count; i++)
		bench_sample(bench, table, name, at, "ms", outcome->wait_ms.value[i]);
}

static void print_head(const struct walk_kind *kind)
{
	printf("\n%s: %s\n  %6s  %-22s %6s %6s %6s %8s %10s %10s %8s %8s %10s\n", kind->name,
		kind->meaning, "budget", "", "found", "again", "first", "not shown", "again, ms",
		"CPU, ms", "p50, ms", "p99, ms", "purged MiB");
}

static void print_outcome(unsigned percent, const char *name, const struct outcome *outcome)
{
	printf("  %5u%%  %-22s %6u %6u %6u %9u %10.1f %10.1f %8.2f %8.1f %10.1f\n", percent, name,
		outcome->found, outcome->again, outcome->misses, outcome->refused,
		outcome->again_ns / 1e6, outcome->cpu_ns / 1e6,
		bench_samples_quantile(&outcome->wait_ms, 0.5),
		bench_samples_quantile(&outcome->wait_ms, 0.99),
		(double)outcome->purged_bytes / 1048576);
}

struct best {
	double bound_ns, belady_ns;
};

static void report(struct bench *bench, const struct walk_kind *kind, unsigned percent,
	const struct outcome outcome[ORDERS], const struct best *best)
{
	char table[64], at[8];
	snprintf(table, sizeof(table), "%s: decoding again", kind->name);
	snprintf(at, sizeof(at), "%u%%", percent);
	for (int order = 0; order < ORDERS; order++) {
		print_outcome(percent, order_names[order], &outcome[order]);
		report_waits(bench, kind->name, at, order_names[order], &outcome[order]);
	}
	printf("  %5u%%  %-22s %*s %10.1f\n", percent, "Belady by cost", 30, "",
		best->belady_ns / 1e6);
	printf("  %5u%%  %-22s %*s %10.1f\n", percent, "no order can do less", 30, "",
		best->bound_ns / 1e6);
	bench_sample(bench, table, "cost", at, "ms", outcome[ORDER_COST].again_ns / 1e6);
	bench_sample(bench, table, "lru", at, "ms", outcome[ORDER_LRU].again_ns / 1e6);
	bench_sample(bench, table, "Belady by cost", at, "ms", best->belady_ns / 1e6);
	bench_sample(bench, table, "no order can do less", at, "ms", best->bound_ns / 1e6);
	if (outcome[ORDER_LRU].again_ns > 0)
		bench_ratio(bench, table, "cost / lru", at,
			outcome[ORDER_COST].again_ns / outcome[ORDER_LRU].again_ns);
	else
		bench_ratio(
			bench, table, "cost / lru", at, outcome[ORDER_COST].again_ns > 0 ? 1e9 : 1);
	if (best->belady_ns > 0)
		bench_ratio(bench, table, "cost / Belady by cost", at,
			outcome[ORDER_COST].again_ns / best->belady_ns);
	bench_goal(bench, table, "cost / lru", BENCH_AT_MOST, 1);
}

/* The bound is a sum of fractions: of nothing it makes some nanoseconds now and then. */
static bool at_least(double ns, double bound_ns)
{
	return ns + 1000 >= bound_ns * 0.999;
}

static void one_budget(struct bench *bench, const struct walk_set *set,
	const struct walk_kind *kind, const struct walk_path *path, unsigned percent)
{
	struct outcome outcome[ORDERS] = {0};
	uint64_t budget = set->bytes / 100 * percent;
	for (int order = 0; order < ORDERS; order++) {
		struct walker walker = {.bench = bench,
			.set = set,
			.order = (enum order)order,
			.outcome = &outcome[order]};
		walk(&walker, kind, path, budget);
	}
	const struct best best = {.bound_ns = walk_best_bound(set, path, budget),
		.belady_ns = walk_best_belady(set, path, budget)};
	bench_check(bench, "no order did better than is possible",
		at_least(outcome[ORDER_COST].again_ns, best.bound_ns) &&
			at_least(outcome[ORDER_LRU].again_ns, best.bound_ns) &&
			at_least(best.belady_ns, best.bound_ns));
	report(bench, kind, percent, outcome, &best);
	for (int order = 0; order < ORDERS; order++)
		bench_samples_fini(&outcome[order].wait_ms);
}

/* ---- options ---- */

struct selection {
	const char *walk; /* NULL: all */
	unsigned percent; /* 0: all */
};

static bool selects(const struct selection *selection, const char *walk, unsigned percent)
{
	return (!selection->walk || strcmp(selection->walk, walk) == 0) &&
	       (selection->percent == 0 || selection->percent == percent);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct selection *selection = state->input;
	switch (key) {
	case 'w':
		selection->walk = text;
		return 0;
	case 'b':
		selection->percent = (unsigned)strtoul(text, NULL, 10);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void report_set(struct bench *bench, const struct walk_set *set)
{
	char name[64];
	printf("%zu bitmaps, %.1f MiB, %.0f ms of processor time to decode all of them once\n",
		set->count, (double)set->bytes / 1048576, set->cost_ns / 1e6);
	for (size_t i = 0; i < set->count; i++) {
		snprintf(name, sizeof(name), "%s %u", strrchr(set->item[i].path, '/') + 1,
			set->item[i].box);
		bench_sample(bench, "the pictures: decoding", "processor time", name, "ms",
			set->item[i].cost_ns / 1e6);
		bench_sample(bench, "the pictures: memory", "bitmap", name, "MiB",
			(double)set->item[i].bytes / 1048576);
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"walk", 'w', "NAME", 0, "Only this walk: scroll, fling, zipf, two or pressure", 0},
		{"budget", 'b', "PERCENT", 0, "Only this budget: 25, 50, 75 or 100", 0}, {0}};
	static const struct argp own = {.options = options, .parser = parse};
	static struct walk_set set;
	static struct walk_path path;
	struct selection selection = {0};
	struct bench *bench = bench_begin("walk",
		"Working sets that do not fit: what is decoded again, by the order in which "
		"pictures go.",
		&own, &selection, argc, argv);
	walk_set_choose(&set, bench_quick(bench));
	walk_set_measure(&set, 3);
	report_set(bench, &set);
	unsigned rounds = bench_rounds(bench, 1, 1);
	for (size_t k = 0; k < walk_kind_count; k++) {
		const struct walk_kind *kind = &walk_kinds[k];
		if (!selects(&selection, kind->name, selection.percent))
			continue;
		kind->draw(&path, set.count);
		print_head(kind);
		for (size_t b = 0; b < sizeof(budgets) / sizeof(*budgets); b++)
			for (unsigned i = 0; i < rounds; i++)
				if (selects(&selection, kind->name, budgets[b]))
					one_budget(bench, &set, kind, &path, budgets[b]);
	}
	walk_set_fini(&set);
	return bench_end(bench);
}
