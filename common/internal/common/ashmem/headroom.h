/* common/ashmem/headroom.h - how much memory may still be used before somebody is killed for it. */
#ifndef COMMON_ASHMEM_HEADROOM_H
#define COMMON_ASHMEM_HEADROOM_H

#include <stdint.h>

/* The least of what the system and each cgroup on the way up has left, in bytes; reclaimable page
 * cache counts as left. UINT64_MAX when nothing can be read. */
uint64_t memory_headroom(void);

#endif
