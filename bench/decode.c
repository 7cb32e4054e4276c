/* Decode and deliver: from a request to pinned pixels, beside the same libraries called in-process.
 *
 *   fresh     in-process, into new memory: every page is faulted, as in a program that opens a
 *             picture
 *   resident  in-process, into memory that is there already
 *   cold      by Mural, nothing known of the file, new memory (the file is touched and the pool
 *             purged before each)
 *   reused    by Mural, into a region that held another picture (the budget has room for no more)
 *   huge      as cold, with huge pages for shared memory (--huge-pages: sets the system's switch
 *             for each sample; needs root)
 *
 * Each of one picture, and of two at once: in-process by two threads, and by Mural. What is decoded
 * is given back, in-process and by Mural, after the clock has been read. All are taken in turn.
 * Every picture that Mural delivers is compared with the in-process pixels.
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
#define PICTURES_MAX 32
/* From here on the time is the decoder's, not the processes'. */
#define LARGE_MEGAPIXELS 16
#define TWO ", two at once"
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
	uint8_t *resident[2]; /* the right pixels; owned */
};

struct run {
	struct bench *bench;
	const char *table;
	/* Producers of their own. */
	struct mural *cold;
	struct mural *small[2]; /* has room for one picture, for two */
	struct mural *huge;     /* was started with huge pages: a producer looks once; NULL: none */
	struct mural *single;   /* has one decoder, which gets no helper */
	struct picture picture;
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
	signal(SIGHUP, restore_huge_and_end);
	return true;
}

/* ---- in-process ---- */

static double since_ms(double start_ns)
{
	return (bench_now_ns() - start_ns) / 1e6;
}

struct plain_job {
	const char *path;
	uint8_t *pixels;
};

static void *plain_run(void *user)
{
	const struct plain_job *job = user;
	bench_must(plain_decode(job->path, job->pixels), "decoding in-process");
	return NULL;
}

/* @count pictures at once, a thread each. */
static double decode(const struct run *run, uint8_t *const pixels[2], int count)
{
	struct plain_job job[2];
	pthread_t second;
	for (int i = 0; i < count; i++)
		job[i] = (struct plain_job){run->picture.path[i], pixels[i]};
	double start = bench_now_ns();
	if (count == 2)
		bench_must(pthread_create(&second, NULL, plain_run, &job[1]) == 0, "a thread");
	plain_run(&job[0]);
	if (count == 2)
		pthread_join(second, NULL);
	return since_ms(start);
}

