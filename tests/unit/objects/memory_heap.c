/* Clauses H1 and H2, and every error of <ashmem/memory_heap.h>. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <ashmem/memory_heap.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct memory_heap *heap_of(size_t size, unsigned flags)
{
	struct memory_heap *heap = NULL;
	cr_assert_eq(memory_heap_create("test", size, flags, &heap), 0);
	return heap;
}

static struct memory_base *base_of(struct memory_heap *heap, size_t offset, size_t size)
{
	struct memory_base *base = NULL;
	cr_assert_eq(memory_base_create(heap, offset, size, &base), 0);
	return base;
}

/* ---- H1 ---- */

Test(heap, size_is_rounded_to_pages_and_the_name_has_a_default)
{
	struct memory_heap *heap = heap_of(1, 0), *nameless = NULL;
	char name[ASHMEM_NAME_LEN];
	cr_assert_eq(memory_heap_size(heap), PAGE);
	cr_assert_eq(ashmem_get_size_region(memory_heap_fd(heap)), (int)PAGE);
	cr_assert_eq(ashmem_get_name_region(memory_heap_fd(heap), name), 0);
	cr_assert_str_eq(name, "test");
	cr_assert_eq(memory_heap_create(NULL, 1, 0, &nameless), 0);
	cr_assert_eq(ashmem_get_name_region(memory_heap_fd(nameless), name), 0);
	cr_assert_str_eq(name, "MemoryHeapBase");
	memory_heap_unref(nameless);
	memory_heap_unref(heap);
}

Test(heap, read_only_binds_the_others_and_not_the_creator)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_READ_ONLY), *received = NULL;
	strcpy(memory_heap_base(heap), "written");
	int fd = memory_heap_share(heap);
	cr_assert_geq(fd, 0);
	cr_assert_eq(memory_heap_import(fd, 0, 0, &received), -EPERM);
	cr_assert_eq(memory_heap_import(fd, 0, MEMORY_HEAP_READ_ONLY, &received), 0);
	cr_assert_str_eq(memory_heap_base(received), "written");
	cr_assert(faults(memory_heap_base(received), true));
	strcpy(memory_heap_base(heap), "again");
	cr_assert_str_eq(memory_heap_base(received), "again");
	memory_heap_unref(received);
	memory_heap_unref(heap);
	close(fd);
}

Test(heap, what_a_read_only_heap_gives_away_can_not_write)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_READ_ONLY | MEMORY_HEAP_FORCE_MEMFD);
	int fd = memory_heap_share(heap);
	cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	cr_assert_eq(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
	memory_heap_unref(heap);
}

Test(heap, need_not_be_mapped_here)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_DONT_MAP_LOCALLY), *received = NULL;
	cr_assert_null(memory_heap_base(heap));
	cr_assert_eq(memory_heap_size(heap), PAGE);
	cr_assert_eq(memory_heap_import(memory_heap_fd(heap), 0, 0, &received), 0);
	cr_assert_not_null(memory_heap_base(received));
	memory_heap_unref(received);
	memory_heap_unref(heap);
}

Test(heap, memfd_can_be_had_by_name)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_FORCE_MEMFD);
	cr_assert_geq(fcntl(memory_heap_fd(heap), F_GET_SEALS), 0);
	cr_assert_eq(memory_heap_get_flags(heap), MEMORY_HEAP_FORCE_MEMFD);
	memory_heap_unref(heap);
}

Test(heap, creation_errors)
{
	struct memory_heap *heap = NULL;
	int before = count_descriptors();
	cr_assert_eq(memory_heap_create("test", 0, 0, &heap), -EINVAL);
	cr_assert_eq(memory_heap_create("test", PAGE, 8, &heap), -EINVAL);
	cr_assert_eq(memory_heap_create("test", SIZE_MAX, 0, &heap), -EOVERFLOW);
#if SIZE_MAX > UINT32_MAX
	cr_assert_eq(memory_heap_create("test", (size_t)1 << 50, 0, &heap), -EFBIG);
#endif
	cr_assert_eq(count_descriptors(), before);
	forbid_descriptors();
	cr_assert_eq(memory_heap_create("test", PAGE, 0, &heap), -EMFILE);
	cr_assert_null(heap);
}

