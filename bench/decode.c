/* Decode and deliver: from a request to pinned pixels, beside the same libraries called in-process.
 *
 *   fresh      in-process, into new memory: every page is faulted, as each program does that opens
 * a picture resident   in-process, into memory that is there already cold       by Mural, nothing
 * known of the file, new memory (the file is touched and the pool purged before each) reused     by
 * Mural, into a region that held another picture (the budget has room for one) huge       as cold,
 * with huge pages for shared memory (--huge-pages: sets the system's switch for each sample; needs
 * root) two        two pictures at once: in-process by two threads, and by Mural
 *
 * All are taken in turn. Every picture that Mural delivers is compared with the in-process pixels.
 */
#include "harness/bench.h"
#include "plain_decode.h"

#include <errno.h>
#include <fcntl.h>
#include <mural/mural.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS 9
#define QUICK_ROUNDS 3
#define TIMEOUT_MS 120000
#define PICTURES_MAX 16
/* From here on the time is the decoder's, not the processes'. */
#define LARGE_MEGAPIXELS 16
#define HUGE_SWITCH "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

struct kind {
	unsigned megapixels;
	char kind[16];
};

struct options {
	struct kind kind[PICTURES_MAX];
	size_t count;
	bool huge_pages;
};

/* One picture, in two copies, for two keys. */
struct picture {
	char *path[2]; /* owned */
	struct plain_size size;
	uint8_t *resident; /* the right pixels, after the first decode; owned */
};

struct run {
	struct bench *bench;
	const char *table;
	struct mural *cold, *small; /* producers of their own; small has room for one picture */
	struct mural *single;       /* has one decoder, which gets no helper */
	struct picture picture;
	bool huge_pages;
};

/* ---- the system's switch for huge pages ---- */

static char huge_before[64]; /* empty: not touched */

