/* support.h - what the tests of the objects share. */
#ifndef OBJECTS_SUPPORT_H
#define OBJECTS_SUPPORT_H

#include "support/descriptors.h"

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#define PAGE ((size_t)getpagesize())
#define RW (PROT_READ | PROT_WRITE)

/* Lets no more descriptors be opened. */
void forbid_descriptors(void);

/* Lets this process map but some 64 MiB more. */
void forbid_addresses(void);

/* Whether the region is one of the kernel's driver. */
bool is_on_device(int fd);

/* A descriptor of the region through which one can only look, as its holder would make it. The
 * device has no read-only descriptors: there the mask is narrowed, for all. */
int share_for_looking(int fd);

/* What asking for writable memory through such a descriptor gives. */
int looking_error(int fd);

/* A connected pair of SOCK_SEQPACKET sockets. */
void connect_pair(int sockets[2]);

/* The kernel counts descriptors under way for each user, root excepted: this process is counted
 * from here on, and may have a hundred. Skips the test where it can not be. */
void limit_descriptors_under_way(void);

/* Sends bytes with descriptors, as somebody does who knows no rules. */
void send_with(int socket, const void *data, size_t length, const int *fds, size_t count);

/* Scribbles over the control block of a memfd's region of at most 2 MiB; makes such a one. */
void damage(int fd);
int damaged_region(void);

/* A pipe's reading end: a descriptor that is no region. */
int not_a_region(void);

/* A descriptor number that is closed. */
int closed_descriptor(void);

/* Whether reading or writing the byte raises a signal. */
bool faults(volatile unsigned char *at, bool write);

/* 512-byte blocks that the descriptor's file has. */
size_t blocks_of(int fd);

#endif
