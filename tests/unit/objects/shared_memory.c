/* Clauses S1 to S5, and every error of <ashmem/shared_memory.h>. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <ashmem/shared_memory.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct shared_memory *memory_of(size_t size)
{
	struct shared_memory *memory = NULL;
	cr_assert_eq(shared_memory_create("test", size, &memory), 0);
	return memory;
}

static unsigned char *map(const struct shared_memory *memory, int prot)
{
	void *at = NULL;
	cr_assert_eq(
		shared_memory_map(memory, prot, 0, (size_t)shared_memory_size(memory), &at), 0);
	return at;
}

/* ---- S1: making one ---- */

Test(create, gives_zeroed_memory_of_the_exact_size)
{
	struct shared_memory *memory = memory_of(5000);
	cr_assert_eq(shared_memory_size(memory), 5000);
	unsigned char *at = map(memory, RW);
	for (size_t i = 0; i < 5000; i++)
		cr_assert_eq(at[i], 0);
	cr_assert_eq(shared_memory_unmap(at), 0);
	shared_memory_destroy(memory);
}

Test(create, keeps_the_name)
{
	struct shared_memory *memory = memory_of(PAGE), *nameless = NULL;
	char name[ASHMEM_NAME_LEN];
	cr_assert_eq(ashmem_get_name_region(shared_memory_fd(memory), name), 0);
	cr_assert_str_eq(name, "test");
	cr_assert_eq(shared_memory_create(NULL, 1, &nameless), 0);
	cr_assert_eq(ashmem_get_name_region(shared_memory_fd(nameless), name), 0);
	cr_assert_str_eq(name, ASHMEM_NAME_DEF);
	shared_memory_destroy(nameless);
	shared_memory_destroy(memory);
}

Test(create, refuses_size_0_and_sizes_that_no_driver_has)
{
	struct shared_memory *memory = NULL;
	cr_assert_eq(shared_memory_create("test", 0, &memory), -EINVAL);
#if SIZE_MAX > UINT32_MAX /* otherwise every size_t is a size */
	cr_assert_eq(shared_memory_create("test", SIZE_MAX, &memory), -EFBIG);
#endif
	cr_assert_null(memory);
}

Test(create, says_when_there_are_no_descriptors)
{
	struct shared_memory *memory = NULL;
	forbid_descriptors();
	cr_assert_eq(shared_memory_create("test", PAGE, &memory), -EMFILE);
	cr_assert_null(memory);
}

Test(import, asks_the_region_for_its_size)
{
	struct shared_memory *memory = NULL;
	cr_assert_eq(shared_memory_import(ashmem_create_region("other", 7777), &memory), 0);
	cr_assert_eq(shared_memory_size(memory), 7777);
	shared_memory_destroy(memory);
}

Test(import, refuses_what_is_no_region_and_takes_it_all_the_same)
{
	struct shared_memory *memory = NULL;
	int before = count_descriptors();
	cr_assert_eq(shared_memory_import(not_a_region(), &memory), -ENOTTY);
	cr_assert_eq(shared_memory_import(damaged_region(), &memory), -EBADMSG);
	cr_assert_eq(shared_memory_import(ashmem_create_region("empty", 0), &memory), -EINVAL);
	cr_assert_eq(shared_memory_import(closed_descriptor(), &memory), -EBADF);
	cr_assert_eq(shared_memory_import(-1, &memory), -EBADF);
	cr_assert_null(memory);
	cr_assert_eq(count_descriptors(), before);
}

Test(import, owns_the_descriptor)
{
	struct shared_memory *memory = NULL;
	int before = count_descriptors();
	cr_assert_eq(shared_memory_import(ashmem_create_region("other", 1), &memory), 0);
	cr_assert_eq(count_descriptors(), before + 1);
	shared_memory_destroy(memory);
	cr_assert_eq(count_descriptors(), before);
}

/* ---- S2: protection ---- */

Test(protect, takes_away_and_never_gives)
{
	struct shared_memory *memory = memory_of(PAGE);
	void *at = NULL;
	cr_assert_eq(shared_memory_protect(memory, RW), 0);
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), 0);
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), 0);
	cr_assert_eq(shared_memory_protect(memory, RW), -EPERM);
	cr_assert_eq(shared_memory_map_readwrite(memory, &at), -EPERM);
	cr_assert_null(at);
	shared_memory_destroy(memory);
}

