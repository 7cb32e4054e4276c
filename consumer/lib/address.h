/* address.h - whether the place where the user's producer listens can be trusted. */
#ifndef LIBMURAL_ADDRESS_H
#define LIBMURAL_ADDRESS_H

#include "common/endpoint.h"

/* endpoint_resolve, made absolute: the program may change its working folder. -ENAMETOOLONG,
 * -errno. */
int address_resolve(const char *given, struct endpoint *ret);

/* Connects, non-blocking; the caller owns @ret_socket.
 * -ECONNREFUSED: nobody listens. -EACCES: the socket, its folder or the listener is another user's,
 * or a link.
 * -EPROTONOSUPPORT: not our kind of socket. -EAGAIN: too many are waiting to be accepted.
 * -errno. */
int address_connect(const struct endpoint *endpoint, int *ret_socket);

#endif
