/* What tells of itself: each source of events alone, on files of our own. The descriptors are real:
 * what the kernel would signal the test signals. */
#include "support.h"

#include "common/util.h"
#include "source.h"
#include "support/group.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

TestSuite(pressure_events, .init = machine_create, .fini = machine_remove);

#define V1 "sys/fs/cgroup/memory/a/"
#define V2 "sys/fs/cgroup/app/"

static void begin_v1(uint32_t sources, uint64_t usage, uint64_t limit, uint64_t cache)
{
	file("proc/self/cgroup", "4:memory:/a\n");
	group_v1("/a", usage, limit, cache);
	file(V1 "cgroup.event_control", "");
	file(V1 "memory.pressure_level", "");
	begin_with(sources);
}

/* What was registered: the lines stand one behind the other, without ends, each as long as it was
 * written. The last eventfd for @argument. */
static int registered(const char *argument)
{
	char text[4096] = "";
	CLEANUP(close_p) int fd = open(machine_path(V1 "cgroup.event_control"), O_RDONLY);
	cr_assert_geq(read(fd, text, sizeof(text) - 1), 0);
	int found = -1, eventfd, watched, length;
	char word[64];
	for (const char *at = text;
		sscanf(at, "%d %d %63[a-z,]%n", &eventfd, &watched, word, &length) == 3;
		at += length)
		if (strcmp(word, argument) == 0)
			found = eventfd;
	return found;
}

