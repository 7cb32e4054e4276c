/* See scene.h. */
#include "scene.h"

#include "harness/bench.h"
#include "picture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP_NAME "mural-bench"
#define WAIT_MS 30000
#define LOOK_MS 5
#define IN_FLIGHT_MAX 48u
#define LISTEN_FD 3 /* where systemd, and so this, passes a listening socket */

bool scene_possible(const char **ret_why)
{
	struct group group;
	char name[64];
	snprintf(name, sizeof(name), GROUP_NAME "-try-%d", (int)getpid());
	int r = group_create(name, UINT64_C(64) << 20, false, &group);
	if (r == 0) {
		group_remove(&group);
		return true;
	}
	*ret_why = r == -ENOTSUP ? "no memory control groups here"
				 : "no control group can be made (needs root)";
	return false;
}

/* ---- the producer ---- */

static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	bench_must(fd >= 0 && strlen(path) < sizeof(address.sun_path), "socket");
	strcpy(address.sun_path, path);
	unlink(path);
	bench_must(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0, path);
	bench_must(chmod(path, 0600) == 0 && listen(fd, 8) == 0, path);
	return fd;
}

/* In the child: the socket as systemd passes it, then the producer. */
static _Noreturn void become_producer(const struct scene *scene, int listening)
{
	char pid[32];
	char *program = bench_program("mural-producer");
	const char *argv[] = {program, "--budget", scene->options.budget, "--idle-ms", "50",
		"--idle-exit", "0", NULL, NULL, NULL};
	if (scene->options.pressure) {
		argv[7] = "--pressure";
		argv[8] = scene->options.pressure;
	}
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bool entered = !scene->options.grouped || group_enter(&scene->group, 0) == 0;
	if (entered && dup2(listening, LISTEN_FD) == LISTEN_FD)
		execv(program, (char **)(uintptr_t)argv);
	perror(program);
	_exit(127);
}

static void start_producer(struct scene *scene)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/socket", bench_folder());
	int listening = listen_at(path);
	scene->producer = fork();
	bench_must(scene->producer >= 0, "fork");
	if (scene->producer == 0)
		become_producer(scene, listening);
	close(listening);
	scene->producer_pidfd = (int)syscall(SYS_pidfd_open, scene->producer, 0);
	bench_must(scene->producer_pidfd >= 0, "pidfd_open");
}

static void on_event(struct mural *mural, enum mural_event event, int value, void *user)
{
	struct scene *scene = user;
	(void)mural;
	if (event == MURAL_EVENT_PRESSURE)
		scene->told = (enum mural_pressure)value;
}

bool scene_producer_lives(const struct scene *scene)
{
	struct pollfd gone = {.fd = scene->producer_pidfd, .events = POLLIN};
	return poll(&gone, 1, 0) == 0;
}

bool scene_stats(struct scene *scene, struct mural_stats *ret)
{
	return scene_producer_lives(scene) && mural_stat(scene->mural, WAIT_MS, ret) == 0;
}

/* ---- the pictures ---- */

/* Written once a benchmark, outside the group: their page cache is not charged to it. */
static void picture_path(const struct scene *scene, unsigned index, char *path, size_t size)
{
	const struct scene_picture *picture = &scene->picture[index];
	snprintf(path, size, "%s/%u-%ux%u.png", bench_folder(), index, picture->width,
		picture->height);
	if (access(path, R_OK) != 0)
		picture_write(path, picture->width, picture->height, index);
}

static void list_pictures(struct scene *scene)
{
	for (const struct scene_class *class = scene->options.classes; class->count; class ++)
		scene->count += class->count;
	scene->picture = calloc(scene->count, sizeof(scene->picture[0]));
	bench_must(scene->picture != NULL, "memory for pictures");
	unsigned index = 0;
	for (const struct scene_class *class = scene->options.classes; class->count; class ++) {
		for (unsigned i = 0; i < class->count; i++, index++) {
			scene->picture[index].width = class->width;
			scene->picture[index].height = class->height;
		}
	}
}

