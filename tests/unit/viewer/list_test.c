#include "viewer/list.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct order_case {
	char lower[32], higher[32];
};

ParameterizedTestParameters(natural, orders_as_people_do)
{
	static struct order_case cases[] = {
		{"2.jpg", "10.jpg"},
		{"a2b3", "a2b20"},
		{"a.jpg", "B.jpg"},
		{"img9", "img010"},
		{"", "a"},
		{"a", "a1"},
		{"a/z", "a b"},
		{"x1", "x01"},
		{"A", "a"},
		{"99999999999999999999", "100000000000000000000"},
		{"a/2/x", "a/10/x"},
		{"0", "1"},
	};
	return cr_make_param_array(struct order_case, cases, sizeof(cases) / sizeof(cases[0]));
}

static int sign(int value)
{
	return (value > 0) - (value < 0);
}

ParameterizedTest(struct order_case *c, natural, orders_as_people_do)
{
	bool differ_only_in_zeros = strcmp(c->lower, "x1") == 0;
	int order = sign(list_compare_natural(c->lower, c->higher));
	cr_expect_eq(order, differ_only_in_zeros ? sign(strcmp("x1", "x01")) : -1, "%s, %s",
		c->lower, c->higher);
	cr_expect_eq(sign(list_compare_natural(c->higher, c->lower)), -order);
	cr_expect_eq(list_compare_natural(c->lower, c->lower), 0);
}

static char folder[] = "/tmp/mural-list-XXXXXX";
static struct list list;

