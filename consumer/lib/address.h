/* address.h - where the user's producer listens, and whether that place can be trusted. */
#ifndef LIBMURAL_ADDRESS_H
#define LIBMURAL_ADDRESS_H

#include <stdbool.h>
#include <sys/un.h>

struct address {
	struct sockaddr_un socket; /* sun_path is absolute or as the user gave it */
	bool ours; /* a default place: its folder is ours alone, and made when it is missing */
};

/* @given (may be NULL), else $MURAL_SOCKET, else $XDG_RUNTIME_DIR/mural/socket, else /tmp/mural-UID/socket. -ENAMETOOLONG. */
int address_resolve(const char *given, struct address *ret);

/* Connects, non-blocking; the caller owns @ret_socket.
 * -ECONNREFUSED: nobody listens.  -EACCES: the socket, its folder or the listener is another user's, or a link.
 * -EPROTONOSUPPORT: not our kind of socket.  -EAGAIN: too many are waiting to be accepted.  -errno. */
int address_connect(const struct address *address, int *ret_socket);

/* Makes the folder when it is missing. -EACCES: it is another user's, or a link. */
int address_make_folder(const struct address *address);

/* Waits for nobody: -EAGAIN: somebody else is starting a producer. The lock ends with the descriptor, which the caller owns. -EACCES, … */
int address_lock(const struct address *address, int *ret_lock);

/* With the lock held: a socket that listens in place of one that nobody listens on. The caller owns it. -EACCES, -errno. */
int address_listen(const struct address *address, int *ret_socket);

#endif