Test(heap, a_failed_mapping_closes_the_descriptor)
{
	struct memory_heap *heaps[10] = {NULL};
	int r = 0, before = 0;
	forbid_addresses();
	for (int i = 0; i < 10 && r == 0; i++) {
		before = count_descriptors();
		r = memory_heap_create("test", (size_t)16 << 20, 0, &heaps[i]);
	}
	cr_assert_eq(r, -ENOMEM);
	cr_assert_eq(count_descriptors(), before);
	for (int i = 0; i < 10; i++)
		memory_heap_unref(heaps[i]);
}

Test(import, errors)
{
	struct memory_heap *heap = NULL;
	int fd = ashmem_create_region("test", 100), empty = ashmem_create_region("test", 0);
	int readonly = share_for_looking(fd);
	cr_assert_eq(memory_heap_import(fd, 101, 0, &heap), -EINVAL);
	cr_assert_eq(memory_heap_import(empty, 0, 0, &heap), -EINVAL);
	cr_assert_eq(memory_heap_import(fd, 0, 8, &heap), -EINVAL);
	cr_assert_eq(memory_heap_import(fd, 0, MEMORY_HEAP_FORCE_MEMFD, &heap), -EINVAL);
	cr_assert_eq(memory_heap_import(closed_descriptor(), 0, 0, &heap), -EBADF);
	cr_assert_eq(memory_heap_import(not_a_region(), 0, 0, &heap), -ENOTTY);
	cr_assert_eq(memory_heap_import(damaged_region(), 0, 0, &heap), -EBADMSG);
	cr_assert_eq(memory_heap_import(readonly, 0, 0, &heap), looking_error(fd));
	cr_assert_eq(ashmem_set_prot_region(fd, PROT_READ), 0);
	cr_assert_eq(memory_heap_import(fd, 0, 0, &heap), -EPERM);
	forbid_descriptors();
	cr_assert_eq(memory_heap_import(fd, 0, MEMORY_HEAP_READ_ONLY, &heap), -EMFILE);
	cr_assert_null(heap);
}

Test(import, keeps_a_descriptor_of_its_own)
{
	int fd = ashmem_create_region("test", 2 * PAGE), before = count_descriptors();
	struct memory_heap *heap = NULL;
	cr_assert_eq(memory_heap_import(fd, PAGE, 0, &heap), 0);
	cr_assert_eq(memory_heap_size(heap), PAGE);
	close(fd);
	strcpy(memory_heap_base(heap), "alive");
	cr_assert_geq(memory_heap_fd(heap), 0);
	memory_heap_unref(heap);
	cr_assert_eq(count_descriptors(), before - 1);
}

Test(import, maps_a_region_once)
{
	int fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "test", 2 * PAGE), again = dup(fd);
	int before = count_descriptors();
	struct memory_heap *a = NULL, *b = NULL, *part = NULL, *readonly = NULL;
	cr_assert_eq(memory_heap_import(fd, 0, 0, &a), 0);
	cr_assert_eq(memory_heap_import(again, 0, 0, &b), 0);
	cr_assert_eq(a, b);
	cr_assert_eq(memory_heap_import(fd, PAGE, 0, &part), 0);
	cr_assert_eq(memory_heap_import(fd, 0, MEMORY_HEAP_READ_ONLY, &readonly), 0);
	cr_assert_neq(a, part);
	cr_assert_neq(a, readonly);
	memory_heap_unref(a);
	cr_assert_not(faults(memory_heap_base(b), true), "one of two references is left");
	memory_heap_unref(b);
	memory_heap_unref(part);
	memory_heap_unref(readonly);
	cr_assert_eq(count_descriptors(), before);
	cr_assert_eq(memory_heap_import(fd, 0, 0, &a), 0, "and a new one can be had");
	cr_assert_not(faults(memory_heap_base(a), true));
	memory_heap_unref(a);
}

Test(heap, a_damaged_region_is_not_shared)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_READ_ONLY | MEMORY_HEAP_FORCE_MEMFD);
	struct memory_base *base = base_of(heap, 0, 1);
	int sockets[2];
	connect_pair(sockets);
	damage(memory_heap_fd(heap));
	cr_assert_eq(memory_heap_share(heap), -EBADMSG);
	cr_assert_eq(memory_base_send(base, sockets[0]), -EBADMSG);
	memory_base_unref(base);
	memory_heap_unref(heap);
}

