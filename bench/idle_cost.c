/* What a producer costs that has nothing to do: the processor time of the event loop of one that
 * holds many bitmaps, pinned or only ready, for many programs, in parts per thousand of a core, and
 * how often it wakes up; beside the same with the watching of memory switched off. */
#include "harness/bench.h"

#include "common/util.h"

#include <mural/mural.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define SESSIONS 64
#define SIZES 100u /* of each file: boxes of BOX_FIRST pixels and on, all smaller than it */
#define BOX_FIRST 230u
#define TIMEOUT_MS 120000
#define SETTLE_MS 3000 /* each bitmap is looked at once when its idle delay is over */
#define LIMIT_PER_MILLE 1.0

struct options {
	unsigned slots, seconds;
};

/* What is kept so, and what for. */
struct scheme {
	const char *name, *watch, *idle_ms;
	bool pinned;
};

struct scene {
	struct mural *session[SESSIONS];
	struct mural_bitmap **bitmap;
	unsigned slots;
};

static void copy_pictures(const char *folder, unsigned count)
{
	char path[4096];
	static char bytes[1 << 20];
	CLEANUP(close_p) int in = open(MURAL_SOURCE_DIR "/assets/formats/jpeg-420.jpg", O_RDONLY);
	ssize_t size = in < 0 ? -1 : read(in, bytes, sizeof(bytes));
	bench_must(size > 0, "assets/formats/jpeg-420.jpg");
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u.jpg", folder, i);
		CLEANUP(close_p) int out = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		bench_must(out >= 0 && write(out, bytes, (size_t)size) == size, path);
	}
}

/* One bitmap after the other, each pinned by one of the sessions. */
static void fill(struct scene *scene, const char *folder)
{
	for (unsigned i = 0; i < scene->slots; i++) {
		char path[4096];
		struct mural_view view;
		snprintf(path, sizeof(path), "%s/%u.jpg", folder, i / SIZES);
		const struct mural_request request = {.path = path,
			.box_width = BOX_FIRST + i % SIZES,
			.box_height = BOX_FIRST + i % SIZES,
			.flags = MURAL_REQUEST_WAIT,
			.priority = MURAL_PRIORITY_VISIBLE};
		bench_must(mural_request(
				   scene->session[i % SESSIONS], &request, &scene->bitmap[i]) == 0,
			"a request");
		if (i % SESSIONS != SESSIONS - 1 && i + 1 < scene->slots)
			continue;
		for (unsigned k = i - i % SESSIONS; k <= i; k++)
			bench_must(mural_bitmap_wait(scene->bitmap[k], TIMEOUT_MS) == 0 &&
					   mural_bitmap_pin_wait(scene->bitmap[k], TIMEOUT_MS,
						   &view) == ASHMEM_NOT_PURGED,
				"a decode");
	}
}

/* The event loop's thread so far. */
static double processor_ns(pid_t pid)
{
	char path[64], text[128] = "";
	unsigned long long ns;
	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	CLEANUP(close_p) int fd = open(path, O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	bench_must(got > 0, path);
	bench_must(sscanf(text, "%llu", &ns) == 1, path);
	return (double)ns;
}

static struct mural_stats stats_of(struct scene *scene)
{
	struct mural_stats stats;
	bench_must(mural_stat(scene->session[0], TIMEOUT_MS, &stats) == 0, "mural_stat");
	return stats;
}

static void unpin_all(struct scene *scene)
{
	for (unsigned i = 0; i < scene->slots; i++)
		bench_must(mural_bitmap_unpin(scene->bitmap[i]) >= 0, "an unpin");
}

static void measure(
	struct bench *bench, struct scene *scene, unsigned seconds, const struct scheme *scheme)
{
	poll(NULL, 0, SETTLE_MS);
	struct mural_stats before = stats_of(scene);
	double start_ns = bench_now_ns(), cpu_ns = processor_ns(before.pid);
	poll(NULL, 0, (int)seconds * 1000);
	double wall_ns = bench_now_ns() - start_ns;
	cpu_ns = processor_ns(before.pid) - cpu_ns;
	struct mural_stats after = stats_of(scene);
	bench_check(bench, scheme->pinned ? "all bitmaps are pinned" : "all bitmaps are ready",
		(scheme->pinned ? after.pinned_bitmaps : after.ready_bitmaps) == scene->slots &&
			after.sessions == SESSIONS);
	bench_sample(bench, "idle", "processor", scheme->name, "1/1000", cpu_ns / wall_ns * 1e3);
	bench_sample(bench, "idle", "wake-ups", scheme->name, "1/s",
		(double)(after.wakeups - before.wakeups) / (wall_ns / 1e9));
	bench_sample(bench, "idle", "looks", scheme->name, "1/s",
		(double)(after.watch_looks - before.watch_looks) / (wall_ns / 1e9));
	bench_ratio(bench, "idle", "processor / limit", scheme->name,
		cpu_ns / wall_ns * 1e3 / LIMIT_PER_MILLE);
}

static void run(struct bench *bench, const struct options *options, const struct scheme *scheme)
{
	const char *const args[] = {
		"--budget", "6G", "--pressure", scheme->watch, "--idle-ms", scheme->idle_ms, NULL};
	char socket[4096];
	struct scene scene = {.slots = options->slots};
	snprintf(socket, sizeof(socket), "%s/idle-%s", bench_folder(), scheme->name);
	scene.bitmap = calloc(scene.slots, sizeof(scene.bitmap[0]));
	bench_must(scene.bitmap != NULL, "memory");
	for (int i = 0; i < SESSIONS; i++) {
		const struct mural_options open = {.socket = socket, .producer_args = args};
		bench_must(mural_open(&open, &scene.session[i]) == 0, "mural_open");
	}
	fill(&scene, bench_folder());
	if (!scheme->pinned)
		unpin_all(&scene);
	measure(bench, &scene, options->seconds, scheme);
	pid_t pid = stats_of(&scene).pid;
	for (int i = 0; i < SESSIONS; i++)
		mural_close(scene.session[i]);
	kill(pid, SIGTERM);
	free(scene.bitmap);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	unsigned *number = key == 'n' ? &options->slots : key == 's' ? &options->seconds : NULL;
	if (!number)
		return ARGP_ERR_UNKNOWN;
	*number = (unsigned)strtoul(text, NULL, 10);
	if (*number == 0 || *number > 100000)
		argp_error(state, "'%s' is not a number from 1 to 100000", text);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp_option table[] = {
		{"slots", 'n', "N", 0, "Bitmaps held (10000)", 0},
		{"seconds", 's', "N", 0, "Measured for so long (30)", 0},
		{0},
	};
	const struct argp own = {.options = table, .parser = parse};
	struct options options = {0};
	struct bench *bench = bench_begin("idle_cost",
		"What a producer costs that has nothing to do.", &own, &options, argc, argv);
	if (!options.slots)
		options.slots = bench_quick(bench) ? 1000 : 10000;
	if (!options.seconds)
		options.seconds = bench_quick(bench) ? 5 : 30;
	copy_pictures(bench_folder(), (options.slots + SIZES - 1) / SIZES);
	static const struct scheme schemes[] = {{"pinned, unwatched", "none", "1000", true},
		{"pinned", "all", "1000", true}, {"ready", "all", "3600000", false}};
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		run(bench, &options, &schemes[i]);
	bench_goal(bench, "idle", "processor / limit", BENCH_AT_MOST, 1);
	bench_note(bench, "%u bitmaps of %u sessions; the limit is a thousandth of a core",
		options.slots, SESSIONS);
	return bench_end(bench);
}
