/* The background shrinker: a thread that keeps some memory free by purging what this process has
 * unpinned. */
#include "common/ashmem/headroom.h"
#include "common/util.h"

#include <ashmem/ashmem.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#define FASTEST_BYTES_PER_MS ((uint64_t)2 << 20) /* how fast somebody may eat what is left */
#define MIN_MS 2
#define MAX_MS 500

struct ashmem_shrinker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopping;
	bool stop; /* under the lock */
	uint64_t low, high;
	_Atomic size_t freed;
};

/* How long to look away: nothing may be able to reach the low mark meanwhile. */
static uint64_t pause_ms(const struct ashmem_shrinker *shrinker, uint64_t left)
{
	uint64_t ms = left > shrinker->low ? (left - shrinker->low) / FASTEST_BYTES_PER_MS : 0;
	return max_u64(MIN_MS, min_u64(MAX_MS, ms));
}

/* Purges if need be; gives the milliseconds to the next look. */
static uint64_t look(struct ashmem_shrinker *shrinker)
{
	uint64_t left = memory_headroom();
	if (left >= shrinker->low)
		return pause_ms(shrinker, left);
	size_t freed = ashmem_shrink(shrinker->high - left);
	shrinker->freed += freed;
	return freed > 0 ? MIN_MS : MAX_MS / 10; /* with nothing to purge, haste helps nobody */
}

static void *watch(void *arg)
{
	struct ashmem_shrinker *shrinker = arg;
	pthread_mutex_lock(&shrinker->lock);
	while (!shrinker->stop) {
		pthread_mutex_unlock(&shrinker->lock);
		uint64_t until = monotonic_ns() + look(shrinker) * 1000000;
		const struct timespec deadline = {.tv_sec = (time_t)(until / 1000000000),
			.tv_nsec = (long)(until % 1000000000)};
		pthread_mutex_lock(&shrinker->lock);
		if (!shrinker->stop)
			pthread_cond_timedwait(&shrinker->stopping, &shrinker->lock, &deadline);
	}
	pthread_mutex_unlock(&shrinker->lock);
	return NULL;
}

static int start_thread(struct ashmem_shrinker *shrinker)
{
	sigset_t all, before;
	pthread_condattr_t clock;
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&shrinker->stopping, &clock);
	pthread_condattr_destroy(&clock);
	pthread_mutex_init(&shrinker->lock, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int error = pthread_create(&shrinker->thread, NULL, watch, shrinker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

int ashmem_shrinker_start(size_t low_bytes, size_t high_bytes, struct ashmem_shrinker **ret)
{
	if (low_bytes > high_bytes) {
		errno = EINVAL;
		return -1;
	}
	struct ashmem_shrinker *shrinker = calloc(1, sizeof(*shrinker));
	if (!shrinker)
		return -1;
	shrinker->low = low_bytes;
	shrinker->high = high_bytes;
	int error = start_thread(shrinker);
	if (error) {
		free(shrinker);
		errno = error;
		return -1;
	}
	*ret = shrinker;
	return 0;
}

size_t ashmem_shrinker_freed(const struct ashmem_shrinker *shrinker)
{
	return shrinker->freed;
}

void ashmem_shrinker_stop(struct ashmem_shrinker *shrinker)
{
	if (!shrinker)
		return;
	pthread_mutex_lock(&shrinker->lock);
	shrinker->stop = true;
	pthread_cond_signal(&shrinker->stopping);
	pthread_mutex_unlock(&shrinker->lock);
	pthread_join(shrinker->thread, NULL);
	pthread_cond_destroy(&shrinker->stopping);
	pthread_mutex_destroy(&shrinker->lock);
	free(shrinker);
}
