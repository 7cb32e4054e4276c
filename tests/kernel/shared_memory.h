/* shared_memory.h - what the kernel counts as shared memory, of the whole machine: where nothing else
 * runs, a pool's. */
#ifndef KERNEL_SHARED_MEMORY_H
#define KERNEL_SHARED_MEMORY_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* Bytes. Ends the program where that can not be read. */
static inline size_t shared_memory_bytes(void)
{
	char line[128];
	size_t kib = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	while (file && kib == 0 && fgets(line, sizeof(line), file))
		if (sscanf(line, "Shmem: %zu kB", &kib) == 1)
			break;
	if (!file) {
		perror("/proc/meminfo");
		exit(1);
	}
	fclose(file);
	return kib * 1024;
}

#endif
