/* Purging in pieces: how large they are follows from how long they take. The linker leads the
 * library's clock and its punches through here, so that a punch takes as long as a test says. */
#include "support/wrap_clock.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define PIECES_MAX 256

static struct {
	uint64_t now_ns, ns_of_mib;
	off_t end; /* of the last piece */
	size_t bytes[PIECES_MAX], count;
} punched;

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes);
int __real_fallocate64(int fd, int mode, off_t offset, off_t bytes);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	ret->tv_sec = (time_t)(punched.now_ns / 1000000000u);
	ret->tv_nsec = (long)(punched.now_ns % 1000000000u);
	return 0;
}

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t bytes)
{
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return __real_fallocate64(fd, mode, offset, bytes);
	cr_assert_eq(offset, punched.end, "one behind the other");
	cr_assert_lt(punched.count, PIECES_MAX);
	punched.end = offset + bytes;
	punched.bytes[punched.count++] = (size_t)bytes;
	punched.now_ns += punched.ns_of_mib * (uint64_t)bytes / MIB;
	return __real_fallocate64(fd, mode, offset, bytes);
}

static void purge(size_t bytes, uint64_t ns_of_mib)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "pieces", bytes);
	struct ashmem_handle *handle;
	size_t freed;
	punched.now_ns = 1000000000u;
	punched.ns_of_mib = ns_of_mib;
	cr_assert_eq(ashmem_attach(fd, &handle), 0);
	cr_assert_eq(ashmem_handle_unpin(handle, 0, 0), 0);
	cr_assert_eq(ashmem_handle_purge(handle, 0, 0, &freed), 0);
	cr_assert_eq((size_t)punched.end, bytes, "all of it");
	ashmem_detach(handle);
}

/* A piece that ends inside a huge page makes the kernel split it. */
static void check_whole_huge_pages(void)
{
	for (size_t i = 0; i + 1 < punched.count; i++)
		cr_assert_eq(punched.bytes[i] % (2 * MIB), 0, "piece %zu has %zu bytes", i,
			punched.bytes[i]);
}

Test(pieces, grow_while_they_are_quick)
{
	purge(400 * MIB + (size_t)getpagesize(), 3000);
	check_whole_huge_pages();
	cr_assert_leq(punched.count, 4);
}

Test(pieces, take_two_milliseconds_at_most_once_the_pace_is_known)
{
	purge(101 * MIB, 129000);
	check_whole_huge_pages();
	for (size_t i = 1; i < punched.count; i++)
		cr_assert_leq(punched.bytes[i] * punched.ns_of_mib / MIB, 2000000);
	cr_assert_leq(punched.count, 9);
}

Test(pieces, never_shrink_to_nothing)
{
	purge(101 * MIB, 100000000);
	check_whole_huge_pages();
	cr_assert_leq(punched.count, 51);
}

Test(pieces, a_hole_does_not_promise_that_the_rest_is_quick)
{
	purge(1024 * MIB, 0);
	check_whole_huge_pages();
	for (size_t i = 1; i < punched.count; i++)
		cr_assert_leq(punched.bytes[i], 8 * punched.bytes[i - 1]);
}

/* Sparse regions are all hole at first. */
Test(pieces, are_a_gibibyte_at_most)
{
	purge(SIZE_MAX > UINT32_MAX ? (size_t)(UINT64_C(12) << 30) : (size_t)3 << 30, 0);
	for (size_t i = 0; i < punched.count; i++)
		cr_assert_leq(punched.bytes[i], (size_t)1 << 30);
}
