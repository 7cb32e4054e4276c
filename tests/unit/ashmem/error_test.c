/* Every error that the headers list and the conformance program does not meet. */
#include "region.h"

#include "common/ashmem/owner_lock.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define cr_assert_fails(call, error)                                                               \
	do {                                                                                       \
		errno = 0;                                                                         \
		cr_assert_eq((call), -1, "%s succeeds", #call);                                    \
		cr_assert_eq(errno, (error), "%s gives errno %d", #call, errno);                   \
	} while (0)

Test(errors, read_only_descriptor_is_eacces)
{
	int fd = make_region(), look = ashmem_share_readonly(fd);
	struct ashmem_handle *handle;
	cr_assert(look >= 0);
	cr_assert_fails(ashmem_pin_region(look, 0, 0), EACCES);
	cr_assert_fails(ashmem_unpin_region(look, 0, 0), EACCES);
	cr_assert_fails(ashmem_get_pin_status_region(look, 0, 0), EACCES);
	cr_assert_fails(ashmem_set_prot_region(look, PROT_READ), EACCES);
	cr_assert_fails(ashmem_set_name_region(look, "x"), EACCES);
	cr_assert_fails(ashmem_attach(look, &handle), EACCES);
	cr_assert_eq(
		ashmem_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, look, 0), MAP_FAILED);
	cr_assert_eq(errno, EACCES);
	cr_assert_neq(ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, look, 0), MAP_FAILED);
}

/* What this process has attached for writing does not serve its read-only descriptors. */
Test(errors, read_only_descriptor_is_eacces_beside_a_handle)
{
	int fd = make_region(), look = ashmem_share_readonly(fd);
	struct ashmem_handle *handle;
	cr_assert_eq(ashmem_attach(fd, &handle), 0);
	cr_assert_fails(ashmem_unpin_region(look, 0, 0), EACCES);
	cr_assert_fails(ashmem_set_prot_region(look, PROT_READ), EACCES);
	cr_assert_eq(ashmem_unpin_region(fd, 0, 0), 0);
	ashmem_detach(handle);
}

Test(errors, region_of_another_user_can_not_be_shared_readonly)
{
	int how, fd = make_region();
	if (geteuid() != 0)
		cr_skip_test("needs root to become another user");
	pid_t child = fork();
	if (child == 0) {
		if (setuid(65534) < 0)
			_exit(2);
		_exit(ashmem_share_readonly(fd) == -1 && errno == EACCES ? 0 : 1);
	}
	waitpid(child, &how, 0);
	cr_assert_eq(how, 0);
}

/* The kernel's only way to a second open file of a memfd. */
Test(errors, without_proc_there_is_no_readonly_descriptor)
{
	int how, fd = make_region();
	if (geteuid() != 0)
		cr_skip_test("needs root to leave /proc behind");
	pid_t child = fork();
	if (child == 0) {
		if (chroot("/proc/self/fdinfo") < 0)
			_exit(2);
		_exit(ashmem_share_readonly(fd) == -1 && errno == ENOENT ? 0 : 1);
	}
	waitpid(child, &how, 0);
	cr_assert_eq(how, 0);
}

/* Lines of /proc/self/maps: the data's mapping, and the block's. */
static int count_mappings(const char *name)
{
	char line[600];
	int count = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	cr_assert_not_null(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, name) != NULL;
	fclose(maps);
	return count;
}

Test(errors, munmap_that_fails_has_forgotten_nothing)
{
	int fd = make_region();
	char *at = ashmem_mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_eq(count_mappings("/memfd:errors"), 2);
	for (int i = 0; i < 2; i++)
		cr_assert_fails(ashmem_munmap(at + 1, 4 * PAGE), EINVAL);
	cr_assert_fails(ashmem_munmap(at, 0), EINVAL);
	cr_assert_eq(count_mappings("/memfd:errors"), 2);
	cr_assert_eq(ashmem_munmap(at, 4 * PAGE), 0);
	cr_assert_eq(count_mappings("/memfd:errors"), 0);
}

Test(errors, readonly_sharing_leaves_other_users_no_way_to_write)
{
	struct stat st;
	int fd = make_region();
	cr_assert(ashmem_share_readonly(fd) >= 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0400);
}

