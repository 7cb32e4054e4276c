/* What bad input gets: an error that names the file and the reason, exit status 1, and the pictures
 * beside it all the same. */
#include "run.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char *folder;

static void begin(void)
{
	folder = test_folder_create();
}

static void end(void)
{
	test_folder_remove(folder);
}

TestSuite(bad_input, .init = begin, .fini = end, .timeout = 120);

/* Runs `mural cat FILE` and expects nothing on standard output and one line: "mural: FILE: REASON".
 */
static void expect_reason(const char *file, const char *reason)
{
	struct run run = run_mural("cat", file);
	CLEANUP(free_p) char *expected = NULL;
	cr_assert(asprintf(&expected, "mural: %s: %s\n", file, reason) > 0);
	cr_expect_eq(run.status, 1, "%s: exit status %d", file, run.status);
	cr_expect_eq(run.out_size, 0, "%s: %zu bytes written", file, run.out_size);
	cr_expect_str_eq(run.err, expected, "it said: %s", run.err);
	run_fini(&run);
}

static char *written(const char *name, const void *data, size_t size)
{
	char *path = test_path(folder, name);
	test_write_file(path, data, size);
	return path;
}

/* The first @share of a hundred of an asset. */
static char *cut(const char *asset, size_t share)
{
	size_t size;
	CLEANUP(free_p) char *data = test_read_file(test_source_path(asset), &size);
	return written("cut", data, size * share / 100);
}

Test(bad_input, a_missing_file)
{
	CLEANUP(free_p) char *path = test_path(folder, "missing.jpg");
	expect_reason(path, "No such file or directory");
}

Test(bad_input, an_empty_file)
{
	CLEANUP(free_p) char *path = written("empty.jpg", "", 0);
	expect_reason(path, "the file is empty");
}

Test(bad_input, not_an_image)
{
	static const char text[] = "#!/bin/sh\necho this is no picture, whatever its name\n";
	CLEANUP(free_p) char *path = written("text.jpg", text, sizeof(text) - 1);
	expect_reason(path, "not a picture that can be decoded");
}

Test(bad_input, one_byte)
{
	CLEANUP(free_p) char *path = written("one.png", "\x89", 1);
	expect_reason(path, "not a picture that can be decoded");
}

Test(bad_input, a_folder)
{
	expect_reason(folder, "a folder, not a picture");
}

Test(bad_input, a_fifo_without_a_writer)
{
	CLEANUP(free_p) char *path = test_path(folder, "fifo");
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_reason(path, "not a regular file");
}

Test(bad_input, a_device)
{
	expect_reason("/dev/zero", "not a regular file");
}

/* Else a name could clear the terminal, or pretend to be another message. */
Test(bad_input, a_name_with_control_characters)
{
	CLEANUP(free_p) char *path = written("a\nb\033[2J\x7f.jpg", "x", 1);
	const char *const words[] = {"cat", path, NULL};
	struct run run = run_mural_in(-1, words);
	cr_expect_eq(run.status, 1);
	cr_expect(strstr(run.err, "/a?b?[2J?.jpg: not a picture"), "it said: %s", run.err);
	run_fini(&run);
}

/* Its reason is what one reads the line for. */
Test(bad_input, a_long_path)
{
	char path[4000];
	memset(path, 'x', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 200)
		path[i] = '/';
	path[sizeof(path) - 1] = '\0';
	expect_reason(path, "No such file or directory");
}

Test(bad_input, standard_input_that_is_closed)
{
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	const char *const argv[] = {"/bin/sh", "-c", "exec \"$0\" cat - <&-", program, NULL};
	struct test_process process;
	cr_expect_eq(test_process_run(&process, -1, argv), 1);
	CLEANUP(free_p) char *err = test_process_err(&process, NULL);
	test_process_fini(&process);
	cr_expect_str_eq(err, "mural: -: closed, or open for writing alone\n");
}

Test(bad_input, an_empty_pipe)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[1]);
	const char *const words[] = {"cat", "-", NULL};
	struct run run = run_mural_in(ends[0], words);
	cr_expect_eq(run.status, 1);
	cr_expect_str_eq(run.err, "mural: -: the file is empty\n");
	run_fini(&run);
}

/* Root may read everything: then the test, and the folder, become another user's. */
Test(bad_input, a_file_without_permission)
{
	if (geteuid() == 0) {
		test_folder_remove(folder);
		cr_assert(setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
			  setresuid(65534, 65534, 65534) == 0);
		folder = test_folder_create();
		if (access(test_program("mural"), X_OK) < 0)
			cr_skip("the build folder is not open to another user");
	}
	CLEANUP(free_p) char *path = written("secret.jpg", "x", 1);
	cr_assert_eq(chmod(path, 0), 0);
	expect_reason(path, "Permission denied");
}

