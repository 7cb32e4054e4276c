/* The whole pipeline where the kernel itself purges: pictures decoded by the producer into
 * /dev/ashmem, held by this consumer, unpinned when idle, thrown away by the kernel's own shrinker
 * under real memory pressure, and decoded again. The producer is stopped (SIGSTOP) while memory is
 * short, so that nobody but the kernel can have done it.
 *
 * usage: pipeline PRODUCER DRIVER SOCKET PICTURE...
 *   The first picture stays pinned. On standard output: a checksum of each picture's pixels, the
 * same on every driver. DRIVER memfd ends there: a kernel does not purge a memfd. */
#include "shared_memory.h"
#include "support/checksum.h"

#include <errno.h>
#include <mural/mural.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PICTURES_MAX = 16, WAIT_MS = 60000, LOOK_MS = 20, DRIVER_DEVICE = 2 };

#define HOG_STEP ((size_t)1 << 20)

struct picture {
	const char *path;
	struct mural_bitmap *bitmap;
	uint64_t sum, generation;
	size_t bytes;
};

static struct mural *m;
static struct picture pictures[PICTURES_MAX];
static int count;

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "pipeline: %s (errno: %s)\n", what, strerror(errno));
	mural_close(m); /* a private producer ends with it */
	exit(1);
}

static void look(struct picture *picture)
{
	struct mural_view view;
	must(mural_bitmap_pin_wait(picture->bitmap, WAIT_MS, &view) == ASHMEM_NOT_PURGED,
		"a decoded picture is pinned");
	picture->sum = test_checksum(&view);
	picture->generation = view.generation;
	picture->bytes = (size_t)view.height * view.stride_bytes;
}

static void decode_all(char *paths[])
{
	for (int i = 0; i < count; i++) {
		struct picture *picture = &pictures[i];
		const struct mural_request wanted = {.path = paths[i]};
		picture->path = strrchr(paths[i], '/') ? strrchr(paths[i], '/') + 1 : paths[i];
		must(mural_request(m, &wanted, &picture->bitmap) == 0, "a request");
		int r = mural_bitmap_wait(picture->bitmap, WAIT_MS);
		if (r != 0) {
			const char *text;
			mural_bitmap_error(picture->bitmap, NULL, &text);
			fprintf(stderr, "%s: %s\n", picture->path, text);
		}
		must(r == 0, "a decode");
		look(picture);
		printf("%-40s %016llx\n", picture->path, (unsigned long long)picture->sum);
		if (i > 0) /* the first stays pinned */
			mural_bitmap_unpin(picture->bitmap);
	}
	fflush(stdout);
}

/* All but the pinned one are unpinned: from here on the kernel may take them. */
static struct mural_stats wait_until_idle(void)
{
	struct mural_stats stats;
	for (int waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
		must(mural_stat(m, WAIT_MS, &stats) == 0, "stat");
		if (stats.idle_bitmaps == (uint32_t)count - 1)
			return stats;
		mural_wait(m, LOOK_MS);
	}
	must(false, "what nobody pins becomes idle");
	return stats;
}

/* --- Pressure --- */

/* Takes memory until the system's shared memory has fallen to @enough. Whoever runs out of memory
 * first is this process. */
