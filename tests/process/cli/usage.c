/* Words that `mural` does not understand, what it says of itself, and output that cannot be
 * written. */
#include "run.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static char *folder;

static void begin(void)
{
	folder = test_folder_create();
}

static void end(void)
{
	test_folder_remove(folder);
}

TestSuite(usage, .init = begin, .fini = end, .timeout = 120);

struct usage_case {
	char words[4][24];
	char says[80]; /* part of what it says */
};

ParameterizedTestParameters(usage, wrong_words)
{
	static struct usage_case cases[] = {
		{{"show"}, "no command \"show\""},
		{{"--frobnicate"}, "unrecognized option"},
		{{"cat"}, "no file named"},
		{{"cat", "--size", "0", "x"}, "not a size in pixels: 0"},
		{{"cat", "--size", "12x", "x"}, "not a size in pixels: 12x"},
		{{"cat", "--size", "x12", "x"}, "not a size in pixels: x12"},
		{{"cat", "--size", "-3", "x"}, "not a size in pixels: -3"},
		{{"cat", "--size", "65536", "x"}, "not a size in pixels: 65536"},
		{{"cat", "--format", "gif", "x"}, "not pam, png or raw: gif"},
		{{"cat", "--pixel-format=rgb565", "x"}, "--pixel-format needs --format raw"},
		{{"stat", "surplus"}, "Too many arguments"},
		{{"purge", "surplus"}, "Too many arguments"},
		{{"trim"}, "no size given"},
		{{"trim", "lots"}, "not a size: lots"},
		{{"trim", "1M", "2M"}, "more than one size"},
		{{"top", "-n", "0"}, "not a count: 0"},
		{{"top", "-n", "1.5"}, "not a count: 1.5"},
		{{"top", "-d", "nan"}, "not a number of seconds"},
	};
	return cr_make_param_array(struct usage_case, cases, ARRAY_SIZE(cases));
}

ParameterizedTest(struct usage_case *c, usage, wrong_words, .timeout = 120)
{
	const char *words[5] = {0};
	for (size_t i = 0; i < 4 && c->words[i][0]; i++)
		words[i] = c->words[i];
	struct run run = run_mural_in(-1, words);
	cr_expect_eq(run.status, 2, "%s: exit status %d", c->says, run.status);
	cr_expect_eq(run.out_size, 0);
	cr_expect(strstr(run.err, c->says), "it said: %s", run.err);
	cr_expect_eq(test_producer_pid(folder), 0, "a producer was started");
	run_fini(&run);
}

Test(usage, no_word_at_all)
{
	const char *const none[] = {NULL};
	struct run run = run_mural_in(-1, none);
	cr_expect_eq(run.status, 2);
	cr_expect(strstr(run.err, "Usage: "), "it said: %s", run.err);
	run_fini(&run);
}

Test(usage, version_is_told)
{
	struct run run = run_mural("--version");
	cr_expect_eq(run.status, 0);
	cr_expect_str_eq(run.out, "mural " MURAL_VERSION "\n", "it said: %s", run.out);
	run_fini(&run);
}

Test(usage, every_command_explains_itself)
{
	static const char *const commands[] = {"cat", "stat", "top", "purge", "trim", "doctor"};
	struct run list = run_mural("--help");
	cr_expect_eq(list.status, 0);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		CLEANUP(free_p) char *name = NULL;
		cr_assert(asprintf(&name, "Usage: mural %s", commands[i]) > 0);
		struct run run = run_mural(commands[i], "--help");
		cr_expect_eq(run.status, 0);
		cr_expect(strstr(run.out, name), "it said: %s", run.out);
		cr_expect(strstr(list.out, commands[i]), "not in the list: %s", commands[i]);
		run_fini(&run);
	}
	run_fini(&list);
}

