/* A10 to A20: mapping, reading, seeking, and the protection mask. */
#include "conform.h"

#include <android/sharedmem.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

static void a10(void)
{
	int fd = ashmem_create_region("map", 5000);
	void *at = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED, "the size rounded up to the page can be mapped");
	ashmem_munmap(at, 2 * PAGE);
	check(map_fails(ashmem_mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0), EINVAL),
		"one page more: EINVAL");
	check(map_fails(ashmem_mmap(NULL, 0, RW, MAP_SHARED, fd, 0), EINVAL), "length 0: EINVAL");
	check(map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100), EINVAL),
		"unaligned offset: EINVAL");
	check(map_fails(ashmem_mmap(NULL, SIZE_MAX, RW, MAP_SHARED, fd, 0), EINVAL) ||
			(!on_memfd() && errno == ENOMEM),
		"length -1 fails");
	void *behind = ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, fd, (int64_t)(2 * PAGE));
	differs(on_memfd() ? map_fails(behind, EINVAL)
			   : behind != MAP_FAILED && faults(behind, false),
		"behind the end: EINVAL", "behind the end: maps, and SIGBUS when touched");
	void *across = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, (int64_t)PAGE);
	differs(on_memfd() ? map_fails(across, EINVAL)
			   : across != MAP_FAILED && !faults(across, false),
		"across the end: EINVAL", "across the end: works up to it");
	close(fd);
}

static void a11(void)
{
	char byte = 0;
	int fd = ashmem_create_region("bytes", 5000);
	char *one = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	char *two = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (int64_t)PAGE);
	check(one[0] == 0 && one[2 * PAGE - 1] == 0, "fresh memory is zero");
	one[PAGE] = 7;
	check(two[0] == 7 && ashmem_pread(fd, &byte, 1, (int64_t)PAGE) == 1 && byte == 7,
		"all mappings and read see the same bytes at once");
	one[6000] = 8;
	check(two[6000 - PAGE] == 8, "between the size and the page's end is shared memory");
	check(ashmem_pread(fd, &byte, 1, 5000) == 0, "but nothing that read sees");
	close(fd);
	check(one[PAGE] == 7, "contents live as long as a mapping");
	check(fails(ashmem_munmap(one + 1, PAGE), EINVAL) && fails(ashmem_munmap(one, 0), EINVAL),
		"munmap from within a page, and of nothing: EINVAL");
	ashmem_munmap(one, 2 * PAGE);
	ashmem_munmap(two, PAGE);
}

static void a12(void)
{
	struct space space = open_space(2);
	unsigned char *own = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, space.fd, 0);
	check(own != MAP_FAILED && own[0] == 0 && own[PAGE] == 0,
		"a private mapping does not show the data");
	own[0] = 99;
	check(page_is(&space, 0, 1), "nor does what is written there reach them");
	check(map_fails(ashmem_mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, space.fd, 0), EINVAL),
		"it is held to the size");
	ashmem_munmap(own, 2 * PAGE);
	ashmem_set_prot_region(space.fd, PROT_READ);
	check(map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_PRIVATE, space.fd, 0), EPERM),
		"and to the mask");
	close_space(&space);
}

static void a13(void)
{
	char bytes[16];
	int fd = ashmem_create_region("read", 5000);
	char *at = ashmem_mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	memset(at, 'r', 2 * PAGE);
	check(ashmem_lseek(fd, 4990, SEEK_SET) == 4990 && ashmem_read(fd, bytes, 16) == 10,
		"read is cut at the size");
	check(ashmem_read(fd, bytes, 16) == 0 && ashmem_lseek(fd, 0, SEEK_CUR) == 5000,
		"0 at the end");
	check(ashmem_lseek(fd, -10, SEEK_END) == 4990, "SEEK_END counts from the size");
	check(ashmem_lseek(fd, 100000, SEEK_SET) == 100000 && ashmem_read(fd, bytes, 1) == 0,
		"past the end one may go; there is nothing");
	check(fails(ashmem_lseek(fd, -1, SEEK_SET), EINVAL), "negative: EINVAL");
	check(fails(ashmem_lseek(fd, 0, 77), EINVAL), "unknown whence: EINVAL");
	check(ashmem_pread(fd, bytes, 16, 4999) == 1 && ashmem_pread(fd, bytes, 16, 5000) == 0,
		"pread ends there too");
	check(fails(ashmem_pread(fd, bytes, 1, -1), EINVAL), "pread at a negative offset: EINVAL");
	int copy = dup(fd), passed = pass(fd);
	ashmem_lseek(fd, 5, SEEK_SET);
	check(ashmem_lseek(copy, 0, SEEK_CUR) == 5 && ashmem_lseek(passed, 0, SEEK_CUR) == 5,
		"duplicates and passed descriptors share the position");
	check(ashmem_read(copy, bytes, 5) == 5 && ashmem_lseek(passed, 0, SEEK_CUR) == 10,
		"and move it together");
	check(fails(ashmem_pread(fd, (void *)8, 1, 0), EFAULT), "a bad buffer: EFAULT");
	check(fails(ashmem_read(fd, (void *)8, 1), EFAULT) && ashmem_lseek(fd, 0, SEEK_CUR) == 10,
		"read too, and the position stays");
	ashmem_munmap(at, 2 * PAGE);
	close(fd);
	close(copy);
	close(passed);
}

