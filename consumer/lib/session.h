/* session.h - finding a producer, greeting it, losing it, and finding the next one. With the lock
 * held.
 *
 *   DOWN --session_want--> RETRY --timer--> (connect, or start one) --> HELLO --WELCOME--> UP --hang-up--> at once, or RETRY
 *
 * Attempts in a row are spaced more and more and end in DOWN. A session that ends soon counts as a
 * failed attempt, so that a program whose pictures crash producers does not spin. */
#ifndef LIBMURAL_SESSION_H
#define LIBMURAL_SESSION_H

#include "connection.h"

/* A message is about to be sent: has a producer looked for when there is none. */
void session_want(struct mural *mural);

/* Tries to connect now. */
void session_attempt(struct mural *mural);

/* The timer has ended. */
void session_timer(struct mural *mural);

/* The session, or the greeting, has ended for the reason -errno. */
void session_end(struct mural *mural, int error);

/* The producer answered the greeting: takes over. -errno: its tables are not to be believed.
 * Descriptors are borrowed. */
int session_welcome(struct mural *mural, const struct protocol_welcome *welcome, const int *fds);

/* Sends what is queued. */
void session_flush(struct mural *mural);

/* Frees the sessions that ended and that no pinned bitmap needs any more. */
void session_sweep(struct mural *mural);

#endif
