/* The background shrinker, and what it goes by. */
#include "common/ashmem/headroom.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())

static int half_unpinned(unsigned char **ret_at)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "shrinker", 8 * PAGE);
	*ret_at = ashmem_mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	cr_assert_neq(*ret_at, MAP_FAILED);
	memset(*ret_at, 1, 8 * PAGE);
	cr_assert_eq(ashmem_unpin_region(fd, 0, 4 * PAGE), 0);
	return fd;
}

/* More memory than any machine has is asked to be free: pressure is always on. */
Test(shrinker, purges_what_is_unpinned_below_the_low_mark, .timeout = 30)
{
	unsigned char *at;
	int fd = half_unpinned(&at);
	struct ashmem_shrinker *shrinker;
	if (memory_headroom() >= SIZE_MAX / 2)
		cr_skip("more memory is free than a size_t can ask for");
	cr_assert_eq(ashmem_shrinker_start(SIZE_MAX / 2, SIZE_MAX / 2, &shrinker), 0);
	while (ashmem_shrinker_freed(shrinker) < 4 * PAGE)
		usleep(1000);
	ashmem_shrinker_stop(shrinker);
	cr_assert_eq(at[4 * PAGE], 1, "pinned memory was taken");
	cr_assert_eq(ashmem_pin_region(fd, 0, 0), ASHMEM_WAS_PURGED);
}

Test(shrinker, leaves_all_alone_above_the_low_mark, .timeout = 30)
{
	unsigned char *at;
	int fd = half_unpinned(&at);
	struct ashmem_shrinker *shrinker;
	cr_assert_eq(ashmem_shrinker_start(0, 0, &shrinker), 0);
	usleep(50000);
	cr_assert_eq(ashmem_shrinker_freed(shrinker), 0);
	ashmem_shrinker_stop(shrinker);
	cr_assert_eq(ashmem_pin_region(fd, 0, 0), ASHMEM_NOT_PURGED);
}

Test(shrinker, low_mark_above_the_high_one_is_einval)
{
	struct ashmem_shrinker *shrinker;
	cr_assert_eq(ashmem_shrinker_start(2, 1, &shrinker), -1);
	cr_assert_eq(errno, EINVAL);
	ashmem_shrinker_stop(NULL);
}

Test(shrinker, headroom_is_some_and_not_more_than_the_machine)
{
	struct sysinfo info;
	cr_assert_eq(sysinfo(&info), 0);
	uint64_t left = memory_headroom();
	cr_assert_gt(left, 0);
	cr_assert_leq(left, (uint64_t)info.totalram * info.mem_unit);
}

#if !defined(MURAL_SANITIZED)
Test(shrinker, no_room_for_a_thread_is_eagain)
{
	struct ashmem_shrinker *shrinker;
	struct rlimit tight = {(rlim_t)4 << 20, (rlim_t)4 << 20};
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	cr_assert_eq(ashmem_shrinker_start(0, 0, &shrinker), -1);
	cr_assert_eq(errno, EAGAIN);
}
#endif
