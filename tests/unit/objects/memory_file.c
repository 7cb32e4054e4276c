/* Clauses M1 to M8, and every error of <ashmem/memory_file.h>. */
#include "support.h"

#include <ashmem/ashmem.h>
#include <ashmem/memory_file.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct memory_file *file_of(size_t length)
{
	struct memory_file *file = NULL;
	cr_assert_eq(memory_file_create("test", length, &file), 0);
	return file;
}

static struct memory_file *file_with(const char *text)
{
	struct memory_file *file = file_of(PAGE);
	cr_assert_eq(memory_file_write(file, 0, text, strlen(text) + 1), (ssize_t)strlen(text) + 1);
	return file;
}

static int is_pinned(struct memory_file *file)
{
	return ashmem_get_pin_status_region(memory_file_fd(file), 0, 0);
}

static void lose(struct memory_file *file)
{
	cr_assert_gt(ashmem_purge_all_caches(memory_file_fd(file)), 0);
}

/* ---- M1 ---- */

Test(create, gives_zeros_that_can_not_be_purged)
{
	struct memory_file *file = file_of(5000);
	char buffer[5000];
	cr_assert_eq(memory_file_length(file), 5000);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_PINNED);
	cr_assert_eq(memory_file_read(file, 0, buffer, sizeof(buffer)), 5000);
	for (size_t i = 0; i < sizeof(buffer); i++)
		cr_assert_eq(buffer[i], 0);
	memory_file_destroy(file);
}

Test(create, name_is_optional)
{
	struct memory_file *file = file_of(1), *nameless = NULL;
	char name[ASHMEM_NAME_LEN];
	cr_assert_eq(ashmem_get_name_region(memory_file_fd(file), name), 0);
	cr_assert_str_eq(name, "test");
	cr_assert_eq(memory_file_create(NULL, 1, &nameless), 0);
	memory_file_destroy(nameless);
	memory_file_destroy(file);
}

Test(create, errors)
{
	struct memory_file *file = NULL;
	int before = count_descriptors();
	cr_assert_eq(memory_file_create("test", 0, &file), -EINVAL);
	/* Where 4 GiB is all there are addresses for, the region can be made but not mapped. */
	cr_assert_eq(memory_file_create("test", SIZE_MAX, &file),
		SIZE_MAX > UINT32_MAX ? -EFBIG : -ENOMEM);
	cr_assert_eq(count_descriptors(), before);
	forbid_descriptors();
	cr_assert_eq(memory_file_create("test", 1, &file), -EMFILE);
	cr_assert_null(file);
}

Test(create, says_when_there_are_no_addresses_left)
{
	struct memory_file *files[10] = {NULL};
	int r = 0, before = 0;
	forbid_addresses();
	for (int i = 0; i < 10 && r == 0; i++) {
		before = count_descriptors();
		r = memory_file_create("test", (size_t)16 << 20, &files[i]);
	}
	cr_assert_eq(r, -ENOMEM);
	cr_assert_eq(count_descriptors(), before);
	for (int i = 0; i < 10; i++)
		memory_file_destroy(files[i]);
}

/* ---- M2 ---- */

Test(close, ends_everything_and_may_be_repeated)
{
	int before = count_descriptors();
	struct memory_file *file = file_with("text");
	struct memory_file_input input;
	struct memory_file_output output;
	char byte;
	int64_t skipped = 77;
	memory_file_input_init(&input, file);
	memory_file_output_init(&output, file);
	memory_file_close(file);
	memory_file_close(file);
	cr_assert_eq(count_descriptors(), before);
	cr_assert_eq(memory_file_length(file), -EBADF);
	cr_assert_eq(memory_file_fd(file), -EBADF);
	cr_assert_eq(memory_file_read(file, 0, &byte, 1), -EBADF);
	cr_assert_eq(memory_file_write(file, 0, "x", 1), -EBADF);
	cr_assert_eq(memory_file_allow_purging(file, true), -EBADF);
	cr_assert_eq(memory_file_purged(file), -EBADF);
	cr_assert_eq(memory_file_renew(file), -EBADF);
	cr_assert_eq(memory_file_input_available(&input), -EBADF);
	cr_assert_eq(memory_file_input_read(&input, &byte, 1), -EBADF);
	cr_assert_eq(memory_file_input_skip(&input, 1, &skipped), -EBADF);
	cr_assert_eq(skipped, 77);
	cr_assert_eq(memory_file_output_write(&output, "x", 1), -EBADF);
	memory_file_destroy(file);
	memory_file_destroy(NULL);
}

