/* The control block as an enemy writes it: calls give an error or an answer, in bounded time, and
 * touch nothing outside. */
#include "common/ashmem/block.h"
#include "common/ashmem/owner_lock.h"

#include <ashmem/ashmem.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define PAGES 64
#define NODES 24 /* of the nodes, those that the scene uses */

struct victim {
	int fd;
	struct ashmem_handle *handle;
	unsigned char *block; /* our own mapping of the control block */
	size_t block_bytes;
	unsigned char good[sizeof(struct ashmem_block) + NODES * sizeof(struct ashmem_node)];
};

static void open_victim(struct victim *victim)
{
	uint64_t offset, bytes;
	ashmem_wait_limit_ns = 2000000;
	victim->fd = ashmem_create_region_on(ASHMEM_DRIVER_MEMFD, "hostile", PAGES * PAGE);
	cr_assert_eq(ashmem_attach(victim->fd, &victim->handle), 0);
	cr_assert_eq(ashmem_layout(PAGES * PAGE, &offset, &bytes), 0);
	victim->block_bytes = bytes - offset;
	victim->block = mmap(NULL, victim->block_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		victim->fd, (off_t)offset);
	cr_assert_neq(victim->block, MAP_FAILED);
	for (size_t i = 0; i < NODES; i++)
		cr_assert_eq(ashmem_handle_unpin(victim->handle, i * 2 * PAGE, PAGE), 0);
	size_t freed;
	cr_assert_eq(ashmem_handle_purge(victim->handle, 0, 8 * PAGE, &freed), 0);
	memcpy(victim->good, victim->block, sizeof(victim->good));
}

static void close_victim(struct victim *victim)
{
	munmap(victim->block, victim->block_bytes);
	ashmem_detach(victim->handle);
	close(victim->fd);
}

static void expect_sane(long result, const char *call)
{
	static const int errors[] = {EBADMSG, ETIMEDOUT, EDEADLK, ENOTTY, EINVAL};
	if (result >= 0)
		return;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errno == errors[i])
			return;
	cr_assert_fail("%s gives errno %d", call, errno);
}

static uint64_t random_state = 4711;

