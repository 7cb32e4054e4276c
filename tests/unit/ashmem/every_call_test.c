/* The errors that <cutils/ashmem.h> lists for all calls on a region, from every one of them, by
 * descriptor and by handle. */
#include "region.h"

#include "common/ashmem/owner_lock.h"

#include <android/sharedmem.h>
#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* --- The calls, each with arguments that are right --- */

static long share(int fd)
{
	return ashmem_share_readonly(fd);
}

static long size(int fd)
{
	return ashmem_get_size_region(fd);
}

static long size64(int fd)
{
	return ashmem_get_size_region64(fd);
}

static long get_name(int fd)
{
	char name[ASHMEM_NAME_LEN];
	return ashmem_get_name_region(fd, name);
}

static long set_name(int fd)
{
	return ashmem_set_name_region(fd, "name");
}

static long get_prot(int fd)
{
	return ashmem_get_prot_region(fd);
}

static long set_prot(int fd)
{
	return ashmem_set_prot_region(fd, PROT_READ | PROT_WRITE);
}

static long set_prot_ndk(int fd)
{
	return ASharedMemory_setProt(fd, PROT_READ | PROT_WRITE);
}

static long pin(int fd)
{
	return ashmem_pin_region(fd, 0, 0);
}

static long unpin(int fd)
{
	return ashmem_unpin_region(fd, 0, 0);
}

static long status(int fd)
{
	return ashmem_get_pin_status_region(fd, 0, 0);
}

static long purge(int fd)
{
	return ashmem_purge_all_caches(fd);
}

static long map(int fd)
{
	void *at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? -1 : ashmem_munmap(at, PAGE);
}

static long map_private(int fd)
{
	void *at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	return at == MAP_FAILED ? -1 : ashmem_munmap(at, PAGE);
}

static long read_byte(int fd)
{
	char byte;
	return ashmem_read(fd, &byte, 1);
}

static long pread_byte(int fd)
{
	char byte;
	return ashmem_pread(fd, &byte, 1, 0);
}

static long seek(int fd)
{
	return ashmem_lseek(fd, 0, SEEK_SET);
}

static long attach(int fd)
{
	struct ashmem_handle *handle;
	int r = ashmem_attach(fd, &handle);
	if (r == 0)
		ashmem_detach(handle);
	return r;
}

static const struct call {
	const char *name;
	long (*make)(int fd);
	bool locks;  /* the region; what only looks at its header need not */
	bool writes; /* its state, so that a read-only descriptor does not do */
} calls[] = {
	{"share_readonly", share, false, false},
	{"get_size", size, false, false},
	{"get_size64", size64, false, false},
	{"get_name", get_name, false, false},
	{"set_name", set_name, true, true},
	{"get_prot", get_prot, false, false},
	{"set_prot", set_prot, true, true},
	{"ASharedMemory_setProt", set_prot_ndk, true, true},
	{"pin", pin, true, true},
	{"unpin", unpin, true, true},
	{"status", status, true, true},
	{"purge_all", purge, false, false},
	{"mmap", map, false, false},
	{"private mmap", map_private, false, false},
	{"read", read_byte, true, false},
	{"pread", pread_byte, false, false},
	{"lseek", seek, false, false},
	{"attach", attach, false, true},
};

#define EACH_CALL(call)                                                                            \
	const struct call *call = calls;                                                           \
	call < calls + sizeof(calls) / sizeof(calls[0]);                                           \
	call++

static void must_fail(const struct call *call, int fd, int error)
{
	errno = 0;
	cr_assert_eq(call->make(fd), -1, "%s succeeds", call->name);
	cr_assert_eq(errno, error, "%s gives errno %d", call->name, errno);
}

/* --- By descriptor --- */

Test(every_call, succeeds_on_a_region)
{
	for (EACH_CALL(call))
		cr_assert_geq(call->make(make_region()), 0, "%s fails: %d", call->name, errno);
}

Test(every_call, closed_is_ebadf)
{
	int fd = make_region();
	close(fd);
	for (EACH_CALL(call)) {
		must_fail(call, fd, EBADF);
		must_fail(call, -1, EBADF);
	}
}

Test(every_call, no_region_is_enotty)
{
	int foreign[] = {open("/dev/null", O_RDWR | O_CLOEXEC), memfd_create("plain", MFD_CLOEXEC),
		open("/", O_RDONLY | O_CLOEXEC)};
	for (EACH_CALL(call))
		for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
			must_fail(call, foreign[i], ENOTTY);
}

Test(every_call, damaged_is_ebadmsg)
{
	int fd = make_region();
	map_block(fd)->version++;
	for (EACH_CALL(call))
		must_fail(call, fd, EBADMSG);
}

Test(every_call, read_only_is_eacces_where_state_is_written)
{
	int look = ashmem_share_readonly(make_region());
	for (EACH_CALL(call)) {
		if (call->writes)
			must_fail(call, look, EACCES);
		else
			cr_assert_geq(call->make(look), 0, "%s fails: %d", call->name, errno);
	}
}

/* With the lock held for ever, and with one that this very thread holds. */
static void must_fail_locked(int fd, int error)
{
	ashmem_wait_limit_ns = 1000000;
	for (EACH_CALL(call)) {
		if (call->locks)
			must_fail(call, fd, error);
		else
			cr_assert_geq(call->make(fd), 0, "%s fails: %d", call->name, errno);
	}
}

Test(every_call, lock_held_too_long_is_etimedout, .timeout = 30)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* also if the test fails */
		owner_lock_acquire(&block->lock);
		for (;;)
			pause();
	}
	while (__atomic_load_n(&block->lock, __ATOMIC_ACQUIRE) == 0)
		usleep(100);
	must_fail_locked(fd, ETIMEDOUT);
	kill(child, SIGKILL);
}

Test(every_call, inside_another_is_edeadlk, .timeout = 30)
{
	int fd = make_region();
	cr_assert_eq(owner_lock_acquire(&map_block(fd)->lock), 0);
	must_fail_locked(fd, EDEADLK);
}

/* --- By handle --- */

static void handle_must_fail(struct ashmem_handle *handle, int error)
{
	size_t freed = 99;
	cr_assert(ashmem_handle_pin(handle, 0, 0) == -1 && errno == error, "pin");
	cr_assert(ashmem_handle_unpin(handle, 0, 0) == -1 && errno == error, "unpin");
	cr_assert(ashmem_handle_status(handle, 0, 0) == -1 && errno == error, "status");
	cr_assert(ashmem_handle_purge(handle, 0, 0, &freed) == -1 && errno == error, "purge");
}

Test(every_call, handles_fail_alike, .timeout = 30)
{
	int fd = make_region();
	struct ashmem_block *block = map_block(fd);
	struct ashmem_handle *handle;
	cr_assert_eq(ashmem_attach(fd, &handle), 0);
	ashmem_wait_limit_ns = 1000000;
	cr_assert_eq(owner_lock_acquire(&block->lock), 0);
	handle_must_fail(handle, EDEADLK);
	cr_assert_eq(owner_lock_release(&block->lock), 0);
	block->root = 77; /* no such node */
	handle_must_fail(handle, EBADMSG);
	ashmem_detach(handle);
}
