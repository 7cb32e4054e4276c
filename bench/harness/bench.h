/* harness/bench.h - what every benchmark shares: options, samples, ratios of pairs, the report.
 *
 *   int main(int argc, char **argv)
 *   {
 *           struct bench *bench = bench_begin("pin", "What a pin costs.", NULL, NULL, argc, argv);
 *           const struct bench_side sides[] = {{"getppid", step_getppid, NULL},
 *                   {"pin + unpin", step_pin, bitmap}};
 *           bench_compare(bench, "threads", "1", "ns", sides, 2);
 *           bench_goal(bench, "threads", "pin + unpin", BENCH_AT_MOST, 0.3);
 *           return bench_end(bench);
 *   }
 *
 * A *table* is what one plot shows; a *series* one line or bar of it; *at* where on the horizontal
 * axis (a number as text, or a name). A *ratio* compares two measurements that were taken one right
 * after the other (A B A B), since machines drift; what is printed is the median of the ratios.
 * Everything prints in the order of its first sample.
 *
 * What makes a benchmark meaningless (no memory, a failed system call: bench_must) ends the program
 * with a message and status 1. One thread. Names are copied, and hold no tabs or line ends. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench; /* one run of one program; opaque */

/* Parses the command line: --quick, --json FILE, --rounds N, and the options of @own (NULL: none;
 * its parser gets @own_input). @name is what the results are filed under. */
struct bench *bench_begin(const char *name, const char *doc, const struct argp *own,
	void *own_input, int argc, char **argv);

/* Prints the tables, writes the JSON file when one was asked for, frees all. The program's exit
 * status: 1 when a check failed. */
int bench_end(struct bench *bench);

/* Fewer rounds, smaller pictures: the whole bench in two minutes. */
bool bench_quick(const struct bench *bench);

/* Samples a comparison takes: --rounds, else @full, or @quick with --quick. */
unsigned bench_rounds(const struct bench *bench, unsigned full, unsigned quick);

/* ---- results ---- */

/* One raw sample. @unit: "ns", "us", "ms", "MiB", "1/s" … */
void bench_sample(struct bench *bench, const char *table, const char *series, const char *at,
	const char *unit, double value);

/* One pair's ratio: @name is what is compared with what ("mural / memcpy"). */
void bench_ratio(
	struct bench *bench, const char *table, const char *name, const char *at, double ratio);

/* What the places of @table are, with their unit ("size, MiB"): the plot's horizontal axis. */
void bench_axis(struct bench *bench, const char *table, const char *label);

enum bench_direction { BENCH_AT_MOST, BENCH_AT_LEAST };

/* What the ratios of that name are to reach, at any place; it also says which way is better. */
void bench_goal(struct bench *bench, const char *table, const char *name,
	enum bench_direction direction, double goal);
/* The same at one place alone, where it goes before a goal for any place. */
void bench_goal_at(struct bench *bench, const char *table, const char *name, const char *at,
	enum bench_direction direction, double goal);
/* Which way is better where no goal is set: less, unless this says that it is more. */
void bench_better(
	struct bench *bench, const char *table, const char *name, enum bench_direction direction);

/* Whether what was measured was right: pixels equal, what was purged reads zero. Counted by name;
 * one failure fails the run. */
void bench_check(struct bench *bench, const char *what, bool ok);

/* A line for the reader, printed with the tables and kept in the JSON. */
void bench_note(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The program cannot run here (no such peer, no huge pages): prints why, exits with 77. */
_Noreturn void bench_skip(struct bench *bench, const char *why);

/* Ends the program unless @ok; says what failed, and errno's text. */
void bench_must(bool ok, const char *what);

/* ---- measuring ---- */

struct bench_side {
	const char *series;
	/* Does it once and gives what it cost, in the table's unit. Negative: it failed, which ends
	 * the program. */
	double (*measure)(void *user);
	void *user;
};

/* Measures the sides in turn (A B C A B C …), @rounds times after one round that is thrown away.
 * Adds every sample, and for each side but the first the ratio "SERIES / FIRST". */
void bench_compare(struct bench *bench, const char *table, const char *at, const char *unit,
	const struct bench_side *sides, size_t count, unsigned rounds);

/* Wall time and this thread's CPU time, ns. */
double bench_now_ns(void);
double bench_cpu_ns(void);

/* ---- a few samples by hand ---- */

struct bench_samples {
	double *value; /* owned */
	size_t count, capacity;
};

void bench_samples_add(struct bench_samples *samples, double value);
/* @part 0.5 is the median; between two samples, a value between them. 0 when there are none. */
double bench_samples_quantile(const struct bench_samples *samples, double part);
/* Of fewer than 100 samples a p99 would be the maximum under another name. */
bool bench_samples_have_p99(const struct bench_samples *samples);
void bench_samples_fini(struct bench_samples *samples);

/* ---- what benchmarks work on ---- */

/* The path of a generated picture ("jpeg", "progressive", "q95", "restart", "grey", "png": the
 * kinds of assets/large.h), made when it is not there yet, in $BENCH_PICTURES or the build folder.
 * The caller frees it. */
char *bench_picture(unsigned megapixels, const char *kind);

/* A folder of its own: MURAL_SOCKET, XDG_RUNTIME_DIR and MURAL_PRODUCER point into it, so that
 * every mural_open and every program started from here meets a producer of this build that nobody
 * else uses. Removed at exit, its producer stopped; not by a child made by fork. */
const char *bench_folder(void);

/* Copies a file: another inode, and so another picture to a cache. */
void bench_copy(const char *from, const char *to);

/* The path of a program of this build; the caller frees it. */
char *bench_program(const char *name);

#endif
