/* account.h - who has how many bytes of the budget. Every byte charged stands in exactly one part,
 * and used is their sum. */
#ifndef POOL_ACCOUNT_H
#define POOL_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

enum account_part {
	ACCOUNT_FILLING,
	ACCOUNT_READY,
	ACCOUNT_IDLE,
	ACCOUNT_KEPT,
	ACCOUNT_OVERHEAD, /* control blocks of slabs, scratch memory */
	ACCOUNT_PARTS,
};

struct account {
	uint64_t budget, used;
	uint64_t part[ACCOUNT_PARTS];
};

static inline bool account_fits(const struct account *account, uint64_t bytes)
{
	return bytes <= account->budget - account->used;
}

/* The bytes must fit; room.h makes room. */
void account_add(struct account *account, enum account_part part, uint64_t bytes);
void account_take(struct account *account, enum account_part part, uint64_t bytes);
void account_move(
	struct account *account, enum account_part from, enum account_part to, uint64_t bytes);

#endif