static void signal_eventfd(int fd)
{
	const uint64_t one = 1;
	cr_assert_eq(write(fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static bool is_told(void)
{
	struct pollfd polled = {.fd = pressure_fd(pressure), .events = POLLIN};
	return poll(&polled, 1, 0) == 1;
}

static bool dispatch(void)
{
	return pressure_dispatch(pressure, now_ns);
}

static uint32_t sources(void)
{
	struct pressure_facts facts;
	pressure_facts(pressure, &facts);
	return facts.sources;
}

/* ---- cgroup v1 ---- */

static struct source *thresholds(uint64_t limit)
{
	static struct source_list list = {.wanted = MURAL_WATCH_THRESHOLDS};
	number(V1 "memory.usage_in_bytes", 100 * MIB);
	number(V1 "memory.limit_in_bytes", limit);
	file(V1 "memory.stat", "");
	file(V1 "cgroup.event_control", "");
	list.count = 0;
	group_walk(machine_path(""), "4:memory:/a\n", source_add_thresholds, &list);
	cr_assert_eq(list.count, 1);
	return list.source[0];
}

/* What has been written to @source's event_control since the last call. */
static const char *written(const struct source *source)
{
	static char text[1024];
	int control = source->fds[GROUP_CONTROL];
	off_t end = lseek(control, 0, SEEK_CUR);
	CLEANUP(close_p) int fd = open(machine_path(V1 "cgroup.event_control"), O_RDONLY);
	memset(text, 0, sizeof(text));
	cr_assert_eq(pread(fd, text, sizeof(text) - 1, 0), end);
	cr_assert_eq(ftruncate(control, 0), 0);
	lseek(control, 0, SEEK_SET);
	return text;
}

Test(pressure_events, thresholds_stand_from_the_mark_to_the_limit)
{
	struct source *source = thresholds(1024 * MIB); /* the mark is 128 MiB below */
	cr_assert(source->kind->after(source, now_ns));
	char expected[256] = "";
	static const unsigned left[] = {128, 96, 64, 32};
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
			"%d %d %llu", source->event_fd, source->numbers->usage,
			(unsigned long long)((1024 - left[i]) * MIB));
	cr_expect_str_eq(written(source), expected);
	source_free(source);
}

Test(pressure_events, thresholds_move_with_the_limit_and_go_with_it)
{
	struct source *source = thresholds(1024 * MIB);
	cr_assert(source->kind->after(source, now_ns));
	int first = source->event_fd;
	written(source);
	cr_assert(source->kind->after(source, now_ns));
	cr_expect_str_eq(written(source), "", "nothing has changed");
	number(V1 "memory.limit_in_bytes", 256 * MIB);
	group_forget_limit(source);
	cr_assert(source->kind->after(source, now_ns));
	cr_expect_neq(source->event_fd, first);
	cr_expect_lt(fcntl(first, F_GETFD), 0, "the old one is still registered");
	cr_expect_not_null(strstr(written(source), "218103808"), "208 MiB");
	number(V1 "memory.limit_in_bytes", V1_NO_LIMIT);
	group_forget_limit(source);
	cr_assert(source->kind->after(source, now_ns));
	cr_expect_eq(source->event_fd, -1);
	source_free(source);
}

/* That which was registered for the marks. */
static int registered_for_marks(void)
{
	char text[64] = "";
	int eventfd = -1;
	CLEANUP(close_p) int fd = open(machine_path(V1 "cgroup.event_control"), O_RDONLY);
	cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
	cr_assert_eq(sscanf(text, "%d", &eventfd), 1);
	return eventfd;
}

static uint64_t limit_of(const struct source *source)
{
	uint64_t limit = 0;
	cr_assert(group_limit(source, &limit));
	return limit;
}

static void add_two(const struct group *group, struct source_list *list)
{
	source_add_group(group, list);
	source_add_thresholds(group, list);
}

Test(pressure_events, a_limit_is_read_once_for_all_sources_of_a_group)
{
	struct source_list list = {.wanted = MURAL_WATCH_CGROUP | MURAL_WATCH_THRESHOLDS};
	number(V1 "memory.usage_in_bytes", 100 * MIB);
	number(V1 "memory.limit_in_bytes", 256 * MIB);
	file(V1 "cgroup.event_control", "");
	group_walk(machine_path(""), "4:memory:/a\n", add_two, &list);
	cr_assert_eq(list.count, 2);
	cr_expect_eq(limit_of(list.source[0]), 256 * MIB);
	number(V1 "memory.limit_in_bytes", 512 * MIB);
	cr_expect_eq(limit_of(list.source[1]), 256 * MIB);
	group_forget_limit(list.source[0]);
	source_free(list.source[0]); /* the other one keeps the files open */
	cr_expect_eq(limit_of(list.source[1]), 512 * MIB);
	source_free(list.source[1]);
}

Test(pressure_events, a_crossed_threshold_wakes_and_the_numbers_say_how_much)
{
	begin_v1(MURAL_WATCH_THRESHOLDS, 100 * MIB, 1024 * MIB, 0);
	cr_expect_eq(look().headroom_bytes, 924 * MIB, "all is read at first");
	cr_expect_eq(look().headroom_bytes, UINT64_MAX, "and then only when told");
	cr_expect_not(is_told());
	number(V1 "memory.usage_in_bytes", 1000 * MIB);
	cr_expect_eq(look().free_bytes, 0);
	signal_eventfd(registered_for_marks());
	cr_assert(is_told());
	cr_assert(dispatch());
	cr_expect_not(is_told());
	cr_expect_eq(look().free_bytes, (160 - 24) * MIB);
	cr_expect_eq(look().free_bytes, (160 - 24) * MIB, "until all is well it is looked at");
	number(V1 "memory.usage_in_bytes", 800 * MIB);
	cr_expect_eq(look().free_bytes, 0);
	cr_expect_eq(look().headroom_bytes, UINT64_MAX);
	struct pressure_facts facts;
	pressure_facts(pressure, &facts);
	cr_expect_eq(facts.events, 1);
	cr_expect_eq(facts.last_event, MURAL_WATCH_THRESHOLDS);
}

/* 8 MiB unused, and 60 of page cache: enough for the mark of 48, unless the event knows better. */
static struct pressure_advice level(const char *name)
{
	begin_v1(MURAL_WATCH_PRESSURE_LEVEL, 120 * MIB, 128 * MIB, 60 * MIB);
	look();
	signal_eventfd(registered(name));
	cr_assert(is_told());
	cr_assert(dispatch());
	return look();
}

Test(pressure_events, low_pressure_counts_all_page_cache)
{
	struct pressure_advice advice = level("low,hierarchy");
	cr_expect_eq(advice.headroom_bytes, 68 * MIB);
	cr_expect_eq(advice.free_bytes + advice.event_bytes, 0);
	cr_expect_eq(advice.level, MURAL_PRESSURE_NONE);
}

Test(pressure_events, medium_pressure_counts_half_of_it)
{
	level("low,hierarchy");
	file(V1 "memory.stat", "total_inactive_file 83886080\n");
	signal_eventfd(registered("medium,hierarchy"));
	cr_assert(dispatch());
	cr_expect_eq(look().event_bytes, 0, "8 and 40 MiB are enough");
	file(V1 "memory.stat", "total_inactive_file 62914560\n");
	signal_eventfd(registered("medium,hierarchy"));
	cr_assert(dispatch());
	struct pressure_advice advice = look();
	cr_expect_eq(advice.event_bytes, (60 - 38) * MIB);
	cr_expect_eq(advice.free_bytes, 0);
	cr_expect_eq(advice.level, MURAL_PRESSURE_MODERATE);
}

Test(pressure_events, critical_pressure_counts_none_of_it_once)
{
	struct pressure_advice advice = level("critical,hierarchy");
	cr_expect_eq(advice.event_bytes, (60 - 8) * MIB);
	cr_expect_eq(advice.level, MURAL_PRESSURE_CRITICAL);
	cr_expect_eq(look().event_bytes, 0);
	signal_eventfd(registered("low,hierarchy"));
	cr_assert(dispatch());
	cr_expect_eq(look().event_bytes, 0, "by the event before");
}

Test(pressure_events, a_group_without_a_limit_is_not_listened_to)
{
	begin_v1(MURAL_WATCH_PRESSURE_LEVEL, 120 * MIB, V1_NO_LIMIT, 0);
	look();
	cr_expect_eq(registered("low,hierarchy"), -1);
	number(V1 "memory.limit_in_bytes", 1024 * MIB);
	look();
	int fd = registered("low,hierarchy");
	cr_expect_geq(fcntl(fd, F_GETFD), 0);
	number(V1 "memory.limit_in_bytes", V1_NO_LIMIT);
	look();
	cr_expect_lt(fcntl(fd, F_GETFD), 0, "still listened to");
}

Test(pressure_events, of_several_levels_the_highest_counts)
{
	begin_v1(MURAL_WATCH_PRESSURE_LEVEL, 120 * MIB, 128 * MIB, 60 * MIB);
	look();
	signal_eventfd(registered("low,hierarchy"));
	signal_eventfd(registered("critical,hierarchy"));
	cr_assert(dispatch());
	cr_expect_eq(look().event_bytes, (60 - 8) * MIB);
}

/* As the kernel does when a group is removed: its files fail, and each eventfd is signalled. */
static void group_goes(int eventfd)
{
	file(V1 "memory.usage_in_bytes", "");
	file(V1 "memory.limit_in_bytes", "");
	signal_eventfd(eventfd);
	cr_assert(is_told());
	cr_expect_not(dispatch(), "that was no event");
	cr_expect_eq(sources(), 0);
	cr_expect_not(is_told());
	struct pressure_advice advice = look();
	cr_expect_eq(advice.free_bytes + advice.event_bytes, 0);
	cr_expect_eq(advice.level, MURAL_PRESSURE_NONE);
}

Test(pressure_events, thresholds_of_a_group_that_goes_are_left_out)
{
	begin_v1(MURAL_WATCH_THRESHOLDS, 100 * MIB, 1024 * MIB, 0);
	look();
	cr_expect_eq(sources(), MURAL_WATCH_THRESHOLDS);
	group_goes(registered_for_marks());
}

Test(pressure_events, the_pressure_level_of_a_group_that_goes_is_not_critical)
{
	begin_v1(MURAL_WATCH_PRESSURE_LEVEL, 120 * MIB, 128 * MIB, 60 * MIB);
	look();
	cr_expect_eq(sources(), MURAL_WATCH_PRESSURE_LEVEL);
	group_goes(registered("critical,hierarchy"));
}

Test(pressure_events, a_group_that_goes_unheard_is_left_out_at_the_next_look)
{
	begin_v1(MURAL_WATCH_THRESHOLDS | MURAL_WATCH_PRESSURE_LEVEL | MURAL_WATCH_CGROUP,
		100 * MIB, 128 * MIB, 0);
	look();
	file(V1 "memory.limit_in_bytes", "");
	cr_expect_eq(look().headroom_bytes, UINT64_MAX);
	cr_expect_eq(sources(), 0);
}

/* How many of the sources are of a group that a test has made. */
static unsigned of_test_groups(void)
{
	const char *name;
	unsigned count = 0;
	for (unsigned i = 0; (name = pressure_source_name(pressure, i)); i++)
		count += strstr(name, "/mural-test-") != NULL;
	return count;
}

/* The kernel's own, where this machine has them: this process leaves the group, which is removed
 * then. */
Test(pressure_events, a_real_group_of_version_1_that_is_removed_is_left_out, .timeout = 60)
{
	const struct test_group top = {"/sys/fs/cgroup/memory", false};
	struct test_group group;
	const struct pressure_options options = {.sources = MURAL_WATCH_THRESHOLDS |
							    MURAL_WATCH_PRESSURE_LEVEL |
							    MURAL_WATCH_CGROUP};
	if (!test_group_create(&group, 1024 * MIB))
		cr_skip("no control group can be made here (not root, or no memory controller)");
	if (group.v2) {
		test_group_remove(&group);
		cr_skip("the memory controller is one of version 2");
	}
	test_group_move(&group, getpid());
	cr_assert_eq(pressure_create(&options, now_ns, &pressure), 0);
	look();
	cr_expect_eq(of_test_groups(), 3, "numbers, thresholds, pressure level");
	test_group_move(&top, getpid());
	test_group_remove(&group);
	while (of_test_groups() > 1) {
		struct pollfd polled = {.fd = pressure_fd(pressure), .events = POLLIN};
		cr_assert_eq(poll(&polled, 1, -1), 1);
		cr_expect_not(dispatch(), "the end of a group is no event");
	}
	struct pressure_advice advice = look();
	cr_expect_eq(of_test_groups(), 0);
	cr_expect_eq(advice.event_bytes, 0);
}

Test(pressure_events, a_machine_without_them_has_no_such_sources)
{
	meminfo(6000 * MIB);
	file("proc/self/cgroup", "4:memory:/a\n0::/app\n");
	group_v1("/a", 0, 1024 * MIB, 0);
	group_v2("/app", 0, "max\n", "max\n");
	begin_with(UINT32_MAX);
	cr_expect_eq(sources(), MURAL_WATCH_MEMINFO | MURAL_WATCH_CGROUP);
}

/* ---- cgroup v2 ---- */

static void begin_v2(void)
{
	file("proc/self/cgroup", "0::/app\n");
	group_v2("/app", 120 * MIB, "134217728\n", "max\n");
	file(V2 "memory.stat", "inactive_file 62914560\n");
	file(V2 "memory.events", "low 0\nhigh 3\nmax 5\noom 0\noom_kill 0\n");
	begin_with(MURAL_WATCH_EVENTS);
	look();
	dispatch();
}

/* Written in place and at once, as the kernel's files change. */
static void events(const char *text)
{
	CLEANUP(close_p) int fd = open(machine_path(V2 "memory.events"), O_WRONLY);
	cr_assert_eq(pwrite(fd, text, strlen(text), 0), (ssize_t)strlen(text));
}

Test(pressure_events, a_group_that_reached_its_limit_is_looked_at)
{
	begin_v2();
	cr_expect_eq(look().headroom_bytes, UINT64_MAX);
	events("low 0\nhigh 3\nmax 6\noom 0\noom_kill 0\n");
	cr_assert(is_told());
	cr_assert(dispatch());
	struct pressure_advice advice = look();
	cr_expect_eq(advice.headroom_bytes, 68 * MIB);
	cr_expect_eq(advice.event_bytes, 0);
}

Test(pressure_events, a_group_without_a_limit_tells_of_others)
{
	begin_v2();
	file(V2 "memory.max", "max\n");
	events("low 0\nhigh 3\nmax 6\noom 1\noom_kill 0\n");
	cr_expect(is_told());
	cr_expect_not(dispatch());
}

Test(pressure_events, a_group_that_is_out_of_memory_has_no_page_cache_left)
{
	begin_v2();
	events("low 0\nhigh 3\nmax 6\noom 1\noom_kill 0\n");
	cr_assert(dispatch());
	cr_expect_eq(look().event_bytes, (60 - 8) * MIB);
}

Test(pressure_events, counts_that_are_what_they_were_tell_nothing)
{
	begin_v2();
	events("low 9\nhigh 3\nmax 5\noom 0\noom_kill 0\n");
	cr_expect(is_told());
	cr_expect_not(dispatch());
	cr_expect_not(is_told());
}

Test(pressure_events, a_group_whose_events_are_gone_is_left_out)
{
	begin_v2();
	cr_expect_eq(sources(), MURAL_WATCH_EVENTS);
	CLEANUP(close_p) int fd = open(machine_path(V2 "memory.events"), O_WRONLY | O_TRUNC);
	cr_expect_not(dispatch());
	cr_expect_eq(sources(), 0);
}

/* ---- stalls ---- */

static void stalls(uint64_t total_us)
{
	char text[256];
	snprintf(text, sizeof(text),
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=%llu\n"
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n",
		(unsigned long long)total_us);
	file("proc/pressure/memory", text);
}

/* The kind by itself: a plain file takes the trigger, and can not be waited for. */
static struct source *psi(uint64_t total_us)
{
	static struct source_list list = {.wanted = MURAL_WATCH_PSI};
	static char root[256];
	meminfo_with_cache(100 * MIB, 4000 * MIB);
	stalls(total_us);
	snprintf(root, sizeof(root), "%s", machine_path(""));
	list.root = root;
	list.count = 0;
	source_add_psi(&list);
	cr_assert_eq(list.count, 1);
	stalls(total_us);
	cr_assert(list.source[0]->kind->after(list.source[0], now_ns));
	return list.source[0];
}

static enum source_event told(struct source *source)
{
	return source->kind->event(source, now_ns);
}

Test(pressure_events, the_kernels_first_word_of_stalls_is_not_believed)
{
	struct source *source = psi(123456789);
	cr_expect_eq(told(source), EVENT_NOTHING);
	stalls(123456789 + 99999);
	cr_expect_eq(told(source), EVENT_NOTHING);
	stalls(123456789 + 100000);
	cr_expect_eq(told(source), EVENT_STALL);
	cr_expect_eq(told(source), EVENT_NOTHING, "it was told already");
	source_free(source);
}

Test(pressure_events, stalls_of_long_ago_are_not_added_up)
{
	struct source *source = psi(0);
	for (uint64_t i = 1; i <= 20; i++) {
		now_ns += SECOND;
		stalls(i * 30000);
		cr_assert(source->kind->after(source, now_ns));
		cr_expect_eq(told(source), EVENT_NOTHING, "second %llu", (unsigned long long)i);
	}
	now_ns += 10 * SECOND; /* nobody has looked */
	stalls(900000);
	cr_expect_eq(told(source), EVENT_NOTHING);
	stalls(1000000);
	cr_expect_eq(told(source), EVENT_STALL);
	source_free(source);
}

/* Whoever polls for a trigger's event takes it away, also for the set that it stands in. */
Test(pressure_events, stalls_are_asked_for_whatever_the_set_of_descriptors_says)
{
	meminfo_with_cache(100 * MIB, 4000 * MIB);
	stalls(0);
	begin_with(MURAL_WATCH_PSI);
	stalls(0);
	look();
	cr_expect_not(dispatch());
	stalls(150000);
	cr_expect_not(is_told());
	cr_expect(dispatch());
	cr_expect_eq(look().event_bytes, (256 + 64 - 100) * MIB);
	cr_expect_not(dispatch());
}

Test(pressure_events, stalls_that_can_no_longer_be_read_end_the_source)
{
	struct source *source = psi(0);
	file("proc/pressure/memory", "");
	cr_expect_eq(told(source), EVENT_GONE);
	source_free(source);
}
