/* How much goes when so much is asked for: a pool of about 1 GiB of bitmaps of 64 KiB to 32 MiB,
 * all idle. What `mural trim` says is held against the kernel's own counts: st_blocks over the
 * pool's regions, and what is charged to its control group where one can be made. */
#include "harness/bench.h"
#include "scene.h"

#include <errno.h>
#include <stdio.h>

#define MIB ((uint64_t)1 << 20)
#define TRIM_MS 30000

/* 1 GiB, and a sixteenth of it. */
static const struct scene_class full_classes[] = {
	{512, 128, 128}, {128, 512, 256}, {96, 1024, 512}, {40, 2048, 1024}, {13, 4096, 2048}, {0}};
static const struct scene_class quick_classes[] = {
	{64, 128, 128}, {8, 512, 256}, {8, 1024, 512}, {5, 2048, 1024}, {0}};

struct counts {
	uint64_t blocks, charged;
};

static struct counts count(struct scene *scene)
{
	struct mural_stats stats;
	bench_must(scene_stats(scene, &stats), "the producer answers");
	return (struct counts){.blocks = stats.allocated_bytes,
		.charged = scene->options.grouped ? group_memory(&scene->group).shared : 0};
}

static uint64_t largest_slot(const struct scene_class *class)
{
	uint64_t largest = 0;
	for (; class->count; class ++) {
		uint64_t bytes = (uint64_t) class->width * class->height * 4;
		largest = bytes > largest ? bytes : largest;
	}
	return largest;
}

static void put(struct bench *bench, const char *series, const char *at, uint64_t bytes)
{
	bench_sample(bench, "how much goes", series, at, "MiB", (double)bytes / (double)MIB);
}

static void trim(struct bench *bench, struct scene *scene, unsigned mib)
{
	char at[16];
	uint64_t said = 0, ask = mib * MIB, largest = largest_slot(scene->options.classes);
	scene_refill(scene);
	struct counts before = count(scene);
	double start = bench_now_ns();
	errno = -mural_trim(scene->mural, ask, TRIM_MS, &said);
	double ns = bench_now_ns() - start;
	bench_must(errno == 0, "trim");
	struct counts after = count(scene);
	uint64_t gone = before.blocks - after.blocks;
	snprintf(at, sizeof(at), "%u", mib);
	put(bench, "mural's word", at, said);
	put(bench, "st_blocks", at, gone);
	if (scene->options.grouped)
		put(bench, "control group", at, before.charged - after.charged);
	put(bench, "beyond what was asked", at, gone > ask ? gone - ask : 0);
	bench_sample(bench, "what it takes", "mural trim", at, "us/MiB",
		ns / 1e3 / ((double)gone / (double)MIB));
	/* A region's control block goes with it, a page that is not counted as freed. */
	bench_check(bench, "what it says has gone, by st_blocks, and hardly more",
		said <= gone && gone - said <= gone / 16);
	bench_check(bench, "what was asked for goes, and less than a slot more",
		gone >= ask && gone < ask + largest + MIB);
	bench_check(bench, "what is said to be intact is", scene_intact_damage(scene) == 0);
}

int main(int argc, char **argv)
{
	static const unsigned asks[] = {1, 8, 64, 512};
	const char *why = NULL;
	struct scene scene;
	struct bench *bench = bench_begin("purge_precision",
		"How much goes when so much is asked for.", NULL, NULL, argc, argv);
	bool quick = bench_quick(bench);
	struct scene_options options = {.budget = "1280M",
		.pressure = NULL,
		.grouped = scene_possible(&why),
		.classes = quick ? quick_classes : full_classes};
	if (!options.grouped)
		bench_note(bench, "not held against the control group's count: %s", why);
	scene_open(&options, &scene);
	unsigned rounds = bench_rounds(bench, 5, 2);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]) - (quick ? 2 : 0); i++) {
		for (unsigned round = 0; round < rounds; round++)
			trim(bench, &scene, asks[i]);
	}
	scene_close(&scene);
	return bench_end(bench);
}
