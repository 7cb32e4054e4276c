/* Lists of names, as programs write them. */
#include "viewer/names.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct names names;

static int try_read(const char *text, size_t size, struct names *ret)
{
	char path[] = "/tmp/mural-names-XXXXXX";
	CLEANUP(close_p) int fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	int r = names_read(path, ret);
	unlink(path);
	return r;
}

static void read_all(const char *text, size_t size)
{
	cr_expect_eq(try_read(text, size, &names), 0);
}

static void expect_too_big(const char *text, size_t size)
{
	struct names untouched = {.count = 7};
	cr_expect_eq(try_read(text, size, &untouched), -E2BIG);
	cr_expect_eq(untouched.count, 7);
}

static void teardown(void)
{
	names_fini(&names);
}

TestSuite(names, .fini = teardown, .timeout = 30);

static void expect_names(size_t count, const char *const wanted[])
{
	cr_assert_eq(names.count, count);
	for (size_t i = 0; i < count; i++)
		cr_expect_str_eq(names.names[i], wanted[i]);
}

Test(names, one_a_line)
{
	static const char text[] = "b.jpg\n\na b.jpg\nlast.jpg";
	read_all(text, strlen(text));
	expect_names(3, (const char *const[]){"b.jpg", "a b.jpg", "last.jpg"});
}

Test(names, a_nul_behind_each)
{
	static const char text[] = "new\nline.jpg\0\0b.jpg";
	read_all(text, sizeof(text));
	expect_names(2, (const char *const[]){"new\nline.jpg", "b.jpg"});
}

Test(names, lines_that_end_with_a_carriage_return)
{
	static const char text[] = "b.jpg\r\n\r\na\rb.jpg\r\nlast.jpg";
	read_all(text, strlen(text));
	expect_names(3, (const char *const[]){"b.jpg", "a\rb.jpg", "last.jpg"});
}

Test(names, a_carriage_return_before_a_nul_belongs_to_the_name)
{
	static const char text[] = "a.jpg\r\0b.jpg\r\n\0";
	read_all(text, sizeof(text) - 1);
	expect_names(2, (const char *const[]){"a.jpg\r", "b.jpg\r\n"});
}

Test(names, none)
{
	read_all("", 0);
	expect_names(0, NULL);
}

Test(names, more_than_a_page)
{
	char text[3 * 4096];
	memset(text, 'x', sizeof(text));
	for (size_t i = 9; i < sizeof(text); i += 10)
		text[i] = '\n';
	read_all(text, sizeof(text));
	cr_assert_eq(names.count, (sizeof(text) + 9) / 10);
	cr_expect_eq(strlen(names.names[names.count - 2]), 9);
}

Test(names, as_many_as_there_may_be)
{
	CLEANUP(free_p) char *text = malloc(2 * NAMES_MAX + 2);
	cr_assert_not_null(text);
	for (size_t i = 0; i <= NAMES_MAX; i++)
		memcpy(text + 2 * i, "a\n", 2);
	read_all(text, 2 * NAMES_MAX);
	cr_expect_eq(names.count, NAMES_MAX);
	expect_too_big(text, 2 * NAMES_MAX + 2);
}

Test(names, a_list_without_an_end)
{
	struct names untouched = {.count = 7};
	if (access("/dev/zero", R_OK) < 0)
		cr_skip_test("no /dev/zero here");
	cr_expect_eq(names_read("/dev/zero", &untouched), -E2BIG);
	cr_expect_eq(untouched.count, 7);
}

Test(names, no_such_file)
{
	struct names untouched = {.count = 7};
	cr_expect_eq(names_read("/nonexistent/names", &untouched), -ENOENT);
	cr_expect_eq(names_read("/tmp", &untouched), -EISDIR);
	cr_expect_eq(untouched.count, 7);
}
