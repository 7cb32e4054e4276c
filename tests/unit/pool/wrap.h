/* System calls and allocations that fail on order: the linker leads every call of the pool and of
 * ashmem through here. */
#ifndef TESTS_POOL_WRAP_H
#define TESTS_POOL_WRAP_H

#include <stdbool.h>

/* The @nth call from now on fails (1: the next), and with @all every one after it. */
void wrap_arm(unsigned nth, bool all);
/* Only calls of the function of that name count; NULL: any. */
void wrap_only(const char *function);
/* Ends it. Did a call fail? */
bool wrap_disarm(void);
/* How many calls of that function there have been so far. */
unsigned wrap_calls(const char *function);

#endif
