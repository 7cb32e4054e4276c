/* Who gets helper threads: what has the cores to itself, or from what gives way. And what does. */
#include "decode.h"
#include "worker.h"

#include <criterion/criterion.h>

enum { WORKERS = 2 };

/* A server that runs @other, and is about to run @entry. */
struct scene {
	struct server server;
	struct entry entry, other;
};

static void scene_init(struct scene *scene)
{
	*scene = (struct scene){.server.options.workers = WORKERS};
	for (unsigned i = 0; i < PRIORITIES * QUEUES; i++)
		list_init(&scene->server.queued[i / QUEUES][i % QUEUES]);
	list_init(&scene->server.running);
	list_init(&scene->server.roomless);
	list_init(&scene->other.queue);
	list_init(&scene->other.running_node);
	scene->entry.stage = scene->other.stage = ENTRY_DECODE;
	scene->entry.priority = scene->other.priority = MURAL_PRIORITY_VISIBLE;
	scene->entry.facts.helpers = JOB_THREADS_MAX;
	scene->entry.order = 1;
	scene->other.order = 2;
}

static void run_other(struct scene *scene)
{
	list_append(&scene->server.running, &scene->other.running_node);
}

static uint32_t helpers(const struct scene *scene)
{
	return turn_helpers(&scene->server, &scene->entry);
}

Test(turn, what_runs_alone_has_all_cores)
{
	struct scene scene;
	scene_init(&scene);
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

Test(turn, and_so_does_a_prefetch)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

Test(turn, unless_something_else_waits_or_runs)
{
	for (uint32_t priority = MURAL_PRIORITY_PREFETCH; priority < PRIORITIES; priority++) {
		struct scene scene;
		scene_init(&scene);
		scene.entry.priority = MURAL_PRIORITY_PREFETCH;
		scene.other.priority = priority;
		list_append(&scene.server.queued[priority][QUEUE_DECODES], &scene.other.queue);
		cr_expect_eq(helpers(&scene), 0);
		list_remove(&scene.other.queue);
		run_other(&scene);
		cr_expect_eq(helpers(&scene), 0);
	}
}

Test(turn, helpers_are_no_more_than_have_something_to_do)
{
	struct scene scene;
	scene_init(&scene);
	scene.server.options.workers = 16;
	cr_expect_eq(helpers(&scene), JOB_THREADS_MAX);
	scene.entry.facts.helpers = 1;
	cr_expect_eq(helpers(&scene), 1);
	scene.entry.facts.helpers = 0;
	cr_expect_eq(helpers(&scene), 0);
	scene.entry.facts.helpers = UINT32_MAX; /* a decoder's word */
	cr_expect_eq(helpers(&scene), JOB_THREADS_MAX);
}

Test(turn, another_decode_has_some_of_the_cores)
{
	struct scene scene;
	scene_init(&scene);
	scene.server.options.workers = 4;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), 2);
	scene.other.helpers = 1;
	cr_expect_eq(helpers(&scene), 1);
	scene.other.helpers = 3;
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, one_that_is_less_urgent_gives_them)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.priority = MURAL_PRIORITY_PREFETCH;
	scene.other.helpers = 1;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

Test(turn, what_is_as_urgent_and_waits_will_have_one)
{
	struct scene scene;
	scene_init(&scene);
	list_append(
		&scene.server.queued[MURAL_PRIORITY_VISIBLE][QUEUE_DECODES], &scene.other.queue);
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, what_is_less_urgent_and_waits_will_not)
{
	struct scene scene;
	scene_init(&scene);
	list_append(
		&scene.server.queued[MURAL_PRIORITY_PREFETCH][QUEUE_DECODES], &scene.other.queue);
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

Test(turn, reading_another_header_may_lead_to_a_decode)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.stage = ENTRY_PROBE;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, looking_for_a_preview_does_not_count)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.stage = ENTRY_PROBE;
	scene.other.key.flags = PROTOCOL_PREVIEW;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

Test(turn, a_preview_counts_where_it_reads_all_of_the_file)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.key.flags = PROTOCOL_PREVIEW;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), WORKERS - 1);
	scene.other.facts.reads_all = 1;
	cr_expect_eq(helpers(&scene), 0);
}

/* Nobody knows for how long its file does not come. */
Test(turn, what_hangs_does_not_count)
{
	struct scene scene;
	scene_init(&scene);
	run_other(&scene);
	scene.other.hangs = true;
	cr_expect_eq(helpers(&scene), WORKERS - 1);
}

/* ---- giving way ---- */

/* Both run, @entry with so many helpers. */
static void run_both(struct scene *scene, uint32_t helpers)
{
	run_other(scene);
	list_init(&scene->entry.running_node);
	list_append(&scene->server.running, &scene->entry.running_node);
	scene->entry.helpers = helpers;
}

static bool gives_way(const struct scene *scene)
{
	return turn_gives_way(&scene->server, &scene->entry);
}

Test(turn, a_prefetch_with_a_helper_gives_way_to_whatever_is_seen)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	scene.other.stage = ENTRY_PROBE;
	run_both(&scene, 1);
	cr_expect(gives_way(&scene));
	scene.other.stage = ENTRY_DECODE;
	cr_expect(gives_way(&scene));
}

Test(turn, one_without_goes_on_while_a_core_is_free)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 0);
	cr_expect_not(gives_way(&scene));
	scene.other.helpers = 1;
	cr_expect(gives_way(&scene));
}