Test(heap, dispose_ends_it_for_everybody)
{
	int before = count_descriptors();
	struct memory_heap *heap = heap_of(PAGE, 0), *found = NULL;
	struct memory_base *base = base_of(heap, 0, 100), *late = NULL;
	int fd = dup(memory_heap_fd(heap)), sockets[2];
	unsigned char *at = memory_heap_base(heap);
	connect_pair(sockets);
	memory_heap_ref(heap);
	memory_heap_dispose(heap);
	memory_heap_dispose(heap);
	cr_assert(faults(at, false));
	cr_assert_null(memory_heap_base(heap));
	cr_assert_null(memory_base_pointer(base));
	cr_assert_eq(memory_heap_size(heap), 0);
	cr_assert_eq(memory_heap_fd(heap), -EBADF);
	cr_assert_eq(memory_heap_share(heap), -EBADF);
	cr_assert_eq(memory_base_create(heap, 0, 1, &late), -EINVAL);
	cr_assert_eq(memory_base_send(base, sockets[0]), -EBADF);
	cr_assert_eq(memory_heap_import(fd, 0, 0, &found), 0);
	memory_heap_dispose(found);
	struct memory_heap *fresh = NULL;
	cr_assert_eq(memory_heap_import(fd, 0, 0, &fresh), 0);
	cr_assert_neq(fresh, found, "one that was disposed of is not found again");
	memory_heap_unref(fresh);
	memory_heap_unref(found);
	memory_base_unref(base);
	memory_heap_unref(heap);
	memory_heap_unref(heap);
	memory_heap_unref(NULL);
	close(fd);
	close(sockets[0]);
	close(sockets[1]);
	cr_assert_eq(count_descriptors(), before);
}

static void *dispose(void *heap)
{
	memory_heap_dispose(heap);
	return NULL;
}

Test(heap, of_several_that_dispose_one_closes)
{
	for (int round = 0; round < 200; round++) {
		struct memory_heap *heap = heap_of(PAGE, 0);
		int before = count_descriptors();
		pthread_t threads[4];
		for (int i = 0; i < 4; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, dispose, heap), 0);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		cr_assert_eq(count_descriptors(), before - 1);
		memory_heap_unref(heap);
	}
}

static void *import_and_drop(void *fd)
{
	for (int i = 0; i < 2000; i++) {
		struct memory_heap *heap;
		cr_assert_eq(memory_heap_import(*(int *)fd, 0, 0, &heap), 0);
		*(volatile char *)memory_heap_base(heap) = 1;
		memory_heap_unref(heap);
	}
	return NULL;
}

Test(import, threads_may_import_and_drop_the_same, .timeout = 60)
{
	int fd = ashmem_create_region("test", PAGE), before = count_descriptors();
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, import_and_drop, &fd), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_assert_eq(count_descriptors(), before);
}

/* ---- H2 ---- */

Test(base, is_a_place_in_a_heap_and_keeps_it)
{
	struct memory_heap *heap = heap_of(2 * PAGE, 0);
	struct memory_base *base = base_of(heap, 100, 200);
	cr_assert_eq(memory_base_heap(base), heap);
	cr_assert_eq(memory_base_offset(base), 100);
	cr_assert_eq(memory_base_size(base), 200);
	cr_assert_eq((char *)memory_base_pointer(base), (char *)memory_heap_base(heap) + 100);
	memory_heap_unref(heap);
	strcpy(memory_base_pointer(base), "alive");
	memory_base_ref(base);
	memory_base_unref(base);
	cr_assert_str_eq(memory_base_pointer(base), "alive");
	memory_base_unref(base);
	memory_base_unref(NULL);
}

Test(base, is_checked_when_it_is_made)
{
	const struct {
		size_t offset, size;
		int expected;
	} tries[] = {
		{0, PAGE, 0},
		{PAGE, 0, 0},
		{PAGE - 1, 1, 0},
		{0, PAGE + 1, -EINVAL},
		{PAGE, 1, -EINVAL},
		{PAGE + 1, 0, -EINVAL},
		{SIZE_MAX, 1, -EINVAL},
		{1, SIZE_MAX, -EINVAL},
		{SIZE_MAX, SIZE_MAX, -EINVAL},
	};
	struct memory_heap *heap = heap_of(PAGE, 0);
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct memory_base *base = NULL;
		cr_assert_eq(memory_base_create(heap, tries[i].offset, tries[i].size, &base),
			tries[i].expected, "case %zu", i);
		cr_assert_eq(base != NULL, tries[i].expected == 0);
		memory_base_unref(base);
	}
	memory_heap_unref(heap);
}

