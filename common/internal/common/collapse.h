/* common/collapse.h - huge pages for shared memory that nobody has switched on: MADV_COLLAPSE
 * (Linux 6.1) makes them whatever shmem_enabled says, unless that is "deny", or this size's own
 * file says something else than "inherit". */
#ifndef COMMON_COLLAPSE_H
#define COMMON_COLLAPSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Does it work on this system? Asks the kernel, of a file of its own, and makes no huge page; so
 * also yes where none is to be had just now. */
bool collapse_works(void);

/* Makes the memory of [@from, @from + @length), which is a writable mapping of a memfd, its address
 * and offset equal modulo a huge page: as huge pages, and what is left at the end as small ones.
 * What is there stays as it is. False: not all of it, since huge pages are not to be had, or take
 * several times as long to be had as writing small ones would take. */
bool collapse(uint8_t *from, size_t length);

#endif