static double decode_fresh(const struct run *run, int count)
{
	const size_t bytes = run->picture.size.bytes;
	uint8_t *pixels[2];
	for (int i = 0; i < count; i++) {
		pixels[i] = mmap(
			NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		bench_must(pixels[i] != MAP_FAILED, "mmap");
	}
	double ms = decode(run, pixels, count);
	for (int i = 0; i < count; i++)
		munmap(pixels[i], bytes);
	return ms;
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
			       picture->resident[0] + (size_t)4 * y * view->width,
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

static double deliver_huge(struct run *run, int count)
{
	bench_must(write_huge("advise"), HUGE_SWITCH);
	double ms = deliver_cold(run, run->huge, count);
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
	for (int i = 0; i < 2; i++) {
		picture->resident[i] = malloc(picture->size.bytes);
		bench_must(picture->resident[i] != NULL, "memory for a picture");
		bench_must(plain_decode(picture->path[i], picture->resident[i]),
			"decoding in-process");
	}
}

static void close_picture(struct picture *picture)
{
	for (int i = 0; i < 2; i++) {
		unlink(picture->path[i]);
		free(picture->path[i]);
		free(picture->resident[i]);
	}
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

static struct mural *open_huge(size_t budget_bytes)
{
	bench_must(write_huge("advise"), HUGE_SWITCH);
	struct mural *mural = open_mural(budget_bytes, NULL);
	bench_must(write_huge(huge_before), HUGE_SWITCH);
	return mural;
}

/* One round's milliseconds, of one picture and of two at once. */
struct times {
	double fresh, resident, cold, reused, huge;
};

/* What is compared is taken one right after the other. */
static struct times take_times(struct run *run, int count)
{
	struct times times = {0};
	times.fresh = decode_fresh(run, count);
	times.cold = deliver_cold(run, run->cold, count);
	times.resident = decode(run, run->picture.resident, count);
	times.reused = deliver(run, run->small[count - 1], count);
	if (run->huge)
		times.huge = deliver_huge(run, count);
	return times;
}

static void add_sample(
	struct run *run, const char *series, const char *how, const char *at, double ms)
{
	char name[80];
	snprintf(name, sizeof(name), "%s%s", series, how);
	bench_sample(run->bench, run->table, name, at, "ms", ms);
}

static void add_ratio(
	struct run *run, const char *ratio, const char *how, const char *at, double value)
{
	char name[80];
	snprintf(name, sizeof(name), "%s%s", ratio, how);
	bench_ratio(run->bench, run->table, name, at, value);
}

static void add_times(struct run *run, const struct times *times, const char *how, const char *at)
{
	add_sample(run, "in-process, fresh", how, at, times->fresh);
	add_sample(run, "in-process, resident", how, at, times->resident);
	add_sample(run, "mural, cold", how, at, times->cold);
	add_sample(run, "mural, reused", how, at, times->reused);
	add_ratio(run, "cold / fresh", how, at, times->cold / times->fresh);
	add_ratio(run, "cold / resident", how, at, times->cold / times->resident);
	add_ratio(run, "reused / resident", how, at, times->reused / times->resident);
	if (!run->huge)
		return;
	add_sample(run, "mural, huge pages", how, at, times->huge);
	add_ratio(run, "huge pages / resident", how, at, times->huge / times->resident);
}

static void round_of(struct run *run, const char *at, bool counts)
{
	struct times one = take_times(run, 1), two = take_times(run, 2);
	double one_thread = deliver_cold(run, run->single, 1);
	if (!counts)
		return;
	add_times(run, &one, "", at);
	add_times(run, &two, TWO, at);
	add_sample(run, "mural, cold, one thread", "", at, one_thread);
	add_ratio(run, "throughput of two / of one thread", "", at, 2 * one_thread / two.cold);
	add_ratio(run, "one thread / several", "", at, one_thread / one.cold);
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

static void note_reuse(struct run *run, const char *at, int count)
{
	struct mural_stats stats;
	bench_must(mural_stat(run->small[count - 1], TIMEOUT_MS, &stats) == 0, "stat");
	bench_note(run->bench,
		"%s: %llu of %llu decodes of \"reused%s\" took a region that was there", at,
		(unsigned long long)stats.reuses, (unsigned long long)stats.decodes,
		count == 2 ? TWO : "");
}

static void measure(struct bench *bench, const struct kind *kind, bool huge_pages)
{
	char at[64];
	struct run run = {.bench = bench, .table = table_of(kind)};
	unsigned rounds = bench_rounds(bench, ROUNDS, QUICK_ROUNDS);
	open_picture(&run.picture, kind);
	const size_t bytes = run.picture.size.bytes;
	/* Room for half a picture more: each new one takes the place of one before. */
	for (size_t i = 0; i < 2; i++)
		run.small[i] = open_mural(bytes * (i + 1) + bytes / 2 + (4u << 20), NULL);
	run.cold = open_mural(bytes * 4 + (64u << 20), NULL);
	run.huge = huge_pages ? open_huge(bytes * 4 + (64u << 20)) : NULL;
	run.single = open_mural(bytes * 4 + (64u << 20), "1");
	snprintf(at, sizeof(at), "%u MP %s", kind->megapixels, kind->kind);
	round_of(&run, at, false);
	for (unsigned i = 0; i < rounds; i++)
		round_of(&run, at, true);
	for (int i = 0; i < 2; i++) {
		note_reuse(&run, at, i + 1);
		mural_close(run.small[i]);
	}
	mural_close(run.cold);
	mural_close(run.huge);
	mural_close(run.single);
	close_picture(&run.picture);
}

/* ---- options ---- */

static const struct kind quick_kinds[] = {
	{24, "jpeg"}, {24, "restart"}, {24, "png"}, {4, "progressive"}, {1, "jpeg"}};
static const char *const all_kinds[] = {"jpeg", "q95", "restart", "progressive", "png"};
static const unsigned all_megapixels[] = {1, 4, 24, 100};

static void choose_kinds(struct bench *bench, struct options *options)
{
	const size_t kinds = sizeof(all_kinds) / sizeof(*all_kinds);
	if (options->count > 0)
		return;
	if (bench_quick(bench)) {
		options->count = sizeof(quick_kinds) / sizeof(*quick_kinds);
		memcpy(options->kind, quick_kinds, sizeof(quick_kinds));
		return;
	}
	for (size_t i = 0; i < kinds * sizeof(all_megapixels) / sizeof(*all_megapixels); i++) {
		struct kind *kind = &options->kind[options->count++];
		kind->megapixels = all_megapixels[i / kinds];
		snprintf(kind->kind, sizeof(kind->kind), "%s", all_kinds[i % kinds]);
	}
}

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
	/* Cold is compared with the libraries into fresh memory, PNGs as well: neither has any that
	 * is there. What is reused or huge is compared with memory that is, a core being free. */
	const struct {
		const char *table;
		double cold, two;
	} large[] = {{"jpeg", 0.80, 0.95}, {"restart", 0.80, 0.95}, {"png", 0.45, 0.70}};
	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
		const char *table = large[i].table;
		bench_goal(bench, table, "cold / fresh", BENCH_AT_MOST, large[i].cold);
		bench_goal(bench, table, "cold / fresh" TWO, BENCH_AT_MOST, large[i].two);
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
			"Also with shmem_enabled set to advise, for each sample, and back (root)",
			0},
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
	choose_kinds(bench, &options);
	for (size_t i = 0; i < options.count; i++)
		measure(bench, &options.kind[i], options.huge_pages);
	return bench_end(bench);
}