static void a14(void)
{
	struct space space = open_space(1);
	check(ftruncate(space.fd, 0) < 0, "the size can not be changed from outside");
	check(ftruncate(space.fd, (off_t)1 << 30) < 0, "nor raised");
	char byte = 9;
	ssize_t n = pwrite(space.fd, &byte, 1, 0);
	differs(on_memfd() ? n == 1 : fails(n, EINVAL), "a plain write of the descriptor works",
		"write EINVAL");
	int r = fallocate(space.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)PAGE);
	differs(on_memfd() ? r == 0 && page_is(&space, 0, 0) : fails(r, ENODEV),
		"so does punching a hole", "fallocate ENODEV");
	check(fallocate(space.fd, 0, 0, (off_t)1 << 30) < 0, "fallocate makes it no longer");
	close_space(&space);
}

static void a15(void)
{
	int fd = ashmem_create_region("holes", 8 * PAGE);
	char *at = ashmem_mmap(NULL, 8 * PAGE, RW, MAP_SHARED, fd, 0), byte = 1;
	check(fails(ashmem_lseek(fd, 0, SEEK_DATA), ENXIO), "never touched: no data");
	check(ashmem_lseek(fd, 0, SEEK_HOLE) == 0, "never touched: a hole");
	at[3 * PAGE] = 1;
	check(ashmem_lseek(fd, 0, SEEK_DATA) == (int64_t)(3 * PAGE) &&
			ashmem_lseek(fd, (int64_t)(3 * PAGE), SEEK_HOLE) == (int64_t)(4 * PAGE),
		"a touched page is data");
	check(fails(ashmem_lseek(fd, (int64_t)(4 * PAGE), SEEK_DATA), ENXIO),
		"no data from there on: ENXIO");
	check(fails(ashmem_lseek(fd, (int64_t)(8 * PAGE), SEEK_DATA), ENXIO) &&
			fails(ashmem_lseek(fd, (int64_t)(8 * PAGE), SEEK_HOLE), ENXIO),
		"at the end: ENXIO");
	check(ashmem_pread(fd, &byte, 1, 0) == 1 && byte == 0 &&
			fails(ashmem_lseek(fd, (int64_t)(4 * PAGE), SEEK_DATA), ENXIO) &&
			ashmem_lseek(fd, 0, SEEK_DATA) == (int64_t)(3 * PAGE),
		"reading a hole gives zero and makes no page");
	at[7 * PAGE] = 1;
	check(ashmem_lseek(fd, (int64_t)(7 * PAGE), SEEK_HOLE) == (int64_t)(8 * PAGE),
		"the end is a hole");
	check(ashmem_unpin_region(fd, 3 * PAGE, PAGE) == 0 && ashmem_purge_all_caches(fd) == 1 &&
			ashmem_lseek(fd, 0, SEEK_DATA) == (int64_t)(7 * PAGE),
		"a purged page is a hole again");
	ashmem_munmap(at, 8 * PAGE);
	close(fd);
}

static void a16(void)
{
	int fd = ashmem_create_region("mask", PAGE);
	check(fails(ashmem_set_prot_region(fd, 8), EINVAL) && ashmem_get_prot_region(fd) == 7,
		"unknown bit: EINVAL, no change");
	check(ashmem_set_prot_region(fd, RW) == 0 && ashmem_set_prot_region(fd, RW) == 0 &&
			ashmem_get_prot_region(fd) == RW,
		"bits can be taken away, and the same mask set again");
	check(fails(ashmem_set_prot_region(fd, RW | PROT_EXEC), EINVAL) &&
			fails(ASharedMemory_setProt(fd, RW | PROT_EXEC), EINVAL) &&
			ashmem_get_prot_region(fd) == RW,
		"not given back: EINVAL");
	check(ashmem_set_prot_region(fd, 0) == 0 &&
			fails(ashmem_set_prot_region(fd, PROT_READ), EINVAL),
		"0 is final");
	close(fd);
}

