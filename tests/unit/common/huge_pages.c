/* What the system's two files say about huge pages of shared memory. */
#include "common/huge_pages.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/mural-test-XXXXXX";

static void begin(void)
{
	char path[64];
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/hugepages-2048kB", folder);
	cr_assert_eq(mkdir(path, 0700), 0);
}

static void end(void)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/shmem_enabled", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/hugepages-2048kB/shmem_enabled", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/hpage_pmd_size", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/hugepages-2048kB", folder);
	rmdir(path);
	rmdir(folder);
}

TestSuite(huge_pages, .init = begin, .fini = end, .timeout = 10);

static void put(const char *name, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

static enum huge_pages with(const char *all_sizes)
{
	put("shmem_enabled", all_sizes);
	return huge_pages_of_shared_memory(folder).pages;
}

static enum huge_pages with_both(const char *all_sizes, const char *this_size)
{
	put("hugepages-2048kB/shmem_enabled", this_size);
	return with(all_sizes);
}

Test(huge_pages, the_word_in_brackets_holds)
{
	cr_expect_eq(with("always within_size advise [never] deny force\n"), HUGE_PAGES_NONE);
	cr_expect_eq(with("always within_size advise never [deny] force\n"), HUGE_PAGES_NONE);
	cr_expect_eq(with("always within_size [advise] never deny force\n"), HUGE_PAGES_ADVISED);
	cr_expect_eq(with("[always] within_size advise never deny force\n"), HUGE_PAGES_ALWAYS);
	cr_expect_eq(with("always [within_size] advise never deny force\n"), HUGE_PAGES_ALWAYS);
	cr_expect_eq(with("always within_size advise never deny [force]\n"), HUGE_PAGES_ALWAYS);
	cr_expect_str_eq(huge_pages_of_shared_memory(folder).word, "force");
}

Test(huge_pages, what_cannot_be_read_gives_none)
{
	cr_expect_eq(huge_pages_of_shared_memory("/nonexistent").pages, HUGE_PAGES_NONE);
	cr_expect_str_eq(huge_pages_of_shared_memory("/nonexistent").word, "");
	cr_expect_eq(with(""), HUGE_PAGES_NONE);
	cr_expect_eq(with("advise"), HUGE_PAGES_NONE);
	cr_expect_eq(with("[advise"), HUGE_PAGES_ADVISED);
}

Test(huge_pages, the_file_of_this_size_goes_before_the_one_for_all)
{
	static const char all[] = "always within_size [advise] never deny force\n";
	cr_expect_eq(
		with_both(all, "always [inherit] within_size advise never\n"), HUGE_PAGES_ADVISED);
	cr_expect_str_eq(huge_pages_of_shared_memory(folder).file, "shmem_enabled");
	cr_expect_eq(
		with_both(all, "always inherit within_size advise [never]\n"), HUGE_PAGES_NONE);
	cr_expect_str_eq(
		huge_pages_of_shared_memory(folder).file, "hugepages-2048kB/shmem_enabled");
	cr_expect_eq(with_both("always within_size advise [never] deny force\n",
			     "always inherit within_size [advise] never\n"),
		HUGE_PAGES_ADVISED);
}

Test(huge_pages, pages_of_another_size_are_none)
{
	static const char all[] = "always within_size [advise] never deny force\n";
	put("hpage_pmd_size", "33554432\n");
	cr_expect_eq(with(all), HUGE_PAGES_NONE);
	cr_expect_str_eq(huge_pages_of_shared_memory(folder).word, "");
	cr_expect_eq(with_both(all, "always inherit within_size [advise] never\n"),
		HUGE_PAGES_ADVISED, "but for those that have a file of their own");
	cr_expect_eq(
		with_both(all, "always inherit within_size advise [never]\n"), HUGE_PAGES_NONE);
	put("hpage_pmd_size", "2097152\n");
	cr_expect_eq(with_both(all, ""), HUGE_PAGES_ADVISED);
}

Test(huge_pages, deny_overrules_it)
{
	static const char always[] = "[always] inherit within_size advise never\n";
	cr_expect_eq(with_both("always within_size advise never [deny] force\n", always),
		HUGE_PAGES_NONE);
	cr_expect_str_eq(huge_pages_of_shared_memory(folder).file, "shmem_enabled");
}
