/* support/peer.h - a consumer by hand: the protocol itself, so that a test can say what libmural
 * never would. Whatever goes wrong fails the test. */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include "common/protocol.h"

#include <stdbool.h>

struct peer {
	int fd;
	struct protocol_welcome welcome;
	const struct board_table *table;
	struct board_pins *pins;
};

/* A connection without a greeting, to $MURAL_SOCKET. */
int peer_connect(void);
struct protocol_hello peer_hello(void);
/* Greets, is welcomed, maps both tables. */
struct peer peer_greet(void);
void peer_leave(struct peer *peer);

/* Sends one message, waiting for room. */
void peer_send(int fd, const void *message, size_t size, const int *fds, size_t count);
/* The next message of any type; the caller owns the descriptors. A HANDOVER is given as the READY
 * that it is, with the region's descriptor. False: the session has ended. */
bool peer_next(int fd, union protocol_any *message, int fds[MESSAGE_FDS_MAX], size_t *count);
/* The next message of @type; others are passed over, all descriptors closed. */
void peer_expect(int fd, uint32_t type, union protocol_any *message);
/* The end of request @serial: READY or FAILED. Others' ends are passed over, descriptors closed. */
union protocol_any peer_end_of(const struct peer *peer, uint32_t serial);
/* The session ends with a farewell of this error. */
void peer_expect_farewell(int fd, int error);

/* A file of assets/formats, or any by its whole path. */
int peer_open_picture(const char *name);
/* Requests it whole, as XRGB8888. */
void peer_ask(const struct peer *peer, uint32_t serial, const char *name, uint32_t flags,
	uint32_t priority);
/* Requests it fitted into a box, as XRGB8888. */
void peer_ask_in_box(const struct peer *peer, uint32_t serial, const char *name, uint32_t box_width,
	uint32_t box_height, uint32_t priority);
struct mural_stats peer_stats(const struct peer *peer);
/* For test_until, with a struct peer: is a bitmap being filled? */
bool peer_sees_decoding(void *peer);
uint64_t peer_purge(const struct peer *peer);

#endif
