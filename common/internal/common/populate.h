/* common/populate.h - page faults ahead of need, by madvise: Linux 5.14. Headers may be older than
 * the kernel, and the kernel than the headers: then it is EINVAL. */
#ifndef COMMON_POPULATE_H
#define COMMON_POPULATE_H

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#endif
