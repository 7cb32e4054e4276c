/* receive.h - what the producer says, checked and acted on. With the lock held. */
#ifndef LIBMURAL_RECEIVE_H
#define LIBMURAL_RECEIVE_H

#include "connection.h"

/* Takes one message from the socket. 1: done, there may be more.  0: nothing there.
 * -errno: the session is over, or what arrived is not to be believed: session_end. */
int receive_one(struct mural *mural);

#endif