Test(errors, damaged_header_is_ebadmsg)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	struct ashmem_handle *handle;
	block->version++;
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), EBADMSG);
	cr_assert_fails(ashmem_get_size_region(fd), EBADMSG);
	cr_assert_fails(ashmem_attach(fd, &handle), EBADMSG);
	block->version--;
	block->size = 100 * PAGE << 20;
	cr_assert_fails(ashmem_unpin_region(fd, 0, 0), EBADMSG);
	cr_assert_fails(ashmem_get_size_region(fd), EBADMSG);
	block->size = 4 * PAGE;
	block->page_size = 1;
	cr_assert_fails(ashmem_get_pin_status_region(fd, 0, 0), EBADMSG);
	block->page_size = PAGE;
	cr_assert_eq(ashmem_pin_region(fd, 0, 0), 0);
}

/* A true copy, but its maker could cut it short under our mapping, and we would die of SIGBUS. */
Test(errors, region_without_seals_is_enotty)
{
	uint64_t offset, bytes;
	int real = make_region(), fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct ashmem_block block;
	cr_assert_eq(ashmem_layout(4 * PAGE, &offset, &bytes), 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	cr_assert_eq(pread(real, &block, sizeof(block), (off_t)offset), sizeof(block));
	cr_assert_eq(pwrite(fd, &block, sizeof(block), (off_t)offset), sizeof(block));
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), ENOTTY);
	cr_assert_eq(ashmem_valid(fd), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), ENOTTY);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	cr_assert_eq(ashmem_pin_region(fd, 0, 0), 0, "now it is as good as the real one");
}

Test(errors, file_of_the_right_length_without_a_block_is_enotty)
{
	uint64_t offset, bytes;
	int fd = memfd_create("other", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cr_assert_eq(ashmem_layout(4 * PAGE, &offset, &bytes), 0);
	cr_assert_eq(ftruncate(fd, (off_t)bytes), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), ENOTTY);
	cr_assert_eq(ashmem_valid(fd), 0);
}

Test(errors, path_descriptor_is_ebadf)
{
	char path[32];
	int fd = make_region();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int only_path = open(path, O_PATH | O_CLOEXEC);
	cr_assert(only_path >= 0);
	cr_assert_fails(ashmem_pin_region(only_path, 0, 0), EBADF);
	cr_assert_eq(ashmem_valid(only_path), 0);
}

Test(errors, lock_held_by_a_living_process_is_etimedout, .timeout = 30)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	struct ashmem_handle *handle;
	cr_assert_eq(ashmem_attach(fd, &handle), 0);
	ashmem_wait_limit_ns = 20000000;
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also if the test fails */
		owner_lock_acquire(&block->lock);
		for (;;)
			pause();
	}
	while (__atomic_load_n(&block->lock, __ATOMIC_ACQUIRE) == 0)
		usleep(100);
	cr_assert_fails(ashmem_handle_pin(handle, 0, 0), ETIMEDOUT);
	cr_assert_fails(ashmem_unpin_region(fd, 0, 0), ETIMEDOUT);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert_eq(ashmem_handle_pin(handle, 0, 0), ASHMEM_NOT_PURGED);
	ashmem_detach(handle);
}

Test(errors, purge_that_never_ends_is_etimedout_for_its_pages_only, .timeout = 30)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	ashmem_wait_limit_ns = 20000000;
	cr_assert_eq(ashmem_unpin_region(fd, 0, PAGE), 0);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		block->punch_end = 1;
		owner_lock_claim(&block->punch);
		for (;;)
			pause();
	}
	while (__atomic_load_n(&block->punch, __ATOMIC_ACQUIRE) == 0)
		usleep(100);
	cr_assert_fails(ashmem_pin_region(fd, 0, PAGE), ETIMEDOUT);
	cr_assert_eq(ashmem_pin_region(fd, PAGE, PAGE), 0);
	cr_assert_eq(ashmem_get_pin_status_region(fd, 0, PAGE), ASHMEM_IS_UNPINNED,
		"a pin that fails changes nothing");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert_eq(ashmem_pin_region(fd, 0, PAGE), 0);
}

Test(errors, call_inside_a_call_is_edeadlk)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	cr_assert_eq(owner_lock_acquire(&block->lock), 0);
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), EDEADLK);
}

static bool gives(long result, int error)
{
	return result == -1 && errno == error;
}

