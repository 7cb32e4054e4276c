/* support/wrap_clock.h - a clock of the test's own: clock_gettime, for a program that is linked
 * with
 * --wrap=clock_gettime and --wrap=__clock_gettime64. The test defines it. */
#ifndef SUPPORT_WRAP_CLOCK_H
#define SUPPORT_WRAP_CLOCK_H

#include <stdint.h>
#include <time.h>

#if SIZE_MAX == UINT32_MAX
#define CLOCK_NAME "__clock_gettime64" /* of times of 64 bits */
#else
#define CLOCK_NAME "clock_gettime"
#endif
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret) __asm__("__wrap_" CLOCK_NAME);
int __real_clock_gettime(clockid_t clock, struct timespec *ret) __asm__("__real_" CLOCK_NAME);

#endif
