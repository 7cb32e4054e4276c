/* harness/huge_pages.h - memory of huge pages, as the pool's regions are made of them. Apart from
 * the rest: it needs the parts of Mural. */
#ifndef BENCH_HUGE_PAGES_H
#define BENCH_HUGE_PAGES_H

#include "common/collapse.h"

/* However long it takes, where the pool would rather be quick. */
static inline bool bench_make_huge_pages(uint8_t *from, size_t length)
{
	bool made = false;
	for (int tries = 0; tries < 100 && !made; tries++)
		made = collapse(from, length);
	return made;
}

#endif
