/* Folders whose files are written, replaced and added while they are followed. */
#include "viewer/follow.h"
#include "viewer/list.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static char top[] = "/tmp/mural-follow-XXXXXX", folder[64], path[512];
static struct follow *follow;
static char told[4096];
static size_t count, growing, doubts;

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof(path), "%s%s", folder, name);
	return path;
}

static void write_file(const char *name)
{
	FILE *file = fopen(in_folder(name), "we");
	cr_assert_not_null(file, "%s", path);
	cr_assert(fputs("x", file) >= 0 && fclose(file) == 0);
}

static void make_folder(const char *name)
{
	cr_assert_eq(mkdir(in_folder(name), 0700), 0);
}

static void move(const char *name, const char *to)
{
	char from[512];
	snprintf(from, sizeof(from), "%s", in_folder(name));
	cr_assert_eq(rename(from, in_folder(to)), 0);
}

static int remove_one(const char *name, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(name);
}

static void remove_tree(const char *name)
{
	cr_assert_eq(nftw(in_folder(name), remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(top));
	snprintf(folder, sizeof(folder), "%s/f/", top);
	make_folder("");
	make_folder("inner");
	write_file("a.jpg");
	cr_assert_eq(follow_create(&follow), 0);
}

static void teardown(void)
{
	follow_destroy(follow);
	nftw(top, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(follow, .init = setup, .fini = teardown, .timeout = 60);

static bool also_gone, also_doubt;

static void remember(void *user, const char *changed, enum follow_news news, bool grows)
{
	(void)user;
	cr_expect_eq(strncmp(changed, folder, strlen(folder)), 0, "%s", changed);
	doubts += news == FOLLOW_DOUBT;
	if ((news == FOLLOW_GONE && !also_gone) || (news == FOLLOW_DOUBT && !also_doubt))
		return;
	count++;
	growing += grows;
	if (strlen(told) < sizeof(told) / 2)
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s ",
			news == FOLLOW_GONE    ? "-"
			: news == FOLLOW_DOUBT ? "?"
					       : "",
			changed + strlen(folder));
}

static bool is_readable(void)
{
	struct pollfd readable = {.fd = follow_fd(follow), .events = POLLIN};
	return poll(&readable, 1, 0) == 1;
}

/* All there is to be told. */
static void expect_told(const char *names)
{
	told[0] = '\0';
	count = growing = 0;
	while (is_readable() || follow_pending(follow))
		follow_read(follow, remember, NULL);
	cr_expect_str_eq(told, names);
}

Test(follow, nothing_has_happened)
{
	follow_folder(follow, folder, 0, 0);
	cr_expect_not(is_readable());
	expect_told("");
}

Test(follow, a_file_is_written)
{
	follow_folder(follow, folder, 0, 0);
	write_file("a.jpg");
	expect_told("a.jpg ");
	cr_expect_eq(growing, 0);
	expect_told("");
}

Test(follow, a_file_is_replaced)
{
	follow_folder(follow, folder, FOLLOW_GROWS, 0);
	write_file("new.tmp");
	move("new.tmp", "a.jpg");
	expect_told("new.tmp a.jpg ");
	cr_expect_eq(growing, 2);
}

Test(follow, files_are_removed_and_moved)
{
	also_gone = true;
	write_file("b.jpg");
	follow_folder(follow, folder, FOLLOW_GROWS, 0);
	cr_assert_eq(remove(in_folder("a.jpg")), 0);
	move("b.jpg", "c.jpg");
	move("c.jpg", "inner/c.jpg");
	cr_assert_eq(rmdir(in_folder("inner")), -1);
	expect_told("-a.jpg -b.jpg c.jpg -c.jpg ");
	cr_expect_eq(growing, 4);
	remove_tree("inner");
	expect_told("");
}

Test(follow, a_folder_in_it_is_no_file)
{
	follow_folder(follow, folder, FOLLOW_GROWS, 0);
	write_file("inner/b.jpg");
	make_folder("other");
	expect_told("");
}

Test(follow, several_folders)
{
	follow_folder(follow, folder, 0, 0);
	follow_folder(follow, in_folder("inner/"), FOLLOW_GROWS, 0);
	write_file("a.jpg");
	write_file("inner/b.jpg");
	expect_told("a.jpg inner/b.jpg ");
	cr_expect_eq(growing, 1);
}

Test(follow, one_folder_by_two_names)
{
	follow_folder(follow, folder, 0, 0);
	follow_folder(follow, in_folder("inner/../"), 0, 0);
	write_file("a.jpg");
	expect_told("a.jpg inner/../a.jpg ");
}

Test(follow, one_folder_that_is_named_twice_is_told_of_once)
{
	follow_shown(follow, in_folder("a.jpg"));
	follow_folder(follow, folder, 0, 0);
	follow_folder(follow, folder, FOLLOW_GROWS, 0);
	write_file("a.jpg");
	expect_told("a.jpg ");
	cr_expect_eq(growing, 1);
}

Test(follow, the_shown_ones_until_another_is_shown)
{
	follow_shown(follow, in_folder("a.jpg"));
	write_file("a.jpg");
	expect_told("a.jpg ");
	follow_shown(follow, in_folder("inner/b.jpg"));
	write_file("a.jpg");
	write_file("inner/b.jpg");
	expect_told("inner/b.jpg ");
}

Test(follow, what_was_named_stays_when_it_was_shown)
{
	follow_folder(follow, folder, 0, 0);
	follow_shown(follow, in_folder("a.jpg"));
	follow_shown(follow, in_folder("inner/b.jpg"));
	write_file("a.jpg");
	expect_told("a.jpg ");
}

/* ---- folders that go and come ---- */

Test(follow, a_folder_that_is_not_there_yet)
{
	follow_folder(follow, in_folder("far/away/"), 0, 0);
	expect_told("");
	make_folder("far");
	expect_told("");
	make_folder("far/away");
	write_file("far/away/b.jpg");
	expect_told("far/away/b.jpg ");
	write_file("far/away/c.jpg");
	expect_told("far/away/c.jpg ");
}

/* What comes above it stands for all of it. */
Test(follow, a_folder_comes_with_the_one_above_it)
{
	make_folder("other");
	make_folder("other/away");
	write_file("other/away/b.jpg");
	follow_folder(follow, in_folder("far/away/"), 0, 0);
	move("other", "far");
	expect_told("far/away/b.jpg ");
}

Test(follow, a_folder_is_removed_and_made_again)
{
	follow_folder(follow, in_folder("inner/"), FOLLOW_GROWS, 0);
	remove_tree("inner");
	expect_told("");
	make_folder("inner");
	write_file("inner/b.jpg");
	expect_told("inner/b.jpg ");
	cr_expect_eq(growing, 1);
	write_file("inner/b.jpg");
	expect_told("inner/b.jpg ");
}

Test(follow, a_folder_is_moved_away_and_another_takes_its_place)
{
	follow_folder(follow, in_folder("inner/"), 0, 0);
	move("inner", "old");
	make_folder("inner");
	write_file("inner/b.jpg");
	write_file("old/c.jpg");
	expect_told("inner/b.jpg ");
	write_file("old/c.jpg");
	write_file("inner/b.jpg");
	expect_told("inner/b.jpg ");
}

Test(follow, a_folder_is_moved_away_and_back)
{
	follow_folder(follow, in_folder("inner/"), 0, 0);
	write_file("inner/b.jpg");
	expect_told("inner/b.jpg ");
	move("inner", "old");
	expect_told("");
	move("old", "inner");
	expect_told("inner/b.jpg ");
}

Test(follow, what_comes_while_a_folder_is_away_is_told_of)
{
	follow_folder(follow, in_folder("inner/"), 0, 0);
	move("inner", "old");
	write_file("old/b.jpg");
	move("old", "inner");
	expect_told("inner/b.jpg ");
}

Test(follow, a_link_takes_the_place_of_a_folder)
{
	follow_folder(follow, in_folder("inner/"), 0, 0);
	make_folder("else");
	remove_tree("inner");
	expect_told("");
	cr_assert_eq(symlink("else", in_folder("inner")), 0);
	expect_told("");
	write_file("else/b.jpg");
	expect_told("inner/b.jpg ");
}

/* What was in a folder that is not there any more, or is another, may be gone. */
Test(follow, a_folder_that_has_gone_is_doubted)
{
	also_doubt = true;
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	follow_folder(follow, in_folder("inner/"), 0, 1);
	expect_told("");
	move("inner", ".old");
	expect_told("?inner/ ");
	make_folder("inner");
	write_file("inner/b.jpg");
	expect_told("?inner/ inner/b.jpg ");
	move("inner", ".older");
	move(".old", "inner");
	expect_told("?inner/ ");
}

Test(follow, a_folder_that_came_back_and_has_gone_is_doubted)
{
	also_doubt = true;
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	follow_folder(follow, in_folder("inner/"), 0, 1);
	move("inner", ".old");
	expect_told("?inner/ ");
	move(".old", "inner");
	move("inner", ".old");
	expect_told("?inner/ ");
}

/* Its picture is gone to before that is read. */
Test(follow, a_folder_that_has_gone_when_it_is_shown_is_doubted)
{
	also_doubt = true;
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	follow_folder(follow, in_folder("inner/"), 0, 1);
	move("inner", ".old");
	follow_shown(follow, in_folder("inner/b.jpg"));
	expect_told("?inner/ ");
	make_folder("inner");
	expect_told("?inner/ ");
	move("inner", ".older");
	make_folder("inner");
	write_file("inner/b.jpg");
	follow_shown(follow, in_folder("inner/b.jpg"));
	expect_told("?inner/ inner/b.jpg ");
}

Test(follow, a_folder_that_was_away_is_doubted)
{
	also_gone = also_doubt = true;
	write_file("inner/b.jpg");
	write_file("inner/c.jpg");
	follow_folder(follow, in_folder("inner/"), 0, 0);
	move("inner", "old");
	cr_assert_eq(remove(in_folder("old/c.jpg")), 0);
	move("old", "inner");
	expect_told("?inner/ inner/b.jpg ");
}

/* ---- folders in folders ---- */

Test(follow, what_is_in_a_folder_moves_with_it)
{
	follow_folder(follow, folder, FOLLOW_GROWS | FOLLOW_DEEP, 0);
	make_folder("old");
	make_folder("old/er");
	expect_told("");
	move("old", "new");
	write_file("new/er/b.jpg");
	expect_told("new/er/b.jpg ");
	cr_assert_eq(rename(in_folder("new"), strcat(strcpy((char[128]){0}, top), "/out")), 0);
	expect_told("");
	FILE *file = fopen(strcat(strcpy((char[128]){0}, top), "/out/er/c.jpg"), "we");
	cr_assert(file && fclose(file) == 0);
	expect_told("");
}

Test(follow, folders_that_come_into_a_deep_one)
{
	follow_folder(follow, folder, FOLLOW_GROWS | FOLLOW_DEEP, 0);
	make_folder("new");
	make_folder("new/er");
	write_file("new/er/b.jpg");
	make_folder(".hidden");
	write_file(".hidden/c.jpg");
	expect_told("new/er/b.jpg ");
	cr_expect_eq(growing, 1);
	write_file("new/er/b.jpg");
	expect_told("new/er/b.jpg ");
}

enum { ROOM = 3 };

static void leave_little_room(void)
{
	char name[32];
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	for (int i = 1; i < FOLLOW_MAX - ROOM; i++) {
		snprintf(name, sizeof(name), "absent/%d/", i);
		follow_folder(follow, in_folder(name), 0, 0);
	}
}

Test(follow, inner_folders_that_are_gone_leave_room)
{
	char name[32];
	leave_little_room();
	for (int i = 0; i < 2 * ROOM; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_folder(name);
		expect_told("");
		remove_tree(name);
		expect_told("");
	}
	make_folder("last");
	expect_told("");
	write_file("last/b.jpg");
	expect_told("last/b.jpg ");
}

static bool watches_used_up;

/* In the library's place. */
int inotify_add_watch(int fd, const char *name, uint32_t mask)
{
	if (watches_used_up) {
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_inotify_add_watch, fd, name, mask);
}

Test(follow, inner_folders_that_can_not_be_watched_leave_room)
{
	char name[32];
	leave_little_room();
	for (int i = 0; i < 2 * ROOM; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_folder(name);
		watches_used_up = true;
		expect_told("");
		snprintf(name, sizeof(name), "found%d/", i);
		follow_folder(follow, in_folder(name), FOLLOW_DEEP, 1);
		watches_used_up = false;
	}
	make_folder("last");
	expect_told("");
	write_file("last/b.jpg");
	expect_told("last/b.jpg ");
}

Test(follow, a_folder_that_can_not_be_watched_is_looked_through)
{
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	make_folder("new");
	write_file("new/b.jpg");
	watches_used_up = true;
	expect_told("new/b.jpg ");
}

Test(follow, folders_in_folders_are_followed_as_deep_as_they_are_listed)
{
	char name[2 * LIST_DEPTH_MAX + 16] = "";
	follow_folder(follow, folder, FOLLOW_DEEP, 0);
	for (int depth = 1; depth <= LIST_DEPTH_MAX; depth++)
		make_folder(strcat(name, "d/"));
	write_file(strcat(name, "b.jpg"));
	expect_told(strcat(strcpy((char[128]){0}, name), " "));
	*strrchr(name, 'b') = '\0';
	make_folder(strcat(name, "e/"));
	write_file(strcat(name, "b.jpg"));
	expect_told("");
}

Test(follow, the_shown_one_has_room_beside_the_most)
{
	char name[32];
	for (int i = 0; i < FOLLOW_MAX + 5; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		make_folder(name);
		snprintf(name, sizeof(name), "n%d/", i);
		follow_folder(follow, in_folder(name), 0, 0);
	}
	write_file("n0/b.jpg");
	snprintf(name, sizeof(name), "n%d/b.jpg", FOLLOW_MAX + 1);
	write_file(name);
	expect_told("n0/b.jpg ");
	follow_shown(follow, in_folder(name));
	write_file(name);
	strcat(name, " ");
	expect_told(name);
}

/* ---- many ---- */

static void write_many(int many)
{
	char name[64];
	for (int i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "%d.jpg", i);
		write_file(name);
	}
}

Test(follow, many_files_are_told_of_in_steps)
{
	follow_folder(follow, folder, 0, 0);
	write_many(3 * FOLLOW_STEP);
	size_t before = 0, calls = 0;
	for (count = 0; is_readable(); calls++) {
		follow_read(follow, remember, NULL);
		cr_expect_leq(count - before, FOLLOW_STEP);
		before = count;
	}
	cr_expect_eq(count, 3 * FOLLOW_STEP);
	cr_expect_geq(calls, 3);
}

static void close_after_writing(const char *name)
{
	int fd = open(in_folder(name), O_WRONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && close(fd) == 0);
}

static int queue_limit(void)
{
	int limit = 0;
	CLEANUP(close_p)
	int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
	char text[32] = "";
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		limit = atoi(text);
	return limit;
}

static void write_more_than_the_kernel_tells(void)
{
	int limit = queue_limit();
	if (limit <= 0 || limit > 100000)
		cr_skip_test("how many events the kernel keeps: %d", limit);
	for (int i = 0; i < limit / 2 + 100; i++) { /* two that differ do not become one */
		close_after_writing("0.jpg");
		close_after_writing("1.jpg");
	}
}

/* More than the kernel keeps: the folder is looked through, a step at a time. */
Test(follow, what_the_kernel_lost_is_found)
{
	write_many(2 * FOLLOW_STEP);
	follow_folder(follow, folder, FOLLOW_GROWS, 0);
	write_more_than_the_kernel_tells();
	write_file("late.jpg");
	size_t before = 0, calls = 0;
	for (count = 0; is_readable(); before = count) {
		follow_read(follow, remember, NULL);
		cr_expect_leq(count - before, 2 * FOLLOW_STEP);
	}
	told[0] = '\0';
	for (count = 0; follow_pending(follow); calls++)
		follow_read(follow, remember, NULL);
	cr_expect_eq(doubts, 1, "files may have been removed, too");
	cr_expect_geq(count, (size_t)2 * FOLLOW_STEP - FOLLOW_STEP);
	cr_expect_geq(calls, 2);
	expect_told("");
}

/* What is on it is not gone, and looking for it might mount it again. */
Test(follow, what_was_unmounted_is_left_alone)
{
	also_gone = true;
	/* Root may; others may in a user namespace, where that is allowed. */
	if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", in_folder("inner"), "tmpfs", 0, NULL) < 0)
		cr_skip_test("nothing can be mounted here");
	write_file("inner/b.jpg");
	write_many(2);
	follow_folder(follow, folder, 0, 0);
	follow_folder(follow, in_folder("inner/"), 0, 0);
	cr_assert_eq(umount(in_folder("inner")), 0);
	expect_told("");
	write_more_than_the_kernel_tells();
	doubts = 0;
	while (is_readable() || follow_pending(follow))
		follow_read(follow, remember, NULL);
	cr_expect_eq(doubts, 1, "of what is mounted");
	write_file("inner/c.jpg");
	expect_told("");
}
