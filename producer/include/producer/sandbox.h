/* producer/sandbox.h - shutting a decoder in, before it reads the first byte of an image.
 *
 * In order: no_new_privs; rlimits (address space, CPU, no core, no file writes, no new descriptors, no processes); oom_score_adj 1000; Landlock with no
 * allowed path (before any thread exists: it does not bind threads that are there); helper threads; seccomp by libseccomp with TSYNC: anything not listed kills the process (SIGSYS).
 * Allowed: pread64 on the source, one send on the answer socket, anonymous memory without PROT_EXEC, madvise on it, futex, exit. Works where user namespaces are
 * off; where Landlock is missing seccomp stands alone (sandbox_features tells). */
#ifndef PRODUCER_SANDBOX_H
#define PRODUCER_SANDBOX_H

#include <stdint.h>

enum sandbox_feature {
	SANDBOX_SECCOMP = 1 << 0,
	SANDBOX_LANDLOCK = 1 << 1,
};

struct sandbox_limits {
	int source_fd, answer_fd; /* the only descriptors left open */
	uint64_t memory_bytes;    /* beyond what is mapped now */
	uint32_t cpu_seconds;
};

/* Before threads are made: everything but seccomp. 0 or -errno. */
int sandbox_prepare(const struct sandbox_limits *limits);
/* Last: the system-call filter, for all threads. 0 or -errno: then nothing hostile may be read. */
int sandbox_close(const struct sandbox_limits *limits);
/* What this machine offers (bits of enum sandbox_feature). */
unsigned sandbox_features(void);

#endif
