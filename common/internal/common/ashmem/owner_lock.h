/* common/ashmem/owner_lock.h - a futex lock in hostile shared memory that survives its owner's
 * death.
 *
 * The word is 0 when free, else: bits 0..29 the owner's thread id, bit 31 somebody sleeps,
 * bits 32..47 a hash of when the owner was started (a thread id is used again), bits 48..63 a hash
 * of its pid and time namespaces (a thread id means nothing outside them). Identity and lock being
 * one word there is no moment in which a held lock has no owner. A pthread mutex will not do: glibc
 * trusts what it finds in one. */
#ifndef COMMON_ASHMEM_OWNER_LOCK_H
#define COMMON_ASHMEM_OWNER_LOCK_H

#include <stdbool.h>
#include <stdint.h>

/* How long any wait may last before it ends in -ETIMEDOUT. Tests shorten it. */
extern int64_t ashmem_wait_limit_ns;

/* Takes the lock, also from an owner that is dead. What a dead owner left half-done is the caller's
 * business. 0, -ETIMEDOUT, -EDEADLK (this thread holds it). */
int owner_lock_acquire(uint64_t *word);

/* Gives it back. -EBADMSG: the word has been changed under us; it is left as it is. */
int owner_lock_release(uint64_t *word);

/* Whether the word is held by somebody; wait until it no longer is what it was, or its owner is
 * dead. 0: look again.  1: the owner (of word *ret_seen) is dead.  -ETIMEDOUT: @deadline_ns has
 * passed.  -EDEADLK: this thread holds it. */
int owner_lock_wait(uint64_t *word, int64_t deadline_ns, uint64_t *ret_seen);

/* Takes the word over from the dead owner found by owner_lock_wait. false: somebody else was
 * faster. */
bool owner_lock_take_over(uint64_t *word, uint64_t seen);

/* Makes the caller the owner of a word that is free and that nobody else can take now. */
void owner_lock_claim(uint64_t *word);

int64_t owner_lock_deadline(void);

#endif
