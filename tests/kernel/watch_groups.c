/* The watching of memory in a real control group of version 2, as root of a machine of its own:
 * memory.high, memory.max, memory.events and memory.pressure are the kernel's, and what fills the
 * group are processes. This one is in the group /outer/inner. */
#include "pool/pressure.h"
#include "support/group.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB ((uint64_t)1 << 20)
#define NO_LIMIT UINT64_MAX
#define NOBODY 65534
#define EVENT_NS UINT64_C(60000000000) /* only what never comes meets it */

static struct test_group outer = {"/sys/fs/cgroup/outer", true};
static struct test_group inner = {"/sys/fs/cgroup/outer/inner", true};
static struct test_group other = {"/sys/fs/cgroup/other", true};
static struct pressure *pressure;

static void must(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "watch_groups: not so: %s\n", what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void set(const struct test_group *group, const char *file, const char *text)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", group->folder, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static void limit(const struct test_group *group, const char *file, uint64_t bytes)
{
	char text[32] = "max";
	if (bytes != NO_LIMIT)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	set(group, file, text);
}

static void no_limits(void)
{
	limit(&outer, "memory.max", NO_LIMIT);
	limit(&inner, "memory.max", NO_LIMIT);
	limit(&inner, "memory.high", NO_LIMIT);
}

static void make_groups(void)
{
	must(mkdir(outer.folder, 0755) == 0, "a group can be made");
	set(&outer, "cgroup.subtree_control", "+memory");
	must(mkdir(inner.folder, 0755) == 0, "and one in it");
	must(mkdir(other.folder, 0755) == 0, "and one beside them");
	test_group_move(&inner, getpid());
}

static void watch_in(const char *root, uint32_t sources)
{
	const struct pressure_options options = {.root = root, .sources = sources};
	pressure_destroy(pressure);
	must(pressure_create(&options, now_ns(), &pressure) == 0, "the watching begins");
}

static void watch(uint32_t sources)
{
	watch_in(NULL, sources);
}

static struct pressure_advice look(void)
{
	struct pressure_advice advice;
	pressure_look(pressure, now_ns(), &advice);
	return advice;
}

static struct pressure_facts facts(void)
{
	struct pressure_facts facts;
	pressure_facts(pressure, &facts);
	return facts;
}

/* ---- what is found ---- */

static bool is_watched(const char *wanted)
{
	const char *name;
	for (unsigned i = 0; (name = pressure_source_name(pressure, i)); i++)
		if (strcmp(name, wanted) == 0)
			return true;
	fprintf(stderr, "watch_groups: \"%s\" is not among:", wanted);
	for (unsigned i = 0; (name = pressure_source_name(pressure, i)); i++)
		fprintf(stderr, " \"%s\"", name);
	fputc('\n', stderr);
	return false;
}

static void all_sources_are_found(void)
{
	watch(UINT32_MAX);
	look();
	must(facts().sources == (MURAL_WATCH_MEMINFO | MURAL_WATCH_CGROUP | MURAL_WATCH_EVENTS |
					MURAL_WATCH_PSI),
		"meminfo, cgroup, events and psi are watched");
	must(is_watched("cgroup v2 /outer/inner"), "the group's numbers");
	must(is_watched("cgroup v2 /outer"), "those of the group above");
	must(is_watched("events /outer/inner"), "the group's events");
	must(is_watched("stalls"), "a trigger for the machine's stalls");
	must(is_watched("stalls in /outer/inner"), "one for the group's");
	puts("all sources are found, and both triggers are taken");
}

/* ---- headroom ---- */

/* What is left below @bytes, all but what this process itself uses. */
static bool is_headroom_of(uint64_t bytes)
{
	uint64_t headroom = look().headroom_bytes;
	if (headroom <= bytes && headroom + test_group_usage(&outer) + MIB >= bytes)
		return true;
	fprintf(stderr, "watch_groups: %llu bytes of headroom\n", (unsigned long long)headroom);
	return false;
}

static void the_lowest_limit_counts(void)
{
	no_limits();
	watch(MURAL_WATCH_CGROUP);
	must(look().headroom_bytes == UINT64_MAX, "no limit is no headroom to speak of");
	limit(&inner, "memory.max", 128 * MIB);
	watch(MURAL_WATCH_CGROUP);
	must(is_headroom_of(128 * MIB), "memory.max counts");
	limit(&inner, "memory.high", 96 * MIB);
	must(is_headroom_of(96 * MIB), "memory.high counts where it is lower");
	limit(&outer, "memory.max", 80 * MIB);
	watch(MURAL_WATCH_CGROUP);
	must(is_headroom_of(80 * MIB), "the group above counts where it is lower still");
	puts("the lowest of memory.high and memory.max up the tree is the limit");
}

/* ---- events ---- */

/* Looks as often as it is advised to, as the producer does, until a source tells of something. */
static bool is_told(void)
{
	struct pollfd polled = {.fd = pressure_fd(pressure), .events = POLLIN};
	for (uint64_t end_ns = now_ns() + EVENT_NS; now_ns() < end_ns;) {
		poll(&polled, 1, (int)(look().next_ns / 1000000));
		if (pressure_dispatch(pressure, now_ns()))
			return true;
	}
	return false;
}

static int end(pid_t hog)
{
	int status = 0;
	kill(hog, SIGKILL);
	waitpid(hog, &status, 0);
	return status;
}

static void reaching_high_is_told(void)
{
	no_limits();
	limit(&inner, "memory.max", 128 * MIB);
	limit(&inner, "memory.high", 32 * MIB);
	watch(MURAL_WATCH_EVENTS);
	look();
	must(look().headroom_bytes == UINT64_MAX, "nothing is read until something is told");
	pid_t hog = test_group_hog(&inner, 48 * MIB, 0, true);
	must(is_told(), "memory.events tells of memory.high");
	must(facts().last_event == MURAL_WATCH_EVENTS, "it was memory.events");
	must(look().free_bytes > 0, "and the numbers say how much is to go");
	end(hog);
	puts("memory.events wakes when memory.high is reached");
}

static void being_out_of_memory_is_told(void)
{
	int status = 0;
	no_limits();
	limit(&inner, "memory.max", 64 * MIB);
	watch(MURAL_WATCH_EVENTS);
	look();
	pid_t hog = test_group_hog(&inner, 96 * MIB, 0, false);
	waitpid(hog, &status, 0);
	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "the kernel kills the hog");
	must(is_told(), "memory.events tells of it");
	must(facts().last_event == MURAL_WATCH_EVENTS, "it was memory.events");
	must(look().headroom_bytes <= 64 * MIB, "and the group is looked at");
	puts("memory.events wakes when the group was out of memory");
}

