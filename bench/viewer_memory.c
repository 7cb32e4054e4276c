/* The memory of 1, 4 and 16 viewers that have shown the same 20 pictures, each in a window, beside
 * feh four times: PSS as the kernel counts it, and what of it is shared memory. Of Mural the
 * producer and its decoders are counted as well, and the blocks of the pool's memfds, which nobody
 * needs to have mapped. Mural holds all 20 pictures then, at the window's size, and gives them up
 * under pressure; feh the last one, whatever its --cache-size. The X server is left out of both. */
#include "harness/bench.h"
#include "resident.h"
#include "screen.h"
#include "twenty.h"

#include <mural/mural.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 1280
#define HEIGHT 800
#define MOST 16
#define FEHS 4
#define TIMEOUT_MS 20000
/* Full sizes are decoded from 0.4 s of looking on; what nobody uses is idle after a second. */
#define REST_MS 1500

struct run {
	struct bench *bench;
	struct screen *screen;
	const char *const *pictures;
	struct look look[TWENTY];
	char *mural_viewer; /* its path */
};

static pid_t start(const struct run *run, const char *const *program)
{
	const char *argv[TWENTY + 8];
	int count = 0;
	for (; program[count]; count++)
		argv[count] = program[count];
	for (int i = 0; i < TWENTY; i++)
		argv[count++] = run->pictures[i];
	argv[count] = NULL;
	return screen_start_program(argv);
}

/* A viewer that has shown all of them, and stays on the last. */
static pid_t leaf_through(const struct run *run, const char *const *program)
{
	pid_t pid = start(run, program);
	for (int i = 0; i < TWENTY; i++) {
		if (i > 0)
			screen_press(run->screen, "Right");
		bench_check(run->bench, "each picture is in the window",
			screen_wait(run->screen, &run->look[i], TIMEOUT_MS) > 0);
	}
	return pid;
}

static void stop(const struct run *run, const pid_t *pid, int count)
{
	for (int i = 0; i < count; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	screen_empty(run->screen, TIMEOUT_MS);
}

static struct resident sum(const pid_t *pid, int count)
{
	struct resident sum = {0};
	for (int i = 0; i < count; i++)
		sum = resident_add(sum, resident_of(pid[i]));
	return sum;
}

static void add(const struct run *run, const char *series, int count, struct resident resident)
{
	char at[16], name[64];
	snprintf(at, sizeof(at), "%d", count);
	bench_sample(run->bench, "viewers", series, at, "MiB", resident.all);
	snprintf(name, sizeof(name), "%s, shared memory", series);
	bench_sample(run->bench, "viewers", name, at, "MiB", resident.shared);
}

static double measure_feh(const struct run *run, const char *const *program)
{
	pid_t pid[FEHS];
	for (int i = 0; i < FEHS; i++)
		pid[i] = leaf_through(run, program);
	poll(NULL, 0, REST_MS); /* what is measured: viewers that rest */
	struct resident resident = sum(pid, FEHS);
	add(run, "feh", FEHS, resident);
	stop(run, pid, FEHS);
	return resident.all;
}

/* Mural's own, with producer and decoders; the ratio to four of feh where there are four. */
static void measure_mural(const struct run *run, double feh)
{
	const char *const program[] = {run->mural_viewer, "--fullscreen", NULL};
	int most = bench_quick(run->bench) ? FEHS : MOST;
	double first_blocks = 0;
	pid_t pid[MOST];
	for (int i = 0; i < most; i++) {
		char at[16];
		pid[i] = leaf_through(run, program);
		if (i + 1 != 1 && i + 1 != FEHS && i + 1 != MOST)
			continue;
		poll(NULL, 0, REST_MS);
		snprintf(at, sizeof(at), "%d", i + 1);
		pid_t producer = resident_producer();
		struct resident all = resident_add(sum(pid, i + 1), resident_of_family(producer));
		double blocks = resident_memfds(producer);
		add(run, "mural and its producer", i + 1, all);
		bench_sample(
			run->bench, "viewers", "blocks of the pool's memfds", at, "MiB", blocks);
		if (i == 0)
			first_blocks = blocks;
		bench_ratio(
			run->bench, "viewers", "blocks of N / of one", at, blocks / first_blocks);
		if (i + 1 != FEHS)
			continue;
		/* What the pool holds is counted whole, mapped or not. */
		double mural = all.all - all.shared + (blocks > all.shared ? blocks : all.shared);
		bench_ratio(run->bench, "viewers", "four / feh four times", at, mural / feh);
	}
	stop(run, pid, most);
}

int main(int argc, char **argv)
{
	static const char *const feh[] = {"feh", "--fullscreen", "--auto-zoom", NULL};
	struct run run = {0};
	const char *why;
	run.bench = bench_begin("viewer_memory",
		"Viewers that have shown the same 20 pictures, beside feh.", NULL, NULL, argc,
		argv);
	if (system("command -v feh >/dev/null") != 0)
		bench_skip(run.bench, "no feh");
	bench_folder();
	bench_must(setenv("HOME", bench_folder(), 1) == 0, "setenv");
	unsetenv("WAYLAND_DISPLAY");
	setenv("SDL_VIDEODRIVER", "x11", 1);
	run.screen = screen_open(WIDTH, HEIGHT, &why);
	if (!run.screen)
		bench_skip(run.bench, why);
	run.mural_viewer = bench_program("mural-viewer");
	run.pictures = twenty_pictures();
	for (int i = 0; i < TWENTY; i++)
		bench_must(look_of(run.pictures[i], &run.look[i]), run.pictures[i]);
	double plain = measure_feh(&run, feh);
	measure_mural(&run, plain);
	bench_goal(run.bench, "viewers", "blocks of N / of one", BENCH_AT_MOST, 1.05);
	screen_close(run.screen);
	free(run.mural_viewer);
	return bench_end(run.bench);
}
