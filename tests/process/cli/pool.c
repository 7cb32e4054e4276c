/* mural stat, top, purge, trim, doctor: with a producer and without. */
#include "run.h"

#include "common/util.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <poll.h>
#include <pty.h>
#include <string.h>
#include <sys/wait.h>

static char *folder;

static void begin(void)
{
	folder = test_folder_create();
}

static void end(void)
{
	test_folder_remove(folder);
}

TestSuite(pool, .init = begin, .fini = end, .timeout = 120);

/* A producer with a few pictures in it. */
static void start_filled(struct test_process *producer)
{
	static const char *const args[] = {"--budget", "64M", NULL};
	test_producer_start(producer, folder, args);
	CLEANUP(free_p) char *one = strdup(test_source_path("assets/formats/jpeg-420.jpg"));
	CLEANUP(free_p) char *two = strdup(test_source_path("assets/formats/png-rgba8.png"));
	struct run run = run_mural("cat", one, two, one);
	cr_assert_eq(run.status, 0, "%s", run.err);
	run_fini(&run);
}

static json_t *parsed(const struct run *run)
{
	json_error_t error;
	json_t *object = json_loadb(run->out, run->out_size, 0, &error);
	cr_assert(object, "not JSON: %s: %s", error.text, run->out);
	return object;
}

static json_int_t number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	cr_assert(json_is_integer(value), "no number %s", name);
	return json_integer_value(value);
}

Test(pool, statistics_add_up)
{
	struct test_process producer;
	start_filled(&producer);
	struct run run = run_mural("stat", "--json");
	cr_assert_eq(run.status, 0, "%s", run.err);
	json_t *stats = parsed(&run);
	json_int_t used = number(stats, "used_bytes");
	cr_expect_eq(used, number(stats, "pinned_bytes") + number(stats, "ready_bytes") +
				   number(stats, "idle_bytes") + number(stats, "filling_bytes") +
				   number(stats, "kept_bytes") + number(stats, "overhead_bytes"));
	cr_expect_leq(used, number(stats, "budget_bytes"));
	cr_expect_eq(number(stats, "budget_bytes"), 64 << 20);
	cr_expect_eq(number(stats, "requests"), 3);
	cr_expect_eq(number(stats, "hits") + number(stats, "misses") + number(stats, "joined"), 3);
	cr_expect_eq(number(stats, "decodes"), 2, "the same picture was decoded twice");
	cr_expect_eq(number(stats, "decode_failures"), 0);
	cr_expect_eq(number(stats, "pinned_bitmaps") + number(stats, "ready_bitmaps") +
			     number(stats, "idle_bitmaps"),
		2);
	cr_expect_eq(number(stats, "sessions"), 1);
	cr_expect_eq(number(stats, "pid"), producer.pid);
	cr_expect_str_eq(json_string_value(json_object_get(stats, "driver")), "memfd");
	cr_expect_eq(strlen(json_string_value(json_object_get(stats, "instance"))), 16);
	cr_expect_gt(number(stats, "decode_cpu_ns"), 0);
	cr_expect_eq(number(stats, "redecode_cpu_ns"), 0);
	cr_expect_str_eq(json_string_value(json_object_get(stats, "order")), "cost");
	json_decref(stats);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, the_order_is_what_was_asked_for)
{
	static const char *const args[] = {"--order", "lru", NULL};
	struct test_process producer;
	test_producer_start(&producer, folder, args);
	struct run run = run_mural("stat", "--json");
	cr_assert_eq(run.status, 0, "%s", run.err);
	json_t *stats = parsed(&run);
	cr_expect_str_eq(json_string_value(json_object_get(stats, "order")), "lru");
	json_decref(stats);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, statistics_for_people_name_what_there_is)
{
	struct test_process producer;
	start_filled(&producer);
	struct run run = run_mural("stat");
	cr_expect_eq(run.status, 0, "%s", run.err);
	static const char *const parts[] = {
		"memfd driver", "of 64.0 MiB used", "pinned", "idle", "decodes  2"};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		cr_expect(strstr(run.out, parts[i]), "no \"%s\" in: %s", parts[i], run.out);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, purge_leaves_no_bitmap_that_nobody_pins)
{
	struct test_process producer;
	start_filled(&producer);
	struct run purge = run_mural("purge");
	cr_expect_eq(purge.status, 0, "%s", purge.err);
	cr_expect(strstr(purge.out, "given back"), "it said: %s", purge.out);
	struct run run = run_mural("stat", "--json");
	json_t *stats = parsed(&run);
	cr_expect_eq(number(stats, "ready_bytes") + number(stats, "idle_bytes") +
			     number(stats, "kept_bytes"),
		0);
	cr_expect_eq(number(stats, "purges"), 2);
	cr_expect_gt(number(stats, "purged_bytes"), 0);
	json_decref(stats);
	run_fini(&purge);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, trim_of_nothing_purges_nothing)
{
	struct test_process producer;
	start_filled(&producer);
	struct run trim = run_mural("trim", "0");
	cr_expect_eq(trim.status, 0, "%s", trim.err);
	cr_expect_str_eq(trim.out, "0 B given back\n");
	struct run run = run_mural("stat", "--json");
	json_t *stats = parsed(&run);
	cr_expect_eq(number(stats, "purges"), 0);
	json_decref(stats);
	run_fini(&trim);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, top_prints_one_block_a_look)
{
	struct test_process producer;
	start_filled(&producer);
	struct run run = run_mural("top", "-n", "2", "-d", "0.05");
	cr_expect_eq(run.status, 0, "%s", run.err);
	unsigned blocks = 0;
	for (const char *at = run.out; (at = strstr(at, "producer pid")); at++)
		blocks++;
	cr_expect_eq(blocks, 2, "%u blocks: %s", blocks, run.out);
	cr_expect_not(strchr(run.out, '\033'), "escape sequences although this is no terminal");
	run_fini(&run);
	test_process_fini(&producer);
}

