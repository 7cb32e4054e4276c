/* See walk_best.h.
 *
 * The bound is a flow of minimal cost. Time runs along a line of nodes, two for each visit, and the
 * budget's bytes flow along it. Between two visits of one picture there is an edge beside the line
 * that carries at most its bytes, and each byte there saves its part of the decode. What flows past
 * a visit through its own edge is the picture that is looked at, which has to be there: that edge
 * draws so many bytes by a reward that nothing else can outweigh. */
#include "walk_best.h"

#include "harness/bench.h"

#include <float.h>
#include <stdlib.h>

struct edge {
	size_t from, to;
	double capacity; /* left, bytes */
	double cost;     /* a byte */
};

struct flow {
	struct edge *edge; /* each one is followed by its reverse */
	size_t count, nodes;
};

static void add_edge(struct flow *flow, size_t from, size_t to, double capacity, double cost)
{
	flow->edge[flow->count++] = (struct edge){from, to, capacity, cost};
	flow->edge[flow->count++] = (struct edge){to, from, 0, -cost};
}

/* The cheapest way from the first node to the last (Bellman and Ford: costs are negative); by which
 * edge each node is reached. */
static double cheapest(const struct flow *flow, double *distance, size_t *by)
{
	for (size_t i = 0; i < flow->nodes; i++)
		distance[i] = i == 0 ? 0 : DBL_MAX;
	for (bool changed = true; changed;) {
		changed = false;
		for (size_t i = 0; i < flow->count; i++) {
			const struct edge *edge = &flow->edge[i];
			if (edge->capacity <= 0 || distance[edge->from] >= DBL_MAX ||
				distance[edge->from] + edge->cost >= distance[edge->to] - 1e-6)
				continue;
			distance[edge->to] = distance[edge->from] + edge->cost;
			by[edge->to] = i;
			changed = true;
		}
	}
	return distance[flow->nodes - 1];
}

/* Sends @bytes from the first node to the last; what that costs. */
static double send(struct flow *flow, double bytes)
{
	double *distance = calloc(flow->nodes, sizeof(*distance)), total = 0;
	size_t *by = calloc(flow->nodes, sizeof(*by));
	bench_must(distance && by, "memory");
	while (bytes > 0.5) {
		double cost = cheapest(flow, distance, by), part = bytes;
		for (size_t node = flow->nodes - 1; node != 0; node = flow->edge[by[node]].from)
			if (flow->edge[by[node]].capacity < part)
				part = flow->edge[by[node]].capacity;
		for (size_t node = flow->nodes - 1; node != 0; node = flow->edge[by[node]].from) {
			flow->edge[by[node]].capacity -= part;
			flow->edge[by[node] ^ 1].capacity += part;
		}
		total += cost * part;
		bytes -= part;
	}
	free(distance);
	free(by);
	return total;
}

static uint64_t bytes_at(
	const struct walk_set *set, const struct walk_path *path, size_t step, uint64_t budget)
{
	size_t item = path->step[step].item;
	return item == WALK_TRIM ? budget / 2 : set->item[item].bytes;
}

double walk_best_bound(
	const struct walk_set *set, const struct walk_path *path, uint64_t budget_bytes)
{
	struct flow flow = {.nodes = 2 * path->count};
	size_t last[WALK_ITEMS_MAX];
	double again = 0, saved_most = 0, forced = 0;
	flow.edge = calloc(8 * path->count, sizeof(*flow.edge));
	bench_must(flow.edge != NULL, "memory");
	for (size_t i = 0; i < set->count; i++) {
		double each = set->item[i].cost_ns / (double)set->item[i].bytes;
		saved_most = each > saved_most ? each : saved_most;
		last[i] = WALK_TRIM;
	}
	double reward = saved_most * (double)path->count;
	for (size_t t = 0; t < path->count; t++) {
		size_t item = path->step[t].item;
		double bytes = (double)bytes_at(set, path, t, budget_bytes);
		add_edge(&flow, 2 * t, 2 * t + 1, bytes, -reward);
		add_edge(&flow, 2 * t, 2 * t + 1, DBL_MAX, 0);
		forced += bytes * reward;
		if (t + 1 < path->count)
			add_edge(&flow, 2 * t + 1, 2 * t + 2, DBL_MAX, 0);
		if (item == WALK_TRIM)
			continue;
		if (last[item] != WALK_TRIM) {
			add_edge(&flow, 2 * last[item] + 1, 2 * t, bytes,
				-set->item[item].cost_ns / bytes);
			again += set->item[item].cost_ns;
		}
		last[item] = t;
	}
	double saved = -(send(&flow, (double)budget_bytes) + forced);
	free(flow.edge);
	return again > saved ? again - saved : 0;
}

/* ---- Belady ---- */

struct cache {
	const struct walk_set *set;
	const struct walk_path *path;
	bool there[WALK_ITEMS_MAX], seen[WALK_ITEMS_MAX];
	uint64_t used;
};

static size_t next_visit(const struct walk_path *path, size_t from, size_t item)
{
	while (from < path->count && path->step[from].item != item)
		from++;
	return from;
}

/* False: nothing is left but @keep. */
static bool drop_one(struct cache *cache, size_t now, size_t keep)
{
	size_t victim = WALK_TRIM;
	double least = DBL_MAX;
	for (size_t i = 0; i < cache->set->count; i++) {
		const struct walk_item *item = &cache->set->item[i];
		if (!cache->there[i] || i == keep)
			continue;
		size_t next = next_visit(cache->path, now + 1, i);
		double worth = next == cache->path->count
				       ? 0
				       : item->cost_ns / (double)item->bytes / (double)(next - now);
		if (worth < least) {
			least = worth;
			victim = i;
		}
	}
	if (victim == WALK_TRIM)
		return false;
	cache->there[victim] = false;
	cache->used -= cache->set->item[victim].bytes;
	return true;
}

double walk_best_belady(
	const struct walk_set *set, const struct walk_path *path, uint64_t budget_bytes)
{
	struct cache cache = {.set = set, .path = path};
	double cost = 0;
	for (size_t t = 0; t < path->count; t++) {
		size_t item = path->step[t].item;
		uint64_t left = item == WALK_TRIM ? budget_bytes / 2 : budget_bytes;
		if (item != WALK_TRIM && !cache.there[item]) {
			cost += cache.seen[item] ? set->item[item].cost_ns : 0;
			cache.there[item] = cache.seen[item] = true;
			cache.used += set->item[item].bytes;
		}
		while (cache.used > left && drop_one(&cache, t, item))
			continue;
	}
	return cost;
}