/* ---- M3 ---- */

Test(purging, allow_gives_what_was_before)
{
	struct memory_file *file = file_with("text");
	cr_assert_eq(memory_file_allow_purging(file, false), 0);
	cr_assert_eq(memory_file_allow_purging(file, true), 0);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	cr_assert_eq(memory_file_allow_purging(file, true), 1);
	cr_assert_eq(memory_file_allow_purging(file, false), 1);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_PINNED);
	cr_assert_eq(memory_file_allow_purging(file, false), 0);
	cr_assert_eq(memory_file_purged(file), 0);
	memory_file_destroy(file);
}

Test(purging, a_loss_found_when_forbidding_is_not_dropped)
{
	struct memory_file *file = file_with("text");
	char buffer[5];
	memory_file_allow_purging(file, true);
	lose(file);
	cr_assert_eq(memory_file_purged(file), 0, "nobody has looked");
	cr_assert_eq(memory_file_allow_purging(file, false), 1);
	cr_assert_eq(memory_file_purged(file), 1);
	cr_assert_eq(memory_file_read(file, 0, buffer, 5), -ENODATA);
	memory_file_destroy(file);
}

Test(purging, that_can_not_be_had_changes_nothing)
{
	struct memory_file *file = file_with("text");
	int fd = memory_file_fd(file), kept = dup(fd);
	close(fd); /* behind its back: the region can not be reached */
	cr_assert_eq(memory_file_allow_purging(file, true), -EBADF);
	cr_assert_eq(dup2(kept, fd), fd);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_PINNED);
	cr_assert_eq(memory_file_allow_purging(file, true), 0, "it was not allowed before");
	close(fd);
	cr_assert_eq(memory_file_allow_purging(file, false), -EBADF);
	cr_assert_eq(dup2(kept, fd), fd);
	cr_assert_eq(memory_file_allow_purging(file, false), 1, "it is still allowed");
	close(kept);
	memory_file_destroy(file);
}

/* ---- M4 ---- */

Test(access, that_can_not_be_pinned_is_not_made)
{
	struct memory_file *file = file_with("text");
	struct memory_file_input input;
	struct memory_file_output output;
	char buffer[5] = "old";
	uint8_t byte = 7;
	memory_file_input_init(&input, file);
	memory_file_output_init(&output, file);
	memory_file_allow_purging(file, true);
	int fd = memory_file_fd(file), kept = dup(fd);
	close(fd); /* behind its back */
	cr_assert_eq(memory_file_read(file, 0, buffer, 5), -EBADF);
	cr_assert_eq(memory_file_write(file, 0, "new", 4), -EBADF);
	cr_assert_eq(memory_file_input_read(&input, buffer, 5), -EBADF);
	cr_assert_eq(memory_file_input_byte(&input, &byte), -EBADF);
	cr_assert_eq(memory_file_output_write(&output, "new", 4), -EBADF);
	cr_assert_str_eq(buffer, "old");
	cr_assert_eq(byte, 7);
	cr_assert_eq(dup2(kept, fd), fd);
	close(kept);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	cr_assert_eq(memory_file_input_read(&input, buffer, 5), 5, "the position stayed");
	cr_assert_str_eq(buffer, "text");
	memory_file_destroy(file);
}

