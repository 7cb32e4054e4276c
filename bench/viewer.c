/* From exec to the pixels in the window, and from a key to the next picture's: mural-viewer beside
 * the viewers people use, on one display of this program's own (Xvfb, 1920 x 1080, full screen, no
 * window manager, no GPU).
 *
 *   first, cold   no producer runs, nothing is decoded
 *   first, held   another mural-viewer (without a window) has shown the picture already
 *   final         the last change of what is shown; a preview may have come before
 *   next, idle    the second of two pictures, when the first was looked at for two seconds
 *   next, at once the key is pressed as soon as the first is there
 *
 * Files are in the page cache for all of them. */
#include "harness/bench.h"
#include "mirror.h"
#include "screen.h"

#include <errno.h>
#include <mural/mural.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 1920
#define HEIGHT 1080
#define TIMEOUT_MS 20000
/* What is shown is final when it has not changed for so long: a preview may stand in for the
 * picture while that is decoded. */
#define QUIET_MS 500
#define QUIET_MS_PER_MEGAPIXEL 30
#define IDLE_MS 2000
/* What people would call at once: a picture that is decoded, and a key. */
#define HELD_MS 60
#define NEXT_MS 25
#define ROUNDS 7
#define QUICK_ROUNDS 2
#define PICTURES_MAX 8

struct viewer {
	const char *name;
	const char *argv[8]; /* then the files */
	const char *next;    /* the key */
};

static const struct viewer viewers[] = {
	{"feh", {"feh", "--fullscreen", "--auto-zoom", NULL}, "Right"},
	{"mural", {"mural-viewer", "--fullscreen", "--only", NULL}, "Right"},
	/* In full screen without a window manager it ends at the first key. */
	{"nsxiv", {"nsxiv", "-b", "-s", "f", "-g", "1920x1080+0+0", NULL}, "n"},
	{"qimgv", {"qimgv", NULL}, "Right"},
};
#define VIEWERS (sizeof(viewers) / sizeof(viewers[0]))
#define BASELINE 0
#define MURAL 1

struct kind {
	unsigned megapixels;
	char kind[16];
};

struct options {
	struct kind kind[PICTURES_MAX];
	size_t count;
	bool mural_and_feh;
};

struct run {
	struct bench *bench;
	struct screen *screen;
	char *mural_viewer; /* its path */
	char *path[2];      /* two pictures in a folder of their own */
	struct look look[2];
	int quiet_ms;
	char at[64];
	bool installed[VIEWERS];
};

/* What one start and one key gave, ms; negative: not seen. */
struct timing {
	double first, final, next;
};

/* ---- processes ---- */

static pid_t start(const struct run *run, size_t which, int files)
{
	const char *argv[12];
	int count = 0;
	for (; viewers[which].argv[count]; count++)
		argv[count] = viewers[which].argv[count];
	if (which == MURAL)
		argv[0] = run->mural_viewer;
	for (int i = 0; i < files; i++)
		argv[count++] = run->path[i];
	argv[count] = NULL;
	return screen_start_program(argv);
}

static void stop(const struct run *run, pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	screen_empty(run->screen, TIMEOUT_MS);
}

/* Connects to the producer that runs, if any. */
static struct mural *connect_to_running(void)
{
	const struct mural_options options = {.flags = MURAL_OPEN_NO_START, .name = "bench viewer"};
	struct mural *mural;
	return mural_open(&options, &mural) == 0 ? mural : NULL;
}

/* Cold: the producer that a viewer started goes, and all that it held. */
static void end_producer(void)
{
	struct mural *mural = connect_to_running();
	struct mural_stats stats;
	if (!mural)
		return;
	bench_must(mural_stat(mural, TIMEOUT_MS, &stats) == 0, "stat");
	int pidfd = (int)syscall(SYS_pidfd_open, stats.pid, 0);
	struct pollfd gone = {.fd = pidfd, .events = POLLIN};
	bench_must(pidfd >= 0 && kill(stats.pid, SIGTERM) == 0, "ending the producer");
	bench_must(poll(&gone, 1, TIMEOUT_MS) == 1, "the producer's end");
	close(pidfd);
	mural_close(mural);
}

