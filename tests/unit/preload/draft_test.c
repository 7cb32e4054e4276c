/* Drafts: what cannot be brought about from outside, such as a process that dies half-way. */
#include "preload/draft.h"

#include "common/ashmem/memfd.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())

static int set(struct draft *draft, const void *size)
{
	draft->size = *(const uint64_t *)size;
	strcpy(draft->name, "draft");
	draft->mask = PROT_READ | PROT_WRITE;
	return 0;
}

static int draft_of(uint64_t size)
{
	int fd = draft_open();
	cr_assert_geq(fd, 0);
	cr_assert_eq(draft_change(fd, set, &size), 0);
	return fd;
}

static void assert_is_the_region(int fd, int64_t size)
{
	char name[ASHMEM_NAME_LEN];
	cr_assert_eq(ashmem_get_size_region64(fd), size);
	cr_assert_eq(ashmem_get_prot_region(fd), PROT_READ | PROT_WRITE);
	cr_assert_eq(ashmem_get_name_region(fd, name), 0);
	cr_assert_str_eq(name, "draft");
	unsigned char *at = ashmem_mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
	cr_assert_neq(at, MAP_FAILED);
	for (int64_t i = 0; i < size; i++)
		cr_assert_eq(at[i], 0);
	ashmem_munmap(at, (size_t)size);
}

Test(draft, becomes_the_region_that_it_describes)
{
	int fd = draft_of(5000);
	cr_assert_eq(draft_classify(fd), FILE_DRAFT);
	cr_assert_eq(ashmem_valid(fd), 0);
	cr_assert_eq(draft_settle(fd), 0);
	cr_assert_eq(draft_classify(fd), FILE_REGION);
	assert_is_the_region(fd, 5000);
	close(fd);
}

Test(draft, settled_again_is_the_same_region)
{
	int fd = draft_of(PAGE);
	uint64_t other = 2 * PAGE;
	struct draft draft;
	cr_assert_eq(draft_settle(fd), 0);
	char *at = ashmem_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(at, "kept");
	cr_assert_eq(draft_settle(fd), 0);
	cr_assert_str_eq(at, "kept");
	cr_assert_eq(draft_read(fd, &draft), -ENOTTY);
	cr_assert_eq(draft_change(fd, set, &other), -ENOTTY);
	close(fd);
}

/* The steps of settling, up to where a process may have died. */
static void settle_half(int fd, bool laid_out, bool punched)
{
	struct draft draft;
	cr_assert_eq(draft_read(fd, &draft), 0);
	if (laid_out)
		cr_assert_eq(memfd_lay_out(fd, draft.name, draft.size, draft.mask), 0);
	else
		cr_assert_eq(ftruncate(fd, (off_t)(4 << 20)), 0);
	if (punched)
		cr_assert_eq(
			fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)PAGE),
			0);
}