static uint64_t random_word(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void call_pins(struct victim *victim, size_t offset, size_t len)
{
	size_t freed = 0;
	expect_sane(ashmem_handle_status(victim->handle, offset, len), "status");
	expect_sane(ashmem_handle_unpin(victim->handle, offset, len), "unpin");
	expect_sane(ashmem_handle_pin(victim->handle, len, offset), "pin");
	expect_sane(ashmem_handle_purge(victim->handle, offset, 0, &freed), "purge");
	expect_sane(ashmem_pin_region(victim->fd, offset, len), "pin by descriptor");
	expect_sane(ashmem_unpin_region(victim->fd, offset, 0), "unpin by descriptor");
}

static void call_everything(struct victim *victim)
{
	char name[ASHMEM_NAME_LEN], bytes[16];
	size_t offset = random_word() % PAGES * PAGE,
	       len = random_word() % (PAGES - offset / PAGE) * PAGE;
	call_pins(victim, offset, len);
	ashmem_shrink(2 * PAGE);
	expect_sane(ashmem_purge_all_caches(victim->fd), "purge all");
	expect_sane(ashmem_get_size_region64(victim->fd), "size");
	expect_sane(ashmem_get_name_region(victim->fd, name), "name");
	cr_assert_lt(strnlen(name, sizeof(name)), sizeof(name));
	expect_sane(ashmem_get_prot_region(victim->fd), "mask");
	expect_sane(ashmem_set_prot_region(victim->fd, PROT_READ), "set mask");
	expect_sane(ashmem_read(victim->fd, bytes, sizeof(bytes)), "read");
	expect_sane(ashmem_lseek(victim->fd, 0, SEEK_DATA) < 0 && errno == ENXIO ? 0 : 1, "seek");
	ashmem_valid(victim->fd);
}

static void restore(struct victim *victim)
{
	memcpy(victim->block, victim->good, sizeof(victim->good));
}

/* What a field can be that hurts: nothing, everything, one off, an index of its own kind, and
 * noise. */
static uint64_t nasty(size_t which)
{
	const uint64_t values[] = {0, UINT64_MAX, 1, 2, NODES, NODES + 1, PAGES, PAGES + 1,
		0x7fffffff, 0x80000000, 0xfffffffe, (uint64_t)getpid(), (uint64_t)1 << 32,
		random_word(), random_word(), random_word()};
	return values[which % (sizeof(values) / sizeof(values[0]))];
}

#define NASTY_VALUES 16

Test(hostile, every_field_with_every_nasty_value, .timeout = 240)
{
	struct victim victim;
	open_victim(&victim);
	size_t header = offsetof(struct ashmem_block, name) / 4;
	size_t nodes = 6 * sizeof(struct ashmem_node) / 4;
	for (size_t word = 0; word < header + nodes; word++)
		for (size_t value = 0; value < NASTY_VALUES; value++) {
			size_t at = word < header
					    ? word * 4
					    : sizeof(struct ashmem_block) + (word - header) * 4;
			uint32_t bad = (uint32_t)nasty(value);
			memcpy(victim.block + at, &bad, sizeof(bad));
			call_everything(&victim);
			restore(&victim);
		}
	close_victim(&victim);
}

Test(hostile, many_random_words_at_once, .timeout = 240)
{
	struct victim victim;
	open_victim(&victim);
	for (int round = 0; round < 4000; round++) {
		size_t words = 1 + random_word() % 12;
		for (size_t i = 0; i < words; i++) {
			/* The lock words only now and then: they cost a wait. */
			size_t at = random_word() % (sizeof(victim.good) / 4) * 4;
			uint32_t bad = (uint32_t)nasty(random_word());
			if (at >= 40 && at < 56 && random_word() % 16)
				continue;
			memcpy(victim.block + at, &bad, sizeof(bad));
		}
		call_everything(&victim);
		restore(&victim);
	}
	close_victim(&victim);
}

Test(hostile, nothing_but_noise, .timeout = 240)
{
	struct victim victim;
	open_victim(&victim);
	for (int round = 0; round < 60; round++) {
		for (size_t at = 0; at < sizeof(victim.good); at += 8) {
			uint64_t noise = random_word();
			memcpy(victim.block + at, &noise, sizeof(noise));
		}
		call_everything(&victim);
		restore(&victim);
	}
	close_victim(&victim);
}

struct scribbler {
	struct victim *victim;
	_Atomic bool stop;
	uint64_t state;
};

/* Writes all the time, also between a check and its use. The lock words seldom: each costs a wait.
 */
static void *scribble(void *arg)
{
	struct scribbler *scribbler = arg;
	struct victim *victim = scribbler->victim;
	while (!scribbler->stop) {
		uint64_t x = scribbler->state;
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		scribbler->state = x;
		size_t at = (x >> 8) % (sizeof(victim->good) / 4) * 4;
		bool is_lock = at >= offsetof(struct ashmem_block, lock) &&
			       at < offsetof(struct ashmem_block, punch_start);
		uint32_t value = (uint32_t)(x >> 40);
		if (x & 1) /* what was good there, so that calls get far */
			memcpy(&value, victim->good + at, sizeof(value));
		else if (x & 2)
			value %= PAGES + 2;
		if (!is_lock || (x & 0xfc) == 0)
			__atomic_store_n(
				(uint32_t *)(void *)(victim->block + at), value, __ATOMIC_RELAXED);
	}
	return NULL;
}

Test(hostile, block_that_changes_while_calls_run, .timeout = 240)
{
	struct victim victim;
	struct scribbler scribbler = {.victim = &victim, .state = 88172645463325252u};
	pthread_t thread;
	open_victim(&victim);
	cr_assert_eq(pthread_create(&thread, NULL, scribble, &scribbler), 0);
	for (int round = 0; round < 3000; round++) {
		call_everything(&victim);
		if (round % 16 == 0)
			restore(&victim);
	}
	scribbler.stop = true;
	pthread_join(thread, NULL);
	close_victim(&victim);
}

Test(hostile, loops_in_the_tree_and_in_the_list_end, .timeout = 60)
{
	struct victim victim;
	open_victim(&victim);
	struct ashmem_block *block = (struct ashmem_block *)victim.block;
	struct ashmem_node *nodes = (struct ashmem_node *)(block + 1) - 1;
	for (uint32_t i = 1; i <= NODES; i++) {
		nodes[i].left = nodes[i].right = 1 + i % NODES;
		nodes[i].prev = nodes[i].next = 1 + i % NODES;
	}
	size_t freed;
	cr_assert_eq(ashmem_handle_status(victim.handle, (PAGES - 1) * PAGE, PAGE), -1);
	cr_assert_eq(errno, EBADMSG);
	cr_assert_eq(ashmem_handle_unpin(victim.handle, 0, 0), -1);
	cr_assert_eq(errno, EBADMSG);
	ashmem_shrink(PAGE);
	expect_sane(ashmem_handle_purge(victim.handle, 0, 0, &freed), "purge");
	close_victim(&victim);
}

/* Damage found before anything is changed is told each time; found in the middle of a change, the
 * region starts afresh. */
Test(hostile, damaged_list_is_told_and_then_repaired, .timeout = 60)
{
	struct victim victim;
	open_victim(&victim);
	struct ashmem_block *block = (struct ashmem_block *)victim.block;
	block->lru_head = PAGES + 7;
	cr_assert_eq(ashmem_handle_pin(victim.handle, 8 * PAGE, PAGE), -1);
	cr_assert_eq(errno, EBADMSG);
	cr_assert_eq(ashmem_handle_pin(victim.handle, 20 * PAGE, PAGE), ASHMEM_WAS_PURGED);
	cr_assert_eq(ashmem_handle_pin(victim.handle, 0, 0), ASHMEM_WAS_PURGED);
	cr_assert_eq(ashmem_handle_pin(victim.handle, 0, 0), ASHMEM_NOT_PURGED);
	close_victim(&victim);
}

Test(hostile, announced_punch_outside_the_region_is_refused, .timeout = 60)
{
	struct victim victim;
	open_victim(&victim);
	struct ashmem_block *block = (struct ashmem_block *)victim.block;
	block->punch_start = 0;
	block->punch_end = PAGES + 100;
	block->punch = 0x3ffffffe; /* a thread that can not be */
	cr_assert_eq(ashmem_handle_pin(victim.handle, 0, 0), -1);
	cr_assert_eq(errno, EBADMSG);
	cr_assert_eq(block->magic, ASHMEM_BLOCK_MAGIC, "the punch has reached the control block");
	close_victim(&victim);
}

/* K1: the driver ends a mapping at the region, mremap of a memfd goes on. */
Test(hostile, a_mapping_that_grew_to_the_block_can_only_damage_it)
{
	struct victim victim;
	uint64_t offset, bytes;
	open_victim(&victim);
	cr_assert_eq(ashmem_layout(PAGES * PAGE, &offset, &bytes), 0);
	unsigned char *data =
		ashmem_mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, victim.fd, 0);
	cr_assert_neq(data, MAP_FAILED);
	unsigned char *grown = mremap(data, PAGES * PAGE, bytes, MREMAP_MAYMOVE);
	cr_assert_neq(grown, MAP_FAILED);
	cr_assert_eq(memcmp(grown + offset, victim.good, 16), 0, "it is the block that is there");
	memset(grown + offset, 0xa5, sizeof(victim.good));
	long result = ashmem_pin_region(victim.fd, 0, 0);
	cr_assert_eq(result, -1);
	expect_sane(result, "pin by descriptor");
	result = ashmem_handle_pin(victim.handle, 0, 0);
	cr_assert_eq(result, -1);
	expect_sane(result, "pin");
	munmap(grown, bytes);
	close_victim(&victim);
}
