/* beside.h - other work on the machine: compilers that are never done. */
#ifndef BENCH_PURGING_BESIDE_H
#define BENCH_PURGING_BESIDE_H

#include <stdbool.h>

/* Is there a compiler ("cc")? Writes what it is to compile into bench_folder(). */
bool beside_possible(void);

/* Keeps @count of them busy, as programs of their own outside any group that is measured, until
 * beside_stop. What can not be started ends the benchmark. */
void beside_start(unsigned count);
void beside_stop(void);

#endif
