/* A folder whose files are written, replaced and added while it is followed. */
#include "viewer/follow.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[] = "/tmp/mural-follow-XXXXXX", path[512];
static struct follow *follow;
static char told[1024];

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void write_file(const char *name)
{
	FILE *file = fopen(in_folder(name), "we");
	cr_assert_not_null(file);
	cr_assert(fputs("x", file) >= 0 && fclose(file) == 0);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(mkdir(in_folder("inner"), 0700), 0);
	write_file("a.jpg");
	cr_assert_eq(follow_create(&follow), 0);
	follow_folder_of(follow, in_folder("a.jpg"));
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(name);
}

static void teardown(void)
{
	follow_destroy(follow);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(follow, .init = setup, .fini = teardown, .timeout = 30);

static void remember(void *user, const char *changed)
{
	(void)user;
	strcat(told, strrchr(changed, '/') + 1);
	strcat(told, " ");
	cr_expect_eq(strncmp(changed, folder, strlen(folder)), 0, "%s", changed);
}

static void expect_told(const char *names)
{
	struct pollfd readable = {.fd = follow_fd(follow), .events = POLLIN};
	cr_expect_eq(poll(&readable, 1, 0), names[0] != '\0');
	told[0] = '\0';
	follow_read(follow, remember, NULL);
	cr_expect_str_eq(told, names);
}

Test(follow, nothing_has_happened)
{
	expect_told("");
}

Test(follow, a_file_is_written)
{
	write_file("a.jpg");
	expect_told("a.jpg ");
	expect_told("");
}

Test(follow, a_file_is_replaced)
{
	char from[512];
	write_file("new.tmp");
	snprintf(from, sizeof(from), "%s", in_folder("new.tmp"));
	cr_assert_eq(rename(from, in_folder("a.jpg")), 0);
	expect_told("new.tmp a.jpg ");
}

Test(follow, a_folder_in_it_is_no_file)
{
	write_file("inner/b.jpg");
	cr_assert_eq(mkdir(in_folder("other"), 0700), 0);
	expect_told("");
}

Test(follow, another_folder_instead)
{
	follow_folder_of(follow, in_folder("inner/b.jpg"));
	write_file("a.jpg");
	told[0] = '\0';
	follow_read(follow, remember, NULL); /* that the one before is not followed any more */
	cr_expect_str_eq(told, "");
	write_file("inner/b.jpg");
	expect_told("b.jpg ");
}

Test(follow, a_folder_that_is_not_there)
{
	follow_folder_of(follow, in_folder("none/b.jpg"));
	write_file("a.jpg");
	told[0] = '\0';
	follow_read(follow, remember, NULL);
	cr_expect_str_eq(told, "");
}

static void count_one(void *user, const char *changed)
{
	(void)changed;
	++*(int *)user;
}

Test(follow, more_files_than_one_read_holds)
{
	char name[64];
	int count = 0;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d.jpg", i);
		write_file(name);
	}
	follow_read(follow, count_one, &count);
	cr_expect_eq(count, 1000);
}
