/* See growth_requests.h. Each size has a producer of its own, with files of its own, so that small
 * and large can be measured in turns, on one core with this program: where else the scheduler puts
 * them says more than the size does. Memory pressure is not watched. */
#include "growth_requests.h"
#include "cores.h"

#include <errno.h>
#include <mural/mural.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PICTURE MURAL_SOURCE_DIR "/assets/formats/jpeg-17x9-420.jpg"
#define PICTURE_WIDTH 17
#define SMALL 100
#define CONSUMERS_MAX 64
#define SPREAD 64
#define AT_ONCE 500 /* a consumer may have 1024 requests in flight */
#define IN_FLIGHT_MAX 1000
#define STATS 20
#define TIMEOUT_MS 120000
#define LOOK_MS 20

#define PRODUCER "producer"
#define REQUEST "request of a ready one"
#define STAT "stat by message"
#define IN_FLIGHT "requests in flight"

struct scene {
	struct bench *bench;
	pid_t producer;
	size_t files, consumers;
	char **path;                           /* owned */
	struct mural *consumer[CONSUMERS_MAX]; /* each knows all */
	struct mural_bitmap **bitmap;          /* owned; those of a consumer one after the other */
	struct mural *newcomer;                /* knows none but what it asks for */
};

static void done(int r, const char *what)
{
	errno = r < 0 ? -r : ETIMEDOUT;
	bench_must(r == 0, what);
}

static double since_us(double start)
{
	return (bench_now_ns() - start) / 1e3;
}

/* ---- a producer that knows so many ---- */

static void make_files(struct scene *scene, const char *name)
{
	char *folder;
	scene->path = calloc(scene->files, sizeof(*scene->path));
	bench_must(scene->path && asprintf(&folder, "%s/%s", bench_folder(), name) >= 0, "memory");
	bench_must(mkdir(folder, 0700) == 0, folder);
	for (size_t i = 0; i < scene->files; i++) {
		bench_must(asprintf(&scene->path[i], "%s/%zu.jpg", folder, i) >= 0, "memory");
		bench_copy(PICTURE, scene->path[i]);
	}
	free(folder);
}

static struct mural_bitmap *request(struct mural *mural, const char *path)
{
	const struct mural_request wanted = {.path = path, .priority = MURAL_PRIORITY_VISIBLE};
	struct mural_bitmap *bitmap;
	done(mural_request(mural, &wanted, &bitmap), "a request");
	return bitmap;
}

static void ask_for_all(const struct scene *scene, struct mural *mural, struct mural_bitmap **ret)
{
	for (size_t i = 0; i < scene->files; i += AT_ONCE) {
		size_t end = i + AT_ONCE < scene->files ? i + AT_ONCE : scene->files;
		for (size_t at = i; at < end; at++)
			ret[at] = request(mural, scene->path[at]);
		for (size_t at = i; at < end; at++)
			done(mural_bitmap_wait(ret[at], TIMEOUT_MS), "a picture");
	}
}

static struct mural_stats stats_of(const struct scene *scene)
{
	struct mural_stats stats;
	done(mural_stat(scene->newcomer, TIMEOUT_MS, &stats), "stat");
	return stats;
}

/* Nobody pins: after the idle delay all are unpinned, and stay. */
static void wait_until_idle(const struct scene *scene)
{
	struct mural_stats stats;
	double begin = bench_now_ns();
	for (stats = stats_of(scene); stats.idle_bitmaps < scene->files; stats = stats_of(scene)) {
		bench_must((bench_now_ns() - begin) / 1e6 < TIMEOUT_MS, "all to be idle");
		poll(NULL, 0, LOOK_MS);
	}
}

static struct scene open_scene(
	struct bench *bench, const char *name, size_t files, size_t consumers)
{
	static const char *const args[] = {"--pressure", "none", "--budget", "2G", NULL};
	struct scene scene = {.bench = bench, .files = files, .consumers = consumers};
	struct mural_options options = {.name = "growth", .producer_args = args};
	char *socket;
	make_files(&scene, name);
	bench_must(asprintf(&socket, "%s/%s-socket", bench_folder(), name) >= 0, "memory");
	options.socket = socket;
	scene.bitmap = calloc(files * consumers, sizeof(struct mural_bitmap *));
	bench_must(scene.bitmap != NULL, "memory");
	done(mural_open(&options, &scene.newcomer), "a producer");
	scene.producer = stats_of(&scene).pid;
	for (size_t i = 0; i < consumers; i++) {
		done(mural_open(&options, &scene.consumer[i]), "a consumer");
		ask_for_all(&scene, scene.consumer[i], scene.bitmap + i * files);
	}
	wait_until_idle(&scene);
	free(socket);
	return scene;
}

static void close_scene(struct scene *scene)
{
	struct pollfd gone = {
		.fd = (int)syscall(SYS_pidfd_open, scene->producer, 0), .events = POLLIN};
	bench_must(gone.fd >= 0, "pidfd_open");
	for (size_t i = 0; i < scene->files * scene->consumers; i++)
		mural_bitmap_unref(scene->bitmap[i]);
	for (size_t i = 0; i < scene->consumers; i++)
		mural_close(scene->consumer[i]);
	mural_close(scene->newcomer);
	kill(scene->producer, SIGTERM);
	bench_must(poll(&gone, 1, TIMEOUT_MS) == 1, "the producer's end");
	close(gone.fd);
	waitpid(scene->producer, NULL, WNOHANG); /* it may be this program's own child */
	for (size_t i = 0; i < scene->files; i++)
		free(scene->path[i]);
	free(scene->path);
	free(scene->bitmap);
}

