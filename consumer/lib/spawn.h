/* spawn.h - starting a producer that is not our child, holds none of our descriptors and outlives
 * us. */
#ifndef LIBMURAL_SPAWN_H
#define LIBMURAL_SPAWN_H

#include "address.h"

struct spawn {
	char *program; /* absolute; NULL: none was found */
	char **args;   /* further arguments, NULL-terminated; or NULL */
};

/* Finds the program: @program, else $MURAL_PRODUCER, else beside this one, else the installed one.
 * Copies everything. -ENOMEM. */
int spawn_init(struct spawn *spawn, const char *program, const char *const *args);
void spawn_fini(struct spawn *spawn);

/* Starts the user's producer, handing it a socket that listens at @endpoint, and connects to it; or
 * connects to one that somebody else has started meanwhile. The caller owns @ret_socket.
 * -EAGAIN: somebody else is at it. -ECONNREFUSED: it could not be started. -EACCES, -EMFILE,
 * -ENOMEM, … */
int spawn_shared(const struct spawn *spawn, const struct endpoint *endpoint, int *ret_socket);

/* Starts a producer for one session, which ends with it. The caller owns @ret_socket. Errors as
 * spawn_shared. */
int spawn_private(const struct spawn *spawn, int *ret_socket);

#endif
