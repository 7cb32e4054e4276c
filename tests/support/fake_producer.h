/* support/fake_producer.h - a producer that does only what a test tells it, for the edges of the
 * protocol: it answers late, never, wrongly, or dies between two messages.
 *
 * It lives in the test's own thread (mural_open alone waits for its peer, and gets a thread of the
 * fake's for that time). Its regions are real memfds and its tables real tables. What cannot be set
 * up aborts the test. */
#ifndef SUPPORT_FAKE_PRODUCER_H
#define SUPPORT_FAKE_PRODUCER_H

#include "common/protocol.h"

#include <mural/mural.h>
#include <pthread.h>
#include <stdbool.h>

#define FAKE_PEERS_MAX 4
#define FAKE_UNTOLD_MAX 16

struct fake_region {
	uint64_t id, size;
	int fd; /* read-only, as it is passed */
	unsigned char *memory;
};

struct fake {
	char folder[64], path[80];
	int listener; /* -1: not listening */
	int peer;     /* the session; -1: none */
	struct board_instance instance;
	int table_fd, pins_fd;
	struct board_table *table;
	struct board_pins *pins;
	uint32_t requests_max;
	uint32_t version; /* what WELCOME says */
	uint64_t regions_made;
	struct fake_region untold[FAKE_UNTOLD_MAX]; /* made, and in no READY yet */
	unsigned untold_count;
	struct protocol_hello hello; /* the last one read */
	pthread_t greeter;
};

/* Makes a folder, listens in it, and points MURAL_SOCKET there. */
void fake_init(struct fake *fake);
/* Ends it all and removes the folder. */
void fake_fini(struct fake *fake);

/* Opens a connection to it, without starting anything. @options may be NULL; its flags get
 * MURAL_OPEN_NO_START. */
int fake_open(struct fake *fake, const struct mural_options *options, struct mural **ret);
/* fake_open that has to succeed. */
struct mural *fake_connect(struct fake *fake);

/* Accepts the next session (waiting for it), reads its HELLO, and answers WELCOME with a new
 * instance and new tables. */
void fake_accept(struct fake *fake);
void fake_greet(struct fake *fake);
/* Only the first half: accepts and reads HELLO. */
void fake_accept_silently(struct fake *fake);

/* As if killed: the session is gone, and its tables stay as they are. @listening: another one is
 * there already. */
void fake_die(struct fake *fake, bool listening);
/* Listens again. */
void fake_listen(struct fake *fake);

/* The consumer's next message, which has to be of this type (waits for it). @ret_fd may be NULL:
 * the descriptor is closed. */
union protocol_any fake_receive(struct fake *fake, enum protocol_type type, int *ret_fd);
/* No message is there. */
bool fake_is_quiet(struct fake *fake);
/* Has the consumer hung up? */
bool fake_is_abandoned(struct fake *fake);

void fake_send(struct fake *fake, const void *message, const int *fds, size_t count);

/* A region of @size bytes, each of its bytes @fill. The session is told of it with the first READY
 * (fake_send_ready). */
struct fake_region fake_region(struct fake *fake, uint64_t size, unsigned char fill);
void fake_region_fini(struct fake_region *region);
void fake_region_gone(struct fake *fake, const struct fake_region *region);

/* The READY of a bitmap at the region's start, which can be changed before it is sent. */
struct protocol_ready fake_ready(const struct fake_region *region, uint32_t serial, uint32_t slot,
	uint64_t generation, uint32_t width, uint32_t height);
/* The message that hands a region over with the first of its bitmaps. */
struct protocol_handover fake_handover(
	const struct fake_region *region, const struct protocol_ready *ready);
/* Sets the slot READY and sends the message: a HANDOVER when the session was not told of the region
 * yet. */
void fake_send_ready(struct fake *fake, const struct protocol_ready *ready);
void fake_send_failed(
	struct fake *fake, uint32_t serial, int error, enum mural_reason reason, const char *text);
void fake_send_pin_answer(
	struct fake *fake, const struct protocol_slot *question, enum protocol_pin_result result);

/* This consumer's count of a slot. */
uint32_t fake_pins(const struct fake *fake, uint32_t slot);

#endif
