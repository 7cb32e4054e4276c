/* The lock of the process-wide lists, and what fork has to do with it. */
#include "common/object_lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void object_lock(void)
{
	pthread_mutex_lock(&lock);
}

void object_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void watch_forks(void)
{
	pthread_atfork(object_lock, object_unlock, object_unlock);
}