/* ---- stalls ---- */

/* A machine of which only one of the triggers is to be seen, and so only that one can tell. */
static void make_views(void)
{
	must(mkdir("/tmp/group", 0755) == 0 && mkdir("/tmp/group/proc", 0755) == 0 &&
			symlink("/proc/self", "/tmp/group/proc/self") == 0 &&
			symlink("/sys", "/tmp/group/sys") == 0,
		"a view of the groups alone");
	must(mkdir("/tmp/machine", 0755) == 0 && mkdir("/tmp/machine/proc", 0755) == 0 &&
			symlink("/proc/meminfo", "/tmp/machine/proc/meminfo") == 0 &&
			symlink("/proc/pressure", "/tmp/machine/proc/pressure") == 0,
		"a view of the machine alone");
}

/* A process of @user that watches, and ends when it is told. */
static void be_told(const char *view, uid_t user, const char *trigger, unsigned count, int ready)
{
	must(setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0, "setresuid");
	watch_in(view, MURAL_WATCH_PSI);
	must(is_watched(trigger), "the trigger is taken");
	must(!pressure_source_name(pressure, count), "and no others");
	look();
	must(write(ready, "", 1) == 1, "write");
	must(is_told(), "the trigger tells of stalls");
	must(facts().last_event == MURAL_WATCH_PSI, "it was a trigger");
	_exit(0);
}

/* Who is over memory.high is made to wait by the kernel: that is a stall, of the group and of the
 * machine. @trigger is one of @count, which are all the group's or all the machine's. */
static void stalls_are_told(const char *view, uid_t user, const char *trigger, unsigned count)
{
	int ready[2], status = 0;
	char byte;
	no_limits();
	limit(&inner, "memory.high", 32 * MIB);
	must(pipe(ready) == 0, "pipe");
	pid_t watcher = fork();
	if (watcher == 0)
		be_told(view, user, trigger, count, ready[1]);
	close(ready[1]);
	must(read(ready[0], &byte, 1) == 1, "it watches");
	close(ready[0]);
	pid_t hog = test_group_hog(&inner, 96 * MIB, 0, true);
	must(waitpid(watcher, &status, 0) == watcher && status == 0, trigger);
	end(hog);
	printf("stalls wake by the trigger \"%s\"\n", trigger);
}

/* Who may not have windows of a second gets such of two (Linux 6.5, and 6.1 from 6.1.42 on). */
static void each_trigger_tells_of_stalls(void)
{
	char path[512];
	make_views();
	snprintf(path, sizeof(path), "%s/memory.pressure", inner.folder);
	must(chown(path, NOBODY, NOBODY) == 0, "the group's file is given to another user");
	stalls_are_told("/tmp/group", 0, "stalls in /outer/inner", 2); /* and in /outer */
	stalls_are_told("/tmp/machine", 0, "stalls", 1);
	stalls_are_told("/tmp/group", NOBODY, "stalls in /outer/inner, 2 s windows", 1);
	stalls_are_told("/tmp/machine", NOBODY, "stalls, 2 s windows", 1);
}

/* ---- coming and going ---- */

static void a_group_that_goes_is_left_and_the_new_one_followed(void)
{
	struct pressure_advice advice;
	no_limits();
	limit(&inner, "memory.max", 128 * MIB);
	limit(&other, "memory.max", 96 * MIB);
	watch(UINT32_MAX);
	must(look().headroom_bytes <= 128 * MIB, "the group's limit counts");
	test_group_move(&other, getpid());
	must(rmdir(inner.folder) == 0, "the group can go");
	pressure_dispatch(pressure, now_ns());
	look();
	must((facts().sources & MURAL_WATCH_MEMINFO) != 0, "the others are still watched");
	pressure_look(pressure, now_ns() + 2 * UINT64_C(1000000000), &advice);
	must(is_watched("cgroup v2 /other"), "a second later the new group is watched");
	must(is_watched("stalls in /other"), "with its stalls");
	must(advice.headroom_bytes <= 96 * MIB, "and its limit counts");
	puts("a group that goes is no error, and the new one is followed");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	make_groups();
	all_sources_are_found();
	the_lowest_limit_counts();
	reaching_high_is_told();
	being_out_of_memory_is_told();
	each_trigger_tells_of_stalls();
	a_group_that_goes_is_left_and_the_new_one_followed();
	pressure_destroy(pressure);
	return 0;
}
