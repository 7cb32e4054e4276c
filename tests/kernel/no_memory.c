/* Regions of the memfd driver when the system promises no more memory than it has
 * (vm.overcommit_memory=2) and all of it is promised: what needs a page of the control block fails
 * with ENOMEM, changes nothing, and raises no signal. For a machine of its own: it takes all the
 * memory there is. */
#include <ashmem/ashmem.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define PAGES ((size_t)4096)
#define LARGEST ((size_t)64 << 20)

static int failed;

static void check(bool holds, const char *sentence)
{
	printf("%s %s\n", holds ? "ok  " : "FAIL", sentence);
	fflush(stdout);
	failed += !holds;
}

static bool is_strict(void)
{
	FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	bool strict = file && fgetc(file) == '2';
	if (file)
		fclose(file);
	return strict;
}

/* A chain of mappings, so that they can be given back. */
struct taken {
	struct taken *next;
	size_t bytes;
};

static struct taken *take_all(void)
{
	struct taken *all = NULL;
	for (size_t bytes = LARGEST; bytes >= PAGE;) {
		struct taken *more = mmap(
			NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (more == MAP_FAILED) {
			bytes /= 2;
			continue;
		}
		*more = (struct taken){all, bytes};
		all = more;
	}
	return all;
}

static void give_back(struct taken *all)
{
	while (all) {
		struct taken *next = all->next;
		munmap(all, all->bytes);
		all = next;
	}
}

/* Every second page, until it fails; gives how many went well. */
static size_t unpin_many(int fd, size_t from)
{
	size_t page = from;
	while (page < PAGES && ashmem_unpin_region(fd, page * PAGE, PAGE) == 0)
		page += 2;
	return (page - from) / 2;
}

int main(void)
{
	if (!is_strict()) {
		puts("skipped: vm.overcommit_memory is not 2");
		return 77;
	}
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "before", PAGES * PAGE);
	struct ashmem_handle *handle;
	if (fd < 0 || ashmem_attach(fd, &handle) < 0)
		return 1;
	struct taken *all = take_all();
	errno = 0;
	check(ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "none", PAGE) == -1 && errno == ENOMEM,
		"a region can not be made");
	size_t done = unpin_many(fd, 0), page = 2 * done;
	check(done > 0 && page < PAGES && errno == ENOMEM,
		"ranges can be unpinned until their list needs a page");
	check(ashmem_get_pin_status_region(fd, page * PAGE, PAGE) == ASHMEM_IS_PINNED &&
			ashmem_get_pin_status_region(fd, 0, PAGE) == ASHMEM_IS_UNPINNED,
		"what failed has changed nothing");
	check(ashmem_handle_unpin(handle, page * PAGE, PAGE) == -1 && errno == ENOMEM,
		"nor can it be by handle");
	check(ashmem_unpin_region(fd, 0, 0) == 0 &&
			ashmem_pin_region(fd, PAGE, PAGE) == ASHMEM_NOT_PURGED,
		"what needs no further page goes on");
	check(ashmem_pin_region(fd, 0, 0) == ASHMEM_NOT_PURGED, "nothing was lost");
	give_back(all);
	check(unpin_many(fd, 0) == PAGES / 2, "with memory again all can be unpinned");
	printf("%d wrong\n", failed);
	return failed != 0;
}