/* In a child: Criterion itself needs descriptors to tell of a failure. */
Test(errors, no_descriptor_left_is_emfile)
{
	int how, fd = make_region();
	struct ashmem_handle *handle;
	pid_t child = fork();
	if (child == 0) {
		while (dup(fd) >= 0)
			;
		_exit(gives(ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "none", PAGE), EMFILE) &&
					gives(ashmem_attach(fd, &handle), EMFILE) &&
					gives(ashmem_share_readonly(fd), EMFILE)
				? 0
				: 1);
	}
	waitpid(child, &how, 0);
	cr_assert_eq(how, 0);
}

#if !defined(MURAL_SANITIZED) /* their shadow memory needs more address space than any limit */
Test(errors, no_address_space_left_is_enomem)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "large", (size_t)4 << 30);
	struct ashmem_handle *handle;
	struct rlimit tight = {(rlim_t)16 << 20, (rlim_t)16 << 20};
	cr_assert(fd >= 0);
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	cr_assert_fails(ashmem_attach(fd, &handle), ENOMEM);
	cr_assert_fails(ashmem_pin_region(fd, 0, 0), ENOMEM);
}
#endif

Test(errors, driver_of_the_environment)
{
	unsetenv("ASHMEM_DRIVER");
	cr_assert(ashmem_create_region("auto", PAGE) >= 0);
	setenv("ASHMEM_DRIVER", "auto", 1);
	cr_assert(ashmem_create_region("auto", PAGE) >= 0);
	setenv("ASHMEM_DRIVER", "memfd", 1);
	cr_assert(ashmem_create_region("memfd", PAGE) >= 0);
	setenv("ASHMEM_DRIVER", "floppy", 1);
	cr_assert_fails(ashmem_create_region("none", PAGE), EINVAL);
	if (access("/dev/ashmem", F_OK) == 0)
		return;
	setenv("ASHMEM_DRIVER", "device", 1);
	cr_assert_fails(ashmem_create_region("device", PAGE), ENOTSUP);
}

Test(errors, handle_arguments)
{
	int fd = make_region();
	size_t freed = 99;
	struct ashmem_handle *handle;
	cr_assert_eq(ashmem_attach(fd, &handle), 0);
	cr_assert_fails(ashmem_handle_pin(handle, 1, PAGE), EINVAL);
	cr_assert_fails(ashmem_handle_unpin(handle, 0, 5 * PAGE), EINVAL);
	cr_assert_fails(ashmem_handle_status(handle, 4 * PAGE, 0), EINVAL);
	cr_assert_fails(ashmem_handle_purge(handle, SIZE_MAX - PAGE + 1, PAGE, &freed), EINVAL);
	cr_assert_eq(freed, 99);
	ashmem_detach(handle);
	ashmem_detach(NULL);
	int empty = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "empty", 0);
	cr_assert_fails(ashmem_attach(empty, &handle), EINVAL);
	cr_assert_fails(ashmem_attach(-1, &handle), EBADF);
	cr_assert_fails(ashmem_attach(open("/dev/null", O_RDWR | O_CLOEXEC), &handle), ENOTTY);
}

/* Not SIGXFSZ, which ends a program. */
Test(errors, file_size_limit_is_efbig)
{
	struct rlimit tight = {(rlim_t)1 << 20, RLIM_INFINITY};
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	cr_assert_fails(ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "x", PAGE), EFBIG);
	tight.rlim_cur = (rlim_t)3 << 20;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &tight), 0);
	cr_assert_geq(ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "x", PAGE), 0);
}

#if SIZE_MAX > UINT32_MAX /* otherwise every size_t is a size */
Test(errors, size_limit_is_efbig)
{
	cr_assert_fails(
		ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "x", (size_t)UINT32_MAX * PAGE),
		EFBIG);
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "x", ((size_t)UINT32_MAX - 1) * PAGE);
	cr_assert(fd >= 0, "the largest region can be made");
	cr_assert_eq(ashmem_get_size_region64(fd), (int64_t)(((size_t)UINT32_MAX - 1) * PAGE));
}
#endif

/* More than an int holds, and more than a long where that has 32 bits. */
Test(errors, a_size_over_2_gib_is_told_in_64_bits)
{
	const size_t size = (size_t)3 << 30;
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "x", size);
	cr_assert_eq(ashmem_get_size_region64(fd), INT64_C(3) << 30);
	cr_assert_eq(ashmem_lseek(fd, 0, SEEK_END), INT64_C(3) << 30);
	cr_assert_fails(ashmem_get_size_region(fd), EOVERFLOW);
	close(fd);
}