Test(protect, refuses_bits_that_are_none)
{
	struct shared_memory *memory = memory_of(PAGE);
	cr_assert_eq(shared_memory_protect(memory, 8), -EINVAL);
	cr_assert_eq(shared_memory_protect(memory, -1), -EINVAL);
	cr_assert_eq(ashmem_get_prot_region(shared_memory_fd(memory)), RW | PROT_EXEC);
	shared_memory_destroy(memory);
}

Test(protect, mappings_from_before_keep_theirs)
{
	struct shared_memory *memory = memory_of(PAGE);
	unsigned char *at = map(memory, RW);
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), 0);
	at[0] = 9;
	unsigned char *later = map(memory, PROT_READ);
	cr_assert_eq(later[0], 9);
	cr_assert(faults(later, true));
	cr_assert_eq(shared_memory_unmap(at), 0);
	cr_assert_eq(shared_memory_unmap(later), 0);
	shared_memory_destroy(memory);
}

/* ---- S3: mapping ---- */

Test(map, gives_a_part_of_it)
{
	struct shared_memory *memory = memory_of(3 * PAGE);
	unsigned char *whole = map(memory, RW);
	void *part = NULL;
	whole[PAGE + 5] = 42;
	cr_assert_eq(shared_memory_map(memory, PROT_READ, PAGE, 100, &part), 0);
	cr_assert_eq(((unsigned char *)part)[5], 42);
	cr_assert_eq(shared_memory_unmap(part), 0);
	cr_assert_eq(shared_memory_unmap(whole), 0);
	shared_memory_destroy(memory);
}

Test(map, read_only_can_not_be_written)
{
	struct shared_memory *memory = memory_of(PAGE);
	const void *at = NULL;
	cr_assert_eq(shared_memory_map_readonly(memory, &at), 0);
	cr_assert_not(faults((unsigned char *)(uintptr_t)at, false));
	cr_assert(faults((unsigned char *)(uintptr_t)at, true));
	cr_assert_eq(shared_memory_unmap(at), 0);
	shared_memory_destroy(memory);
}

Test(map, read_write_is_shared_by_all_mappings)
{
	struct shared_memory *memory = memory_of(PAGE);
	void *a = NULL, *b = NULL;
	cr_assert_eq(shared_memory_map_readwrite(memory, &a), 0);
	cr_assert_eq(shared_memory_map_readwrite(memory, &b), 0);
	cr_assert_neq(a, b, "each call is a new mapping");
	strcpy(a, "seen");
	cr_assert_str_eq(b, "seen");
	cr_assert_eq(shared_memory_unmap(a), 0);
	cr_assert_str_eq(b, "seen");
	cr_assert_eq(shared_memory_unmap(b), 0);
	shared_memory_destroy(memory);
}

Test(map, refuses_what_is_not_inside)
{
	const struct {
		size_t offset, length;
		int prot;
	} bad[] = {
		{0, 0, PROT_READ},
		{0, 2 * PAGE + 1, PROT_READ},
		{PAGE, PAGE + 1, PROT_READ},
		{2 * PAGE, 1, PROT_READ},
		{SIZE_MAX - PAGE + 1, PAGE, PROT_READ},
		{PAGE, SIZE_MAX, PROT_READ},
		{100, 100, PROT_READ},
		{0, PAGE, PROT_READ | 8},
	};
	struct shared_memory *memory = memory_of(2 * PAGE);
	void *at = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(
			shared_memory_map(memory, bad[i].prot, bad[i].offset, bad[i].length, &at),
			-EINVAL, "case %zu", i);
	cr_assert_null(at);
	shared_memory_destroy(memory);
}

Test(map, the_size_counts_and_not_the_page)
{
	struct shared_memory *memory = memory_of(PAGE + 100);
	void *at = NULL;
	cr_assert_eq(shared_memory_map(memory, RW, 0, PAGE + 101, &at), -EINVAL);
	cr_assert_eq(shared_memory_map(memory, RW, PAGE, 101, &at), -EINVAL);
	cr_assert_eq(shared_memory_map(memory, RW, PAGE, 100, &at), 0);
	cr_assert_eq(shared_memory_unmap(at), 0);
	shared_memory_destroy(memory);
}

Test(map, writable_through_a_read_only_descriptor_is_refused)
{
	int fd = ashmem_create_region("test", PAGE);
	struct shared_memory *memory = NULL;
	void *at = NULL;
	cr_assert_eq(shared_memory_import(share_for_looking(fd), &memory), 0);
	cr_assert_eq(shared_memory_map_readwrite(memory, &at), looking_error(fd));
	/* The device's mask is everybody's. */
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), is_on_device(fd) ? 0 : -EACCES);
	shared_memory_destroy(memory);
	close(fd);
}

