/* Each helper sleeps on a semaphore of its own: glibc's need no system call but futex. */
#include "producer/team.h"
#include "producer/codec.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

/* Enough for libjpeg, libpng and zlib, whose buffers are on the heap. A sanitizer needs more, and
 * its build counts no memory. */
#ifdef MURAL_SANITIZED
#define STACK_BYTES ((size_t)1 << 20)
#else
#define STACK_BYTES ((size_t)192 << 10)
#endif

struct helper {
	pthread_t thread;
	sem_t work, done, runs; /* runs: posted once, from the thread's own code */
	struct team_task *task; /* NULL: to end */
	bool busy;              /* known to the thread that hands out work alone */
};

struct team {
	unsigned count;
	struct helper helpers[JOB_THREADS_MAX];
};

static void wait_for(sem_t *semaphore)
{
	while (sem_wait(semaphore) < 0)
		continue; /* a signal */
}

static void *help(void *context)
{
	struct helper *helper = context;
	codec_prepare_thread();
	sem_post(&helper->runs);
	for (;;) {
		wait_for(&helper->work);
		if (!helper->task)
			return NULL;
		helper->task->run(helper->task->context);
		sem_post(&helper->done);
	}
}

static bool helper_start(struct helper *helper)
{
	pthread_attr_t attributes;
	if (sem_init(&helper->work, 0, 0) < 0 || sem_init(&helper->done, 0, 0) < 0 ||
		sem_init(&helper->runs, 0, 0) < 0 || pthread_attr_init(&attributes) != 0)
		return false;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	bool started = pthread_create(&helper->thread, &attributes, help, helper) == 0;
	pthread_attr_destroy(&attributes);
	if (started)
		wait_for(&helper->runs);
	return started;
}

struct team *team_create(unsigned helpers)
{
	struct team *team = helpers > 0 ? calloc(1, sizeof(*team)) : NULL;
	if (!team)
		return NULL;
	while (team->count < helpers && team->count < JOB_THREADS_MAX &&
		helper_start(&team->helpers[team->count]))
		team->count++;
	if (team->count > 0)
		return team;
	free(team);
	return NULL;
}

void team_destroy(struct team *team)
{
	if (!team)
		return;
	for (unsigned i = 0; i < team->count; i++) {
		struct helper *helper = &team->helpers[i];
		helper->task = NULL;
		sem_post(&helper->work);
		pthread_join(helper->thread, NULL);
		sem_destroy(&helper->work);
		sem_destroy(&helper->done);
		sem_destroy(&helper->runs);
	}
	free(team);
}

unsigned team_free(const struct team *team)
{
	unsigned count = 0;
	for (unsigned i = 0; team && i < team->count; i++)
		count += !team->helpers[i].busy;
	return count;
}

bool team_start(struct team *team, struct team_task *task)
{
	task->helper = NULL;
	for (unsigned i = 0; team && i < team->count; i++) {
		struct helper *helper = &team->helpers[i];
		if (helper->busy)
			continue;
		helper->busy = true;
		helper->task = task;
		task->helper = helper;
		sem_post(&helper->work);
		return true;
	}
	return false;
}

void team_wait(struct team_task *task)
{
	struct helper *helper = task->helper;
	if (!helper)
		return;
	wait_for(&helper->done);
	helper->busy = false;
	task->helper = NULL;
}
