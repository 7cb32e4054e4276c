/* common/machine.h - how much memory there is, as this process may use it. */
#ifndef COMMON_MACHINE_H
#define COMMON_MACHINE_H

#include <stdint.h>

/* MemTotal, bytes. UINT64_MAX when /proc is not there. */
uint64_t machine_memory_bytes(void);

/* The lowest limit of the control groups that this process lives in (v2 memory.max and memory.high,
 * v1 memory.limit_in_bytes, its own and all above). UINT64_MAX: none. */
uint64_t machine_cgroup_limit_bytes(void);

#endif