static bool write_huge(const char *choice)
{
	int fd = open(HUGE_SWITCH, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, choice, strlen(choice)) == (ssize_t)strlen(choice);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void restore_huge(void)
{
	if (huge_before[0])
		write_huge(huge_before);
}

static void restore_huge_and_end(int signal)
{
	restore_huge();
	_exit(128 + signal);
}

static bool prepare_huge(void)
{
	char line[128] = "";
	FILE *file = fopen(HUGE_SWITCH, "re");
	char *begin = file && fgets(line, sizeof(line), file) ? strchr(line, '[') : NULL;
	if (file)
		fclose(file);
	if (!begin || sscanf(begin, "[%63[^]]]", huge_before) != 1 || !write_huge(huge_before)) {
		huge_before[0] = '\0';
		return false;
	}
	atexit(restore_huge);
	signal(SIGINT, restore_huge_and_end);
	signal(SIGTERM, restore_huge_and_end);
	return true;
}

/* ---- in-process ---- */

static double since_ms(double start_ns)
{
	return (bench_now_ns() - start_ns) / 1e6;
}

static double decode_resident(struct run *run)
{
	double start = bench_now_ns();
	bench_must(
		plain_decode(run->picture.path[0], run->picture.resident), "decoding in-process");
	return since_ms(start);
}

static void decode_fresh_once(const char *path, size_t bytes)
{
	void *pixels =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bench_must(pixels != MAP_FAILED, "mmap");
	bench_must(plain_decode(path, pixels), "decoding in-process");
	munmap(pixels, bytes);
}

static double decode_fresh(struct run *run)
{
	double start = bench_now_ns();
	decode_fresh_once(run->picture.path[0], run->picture.size.bytes);
	return since_ms(start);
}

static void *decode_second(void *user)
{
	const struct picture *picture = user;
	decode_fresh_once(picture->path[1], picture->size.bytes);
	return NULL;
}

static double decode_fresh_twice(struct run *run)
{
	pthread_t second;
	double start = bench_now_ns();
	bench_must(pthread_create(&second, NULL, decode_second, &run->picture) == 0, "a thread");
	decode_fresh_once(run->picture.path[0], run->picture.size.bytes);
	pthread_join(second, NULL);
	return since_ms(start);
}

/* ---- by Mural ---- */

/* Other times: another key, so that nothing is known of the file. */
static void touch(const struct run *run)
{
	for (int i = 0; i < 2; i++)
		bench_must(utimensat(AT_FDCWD, run->picture.path[i], NULL, 0) == 0, "touching");
}

static void verify(struct run *run, const struct mural_view *view)
{
	const struct picture *picture = &run->picture;
	bool same = view->width == picture->size.width && view->height == picture->size.height;
	for (uint32_t y = 0; same && y < view->height; y++)
		same = memcmp((const uint8_t *)view->pixels + (size_t)y * view->stride_bytes,
			       picture->resident + (size_t)4 * y * view->width,
			       (size_t)4 * view->width) == 0;
	bench_check(run->bench, "pixels as decoded in-process", same);
}

static struct mural_bitmap *request(struct mural *mural, const char *path)
{
	const struct mural_request wanted = {
		.path = path, .priority = MURAL_PRIORITY_VISIBLE, .flags = MURAL_REQUEST_WAIT};
	struct mural_bitmap *bitmap;
	int r = mural_request(mural, &wanted, &bitmap);
	errno = -r;
	bench_must(r == 0, path);
	return bitmap;
}

static void pin(struct mural_bitmap *bitmap, struct mural_view *ret)
{
	int r = mural_bitmap_wait(bitmap, TIMEOUT_MS);
	if (r == 0)
		r = mural_bitmap_pin_wait(bitmap, TIMEOUT_MS, ret);
	errno = r < 0 ? -r : ETIMEDOUT;
	bench_must(r == 0, "a picture by Mural");
}

/* @count pictures at once, all pinned in the end. */
static double deliver(struct run *run, struct mural *mural, int count)
{
	struct mural_bitmap *bitmap[2];
	struct mural_view view[2];
	touch(run);
	double start = bench_now_ns();
	for (int i = 0; i < count; i++)
		bitmap[i] = request(mural, run->picture.path[i]);
	for (int i = 0; i < count; i++)
		pin(bitmap[i], &view[i]);
	double ms = since_ms(start);
	for (int i = 0; i < count; i++) {
		verify(run, &view[i]);
		mural_bitmap_unpin(bitmap[i]);
		mural_bitmap_unref(bitmap[i]);
	}
	return ms;
}

static double deliver_cold(struct run *run, struct mural *mural, int count)
{
	bench_must(mural_purge(mural, TIMEOUT_MS, NULL) == 0, "purge");
	return deliver(run, mural, count);
}

static double deliver_huge(struct run *run)
{
	bench_must(write_huge("advise"), HUGE_SWITCH);
	double ms = deliver_cold(run, run->cold, 1);
	bench_must(write_huge(huge_before), HUGE_SWITCH);
	return ms;
}

/* ---- all of one picture ---- */

static void open_picture(struct picture *picture, const struct kind *kind)
{
	char *path = bench_picture(kind->megapixels, kind->kind);
	for (int i = 0; i < 2; i++) {
		bench_must(asprintf(&picture->path[i], "%s/%d", bench_folder(), i) >= 0, "memory");
		bench_copy(path, picture->path[i]);
	}
	bench_must(plain_size(path, &picture->size), path);
	free(path);
	picture->resident = malloc(picture->size.bytes);
	bench_must(picture->resident != NULL, "memory for a picture");
}

static void close_picture(struct picture *picture)
{
	for (int i = 0; i < 2; i++) {
		unlink(picture->path[i]);
		free(picture->path[i]);
	}
	free(picture->resident);
}

/* @workers: decoders at once; NULL: one a core. */
static struct mural *open_mural(size_t budget_bytes, const char *workers)
{
	char budget[32];
	snprintf(budget, sizeof(budget), "%zu", budget_bytes);
	const char *const args[] = {
		"--budget", budget, workers ? "--workers" : NULL, workers, NULL};
	const struct mural_options options = {
		.flags = MURAL_OPEN_PRIVATE, .name = "bench decode", .producer_args = args};
	struct mural *mural;
	int r = mural_open(&options, &mural);
	errno = -r;
	bench_must(r == 0, "starting a producer");
	return mural;
}

static void round_of(struct run *run, const char *at, bool counts)
{
	struct bench *bench = run->bench;
	const char *table = run->table;
	double resident = decode_resident(run), cold = deliver_cold(run, run->cold, 1);
	double fresh = decode_fresh(run), reused = deliver(run, run->small, 1);
	double huge = run->huge_pages ? deliver_huge(run) : 0;
	double two_fresh = decode_fresh_twice(run), two = deliver_cold(run, run->cold, 2);
	double one = deliver_cold(run, run->single, 1);
	if (!counts)
		return;
	bench_sample(bench, table, "in-process, fresh", at, "ms", fresh);
	bench_sample(bench, table, "in-process, resident", at, "ms", resident);
	bench_sample(bench, table, "mural, cold", at, "ms", cold);
	bench_sample(bench, table, "mural, cold, one thread", at, "ms", one);
	bench_sample(bench, table, "mural, reused", at, "ms", reused);
	bench_ratio(bench, table, "cold / fresh", at, cold / fresh);
	bench_ratio(bench, table, "reused / resident", at, reused / resident);
	if (run->huge_pages) {
		bench_sample(bench, table, "mural, huge pages", at, "ms", huge);
		bench_ratio(bench, table, "huge pages / resident", at, huge / resident);
	}
	bench_sample(bench, table, "in-process, fresh, two at once", at, "ms", two_fresh);
	bench_sample(bench, table, "mural, cold, two at once", at, "ms", two);
	bench_ratio(bench, table, "cold / fresh, two at once", at, two / two_fresh);
	bench_ratio(bench, table, "throughput of two / of one thread", at, 2 * one / two);
	bench_ratio(bench, table, "one thread / several", at, one / cold);
}

/* Each with goals of its own. */
static const char *table_of(const struct kind *kind)
{
	if (kind->megapixels < LARGE_MEGAPIXELS)
		return "small";
	if (strcmp(kind->kind, "png") == 0)
		return "png";
	return strcmp(kind->kind, "restart") == 0 ? "restart" : "jpeg";
}

static void measure(struct bench *bench, const struct kind *kind, bool huge_pages)
{
	char at[64];
	struct run run = {.bench = bench, .table = table_of(kind), .huge_pages = huge_pages};
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	open_picture(&run.picture, kind);
	/* Room for one and a half: each new picture takes the place of the one before. */
	run.small = open_mural(run.picture.size.bytes * 3 / 2 + (4u << 20), NULL);
	run.cold = open_mural(run.picture.size.bytes * 4 + (64u << 20), NULL);
	run.single = open_mural(run.picture.size.bytes * 4 + (64u << 20), "1");
	snprintf(at, sizeof(at), "%u MP %s", kind->megapixels, kind->kind);
	round_of(&run, at, false);
	for (unsigned i = 0; i < rounds; i++)
		round_of(&run, at, true);
	struct mural_stats stats;
	bench_must(mural_stat(run.small, TIMEOUT_MS, &stats) == 0, "stat");
	bench_note(bench, "%s: %llu of %llu decodes of \"reused\" took a region that was there", at,
		(unsigned long long)stats.reuses, (unsigned long long)stats.decodes);
	mural_close(run.small);
	mural_close(run.cold);
	mural_close(run.single);
	close_picture(&run.picture);
}

/* ---- options ---- */

static const struct kind quick_kinds[] = {
	{24, "jpeg"}, {24, "restart"}, {24, "png"}, {4, "progressive"}, {1, "jpeg"}};
static const struct kind all_kinds[] = {{1, "jpeg"}, {1, "progressive"}, {1, "png"}, {24, "jpeg"},
	{24, "q95"}, {24, "restart"}, {24, "progressive"}, {24, "png"}, {100, "jpeg"}};

static error_t parse(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;
	if (key == 'H') {
		options->huge_pages = true;
		return 0;
	}
	if (key != 'p')
		return ARGP_ERR_UNKNOWN;
	struct kind kind;
	if (options->count == PICTURES_MAX ||
		sscanf(text, "%15[a-z0-9]:%u", kind.kind, &kind.megapixels) != 2)
		argp_error(state, "--picture: '%s' is not KIND:MEGAPIXELS", text);
	options->kind[options->count++] = kind;
	return 0;
}

static void set_goals(struct bench *bench)
{
	const struct {
		const char *table;
		double cold, two;
	} large[] = {{"jpeg", 0.80, 0.95}, {"restart", 0.80, 0.95}, {"png", 0.45, 0.70}};
	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
		const char *table = large[i].table;
		bench_goal(bench, table, "cold / fresh", BENCH_AT_MOST, large[i].cold);
		bench_goal(bench, table, "cold / fresh, two at once", BENCH_AT_MOST, large[i].two);
		bench_goal(bench, table, "reused / resident", BENCH_AT_MOST, 1.05);
		bench_goal(bench, table, "huge pages / resident", BENCH_AT_MOST, 1.05);
		bench_goal(bench, table, "throughput of two / of one thread", BENCH_AT_LEAST, 1.8);
	}
	bench_goal(bench, "restart", "one thread / several", BENCH_AT_LEAST, 1.6);
	bench_better(bench, "jpeg", "one thread / several", BENCH_AT_LEAST);
	bench_better(bench, "png", "one thread / several", BENCH_AT_LEAST);
	bench_better(bench, "small", "one thread / several", BENCH_AT_LEAST);
	bench_better(bench, "small", "throughput of two / of one thread", BENCH_AT_LEAST);
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"picture", 'p', "KIND:MP", 0,
			"Only this picture (jpeg:24, progressive:24, q95, restart, png …); may be "
			"repeated",
			0},
		{"huge-pages", 'H', NULL, 0,
			"Also with shmem_enabled set to advise, for each sample (root)", 0},
		{0}};
	const struct argp own = {list, parse, NULL, NULL, NULL, NULL, NULL};
	struct options options = {.count = 0};
	struct bench *bench =
		bench_begin("decode", "Decoding into shared memory, beside decoding in-process.",
			&own, &options, argc, argv);
	bench_folder();
	if (options.huge_pages && !prepare_huge())
		bench_skip(bench, "--huge-pages: cannot write " HUGE_SWITCH);
	set_goals(bench);
	const struct kind *kinds = options.count        ? options.kind
				   : bench_quick(bench) ? quick_kinds
							: all_kinds;
	size_t count = options.count        ? options.count
		       : bench_quick(bench) ? sizeof(quick_kinds) / sizeof(*quick_kinds)
					    : sizeof(all_kinds) / sizeof(*all_kinds);
	for (size_t i = 0; i < count; i++)
		measure(bench, &kinds[i], options.huge_pages);
	return bench_end(bench);
}
