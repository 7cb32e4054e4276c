/* How much should go, and when to look again, with files of our own instead of the machine's. */
#include "support.h"

#include <criterion/criterion.h>

TestSuite(pressure, .init = machine_create, .fini = machine_remove);

static void begin(void)
{
	begin_with(UINT32_MAX);
}

Test(pressure, a_machine_without_any_file_frees_nothing)
{
	begin();
	struct pressure_advice advice = look();
	cr_expect_eq(advice.free_bytes, 0);
	cr_expect_eq(advice.headroom_bytes, UINT64_MAX);
	cr_expect_eq(advice.level, MURAL_PRESSURE_NONE);
	cr_expect_null(pressure_source_name(pressure, 0));
}

Test(pressure, far_from_the_limit_it_rests_and_near_it_hurries)
{
	meminfo(6000 * MIB);
	begin();
	struct pressure_advice far = look();
	meminfo(300 * MIB);
	struct pressure_advice near = look();
	cr_expect_eq(far.headroom_bytes, 6000 * MIB);
	cr_expect_eq(far.free_bytes + near.free_bytes, 0);
	cr_expect_geq(far.next_ns, UINT64_C(1000000000));
	cr_expect_leq(
		near.next_ns, UINT64_C(20000000), "%llu ns", (unsigned long long)near.next_ns);
}

Test(pressure, below_the_mark_it_asks_for_what_is_missing_and_a_quarter)
{
	meminfo(200 * MIB); /* the mark of a machine of 8 GiB is 256 MiB */
	begin();
	struct pressure_advice advice = look();
	cr_expect_eq(advice.free_bytes, (256 + 64 - 200) * MIB);
	cr_expect_eq(advice.level, MURAL_PRESSURE_MODERATE);
	meminfo(100 * MIB);
	cr_expect_eq(look().level, MURAL_PRESSURE_CRITICAL);
}

Test(pressure, the_lowest_group_up_the_v1_tree_counts)
{
	meminfo(6000 * MIB);
	file("proc/self/cgroup", "9:cpu,cpuacct:/x\n4:memory:/a/b\n0::/\n");
	group_v1("/a/b", 10 * MIB, V1_NO_LIMIT, 0);
	group_v1("/a", 120 * MIB, 128 * MIB, 0);
	begin();
	struct pressure_advice advice = look();
	cr_expect_eq(advice.headroom_bytes, 8 * MIB);
	cr_expect_eq(advice.free_bytes, (48 + 12 - 8) * MIB); /* its mark is 48 MiB */
	cr_expect_str_eq(pressure_source_name(pressure, 1), "cgroup v1 /a/b");
	cr_expect_str_eq(pressure_source_name(pressure, 2), "cgroup v1 /a");
}

Test(pressure, page_cache_that_is_not_used_is_headroom)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 120 * MIB, 128 * MIB, 100 * MIB);
	begin();
	cr_expect_eq(look().headroom_bytes, 108 * MIB);
	cr_expect_eq(look().free_bytes, 0);
}

Test(pressure, high_counts_as_max_does_in_v2)
{
	file("proc/self/cgroup", "0::/user/app\n");
	group_v2("/user/app", 100 * MIB, "max\n", "104857600\n"); /* throttled already */
	group_v2("/user", 200 * MIB, "1073741824\n", "max\n");
	begin();
	struct pressure_advice advice = look();
	cr_expect_eq(advice.headroom_bytes, 0);
	cr_expect_eq(advice.level, MURAL_PRESSURE_CRITICAL);
	cr_expect_str_eq(pressure_source_name(pressure, 0), "cgroup v2 /user/app");
	cr_expect_str_eq(pressure_source_name(pressure, 1), "cgroup v2 /user");
}

Test(pressure, a_limit_that_changes_while_it_runs_is_seen)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 100 * MIB, 1024 * MIB, 0);
	begin();
	cr_expect_eq(look().free_bytes, 0);
	number("sys/fs/cgroup/memory/a/memory.limit_in_bytes", 110 * MIB);
	cr_expect_eq(look().headroom_bytes, 10 * MIB);
	number("sys/fs/cgroup/memory/a/memory.limit_in_bytes", V1_NO_LIMIT);
	cr_expect_eq(look().free_bytes, 0);
}

