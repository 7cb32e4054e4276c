/* common/pass_on.h - the descriptor of a region that is given to somebody who should only read. */
#ifndef COMMON_PASS_ON_H
#define COMMON_PASS_ON_H

/* A descriptor that can not write (ashmem_share_readonly); a duplicate where that can not be had:
 * of another user's region, or on the device while the mask allows more than PROT_READ. The caller
 * owns it. -errno. */
int pass_on_readonly(int fd);

#endif