static void touch(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void make_folder(const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(mkdir(path, 0700), 0);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
}

static void teardown(void)
{
	char command[128];
	list_fini(&list);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

TestSuite(list, .init = setup, .fini = teardown, .timeout = 60);

static int add(const char *path, unsigned flags, size_t *ret_first)
{
	return list_add(&list, &path, 1, flags, ret_first, NULL);
}

Test(list, a_folder_gives_its_pictures_in_natural_order)
{
	size_t first;
	touch("10.jpg");
	touch("9.PNG");
	touch("b.jpeg");
	touch("notes.txt");
	touch(".hidden.jpg");
	make_folder("folder.jpg");
	cr_assert_eq(add(folder, 0, &first), 0);
	cr_assert_eq(list.count, 3);
	cr_expect_str_eq(list_base_name(list.paths[0]), "9.PNG");
	cr_expect_str_eq(list_base_name(list.paths[1]), "10.jpg");
	cr_expect_str_eq(list_base_name(list.paths[2]), "b.jpeg");
}

Test(list, folders_inside_only_when_asked)
{
	size_t first;
	make_folder("inner");
	make_folder(".hidden");
	touch("inner/a.jpg");
	touch(".hidden/b.jpg");
	cr_assert_eq(add(folder, 0, &first), 0);
	cr_expect_eq(list.count, 0);
	cr_assert_eq(add(folder, LIST_RECURSIVE, &first), 0);
	cr_expect_eq(list.count, 1);
}

Test(list, folders_in_folders_not_deeper_than_is_said)
{
	size_t first;
	char name[2 * LIST_DEPTH_MAX + 16] = "d";
	for (int depth = 1; depth <= LIST_DEPTH_MAX + 1; depth++) {
		make_folder(name);
		strcat(name, "/a.jpg");
		touch(name);
		strcpy(strrchr(name, 'a'), "d");
	}
	cr_assert_eq(add(folder, LIST_RECURSIVE, &first), 0);
	cr_expect_eq(list.count, LIST_DEPTH_MAX);
}

Test(list, a_link_to_a_picture_counts_a_link_to_a_folder_does_not)
{
	size_t first;
	char from[256], to[256];
	touch("real");
	snprintf(from, sizeof(from), "%s/real", folder);
	snprintf(to, sizeof(to), "%s/link.png", folder);
	cr_assert_eq(symlink(from, to), 0);
	snprintf(to, sizeof(to), "%s/loop.png", folder);
	cr_assert_eq(symlink(folder, to), 0);
	cr_assert_eq(add(folder, LIST_RECURSIVE, &first), 0);
	cr_expect_eq(list.count, 1);
}

Test(list, a_named_file_is_taken_whatever_it_is_called)
{
	size_t first;
	cr_assert_eq(add("/nowhere/at.all", 0, &first), 0);
	cr_expect_eq(list.count, 1);
}

Test(list, a_file_named_alone_brings_its_folder_along)
{
	size_t first;
	char path[256];
	touch("1.jpg");
	touch("2.jpg");
	touch("3.jpg");
	snprintf(path, sizeof(path), "%s/2.jpg", folder);
	cr_assert_eq(add(path, LIST_SIBLINGS, &first), 0);
	cr_assert_eq(list.count, 3);
	cr_expect_eq(first, 1);
	cr_expect_str_eq(list.paths[first], path);
}

struct spelling {
	char named[32], sibling[32];
};

ParameterizedTestParameters(list, one_file_has_one_spelling)
{
	static struct spelling cases[] = {
		{"1.jpg", "2.jpg"},
		{"./1.jpg", "./2.jpg"},
		{".//./1.jpg", "./2.jpg"},
		{"../f//1.jpg", "../f/2.jpg"},
		{".././f/./1.jpg", "../f/2.jpg"},
		{"./../f/1.jpg", "./../f/2.jpg"},
	};
	return cr_make_param_array(struct spelling, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct spelling *c, list, one_file_has_one_spelling)
{
	size_t first, at;
	make_folder("f");
	touch("f/1.jpg");
	touch("f/2.jpg");
	cr_assert(chdir(folder) == 0 && chdir("f") == 0);
	cr_assert_eq(add(c->named, LIST_SIBLINGS, &first), 0);
	cr_expect_eq(list.count, 2, "%s", c->named);
	cr_expect_eq(first, 0);
	cr_expect(list_find(&list, c->sibling, &at) && at == 1, "%s", c->sibling);
}

Test(list, a_folder_has_one_spelling)
{
	static const char *const ends[] = {"f", "f/", "f//", "f/.", "f/./", "f/.//.", "./f/./."};
	size_t first, at;
	char named[64], wanted[64];
	make_folder("f");
	touch("f/1.jpg");
	snprintf(wanted, sizeof(wanted), "%s/f/1.jpg", folder);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(named, sizeof(named), "%s//./%s", folder, ends[i]);
		cr_assert_eq(add(named, 0, &first), 0);
		cr_expect(list_find(&list, wanted, &at), "%s", named);
		list_fini(&list);
	}
}

Test(list, finds_each_place_of_a_file)
{
	size_t first, at;
	const char *named[] = {"a", "b", "a"};
	cr_expect_not(list_find(&list, "a", &at));
	cr_assert_eq(list_add(&list, named, 3, LIST_AS_NAMED, &first, NULL), 0);
	cr_expect(list_find(&list, "a", &at) && at == 0);
	cr_expect(list_find_next(&list, &at) && at == 2);
	cr_expect_not(list_find_next(&list, &at));
	cr_expect(list_find(&list, "b", &at) && at == 1);
	cr_expect_not(list_find_next(&list, &at));
	cr_expect_not(list_find(&list, "c", &at));
	cr_assert_eq(list_append(&list, "c"), 0);
	cr_expect(list_find(&list, "c", &at) && at == 3);
}

Test(list, finds_what_was_sorted_since_the_last_time)
{
	size_t at;
	const char *const names[] = {"c", "b", "a"};
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(list_append(&list, names[i]), 0);
	cr_expect(list_find(&list, "a", &at) && at == 2);
	list_sort(&list, 1);
	cr_expect(list_find(&list, "c", &at) && at == 0);
	cr_expect(list_find(&list, "a", &at) && at == 1);
	cr_expect(list_find(&list, "b", &at) && at == 2);
}

Test(list, places_are_taken_out)
{
	size_t at;
	static const char *const names[] = {"a", "b", "c", "b", "d", "e"};
	static const size_t gone[] = {0, 3, 4};
	static const size_t wanted[] = {0, 0, 1, 2, 2, 2, 3};
	for (size_t i = 0; i < 6; i++)
		cr_assert_eq(list_append(&list, names[i]), 0);
	cr_assert(list_find(&list, "e", &at));
	list_remove(&list, gone, 0);
	cr_expect_eq(list.count, 6);
	list_remove(&list, gone, 3);
	cr_assert_eq(list.count, 3);
	for (size_t i = 0; i < 7; i++) {
		cr_expect_eq(list_place_without(gone, 3, i), wanted[i], "%zu", i);
		cr_expect_eq(list_is_one_of(gone, 3, i), i == 0 || i == 3 || i == 4, "%zu", i);
	}
	cr_expect(list_find(&list, "b", &at) && at == 0 && !list_find_next(&list, &at));
	cr_expect(list_find(&list, "c", &at) && at == 1);
	cr_expect(list_find(&list, "e", &at) && at == 2);
	cr_expect_not(list_find(&list, "a", &at));
}

/* Half a million million steps would not end in time. */
Test(list, a_million_times_one_name)
{
	enum { COUNT = 1000000 };
	size_t at, seen = 1;
	for (size_t i = 0; i < COUNT; i++)
		cr_assert_eq(list_append(&list, "a"), 0);
	cr_assert(list_find(&list, "a", &at) && at == 0);
	for (; list_find_next(&list, &at); seen++)
		cr_assert_eq(at, seen);
	cr_expect_eq(seen, COUNT);
}

static char seen[256];

static void remember_folder(void *user, const char *name, bool recursive, unsigned depth)
{
	(void)user;
	cr_expect_eq(depth, strcmp(name + strlen(folder), "/") != 0);
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s%s", name + strlen(folder),
		recursive ? " deep " : " ");
}

Test(list, tells_of_folders_before_it_looks_through_them)
{
	size_t first;
	char path[64];
	make_folder("inner");
	touch("1.jpg");
	list.on_folder = remember_folder;
	cr_assert_eq(add(folder, 0, &first), 0);
	cr_expect_str_eq(seen, "/ ");
	seen[0] = '\0';
	cr_assert_eq(add(folder, LIST_RECURSIVE, &first), 0);
	cr_expect_str_eq(seen, "/ deep /inner/ deep ");
	seen[0] = '\0';
	snprintf(path, sizeof(path), "%s/1.jpg", folder);
	cr_assert_eq(add(path, LIST_RECURSIVE | LIST_SIBLINGS, &first), 0);
	cr_expect_str_eq(seen, "/ ");
}

Test(list, several_files_are_ordered)
{
	size_t first;
	const char *named[] = {"10.jpg", "2.jpg"};
	cr_assert_eq(list_add(&list, named, 2, LIST_SIBLINGS, &first, NULL), 0);
	cr_expect_eq(first, 0);
	cr_expect_str_eq(list.paths[0], "2.jpg");
	cr_expect_eq(list.count, 2);
}

Test(list, as_named_only_a_folders_files_are_ordered)
{
	size_t first;
	const char *named[] = {"10.jpg", folder, "2.jpg"};
	touch("b.jpg");
	touch("a.jpg");
	cr_assert_eq(list_add(&list, named, 3, LIST_AS_NAMED, &first, NULL), 0);
	cr_assert_eq(list.count, 4);
	cr_expect_str_eq(list.paths[0], "10.jpg");
	cr_expect_str_eq(list_base_name(list.paths[1]), "a.jpg");
	cr_expect_str_eq(list_base_name(list.paths[2]), "b.jpg");
	cr_expect_str_eq(list.paths[3], "2.jpg");
}

Test(list, as_named_a_files_siblings_are_ordered)
{
	size_t first;
	char path[256];
	touch("1.jpg");
	touch("2.jpg");
	snprintf(path, sizeof(path), "%s/2.jpg", folder);
	cr_assert_eq(add(path, LIST_SIBLINGS | LIST_AS_NAMED, &first), 0);
	cr_expect_eq(first, 1);
}

Test(list, what_is_added_later_comes_behind)
{
	size_t first;
	cr_assert_eq(add("z.jpg", 0, &first), 0);
	cr_assert_eq(add("a.jpg", 0, &first), 0);
	cr_expect_eq(first, 1);
	cr_expect_str_eq(list.paths[1], "a.jpg");
}

Test(list, a_folder_that_can_not_be_read_is_named)
{
	size_t first;
	const char *bad;
	char path[256];
	const char *named[2] = {path, "a.jpg"};
	make_folder("locked");
	snprintf(path, sizeof(path), "%s/locked", folder);
	cr_assert_eq(chmod(path, 0), 0);
	if (access(path, R_OK) == 0)
		cr_skip_test("root may read everything");
	cr_expect_eq(list_add(&list, named, 2, 0, &first, &bad), -EACCES);
	cr_expect_str_eq(bad, path);
	cr_expect_eq(list.count, 1, "the other is there all the same");
}

Test(list, ten_thousand_files)
{
	size_t first;
	char name[32];
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d.jpg", 9999 - i);
		touch(name);
	}
	cr_assert_eq(add(folder, 0, &first), 0);
	cr_assert_eq(list.count, 10000);
	for (int i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "%d.jpg", i);
		cr_assert_str_eq(list_base_name(list.paths[i]), name);
		size_t at;
		cr_assert(list_find(&list, list.paths[i], &at) && at == (size_t)i);
	}
}

struct name_case {
	char name[32];
	int expected;
};

ParameterizedTestParameters(names, tell_pictures)
{
	static struct name_case cases[] = {{"a.jpg", 1}, {"a.JPEG", 1}, {"a.b.png", 1},
		{"a.jfif", 1}, {"jpg", 0}, {"a.jpg.txt", 0}, {".jpg", 0}, {".a.png", 0}, {"a.", 0},
		{"", 0}};
	return cr_make_param_array(struct name_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct name_case *c, names, tell_pictures)
{
	cr_expect_eq(list_is_picture_name(c->name), c->expected, "%s", c->name);
}