/* A viewer without a window that shows the first picture, and stays. */
static pid_t start_holder(const struct run *run)
{
	char size[32], decoded[] = "wait,wait:600000";
	snprintf(size, sizeof(size), "%ux%u", WIDTH, HEIGHT);
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(run->mural_viewer, "mural-viewer", "--headless", "--only", "--size", size,
			"--keys", decoded, run->path[0], (char *)NULL);
		_exit(127);
	}
	struct mural_stats stats = {0};
	for (int tries = 0; tries < TIMEOUT_MS / 20; tries++) {
		struct mural *mural = connect_to_running();
		if (mural && mural_stat(mural, TIMEOUT_MS, &stats) < 0)
			stats.decodes = 0;
		mural_close(mural);
		if (stats.decodes > 0 && stats.filling_bitmaps == 0 && stats.workers_busy == 0 &&
			stats.waiting_requests == 0)
			return pid;
		poll(NULL, 0, 20);
	}
	bench_must(false, "another viewer that holds the picture");
	return pid;
}

/* ---- one sample ---- */

static double first(const struct run *run, size_t which, double *ret_final)
{
	double begin = bench_now_ns();
	pid_t pid = start(run, which, 1);
	double seen = screen_wait(run->screen, &run->look[0], TIMEOUT_MS);
	double final =
		seen < 0 ? -1 : screen_settle(run->screen, &run->look[0], seen, run->quiet_ms);
	stop(run, pid);
	*ret_final = final < 0 ? -1 : (final - begin) / 1e6;
	return seen < 0 ? -1 : (seen - begin) / 1e6;
}

static double next(const struct run *run, size_t which, int idle_ms)
{
	pid_t pid = start(run, which, 2);
	double seen = screen_wait(run->screen, &run->look[0], TIMEOUT_MS);
	if (idle_ms > 0)
		poll(NULL, 0, idle_ms); /* what is measured: a person looks for so long */
	double pressed = screen_press(run->screen, viewers[which].next);
	double shown = seen < 0 ? -1 : screen_wait(run->screen, &run->look[1], TIMEOUT_MS);
	stop(run, pid);
	return shown < 0 ? -1 : (shown - pressed) / 1e6;
}

static void add(const struct run *run, const char *table, size_t which, double ms, double baseline)
{
	char name[64];
	bench_check(run->bench, "the picture is in the window", ms >= 0);
	if (ms < 0)
		return;
	bench_sample(run->bench, table, viewers[which].name, run->at, "ms", ms);
	if (which == BASELINE || baseline <= 0)
		return;
	snprintf(name, sizeof(name), "%s / %s", viewers[which].name, viewers[BASELINE].name);
	bench_ratio(run->bench, table, name, run->at, ms / baseline);
}

/* Mural's, beside a limit instead of another viewer's. */
static void add_limit(
	const struct run *run, const char *table, const char *name, double ms, double limit)
{
	if (ms >= 0)
		bench_ratio(run->bench, table, name, run->at, ms / limit);
}

static void round_of_first(const struct run *run)
{
	double baseline = 0, baseline_final = 0, final;
	for (size_t i = 0; i < VIEWERS; i++) {
		if (!run->installed[i])
			continue;
		end_producer();
		double ms = first(run, i, &final);
		if (i == BASELINE) {
			baseline = ms;
			baseline_final = final;
		}
		add(run, "first, cold", i, ms, baseline);
		add(run, "final, cold", i, final, baseline_final);
	}
	end_producer();
	pid_t holder = start_holder(run);
	double held = first(run, MURAL, &final);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	add(run, "first, held", MURAL, held, baseline);
	add_limit(run, "first, held", "mural / 60 ms", held, HELD_MS);
}

static void round_of_next(const struct run *run, const char *table, int idle_ms)
{
	double baseline = 0;
	for (size_t i = 0; i < VIEWERS; i++) {
		if (!run->installed[i])
			continue;
		end_producer();
		double ms = next(run, i, idle_ms);
		if (i == BASELINE)
			baseline = ms;
		add(run, table, i, ms, baseline);
		if (i == MURAL && idle_ms > 0)
			add_limit(run, table, "mural / 25 ms", ms, NEXT_MS);
	}
}

/* ---- one picture ---- */

static void open_pictures(struct run *run, const struct kind *kind)
{
	char *path = bench_picture(kind->megapixels, kind->kind), *mirrored;
	const char *suffix = strrchr(path, '.');
	bench_must(asprintf(&mirrored, "%.*s-mirrored%s", (int)(suffix - path), path, suffix) >= 0,
		"memory");
	bench_must(
		mirror_picture(path, mirrored, strcmp(kind->kind, "progressive") == 0), mirrored);
	for (int i = 0; i < 2; i++) {
		bench_must(
			asprintf(&run->path[i], "%s/pictures/%d%s", bench_folder(), i, suffix) >= 0,
			"memory");
		/* A link, by name: viewers that list the folder are to find these two alone. */
		bench_must(symlink(i ? mirrored : path, run->path[i]) == 0, run->path[i]);
		bench_must(look_of(run->path[i], &run->look[i]), run->path[i]);
	}
	bench_must(look_differs(&run->look[0], &run->look[1]), "telling the pictures apart");
	run->quiet_ms = QUIET_MS + QUIET_MS_PER_MEGAPIXEL * (int)kind->megapixels;
	snprintf(run->at, sizeof(run->at), "%u MP %s", kind->megapixels, kind->kind);
	free(mirrored);
	free(path);
}

