/* cli/fill_cost.h - what memory for a picture costs here: to fill it, as a decoder does, and to
 * give it back, as the pool does. Tried on the spot. */
#ifndef CLI_FILL_COST_H
#define CLI_FILL_COST_H

#include <stdbool.h>

#define TRIED "32 MiB, a picture of 8 megapixels,"

/* Milliseconds of processor time. */
struct fill_cost {
	double fill_ms, punch_ms;
	bool huge; /* it got huge pages */
};

/* Fills a new memfd. False: not to be had like that. */
typedef bool fill_fn(int fd, struct fill_cost *ret);

fill_fn fill_advised;   /* where the system gives huge pages to who asks for them */
fill_fn fill_collapsed; /* where they have to be made; false also when not all were, or not soon */
fill_fn fill_declining; /* small pages, also where the system gives huge ones to everybody */
fill_fn fill_written;   /* small pages, strip by strip */

/* The best of a few, since other programs only make it slower. False: one of them failed. */
bool measure_cost(fill_fn *fill, struct fill_cost *ret);

#endif
