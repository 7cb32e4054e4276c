/* The lock of a control block: whose it is, who may take it over, and that no wait is for ever. */
#include "common/ashmem/owner_lock.h"
#include "common/util.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t *shared_word(void)
{
	uint64_t *word = mmap(
		NULL, sizeof(*word), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(word, MAP_FAILED);
	return word;
}

/* A child that takes the lock and waits to be killed. */
static pid_t hold_in_child(uint64_t *word)
{
	pid_t child = fork();
	if (child == 0) {
		if (owner_lock_acquire(word) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
		usleep(100);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(owner_lock, is_taken_and_given_back)
{
	uint64_t *word = shared_word();
	cr_assert_eq(owner_lock_acquire(word), 0);
	cr_assert_eq((pid_t)(*word & 0x3fffffff), (pid_t)syscall(SYS_gettid));
	cr_assert_eq(owner_lock_release(word), 0);
	cr_assert_eq(*word, 0);
}

Test(owner_lock, the_same_thread_gets_a_deadlock_error)
{
	uint64_t *word = shared_word();
	cr_assert_eq(owner_lock_acquire(word), 0);
	cr_assert_eq(owner_lock_acquire(word), -EDEADLK);
}

Test(owner_lock, wait_for_a_living_owner_ends_by_time, .timeout = 20)
{
	uint64_t *word = shared_word();
	ashmem_wait_limit_ns = 20000000;
	pid_t child = hold_in_child(word);
	cr_assert_eq(owner_lock_acquire(word), -ETIMEDOUT);
	end_child(child);
}

Test(owner_lock, stopped_owner_is_not_dead, .timeout = 20)
{
	uint64_t *word = shared_word();
	ashmem_wait_limit_ns = 20000000;
	pid_t child = hold_in_child(word);
	kill(child, SIGSTOP);
	cr_assert_eq(owner_lock_acquire(word), -ETIMEDOUT);
	end_child(child);
}

Test(owner_lock, dead_owner_is_followed, .timeout = 20)
{
	uint64_t *word = shared_word();
	end_child(hold_in_child(word));
	cr_assert_eq(owner_lock_acquire(word), 0);
	cr_assert_eq(owner_lock_release(word), 0);
}

Test(owner_lock, zombie_is_dead, .timeout = 20)
{
	uint64_t *word = shared_word();
	siginfo_t how;
	pid_t child = hold_in_child(word);
	kill(child, SIGKILL);
	waitid(P_PID, (id_t)child, &how, WEXITED | WNOWAIT);
	cr_assert_eq(owner_lock_acquire(word), 0);
	waitpid(child, NULL, 0);
}

Test(owner_lock, number_used_again_is_not_the_owner, .timeout = 20)
{
	uint64_t *word = shared_word();
	pid_t child = hold_in_child(word);
	*word ^= (uint64_t)0x5555 << 32; /* as if its holder had been started at another time */
	cr_assert_eq(owner_lock_acquire(word), 0);
	end_child(child);
}

/* Our numbers mean nothing in another pid namespace, so nobody there is ever declared dead. */
Test(owner_lock, owner_in_another_namespace_is_waited_for_by_time, .timeout = 20)
{
	uint64_t *word = shared_word();
	ashmem_wait_limit_ns = 20000000;
	cr_assert_eq(owner_lock_acquire(word), 0);
	*word = (*word ^ (uint64_t)0x5555 << 48) | 0x3fffffff;
	cr_assert_eq(owner_lock_acquire(word), -ETIMEDOUT);
}

Test(owner_lock, release_of_a_word_that_was_changed_is_an_error)
{
	uint64_t *word = shared_word();
	cr_assert_eq(owner_lock_acquire(word), 0);
	*word = 12345;
	cr_assert_eq(owner_lock_release(word), -EBADMSG);
	cr_assert_eq(*word, 12345);
}

Test(owner_lock, child_is_not_its_parent, .timeout = 20)
{
	int how;
	uint64_t *word = shared_word();
	ashmem_wait_limit_ns = 20000000;
	cr_assert_eq(owner_lock_acquire(word), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(owner_lock_acquire(word) == -ETIMEDOUT ? 0 : 1);
	waitpid(child, &how, 0);
	cr_assert_eq(how, 0, "the child took itself for the owner");
}

/* A fork that does not tell the C library. */
Test(owner_lock, child_of_a_bare_clone_is_not_its_parent, .timeout = 20)
{
	int how;
	uint64_t *word = shared_word();
	ashmem_wait_limit_ns = 20000000;
	cr_assert_eq(owner_lock_acquire(word), 0);
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (child == 0)
		_exit(owner_lock_acquire(word) == -ETIMEDOUT ? 0 : 1);
	waitpid(child, &how, 0);
	cr_assert_eq(how, 0, "the child took itself for the owner");
}

struct counter {
	uint64_t *word;
	long value;
};

static void *count_up(void *arg)
{
	struct counter *counter = arg;
	for (int i = 0; i < 20000; i++) {
		if (owner_lock_acquire(counter->word) < 0)
			return counter;
		counter->value++;
		if (owner_lock_release(counter->word) < 0)
			return counter;
	}
	return NULL;
}

Test(owner_lock, excludes_threads, .timeout = 60)
{
	pthread_t threads[4];
	struct counter counter = {shared_word(), 0};
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, count_up, &counter), 0);
	for (int i = 0; i < 4; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		cr_assert_null(failed);
	}
	cr_assert_eq(counter.value, 4 * 20000);
}
