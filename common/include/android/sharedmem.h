/* android/sharedmem.h - the NDK's names for ashmem regions. Conventions and errors are those of
 * <cutils/ashmem.h>. */
#ifndef ANDROID_SHAREDMEM_H
#define ANDROID_SHAREDMEM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* As ashmem_create_region. EINVAL: @size is 0. */
int ASharedMemory_create(const char *name, size_t size);

/* The size in bytes, or 0 when @fd is no region. */
size_t ASharedMemory_getSize(int fd);

/* As ashmem_set_prot_region. */
int ASharedMemory_setProt(int fd, int prot);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
