/* What it costs to pin again what was idle: while it was intact, after it was purged, and until it
 * has been decoded again; beside a pin of a ready bitmap, and beside a message to another process
 * and back. */
#include "harness/bench.h"
#include "scene.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS 30000
#define PINS 1000

struct context {
	struct scene scene;
	int socket; /* to a process that sends back what it gets */
};

static int echo_start(void)
{
	int pair[2];
	bench_must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
	pid_t pid = fork();
	bench_must(pid >= 0, "fork");
	if (pid > 0) {
		close(pair[1]);
		return pair[0];
	}
	char message[64];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(pair[0]);
	for (ssize_t got; (got = recv(pair[1], message, sizeof(message), 0)) > 0;)
		send(pair[1], message, (size_t)got, 0);
	_exit(0);
}

static double round_trip(void *user)
{
	const struct context *context = user;
	char message[64] = {0};
	double start = bench_now_ns();
	if (send(context->socket, message, sizeof(message), 0) < 0 ||
		recv(context->socket, message, sizeof(message), 0) < 0)
		return -1;
	return (bench_now_ns() - start) / 1e3;
}

static double pin_once(struct context *context, int wanted)
{
	struct mural_view view;
	struct mural_bitmap *bitmap = context->scene.picture[0].bitmap;
	double start = bench_now_ns();
	int r = mural_bitmap_pin_wait(bitmap, WAIT_MS, &view);
	double ns = bench_now_ns() - start;
	if (r == ASHMEM_NOT_PURGED)
		mural_bitmap_unpin(bitmap);
	return r == wanted ? ns / 1e3 : -1;
}

static double pin_ready(void *user)
{
	struct context *context = user;
	struct mural_view view;
	struct mural_bitmap *bitmap = context->scene.picture[0].bitmap;
	if (mural_bitmap_pin_wait(bitmap, WAIT_MS, &view) != ASHMEM_NOT_PURGED)
		return -1;
	double start = bench_now_ns();
	for (int i = 0; i < PINS; i++) {
		mural_bitmap_pin(bitmap, &view);
		mural_bitmap_unpin(bitmap);
	}
	double ns = bench_now_ns() - start;
	mural_bitmap_unpin(bitmap);
	return ns / 1e3 / PINS;
}

static double pin_intact(void *user)
{
	struct context *context = user;
	scene_refill(&context->scene);
	return pin_once(context, ASHMEM_NOT_PURGED);
}

static double pin_purged(void *user)
{
	struct context *context = user;
	scene_refill(&context->scene);
	if (mural_purge(context->scene.mural, WAIT_MS, NULL) < 0)
		return -1;
	return pin_once(context, ASHMEM_WAS_PURGED);
}

static double decode_again(void *user)
{
	struct context *context = user;
	struct mural_bitmap *bitmap = context->scene.picture[0].bitmap;
	scene_refill(&context->scene);
	if (mural_purge(context->scene.mural, WAIT_MS, NULL) < 0)
		return -1;
	double start = bench_now_ns();
	if (pin_once(context, ASHMEM_WAS_PURGED) < 0 ||
		mural_bitmap_redecode(bitmap, MURAL_PRIORITY_VISIBLE) < 0 ||
		mural_bitmap_wait(bitmap, WAIT_MS) != 0 || pin_once(context, ASHMEM_NOT_PURGED) < 0)
		return -1;
	return (bench_now_ns() - start) / 1e3;
}

int main(int argc, char **argv)
{
	static const struct scene_class classes[] = {{4, 1024, 512}, {0}};
	static const struct scene_options options = {.budget = "64M", .classes = classes};
	struct context context;
	struct bench *bench = bench_begin(
		"purge_repin", "What it costs to pin what was idle.", NULL, NULL, argc, argv);
	context.socket = echo_start();
	scene_open(&options, &context.scene);
	const struct bench_side sides[] = {{"message and back", round_trip, &context},
		{"pin + unpin, ready", pin_ready, &context},
		{"pin, idle and intact", pin_intact, &context},
		{"pin, purged", pin_purged, &context},
		{"… and decoded again, 2 MiB PNG", decode_again, &context}};
	bench_compare(bench, "pin again", "2 MiB", "us", sides, sizeof(sides) / sizeof(sides[0]),
		bench_rounds(bench, 50, 10));
	scene_refill(&context.scene);
	bench_check(bench, "pixels are right", scene_intact_damage(&context.scene) == 0);
	scene_close(&context.scene);
	close(context.socket);
	return bench_end(bench);
}