Test(base, goes_over_a_socket)
{
	struct memory_heap *heap = heap_of(2 * PAGE, 0);
	struct memory_base *base = base_of(heap, PAGE - 2, 9), *a = NULL, *b = NULL;
	int sockets[2];
	connect_pair(sockets);
	strcpy(memory_base_pointer(base), "a, place");
	cr_assert_eq(memory_base_send(base, sockets[0]), 0);
	cr_assert_eq(memory_base_send(base, sockets[0]), 0);
	cr_assert_eq(memory_base_receive(sockets[1], &a), 0);
	cr_assert_eq(memory_base_receive(sockets[1], &b), 0);
	cr_assert_str_eq(memory_base_pointer(a), "a, place");
	cr_assert_eq(memory_base_size(a), 9);
	cr_assert_neq(memory_base_heap(a), heap, "what one created is not an imported heap");
	/* Of the device's regions nothing tells that two are the same. */
	cr_assert_eq(
		memory_base_heap(a) == memory_base_heap(b), !is_on_device(memory_heap_fd(heap)));
	memory_base_unref(a);
	memory_base_unref(b);
	memory_base_unref(base);
	memory_heap_unref(heap);
}

Test(base, of_a_read_only_heap_is_read_only_there)
{
	struct memory_heap *heap = heap_of(PAGE, MEMORY_HEAP_READ_ONLY);
	struct memory_base *base = base_of(heap, 0, 10), *received = NULL;
	int sockets[2];
	connect_pair(sockets);
	cr_assert_eq(memory_base_send(base, sockets[0]), 0);
	cr_assert_eq(memory_base_receive(sockets[1], &received), 0);
	cr_assert(faults(memory_base_pointer(received), true));
	cr_assert_not(faults(memory_base_pointer(received), false));
	memory_base_unref(received);
	memory_base_unref(base);
	memory_heap_unref(heap);
}

/* What goes over the wire, as somebody hostile writes it. */
struct wire {
	uint32_t magic, flags;
	uint64_t heap_size, offset, size;
};

#define MAGIC 0x6573616du

Test(base, what_a_sender_says_is_checked)
{
	int region = ashmem_create_region("test", PAGE), other = not_a_region(), sockets[2];
	const struct {
		struct wire wire;
		size_t length;
		int fd, expected;
	} tries[] = {
		{{MAGIC, 0, PAGE, 0, PAGE}, sizeof(struct wire), region, 0},
		{{MAGIC, 1, PAGE, PAGE, 0}, sizeof(struct wire), region, 0},
		{{MAGIC, 0, PAGE, 1, PAGE}, sizeof(struct wire), region, -EBADMSG},
		{{MAGIC, 0, PAGE, UINT64_MAX, 2}, sizeof(struct wire), region, -EBADMSG},
		{{MAGIC, 0, PAGE, 2, UINT64_MAX}, sizeof(struct wire), region, -EBADMSG},
		{{MAGIC, 0, PAGE + 1, 0, 1}, sizeof(struct wire), region, -EBADMSG},
		{{MAGIC, 0, 0, 0, 0}, sizeof(struct wire), region, -EBADMSG},
		{{MAGIC, 0, PAGE, 0, 1}, sizeof(struct wire), other, -EBADMSG},
		{{MAGIC, 2, PAGE, 0, 1}, sizeof(struct wire), region, -EPROTO},
		{{MAGIC + 1, 0, PAGE, 0, 1}, sizeof(struct wire), region, -EPROTO},
		{{MAGIC, 0, PAGE, 0, 1}, sizeof(struct wire), -1, -EPROTO},
		{{MAGIC, 0, PAGE, 0, 1}, sizeof(struct wire) - 1, region, -EPROTO},
	};
	connect_pair(sockets);
	int before = count_descriptors();
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		struct memory_base *base = NULL;
		send_with(sockets[0], &tries[i].wire, tries[i].length, &tries[i].fd,
			tries[i].fd >= 0);
		cr_assert_eq(
			memory_base_receive(sockets[1], &base), tries[i].expected, "case %zu", i);
		cr_assert_eq(base != NULL, tries[i].expected == 0);
		memory_base_unref(base);
		cr_assert_eq(count_descriptors(), before, "case %zu", i);
	}
}

