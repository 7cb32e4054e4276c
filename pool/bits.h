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

/* Setting a bit below @count can not fail any more. -ENOMEM. */
int bits_reserve(struct bits *bits, uint32_t count);

/* -ENOMEM. */
int bits_set(struct bits *bits, uint32_t bit);
void bits_clear(struct bits *bits, uint32_t bit);
bool bits_test(const struct bits *bits, uint32_t bit);

/* Members 64 * @index to 64 * @index + 63, for who goes through them 64 at a time. */
static inline uint64_t bits_word(const struct bits *bits, uint32_t index)
{
	if (index == 0)
		return bits->first;
	return index - 1 < bits->more_words ? bits->more[index - 1] : 0;
}

static inline uint32_t bits_words(const struct bits *bits)
{
	return bits->more_words + 1;
}

/* The smallest member from @from on; BITS_NONE: there is none. */
static inline uint32_t bits_next(const struct bits *bits, uint32_t from)
{
	uint64_t mask = UINT64_MAX << from % 64;
	for (uint32_t index = from / 64; index < bits_words(bits); index++, mask = UINT64_MAX) {
		uint64_t word = bits_word(bits, index) & mask;
		if (word)
			return index * 64 + (uint32_t)__builtin_ctzll(word);
	}
	return BITS_NONE;
}

static inline bool bits_empty(const struct bits *bits)
{
	return bits_next(bits, 0) == BITS_NONE;
}

#endif
