/* Forks in the middle of calls: a child has the threads' locks, but not the threads. */
#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())

enum { THREADS = 3, CHILDREN = 300 };

struct scene {
	int fd;
	struct ashmem_handle *handle;
	_Atomic bool stop;
};

/* Every kind of call that takes a lock: the region's, and those of the library's own tables. */
static bool use(const struct scene *scene, size_t page)
{
	size_t offset = page * PAGE;
	void *at = ashmem_mmap(
		NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, scene->fd, (int64_t)offset);
	return at != MAP_FAILED && ashmem_unpin_region(scene->fd, offset, PAGE) == 0 &&
	       ashmem_pin_region(scene->fd, offset, PAGE) == ASHMEM_NOT_PURGED &&
	       ashmem_handle_unpin(scene->handle, offset, PAGE) == 0 &&
	       ashmem_handle_pin(scene->handle, offset, PAGE) == ASHMEM_NOT_PURGED &&
	       ashmem_munmap(at, PAGE) == 0;
}

static void *keep_using(void *arg)
{
	struct scene *scene = arg;
	static _Atomic size_t next;
	size_t page = next++;
	while (!scene->stop)
		if (!use(scene, page))
			return scene;
	return NULL;
}

Test(forks, in_the_middle_of_calls_leave_the_child_able_to_call, .timeout = 120)
{
	pthread_t threads[THREADS];
	struct scene scene = {
		.fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "fork", (THREADS + 1) * PAGE)};
	cr_assert_eq(ashmem_attach(scene.fd, &scene.handle), 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, keep_using, &scene), 0);
	for (int i = 0; i < CHILDREN; i++) {
		int how;
		pid_t child = fork();
		if (child == 0) {
			alarm(20); /* longer than any wait of the library */
			_exit(use(&scene, THREADS) ? 0 : 1);
		}
		cr_assert_eq(waitpid(child, &how, 0), child);
		cr_assert_eq(how, 0, "child %d ended with %#x", i, (unsigned)how);
	}
	scene.stop = true;
	for (int i = 0; i < THREADS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		cr_assert_null(failed, "a thread of the parent met an error");
	}
	ashmem_detach(scene.handle);
	close(scene.fd);
}

/* What a child unmaps is its own affair: the parent's calls go on by what it has mapped. */
Test(forks, mappings_of_child_and_parent_are_apart)
{
	int how, fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "fork", PAGE);
	char *at = ashmem_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(at, MAP_FAILED);
	pid_t child = fork();
	if (child == 0) {
		at[0] = 1;
		bool right = ashmem_munmap(at, PAGE) == 0 && ashmem_unpin_region(fd, 0, 0) == 0;
		close(fd);
		_exit(right ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &how, 0), child);
	cr_assert_eq(how, 0);
	cr_assert_eq(at[0], 1);
	cr_assert_eq(ashmem_pin_region(fd, 0, 0), ASHMEM_NOT_PURGED);
	ashmem_munmap(at, PAGE);
	close(fd);
}
