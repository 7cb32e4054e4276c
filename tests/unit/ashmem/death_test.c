/* kill -9 at every store to shared memory inside pin, unpin, purge and recovery: others go on, and
 * never see wrong bytes.
 *
 * The library is compiled a second time with death points here. A child counts them and kills
 * itself at the n-th; n rises until the operation gets through alive. The parent looks before the
 * child is reaped, while it is a zombie with a valid number, and again in every other round after
 * it. */
#include "common/death_point.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define PAGES 16
#define MANY 500 /* no operation has so many steps */

struct scene {
	int fd;
	unsigned char *at;
	struct ashmem_handle *handle;
};

static void fill(struct scene *scene)
{
	for (size_t page = 0; page < PAGES; page++)
		scene->at[page * PAGE] = (unsigned char)(page + 1);
}

/* Ranges [2,4) purged, [6,9), [9,10), [12,15) unpinned in this order, the rest pinned. */
static struct scene set_scene(void)
{
	struct scene scene = {
		.fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "death", PAGES * PAGE)};
	size_t freed;
	cr_assert(scene.fd >= 0);
	scene.at = ashmem_mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, scene.fd, 0);
	cr_assert(scene.at != MAP_FAILED);
	cr_assert_eq(ashmem_attach(scene.fd, &scene.handle), 0);
	fill(&scene);
	cr_assert_eq(ashmem_handle_unpin(scene.handle, 2 * PAGE, 2 * PAGE), 0);
	cr_assert_eq(ashmem_handle_purge(scene.handle, 0, 0, &freed), 0);
	cr_assert_eq(ashmem_handle_unpin(scene.handle, 6 * PAGE, 3 * PAGE), 0);
	cr_assert_eq(ashmem_handle_unpin(scene.handle, 9 * PAGE, PAGE), 0);
	cr_assert_eq(ashmem_handle_unpin(scene.handle, 12 * PAGE, 3 * PAGE), 0);
	return scene;
}

static void strike_scene(struct scene *scene)
{
	ashmem_detach(scene->handle);
	ashmem_munmap(scene->at, PAGES * PAGE);
	close(scene->fd);
}

static void pin_whole(struct scene *scene)
{
	ashmem_handle_pin(scene->handle, 0, 0);
}

static void pin_middle(struct scene *scene)
{
	ashmem_handle_pin(scene->handle, 13 * PAGE, PAGE);
}

static void pin_several(struct scene *scene)
{
	ashmem_handle_pin(scene->handle, 3 * PAGE, 10 * PAGE);
}

static void unpin_new(struct scene *scene)
{
	ashmem_handle_unpin(scene->handle, 0, PAGE);
}

static void unpin_bridging(struct scene *scene)
{
	ashmem_handle_unpin(scene->handle, 8 * PAGE, 5 * PAGE);
}

static void unpin_whole(struct scene *scene)
{
	ashmem_handle_unpin(scene->handle, 0, 0);
}

static void unpin_by_descriptor(struct scene *scene)
{
	ashmem_unpin_region(scene->fd, 4 * PAGE, PAGE);
}

static void shrink_some(struct scene *scene)
{
	(void)scene;
	ashmem_shrink(PAGE);
}

static void purge_inside(struct scene *scene)
{
	size_t freed;
	ashmem_handle_purge(scene->handle, 0, 0, &freed);
}

static void purge_everything(struct scene *scene)
{
	ashmem_purge_all_caches(scene->fd);
}

static void narrow_mask(struct scene *scene)
{
	ashmem_set_prot_region(scene->fd, PROT_READ);
}

static void read_status(struct scene *scene)
{
	ashmem_handle_status(scene->handle, 0, 0);
}

struct act {
	const char *name;
	void (*run)(struct scene *);
};

static const struct act acts[] = {
	{"pin whole", pin_whole},
	{"pin middle", pin_middle},
	{"pin several", pin_several},
	{"unpin new", unpin_new},
	{"unpin bridging", unpin_bridging},
	{"unpin whole", unpin_whole},
	{"unpin by fd", unpin_by_descriptor},
	{"shrink", shrink_some},
	{"purge inside", purge_inside},
	{"purge everything", purge_everything},
	{"mask", narrow_mask},
	{"status", read_status},
};

/* Runs @act in a child that dies at @step; true when it did. The child is left a zombie. */
static bool die_in(struct scene *scene, void (*act)(struct scene *), long step, pid_t *ret_child)
{
	siginfo_t how = {0};
	pid_t child = fork();
	cr_assert(child >= 0);
	if (child == 0) {
		mural_death_step = step;
		act(scene);
		_exit(0);
	}
	cr_assert_eq(waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT), 0);
	*ret_child = child;
	cr_assert(how.si_code == CLD_EXITED || how.si_status == SIGKILL);
	return how.si_code == CLD_KILLED;
}

