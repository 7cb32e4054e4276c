/* preload/calls.h - first in every file that defines calls of the C library: their plain names must
 * mean the plain symbols, not the 64-bit or checking ones that the headers would put in their
 * place. */
#ifndef PRELOAD_CALLS_H
#define PRELOAD_CALLS_H

#undef _FILE_OFFSET_BITS
#undef _TIME_BITS /* not without the other */
#undef _FORTIFY_SOURCE

#include "preload/preload.h"

#include <sys/stat.h>

/* Calls that programs make although no header declares them. */
ssize_t __read_chk(int fd, void *buffer, size_t count, size_t room);
ssize_t __pread_chk(int fd, void *buffer, size_t count, off_t offset, size_t room);
ssize_t __pread64_chk(int fd, void *buffer, size_t count, off64_t offset, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);
int __xstat(int version, const char *path, struct stat *st);
int __lxstat(int version, const char *path, struct stat *st);
int __fxstat(int version, int fd, struct stat *st);
int __xstat64(int version, const char *path, struct stat64 *st);
int __lxstat64(int version, const char *path, struct stat64 *st);
int __fxstat64(int version, int fd, struct stat64 *st);
int close_range(unsigned first, unsigned last, int flags);
void closefrom(int first);
int fcntl64(int fd, int command, ...);

#endif
