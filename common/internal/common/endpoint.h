/* common/endpoint.h - where a user's producer listens, and the lock under which it is started or
 * ends.
 *
 * $MURAL_SOCKET, else $XDG_RUNTIME_DIR/mural/socket, else /tmp/mural-UID/socket. The folder is made
 * 0700 and must belong to us and be writable by nobody else (a folder that was named explicitly may
 * be anybody's who is us). Whoever starts a producer, and a producer that ends for lack of work,
 * holds the lock `SOCKET.lock`, so that a consumer never connects to a socket that is about to go.
 */
#ifndef COMMON_ENDPOINT_H
#define COMMON_ENDPOINT_H

#include <stdbool.h>
#include <sys/un.h>

struct endpoint {
	struct sockaddr_un address; /* sun_path: NUL-terminated */
	bool is_default;            /* not named by the caller or $MURAL_SOCKET */
};

/* @socket: a path, or NULL for the rule above. -ENAMETOOLONG. */
int endpoint_resolve(const char *socket, struct endpoint *ret);

/* Makes the folder when it is missing. -EACCES: it belongs to somebody else, is a link, or others
 * may write into it. */
int endpoint_prepare(const struct endpoint *endpoint);

/* Takes the lock; the caller closes @ret_fd to give it back. -EWOULDBLOCK: held by somebody, and
 * @wait is false. */
int endpoint_lock(const struct endpoint *endpoint, bool wait, int *ret_fd);

/* A connected non-blocking SOCK_SEQPACKET socket. -ENOENT, -ECONNREFUSED: nobody listens; -EAGAIN:
 * its backlog is full. */
int endpoint_connect(const struct endpoint *endpoint, int *ret_fd);

/* A listening socket; call with the lock held. A stale socket is replaced; -EADDRINUSE: somebody
 * listens there, or it is another file. */
int endpoint_listen(const struct endpoint *endpoint, int *ret_fd);

#endif
