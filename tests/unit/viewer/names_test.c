/* Lists of names, as programs write them. */
#include "viewer/names.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct names names;

static void read_all(const char *text, size_t size)
{
	char path[] = "/tmp/mural-names-XXXXXX";
	CLEANUP(close_p) int fd = mkstemp(path);
	cr_assert(fd >= 0 && write(fd, text, size) == (ssize_t)size);
	cr_expect_eq(names_read(path, &names), 0);
	unlink(path);
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

Test(names, no_such_file)
{
	struct names untouched = {.count = 7};
	cr_expect_eq(names_read("/nonexistent/names", &untouched), -ENOENT);
	cr_expect_eq(names_read("/tmp", &untouched), -EISDIR);
	cr_expect_eq(untouched.count, 7);
}