Test(map, says_when_there_are_no_addresses_left)
{
	struct shared_memory *memory = memory_of((size_t)16 << 20);
	const void *at;
	int r = 0;
	forbid_addresses();
	for (int i = 0; i < 10 && r == 0; i++)
		r = shared_memory_map_readonly(memory, &at);
	cr_assert_eq(r, -ENOMEM);
	shared_memory_destroy(memory);
}

Test(unmap, refuses_what_was_not_given_here)
{
	struct shared_memory *memory = memory_of(2 * PAGE);
	unsigned char *at = map(memory, RW);
	int local;
	cr_assert_eq(shared_memory_unmap(&local), -EINVAL);
	cr_assert_eq(shared_memory_unmap(at + PAGE), -EINVAL);
	cr_assert_eq(shared_memory_unmap(NULL), -EINVAL);
	cr_assert_eq(shared_memory_unmap(at), 0);
	cr_assert(faults(at, false));
	cr_assert_eq(shared_memory_unmap(at), -EINVAL, "twice");
	shared_memory_destroy(memory);
}

/* ---- S4: closing ---- */

Test(close, leaves_mappings_and_ends_everything_else)
{
	struct shared_memory *memory = memory_of(PAGE);
	unsigned char *at = map(memory, RW);
	const void *readonly = NULL;
	void *readwrite = NULL;
	int before = count_descriptors();
	shared_memory_close(memory);
	shared_memory_close(memory);
	cr_assert_eq(count_descriptors(), before - 1);
	at[7] = 1;
	cr_assert_eq(shared_memory_size(memory), -EBADF);
	cr_assert_eq(shared_memory_fd(memory), -EBADF);
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), -EBADF);
	cr_assert_eq(shared_memory_map_readonly(memory, &readonly), -EBADF);
	cr_assert_eq(shared_memory_map_readwrite(memory, &readwrite), -EBADF);
	cr_assert_eq(shared_memory_send(memory, 0), -EBADF);
	shared_memory_destroy(memory);
	cr_assert_eq(at[7], 1, "also when the object is gone");
	cr_assert_eq(shared_memory_unmap(at), 0);
}

Test(close, nothing_can_be_destroyed)
{
	shared_memory_destroy(NULL);
}

/* ---- S5: passing it on ---- */

static struct shared_memory *passed(const struct shared_memory *memory)
{
	struct shared_memory *received = NULL;
	int sockets[2];
	connect_pair(sockets);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), 0);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), 0);
	close(sockets[0]);
	close(sockets[1]);
	return received;
}

Test(pass, the_receiver_needs_nothing_but_the_message)
{
	struct shared_memory *memory = memory_of(12345);
	unsigned char *ours = map(memory, RW);
	struct shared_memory *received = passed(memory);
	cr_assert_eq(shared_memory_size(received), 12345);
	unsigned char *theirs = map(received, RW);
	theirs[12344] = 200;
	cr_assert_eq(ours[12344], 200);
	cr_assert_eq(shared_memory_unmap(theirs), 0);
	cr_assert_eq(shared_memory_unmap(ours), 0);
	shared_memory_destroy(received);
	shared_memory_destroy(memory);
}

Test(pass, carries_the_mask_and_the_right_to_narrow_it)
{
	struct shared_memory *memory = memory_of(PAGE);
	struct shared_memory *received = passed(memory);
	void *at = NULL;
	cr_assert_eq(shared_memory_protect(received, PROT_READ), 0);
	cr_assert_eq(shared_memory_map_readwrite(memory, &at), -EPERM);
	shared_memory_destroy(received);
	shared_memory_destroy(memory);
}

Test(pass, what_is_read_only_goes_as_a_descriptor_that_can_not_write)
{
	struct shared_memory *memory = memory_of(PAGE);
	cr_assert_eq(shared_memory_protect(memory, PROT_READ), 0);
	struct shared_memory *received = passed(memory);
	int fd = shared_memory_fd(received);
	void *at = NULL;
	cr_assert_eq(shared_memory_map_readwrite(received, &at), -EPERM);
	struct stat st;
	cr_assert_eq(fstat(fd, &st), 0);
	if (S_ISREG(st.st_mode)) { /* on the device the mask alone decides */
		cr_assert_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
		cr_assert_eq(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), MAP_FAILED);
	}
	struct shared_memory *again = passed(received);
	cr_assert_eq(shared_memory_size(again), PAGE, "and can be passed on further");
	shared_memory_destroy(again);
	shared_memory_destroy(received);
	shared_memory_destroy(memory);
}