Test(draft, of_one_that_died_after_giving_it_a_length_is_a_draft)
{
	int fd = draft_of(3 * PAGE);
	settle_half(fd, false, false);
	cr_assert_eq(draft_classify(fd), FILE_DRAFT);
	cr_assert_eq(draft_settle(fd), 0);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

Test(draft, of_one_that_died_after_laying_it_out_is_a_draft)
{
	int fd = draft_of(3 * PAGE);
	settle_half(fd, true, false);
	cr_assert_eq(draft_classify(fd), FILE_DRAFT);
	cr_assert_eq(draft_settle(fd), 0);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

Test(draft, of_one_that_died_before_sealing_is_sealed_by_whoever_looks)
{
	int fd = draft_of(3 * PAGE);
	settle_half(fd, true, true);
	cr_assert_eq(draft_classify(fd), FILE_REGION);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

Test(draft, of_one_that_died_before_sealing_is_sealed_by_whoever_maps)
{
	int fd = draft_of(3 * PAGE);
	settle_half(fd, true, true);
	cr_assert_eq(draft_settle(fd), 0);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

/* A mapper looks at what the draft says while another process is about to seal it. */
Test(draft, found_gone_is_a_region_by_then)
{
	int fd = draft_of(3 * PAGE);
	struct draft draft;
	settle_half(fd, true, true);
	cr_assert_eq(ashmem_valid(fd), 0);
	cr_assert_eq(draft_read(fd, &draft), -ENOTTY);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

Test(draft, that_can_not_be_changed_any_more_is_a_region_by_then)
{
	int fd = draft_of(3 * PAGE);
	uint64_t other = PAGE;
	settle_half(fd, true, true);
	cr_assert_eq(draft_change(fd, set, &other), -ENOTTY);
	assert_is_the_region(fd, 3 * PAGE);
	close(fd);
}

Test(draft, too_large_for_a_region_stays_a_draft)
{
	int fd = draft_of(UINT64_MAX);
	cr_assert_eq(draft_settle(fd), -ENOMEM);
	cr_assert_eq(draft_classify(fd), FILE_DRAFT);
	close(fd);
}

static int refuse(struct draft *draft, const void *argument)
{
	(void)argument;
	draft->size = 1;
	return -EINVAL;
}

Test(draft, a_change_that_fails_changes_nothing)
{
	int fd = draft_of(PAGE);
	struct draft draft;
	cr_assert_eq(draft_change(fd, refuse, NULL), -EINVAL);
	cr_assert_eq(draft_read(fd, &draft), 0);
	cr_assert_eq(draft.size, PAGE);
	close(fd);
}

Test(draft, forged_by_a_peer_is_harmless)
{
	int fd = draft_of(PAGE);
	struct draft draft;
	cr_assert_eq(draft_read(fd, &draft), 0);
	memset(draft.name, 'x', sizeof(draft.name));
	draft.mask = UINT32_MAX;
	cr_assert_eq(pwrite(fd, &draft, sizeof(draft), 0), (ssize_t)sizeof(draft));
	cr_assert_eq(draft_read(fd, &draft), 0);
	cr_assert_eq(strlen(draft.name), ASHMEM_NAME_LEN - 1);
	cr_assert_eq(draft.mask, ASHMEM_ALL_PROT);
	cr_assert_eq(draft_settle(fd), 0);
	cr_assert_eq(ashmem_get_prot_region(fd), (int)ASHMEM_ALL_PROT);
	close(fd);
}

Test(draft, other_files_are_foreign)
{
	int ends[2], plain = memfd_create("plain", 0),
		     sealable = memfd_create("plain", MFD_ALLOW_SEALING);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(draft_classify(ends[0]), FILE_FOREIGN);
	cr_assert_eq(draft_classify(-1), FILE_FOREIGN);
	cr_assert_eq(draft_classify(plain), FILE_FOREIGN);
	for (int pages = 0; pages < 4; pages++) {
		cr_assert_eq(ftruncate(sealable, pages * (off_t)PAGE), 0);
		cr_assert_eq(draft_classify(sealable), FILE_FOREIGN);
	}
	cr_assert_eq(fcntl(sealable, F_GET_SEALS), 0, "and stay as they are");
}

enum { THREADS = 4, CHANGES = 500 };

static int count_one(struct draft *draft, const void *argument)
{
	(void)argument;
	uint64_t before = draft->size;
	sched_yield(); /* give the others every chance */
	draft->size = before + 1;
	return 0;
}

static void *count_up(void *fd)
{
	for (int i = 0; i < CHANGES; i++)
		cr_assert_eq(draft_change(*(int *)fd, count_one, NULL), 0);
	return NULL;
}

/* Through one and the same descriptor, which a lock of the descriptor would not keep apart. */
Test(draft, threads_and_processes_change_it_one_after_the_other, .timeout = 60)
{
	int fd = draft_of(0);
	struct draft draft;
	pthread_t threads[THREADS];
	pid_t child = fork();
	if (child == 0) {
		count_up(&fd);
		_exit(0);
	}
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, count_up, &fd), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(draft_read(fd, &draft), 0);
	cr_assert_eq(draft.size, (THREADS + 1) * CHANGES);
}
