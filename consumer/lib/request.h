/* request.h - asking for decodes: first ones, re-decodes and prefetches, over the deaths of
 * producers. Under the lock. */
#ifndef LIBMURAL_REQUEST_H
#define LIBMURAL_REQUEST_H

#include "bitmap.h"

/* A request whose answer nobody keeps. Its serial is the ticket. */
struct prefetch {
	struct pending pending; /* first */
	struct list link;       /* in mural->prefetches */
};

/* Sends what has not been sent, as far as the producer takes it; called when a session begins, and
 * when one was lost or makes room for another. Failures are noted and told. Lets go of the lock in
 * between. */
void request_send_waiting(struct mural *mural);

/* A session ended: what was sent once is sent again by the next one, what was sent twice fails with
 * @error. */
void request_session_ended(struct mural *mural, int error);

/* The producer could not take its source: it waits to be sent again. */
void request_was_lost(struct mural_bitmap *bitmap);

/* No producer can be had: everything fails. */
void request_fail_all(struct mural *mural, int error);

/* Ends a pending request with an error, told at the next dispatch. @text may be NULL. */
void request_fail(
	struct mural_bitmap *bitmap, int error, enum mural_reason reason, const char *text);

/* Ends a pending request that was answered with a bitmap, which is bound. */
void request_succeed(struct mural_bitmap *bitmap);

/* Takes a request that was answered out of the books. */
void request_finish(struct mural_bitmap *bitmap);
void prefetch_finish(struct mural *mural, struct prefetch *prefetch);

#endif