Test(pass, into_another_process)
{
	struct shared_memory *memory = memory_of(PAGE);
	unsigned char *at = map(memory, RW);
	int sockets[2];
	connect_pair(sockets);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), 0);
	pid_t child = fork();
	if (child == 0) {
		struct shared_memory *received;
		void *mapped;
		if (shared_memory_receive(sockets[1], &received) < 0 ||
			shared_memory_map_readwrite(received, &mapped) < 0)
			_exit(1);
		strcpy(mapped, "from the child");
		_exit(0);
	}
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_str_eq((char *)at, "from the child");
	cr_assert_eq(shared_memory_unmap(at), 0);
	shared_memory_destroy(memory);
}

Test(pass, errors_of_sending)
{
	struct shared_memory *memory = memory_of(PAGE);
	int sockets[2], r = 0;
	connect_pair(sockets);
	for (int i = 0; i < 100000 && r == 0; i++)
		r = shared_memory_send(memory, sockets[0]);
	cr_assert_eq(r, -EAGAIN);
	close(sockets[1]);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), -ECONNRESET, "with messages unread");
	connect_pair(sockets);
	close(sockets[1]);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), -EPIPE);
	shared_memory_destroy(memory);
}

Test(pass, what_is_not_such_a_socket)
{
	struct shared_memory *memory = memory_of(PAGE), *received = NULL;
	int unconnected = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	cr_assert_eq(shared_memory_send(memory, -1), -EBADF);
	cr_assert_eq(shared_memory_send(memory, not_a_region()), -ENOTSOCK);
	cr_assert_eq(shared_memory_send(memory, unconnected), -ENOTCONN);
	cr_assert_eq(shared_memory_send(memory, netlink), -EINVAL, "carries no descriptors");
	cr_assert_eq(shared_memory_receive(closed_descriptor(), &received), -EBADF);
	cr_assert_eq(shared_memory_receive(not_a_region(), &received), -ENOTSOCK);
	cr_assert_eq(shared_memory_receive(unconnected, &received), -ENOTCONN);
	cr_assert_null(received);
	shared_memory_destroy(memory);
}

Test(pass, a_damaged_region_is_not_sent)
{
	struct shared_memory *memory = NULL;
	int sockets[2], fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "test", PAGE);
	connect_pair(sockets);
	cr_assert_eq(shared_memory_import(fd, &memory), 0);
	damage(fd);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), -EBADMSG);
	shared_memory_destroy(memory);
}

Test(pass, too_many_descriptors_under_way)
{
	struct shared_memory *memory = memory_of(PAGE);
	int sockets[8][2], r = 0;
	for (int i = 0; i < 8; i++)
		connect_pair(sockets[i]);
	limit_descriptors_under_way();
	for (int i = 0; i < 400 && r == 0; i++)
		r = shared_memory_send(memory, sockets[i % 8][0]);
	cr_assert_eq(r, -ETOOMANYREFS);
	shared_memory_destroy(memory);
}

Test(pass, errors_of_receiving)
{
	struct shared_memory *received = NULL;
	int sockets[2];
	connect_pair(sockets);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EAGAIN);
	cr_assert_eq(send(sockets[0], "x", 1, 0), 1);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EPROTO, "no descriptor");
	cr_assert_eq(send(sockets[0], "xy", 2, 0), 2);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EPROTO, "too long");
	int before = count_descriptors();
	int good = ashmem_create_region("test", PAGE), both[2] = {good, good};
	send_with(sockets[0], "x", 1, both, 2);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EPROTO, "two descriptors");
	close(good);
	int other = not_a_region(), damaged = damaged_region();
	send_with(sockets[0], "x", 1, &other, 1);
	send_with(sockets[0], "x", 1, &damaged, 1);
	close(other);
	close(damaged);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -ENOTTY);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EBADMSG);
	cr_assert_eq(count_descriptors(), before, "none of them stays open");
	close(sockets[0]);
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -ECONNRESET);
	cr_assert_null(received);
}

Test(pass, no_room_for_the_descriptor)
{
	struct shared_memory *memory = memory_of(PAGE), *received = NULL;
	int sockets[2];
	connect_pair(sockets);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), 0);
	forbid_descriptors();
	cr_assert_eq(shared_memory_receive(sockets[1], &received), -EMFILE);
	cr_assert_eq(shared_memory_send(memory, sockets[0]), -EMFILE);
	cr_assert_null(received);
	shared_memory_destroy(memory);
}
