/* Standard input that can be read at any place: what is kept, and what is too much. */
#include "input.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#define TEXT "a picture"

/* The reading end of a pipe that holds TEXT and ends. */
static int filled_pipe(void)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_assert_eq(write(ends[1], TEXT, strlen(TEXT)), (ssize_t)strlen(TEXT));
	close(ends[1]);
	return ends[0];
}

static void expect_text(int fd)
{
	char got[64] = "";
	for (int again = 0; again < 2; again++)
		cr_expect_eq(pread(fd, got, sizeof(got), 0), (ssize_t)strlen(TEXT));
	cr_expect_str_eq(got, TEXT);
}

Test(input, a_pipe_is_kept)
{
	CLEANUP(close_p) int from = filled_pipe();
	CLEANUP(close_p) int fd = -1;
	cr_assert_eq(input_open(from, strlen(TEXT), &fd), 0);
	expect_text(fd);
}

Test(input, too_much_is_refused)
{
	CLEANUP(close_p) int from = filled_pipe();
	int fd = -1;
	cr_expect_eq(input_open(from, strlen(TEXT) - 1, &fd), -EFBIG);
	cr_expect_eq(fd, -1, "an output was touched on failure");
}

Test(input, a_file_is_taken_as_it_is)
{
	CLEANUP(close_p) int from = memfd_create("file", MFD_CLOEXEC);
	CLEANUP(close_p) int fd = -1;
	cr_assert_eq(write(from, TEXT, strlen(TEXT)), (ssize_t)strlen(TEXT));
	cr_assert_eq(input_open(from, 0, &fd), 0);
	expect_text(fd);
}

Test(input, nothing_to_read_from)
{
	int fd = -1;
	cr_expect_eq(input_open(-1, 1, &fd), -EBADF);
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	cr_expect_eq(input_open(ends[1], 1, &fd), -EBADF, "the end for writing can be read");
	close_all(ends, 2);
	CLEANUP(close_p) int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	cr_expect_eq(input_open(null, 1, &fd), -EBADF, "what stands for closed standard input");
	cr_expect_eq(fd, -1);
}
