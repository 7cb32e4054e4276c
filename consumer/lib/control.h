/* control.h - statistics and trimming: questions that are answered once. Under the lock. */
#ifndef LIBMURAL_CONTROL_H
#define LIBMURAL_CONTROL_H

#include "connection.h"

struct control {
	struct pending pending;  /* first; numbered while sent */
	struct list link;        /* in mural->controls, then in mural->finished */
	enum protocol_type type; /* PROTOCOL_STAT, PROTOCOL_TRIM */
	uint64_t bytes;
	mural_stat_fn stat_fn;
	mural_trim_fn trim_fn;
	void *user;
	int error;
	uint64_t freed_bytes;
	struct mural_stats stats;
};

/* Sends what has not been sent; called when a session begins. */
void control_send_waiting(struct mural *mural);

/* A session ended: what was sent fails. */
void control_session_ended(struct mural *mural, int error);

/* No producer can be had: all fail. */
void control_fail_all(struct mural *mural, int error);

/* The answer, or the failure, is there: to be told. */
void control_finish(struct mural *mural, struct control *control, int error);

/* Tells one and frees it. Without the lock. */
void control_tell(struct mural *mural, struct control *control);

/* Frees all without telling anybody. */
void control_drop_all(struct mural *mural);

#endif