Test(access, what_was_written_is_read)
{
	struct memory_file *file = file_of(3 * PAGE);
	char buffer[16] = "";
	cr_assert_eq(memory_file_write(file, 2 * PAGE - 3, "across", 7), 7);
	cr_assert_eq(memory_file_read(file, 2 * PAGE - 3, buffer, 7), 7);
	cr_assert_str_eq(buffer, "across");
	cr_assert_eq(memory_file_read(file, 3 * PAGE, buffer, 0), 0, "nothing, at the very end");
	memory_file_destroy(file);
}

Test(access, refuses_what_is_not_inside_and_does_nothing)
{
	static const struct {
		size_t offset, count;
	} bad[] = {{0, 101}, {100, 1}, {101, 0}, {99, 2}, {SIZE_MAX, 2}, {2, SIZE_MAX},
		{SIZE_MAX, SIZE_MAX}};
	struct memory_file *file = file_of(100);
	char buffer[200] = "untouched";
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(memory_file_read(file, bad[i].offset, buffer, bad[i].count), -EINVAL,
			"case %zu", i);
		cr_assert_eq(memory_file_write(file, bad[i].offset, buffer, bad[i].count), -EINVAL,
			"case %zu", i);
	}
	cr_assert_str_eq(buffer, "untouched");
	char zeros[100];
	cr_assert_eq(memory_file_read(file, 0, zeros, 100), 100);
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(zeros[i], 0);
	memory_file_destroy(file);
}

Test(access, pins_only_while_it_lasts)
{
	struct memory_file *file = file_with("text");
	char buffer[5];
	memory_file_allow_purging(file, true);
	cr_assert_eq(memory_file_read(file, 0, buffer, 5), 5);
	cr_assert_str_eq(buffer, "text");
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	cr_assert_eq(memory_file_write(file, 0, "TEXT", 4), 4);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	cr_assert_eq(memory_file_read(file, PAGE, buffer, 1), -EINVAL);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED, "after an error too");
	memory_file_destroy(file);
}

/* ---- M5 ---- */

Test(loss, is_told_to_everybody_until_it_is_noted)
{
	struct memory_file *file = file_with("text");
	char buffer[5] = "old";
	memory_file_allow_purging(file, true);
	lose(file);
	for (int i = 0; i < 3; i++) {
		cr_assert_eq(memory_file_read(file, 0, buffer, 5), -ENODATA);
		cr_assert_eq(memory_file_write(file, 0, "new", 4), -ENODATA);
		cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED, "it does not stay pinned");
	}
	cr_assert_str_eq(buffer, "old");
	cr_assert_eq(memory_file_purged(file), 1);
	memory_file_destroy(file);
}

Test(loss, once_noted_the_file_can_be_filled_again)
{
	struct memory_file *file = file_with("text");
	char buffer[5] = "old";
	memory_file_allow_purging(file, true);
	lose(file);
	cr_assert_eq(memory_file_allow_purging(file, false), 1);
	cr_assert_eq(memory_file_renew(file), 0);
	cr_assert_eq(memory_file_purged(file), 0);
	cr_assert_eq(memory_file_read(file, 0, buffer, 5), 5);
	cr_assert_eq(buffer[0], 0);
	cr_assert_eq(memory_file_write(file, 0, "new", 4), 4);
	cr_assert_eq(memory_file_read(file, 0, buffer, 4), 4);
	cr_assert_str_eq(buffer, "new");
	memory_file_destroy(file);
}

Test(loss, a_stream_hears_of_it_and_stays_where_it_is)
{
	struct memory_file *file = file_with("text");
	struct memory_file_input input;
	uint8_t byte = 7;
	memory_file_input_init(&input, file);
	cr_assert_eq(memory_file_input_byte(&input, &byte), 1);
	memory_file_allow_purging(file, true);
	lose(file);
	cr_assert_eq(memory_file_input_byte(&input, &byte), -ENODATA);
	cr_assert_eq(byte, 't');
	cr_assert_eq(memory_file_input_available(&input), (ssize_t)PAGE - 1);
	memory_file_destroy(file);
}

enum { READERS = 4, ROUNDS = 3000, BYTES = 64 * 1024 };