/* ---- what is measured; us of one ---- */

/* Sent, waited for, and given back: the next time it is new to the consumer again. */
static double time_request(void *user)
{
	struct scene *scene = user;
	uint32_t widths = 0;
	double start = bench_now_ns();
	for (size_t i = 0; i < SPREAD; i++) {
		const char *path = scene->path[i * (scene->files - 1) / (SPREAD - 1)];
		struct mural_bitmap *bitmap = request(scene->newcomer, path);
		struct mural_view view;
		done(mural_bitmap_wait(bitmap, TIMEOUT_MS), "a ready bitmap");
		if (mural_bitmap_pin(bitmap, &view) == 0) {
			widths += view.width;
			mural_bitmap_unpin(bitmap);
		}
		mural_bitmap_unref(bitmap);
	}
	double us = since_us(start) / SPREAD;
	bench_check(
		scene->bench, "a ready bitmap is had at once", widths == SPREAD * PICTURE_WIDTH);
	return us;
}

static double time_stat(void *user)
{
	struct scene *scene = user;
	struct mural_stats stats = {0};
	double start = bench_now_ns();
	for (int i = 0; i < STATS; i++)
		stats = stats_of(scene);
	double us = since_us(start) / STATS;
	bench_check(scene->bench, "stat by message counts every bitmap",
		stats.idle_bitmaps + stats.ready_bitmaps + stats.pinned_bitmaps == scene->files);
	return us;
}

static void measure_size(
	struct scene *small, const char *name, size_t files, size_t consumers, unsigned rounds)
{
	static const struct {
		const char *what;
		double (*measure)(void *scene);
	} operations[] = {{STAT, time_stat}, {REQUEST, time_request}};
	struct bench *bench = small->bench;
	struct scene large = open_scene(bench, name, files, consumers);
	char at[64];
	snprintf(at, sizeof(at), "%zu bitmaps, %zu consumers", files, consumers);
	cores_take(small->producer, 0);
	cores_take(large.producer, 0);
	cores_take(0, 0);
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
		const char *what = operations[i].what;
		operations[i].measure(small);
		operations[i].measure(&large);
		for (unsigned round = 0; round < rounds; round++) {
			double one = operations[i].measure(small);
			double us = operations[i].measure(&large);
			bench_sample(bench, PRODUCER, what, "100 bitmaps, 1 consumers", "us", one);
			bench_sample(bench, PRODUCER, what, at, "us", us);
			bench_ratio(bench, PRODUCER, what, at, us / one);
		}
	}
	cores_leave(0);
	cores_leave(small->producer);
	close_scene(&large);
}

/* ---- requests in flight ---- */

/* Requests for @count ready bitmaps, sent before any answer is looked at; us of one. The producer
 * has taken them back before the next are timed. */
static double time_in_flight(struct scene *scene, size_t count)
{
	struct mural_bitmap *bitmap[IN_FLIGHT_MAX];
	double start = bench_now_ns();
	for (size_t i = 0; i < count; i++)
		bitmap[i] = request(scene->newcomer, scene->path[i * scene->files / count]);
	for (size_t i = 0; i < count; i++)
		done(mural_bitmap_wait(bitmap[i], TIMEOUT_MS), "a ready bitmap");
	double us = since_us(start) / (double)count;
	for (size_t i = 0; i < count; i++)
		mural_bitmap_unref(bitmap[i]);
	stats_of(scene);
	return us;
}

static void measure_in_flight(struct bench *bench, size_t files, unsigned rounds)
{
	struct scene scene = open_scene(bench, "in-flight", files, 1);
	for (size_t count = 1; count <= IN_FLIGHT_MAX && count <= files; count *= 10) {
		char at[16];
		snprintf(at, sizeof(at), "%zu", count);
		time_in_flight(&scene, count);
		for (unsigned i = 0; i < rounds; i++) {
			double one = time_in_flight(&scene, 1);
			double many = time_in_flight(&scene, count);
			bench_sample(bench, IN_FLIGHT, "each", at, "us", many);
			if (count > 1)
				bench_ratio(bench, IN_FLIGHT, "each / one alone", at, many / one);
		}
	}
	close_scene(&scene);
}

void measure_producers(struct bench *bench, size_t files, unsigned rounds)
{
	struct scene small = open_scene(bench, "small", SMALL, 1);
	measure_size(&small, "for-64", SMALL, CONSUMERS_MAX, rounds);
	measure_size(&small, "many", files, 1, rounds);
	if (!bench_quick(bench))
		measure_size(&small, "many-for-64", files, CONSUMERS_MAX, rounds);
	close_scene(&small);
	measure_in_flight(bench, files < IN_FLIGHT_MAX ? files : IN_FLIGHT_MAX, rounds);
	bench_goal(bench, PRODUCER, REQUEST, BENCH_AT_MOST, 1.5);
	bench_goal(bench, PRODUCER, STAT, BENCH_AT_MOST, 1.5);
	bench_axis(bench, IN_FLIGHT, "requests in flight");
	bench_goal(bench, IN_FLIGHT, "each / one alone", BENCH_AT_MOST, 1.5);
}