/* The exit status of a program with @out, which is taken, as standard output. */
static int run_into(int out, const char *const argv[], char **ret_err)
{
	struct test_process process;
	test_process_start_to(&process, -1, out, argv);
	bool ended = test_process_wait(&process, TEST_TIMEOUT_MS);
	*ret_err = test_process_err(&process, NULL);
	int status = process.status;
	test_process_fini(&process);
	return ended && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The exit status of `mural cat` on a picture. */
static int cat_into(int out, char **ret_err)
{
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	CLEANUP(free_p) char *file = strdup(test_source_path("assets/formats/png-rgb8.png"));
	return run_into(out, (const char *const[]){program, "cat", file, file, NULL}, ret_err);
}

struct full_case {
	char program[16], words[3][16];
};

ParameterizedTestParameters(usage, a_full_disk_is_no_success)
{
	static struct full_case cases[] = {
		{"mural", {"--help"}},
		{"mural", {"--usage"}},
		{"mural", {"--version"}},
		{"mural", {"cat", "--help"}},
		{"mural", {"stat"}},
		{"mural", {"stat", "--json"}},
		{"mural", {"top", "-n", "1"}},
		{"mural", {"purge"}},
		{"mural", {"trim", "1M"}},
		{"mural", {"doctor"}},
		{"mural", {"doctor", "--json"}},
		{"mural-viewer", {"--help"}},
		{"mural-viewer", {"--list-keys"}},
		{"mural-producer", {"--help"}},
		{"mural-producer", {"--version"}},
	};
	return cr_make_param_array(struct full_case, cases, ARRAY_SIZE(cases));
}

ParameterizedTest(struct full_case *c, usage, a_full_disk_is_no_success, .timeout = 120)
{
	CLEANUP(free_p) char *program = strdup(test_program(c->program));
	CLEANUP(free_p) char *wanted = NULL;
	CLEANUP(free_p) char *err = NULL;
	const char *argv[5] = {program};
	for (size_t i = 0; i < 3 && c->words[i][0]; i++)
		argv[i + 1] = c->words[i];
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (full < 0)
		cr_skip("no /dev/full here");
	if (access(program, X_OK) < 0)
		cr_skip("not built");
	struct test_process producer;
	test_producer_start(&producer, folder, NULL);
	int status = run_into(full, argv, &err);
	cr_assert(asprintf(&wanted, "%s: standard output: No space left on device\n", c->program) >
		  0);
	cr_expect_eq(status, 1, "%s %s: exit status %d", c->program, c->words[0], status);
	cr_expect_str_eq(err, wanted, "%s %s said: %s", c->program, c->words[0], err);
	test_process_fini(&producer);
}

/* What a shell makes of "*" may be anything. */
Test(usage, a_terminal_is_not_made_to_obey_a_name)
{
	static const char *const names[] = {"\xc2\x9b"
					    "2J.jpg",
		"\x9b"
		"2J.jpg",
		"--\x1b[2J.jpg",
		"--\xc2\x9b"
		"2J.jpg"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct run run = run_mural("cat", names[i]);
		cr_expect_neq(run.status, 0);
		cr_expect(strstr(run.err, "?2J.jpg") || strstr(run.err, "?[2J.jpg"), "%s", run.err);
		for (const char *c = run.err; *c; c++)
			cr_expect(*c == '\n' || (*c >= ' ' && *c <= '~'), "it said 0x%02x",
				(unsigned char)*c);
		run_fini(&run);
	}
}

Test(usage, a_full_disk)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	CLEANUP(free_p) char *err = NULL;
	if (full < 0)
		cr_skip("no /dev/full here");
	cr_expect_eq(cat_into(full, &err), 1);
	cr_expect_str_eq(err, "mural: standard output: No space left on device\n");
}

/* Else the connection to the producer has its number, and gets the picture. */
Test(usage, standard_output_is_closed)
{
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	CLEANUP(free_p) char *file = strdup(test_source_path("assets/formats/png-rgb8.png"));
	const char *const argv[] = {
		"/bin/sh", "-c", "exec \"$0\" cat \"$1\" <&- >&-", program, file, NULL};
	struct test_process process;
	cr_expect_eq(test_process_run(&process, -1, argv), 1);
	CLEANUP(free_p) char *err = test_process_err(&process, NULL);
	test_process_fini(&process);
	cr_expect_str_eq(err, "mural: standard output: Bad file descriptor\n");
}

Test(usage, a_reader_that_has_gone)
{
	int ends[2];
	CLEANUP(free_p) char *err = NULL;
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	cr_expect_eq(cat_into(ends[1], &err), 1);
	cr_expect_str_eq(err, "");
}
