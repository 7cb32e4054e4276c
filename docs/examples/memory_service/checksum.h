/* checksum.h - by which server and client can show that they saw the same bytes (FNV-1a). */
#ifndef CHECKSUM_H
#define CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_START 2166136261u

static inline uint32_t checksum(uint32_t sum, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}

#endif
