/* See bits.h. */
#include "bits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bits_fini(struct bits *bits)
{
	free(bits->more);
	*bits = (struct bits){0};
}

/* NULL: that word is empty and not there. */
static uint64_t *word_of(struct bits *bits, uint32_t index)
{
	if (index == 0)
		return &bits->first;
	return index - 1 < bits->more_words ? &bits->more[index - 1] : NULL;
}

static int grow(struct bits *bits, uint32_t words)
{
	uint32_t larger = bits->more_words * 2 > words ? bits->more_words * 2 : words;
	uint64_t *more = reallocarray(bits->more, larger, sizeof(*more));
	if (!more)
		return -ENOMEM;
	memset(more + bits->more_words, 0, (larger - bits->more_words) * sizeof(*more));
	bits->more = more;
	bits->more_words = larger;
	return 0;
}

int bits_reserve(struct bits *bits, uint32_t count)
{
	return count > 0 && (count - 1) / 64 > bits->more_words ? grow(bits, (count - 1) / 64) : 0;
}

int bits_set(struct bits *bits, uint32_t bit)
{
	int r = bits_reserve(bits, bit + 1);
	if (r < 0)
		return r;
	*(bit < 64 ? &bits->first : &bits->more[bit / 64 - 1]) |= UINT64_C(1) << bit % 64;
	return 0;
}

void bits_clear(struct bits *bits, uint32_t bit)
{
	uint64_t *word = word_of(bits, bit / 64);
	if (word)
		*word &= ~(UINT64_C(1) << bit % 64);
}

bool bits_test(const struct bits *bits, uint32_t bit)
{
	return bits_word(bits, bit / 64) >> bit % 64 & 1;
}