static void fill(struct scene *scene)
{
	for (unsigned i = 0; i < scene->count; i++) {
		char path[512];
		picture_path(scene, i, path, sizeof(path));
		struct mural_request request = {.path = path};
		errno = -mural_request(scene->mural, &request, &scene->picture[i].bitmap);
		bench_must(errno == 0, "request");
		/* A session may have so many requests in flight. */
		if (i >= IN_FLIGHT_MAX)
			mural_bitmap_wait(scene->picture[i - IN_FLIGHT_MAX].bitmap, WAIT_MS);
	}
	for (unsigned i = 0; i < scene->count; i++) {
		struct scene_picture *picture = &scene->picture[i];
		errno = -mural_bitmap_wait(picture->bitmap, WAIT_MS);
		bench_must(errno == 0, "decode");
		if (i >= scene->options.pinned)
			continue;
		int r = mural_bitmap_pin_wait(picture->bitmap, WAIT_MS, &picture->view);
		bench_must(r == ASHMEM_NOT_PURGED, "pin");
	}
}

/* The pool tells nobody that a bitmap has become idle: it is asked, until it is so. */
static void wait_for_idle(struct scene *scene)
{
	struct mural_stats stats;
	double end_ns = bench_now_ns() + WAIT_MS * 1e6;
	while (bench_now_ns() < end_ns) {
		bench_must(scene_stats(scene, &stats), "the producer answers");
		if (stats.idle_bitmaps + scene->options.pinned == scene->count)
			return;
		while (mural_wait(scene->mural, LOOK_MS) ==
			0) /* what came is not what is waited for */
			;
	}
	errno = ETIMEDOUT;
	bench_must(false, "waiting for pictures to become idle");
}

void scene_open(const struct scene_options *options, struct scene *ret)
{
	static unsigned count;
	char name[64];
	*ret = (struct scene){.options = *options};
	list_pictures(ret);
	snprintf(name, sizeof(name), GROUP_NAME "-%d-%u", (int)getpid(), count++);
	if (options->grouped) {
		errno = -group_create(name, options->limit_bytes, options->swap, &ret->group);
		bench_must(errno == 0, "control group");
	}
	start_producer(ret);
	struct mural_options mural = {
		.flags = MURAL_OPEN_NO_START, .on_event = on_event, .user = ret};
	errno = -mural_open(&mural, &ret->mural);
	bench_must(errno == 0, "mural_open");
	fill(ret);
	wait_for_idle(ret);
}

void scene_close(struct scene *scene)
{
	for (unsigned i = 0; i < scene->count; i++)
		mural_bitmap_unref(scene->picture[i].bitmap);
	free(scene->picture);
	mural_close(scene->mural);
	kill(scene->producer, SIGTERM);
	waitpid(scene->producer, NULL, 0);
	close(scene->producer_pidfd);
	if (scene->options.grouped)
		group_remove(&scene->group);
}

void scene_refill(struct scene *scene)
{
	for (unsigned i = scene->options.pinned; i < scene->count; i++) {
		struct mural_bitmap *bitmap = scene->picture[i].bitmap;
		struct mural_view view;
		int r = mural_bitmap_pin_wait(bitmap, WAIT_MS, &view);
		if (r == ASHMEM_NOT_PURGED) {
			mural_bitmap_unpin(bitmap);
			continue;
		}
		bench_must(r == ASHMEM_WAS_PURGED, "pin");
		errno = -mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE);
		bench_must(errno == 0, "redecode");
		if (i >= IN_FLIGHT_MAX)
			mural_bitmap_wait(scene->picture[i - IN_FLIGHT_MAX].bitmap, WAIT_MS);
	}
	for (unsigned i = 0; i < scene->count; i++)
		bench_must(mural_bitmap_wait(scene->picture[i].bitmap, WAIT_MS) == 0, "decode");
	wait_for_idle(scene);
}

/* ---- what is left of them ---- */

uint64_t scene_pinned_damage(const struct scene *scene)
{
	uint64_t damage = 0;
	for (unsigned i = 0; i < scene->options.pinned; i++)
		damage += picture_damage(&scene->picture[i].view, i);
	return damage;
}

uint64_t scene_intact_damage(struct scene *scene)
{
	uint64_t damage = 0;
	for (unsigned i = scene->options.pinned; i < scene->count; i++) {
		struct mural_bitmap *bitmap = scene->picture[i].bitmap;
		struct mural_view view;
		if (!scene_producer_lives(scene) ||
			mural_bitmap_pin_wait(bitmap, WAIT_MS, &view) != ASHMEM_NOT_PURGED)
			continue;
		damage += picture_damage(&view, i);
		mural_bitmap_unpin(bitmap);
	}
	return damage;
}
