/* producer/sandbox.h - shutting a decoder in, before it reads the first byte of an image.
 *
 * Three steps. sandbox_begin needs no job, so it costs a decoder that was forked ahead of need no
 * latency: oom_score_adj 1000, no_new_privs, Landlock with no allowed path, port or scope (before
 * any thread exists: it does not bind threads that are there), not dumpable, no core, no locked
 * memory. sandbox_prepare: limits of address space and CPU time, no file writes, no new
 * descriptors. Then the helper threads are made. sandbox_close: no new processes, and seccomp (a
 * list built by libseccomp) with TSYNC: anything not listed in sandbox_filter.c kills the process
 * (SIGSYS). Nobody needs a user namespace, root or a setuid helper for it. Where Landlock is
 * missing seccomp stands alone (sandbox_features tells).
 *
 * What is left: pread64 on the source, pwrite64 on the memory up to the end of its own window
 * (where that is left open at all: RLIMIT_FSIZE holds it), sendto without an address on the answer
 * socket (so no descriptor can be sent), private anonymous memory without PROT_EXEC, munmap, some
 * madvise, mprotect without PROT_EXEC, brk, futex, sched_yield, clocks, exit. mremap is refused too
 * (a mapping of one window could be grown over the rest of the file); sandbox_begin therefore tells
 * malloc never to map blocks of their own, which is what realloc would move with it. */
#ifndef PRODUCER_SANDBOX_H
#define PRODUCER_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

enum sandbox_feature {
	SANDBOX_SECCOMP = 1 << 0,
	SANDBOX_LANDLOCK = 1 << 1,
};

/* The only ones left open. */
struct sandbox_descriptors {
	int source, answer;
	int memory; /* the number that is meant for it, whether it is left open or not */
};

struct sandbox_limits {
	struct sandbox_descriptors fds;
	uint64_t written_to;   /* @fds.memory may be written below this offset; 0: nowhere */
	uint64_t window_bytes; /* what was mapped since sandbox_begin */
	/* Address space beyond that and what sandbox_begin found. SANDBOX_MEMORY_SLACK is added for
	 * stacks and what the C library needs. Over it malloc fails with ENOMEM. */
	uint64_t memory_bytes;
	uint32_t cpu_seconds; /* all threads together: SIGXCPU, and SIGKILL a second later; 0 counts
				 as 1 */
};

/* Much more under ThreadSanitizer, which maps heap, shadow and traces as they are used: some
 * multiple of what the codec allocates. (AddressSanitizer reserves its address space before the
 * limit is set.) */
#ifdef __SANITIZE_THREAD__
#define SANDBOX_MEMORY_SLACK ((uint64_t)1 << 30)
#else
#define SANDBOX_MEMORY_SLACK ((uint64_t)4 << 20)
#endif

/* In the process that forks decoders, before the first: does what would be the same in each of
 * them. Builds the filter for these numbers, tells malloc what sandbox_begin would tell it, looks
 * at the address space in use. Without it, or with other numbers in the limits, a decoder does all
 * that itself. 0 or -errno. */
int sandbox_set_up(const struct sandbox_descriptors *fds);
/* fork(), after sandbox_set_up: the child has oom_score_adj 1000 from its first moment, where the
 * parent can give it that. */
pid_t sandbox_fork(void);

/* The calling process must have one thread. 0 or -errno; after an error it may be half shut in and
 * must not go on: that is true of all three. */
int sandbox_begin(void);
/* After sandbox_begin, with one thread still. A hard limit that the process has already and that is
 * lower holds. */
int sandbox_prepare(const struct sandbox_limits *limits);
/* Last: the system-call filter, for all threads. On an error nothing hostile may be read. Helper
 * threads must already run their own code, and may not end: what glibc calls to start and to end a
 * thread is not allowed. */
int sandbox_close(const struct sandbox_limits *limits);
/* What this machine offers (bits of enum sandbox_feature). */
unsigned sandbox_features(void);

#endif