/* Reads from a terminal's other end, behind what is in @text, until @part has come. */
static bool appears(int terminal, char text[8192], const char *part)
{
	size_t used = strlen(text);
	struct pollfd readable = {.fd = terminal, .events = POLLIN};
	if (strstr(text, part))
		return true;
	while (used < 8191 && poll(&readable, 1, TEST_TIMEOUT_MS) == 1) {
		ssize_t got = read(terminal, text + used, 8191 - used);
		if (got <= 0)
			return false;
		used += (size_t)got;
		text[used] = '\0';
		if (strstr(text, part))
			return true;
	}
	return false;
}

Test(pool, top_on_a_terminal_ends_with_q_and_gives_the_terminal_back)
{
	struct test_process producer, top;
	struct termios before, after;
	int ours, theirs;
	start_filled(&producer);
	cr_assert_eq(openpty(&ours, &theirs, NULL, NULL, NULL), 0);
	cr_assert_eq(tcgetattr(theirs, &before), 0);
	CLEANUP(free_p) char *program = strdup(test_program("mural"));
	const char *const argv[] = {program, "top", "-d", "60", NULL};
	test_process_start_to(&top, theirs, dup(theirs), argv);
	char text[8192] = "";
	cr_expect(appears(ours, text, "\033[H\033[J"), "not drawn in place");
	cr_expect(appears(ours, text, "purges"), "no block");
	cr_expect_eq(write(ours, "q", 1), 1);
	cr_assert(test_process_wait(&top, TEST_TIMEOUT_MS), "q does not end it");
	cr_expect(WIFEXITED(top.status) && WEXITSTATUS(top.status) == 0);
	cr_expect_eq(tcgetattr(theirs, &after), 0);
	cr_expect_eq(after.c_lflag, before.c_lflag);
	test_process_fini(&top);
	close(ours);
	close(theirs);
	test_process_fini(&producer);
}

Test(pool, without_a_producer_nobody_starts_one)
{
	struct run stat = run_mural("stat");
	struct run top = run_mural("top");
	struct run purge = run_mural("purge");
	struct run doctor = run_mural("doctor");
	cr_expect_eq(stat.status, 1);
	cr_expect_str_eq(stat.err, "mural: no producer is running\n");
	cr_expect_eq(top.status, 1);
	cr_expect_str_eq(top.err, "mural: no producer is running\n");
	cr_expect_eq(purge.status, 0);
	cr_expect_str_eq(purge.out, "no producer is running: nothing to throw away\n");
	cr_expect(strstr(doctor.out, "none is running"), "it said: %s", doctor.out);
	cr_expect_eq(test_producer_pid(folder), 0);
	run_fini(&stat);
	run_fini(&top);
	run_fini(&purge);
	run_fini(&doctor);
}

static const json_t *check_named(const json_t *checks, const char *name)
{
	size_t i;
	json_t *check;
	json_array_foreach(checks, i, check)
	{
		if (strcmp(json_string_value(json_object_get(check, "name")), name) == 0)
			return check;
	}
	cr_assert_fail("no check %s", name);
	return NULL;
}

static void expect_check(
	const json_t *checks, const char *name, const char *state, const char *part)
{
	const json_t *check = check_named(checks, name);
	const char *text = json_string_value(json_object_get(check, "text"));
	cr_expect_str_eq(
		json_string_value(json_object_get(check, "state")), state, "%s: %s", name, text);
	cr_expect(strstr(text, part), "%s: %s", name, text);
}

Test(pool, doctor_sees_the_producer)
{
	struct test_process producer;
	start_filled(&producer);
	struct run run = run_mural("doctor", "--json");
	cr_expect_eq(run.status, 0, "%s", run.out);
	json_t *object = parsed(&run);
	const json_t *checks = json_object_get(object, "checks");
	cr_expect_eq(number(object, "problems"), 0);
	expect_check(checks, "producer", "ok", "of 64.0 MiB used");
	expect_check(checks, "shared-memory", "ok", "memfd");
	expect_check(checks, "program", "ok", "mural-producer");
	json_decref(object);
	run_fini(&run);
	test_process_fini(&producer);
}

Test(pool, doctor_finds_what_is_wrong)
{
	cr_assert_eq(setenv("MURAL_PRODUCER", "/nowhere/mural-producer", 1), 0);
	struct run run = run_mural("doctor", "--json");
	cr_expect_eq(run.status, 1);
	json_t *object = parsed(&run);
	cr_expect_eq(number(object, "problems"), 1);
	expect_check(
		json_object_get(object, "checks"), "program", "problem", "/nowhere/mural-producer");
	json_decref(object);
	run_fini(&run);
}

Test(pool, doctor_finds_that_the_socket_can_not_be_made)
{
	cr_assert_eq(unsetenv("MURAL_SOCKET"), 0);
	cr_assert_eq(setenv("XDG_RUNTIME_DIR", "/nowhere", 1), 0);
	struct run run = run_mural("doctor", "--json");
	cr_expect_eq(run.status, 1);
	json_t *object = parsed(&run);
	expect_check(json_object_get(object, "checks"), "runtime-folder", "problem",
		"/nowhere/mural is not there and cannot be made: /nowhere: No such file");
	json_decref(object);
	run_fini(&run);
}