static bool purger_ends;

static void *read_again_and_again(void *file)
{
	static _Thread_local char buffer[BYTES];
	for (int i = 0; i < ROUNDS; i++) {
		ssize_t n = memory_file_read(file, 0, buffer, BYTES);
		if (n == -ENODATA)
			continue;
		cr_assert_eq(n, BYTES);
		/* Between the start of an access and its end nothing can be lost. */
		for (size_t j = 0; j < BYTES; j += 512)
			cr_assert_eq(buffer[j], 'x');
	}
	return NULL;
}

static void *purge_again_and_again(void *file)
{
	static char full[BYTES];
	memset(full, 'x', sizeof(full));
	while (!__atomic_load_n(&purger_ends, __ATOMIC_ACQUIRE)) {
		ashmem_purge_all_caches(memory_file_fd(file));
		memory_file_purged(file);
	}
	return NULL;
}

/* Threads' pins crossing, a purge would hit a copy under way, and the read would give zeros. */
Test(loss, never_hits_an_access_under_way, .timeout = 120)
{
	struct memory_file *file = file_of(BYTES);
	static char full[BYTES];
	pthread_t readers[READERS], purger;
	memset(full, 'x', sizeof(full));
	cr_assert_eq(memory_file_write(file, 0, full, BYTES), BYTES);
	memory_file_allow_purging(file, true);
	cr_assert_eq(pthread_create(&purger, NULL, purge_again_and_again, file), 0);
	for (int i = 0; i < READERS; i++)
		cr_assert_eq(pthread_create(&readers[i], NULL, read_again_and_again, file), 0);
	for (int i = 0; i < 200; i++) {
		memory_file_allow_purging(file, false);
		memory_file_write(
			file, 0, full, BYTES); /* refused until noted: no reader sees half of it */
		if (memory_file_purged(file) == 1) {
			/* As a program does that fills it again: readers keep away meanwhile. */
			char *at =
				ashmem_mmap(NULL, BYTES, RW, MAP_SHARED, memory_file_fd(file), 0);
			memcpy(at, full, BYTES);
			ashmem_munmap(at, BYTES);
			memory_file_renew(file);
		}
		memory_file_allow_purging(file, true);
	}
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	__atomic_store_n(&purger_ends, true, __ATOMIC_RELEASE);
	pthread_join(purger, NULL);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	memory_file_destroy(file);
}

static void *read_until_closed(void *file)
{
	static _Thread_local char buffer[BYTES];
	ssize_t n;
	while ((n = memory_file_read(file, 0, buffer, BYTES)) == BYTES)
		;
	cr_assert_eq(n, -EBADF);
	return NULL;
}

Test(close, waits_for_accesses_under_way, .timeout = 60)
{
	for (int round = 0; round < 50; round++) {
		struct memory_file *file = file_of(BYTES);
		pthread_t readers[READERS];
		for (int i = 0; i < READERS; i++)
			cr_assert_eq(pthread_create(&readers[i], NULL, read_until_closed, file), 0);
		memory_file_close(file);
		for (int i = 0; i < READERS; i++)
			pthread_join(readers[i], NULL);
		memory_file_destroy(file);
	}
}

/* ---- M6 ---- */

Test(input, reads_to_the_end_and_no_further)
{
	struct memory_file *file = file_of(10);
	struct memory_file_input input;
	char buffer[20] = "";
	cr_assert_eq(memory_file_write(file, 0, "0123456789", 10), 10);
	memory_file_input_init(&input, file);
	cr_assert_eq(memory_file_input_available(&input), 10);
	cr_assert_eq(memory_file_input_read(&input, buffer, 4), 4);
	cr_assert_eq(memcmp(buffer, "0123", 4), 0);
	cr_assert_eq(memory_file_input_available(&input), 6);
	cr_assert_eq(memory_file_input_read(&input, buffer, 20), 6, "what is left");
	cr_assert_eq(memcmp(buffer, "456789", 6), 0);
	cr_assert_eq(memory_file_input_read(&input, buffer, 20), 0, "the end");
	cr_assert_eq(memory_file_input_available(&input), 0);
	memory_file_destroy(file);
}

