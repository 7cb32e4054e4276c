/* preload/preload.h - what the interposed calls share: the calls behind them, which descriptors are
 * ours, and the fact that our own code is not to be interposed. */
#ifndef PRELOAD_PRELOAD_H
#define PRELOAD_PRELOAD_H

#include "preload/draft.h"

#include <stdbool.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

/* The next definition of a call: the C library's, or that of another preloaded library. */
#define REAL(name)                                                                                 \
	(__extension__({                                                                           \
		static void *known_;                                                               \
		(__typeof__(&name))preload_real(&known_, #name);                                   \
	}))
void *preload_real(void **known, const char *name);

/* Between these two the thread's calls go straight to the C library. errno is kept by leave only if
 * the caller keeps it. */
void preload_enter(void);
void preload_leave(void);
bool preload_is_inside(void);

/* What a descriptor is: FILE_FOREIGN for all of the library's own calls. Keeps errno. */
enum file_kind preload_kind(int fd);

/* The number has got, or will get, another file. */
void preload_forget(int fd);
void preload_forget_range(unsigned first, unsigned last);

/* Whether @path is the device and is to be emulated: not where ASHMEM_DRIVER says device, or says
 * nothing (auto) and the device is there. */
bool preload_is_device(const char *path);

/* The number that the emulated device has in stat. */
dev_t preload_device_number(void);

/* -errno to -1 and errno. */
long preload_answer(long r);

#endif
