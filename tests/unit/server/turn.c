/* Who gets helper threads: what has the cores to itself. */
#include "decode.h"

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
	for (unsigned i = 0; i < PRIORITIES; i++)
		list_init(&scene->server.queued[i]);
	list_init(&scene->server.running);
	list_init(&scene->other.queue);
	list_init(&scene->other.running_node);
	scene->entry.stage = scene->other.stage = ENTRY_DECODE;
	scene->entry.priority = scene->other.priority = MURAL_PRIORITY_VISIBLE;
}

static void run_other(struct scene *scene)
{
	list_append(&scene->server.running, &scene->other.running_node);
	scene->server.decoding += scene->other.stage == ENTRY_DECODE;
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

Test(turn, a_prefetch_has_one)
{
	struct scene scene;
	scene_init(&scene);
	scene.entry.priority = MURAL_PRIORITY_PREFETCH;
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, another_decode_has_one_of_them)
{
	struct scene scene;
	scene_init(&scene);
	scene.other.priority = MURAL_PRIORITY_PREFETCH;
	run_other(&scene);
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, what_is_as_urgent_and_waits_will_have_one)
{
	struct scene scene;
	scene_init(&scene);
	list_append(&scene.server.queued[MURAL_PRIORITY_VISIBLE], &scene.other.queue);
	cr_expect_eq(helpers(&scene), 0);
}

Test(turn, what_is_less_urgent_and_waits_will_not)
{
	struct scene scene;
	scene_init(&scene);
	list_append(&scene.server.queued[MURAL_PRIORITY_PREFETCH], &scene.other.queue);
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
