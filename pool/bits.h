/* bits.h - a set of small numbers. The first 64 need no memory of their own: the holders of a slot
 * are seldom more. */
#ifndef POOL_BITS_H
#define POOL_BITS_H

#include <stdbool.h>
#include <stdint.h>

#define BITS_NONE UINT32_MAX

struct bits {
	uint64_t first; /* 0 to 63 */
	uint64_t *more; /* 64 and up; owned */
	uint32_t more_words;
};

void bits_fini(struct bits *bits);

/* -ENOMEM. */
int bits_set(struct bits *bits, uint32_t bit);
void bits_clear(struct bits *bits, uint32_t bit);
bool bits_test(const struct bits *bits, uint32_t bit);

/* The smallest member from @from on; BITS_NONE: there is none. */
uint32_t bits_next(const struct bits *bits, uint32_t from);

static inline bool bits_empty(const struct bits *bits)
{
	return bits_next(bits, 0) == BITS_NONE;
}

#endif