struct cut_case {
	char asset[64];
	char reason[64];
};

ParameterizedTestParameters(bad_input, cut_short)
{
	static struct cut_case cases[] = {
		{"assets/formats/jpeg-420.jpg", "the JPEG ends early"},
		{"assets/formats/jpeg-progressive-420.jpg", "the JPEG ends early"},
		{"assets/formats/png-rgb8.png", "the PNG ends early"},
		{"assets/formats/png-rgb8-interlaced.png", "the PNG ends early"},
	};
	return cr_make_param_array(struct cut_case, cases, ARRAY_SIZE(cases));
}

ParameterizedTest(struct cut_case *c, bad_input, cut_short, .timeout = 120)
{
	CLEANUP(free_p) char *path = cut(c->asset, 60);
	expect_reason(path, c->reason);
}

Test(bad_input, cut_short_and_asked_for)
{
	CLEANUP(free_p) char *path = cut("assets/formats/jpeg-420.jpg", 60);
	CLEANUP(free_p) char *expected = NULL;
	cr_assert(asprintf(&expected, "mural: %s: incomplete: what is missing was filled in\n",
			  path) > 0);
	struct run run = run_mural("cat", "--partial", path);
	cr_expect_eq(run.status, 0);
	cr_expect_gt(run.out_size, 0);
	cr_expect_str_eq(run.err, expected, "it said: %s", run.err);
	run_fini(&run);
}

Test(bad_input, a_preview_of_a_picture_that_has_none)
{
	struct run run =
		run_mural("cat", "--preview", test_source_path("assets/formats/jpeg-420.jpg"));
	cr_expect_neq(run.status, 0);
	cr_expect_eq(run.out_size, 0);
	cr_expect_not_null(strstr(run.err, "no preview"), "it said: %s", run.err);
	run_fini(&run);
}

/* The sizes are in the header of a PNG that is otherwise whole, with the right checksum. */
Test(bad_input, a_png_that_claims_ten_thousand_million_pixels)
{
	static const unsigned char png[] =
		"\x89PNG\r\n\x1a\n"
		"\0\0\0\x0dIHDR"
		"\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0\x27\x30\x9c\x9f"
		"\0\0\0\0IEND\xae\x42\x60\x82";
	CLEANUP(free_p) char *path = written("bomb.png", png, sizeof(png) - 1);
	expect_reason(path, "100000 x 100000 pixels: a side is over 65535");
}

/* Which words say so is libpng's affair. */
Test(bad_input, a_bit_that_fell_over)
{
	size_t size;
	CLEANUP(free_p)
	char *data = test_read_file(test_source_path("assets/formats/png-rgb8.png"), &size);
	data[size / 2] ^= 0x10;
	CLEANUP(free_p) char *path = written("corrupt.png", data, size);
	CLEANUP(free_p) char *start = NULL;
	cr_assert(asprintf(&start, "mural: %s: ", path) > 0);
	struct run run = run_mural("cat", path);
	cr_expect_eq(run.status, 1);
	cr_expect_eq(run.out_size, 0);
	cr_expect_eq(strncmp(run.err, start, strlen(start)), 0, "it said: %s", run.err);
	run_fini(&run);
}

Test(bad_input, more_pixels_than_the_producer_takes)
{
	static const char *const args[] = {"--max-pixels", "1000", NULL};
	struct test_process producer;
	test_producer_start(&producer, folder, args);
	CLEANUP(free_p) char *path = strdup(test_source_path("assets/formats/png-rgb8.png"));
	CLEANUP(free_p) char *small = strdup(test_source_path("assets/formats/png-7x5-grey16.png"));
	struct run run = run_mural("cat", path);
	cr_expect_eq(run.status, 1);
	cr_expect(strstr(run.err, " pixels: over the limit of 1000\n"), "it said: %s", run.err);
	struct run good = run_mural("cat", small);
	cr_expect_eq(good.status, 0, "it said: %s", good.err);
	run_fini(&run);
	run_fini(&good);
	test_process_fini(&producer);
}

Test(bad_input, the_others_are_shown_all_the_same)
{
	CLEANUP(free_p) char *good = strdup(test_source_path("assets/formats/png-rgb8.png"));
	CLEANUP(free_p) char *bad = written("bad", "no picture", 10);
	struct run alone = run_mural("cat", good);
	struct run mixed = run_mural("cat", good, bad, "/nowhere", good);
	cr_expect_eq(alone.status, 0, "%s", alone.err);
	cr_expect_eq(mixed.status, 1);
	cr_expect_eq(mixed.out_size, 2 * alone.out_size);
	cr_expect(memcmp(mixed.out, alone.out, alone.out_size) == 0);
	cr_expect(memcmp(mixed.out + alone.out_size, alone.out, alone.out_size) == 0);
	run_fini(&alone);
	run_fini(&mixed);
}