Test(pressure, a_limit_that_comes_later_is_seen)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 100 * MIB, V1_NO_LIMIT, 0);
	begin();
	cr_expect_eq(look().headroom_bytes, UINT64_MAX);
	number("sys/fs/cgroup/memory/a/memory.limit_in_bytes", 110 * MIB);
	cr_expect_eq(look().headroom_bytes, 10 * MIB);
}

Test(pressure, a_process_that_is_moved_is_followed_within_a_second)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 100 * MIB, 1024 * MIB, 0);
	group_v1("/b", 100 * MIB, 128 * MIB, 0);
	begin();
	cr_expect_eq(look().headroom_bytes, 924 * MIB);
	file("proc/self/cgroup", "4:memory:/b\n");
	now_ns += SECOND;
	cr_expect_eq(look().headroom_bytes, 28 * MIB);
}

Test(pressure, only_what_was_asked_for_is_watched)
{
	meminfo(200 * MIB);
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 100 * MIB, 128 * MIB, 0);
	begin_with(MURAL_WATCH_MEMINFO);
	struct pressure_facts facts;
	pressure_facts(pressure, &facts);
	cr_expect_eq(facts.sources, MURAL_WATCH_MEMINFO);
	cr_expect_eq(look().headroom_bytes, 200 * MIB);
	pressure_destroy(pressure);
	begin_with(MURAL_WATCH_CGROUP);
	pressure_facts(pressure, &facts);
	cr_expect_eq(facts.sources, MURAL_WATCH_CGROUP);
	cr_expect_eq(look().headroom_bytes, 28 * MIB);
	pressure_destroy(pressure);
	begin_with(MURAL_WATCH_BUDGET);
	cr_expect_eq(look().headroom_bytes, UINT64_MAX);
	cr_expect_eq(look().next_ns, UINT64_MAX, "there is nothing to look at");
}

Test(pressure, giving_back_goes_on_until_a_quarter_more_is_left)
{
	meminfo(255 * MIB);
	begin();
	cr_expect_eq(look().free_bytes, 65 * MIB);
	meminfo(310 * MIB);
	cr_expect_eq(look().free_bytes, 10 * MIB);
	meminfo(320 * MIB);
	cr_expect_eq(look().free_bytes, 0);
	meminfo(310 * MIB);
	cr_expect_eq(look().free_bytes, 0, "it has not been below the mark again");
}

Test(pressure, a_level_ends_after_a_second_of_less)
{
	meminfo(100 * MIB);
	begin();
	cr_expect_eq(look().level, MURAL_PRESSURE_CRITICAL);
	meminfo(6000 * MIB);
	now_ns += SECOND / 2;
	cr_expect_eq(look().level, MURAL_PRESSURE_CRITICAL);
	now_ns += SECOND / 2;
	cr_expect_eq(look().level, MURAL_PRESSURE_NONE);
}

Test(pressure, a_small_group_may_use_half_of_its_limit)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 15 * MIB, 32 * MIB, 0);
	begin();
	cr_expect_eq(look().free_bytes, 0);
	number("sys/fs/cgroup/memory/a/memory.usage_in_bytes", 17 * MIB);
	cr_expect_eq(look().free_bytes, 5 * MIB);
}

Test(pressure, a_source_that_can_no_longer_be_read_is_left_out)
{
	meminfo(200 * MIB);
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", 120 * MIB, 128 * MIB, 0);
	begin();
	cr_expect_eq(look().headroom_bytes, 8 * MIB);
	file("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "");
	cr_expect_eq(look().headroom_bytes, 200 * MIB);
	cr_expect_null(pressure_source_name(pressure, 1));
	file("proc/meminfo", "nonsense\n");
	cr_expect_eq(look().free_bytes, 0);
}