Test(input, every_byte_is_told_from_the_end)
{
	struct memory_file *file = file_of(256);
	struct memory_file_input input;
	uint8_t all[256], byte = 0;
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	cr_assert_eq(memory_file_write(file, 0, all, 256), 256);
	memory_file_input_init(&input, file);
	for (int i = 0; i < 256; i++) {
		cr_assert_eq(memory_file_input_byte(&input, &byte), 1);
		cr_assert_eq(byte, i);
	}
	cr_assert_eq(memory_file_input_byte(&input, &byte), 0);
	cr_assert_eq(byte, 255, "untouched");
	memory_file_destroy(file);
}

Test(input, mark_and_reset)
{
	struct memory_file *file = file_with("abcdef");
	struct memory_file_input input;
	char buffer[3];
	memory_file_input_init(&input, file);
	cr_assert_eq(memory_file_input_read(&input, buffer, 3), 3);
	memory_file_input_reset(&input);
	cr_assert_eq(memory_file_input_available(&input), (ssize_t)PAGE,
		"the first mark is the beginning");
	cr_assert_eq(memory_file_input_read(&input, buffer, 2), 2);
	memory_file_input_mark(&input);
	cr_assert_eq(memory_file_input_read(&input, buffer, 3), 3);
	memory_file_input_reset(&input);
	cr_assert_eq(memory_file_input_read(&input, buffer, 3), 3);
	cr_assert_eq(memcmp(buffer, "cde", 3), 0);
	memory_file_destroy(file);
}

Test(input, skip_stays_inside)
{
	static const struct {
		int64_t distance, moved;
		ssize_t left;
	} steps[] = {
		{30, 30, 70},
		{-10, -10, 80},
		{-21, -20, 100},
		{INT64_MIN, 0, 100},
		{101, 100, 0},
		{INT64_MAX, 0, 0},
		{0, 0, 0},
		{INT64_MIN, -100, 100},
	};
	struct memory_file *file = file_of(100);
	struct memory_file_input input;
	memory_file_input_init(&input, file);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int64_t moved = 77;
		cr_assert_eq(memory_file_input_skip(&input, steps[i].distance, &moved), 0);
		cr_assert_eq(moved, steps[i].moved, "step %zu", i);
		cr_assert_eq(memory_file_input_available(&input), steps[i].left, "step %zu", i);
	}
	memory_file_destroy(file);
}

/* ---- M7 ---- */

Test(output, writes_one_behind_the_other_and_never_over_the_end)
{
	struct memory_file *file = file_of(10);
	struct memory_file_output output;
	char buffer[10];
	memory_file_output_init(&output, file);
	cr_assert_eq(memory_file_output_write(&output, "0123", 4), 4);
	cr_assert_eq(memory_file_output_write(&output, "45678", 5), 5);
	cr_assert_eq(memory_file_output_write(&output, "xx", 2), -EINVAL);
	cr_assert_eq(
		memory_file_output_write(&output, "9", 1), 1, "the refused write moved nothing");
	cr_assert_eq(memory_file_output_write(&output, "x", 1), -EINVAL);
	cr_assert_eq(memory_file_read(file, 0, buffer, 10), 10);
	cr_assert_eq(memcmp(buffer, "0123456789", 10), 0);
	memory_file_destroy(file);
}

/* ---- M8 ---- */

Test(received, shares_the_bytes_and_keeps_the_callers_descriptor)
{
	struct memory_file *file = file_with("text"), *received = NULL;
	int fd = dup(memory_file_fd(file)), before = count_descriptors();
	char buffer[5] = "";
	cr_assert_eq(memory_file_open(fd, PAGE, MEMORY_FILE_READ_WRITE, &received), 0);
	cr_assert_eq(memory_file_read(received, 0, buffer, 5), 5);
	cr_assert_str_eq(buffer, "text");
	cr_assert_eq(memory_file_write(received, 0, "TEXT", 4), 4);
	memory_file_destroy(received);
	cr_assert_eq(count_descriptors(), before);
	cr_assert_eq(memory_file_is(fd), 1, "it is still open");
	cr_assert_eq(memory_file_read(file, 0, buffer, 5), 5);
	cr_assert_str_eq(buffer, "TEXT");
	memory_file_destroy(file);
}