static void a17(void)
{
	struct space space = open_space(1);
	ashmem_set_prot_region(space.fd, PROT_READ);
	fill_page(&space, 0, 5);
	check(page_is(&space, 0, 5), "a mapping made before goes on writing");
	check(mprotect(space.at, PAGE, PROT_READ) == 0 && mprotect(space.at, PAGE, RW) == 0,
		"and may be lowered and raised again");
	close_space(&space);
}

static void a18(void)
{
	int fd = ashmem_create_region("rights", PAGE);
	ashmem_set_prot_region(fd, PROT_READ);
	check(map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM),
		"outside the mask: EPERM");
	check(map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0), EPERM), "also private");
	void *at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED && mprotect(at, PAGE, RW) < 0 && errno == EACCES,
		"mprotect can not raise it to writing: EACCES");
	ashmem_munmap(at, PAGE);
	at = ashmem_mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED, "PROT_NONE may always be mapped");
	ashmem_munmap(at, PAGE);
	at = ashmem_mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	int raised = mprotect(at, PAGE, PROT_READ | PROT_EXEC);
	differs(on_memfd() || raised < 0, "mprotect to execute is not held back",
		"mprotect to execute: EACCES");
	ashmem_munmap(at, PAGE);
	close(fd);
	fd = ashmem_create_region("write", PAGE);
	ashmem_set_prot_region(fd, PROT_WRITE);
	at = ashmem_mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0);
	check(at != MAP_FAILED && map_fails(ashmem_mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EPERM),
		"mask write alone: write maps, read-write EPERM");
	ashmem_munmap(at, PAGE);
	close(fd);
}

static void a19(void)
{
	int fd = ashmem_create_region("remap", 2 * PAGE);
	ashmem_set_prot_region(fd, PROT_READ);
	unsigned char *at = ashmem_mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	int r = remap_file_pages(at, PAGE, 0, 1, 0);
	check(r < 0 || faults(at, true), "remap_file_pages gains no access");
	ashmem_munmap(at, 2 * PAGE);
	close(fd);
}

static void a20(void)
{
	struct space space = open_space(1);
	char byte = 0;
	ashmem_set_prot_region(space.fd, 0);
	check(ashmem_pread(space.fd, &byte, 1, 0) == 1 && byte == 1,
		"mask 0: read still gives the data");
	check(unpin(&space, 0, 1) == 0 && purge(&space) == 1 &&
			pin(&space, 0, 1) == ASHMEM_WAS_PURGED,
		"mask 0: unpin, purge and pin still work");
	close_space(&space);
}

static void k2(void)
{
	struct space space = open_space(2);
	char byte;
	ashmem_lseek(space.fd, 5, SEEK_SET);
	ashmem_pread(space.fd, &byte, 1, 100);
	int64_t at = ashmem_lseek(space.fd, 0, SEEK_CUR);
	differs(on_memfd() ? at == 5 : true, "pread leaves the position alone",
		"pread may move the position");
	close_space(&space);
}

static void k6(void)
{
	int fd = ashmem_create_region("persona", PAGE), before = personality(0xffffffff);
	ashmem_set_prot_region(fd, RW);
	personality((unsigned long)before | READ_IMPLIES_EXEC);
	ashmem_set_prot_region(fd, PROT_READ);
	personality((unsigned long)before);
	int mask = ashmem_get_prot_region(fd);
	differs(on_memfd() ? mask == PROT_READ : mask == (PROT_READ | PROT_EXEC),
		"READ_IMPLIES_EXEC adds nothing to the mask",
		"READ_IMPLIES_EXEC adds execute back");
	close(fd);
}

const struct clause map_clauses[] = {
	{"A10", a10},
	{"A11", a11},
	{"A12", a12},
	{"A13", a13},
	{"A14", a14},
	{"A15", a15},
	{"A16", a16},
	{"A17", a17},
	{"A18", a18},
	{"A19", a19},
	{"A20", a20},
	{"K2", k2},
	{"K6", k6},
	{0},
};