static void measure(struct run *run, const struct kind *kind)
{
	unsigned rounds = bench_rounds(run->bench, ROUNDS, QUICK_ROUNDS);
	open_pictures(run, kind);
	for (unsigned i = 0; i < rounds; i++) {
		round_of_first(run);
		round_of_next(run, "next, idle", IDLE_MS);
		round_of_next(run, "next, at once", 0);
	}
	for (int i = 0; i < 2; i++) {
		unlink(run->path[i]);
		free(run->path[i]);
	}
}

/* ---- the program ---- */

static const struct kind quick_kinds[] = {{24, "jpeg"}};
static const struct kind all_kinds[] = {{24, "jpeg"}, {24, "progressive"}, {24, "png"},
	{100, "jpeg"}, {100, "progressive"}, {100, "png"}};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	if (key == 'o') {
		options->mural_and_feh = true;
		return 0;
	}
	if (key != 'p')
		return ARGP_ERR_UNKNOWN;
	struct kind kind;
	if (options->count == PICTURES_MAX ||
		sscanf(text, "%15[a-z0-9]:%u", kind.kind, &kind.megapixels) != 2)
		argp_error(state, "--picture: '%s' is not KIND:MEGAPIXELS", text);
	if (kind.megapixels <
		4) /* some viewers enlarge what is smaller than the screen, some do not */
		argp_error(state, "--picture: at least 4 megapixels, to fill the screen");
	options->kind[options->count++] = kind;
	return 0;
}

static bool is_installed(const char *program)
{
	char command[128];
	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

static void find_viewers(struct run *run, bool mural_and_feh)
{
	for (size_t i = 0; i < VIEWERS; i++) {
		run->installed[i] = i == MURAL || ((i == BASELINE || !mural_and_feh) &&
							  is_installed(viewers[i].argv[0]));
		if (!run->installed[i])
			bench_note(
				run->bench, "%s: not installed, or not asked for", viewers[i].name);
	}
}

static void prepare_folder(void)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/pictures", bench_folder());
	bench_must(mkdir(path, 0700) == 0, path);
	/* qimgv writes its settings there. */
	bench_must(setenv("HOME", bench_folder(), 1) == 0, "setenv");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("WAYLAND_DISPLAY");
	setenv("SDL_VIDEODRIVER", "x11", 1);
	setenv("QT_QPA_PLATFORM", "xcb", 1);
}

static void set_goals(struct bench *bench)
{
	bench_goal(bench, "first, cold", "mural / feh", BENCH_AT_MOST, 0.5);
	bench_goal(bench, "next, at once", "mural / feh", BENCH_AT_MOST, 0.6);
	bench_goal_at(bench, "first, held", "mural / 60 ms", "24 MP jpeg", BENCH_AT_MOST, 1);
	bench_goal(bench, "next, idle", "mural / 25 ms", BENCH_AT_MOST, 1);
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"picture", 'p', "KIND:MP", 0,
			"Only this picture (jpeg:24, progressive:24, png:24 …); may be repeated",
			0},
		{"only-feh", 'o', NULL, 0, "Beside feh alone", 0}, {0}};
	const struct argp own = {list, parse, NULL, NULL, NULL, NULL, NULL};
	struct options options = {.count = 0};
	struct run run = {0};
	const char *why;
	run.bench = bench_begin("viewer", "From exec, or a key, to the pixels in the window.", &own,
		&options, argc, argv);
	prepare_folder();
	run.screen = screen_open(WIDTH, HEIGHT, &why);
	if (!run.screen)
		bench_skip(run.bench, why);
	run.mural_viewer = bench_program("mural-viewer");
	find_viewers(&run, options.mural_and_feh || bench_quick(run.bench));
	set_goals(run.bench);
	const struct kind *kinds = options.count            ? options.kind
				   : bench_quick(run.bench) ? quick_kinds
							    : all_kinds;
	size_t count = options.count            ? options.count
		       : bench_quick(run.bench) ? sizeof(quick_kinds) / sizeof(*quick_kinds)
						: sizeof(all_kinds) / sizeof(*all_kinds);
	for (size_t i = 0; i < count; i++)
		measure(&run, &kinds[i]);
	end_producer();
	screen_close(run.screen);
	free(run.mural_viewer);
	return bench_end(run.bench);
}
