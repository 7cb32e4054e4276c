/* A42 to A47 and K4, K5, K8: one descriptor is enough: fork, dup, SCM_RIGHTS, and descriptors that
 * can only look. */
#include "conform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int unpin_first(const struct space *space)
{
	return unpin(space, 0, 1);
}

static int narrow(const struct space *space)
{
	return ashmem_set_prot_region(space->fd, PROT_READ);
}

static int pin_unpin_purge(const struct space *space)
{
	return pin(space, 0, 1) == 0 && unpin(space, 0, 1) == 0 && purge(space) == 1 ? 0 : 1;
}

static void a30(void)
{
	struct space space = open_space(1);
	pin(&space, 0, 1);
	check(in_child(pin_unpin_purge, &space) == 0 && page_is(&space, 0, 0) &&
			pin(&space, 0, 1) == ASHMEM_WAS_PURGED,
		"a child's unpin undoes the parent's pin, which hears of it at its next pin");
	close_space(&space);
}

static void a42(void)
{
	struct space space = open_space(3);
	int copy = dup(space.fd), passed = pass(space.fd);
	check(in_child(unpin_first, &space) == 0 && status(&space, 0, 1) == ASHMEM_IS_UNPINNED,
		"what a child unpinned stays so when it is gone");
	check(ashmem_unpin_region(copy, PAGE, PAGE) == 0 &&
			ashmem_get_pin_status_region(passed, PAGE, PAGE) == 0 &&
			ashmem_pin_region(passed, 0, 0) == 0 && status(&space, 0, 3) == 1,
		"duplicates and passed descriptors share the pin state");
	close(copy);
	close(passed);
	close_space(&space);
}

static void a43(void)
{
	struct space space = open_space(1);
	check(in_child(narrow, &space) == 0 && ashmem_get_prot_region(space.fd) == PROT_READ &&
			map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, space.fd, 0), EPERM),
		"a mask set in a child binds the parent");
	close_space(&space);
}

static void a44(void)
{
	struct space space = open_space(2);
	int copy = dup(space.fd);
	unpin(&space, 0, 1);
	close(copy);
	check(status(&space, 0, 1) == 0 && page_is(&space, 0, 1) && pin(&space, 0, 1) == 0,
		"closing one of two descriptors changes nothing");
	unpin(&space, 0, 2);
	close_space(&space);
	space = open_space(2);
	check(status(&space, 0, 2) == ASHMEM_IS_PINNED && ashmem_get_prot_region(space.fd) == 7,
		"a new region starts afresh");
	close_space(&space);
}

static void a45(void)
{
	struct space space = open_space(2), other = open_space(1);
	unpin(&space, 0, 2);
	close(space.fd);
	check(purge(&other) == 0 && page_is(&space, 0, 1) && page_is(&space, 1, 2),
		"with the last descriptor closed mapped memory can no longer be purged");
	ashmem_munmap(space.at, 2 * PAGE);
	close_space(&other);
}

static void a46(void)
{
	struct space space = open_space(2);
	char name[ASHMEM_NAME_LEN];
	ashmem_set_prot_region(space.fd, RW);
	unpin(&space, 1, 1);
	int passed = pass(space.fd);
	check(ashmem_valid(passed) && ashmem_get_size_region(passed) == (int)(2 * PAGE) &&
			ashmem_get_prot_region(passed) == RW &&
			ashmem_get_name_region(passed, name) == 0 && strcmp(name, "conform") == 0 &&
			ashmem_get_pin_status_region(passed, PAGE, PAGE) == 0,
		"a passed descriptor has size, mask, name and pin state");
	unsigned char *at = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, passed, 0);
	check(at[0] == 1 && at[PAGE] == 2, "and the data");
	ashmem_munmap(at, 2 * PAGE);
	close(passed);
	close_space(&space);
}

static int purge_as_nobody(const struct space *space)
{
	if (setuid(65534) < 0)
		return 2;
	unpin(space, 0, 1);
	errno = 0;
	long pages = purge(space);
	return pages == 1 ? 0 : errno == EPERM ? 1 : 2;
}

static void a47(void)
{
	struct space space = open_space(1);
	if (geteuid() == 0) {
		int r = in_child(purge_as_nobody, &space);
		differs(on_memfd() ? r == 0 : r == 1,
			"purge needs no privilege: it acts on one's own regions",
			"purge without CAP_SYS_ADMIN: EPERM");
	}
	struct ashmem_handle *handle = NULL;
	size_t freed = 77;
	int r = ashmem_attach(space.fd, &handle);
	if (r == 0)
		r = ashmem_handle_purge(handle, 0, 0, &freed);
	differs(on_memfd() ? r == 0 && freed != 77 : fails(r, ENOTSUP) && freed == 77,
		"a handle purges what is unpinned in its region",
		"a handle can not purge: ENOTSUP");
	ashmem_detach(handle);
	close_space(&space);
}

static void k5(void)
{
	struct space space = open_space(1);
	char path[32];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", space.fd);
	int again = open(path, O_RDWR | O_CLOEXEC);
	int size = ashmem_get_size_region(again);
	differs(on_memfd() ? size == (int)PAGE : size == 0,
		"opened again through /proc it is the same region",
		"opened again through /proc it is a new, empty one");
	close(again);
	close_space(&space);
}

static void readonly(void)
{
	struct space space = open_space(2);
	char byte = 0, name[ASHMEM_NAME_LEN];
	int early = ashmem_share_readonly(space.fd);
	differs(on_memfd() ? early >= 0 : fails(early, EPERM),
		"a mask with write does not keep it from being made",
		"a mask with write: no descriptor to look through, EPERM");
	if (early >= 0)
		close(early);
	ashmem_set_prot_region(space.fd, PROT_READ);
	int look = ashmem_share_readonly(space.fd);
	check(look >= 0 && fcntl(look, F_GETFD) & FD_CLOEXEC &&
			ashmem_get_size_region(look) == (int)(2 * PAGE) &&
			ashmem_get_name_region(look, name) == 0 &&
			ashmem_get_prot_region(look) == PROT_READ &&
			ashmem_pread(look, &byte, 1, 0) == 1 && byte == 1,
		"a read-only descriptor shows all there is");
	unsigned char *at = ashmem_mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, look, 0);
	check(at != MAP_FAILED && at[PAGE] == 2, "and can be mapped");
	check(mprotect(at, PAGE, RW) < 0 && madvise(at, PAGE, MADV_REMOVE) < 0,
		"not for writing, not to destroy");
	ashmem_munmap(at, 2 * PAGE);
	int r = ashmem_unpin_region(look, 0, 0);
	differs(on_memfd() ? fails(r, EACCES) : r == 0, "it can not unpin: EACCES",
		"any holder can unpin");
	close(look);
	close_space(&space);
}

const struct clause share_clauses[] = {
	{"A30", a30},
	{"A42", a42},
	{"A43", a43},
	{"A44", a44},
	{"A45", a45},
	{"A46", a46},
	{"A47", a47},
	{"K5", k5},
	{"K8", readonly},
	{0},
};
