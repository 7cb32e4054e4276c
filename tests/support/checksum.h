/* support/checksum.h - a bitmap's pixels in one number. */
#ifndef SUPPORT_CHECKSUM_H
#define SUPPORT_CHECKSUM_H

#include <mural/mural.h>
#include <stddef.h>
#include <stdint.h>

/* FNV-1a, four bytes at a time, without what lies between the rows. */
static inline uint64_t test_checksum(const struct mural_view *view)
{
	uint64_t sum = UINT64_C(14695981039346656037);
	for (uint32_t y = 0; y < view->height; y++) {
		const uint32_t *row =
			(const void *)((const char *)view->pixels + (size_t)y * view->stride_bytes);
		for (uint32_t x = 0; x < view->width; x++)
			sum = (sum ^ row[x]) * UINT64_C(1099511628211);
	}
	return sum;
}

#endif
