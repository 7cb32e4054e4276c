/* The two halves that sandbox.c puts together. */
#ifndef WORKER_SANDBOX_PARTS_H
#define WORKER_SANDBOX_PARTS_H

#include "producer/sandbox.h"

#include <stdbool.h>

/* The version of Landlock that the kernel runs; 0: none (not built in, not switched on, or too old
 * a kernel). */
int landlock_version(void);
/* Takes every right that this kernel's Landlock knows from the calling thread and its children. 0,
 * also where there is no Landlock; -errno. Wants no_new_privs. */
int landlock_restrict(void);

/* Can a filter kill the whole process here? */
bool filter_available(void);
/* Builds the list of allowed calls, unless it was built for these numbers. Wants a free descriptor;
 * @for_children: leaves nothing else in this process's memory, and wants a process for that. 0 or
 * -errno. */
int filter_compile(const struct sandbox_descriptors *fds, bool for_children);
/* Loads the list for all threads. Wants no_new_privs. 0; -EINVAL: another list was built, or none;
 * or -errno. */
int filter_load(const struct sandbox_descriptors *fds);

#endif
