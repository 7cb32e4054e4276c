/* See account.h. */
#include "account.h"

#include <assert.h>

void account_add(struct account *account, enum account_part part, uint64_t bytes)
{
	assert(account_fits(account, bytes));
	account->part[part] += bytes;
	account->used += bytes;
}

void account_take(struct account *account, enum account_part part, uint64_t bytes)
{
	assert(account->part[part] >= bytes);
	account->part[part] -= bytes;
	account->used -= bytes;
}

void account_move(
	struct account *account, enum account_part from, enum account_part to, uint64_t bytes)
{
	account_take(account, from, bytes);
	account_add(account, to, bytes);
}