Test(received, only_the_owner_may_allow_purging)
{
	struct memory_file *file = file_with("text"), *received = NULL;
	cr_assert_eq(memory_file_open(memory_file_fd(file), PAGE, MEMORY_FILE_READ, &received), 0);
	cr_assert_eq(memory_file_allow_purging(received, true), -EPERM);
	cr_assert_eq(memory_file_allow_purging(received, false), -EPERM);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_PINNED);
	memory_file_destroy(received);
	memory_file_destroy(file);
}

Test(received, reading_takes_no_pin_from_the_owner)
{
	struct memory_file *file = file_with("text"), *received = NULL;
	char buffer[5];
	cr_assert_eq(memory_file_open(memory_file_fd(file), PAGE, MEMORY_FILE_READ, &received), 0);
	cr_assert_eq(memory_file_read(received, 0, buffer, 5), 5);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_PINNED);
	memory_file_allow_purging(file, true);
	cr_assert_eq(memory_file_read(received, 0, buffer, 5), 5);
	cr_assert_eq(is_pinned(file), ASHMEM_IS_UNPINNED);
	memory_file_destroy(received);
	memory_file_destroy(file);
}

Test(received, for_reading_only)
{
	struct memory_file *file = file_with("text"), *received = NULL;
	int readonly = share_for_looking(memory_file_fd(file));
	char buffer[5];
	cr_assert_eq(memory_file_open(readonly, PAGE, MEMORY_FILE_READ, &received), 0);
	cr_assert_eq(memory_file_read(received, 0, buffer, 5), 5);
	cr_assert_eq(memory_file_write(received, 0, "x", 1), -EACCES);
	memory_file_destroy(received);
	memory_file_destroy(file);
	close(readonly);
}

Test(received, errors)
{
	struct memory_file *received = NULL;
	int fd = ashmem_create_region("test", 100), readonly = share_for_looking(fd);
	cr_assert_eq(memory_file_open(fd, 0, MEMORY_FILE_READ, &received), -EINVAL);
	cr_assert_eq(memory_file_open(fd, 101, MEMORY_FILE_READ, &received), -EINVAL);
	cr_assert_eq(memory_file_open(fd, 100, (enum memory_file_mode)2, &received), -EINVAL);
	cr_assert_eq(memory_file_open(closed_descriptor(), 1, MEMORY_FILE_READ, &received), -EBADF);
	cr_assert_eq(memory_file_open(not_a_region(), 1, MEMORY_FILE_READ, &received), -ENOTTY);
	cr_assert_eq(memory_file_open(damaged_region(), 1, MEMORY_FILE_READ, &received), -EBADMSG);
	cr_assert_eq(memory_file_open(readonly, 100, MEMORY_FILE_READ_WRITE, &received),
		looking_error(fd));
	cr_assert_eq(ashmem_set_prot_region(fd, PROT_READ), 0);
	cr_assert_eq(memory_file_open(fd, 100, MEMORY_FILE_READ_WRITE, &received), -EPERM);
	forbid_descriptors();
	cr_assert_eq(memory_file_open(fd, 100, MEMORY_FILE_READ, &received), -EMFILE);
	cr_assert_null(received);
}

Test(received, is_a_memory_file_or_not)
{
	int fd = ashmem_create_region("test", 100);
	cr_assert_eq(memory_file_is(fd), 1);
	cr_assert_eq(memory_file_is(not_a_region()), 0);
	cr_assert_eq(memory_file_is(closed_descriptor()), -EBADF);
	cr_assert_eq(memory_file_is(damaged_region()), -EBADMSG);
	close(fd);
}