Test(turn, the_younger_of_two_gives_way_first)
{
	struct scene scene;
	scene_init(&scene);
	struct entry seen = {.stage = ENTRY_DECODE, .priority = MURAL_PRIORITY_VISIBLE};
	scene.entry.priority = scene.other.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 0);
	list_init(&seen.running_node);
	list_append(&scene.server.running, &seen.running_node);
	cr_expect_not(gives_way(&scene));
	cr_expect(turn_gives_way(&scene.server, &scene.other));
}

Test(turn, nobody_gives_way_to_what_is_as_urgent)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.order = 3; /* the younger */
	scene.other.helpers = 1;
	run_both(&scene, 1);
	cr_expect_not(gives_way(&scene));
}

Test(turn, what_is_seen_does_not_give_way_to_a_prefetch)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.priority = MURAL_PRIORITY_PREFETCH;
	scene.other.helpers = 1;
	run_both(&scene, 1);
	cr_expect_not(gives_way(&scene));
}

static void wait_for_room(struct scene *scene, struct entry *roomless, uint32_t priority)
{
	*roomless = (struct entry){.stage = ENTRY_ROOM, .priority = priority};
	list_init(&roomless->queue);
	list_append(&scene->server.roomless, &roomless->queue);
}

/* It may hold the room that is waited for. */
Test(turn, nobody_is_halted_while_somebody_waits_for_room)
{
	struct scene scene;
	scene_init(&scene);
	struct entry roomless;
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	wait_for_room(&scene, &roomless, MURAL_PRIORITY_VISIBLE);
	cr_expect_not(gives_way(&scene));
}

/* It would be decoded after what is seen in any case. */
Test(turn, unless_that_is_less_urgent_than_what_has_the_cores)
{
	struct scene scene;
	scene_init(&scene);
	struct entry roomless;
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	wait_for_room(&scene, &roomless, MURAL_PRIORITY_SOON);
	cr_expect(gives_way(&scene));
	scene.other.priority = MURAL_PRIORITY_SOON;
	cr_expect_not(gives_way(&scene));
}

/* On a dead mount it may not end for ever. */
Test(turn, nobody_gives_way_to_what_has_been_killed)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	cr_expect(gives_way(&scene));
	scene.other.kill = ENTRY_KILLED_LATE;
	cr_expect_not(gives_way(&scene));
}

/* A file on a dead mount does not come for long. */
Test(turn, nobody_gives_way_to_what_waits_for_its_file)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	scene.other.stage = ENTRY_PROBE;
	run_both(&scene, 1);
	scene.other.waits = 1;
	cr_expect_not(gives_way(&scene));
}

/* Halted, nobody could tell any more that it hangs. */
Test(turn, what_hangs_gives_way_to_nobody)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	scene.entry.hangs = true;
	cr_expect_not(gives_way(&scene));
}

/* ---- while memory is short ---- */

/* Killing nobody is harmless. */
static bool gives_up(struct scene *scene, bool running_too)
{
	struct worker nobody = {.pidfd = -1};
	scene->entry.worker = scene->other.worker = &nobody;
	bool any = decode_give_up_spare(&scene->server, running_too);
	cr_expect_eq(any, scene->entry.kill == ENTRY_KILLED_UNWANTED);
	cr_expect_eq(scene->other.kill, ENTRY_ALIVE);
	return any;
}

Test(turn, a_prefetch_that_stands_still_is_given_up_where_memory_is_short)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	scene.entry.halted_ns = 1;
	cr_expect(decode_has_spare(&scene.server));
	cr_expect_not(decode_is_leaving(&scene.server));
	cr_expect(gives_up(&scene, false));
	cr_expect_not(decode_has_spare(&scene.server));
	cr_expect(decode_is_leaving(&scene.server));
}

Test(turn, and_one_that_runs_where_nothing_else_is_left)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 0);
	cr_expect_not(gives_up(&scene, false));
	cr_expect(gives_up(&scene, true));
}

Test(turn, but_none_that_is_all_there_is_or_is_wanted_soon)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = scene.other.priority = MURAL_PRIORITY_PREFETCH;
	run_both(&scene, 1);
	cr_expect_not(gives_up(&scene, true));
	scene.other.priority = MURAL_PRIORITY_VISIBLE;
	scene.entry.priority = MURAL_PRIORITY_SOON;
	cr_expect_not(gives_up(&scene, true));
	cr_expect_not(decode_has_spare(&scene.server));
}

Test(turn, nor_a_header_that_is_read)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	scene.entry.stage = ENTRY_PROBE;
	run_both(&scene, 0);
	cr_expect_not(gives_up(&scene, true));
}

/* ---- time ---- */

/* It may not end for as long as its file's disk is away. */
Test(turn, what_has_been_killed_has_a_moment_to_go_whatever_it_is_killed_for_then)
{
	struct scene scene;
	struct worker nobody = {.pidfd = -1};
	scene_init(&scene);
	scene.other.deadline_ns = 1;
	scene.other.worker = &nobody;
	run_other(&scene);
	cr_assert_eq(decode_deadline(&scene.server), 1);
	job_kill(&scene.other, ENTRY_KILLED_LATE);
	uint64_t moment = decode_deadline(&scene.server);
	cr_expect_gt(moment, monotonic_ns() - 1);
	job_kill(&scene.other, ENTRY_KILLED_UNWANTED);
	scene.other.halted_ns = 1;
	cr_expect_eq(decode_deadline(&scene.server), moment);
}