Test(base, claims_to_be_writable_are_checked)
{
	int fd = ashmem_create_region("test", PAGE), readonly = share_for_looking(fd), sockets[2];
	const struct wire wire = {MAGIC, 0, PAGE, 0, 1};
	struct memory_base *base = NULL;
	connect_pair(sockets);
	send_with(sockets[0], &wire, sizeof(wire), &readonly, 1);
	cr_assert_eq(memory_base_receive(sockets[1], &base), looking_error(fd));
	cr_assert_eq(ashmem_set_prot_region(fd, PROT_READ), 0);
	send_with(sockets[0], &wire, sizeof(wire), &fd, 1);
	cr_assert_eq(memory_base_receive(sockets[1], &base), -EPERM);
	cr_assert_null(base);
}

Test(base, too_many_descriptors_under_way)
{
	struct memory_heap *heap = heap_of(PAGE, 0);
	struct memory_base *base = base_of(heap, 0, 1);
	int sockets[8][2], r = 0;
	for (int i = 0; i < 8; i++)
		connect_pair(sockets[i]);
	limit_descriptors_under_way();
	for (int i = 0; i < 400 && r == 0; i++)
		r = memory_base_send(base, sockets[i % 8][0]);
	cr_assert_eq(r, -ETOOMANYREFS);
	memory_base_unref(base);
	memory_heap_unref(heap);
}

Test(base, what_is_not_such_a_socket)
{
	struct memory_heap *heap = heap_of(PAGE, 0);
	struct memory_base *base = base_of(heap, 0, 1), *received = NULL;
	int unconnected = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	cr_assert_eq(memory_base_send(base, -1), -EBADF);
	cr_assert_eq(memory_base_send(base, not_a_region()), -ENOTSOCK);
	cr_assert_eq(memory_base_send(base, unconnected), -ENOTCONN);
	cr_assert_eq(memory_base_send(base, netlink), -EINVAL, "carries no descriptors");
	cr_assert_eq(memory_base_receive(closed_descriptor(), &received), -EBADF);
	cr_assert_eq(memory_base_receive(not_a_region(), &received), -ENOTSOCK);
	cr_assert_eq(memory_base_receive(unconnected, &received), -ENOTCONN);
	cr_assert_null(received);
	memory_base_unref(base);
	memory_heap_unref(heap);
}

Test(base, errors_of_the_socket)
{
	struct memory_heap *heap = heap_of(PAGE, 0);
	struct memory_base *base = base_of(heap, 0, 1), *received = NULL;
	int sockets[2], r = 0;
	connect_pair(sockets);
	cr_assert_eq(memory_base_receive(sockets[1], &received), -EAGAIN);
	char longer[100] = "";
	cr_assert_eq(send(sockets[0], longer, sizeof(longer), 0), 100);
	cr_assert_eq(memory_base_receive(sockets[1], &received), -EPROTO);
	for (int i = 0; i < 100000 && r == 0; i++)
		r = memory_base_send(base, sockets[0]);
	cr_assert_eq(r, -EAGAIN);
	close(sockets[1]);
	cr_assert_eq(memory_base_send(base, sockets[0]), -ECONNRESET, "with messages unread");
	connect_pair(sockets);
	close(sockets[1]);
	cr_assert_eq(memory_base_send(base, sockets[0]), -EPIPE);
	connect_pair(sockets);
	close(sockets[0]);
	cr_assert_eq(memory_base_receive(sockets[1], &received), -ECONNRESET);
	connect_pair(sockets);
	cr_assert_eq(memory_base_send(base, sockets[0]), 0);
	forbid_descriptors();
	cr_assert_eq(memory_base_receive(sockets[1], &received), -EMFILE);
	cr_assert_eq(memory_heap_share(heap), -EMFILE);
	cr_assert_null(received);
	memory_base_unref(base);
	memory_heap_unref(heap);
}