static void be_the_hog(size_t enough)
{
	FILE *file = fopen("/proc/self/oom_score_adj", "we");
	if (!file || fputs("1000", file) < 0 || fclose(file) != 0)
		_exit(2);
	while (shared_memory_bytes() > enough) {
		char *at = mmap(
			NULL, HOG_STEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (at == MAP_FAILED)
			_exit(3);
		memset(at, 1, HOG_STEP);
	}
	_exit(0);
}

static void let_memory_run_short(pid_t producer, size_t idle_bytes)
{
	size_t before = shared_memory_bytes();
	int status = 0;
	must(kill(producer, SIGSTOP) == 0, "the producer stops");
	pid_t hog = fork();
	if (hog == 0)
		be_the_hog(before - idle_bytes / 10 * 9);
	must(waitpid(hog, &status, 0) == hog, "waitpid");
	kill(producer, SIGCONT);
	if (status != 0)
		fprintf(stderr,
			"the hog: status %#x, shared memory %zu KiB before, %zu KiB after\n",
			(unsigned)status, before >> 10, shared_memory_bytes() >> 10);
	must(status == 0, "the kernel gives back what is unpinned before it kills anybody");
	fprintf(stderr, "shared memory: %zu KiB before, %zu KiB after; idle were %zu KiB\n",
		before >> 10, shared_memory_bytes() >> 10, idle_bytes >> 10);
}

/* --- And back --- */

static void pinned_is_whole(const struct picture *picture)
{
	struct mural_view view;
	must(mural_bitmap_pin(picture->bitmap, &view) == ASHMEM_NOT_PURGED &&
			view.generation == picture->generation,
		"what is pinned is not purged");
	must(test_checksum(&view) == picture->sum, "what is pinned keeps its bytes");
	mural_bitmap_unpin(picture->bitmap);
}

/* Purged, told so, decoded again to the same pixels. */
static void comes_back(struct picture *picture)
{
	struct mural_view view;
	uint64_t sum = picture->sum, generation = picture->generation;
	must(mural_bitmap_pin_wait(picture->bitmap, WAIT_MS, &view) == ASHMEM_WAS_PURGED,
		"the pin of what the kernel took says purged");
	must(mural_bitmap_redecode(picture->bitmap, MURAL_PRIORITY_VISIBLE) == 0, "a re-decode");
	must(mural_bitmap_wait(picture->bitmap, WAIT_MS) == 0, "it is decoded again");
	look(picture);
	must(picture->sum == sum, "to the same pixels");
	must(picture->generation != generation, "as another generation");
	mural_bitmap_unpin(picture->bitmap);
}

static void purge_and_return(void)
{
	struct mural_stats before = wait_until_idle(), after;
	must(before.driver == DRIVER_DEVICE, "the pool is on the device");
	must(before.purges == 0 && before.redecodes == 0, "nothing has been purged so far");
	let_memory_run_short(before.pid, (size_t)before.idle_bytes);
	pinned_is_whole(&pictures[0]);
	for (int i = 1; i < count; i++)
		comes_back(&pictures[i]);
	pinned_is_whole(&pictures[0]);
	must(mural_stat(m, WAIT_MS, &after) == 0, "stat");
	must(after.redecodes == (uint64_t)count - 1 && after.pid == before.pid,
		"one producer did it all");
	must(after.decode_failures == 0, "and nothing failed");
	fprintf(stderr, "%d pictures purged by the kernel and decoded again, %s kept pinned\n",
		count - 1, pictures[0].path);
}

int main(int argc, char *argv[])
{
	if (argc < 6 || argc > 4 + PICTURES_MAX) {
		fprintf(stderr, "usage: pipeline PRODUCER DRIVER SOCKET PICTURE PICTURE...\n");
		return 2;
	}
	const char *const arguments[] = {
		"--driver", argv[2], "--idle-ms", "100", "--budget", "192M", NULL};
	const struct mural_options options = {
		.producer = argv[1], .producer_args = arguments, .socket = argv[3]};
	count = argc - 4;
	int r = mural_open(&options, &m);
	errno = -r;
	must(r == 0, "mural_open");
	decode_all(argv + 4);
	if (strcmp(argv[2], "device") == 0)
		purge_and_return();
	struct mural_stats stats;
	must(mural_stat(m, WAIT_MS, &stats) == 0, "stat");
	mural_bitmap_unpin(pictures[0].bitmap);
	for (int i = 0; i < count; i++)
		mural_bitmap_unref(pictures[i].bitmap);
	mural_close(m);
	must(kill(stats.pid, SIGTERM) == 0, "the producer ends"); /* or it would wait for others */
	return 0;
}