static void reap(pid_t child)
{
	cr_assert_eq(waitpid(child, NULL, 0), child);
}

/* Whoever comes next can use the region, and is told of every byte that is not there. */
static void check_usable(struct scene *scene, const char *act, long step)
{
	size_t freed;
	for (size_t page = 0; page < PAGES; page++) {
		int status = ashmem_handle_status(scene->handle, page * PAGE, PAGE);
		cr_assert(status >= 0, "%s, step %ld: status of page %zu fails", act, step, page);
		int pinned = ashmem_handle_pin(scene->handle, page * PAGE, PAGE);
		cr_assert(pinned >= 0, "%s, step %ld: pin of page %zu fails", act, step, page);
		bool intact = scene->at[page * PAGE] == page + 1,
		     zero = scene->at[page * PAGE] == 0;
		/* Purged is told once: the answer may have died with the one who asked (A42). */
		bool told = (page == 2 || page == 3) && strncmp(act, "pin", 3) == 0;
		cr_assert(intact || ((pinned || told) && zero),
			"%s, step %ld: page %zu was pinned with %d and has %d", act, step, page,
			pinned, scene->at[page * PAGE]);
		if (page < 2 || page == 5 || page == 15)
			cr_assert(intact || strncmp(act, "unpin", 5) == 0,
				"%s, step %ld: a pinned page is lost", act, step);
		scene->at[page * PAGE] = (unsigned char)(page + 1);
	}
	cr_assert_eq(ashmem_handle_status(scene->handle, 0, 0), ASHMEM_IS_PINNED);
	cr_assert_eq(ashmem_handle_unpin(scene->handle, 0, 0), 0);
	cr_assert_eq(ashmem_handle_purge(scene->handle, 0, 0, &freed), 0);
	cr_assert_eq(freed, PAGES * PAGE, "%s, step %ld: %zu bytes purged", act, step, freed);
	cr_assert_eq(ashmem_handle_pin(scene->handle, 0, 0), ASHMEM_WAS_PURGED);
}

/* Not parameterised by the table itself: Criterion carries parameters into a new program, where its
 * functions lie elsewhere. */
static void kill_at_every_step(const struct act *act)
{
	long step = 1;
	for (bool died = true; died; step++) {
		pid_t child;
		struct scene scene = set_scene();
		died = die_in(&scene, act->run, step, &child);
		if (step % 2)
			reap(child);
		if (died)
			check_usable(&scene, act->name, step);
		if (step % 2 == 0)
			reap(child);
		strike_scene(&scene);
		cr_assert_lt(step, MANY);
	}
	cr_assert_gt(step, 3, "%s: no death point was passed", act->name);
}

ParameterizedTestParameters(death, others_go_on_after_a_kill_at_any_step)
{
	static size_t indices[sizeof(acts) / sizeof(acts[0])];
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, sizeof(acts) / sizeof(acts[0]));
}

ParameterizedTest(size_t *index, death, others_go_on_after_a_kill_at_any_step, .timeout = 120)
{
	kill_at_every_step(&acts[*index]);
}

/* The one who repairs may die too. */
Test(death, repair_can_be_killed_at_any_step, .timeout = 120)
{
	long step = 1;
	for (bool died = true; died; step++) {
		pid_t first, second;
		struct scene scene = set_scene();
		cr_assert(die_in(&scene, unpin_bridging, 12, &first));
		died = die_in(&scene, pin_middle, step, &second);
		if (died)
			check_usable(&scene, "repair", step);
		reap(first);
		reap(second);
		strike_scene(&scene);
		cr_assert_lt(step, MANY);
	}
}

/* A punch that was announced and not done is finished by whoever needs its pages, so that "purged"
 * means zero. */
Test(death, announced_punch_is_finished_by_the_next_pin, .timeout = 60)
{
	bool unpunched = false;
	for (long step = 1; step < MANY; step++) {
		pid_t child;
		struct scene scene = set_scene();
		bool died = die_in(&scene, purge_inside, step, &child);
		bool was_there = scene.at[6 * PAGE] == 7;
		reap(child);
		int pinned = ashmem_handle_pin(scene.handle, 6 * PAGE, 3 * PAGE);
		if (pinned == ASHMEM_WAS_PURGED && scene.at[6 * PAGE] == 0 && was_there)
			unpunched = true;
		if (pinned == ASHMEM_NOT_PURGED)
			cr_assert_eq(scene.at[6 * PAGE], 7);
		strike_scene(&scene);
		if (!died)
			break;
	}
	cr_assert(unpunched, "no step was found between announcement and punch");
}
