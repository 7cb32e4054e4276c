/* A pool with a clock of the test's own, consumers in the same process, and pixels that can be told
 * apart. */
#ifndef TESTS_POOL_SUPPORT_H
#define TESTS_POOL_SUPPORT_H

#include "common/util.h"

#include "pool/pool.h"

#include <criterion/criterion.h>

#define MIB ((uint64_t)1 << 20)
#define MS UINT64_C(1000000)
#define IDLE_NS (1000 * MS)

struct consumer {
	struct pool_holder *holder;
	const struct board_table *table;
	struct board_pins *pins;
};

struct fixture {
	struct pool *pool;
	uint64_t now;
	uint64_t gone[64]; /* regions, in the order of events.region_gone */
	unsigned gone_count;
	unsigned forgotten, misbehaved;
	void (*on_forgotten)(struct fixture *f, struct pool_slot *slot);
	void *user;
	struct pool_holder *culprit;
};

/* @budget with the defaults of a test: idle after IDLE_NS, the rest by default. */
void fixture_init(struct fixture *f, uint64_t budget);
void fixture_init_with(struct fixture *f, const struct pool_options *options);
void fixture_fini(struct fixture *f);

void consumer_init(struct fixture *f, struct consumer *consumer, uid_t uid);
void consumer_fini(struct fixture *f, struct consumer *consumer);

/* A bitmap of @bytes, a multiple of 4: as near to a square as need be. */
struct pool_bitmap bitmap_of(uint64_t bytes);

/* Writes the pattern of @seed into a FILLING slot's window, as a decoder would. */
void slot_fill(struct pool_slot *slot, uint32_t seed);

/* What pool_slot_share gives, as a consumer receives it: the caller's own descriptor. */
int slot_share(struct fixture *f, const struct pool_slot *slot, int *ret_fd);

/* The first byte that is not @seed's, through a read-only mapping of what slot_share gives; -1: all
 * are right. */
int64_t slot_verify(struct fixture *f, const struct pool_slot *slot, uint32_t seed);

/* reserve, fill, publish; cr_asserts that it works. */
struct pool_slot *slot_make(struct fixture *f, uint64_t bytes, uint32_t seed);

/* The same for a consumer: told, without a grant. */
struct pool_slot *slot_make_for(
	struct fixture *f, struct consumer *consumer, uint64_t bytes, uint32_t seed);

/* pin and unpin as libmural does */
enum board_pin_result consumer_pin(struct consumer *consumer, const struct pool_slot *slot);
bool consumer_unpin(struct consumer *consumer, const struct pool_slot *slot);

/* What a consumer writes on its board that is not libmural's doing. */
void consumer_scribble(struct consumer *consumer, const struct pool_slot *slot, uint32_t pins);
void consumer_stamp(struct consumer *consumer, const struct pool_slot *slot, uint64_t last_use_ms);
void consumer_show(struct consumer *consumer, const struct pool_slot *slot, bool visible);

struct mural_stats stats_of(struct fixture *f);

/* The kernel's count of all regions that this process has descriptors of, found without the pool's
 * help. */
uint64_t kernels_bytes(void);

/* pool_check, and the kernel's count against ours. */
void check(struct fixture *f);

/* Time passes, and what is due is done. */
void pass(struct fixture *f, uint64_t ns);

#endif
