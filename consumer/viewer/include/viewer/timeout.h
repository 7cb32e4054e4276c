/* viewer/timeout.h - milliseconds to wait, as poll takes them: -1 is for ever. */
#ifndef VIEWER_TIMEOUT_H
#define VIEWER_TIMEOUT_H

#include <stdint.h>

static inline int timeout_sooner(int a, int b)
{
	return a < 0 ? b : b < 0 || a < b ? a : b;
}

/* Until @delay_ms have passed since @since_ms; 0: they have. */
static inline int timeout_until(uint64_t since_ms, uint64_t delay_ms, uint64_t now_ms)
{
	uint64_t passed = now_ms - since_ms;
	return passed >= delay_ms ? 0 : (int)(delay_ms - passed);
}

#endif
